package explain_test

import (
	"math"
	"slices"
	"testing"

	"github.com/shoal-nn/shoal/explain"
	"github.com/shoal-nn/shoal/nn"
)

func TestLinearLayersCollapse(t *testing.T) {
	for seed := range uint64(5) {
		r, err := explain.ShowLinearity(seed)
		if err != nil {
			t.Fatal(err)
		}
		if r.Collapsed.Apart > 1e-12 {
			t.Errorf("seed %d: W′·x + b′ is %v from the network's Z2", seed, r.Collapsed.Apart)
		}
		if r.Linear.Accuracy > 0.75 || r.Tanh.Accuracy < 0.95 || r.Parabola.Linear < 0.04 || r.Parabola.Tanh > 0.01 {
			t.Errorf("seed %d: linear %+v, tanh %+v, parabola %+v", seed, r.Linear, r.Tanh, r.Parabola)
		}
	}
}

func TestOnlyRandomWeightsGiveDistinctUnits(t *testing.T) {
	for seed := range uint64(3) {
		r, err := explain.ShowSymmetry(seed)
		if err != nil {
			t.Fatal(err)
		}
		var distinct []int
		for _, s := range r.Starts {
			distinct = append(distinct, s.Distinct)
		}
		if !slices.Equal(distinct, []int{1, 1, 4, 4}) {
			t.Errorf("seed %d: distinct units %v", seed, distinct)
		}
		for _, s := range r.Starts[2:] {
			if last := s.Costs[len(s.Costs)-1]; last > 0.1 || s.Accuracy < 0.95 {
				t.Errorf("seed %d, %s: cost %v, accuracy %v", seed, s.Name, last, s.Accuracy)
			}
		}
		if zeros := r.Starts[0]; math.Abs(zeros.Costs[3]-math.Ln2) > 1e-12 {
			t.Errorf("seed %d: from zeros the cost ends at %v, want log 2", seed, zeros.Costs[3])
		}
	}
}

// sick has a unit of each kind in its hidden layer of ReLU, and saturated ones
// in that of tanh.
func sick() *explain.Example {
	e := &explain.Example{
		Name: "sick", Loss: nn.CrossEntropy,
		Net: nn.NewOf[float64](2, nn.Dense(5, nn.ReLU), nn.Dense(3, nn.Tanh), nn.Dense(1, nn.Sigmoid)),
		X:   nn.FromRows([][]float64{{-1, 0.5, 1, 0.2}, {0.5, 1, -1, 0.7}}),
	}
	copy(e.Net.Layers[0].W.Data, []float64{
		1, 2, // sound
		0.5, -0.5, // dead by its bias
		1, 2, // twin of the first
		0, 0, // constant
		-1, 0.3, // sound
	})
	copy(e.Net.Layers[0].B, []float64{0.5, -9, 0.5, 0.7, 0.6})
	copy(e.Net.Layers[1].W.Data, []float64{
		0.3, 0, 0, 0.1, -0.2, // sound
		0, 0, 0, 9, 0, // saturated
		-0.3, 0, 0, -0.1, 0.2, // opposite of the first
	})
	return e
}

func TestHealthFindsWhatIsWrong(t *testing.T) {
	h, err := sick().Health()
	if err != nil {
		t.Fatal(err)
	}
	if h.OK || len(h.Layers) != 2 {
		t.Fatalf("%+v", h)
	}
	one, two := h.Layers[0], h.Layers[1]
	if !slices.Equal(one.Dead, []int{2}) || !slices.Equal(one.Constant, []int{4}) || one.Saturated != nil || len(one.Twins) != 1 || !slices.Equal(one.Twins[0], []int{1, 3}) {
		t.Errorf("layer 1: %+v", one)
	}
	if !slices.Equal(two.Saturated, []int{2}) || two.Dead != nil || len(two.Twins) != 1 || !slices.Equal(two.Twins[0], []int{1, 3}) {
		t.Errorf("layer 2: %+v", two)
	}
	if h, err = explain.Corners().Health(); err != nil || !h.OK {
		t.Errorf("the built-in example: %v, %+v", err, h)
	}
}

func TestHealthTellsSaturationFromDeathAndMirrorsFromOthers(t *testing.T) {
	for _, c := range []struct {
		g               nn.Activation
		dead, saturated []int
		twins           [][]int
	}{
		// Unit 1 is so far out that g′ is rounded to 0; 3 is the opposite of 2.
		{nn.Tanh, nil, []int{1}, [][]int{{2, 3}}},
		{nn.Sigmoid, nil, []int{1}, [][]int{{2, 3}}},
		{nn.ReLU, []int{1}, nil, nil},
		{nn.LeakyReLU(0.1), nil, nil, nil},
	} {
		e := sick()
		e.Net = nn.NewOf[float64](2, nn.Dense(3, c.g), nn.Dense(1, nn.Sigmoid))
		copy(e.Net.Layers[0].W.Data, []float64{0.1, 0.1, 1, 0.5, -1, -0.5})
		copy(e.Net.Layers[0].B, []float64{-900, 0.2, -0.2})
		h, err := e.Health()
		if err != nil {
			t.Fatal(err)
		}
		l := h.Layers[0]
		if !slices.Equal(l.Dead, c.dead) || !slices.Equal(l.Saturated, c.saturated) || !slices.EqualFunc(l.Twins, c.twins, slices.Equal[[]int]) {
			t.Errorf("%s: dead %v, saturated %v, twins %v; want %v, %v, %v", c.g, l.Dead, l.Saturated, l.Twins, c.dead, c.saturated, c.twins)
		}
	}
}
