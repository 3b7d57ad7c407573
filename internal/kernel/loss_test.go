package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// One example that is certainly right, one that is not sure: dz = a − y.
func ExampleSigmoidCrossEntropy() {
	z, y := []float64{1000, 0}, []float64{1, 1}
	a, dz := make([]float64, 2), make([]float64, 2)
	loss := SigmoidCrossEntropy(dz, z, a, y, 2, 2, nil, 1, 2, 0)
	fmt.Printf("%.4f %v %v\n", loss, a, dz)
	// Output: 0.6931 [1 0.5] [0 -0.5]
}

// A fully fitted network has logits this far apart in every example; on some
// processors each subnormal number would cost a hundred cycles.
func TestNoLogitMakesASubnormal(t *testing.T) {
	for _, gap := range []float32{60, 80, 87, 88, 95, 103, 110, 1e4, float32(math.Inf(1))} {
		z, y := []float32{0, -gap, -gap, 0}, []float32{1, 0, 0, 1}
		for _, k := range []struct {
			name string
			loss lossKernel[float32]
			c    int
		}{{"sigmoid", SigmoidCrossEntropy[float32], 1}, {"softmax", SoftmaxCrossEntropy[float32], 2}} {
			dz, a := make([]float32, 4), make([]float32, 4)
			m := 4 / k.c
			k.loss(dz, z, a, y, m, m, nil, k.c, m, 0)
			for i := range a {
				for _, v := range []float32{a[i], dz[i]} {
					if v != 0 && Abs(v) < 1e-31 {
						t.Errorf("%s: logits %v apart: a = %v, dz = %v", k.name, gap, a, dz)
					}
				}
			}
		}
	}
}

type lossKernel[T Float] func(dz, z, a, y []T, ld, ldy int, w []T, c, m int, param T) float64

// formulas are the losses of one example's outputs, with the slopes by z where
// the loss is paired with its activation, else by a. Param is 0.25.
var formulas = []struct {
	name    string
	single  lossKernel[float32]
	double  lossKernel[float64]
	paired  bool
	label   string // what y is: "bit", "one hot", "shares", "count", "number"
	formula func(x, y []float64) (loss float64, slope []float64)
}{
	{
		"sigmoid cross-entropy", SigmoidCrossEntropy[float32], SigmoidCrossEntropy[float64], true, "bit",
		func(z, y []float64) (loss float64, slope []float64) {
			for i, v := range z {
				a, other := 1/(1+math.Exp(-v)), 1/(1+math.Exp(v))
				// log a = −log(1 + e⁻ᶻ), which is z where e⁻ᶻ is beyond all bounds
				logA, logOther := -math.Log1p(math.Exp(-v)), -math.Log1p(math.Exp(v))
				if v < -700 {
					logA = v
				}
				if v > 700 {
					logOther = -v
				}
				loss -= y[i]*logA + (1-y[i])*logOther
				slope = append(slope, (1-y[i])*a-y[i]*other)
			}
			return loss, slope
		},
	},
	{"softmax cross-entropy", SoftmaxCrossEntropy[float32], SoftmaxCrossEntropy[float64], true, "one hot", softmaxFormula},
	{"softmax cross-entropy of shares", SoftmaxCrossEntropy[float32], SoftmaxCrossEntropy[float64], true, "shares", softmaxFormula},
	{
		"Poisson", PoissonExp[float32], PoissonExp[float64], true, "count",
		func(z, y []float64) (loss float64, slope []float64) {
			for i, v := range z {
				loss += math.Exp(v) - y[i]*v
				slope = append(slope, math.Exp(v)-y[i])
			}
			return loss, slope
		},
	},
	{
		"half squared", HalfSquared[float32], HalfSquared[float64], false, "number",
		ofError(func(e float64) (float64, float64) { return e * e / 2, e }),
	},
	{
		"absolute", Absolute[float32], Absolute[float64], false, "number",
		ofError(func(e float64) (float64, float64) { return math.Abs(e), signum(e) }),
	},
	{
		"Huber", Huber[float32], Huber[float64], false, "number",
		ofError(func(e float64) (float64, float64) {
			if math.Abs(e) <= 0.25 {
				return e * e / 2, e
			}
			return 0.25 * (math.Abs(e) - 0.125), 0.25 * signum(e)
		}),
	},
	{
		"quantile", Quantile[float32], Quantile[float64], false, "number",
		ofError(func(e float64) (float64, float64) { // τ = 0.25, e = a − y
			switch {
			case e < 0:
				return -0.25 * e, -0.25
			case e > 0:
				return 0.75 * e, 0.75
			}
			return 0, 0
		}),
	},
}

