package explain_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/explain"
	"github.com/shoal-nn/shoal/nn"
)

// random makes an example of some layers, with m examples that follow from the
// seed.
func random(t testing.TB, seed uint64, m int, loss nn.Loss, nx int, layers ...nn.Layer) *explain.Example {
	t.Helper()
	e := &explain.Example{Name: fmt.Sprint(layers), Net: nn.NewOf[float64](nx, layers...), Loss: loss}
	if err := e.Net.Err(); err != nil {
		t.Fatal(err)
	}
	e.Net.Init(nn.Normal(0.8), seed)
	// Normal numbers of another network's weights serve as data.
	data := nn.NewOf[float64](nx, nn.Dense(m, nn.Linear), nn.Dense(m, nn.Linear))
	data.Init(nn.Normal(1), seed+1)
	c := e.Net.Outputs()
	e.X, e.Y = nn.NewMatrix[float64](nx, m), nn.NewMatrix[float64](c, m)
	for i := range nx {
		for j := range m {
			e.X.Set(i, j, data.Layers[0].W.At(j, i))
		}
	}
	for l := range e.Net.Layers {
		for i := range e.Net.Layers[l].B {
			e.Net.Layers[l].B[i] = data.Layers[1].W.At(0, i%m) / 4
		}
	}
	for j := range m {
		switch e.Net.Layers[len(layers)-1].Activation.Name {
		case nn.Softmax.Name:
			e.Y.Set(j%c, j, 1)
		case nn.Sigmoid.Name:
			for i := range c {
				e.Y.Set(i, j, float64((i+j)%2))
			}
		default:
			for i := range c {
				e.Y.Set(i, j, math.Abs(data.Layers[1].W.At(i%m, j)))
			}
		}
	}
	return e
}

// some are examples of every shape that matters: one layer to three, square
// weights and others, every pair of output and loss.
func some(t testing.TB, seed uint64) []*explain.Example {
	leaky := nn.LeakyReLU(0.01)
	return []*explain.Example{
		explain.Corners(),
		random(t, seed, 6, nn.CrossEntropy, 3, nn.Dense(4, nn.Tanh), nn.Dense(1, nn.Sigmoid)),
		random(t, seed, 7, nn.CrossEntropy, 3, nn.Dense(3, nn.Sigmoid), nn.Dense(3, nn.Softmax)),
		random(t, seed, 8, nn.HalfSquared, 2, nn.Dense(4, nn.ReLU), nn.Dense(4, nn.Tanh), nn.Dense(2, nn.Linear)),
		random(t, seed, 5, nn.HalfSquared, 4, nn.Dense(4, leaky), nn.Dense(4, leaky), nn.Dense(4, nn.Sigmoid)),
		random(t, seed, 6, nn.Poisson, 3, nn.Dense(3, nn.ELU(1)), nn.Dense(1, nn.Exp)),
		random(t, seed, 6, nn.Absolute, 3, nn.Dense(5, nn.SiLU), nn.Dense(1, nn.Linear)),
		random(t, seed, 6, nn.Huber(0.5), 3, nn.Dense(5, nn.GELU), nn.Dense(2, nn.Linear)),
		random(t, seed, 6, nn.Quantile(0.9), 3, nn.Dense(5, nn.Softplus), nn.Dense(1, nn.Linear)),
		random(t, seed, 9, nn.CrossEntropy, 4, nn.Dense(1, nn.Sigmoid)),
	}
}

