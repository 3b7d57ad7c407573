package prep_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/prep"
)

func ExampleMoments() {
	fmt.Println(prep.Moments([]float64{2, 4, 4, 4, 5, 5, 7, 9}))
	// Output: 5 2
}

func ExampleMedian() {
	fmt.Println(prep.Median([]float64{3, 1, 2}), prep.Median([]float64{4, 1, 2, 3}))
	// Output: 2 2.5
}

// numbers draws n numbers whose sum depends on the order of adding.
func numbers(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = random.NormFloat64() * math.Exp(random.NormFloat64()*4)
	}
	return x
}

// Blocks of 65,536 rows are summed in order, their sums along a tree that joins
// neighbours, level after level. Any change of this changes fit hashes.
func TestSumIsABlockTree(t *testing.T) {
	const block = 65536
	for _, n := range []int{0, 1, block - 1, block, block + 1, 2 * block, 3*block - 5, 3 * block, 4*block + 1, 7*block + 9} {
		x := numbers(n, uint64(n))
		var sums []float64
		for part := range slices.Chunk(x, block) {
			var s float64
			for _, v := range part {
				s += v
			}
			sums = append(sums, s)
		}
		for len(sums) > 1 {
			var next []float64
			for pair := range slices.Chunk(sums, 2) {
				s := pair[0]
				if len(pair) == 2 {
					s += pair[1]
				}
				next = append(next, s)
			}
			sums = next
		}
		want := 0.0
		if len(sums) > 0 {
			want = sums[0]
		}
		if got := prep.Sum(x, func(v float64) float64 { return v }); got != want {
			t.Errorf("the sum of %d numbers is %x, want %x", n, got, want)
		}
	}
}

func TestMomentsOfEveryMagnitude(t *testing.T) {
	base := []float64{2, 4, 4, 4, 5, 5, 7, 9}
	for _, e := range []int{0, 1, -1, 100, 470, 478, 479, 490, 1000, 1020, -100, -470, -482, -483, -500, -1000, -1070} {
		x := make([]float64, len(base))
		for i, v := range base {
			x[i] = math.Ldexp(v, e)
		}
		mean, sd := prep.Moments(x)
		if mean != math.Ldexp(5, e) || sd != math.Ldexp(2, e) {
			t.Errorf("of 5 and 2 times 2^%d: %v and %v", e, math.Ldexp(mean, -e), math.Ldexp(sd, -e))
		}
	}
	if mean, sd := prep.Moments([]float64{math.MaxFloat64, -math.MaxFloat64}); mean != 0 || sd != math.MaxFloat64 {
		t.Errorf("of ±the largest number: %v and %v", mean, sd)
	}
	if mean, sd := prep.Moments([]float64{0, 2 * math.SmallestNonzeroFloat64}); mean != math.SmallestNonzeroFloat64 || sd != mean {
		t.Errorf("of 0 and twice the smallest number: %v and %v", mean, sd)
	}
	if mean, sd := prep.Moments(nil); mean != 0 || sd != 0 {
		t.Errorf("of nothing: %v and %v", mean, sd)
	}
}

// Three times 0.1 is not 0.3: the mean of equal numbers must not come out beside
// them, nor their deviation above 0.
func TestMomentsOfEqualNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "value")
		n := rapid.IntRange(1, 300).Draw(t, "n")
		if mean, sd := prep.Moments(slices.Repeat([]float64{v}, n)); mean != v || sd != 0 {
			t.Errorf("of %d times %v: %v and %v", n, v, mean, sd)
		}
	})
}

func TestMomentsLieAmongTheNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64(), 1, 50).Draw(t, "x")
		mean, sd := prep.Moments(x)
		low, high := slices.Min(x), slices.Max(x)
		if !(mean >= low && mean <= high) {
			t.Errorf("the mean of %v is %v", x, mean)
		}
		if !(sd >= 0) || sd/2 > (high/4-low/4)*(1+1e-15) || (sd == 0) != (low == high) {
			t.Errorf("the standard deviation of %v is %v", x, sd)
		}
	})
}

func TestTheMedianOfUpTo65536ValuesIsExact(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 999, 65535, 65536} {
		x := numbers(n, 3)
		sorted := slices.Sorted(slices.Values(x))
		want := sorted[n/2]
		if n%2 == 0 {
			want = sorted[n/2-1]/2 + sorted[n/2]/2
		}
		if got := prep.Median(x); got != want {
			t.Errorf("the median of %d values is %v, want %v", n, got, want)
		}
	}
	if got := prep.Median(nil); got == got {
		t.Errorf("the median of nothing is %v", got)
	}
	if got := prep.Median([]float64{-math.MaxFloat64, math.MaxFloat64}); got != 0 {
		t.Errorf("the median of ±the largest number is %v", got)
	}
	if got := prep.Median([]float64{math.MaxFloat64, math.MaxFloat64}); got != math.MaxFloat64 {
		t.Errorf("the median of the largest number is %v", got)
	}
}

// Beyond, it is that of a sample, which the places choose: the same values give
// the same median on any machine, and one that is near the true one.
func TestTheMedianOfManyValuesIsOfAFixedSample(t *testing.T) {
	const n = 300_000
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i * 7919 % n) // each of 0 … n−1 once
	}
	got := prep.Median(x)
	if share := got / n; math.Abs(share-0.5) > 0.01 {
		t.Errorf("the median is the %v-quantile", share)
	}
	if want := 150255.0; got != want {
		t.Errorf("the median is %v; it must stay %v, as fit hashes follow", got, want)
	}
}
