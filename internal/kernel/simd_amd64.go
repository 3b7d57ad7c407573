//go:build !noasm

package kernel

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/cpu"
)

// level is the vector instructions in use: the best that the processor has, or
// those that SHOAL_SIMD names. The assembly reads it.
var level, levelErr = chooseLevel(os.Getenv("SHOAL_SIMD"))

// The levels, from the plain one up.
const (
	generic = iota
	avx2
	avx512
)

var _ = [1]struct{}{}[avx512-2] // the assembly compares with 2: eachWidth in _avo

var levelNames = []string{"generic", "avx2", "avx512"}

func chooseLevel(name string) (int, error) {
	best := generic
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		best = avx2
		if x := &cpu.X86; x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
			best = avx512
		}
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
	return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: there is no such level; there are %s", name, strings.Join(levelNames, ", "))
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
		multiply1Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 2:
		multiply2Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 3:
		multiply3Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 4:
		multiply4Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	case 5:
		multiply5Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	default:
		multiply6Vector(z, ldz, b, onward, w, wr, ws, a, lda, n, cols, relu, gate)
	}
}

// panels calls the kernel of 1 to 6 rows of GradWeights.
func panels(rows int, dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m int) {
	switch rows {
	case 1:
		panels1Vector(dw, ldw, dz, lddz, turned, cols, m)
	case 2:
		panels2Vector(dw, ldw, dz, lddz, turned, cols, m)
	case 3:
		panels3Vector(dw, ldw, dz, lddz, turned, cols, m)
	case 4:
		panels4Vector(dw, ldw, dz, lddz, turned, cols, m)
	case 5:
		panels5Vector(dw, ldw, dz, lddz, turned, cols, m)
	default:
		panels6Vector(dw, ldw, dz, lddz, turned, cols, m)
	}
}
