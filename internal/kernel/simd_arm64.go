//go:build !noasm

package kernel

import (
	"fmt"
	"os"
	"strings"
	"unsafe"
)

// level is the vector instructions in use: NEON, which every such processor has,
// or those that SHOAL_SIMD names.
var level, levelErr = chooseLevel(os.Getenv("SHOAL_SIMD"))

// The levels, from the plain one up.
const (
	generic = iota
	neon
)

var levelNames = []string{"generic", "neon"}

func chooseLevel(name string) (int, error) {
	switch name {
	case "", "neon":
		return neon, nil
	case "generic":
		return generic, nil
	}
	return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: there is no such level; there are %s", name, strings.Join(levelNames, ", "))
}

// Level names the vector instructions in use. The error says that SHOAL_SIMD
// asks for some that aren't there.
func Level() (string, error) { return levelNames[level], levelErr }

// vector says whether float32 goes through the assembly: the products alone do.
func vector[T Float]() bool { return false }

// products says whether the matrix products of float32 do.
func products[T Float]() bool { return single[T]() && level >= neon }

// multiply calls the kernel of 1 to 6 rows, and finishes what it stored.
func multiply(rows int, z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols, relu int, gate *float32) {
	switch rows {
	case 1:
		multiply1NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 2:
		multiply2NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 3:
		multiply3NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 4:
		multiply4NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 5:
		multiply5NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	default:
		multiply6NEON(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	}
	if relu == 0 && gate == nil {
		return
	}
	stored := unsafe.Slice(z, (rows-1)*ldz+cols)
	for r := range rows {
		row := stored[r*ldz : r*ldz+cols]
		if relu != 0 {
			ReLUForward(row, row, 0)
		}
		if gate != nil {
			ReLUBackward(row, nil, unsafe.Slice(gate, (rows-1)*ldz+cols)[r*ldz:r*ldz+cols], 0)
		}
	}
}

// panels computes rows of GradWeights, a panel after the other.
func panels(rows int, dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m int) {
	to := unsafe.Slice(dw, (rows-1)*ldw+cols)
	from := unsafe.Slice(turned, Turned(cols, m))
	for q := 0; q < cols; q += Panel {
		multiply(rows, &to[q], ldw, nil, 0, dz, lddz, 1, &from[q*m], Panel, m, min(Panel, cols-q), 0, nil)
	}
}

//go:noescape
func multiply1NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)

//go:noescape
func multiply2NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)

//go:noescape
func multiply3NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)

//go:noescape
func multiply4NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)

//go:noescape
func multiply5NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)

//go:noescape
func multiply6NEON(z *float32, ldz int, b *float32, onward int, w *float32, wr int, ws int, a *float32, lda int, n int, cols int)
