package kernel

import (
	"iter"
	"unsafe"
)

// What stands between the kernels and their assembly; vector says whether it is
// called.

// at is the first element of x, as float32, which T must be. nil where there is
// none.
func at[T Float](x []T) *float32 { return (*float32)(unsafe.Pointer(unsafe.SliceData(x))) }

// atMost is how many terms one call into assembly adds, for each of 64 columns
// of 6 rows, some 40 µs: a goroutine can't be stopped within it. A strip of 128
// columns takes twice that; wider ones are of nets with few terms.
const atMost = 4096

// rowsAtOnce is how many of the rows that are left one call takes: six, but so
// that no call is left with fewer than four, whose sums would wait for each
// other.
func rowsAtOnce(left int) int {
	if left > 6 && left < 12 {
		return (left + 1) / 2
	}
	return min(6, left)
}

// finish is what is done to the sums of a product before they are stored: the
// larger of each and 0, or 0 unless gate is above 0 there.
type finish struct {
	relu bool
	gate []float32
}

// multiplyRows computes
//
//	z[r·ldz + j] = start + Σ w[r·wr + q·ws] · a[q·lda + j]     r < rows, q < n, j < cols
//
// with one fused multiply-add a term, in order of q. start is b[r], or 0 where b
// is nil.
func multiplyRows(z []float32, ldz int, b, w []float32, wr, ws int, a []float32, lda, rows, n, cols int, f finish) {
	if rows == 0 || cols == 0 {
		return
	}
	for r := 0; r < rows; {
		now := rowsAtOnce(rows - r)
		var bias, gate, of, to *float32
		relu := 0
		if b != nil {
			bias = &b[r]
		}
		for q := 0; q < max(n, 1); q += atMost {
			terms := min(atMost, n-q)
			if terms > 0 {
				of, to = &w[r*wr+q*ws], &a[q*lda]
			}
			if q+terms == n { // the last
				if f.relu {
					relu = 1
				}
				if f.gate != nil {
					gate = &f.gate[r*ldz]
				}
			}
			multiply(now, &z[r*ldz], ldz, bias, q, of, wr, ws, to, lda, terms, cols, relu, gate)
		}
		r += now
	}
}

func affineVector(z, w, b, a []float32, lda, n, k, m int, f finish) {
	checkLengths(len(z) >= n*m && len(w) >= n*k && len(b) >= n && len(a) >= (k-1)*lda+m)
	multiplyRows(z, m, b, w, k, 1, a, lda, n, k, m, f)
}

// affineLongVector is AffineLong: a lane is an example, and each has eight sums.
func affineLongVector(z, w, b, a []float32, lda, n, k, m int) {
	checkLengths(len(z) >= n*m && len(w) >= n*k && len(b) >= n && len(a) >= (k-1)*lda+m)
	most := max(Lanes, atMost*Tile/max(k, 1)/Lanes*Lanes)
	for i := range n {
		for j := 0; j < m; j += most {
			columnsVector(&z[i*m+j], &b[i], &w[i*k], &a[j], lda, k, min(most, m-j))
		}
	}
}

// affineOneVector is AffineOne: a lane is a unit.
func affineOneVector(z, panels, b, x []float32, n, k int, relu bool) {
	units := Panelled(n, 1)
	checkLengths(len(z) >= units && len(panels) >= Panelled(n, k) && len(b) >= units && len(x) >= k)
	finally := 0
	if relu {
		finally = 1
	}
	if vector[float32]() && k <= atMost {
		// So few panels that one call stays short, and an even number: AVX-512 takes two.
		most := max(2, stretch*Lanes/max(k, 1)/UnitPanel&^1) * UnitPanel
		for first := 0; first < units; first += most {
			oneVector(&z[first], &b[first], at(x), at(panels[first*k:]), min(most, units-first), k, finally)
		}
		return
	}
	copy(z, b[:units])
	for first := 0; first < n; first += UnitPanel {
		width := min(UnitPanel, units-first)
		for q := 0; q < k; q += atMost {
			terms, last := min(atMost, k-q), 0
			if q+terms == k {
				last = finally
			}
			multiply(1, &z[first], 0, nil, 1, &x[q], 0, 1, &panels[first*k+q*width], width, terms, width, last, nil)
		}
	}
}

