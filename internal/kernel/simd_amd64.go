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

// mostTimes bounds how often a kernel of six rows goes on to the next six.
const mostTimes = 1 << 30

// affineRows calls the kernel of 1 to 6 rows of Z; that of 6 does the next so
// many, too, as often as times says. Calls through a table of
// functions would make what they point to escape to the heap.
func affineRows(rows int, z *float32, ldz int, b *float32, onward int, w *float32, ldw int, a *float32, lda, n, cols, relu, times int) {
	switch rows {
	case 1:
		affine1Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu)
	case 2:
		affine2Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu)
	case 3:
		affine3Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu)
	case 4:
		affine4Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu)
	case 5:
		affine5Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu)
	default:
		affine6Vector(z, ldz, b, onward, w, ldw, a, lda, n, cols, relu, times)
	}
}

// gradInputsRows does so with rows of dA.
func gradInputsRows(rows int, z *float32, ldz, onward int, w *float32, ldw int, a *float32, lda, n, cols int, gate *float32, times int) {
	switch rows {
	case 1:
		gradInputs1Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate)
	case 2:
		gradInputs2Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate)
	case 3:
		gradInputs3Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate)
	case 4:
		gradInputs4Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate)
	case 5:
		gradInputs5Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate)
	default:
		gradInputs6Vector(z, ldz, onward, w, ldw, a, lda, n, cols, gate, times)
	}
}

// panels does so with rows of GradWeights.
func panels(rows int, dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m, times int) {
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
		panels6Vector(dw, ldw, dz, lddz, turned, cols, m, times)
	}
}
