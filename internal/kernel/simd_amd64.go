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

// multiply calls the kernel of 1 to 6 rows. Calls through a table of functions
// would make what they point to escape to the heap.
func multiply(rows int, z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols int) {
	switch rows {
	case 1:
		multiply1AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 2:
		multiply2AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 3:
		multiply3AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 4:
		multiply4AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	case 5:
		multiply5AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	default:
		multiply6AVX2(z, ldz, b, onward, w, wr, ws, a, lda, n, cols)
	}
}

// atMost is how many terms one call into assembly adds, for each of 64 columns
// of 6 rows: a goroutine can't be stopped within it (some 40 µs).
const atMost = 4096

// multiplyRows computes
//
//	z[r·ldz + j] = start + Σ w[r·wr + q·ws] · a[q·lda + j]     r < rows, q < n, j < cols
//
// with one fused multiply-add a term, in order of q. start is b[r], or 0 where b
// is nil.
func multiplyRows(z []float32, ldz int, b, w []float32, wr, ws int, a []float32, lda, rows, n, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	for r := 0; r < rows; r += 6 {
		at := min(6, rows-r)
		var bias *float32
		if b != nil {
			bias = &b[r]
		}
		if n == 0 {
			multiply(at, &z[r*ldz], ldz, bias, 0, nil, 0, 0, nil, 0, 0, cols)
			continue
		}
		for q := 0; q < n; q += atMost {
			multiply(at, &z[r*ldz], ldz, bias, q, &w[r*wr+q*ws], wr, ws, &a[q*lda], lda, min(atMost, n-q), cols)
		}
	}
}

func affineVector(z, w, b, a []float32, lda, n, k, m int) {
	multiplyRows(z, m, b, w, k, 1, a, lda, n, k, m)
}

func gradInputsVector(da, w, dz []float32, n, k, m int) {
	multiplyRows(da, m, nil, w, 1, k, dz, m, k, n, m)
}

// ones sum up what they are multiplied with.
var ones = func() (x [Tile]float32) {
	for i := range x {
		x[i] = 1
	}
	return x
}()

// gradWeightsVector takes A by blocks of 16 rows, turned over, so that a lane
// is a weight.
func gradWeightsVector(dw, db, dz, a []float32, lda, n, k, m int) {
	const block = 16
	var turned [Tile * block]float32
	for q := 0; q < k; q += block {
		rows := min(block, k-q)
		for r := range rows {
			for j, x := range a[(q+r)*lda : (q+r)*lda+m] {
				turned[j*block+r] = x
			}
		}
		multiplyRows(dw[q:], k, nil, dz, m, 1, turned[:], block, n, m, rows)
	}
	// 1·d + s is d + s, rounded once.
	multiplyRows(db, 1, nil, dz, m, 1, ones[:], 1, n, m, 1)
}
