package kernel

import (
	"math"
	"math/bits"
)

// Add adds x to dst, element by element.
func Add[T Float](dst, x []T) {
	if vector[T]() {
		for lo, hi := range stretches(len(x)) {
			addVector(hi-lo, at(dst[lo:hi]), at(x[lo:hi]))
		}
		return
	}
	for i, v := range x {
		dst[i] += v
	}
}

// Scale multiplies every element of x by s.
func Scale[T Float](x []T, s T) {
	if vector[T]() {
		for lo, hi := range stretches(len(x)) {
			scaleVector(hi-lo, at(x[lo:hi]), float32(s))
		}
		return
	}
	for i := range x {
		x[i] *= s
	}
}

// AddScaled adds s·x to dst, element by element.
func AddScaled[T Float](dst, x []T, s T) {
	if vector[T]() {
		for lo, hi := range stretches(len(x)) {
			addScaledVector(hi-lo, at(dst[lo:hi]), at(x[lo:hi]), float32(s))
		}
		return
	}
	for i, v := range x {
		dst[i] += T(s * v)
	}
}

// Multiply multiplies dst by x, element by element.
func Multiply[T Float](dst, x []T) {
	if vector[T]() {
		for lo, hi := range stretches(len(x)) {
			multiplyVector(hi-lo, at(dst[lo:hi]), at(x[lo:hi]))
		}
		return
	}
	for i, v := range x {
		dst[i] *= v
	}
}

// Dot returns Σ xᵢ·yᵢ in float64, in order of i.
func Dot[T Float](x, y []T) float64 {
	var s float64
	for i, v := range x {
		s += float64(float64(v) * float64(y[i]))
	}
	return s
}

// NotFinite returns the index of the first NaN or infinity of x, or −1.
func NotFinite[T Float](x []T) int {
	if vector[T]() {
		finite := true
		for lo, hi := range stretches(len(x)) {
			finite = finite && finiteAVX2(hi-lo, at(x[lo:hi]))
		}
		if finite {
			return -1
		}
	}
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// MostTiles is how many tiles SumTiles adds up, at most.
const MostTiles = 16

// SumTiles adds up the parts of up to MostTiles tiles of examples, multiplies the
// sums by scale, and says whether all are finite. Part i, rows·cols numbers, begins
// at parts[i·stride]; dst has a row every ldd. The tree joins neighbours, then
// neighbours of those, …; a part without a neighbour goes up as it is.
//
//	part 0 ─┬─┬───┬─
//	part 1 ─┘ │   │
//	part 2 ─┬─┘   │
//	part 3 ─┘     │
//	part 4 ───────┘
func SumTiles[T Float](dst []T, ldd int, parts []T, stride, tiles, rows, cols int, scale T) (finite bool) {
	checkLengths(1 <= tiles && tiles <= MostTiles && rows >= 1 && len(dst) >= (rows-1)*ldd+cols && len(parts) >= (tiles-1)*stride+rows*cols)
	finite = true
	if vector[T]() {
		for most := max(1, stretch/MostTiles/max(cols, 1)); rows > 0; rows -= most {
			now := min(most, rows)
			finite = sumTilesVector(at(dst), ldd, at(parts), stride, tiles, now, cols, float32(scale)) && finite
			if now < rows {
				dst, parts = dst[now*ldd:], parts[now*cols:]
			}
		}
		return finite
	}
	for r := range rows {
		row, of := dst[r*ldd:r*ldd+cols], parts[r*cols:]
		for q := range row {
			v := T(sumTree(of[q:], stride, tiles) * scale)
			row[q] = v
			finite = finite && v-v == 0
		}
	}
	return finite
}

// sumTree adds up n numbers that are stride apart.
func sumTree[T Float](x []T, stride, n int) T {
	if n == 1 {
		return x[0]
	}
	half := 1 << (bits.Len(uint(n-1)) - 1)
	return sumTree(x, stride, half) + sumTree(x[half*stride:], stride, n-half)
}

// CopyColumns copies m columns of some rows: dst and src have a row every ldd and
// lds.
func CopyColumns[T Float](dst []T, ldd int, src []T, lds, rows, m int) {
	q := 0
	if whole := m / Lanes * Lanes; vector[T]() && whole > 0 && rows > 0 {
		checkLengths(len(dst) >= (rows-1)*ldd+m && len(src) >= (rows-1)*lds+m)
		for most := max(1, stretch/whole); q < rows; q += most {
			copyColumnsAVX2(at(dst[q*ldd:]), ldd, at(src[q*lds:]), lds, min(most, rows-q), whole/Lanes)
		}
		if whole == m {
			return
		}
		q = 0
		dst, src, m = dst[whole:], src[whole:], m-whole
	}
	for ; q < rows; q++ {
		copy(dst[q*ldd:q*ldd+m], src[q*lds:q*lds+m])
	}
}

// Sqrt returns √x, rounded once.
func Sqrt[T Float](x T) T {
	// float32 by way of float64 is exact here: 53 bits are more than 2·24 + 1.
	return T(math.Sqrt(float64(x)))
}

// Abs returns |x|.
func Abs[T Float](x T) T { return T(math.Abs(float64(x))) }