func softmaxFormula(z, y []float64) (loss float64, slope []float64) {
	peak, sum, total := math.Inf(-1), 0.0, 0.0
	for i, v := range z {
		peak, total = max(peak, v), total+y[i]
	}
	for _, v := range z {
		sum += math.Exp(v - peak)
	}
	for i, v := range z {
		loss -= y[i] * (v - peak - math.Log(sum))
		slope = append(slope, math.Exp(v-peak)/sum*total-y[i])
	}
	return loss, slope
}

// ofError makes a formula of one for e = a − y.
func ofError(f func(e float64) (loss, slope float64)) func(a, y []float64) (float64, []float64) {
	return func(a, y []float64) (loss float64, slope []float64) {
		for i, v := range a {
			l, s := f(v - y[i])
			loss += l
			slope = append(slope, s)
		}
		return loss, slope
	}
}

func signum(e float64) float64 {
	if e == 0 {
		return 0
	}
	return math.Copysign(1, e)
}

// drawLabels fills an example's labels.
func drawLabels(random *rand.Rand, kind string, y []float64) {
	for i := range y {
		switch kind {
		case "bit":
			y[i] = float64(random.IntN(2))
		case "one hot":
			y[i] = 0
		case "shares":
			y[i] = float64(random.IntN(8)) / 8 // not all sums are 1
		case "count":
			y[i] = float64(random.IntN(9))
		default:
			y[i] = float64(random.IntN(41)-20) / 16
		}
	}
	if kind == "one hot" {
		y[random.IntN(len(y))] = 1
	}
}

func TestLossesFollowTheirFormulas(t *testing.T) {
	for _, f := range formulas {
		t.Run(f.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			for _, c := range []int{1, 2, 3, 11} {
				for _, m := range []int{1, 2, 31, 63, Tile} {
					for _, weighted := range []bool{false, true} {
						checkLoss(t, random, f.single, f.formula, f.paired, f.label, c, m, weighted, 1e-6)
						checkLoss(t, random, f.double, f.formula, f.paired, f.label, c, m, weighted, 1e-14)
					}
				}
			}
		})
	}
}

func checkLoss[T Float](t *testing.T, random *rand.Rand, kernel lossKernel[T], formula func(x, y []float64) (float64, []float64),
	paired bool, label string, c, m int, weighted bool, tolerance float64,
) {
	t.Helper()
	ldy := m + random.IntN(3)
	x, y, w := make([]T, c*m), strided[T](random, c, m, ldy), []T(nil)
	if weighted {
		w = make([]T, m)
	}
	wantSlope := make([]float64, c*m)
	var want, size float64
	for j := range m {
		xs, ys := make([]float64, c), make([]float64, c)
		for i := range xs {
			xs[i] = float64(random.IntN(257)-128) / 16
			// Logits no one should have; of a count they would be infinite.
			if label != "count" && label != "number" && random.IntN(4) == 0 {
				xs[i] = []float64{1000, -1000, 100, -100, 0}[random.IntN(5)]
			}
		}
		drawLabels(random, label, ys)
		if label == "number" && random.IntN(3) == 0 {
			xs[0] = ys[0] // exactly right
		}
		weight := 1.0
		if weighted {
			weight = float64(random.IntN(9)) / 4 // 0 among them
			w[j] = T(weight)
		}
		loss, slope := formula(xs, ys)
		want += weight * loss
		size += weight * math.Abs(loss)
		for i := range xs {
			x[i*m+j], y[i*ldy+j] = T(xs[i]), T(ys[i])
			wantSlope[i*m+j] = weight * slope[i]
		}
	}
	name := fmt.Sprintf("%T: %d outputs, %d examples, weights %v", T(0), c, m, weighted)
	dz, a := newGuarded[T](c*m), newGuarded[T](c*m)
	got := 0.0
	if paired {
		got = kernel(dz.inner, x, a.inner, y, m, ldy, w, c, m, 0.25)
	} else {
		copy(a.inner, x)
		got = kernel(dz.inner, nil, a.inner, y, m, ldy, w, c, m, 0.25)
		a.check(t, name+": a, which is only read", x)
	}
	if !(math.Abs(got-want) <= tolerance*(size+float64(c*m))) {
		t.Fatalf("%s: the loss is %v, want %v", name, got, want)
	}
	for i, d := range dz.inner {
		if !(math.Abs(float64(d)-wantSlope[i]) <= tolerance*max(8, math.Abs(wantSlope[i]))) {
			t.Fatalf("%s: slope %d is %v, want %v", name, i, d, wantSlope[i])
		}
	}
	for _, g := range []guarded[T]{dz, a} {
		if g.all[guard-1] != mark || g.all[guard+c*m] != mark {
			t.Fatalf("%s: wrote outside", name)
		}
	}
	// With more between the rows the same.
	ld := m + 1 + random.IntN(3)
	wide := func(x []T) []T {
		y := make([]T, c*ld)
		for i := range c {
			copy(y[i*ld:i*ld+m], x[i*m:(i+1)*m])
		}
		return y
	}
	dzWide, from := make([]T, c*ld), x
	aWide := wide(a.inner)
	if !paired {
		from = a.inner
	}
	if apart := kernel(dzWide, wide(from), aWide, y, ld, ldy, w, c, m, 0.25); !sameBits(apart, got) {
		t.Fatalf("%s: the loss is %v, and %v with a row every %d", name, got, apart, ld)
	}
	for i := range c {
		for j := range ld {
			switch {
			case j < m && !sameBits(dzWide[i*ld+j], dz.inner[i*m+j]):
				t.Fatalf("%s: slope %d, %d is %v with a row every %d, and %v without", name, i, j, dzWide[i*ld+j], ld, dz.inner[i*m+j])
			case j >= m && dzWide[i*ld+j] != 0:
				t.Fatalf("%s: wrote between the rows", name)
			}
		}
	}
	// Without dz the same loss.
	if only := kernel(nil, x, a.inner, y, m, ldy, w, c, m, 0.25); !sameBits(only, got) {
		t.Fatalf("%s: the loss alone is %v, with the slopes %v", name, only, got)
	}
}

