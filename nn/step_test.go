package nn_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/nn"
)

// parametersOf returns a copy of W and b of all layers, one after the other.
func parametersOf(n *nn.NetworkOf[float64]) []float64 {
	var p []float64
	for _, l := range n.Layers {
		p = append(append(p, l.W.Data...), l.B...)
	}
	return p
}

// gradientOf returns a copy of dW and db of all layers as a step left them.
func gradientOf(t *nn.TrainerOf[float64]) []float64 {
	var g []float64
	for l := range t.Net.Layers {
		dw, db := t.Grad(l)
		g = append(append(g, dw.Data...), db...)
	}
	return g
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

func minus(x, y []float64) []float64 {
	d := make([]float64, len(x))
	for i := range x {
		d[i] = x[i] - y[i]
	}
	return d
}

// A gradient longer than Clip becomes Clip long and keeps its direction; a
// shorter one stays as it is, to the last bit.
func TestClippingShortensTheGradientAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		x, y := problem[float64](4, 3, 30, seed)
		grad := func(clip float64) []float64 {
			net := nn.NewOf[float64](4, nn.Dense(5, nn.Tanh), nn.Dense(3, nn.Softmax))
			net.Init(nn.Auto, seed)
			step := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{})
			step.Clip = clip
			step.On(x, y)
			return gradientOf(step)
		}
		free := grad(0)
		norm := math.Sqrt(dot(free, free))
		share := rapid.Float64Range(0.01, 2).Draw(t, "clip, as a share of the norm")
		got := grad(share * norm)
		factor := min(1, share)
		for i := range free {
			if factor == 1 && got[i] != free[i] || math.Abs(got[i]-factor*free[i]) > 1e-12*norm {
				t.Fatalf("clipping at %v of the norm makes %v of %v", share, got[i], free[i])
			}
		}
	})
}

// With a gradient of 0, W shrinks by rate·decay in each step, and b stays.
func TestAdamWShrinksWeightsAndNotBiases(t *testing.T) {
	net := nn.NewOf[float64](2, nn.Dense(3, nn.ReLU), nn.Dense(1, nn.Linear))
	net.Init(nn.He, 1)
	for i := range net.Layers[0].B {
		net.Layers[0].B[i] = -1 // no unit is ever on: X is 0
	}
	net.Layers[1].B[0] = 2 // and that is the target
	before := net.Clone()
	step := net.Trainer(nn.HalfSquared, &nn.AdamW{Adam: nn.Adam{Rate: 0.1}, WeightDecay: 0.5})
	const steps = 4
	for range steps {
		step.On(nn.NewMatrix[float64](2, 5), nn.FromRows([][]float64{{2, 2, 2, 2, 2}}))
	}
	if err := step.Err(); err != nil {
		t.Fatal(err)
	}
	for l := range net.Layers {
		for i, w := range net.Layers[l].W.Data {
			if want := before.Layers[l].W.Data[i] * math.Pow(1-0.1*0.5, steps); math.Abs(w-want) > 1e-15 {
				t.Errorf("layer %d: W[%d] is %v, want %v", l+1, i, w, want)
			}
		}
		for i, b := range net.Layers[l].B {
			if b != before.Layers[l].B[i] {
				t.Errorf("layer %d: b[%d] went from %v to %v", l+1, i, before.Layers[l].B[i], b)
			}
		}
	}
}

