package explain

import (
	"fmt"
	"io"
	"math"

	"github.com/shoal-nn/shoal/nn"
)

// Symmetry is the same network trained from different first weights.
type Symmetry struct {
	Seed   uint64  `json:"seed"`
	Units  int     `json:"units"` // of the hidden layer
	Steps  []int   `json:"steps"` // at which costs are told
	Starts []Start `json:"starts"`
}

// Start is one way to begin, and where it led.
type Start struct {
	Name     string      `json:"name"`
	Init     string      `json:"init"`  // as --init and --init-scale have it
	Costs    []float64   `json:"costs"` // at Symmetry.Steps
	Accuracy float64     `json:"accuracy"`
	Distinct int         `json:"distinct"` // hidden units that differ from each other
	W1       [][]float64 `json:"W1"`       // at the end, (n1, nx)
	B1       [][]float64 `json:"b1"`       // (n1, 1)
}

// sameUnit is how near the weights of two hidden units must be, relative to
// the largest, to count as one.
const sameUnit = 1e-6

// ShowSymmetry trains from zeros, from equal weights and from random ones, and
// counts the hidden units that differ at the end. Notes, part 6.
func ShowSymmetry(seed uint64) (*Symmetry, error) {
	const units = 4
	r := &Symmetry{Seed: seed, Units: units, Steps: []int{0, 100, 1000, 5000}}
	x, y := fourClouds()
	for _, s := range []struct {
		name string
		init nn.Initialiser
	}{
		{"zeros", nn.Zeros},
		{"equal", nn.Constant(0.5)},
		{"random × 0.01", nn.Normal(0.01)},
		{"random, Xavier", nn.Xavier},
	} {
		n := nn.NewOf[float64](x.Rows, nn.Dense(units, nn.Tanh), nn.Dense(1, nn.Sigmoid))
		n.Init(s.init, seed)
		start := Start{Name: s.name, Init: s.init.String()}
		done := 0
		for _, steps := range r.Steps {
			cost, err := descend(n, nn.CrossEntropy, x, y, 1.2, steps-done)
			if err != nil {
				return nil, err
			}
			start.Costs, done = append(start.Costs, cost), steps
		}
		var err error
		if start.Accuracy, err = accuracy(n, x, y); err != nil {
			return nil, err
		}
		first := n.Layers[0]
		start.W1, start.B1 = first.W.RowSlices(), columnOf(first.B).RowSlices()
		start.Distinct = distinct(n, 0)
		r.Starts = append(r.Starts, start)
	}
	return r, nil
}

// distinct counts the units of layer l whose weights and bias differ from those
// of every unit before them.
func distinct(n *Network, l int) int {
	layer := n.Layers[l]
	size := largestOf(layer.W.Data)
	same := func(i, k int) bool {
		apart := math.Abs(layer.B[i] - layer.B[k])
		for j, v := range layer.W.Row(i) {
			apart = max(apart, math.Abs(v-layer.W.At(k, j)))
		}
		return apart <= sameUnit*size
	}
	count := 0
	for i := range layer.Units {
		before := 0
		for before < i && !same(i, before) {
			before++
		}
		if before == i {
			count++
		}
	}
	return count
}

// WriteText writes the experiment.
func (r *Symmetry) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	p.title("Why the first weights are random")
	p.paragraph(0, fmt.Sprintf("A network 2 → %d tanh → 1 sigmoid on four clouds of points, of which opposite ones belong together; gradient descent with rate 1.2; biases start at 0; seed %d.", r.Units, r.Seed))
	p.line("")
	head := []string{"first weights"}
	for _, s := range r.Steps {
		head = append(head, fmt.Sprintf("J at %d", s))
	}
	cells := [][]string{append(head, "right", "distinct")}
	for _, s := range r.Starts {
		row := []string{s.Name}
		for _, c := range s.Costs {
			row = append(row, fmt.Sprintf("%.4f", c))
		}
		cells = append(cells, append(row, fmt.Sprintf("%.0f %%", 100*s.Accuracy), fmt.Sprintf("%d of %d", s.Distinct, r.Units)))
	}
	p.table(0, cells)
	for _, s := range r.Starts {
		p.line("")
		p.line("%s: W1 and b1 at the end", s.Name)
		joined := nn.NewMatrix[float64](len(s.W1), len(s.W1[0])+1)
		for i, row := range s.W1 {
			copy(joined.Row(i), append(append([]float64(nil), row...), s.B1[i][0]))
		}
		p.matrix(2, "[W1 b1]", joined)
	}
	p.line("")
	p.paragraph(0, "From zeros, A1 = 0, so dW2 = 0; and W2 = 0, so dA1 = 0: no weight ever changes. Only b2 could.")
	p.paragraph(0, "From equal weights every hidden unit gets the same Z, the same A, the same dZ, and the same change: for ever one unit, written down several times.")
	p.paragraph(0, "Random weights break the symmetry. Small ones, the notes' × 0.01, keep tanh and sigmoid where they are steep; Xavier and He choose the size by the number of inputs, so that it suits deeper networks too. Biases may start at 0.")
	return p.to(w)
}