// The sum over examples is a tree over the tile's places, so examples of weight
// 0 at the end change nothing.
func TestTheLossOfAShortTileIsThatOfAFullOne(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for m := 1; m < Tile; m++ {
		a, y, w := make([]float32, Tile), make([]float32, Tile), make([]float32, Tile)
		for j := range m {
			a[j], y[j], w[j] = float32(random.NormFloat64()), float32(random.NormFloat64()), random.Float32()
		}
		short := HalfSquared(nil, nil, a[:m], y[:m], m, m, w[:m], 1, m, 0)
		if full := HalfSquared(nil, nil, a, y, Tile, Tile, w, 1, Tile, 0); short != full {
			t.Errorf("%d examples: %v, with others of weight 0 %v", m, short, full)
		}
	}
}

func TestSoftmax(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct{ z, want []float64 }{
		{[]float64{0}, []float64{1}},
		{[]float64{0, 0}, []float64{0.5, 0.5}},
		{[]float64{math.Log(1), math.Log(2), math.Log(5)}, []float64{0.125, 0.25, 0.625}},
		{[]float64{1000, 1000, -1000}, []float64{0.5, 0.5, 0}},
		{[]float64{-1e300, -1e300}, []float64{0.5, 0.5}},
		{[]float64{0, -inf}, []float64{1, 0}},
		{[]float64{0, nan}, []float64{nan, nan}},
		{[]float64{nan, 0}, []float64{nan, nan}},
		{[]float64{inf, 0}, []float64{nan, nan}}, // ∞ − ∞: seen as not finite, rather than hidden
	} {
		a := make([]float64, len(c.z))
		Softmax(a, c.z, 1, len(c.z), 1)
		for i, want := range c.want {
			if !(math.Abs(a[i]-want) < 1e-15) && !(a[i] != a[i] && want != want) {
				t.Errorf("softmax of %v is %v, want %v", c.z, a, c.want)
				break
			}
		}
		// In place the same.
		b := append([]float64(nil), c.z...)
		Softmax(b, b, 1, len(b), 1)
		for i := range b {
			if !sameBits(a[i], b[i]) {
				t.Errorf("softmax of %v is %v, in place %v", c.z, a, b)
			}
		}
	}
}

// A NaN must reach the loss, where a trainer looks for it.
func TestANaNReachesTheLoss(t *testing.T) {
	for _, f := range formulas {
		for at := range 6 {
			x, y, a := make([]float32, 6), []float32{1, 0, 1, 0, 1, 0}, make([]float32, 6)
			x[at] = float32(math.NaN())
			a[at] = x[at]
			if l := f.single(nil, x, a, y, 3, 3, nil, 2, 3, 0.25); l == l {
				t.Errorf("%s: a NaN at %d, and the loss is %v", f.name, at, l)
			}
		}
	}
}
