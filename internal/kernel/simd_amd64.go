//go:build !noasm

package kernel

import (
	"fmt"
	"os"

	"golang.org/x/sys/cpu"
)

// level is the vector instructions in use: the best that the processor has, or
// those that SHOAL_SIMD names.
var level, levelErr = chooseLevel(os.Getenv("SHOAL_SIMD"))

// The levels, from the plain one up.
const (
	generic = iota
	avx2
)

var levelNames = []string{"generic", "avx2"}

func chooseLevel(name string) (int, error) {
	best := generic
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		best = avx2
	}
	if name == "" {
		return best, nil
	}
	for l, n := range levelNames {
		if n != name {
			continue
		}
		if l > best {
			return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: this processor has no such instructions; it has %s", name, levelNames[best])
		}
		return l, nil
	}
	return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: there is no such level; there are generic and avx2", name)
}

// Level names the vector instructions in use. The error says that SHOAL_SIMD
// asks for some that aren't there.
func Level() (string, error) { return levelNames[level], levelErr }

// vector says whether float32 goes through the assembly.
func vector[T Float]() bool { return single[T]() && level >= avx2 }

// products says whether the matrix products of float32 do.
func products[T Float]() bool { return vector[T]() }

// multiply calls the kernel of 1 to 6 rows. Calls through a table of functions
// would make what they point to escape to the heap.
func multiply(rows int, z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols, relu int, gate *float32) {
	switch rows {
	case 1:
		multiply1AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 2:
		multiply2AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 3:
		multiply3AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 4:
		multiply4AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 5:
		multiply5AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	default:
		multiply6AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	}
}

// panels calls the kernel of 1 to 6 rows of GradWeights.
func panels(rows int, dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m int) {
	switch rows {
	case 1:
		panels1AVX2(dw, ldw, dz, lddz, turned, cols, m)
	case 2:
		panels2AVX2(dw, ldw, dz, lddz, turned, cols, m)
	case 3:
		panels3AVX2(dw, ldw, dz, lddz, turned, cols, m)
	case 4:
		panels4AVX2(dw, ldw, dz, lddz, turned, cols, m)
	case 5:
		panels5AVX2(dw, ldw, dz, lddz, turned, cols, m)
	default:
		panels6AVX2(dw, ldw, dz, lddz, turned, cols, m)
	}
}
