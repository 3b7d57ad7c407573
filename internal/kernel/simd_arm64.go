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

// mostTimes bounds how often a kernel of six rows goes on to the next six: here
// it doesn't, and times is 1.
const mostTimes = 1

// affineRows computes 1 to 6 rows of Z, and then ReLU of them if relu isn't 0.
func affineRows(rows int, z *float32, ldz int, b *float32, onward int, w *float32, ldw int, a *float32, lda, n, cols, relu, _ int) {
	multiply(rows, z, ldz, b, onward, w, ldw, 1, a, lda, n, cols)
	if relu == 0 {
		return
	}
	stored := unsafe.Slice(z, (rows-1)*ldz+cols)
	for r := range rows {
		row := stored[r*ldz : r*ldz+cols]
		ReLUForward(row, row, 0)
	}
}

// gradInputsRows computes 1 to 6 rows of dA, and what the gate leaves of them.
func gradInputsRows(rows int, z *float32, ldz, onward int, w *float32, ldw int, a *float32, lda, n, cols int, gate *float32, _ int) {
	multiply(rows, z, ldz, nil, onward, w, 1, ldw, a, lda, n, cols)
	if gate == nil {
		return
	}
	size := (rows-1)*ldz + cols
	stored, open := unsafe.Slice(z, size), unsafe.Slice(gate, size)
	for r := range rows {
		ReLUBackward(stored[r*ldz:r*ldz+cols], nil, open[r*ldz:r*ldz+cols], 0)
	}
}

// multiply calls the kernel of 1 to 6 rows.
func multiply(rows int, z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols int) {
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
}

// panels computes rows of GradWeights, a panel after the other.
func panels(rows int, dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m, _ int) {
	to := unsafe.Slice(dw, (rows-1)*ldw+cols)
	from := unsafe.Slice(turned, Turned(cols, m))
	for q := 0; q < cols; q += Panel {
		multiply(rows, &to[q], ldw, nil, 0, dz, lddz, 1, &from[q*m], Panel, m, min(Panel, cols-q))
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
