package kernel

import (
	"math"
	"unsafe"
)

// Float is the two precisions of the engine.
type Float interface{ float32 | float64 }

// single says whether T is float32. The compiler makes a body for each of the
// two, so the test costs nothing at run time.
func single[T Float]() bool {
	var x T
	return unsafe.Sizeof(x) == 4
}

// FMA returns x·y + z, rounded once, on every processor the same.
func FMA[T Float](x, y, z T) T {
	if single[T]() {
		return T(fma32(float64(x), float64(y), float64(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// fma32 returns x·y + z rounded once to float32, for float32 x, y and z.
//
// The product of two float32 is exact in float64. The sum is then rounded
// twice, to float64 and to float32, which is wrong only when the float64 sum
// lies half-way between two float32 values and was itself inexact: ambiguous
// finds the candidates, fmaExact settles them.
func fma32(x, y, z float64) float32 {
	s := float64(x*y) + z
	if ambiguous(s) {
		return fmaExact(x, y, z)
	}
	return float32(s)
}

const (
	fractionMask = 1<<29 - 1   // the bits of a float64 fraction below a float32's last bit
	halfway      = 1 << 28     // their value half-way between two float32
	tiny         = 897<<53 - 1 // 2⁻¹²⁶, the least normal float32, as float64 bits without the sign, less one
)

// ambiguous says whether rounding s once more, to float32, may go wrong: s is
// half-way between two normal float32, or below them all and not 0.
func ambiguous(s float64) bool {
	b := math.Float64bits(s)
	return b&fractionMask == halfway || b<<1-1 < tiny
}

// fmaExact returns x·y + z rounded once to float32, for float32 x, y and z.
//
// The float64 sum s is rounded to odd: if it is inexact and its last bit is
// even, it moves to the neighbour on the side of the exact value. A sum
// rounded to odd rounds to float32 as the exact one does (Boldo and
// Melquiond, Emulation of FMA and Correctly Rounded Sums, 2008).
//
//go:noinline
func fmaExact(x, y, z float64) float32 {
	p := float64(x * y)
	s := float64(p + z)
	// TwoSum: s + e is exactly p + z.
	t := float64(s - p)
	e := float64(p-float64(s-t)) + float64(z-t)
	if b := math.Float64bits(s); e != 0 && e == e && b&1 == 0 {
		if (e > 0) == (s > 0) {
			b++
		} else {
			b--
		}
		s = math.Float64frombits(b)
	}
	return float32(s)
}
