package explain

import (
	"testing"

	"github.com/shoal-nn/shoal/nn"
)

// Two units count as one where no weight or bias differs by more than a
// millionth of the layer's largest weight.
func TestDistinctUnits(t *testing.T) {
	for _, c := range []struct {
		apart float64
		bias  bool
		want  int
	}{
		{0, false, 2},
		{1.9e-6, false, 2},
		{2.1e-6, false, 3},
		{-2.1e-6, false, 3},
		{1.9e-6, true, 2},
		{2.1e-6, true, 3},
	} {
		n := nn.NewOf[float64](2, nn.Dense(3, nn.Tanh), nn.Dense(1, nn.Sigmoid))
		copy(n.Layers[0].W.Data, []float64{2, 1, -2, 0.5, 2, 1}) // the third is the first
		if c.bias {
			n.Layers[0].B[2] += c.apart
		} else {
			n.Layers[0].W.Data[5] += c.apart
		}
		if got := distinct(n, 0); got != c.want {
			t.Errorf("%v apart, in the bias %v: %d distinct units, want %d", c.apart, c.bias, got, c.want)
		}
	}
}
