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

// rowsAtOnce is how many of the rows that are left one kernel takes, and how often
// one after the other: six, but so that few have less than four, whose sums would
// wait for each other. work is the multiply-adds of a row.
func rowsAtOnce(left, work int) (rows, times int) {
	if left < 12 {
		if left > 6 {
			left = (left + 1) / 2
		}
		return min(6, left), 1
	}
	times = (left - 6) / 6 // 6 to 11 stay
	if left%6 == 0 {
		times = left / 6
	}
	return 6, max(1, min(times, mostTimes, Tile*atMost/max(work, 1)))
}

// affineVector is Affine, or with relu AffineReLU: a lane is an example.
func affineVector(z, w, b, a []float32, lda, n, k, m int, relu bool) {
	checkLengths(len(z) >= n*m && len(w) >= n*k && len(b) >= n && len(a) >= (k-1)*lda+m)
	if n == 0 || m == 0 {
		return
	}
	for i := 0; i < n; {
		now, times := rowsAtOnce(n-i, k*m)
		for q := 0; q < max(k, 1); q += atMost {
			terms, finally := min(atMost, k-q), 0
			if relu && q+terms == k { // the last
				finally = 1
			}
			affineRows(now, &z[i*m], m, &b[i], q, at(w[i*k+q:]), k, at(a[q*lda:]), lda, terms, m, finally, times)
		}
		i += now * times
	}
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
			affineRows(1, &z[first], 0, nil, 1, &x[q], 0, &panels[first*k+q*width], width, terms, width, last, 1)
		}
	}
}

// gradInputsVector is GradInputs, or with a gate GradInputsReLU: a lane is an
// example.
func gradInputsVector(da, w, dz []float32, n, k, rows, m int, gate []float32) {
	checkLengths(len(da) >= rows*m && len(w) >= (n-1)*k+rows && len(dz) >= n*m && (gate == nil || len(gate) >= rows*m))
	if rows == 0 || m == 0 {
		return
	}
	for r := 0; r < rows; {
		now, times := rowsAtOnce(rows-r, n*m)
		for i := 0; i < max(n, 1); i += atMost {
			terms := min(atMost, n-i)
			var last *float32
			if gate != nil && i+terms == n {
				last = &gate[r*m]
			}
			gradInputsRows(now, &da[r*m], m, i, at(w[i*k+r:]), k, at(dz[i*m:]), m, terms, m, last, times)
		}
		r += now * times
	}
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
		now, times := rowsAtOnce(rows-r, cols*m)
		for q := 0; q < cols; q += atMost { // whole panels
			panels(now, &dw[r*ldw+q], ldw, &dz[r*lddz], lddz, at(turned[q*m:]), min(atMost, cols-q), m, times)
		}
		r += now * times
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