// Every unit gives 1, and the output is their mean: with dropout it is 1 on the
// mean over many steps, made of units that give 0 or 1/(1 − p). A prediction
// drops nothing.
func TestDropoutKeepsTheMean(t *testing.T) {
	const units, m, steps = 50, 100, 100
	for _, p := range []float64{0.1, 0.5, 0.8} {
		hidden := nn.Dense(units, nn.Linear)
		hidden.Dropout = p
		net := nn.NewOf[float64](1, hidden, nn.Dense(1, nn.Linear))
		for i := range units {
			net.Layers[0].B[i], net.Layers[1].W.Data[i] = 1, 1.0/units
		}
		x, y := nn.NewMatrix[float64](1, m), nn.NewMatrix[float64](1, m)
		step := net.Trainer(nn.HalfSquared, &nn.GradientDescent{Rate: 1e-300})
		mean := 0.0
		for range steps {
			step.On(x, y)
			_, db := step.Grad(1) // the mean over the examples of A − Y, Y is 0
			mean += db[0] / steps
			if units := db[0] * units * m * (1 - p); math.Abs(units-math.Round(units)) > 1e-6 {
				t.Fatalf("p = %v: the sum of all outputs is %v times 1/(1 − p), no whole number", p, units)
			}
		}
		if err := step.Err(); err != nil {
			t.Fatal(err)
		}
		if sd := math.Sqrt(p / (1 - p) / (units * m * steps)); math.Abs(mean-1) > 5*sd {
			t.Errorf("p = %v: the mean is %v, want 1 within %v", p, mean, 5*sd)
		}
		if a, err := net.Predict(x); err != nil || math.Abs(a.Data[0]-1) > 1e-12 {
			t.Errorf("p = %v: a prediction of %v, want 1 (%v)", p, a.Data[0], err)
		}
	}
}

// One weight with a gradient of −1: the first step is the schedule's step 0.
func TestAStepTakesTheRateOfItsPlaceInTheSchedule(t *testing.T) {
	const rate, steps = 0.5, 12
	for _, s := range []nn.Schedule{
		{}, {Name: "step"}, {Name: "step", Drops: 2, Gamma: 0.5}, {Name: "cosine"}, {Name: "cosine", WarmUp: 0.25}, {WarmUp: 0.5},
	} {
		net := nn.NewOf[float64](1, nn.Dense(1, nn.Linear))
		step := net.Trainer(nn.Absolute, &nn.GradientDescent{Rate: rate})
		step.Schedule, step.Steps = s, steps
		for k := range steps {
			before := net.Layers[0].B[0]
			step.On(nn.FromRows([][]float64{{0}}), nn.FromRows([][]float64{{1000}}))
			if got, want := net.Layers[0].B[0]-before, rate*s.Factor(k, steps); math.Abs(got-want) > 1e-12 {
				t.Errorf("%+v, step %d: b went up by %v, want %v", s, k, got, want)
			}
		}
	}
	for _, c := range []struct {
		s    nn.Schedule
		step int
		want float64
	}{
		{nn.Schedule{}, 99, 1},
		{nn.Schedule{Name: "cosine"}, 0, 1},
		{nn.Schedule{Name: "cosine"}, 50, 0.5},
		{nn.Schedule{Name: "cosine", WarmUp: 0.2}, 0, 1.0 / 21},
		{nn.Schedule{Name: "cosine", WarmUp: 0.2}, 20, 1},
		{nn.Schedule{Name: "step"}, 24, 1},
		{nn.Schedule{Name: "step"}, 25, 0.1},
		{nn.Schedule{Name: "step"}, 99, 1e-3},
	} {
		if got := c.s.Factor(c.step, 100); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: factor %v at step %d of 100, want %v", c.s, got, c.step, c.want)
		}
	}
}

// The standard deviation of N draws is within a share 5/√(2N) of the
// distribution's, but for one seed in a million.
func TestInitialisersDrawWithTheirDeviation(t *testing.T) {
	const nPrev, n = 400, 300
	for _, c := range []struct {
		init nn.Initialiser
		g    nn.Activation
		want float64
	}{
		{nn.He, nn.Tanh, math.Sqrt(2.0 / nPrev)},
		{nn.Xavier, nn.ReLU, math.Sqrt(2.0 / (nPrev + n))},
		{nn.Auto, nn.ReLU, math.Sqrt(2.0 / nPrev)},
		{nn.Auto, nn.Tanh, math.Sqrt(2.0 / (nPrev + n))},
		{nn.Normal(0.01), nn.ReLU, 0.01},
	} {
		net := nn.NewOf[float64](nPrev, nn.Dense(n, c.g), nn.Dense(1, nn.Linear))
		net.Init(c.init, 7)
		w := net.Layers[0].W.Data
		mean, square := 0.0, 0.0
		for _, v := range w {
			mean += v / float64(len(w))
			square += v * v / float64(len(w))
		}
		N := float64(len(w))
		if sd := math.Sqrt(square - mean*mean); math.Abs(sd/c.want-1) > 5/math.Sqrt(2*N) || math.Abs(mean) > 5*c.want/math.Sqrt(N) {
			t.Errorf("%s for %s: mean %v, deviation %v, want 0 and %v", c.init, c.g, mean, sd, c.want)
		}
		for _, b := range net.Layers[0].B {
			if b != 0 {
				t.Fatalf("%s: a bias is %v", c.init, b)
			}
		}
	}
}