func TestARightGradientIsNotAccused(t *testing.T) {
	for seed := range uint64(10) {
		for _, e := range some(t, seed) {
			c, err := e.GradCheck(explain.GradCheckOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !c.OK || c.Err() != nil || c.Looks != nil {
				t.Errorf("seed %d, %s, %s: %v\n%+v", seed, c.Network, c.Loss, c.Err(), c.Tensors)
			}
		}
	}
}

func TestEveryPlantedMistakeIsFoundAndNamed(t *testing.T) {
	found := map[string]int{}
	for seed := range uint64(5) {
		for _, e := range some(t, seed) {
			for _, m := range explain.Mistakes() {
				c, err := e.GradCheck(explain.GradCheckOptions{Mistake: &m})
				if err != nil {
					if !strings.Contains(err.Error(), "can't be made in this network") {
						t.Error(err)
					}
					continue
				}
				if c.Note != "" {
					if !c.OK {
						t.Errorf("%s in %s: %q, and yet the gradient is wrong", m.Name, c.Network, c.Note)
					}
					continue
				}
				named := slices.ContainsFunc(c.Looks, func(s explain.Suspect) bool {
					return s.Equation == m.Equation && (s.Wrong == m.Wrong || m.Name == "g-of-another" && strings.Contains(s.Wrong, "g′ is that of"))
				})
				if c.OK || !named {
					t.Errorf("seed %d: %s in %s, %s: OK %v, suspects %v", seed, m.Name, c.Network, c.Loss, c.OK, c.Looks)
				}
				found[m.Name]++
			}
		}
	}
	for _, m := range explain.Mistakes() {
		if found[m.Name] < 5 {
			t.Errorf("%s was found %d times only", m.Name, found[m.Name])
		}
	}
}

func TestSomebodysOwnGradientIsDiagnosed(t *testing.T) {
	e := random(t, 3, 6, nn.CrossEntropy, 3, nn.Dense(3, nn.Tanh), nn.Dense(3, nn.Tanh), nn.Dense(1, nn.Sigmoid))
	own := func() []explain.Gradient {
		s := step(t, e)
		g := make([]explain.Gradient, len(s.DW))
		for l := range g {
			g[l] = explain.Gradient{DW: s.DW[l], DB: s.DB[l]}
		}
		return g
	}
	times := func(m explain.Matrix, by float64) {
		for i := range m.Data {
			m.Data[i] *= by
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(g []explain.Gradient)
		want  string
	}{
		{"none", func([]explain.Gradient) {}, "<nil>"},
		{"1/m missing in one layer", func(g []explain.Gradient) { times(g[1].DW, 6) }, "dW = dZ·Aᵀ / m in layer 2 looks wrong: dW = dZ·Aᵀ, without the 1/m"},
		{"m twice", func(g []explain.Gradient) { times(g[2].DW, 1.0/6) }, "dW3 is the first that is wrong, and it is 0.1667 times what it should be, that is 1/m"},
		{"doubled", func(g []explain.Gradient) { times(g[0].DB, 2) }, "db = Σ dZ / m in layer 1 looks wrong: going backwards, db1 is the first that is wrong, and it is 2 times"},
		{"a number", func(g []explain.Gradient) { g[1].DW.Data[4] += 0.1 }, "no known mistake gives these numbers. Going backwards, dW2 is the first that is wrong"},
		{"not a number", func(g []explain.Gradient) { g[1].DW.Data[4] = math.NaN() }, "dW2 is the first that is wrong"},
		{"a transpose", func(g []explain.Gradient) { g[1].DW = g[1].DW.T() }, "dW = dZ·Aᵀ / m in layer 2 looks wrong: dW = A·dZᵀ / m"},
		{"a shape", func(g []explain.Gradient) { g[2].DW = g[2].DW.T() }, "dW3 is (3, 1); it has the shape of its parameter, (1, 3); its transpose would fit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := own()
			c.spoil(g)
			check, err := e.GradCheck(explain.GradCheckOptions{Gradients: g})
			if err == nil {
				err = check.Err()
			}
			if !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%v; want %s", err, c.want)
			}
		})
	}
	if _, err := e.GradCheck(explain.GradCheckOptions{Gradients: own()[:2]}); err == nil || !strings.Contains(err.Error(), "2 gradients for 3 layers") {
		t.Errorf("two gradients for three layers: %v", err)
	}
}

// atAKink has an example that is 0, and biases of 0: every ReLU's z is 0 there.
func atAKink() *explain.Example {
	e := &explain.Example{
		Name: "at a kink", Loss: nn.HalfSquared,
		Net: nn.NewOf[float64](2, nn.Dense(2, nn.ReLU), nn.Dense(1, nn.Linear)),
		X:   nn.FromRows([][]float64{{0, 1, -2}, {0, -1, 0.5}}),
		Y:   nn.FromRows([][]float64{{1, 0, 2}}),
	}
	copy(e.Net.Layers[0].W.Data, []float64{0.5, -0.25, -1, 0.75})
	copy(e.Net.Layers[1].W.Data, []float64{1, -0.5})
	return e
}

func TestAKinkIsReportedAndNotAMistake(t *testing.T) {
	c, err := atAKink().GradCheck(explain.GradCheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// z is 0 in example 1 alone, whose x is 0: no weight moves it, both biases do.
	if !c.OK || len(c.Kinks) != 2 {
		t.Fatalf("OK %v, %d kinks: %+v", c.OK, len(c.Kinks), c.Kinks)
	}
	for i, k := range c.Kinks {
		if k.Tensor != "db1" || k.Row != i+1 || !strings.Contains(k.Why, "where relu has a kink") {
			t.Errorf("%+v", k)
		}
		if math.Abs(k.Left-k.Right) < 0.01 || math.Abs(k.Formula-k.Left) > 1e-4 {
			t.Errorf("unit %d: slopes %v and %v, the formula gives %v; with relu′(0) = 0 that is the left one", i+1, k.Left, k.Right, k.Formula)
		}
	}
	// A mistake beside a kink is still found.
	m, err := explain.MistakeNamed("dW-no-m")
	if err != nil {
		t.Fatal(err)
	}
	if c, err = atAKink().GradCheck(explain.GradCheckOptions{Mistake: &m}); err != nil || c.OK {
		t.Errorf("%v, OK %v", err, c.OK)
	}
}
