package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shoal-nn/shoal/nn"
)

// outputsFor lists the output layers that a loss is checked with.
func outputsFor(l nn.Loss) []nn.Layer {
	switch l.Name {
	case nn.CrossEntropy.Name:
		return []nn.Layer{nn.Dense(1, nn.Sigmoid), nn.Dense(2, nn.Sigmoid), nn.Dense(3, nn.Softmax)}
	case nn.Poisson.Name:
		return []nn.Layer{nn.Dense(2, nn.Exp)}
	}
	return []nn.Layer{nn.Dense(2, nn.Linear), nn.Dense(1, nn.Tanh)}
}

// Every activation × loss × depth 1 to 3 × 20 seeds: the gradient of the cost,
// tensor by tensor, against central differences.
func TestGradientsEqualCentralDifferences(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 3
	}
	for _, g := range nn.Activations() {
		for _, loss := range nn.Losses() {
			for _, output := range outputsFor(loss) {
				for depth := 1; depth <= 3; depth++ {
					name := fmt.Sprintf("%s/%s/%s/depth %d", g.Name, loss.Name, output.Activation.Name, depth)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						var seen, kinks int
						for seed := range seeds {
							n, k := gradcheck(t, g, loss, output, depth, uint64(seed))
							seen, kinks = seen+n, kinks+k
						}
						// Kinks are rare: if many numbers look like one, it is the
						// gradient that is wrong, or the look.
						if most := seen / 100; kinks > most {
							t.Errorf("%d of %d numbers were left out for a kink, at most %d are", kinks, seen, most)
						}
					})
				}
			}
		}
	}
}

// gradcheck compares the gradient with differences, but for kinks, of which it
// returns the number.
func gradcheck(t *testing.T, g nn.Activation, loss nn.Loss, output nn.Layer, depth int, seed uint64) (seen, kinks int) {
	random := rand.New(rand.NewPCG(seed, 99))
	const nx, m = 3, 5
	var layers []nn.Layer
	for range depth - 1 {
		layers = append(layers, nn.Dense(4, g))
	}
	if depth == 1 && output.Activation.Name == nn.Tanh.Name {
		output.Activation = g // without hidden layers the activation is the output's
	}
	net := nn.NewOf[float64](nx, append(layers, output)...)
	init := nn.Auto
	if g.Name == nn.Exp.Name {
		init = nn.Normal(0.3) // exponentials of exponentials: costs beyond what a difference resolves
	}
	net.Init(init, seed)
	X, Y := nn.NewMatrix[float64](nx, m), nn.NewMatrix[float64](output.Units, m)
	weights := make([]float64, m)
	for i := range X.Data {
		X.Data[i] = random.NormFloat64()
	}
	for j := range m {
		weights[j] = random.Float64() + 0.1
		for i := range Y.Rows {
			switch {
			case output.Activation.Name == nn.Softmax.Name:
				Y.Set(i, j, 0)
			case loss.Name == nn.CrossEntropy.Name:
				Y.Set(i, j, float64(random.IntN(2)))
			case loss.Name == nn.Poisson.Name:
				Y.Set(i, j, float64(random.IntN(4)))
			default:
				Y.Set(i, j, random.NormFloat64())
			}
		}
		if output.Activation.Name == nn.Softmax.Name {
			Y.Set(random.IntN(Y.Rows), j, 1)
		}
	}
	step := net.Trainer(loss, &nn.GradientDescent{})
	step.L2, step.Threads = 0.1, 1
	cost := func() float64 {
		J, err := step.Cost(X, Y, weights)
		if err != nil {
			t.Fatal(err)
		}
		return J
	}
	if _, err := step.Gradient(X, Y, weights); err != nil {
		t.Fatal(err)
	}
	for l := range net.Layers {
		dw, db := step.Grad(l)
		for _, p := range []struct {
			name      string
			of        []float64
			parameter []float64
		}{{"dW", slices.Clone(dw.Data), net.Layers[l].W.Data}, {"db", slices.Clone(db), net.Layers[l].B}} {
			numeric := make([]float64, len(p.of))
			for i := range p.parameter {
				kinked := false
				numeric[i] = slope(&p.parameter[i], cost, &kinked)
				if kinked { // within reach of the difference, which says nothing then
					p.of[i], numeric[i] = 0, 0
					kinks++
				}
				seen++
			}
			if d := distance(p.of, numeric); d > 1e-6 {
				t.Errorf("seed %d, layer %d: %s is off by %.2g\n got %v\nwant %v", seed, l+1, p.name, d, p.of, numeric)
			}
		}
	}
	return seen, kinks
}

// slope is the central difference of the cost by one parameter. The slopes on
// both sides differ by more than curvature allows where there is a kink
// between.
func slope(p *float64, cost func() float64, kinked *bool) float64 {
	const h = 1e-5
	at := *p
	here := cost()
	*p = at + h
	up := cost()
	*p = at - h
	down := cost()
	*p = at
	if right, left := (up-here)/h, (here-down)/h; math.Abs(right-left) > 1e-3*max(1, math.Abs(right)+math.Abs(left)) {
		*kinked = true
	}
	return (up - down) / (2 * h)
}

// distance is ‖g − g′‖ / (‖g‖ + ‖g′‖), 0 where both are below what a central
// difference can see.
func distance(g, numeric []float64) float64 {
	var apart, a, b float64
	for i := range g {
		apart += (g[i] - numeric[i]) * (g[i] - numeric[i])
		a += g[i] * g[i]
		b += numeric[i] * numeric[i]
	}
	if math.Sqrt(a)+math.Sqrt(b) < 1e-5 {
		return 0
	}
	return math.Sqrt(apart) / (math.Sqrt(a) + math.Sqrt(b))
}