// Every step of L-BFGS satisfies the strong Wolfe conditions: with d the change
// of the parameters, J falls by at least 1e-4 of what the slope g·d promises,
// and 0.9 of that slope at most is left.
func TestEveryStepOfLBFGSSatisfiesTheWolfeConditions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		x, y := problem[float64](4, 3, 60, seed)
		net := nn.NewOf[float64](4, nn.Dense(6, nn.Tanh), nn.Dense(3, nn.Softmax))
		net.Init(nn.Auto, seed)
		at := func() (float64, []float64) {
			look := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{})
			look.L2 = 1e-3
			cost, err := look.Gradient(x, y, nil)
			if err != nil {
				t.Fatal(err)
			}
			return cost, gradientOf(look)
		}
		step := net.Trainer(nn.CrossEntropy, &nn.LBFGS{Memory: rapid.IntRange(1, 12).Draw(t, "memory")})
		step.L2 = 1e-3
		for k := range 25 {
			p, cost, g := parametersOf(net), 0.0, []float64(nil)
			if cost, g = at(); math.Sqrt(dot(g, g)) < 1e-5 {
				return
			}
			step.On(x, y)
			if err := step.Err(); err != nil {
				t.Fatal(err)
			}
			d := minus(parametersOf(net), p)
			after, left := at()
			slope, rest := dot(g, d), dot(left, d)
			if !(slope < 0) || after > cost+1e-4*slope+1e-14 || math.Abs(rest) > 0.9*math.Abs(slope)+1e-14 {
				t.Fatalf("step %d: J from %v to %v, slope along the step from %v to %v", k+1, cost, after, slope, rest)
			}
		}
	})
}

// On a linear network with half squared error L-BFGS finds what the normal
// equations give.
func TestLBFGSSolvesLeastSquares(t *testing.T) {
	const nx, m = 5, 40
	x, _ := problem[float64](nx, 2, m, 11)
	y := nn.NewMatrix[float64](1, m)
	for j := range m {
		y.Set(0, j, math.Sin(float64(j))+x.At(0, j)-3*x.At(4, j))
	}
	net := nn.NewOf[float64](nx, nn.Dense(1, nn.Linear))
	step := net.Trainer(nn.HalfSquared, &nn.LBFGS{})
	for range 40 {
		step.On(x, y)
	}
	// (A·Aᵀ)·w = A·y, A being X and a row of ones; by elimination.
	row := func(i, j int) float64 {
		if i == nx {
			return 1
		}
		return x.At(i, j)
	}
	var a [nx + 1][nx + 2]float64
	for i := range a {
		for j := range m {
			for k := range a {
				a[i][k] += row(i, j) * row(k, j)
			}
			a[i][nx+1] += row(i, j) * y.At(0, j)
		}
	}
	for i := range a {
		for k := range a {
			if k != i {
				f := a[k][i] / a[i][i]
				for c := range a[k] {
					a[k][c] -= f * a[i][c]
				}
			}
		}
	}
	got := parametersOf(net)
	for i := range a {
		if want := a[i][nx+1] / a[i][i]; math.Abs(got[i]-want) > 1e-6 {
			t.Errorf("parameter %d is %v, want %v", i, got[i], want)
		}
	}
}