func gradInputsVector(da, w, dz []float32, n, k, rows, m int, f finish) {
	checkLengths(len(da) >= rows*m && len(w) >= (n-1)*k+rows && len(dz) >= n*m && (f.gate == nil || len(f.gate) >= rows*m))
	multiplyRows(da, m, nil, w, 1, k, dz, m, rows, n, m, f)
}

// turnVector is Turn: eight examples at a time by assembly, the rest one by one.
func turnVector(turned, a []float32, lda, k, m int) {
	checkLengths(len(turned) >= Turned(k, m) && len(a) >= (k-1)*lda+m)
	for q := 0; q < k; q += Panel {
		panel, rows := turned[q*m:], min(Panel, k-q)
		if m >= 8 {
			for r := 0; r < rows; r += 8 {
				turnAVX2(&panel[r], &a[(q+r)*lda], lda, min(8, rows-r), m/8)
			}
		}
		for r := range rows {
			for j := m / 8 * 8; j < m; j++ {
				panel[j*Panel+r] = a[(q+r)*lda+j]
			}
		}
	}
}

// gradWeightsVector is GradWeights: a lane is a weight.
func gradWeightsVector(dw []float32, ldw int, dz []float32, lddz int, turned []float32, rows, cols, m int) {
	checkLengths(len(dw) >= (rows-1)*ldw+cols && len(dz) >= (rows-1)*lddz+m && len(turned) >= Turned(cols, m))
	if m == 0 {
		for r := range rows {
			clear(dw[r*ldw : r*ldw+cols])
		}
		return
	}
	for r := 0; r < rows; {
		now := rowsAtOnce(rows - r)
		for q := 0; q < cols; q += atMost { // whole panels
			panels(now, &dw[r*ldw+q], ldw, &dz[r*lddz], lddz, at(turned[q*m:]), min(atMost, cols-q), m)
		}
		r += now
	}
}

// rowsOfDots bounds what one call into assembly does, in numbers of the result.
const rowsOfDots = 1 << 12

// gradWeightsFewVector is GradWeightsFew: a lane is every eighth example.
func gradWeightsFewVector(dw []float32, ldw int, dz []float32, lddz int, a []float32, lda, rows, cols, m int) {
	checkLengths(len(dw) >= (rows-1)*ldw+cols && len(dz) >= (rows-1)*lddz+m && len(a) >= (cols-1)*lda+m)
	for r := 0; r < rows; {
		now := min(rows-r, max(1, rowsOfDots/cols))
		for q := 0; q < cols; q += rowsOfDots {
			dotsAVX2(&dw[r*ldw+q], ldw, &dz[r*lddz], lddz, now, &a[q*lda], lda, min(rowsOfDots, cols-q), m)
		}
		r += now
	}
}

// gradBiasesVector is GradBiases.
func gradBiasesVector(db, dz []float32, lddz, rows, m int) {
	checkLengths(len(db) >= rows && len(dz) >= (rows-1)*lddz+m)
	for i := 0; i < rows; i += rowsOfDots {
		sumRowsAVX2(&db[i], at(dz[i*lddz:]), lddz, m, min(rowsOfDots, rows-i))
	}
}

// stretch is how many elements one call into assembly goes over: a goroutine
// can't be stopped within it (some 60 µs at four cycles each).
const stretch = 1 << 16

// stretches cuts 0 … n into stretches.
func stretches(n int) iter.Seq2[int, int] {
	return func(yield func(lo, hi int) bool) {
		for lo := 0; lo < n; lo += stretch {
			if !yield(lo, min(lo+stretch, n)) {
				return
			}
		}
	}
}

// checkLengths ends the program where a caller would let assembly touch memory
// that isn't a slice's.
func checkLengths(ok bool) {
	if !ok {
		panic("kernel: a slice is shorter than the shapes say")
	}
}
