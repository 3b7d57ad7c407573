package prep

import (
	"math"
	"slices"
)

// block is how many rows are summed in order before sums are joined along a
// tree: the same whether a table is held, streamed or spread.
const block = 1 << 16

// Sum returns Σ f(xᵢ), over fixed blocks and then a binary tree.
func Sum(x []float64, f func(float64) float64) float64 {
	if len(x) <= block {
		var s float64
		for _, v := range x {
			s += f(v)
		}
		return s
	}
	// The left half is the largest power of two of blocks below the whole.
	half := block
	for 2*half < len(x) {
		half *= 2
	}
	return Sum(x[:half], f) + Sum(x[half:], f)
}

// Moments returns the mean and the standard deviation (over n, not n − 1).
func Moments(x []float64) (mean, sd float64) {
	if len(x) == 0 {
		return 0, 0
	}
	// Scaled by a power of two, so that large values don't overflow.
	largest := 0.0
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	scale := 1.0
	if largest > 0x1p500 {
		scale = 0x1p-530
	}
	n := float64(len(x))
	mean = Sum(x, func(v float64) float64 { return float64(v * scale) }) / n
	square := Sum(x, func(v float64) float64 {
		d := float64(v*scale) - mean
		return float64(d * d)
	}) / n
	return mean / scale, math.Sqrt(square) / scale
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
	a, b := s[n/2-1], s[n/2]
	return a + float64((b-a)*0.5)
}

// scramble is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
