// Package explain answers what a learner asks, with numbers: what an
// activation does, why hidden layers need one, where each equation of the
// backward pass comes from, and whether a gradient is right.
//
//	Activations, Derivatives    parts 1 and 3 of the notes: g, g′ and their curves
//	ShowLinearity               part 2: linear layers collapse into one
//	Example.Step                part 4: every number of one training step
//	Example.Derivation          part 5: the chain rule, line by line, each line checked
//	Example.GradCheck           every gradient against a central difference; what is wrong if it is
//	ShowSymmetry                part 6: why the first weights are random
//	Example.Health              dead, saturated and twin units of a trained network
//
// Each returns a plain struct, which marshals to JSON and has a WriteText for a
// terminal. The network under the glass is the engine's own (package nn) in
// float64: what a learner steps through is what a service runs.
//
// Names and shapes are those of the notes: nx features, n units of a layer,
// nPrev of the layer before, m examples, c outputs; X is (nx, m), W is
// (n, nPrev), b is (n, 1), Z, A and dZ are (n, m). Layers, units, examples and
// elements of matrices are counted from 1 in text, as in the notes.
package explain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/nn"
)

// Matrix is a matrix in float64, row after row.
type Matrix = nn.MatrixOf[float64]

// Network is a network in float64.
type Network = nn.NetworkOf[float64]

// Example is a network with one batch: what a step, a derivation and a
// gradient check are about. ReadExample, FromModel and Corners make one.
type Example struct {
	Name string // what it is, for headings
	Net  *Network
	Loss nn.Loss
	X    Matrix // (nx, m)
	Y    Matrix // (c, m); Health does without

	Features []string // names of X's rows; may be nil
	// Notes say what a reader should know of where it came from.
	Notes []string
}

// check says what is wrong with an example that a program made.
func (e *Example) check() error {
	if err := e.checkNet(); err != nil {
		return err
	}
	if e.Y.Rows == 0 {
		return fmt.Errorf("explain: %s: there are no answers, Y; a table needs the target column", e.Name)
	}
	// The engine checks the rest of the shapes, and the numbers.
	if _, err := e.trainer(e.Net).Cost(e.X, e.Y, nil); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// checkNet is check without Y.
func (e *Example) checkNet() error {
	switch {
	case e == nil || e.Net == nil:
		return errors.New("explain: the example has no network")
	case e.Net.Err() != nil:
		return fmt.Errorf("explain: %w", e.Net.Err())
	}
	if _, err := e.Net.Predict(e.X); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// trainer returns a trainer that only measures.
func (e *Example) trainer(n *Network) *nn.TrainerOf[float64] {
	t := n.Trainer(e.Loss, &nn.GradientDescent{})
	t.Threads = 1
	return t
}

// trace is the engine's own step.
func (e *Example) trace() (*nn.TraceOf[float64], error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	t, err := e.trainer(e.Net).Trace(e.X, e.Y, nil)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return t, nil
}

// paired says whether the output's dZ is A − Y.
func (e *Example) paired() bool { return e.Loss.Paired(e.output()) }

func (e *Example) output() nn.Activation { return e.Net.Layers[len(e.Net.Layers)-1].Activation }

// sizes are nx and the units of every layer.
func (e *Example) sizes() []int {
	sizes := []int{e.Net.Inputs}
	for _, l := range e.Net.Layers {
		sizes = append(sizes, l.Units)
	}
	return sizes
}

// network describes a network in a line: "2 → 3 tanh → 1 sigmoid".
func network(n *Network) string {
	var s strings.Builder
	s.WriteString(strconv.Itoa(n.Inputs))
	for _, l := range n.Layers {
		fmt.Fprintf(&s, " → %d %s", l.Units, l.Activation)
	}
	return s.String()
}

// defaultLoss is the loss that goes with an output activation.
func defaultLoss(output nn.Activation) nn.Loss {
	switch output.Name {
	case nn.Sigmoid.Name, nn.Softmax.Name:
		return nn.CrossEntropy
	case nn.Exp.Name:
		return nn.Poisson
	}
	return nn.HalfSquared
}

// Corners is the built-in example: the four corners of a square, and a small
// network that is to answer three questions about each: is exactly one of the
// two features positive (xor), are both (and), is any (or)?
//
//	                              | 0 1 1 0 |   xor
//	      | −1 −1  1  1 |         | 0 0 0 1 |   and
//	X  =  | −1  1 −1  1 |   Y  =  | 0 1 1 1 |   or
func Corners() *Example {
	net := nn.NewOf[float64](2, nn.Dense(3, nn.Tanh), nn.Dense(3, nn.Sigmoid))
	mustSet(net, 0, [][]float64{{0.5, -0.4}, {0.3, 0.8}, {-0.6, 0.2}}, 0.2, -0.2, 0.3)
	mustSet(net, 1, [][]float64{{0.7, -0.5, 0.4}, {-0.3, 0.6, 0.9}, {0.2, 0.8, -0.6}}, 0.1, -0.1, 0.2)
	return &Example{
		Name: "the built-in example: four corners of a square; the outputs are xor, and, or",
		Net:  net, Loss: nn.CrossEntropy,
		X: nn.FromRows([][]float64{{-1, -1, 1, 1}, {-1, 1, -1, 1}}),
		Y: nn.FromRows([][]float64{{0, 1, 1, 0}, {0, 0, 0, 1}, {0, 1, 1, 1}}),
	}
}

// mustSet sets a layer of one of our own networks.
func mustSet(n *Network, l int, w [][]float64, b ...float64) {
	if err := n.SetParameters(l, nn.FromRows(w), b); err != nil {
		panic(err)
	}
}
