package prep

import (
	"math"
	"slices"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Sum returns Σ f(xᵢ), in the order of kernel.SumRows.
func Sum(x []float64, f func(float64) float64) float64 {
	return kernel.SumRows(0, len(x), func(i int) float64 { return f(x[i]) })
}

// Moments returns the mean and the standard deviation (over n, not n − 1).
func Moments(x []float64) (mean, sd float64) {
	if len(x) == 0 {
		return 0, 0
	}
	low, high := extremes(x)
	if low == high {
		return low, 0 // not a little more, by the rounding of the sum
	}
	// Scaled by a power of two, so that no square overflows, nor vanishes where
	// it counts.
	scale := 1.0
	if _, e := math.Frexp(max(math.Abs(low), math.Abs(high))); e > 400 || e < -400 {
		scale = math.Ldexp(1, min(max(-e, -1000), 1000))
	}
	n := float64(len(x))
	mean = Sum(x, func(v float64) float64 { return float64(v * scale) }) / n
	square := Sum(x, func(v float64) float64 {
		d := float64(v*scale) - mean
		return float64(d * d)
	}) / n
	return min(max(mean/scale, low), high), math.Sqrt(square) / scale
}

// extremes returns the least and the greatest of x, which has a value at least.
func extremes(x []float64) (low, high float64) {
	low, high = x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// sampleSize is the number of values up to which quantiles are exact.
const sampleSize = 1 << 16

// Median returns the median of x: exact up to 65,536 values, beyond of a fixed
// pseudo-random part of them, chosen by their places alone.
func Median(x []float64) float64 {
	s := make([]float64, 0, min(len(x), 2*sampleSize))
	shift := 0
	for len(x)>>shift > sampleSize {
		shift++
	}
	for i, v := range x {
		if scramble(uint64(i))>>(64-shift) == 0 {
			s = append(s, v)
		}
	}
	slices.Sort(s)
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return s[n/2]
	}
	return float64(s[n/2-1]*0.5) + float64(s[n/2]*0.5) // the halves, as the sum may overflow
}

// scramble is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
