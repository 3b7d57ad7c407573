// Package nn is the engine: networks of dense layers, trained by
// back-propagation and gradient descent, in float32 or float64.
//
// Names, shapes and layout are those of the textbook (package notes). An
// example is a column; a row holds one feature, or one unit, for all examples:
//
//	          m examples →
//	X  =  | x[0,0] x[0,1] … |   nx features ↓        Z1 = W1·X + b1    (n1, m)
//	      | x[1,0] …        |                        A1 = g(Z1)        (n1, m)
//
// Layer l has n units; W is (n, nPrev), b is (n, 1), Z, A and dZ are (n, m).
// Throughout: nx features, n units of a layer, nPrev of the one before, m
// examples, c outputs.
//
//	net := nn.New(2, nn.Dense(4, nn.Tanh), nn.Dense(1, nn.Sigmoid))
//	net.Init(nn.Normal(0.01), seed)
//	step := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{Rate: 1.2})
//	for range 10_000 {
//		cost = step.On(X, Y) // X (2, m), Y (1, m)
//	}
//	err := step.Err()
//
// Network.Predict answers a batch. A Predictor does without allocation, and one
// row at a time fastest, if the network no longer changes:
//
//	p := nn.Predictor{Net: net, Frozen: net.Freeze()} // one a goroutine; Freeze's may be shared
//	A, err := p.Predict(x)                            // x (2, 1), A (1, 1)
//
// A trained network is a function of data, configuration and seed: not of the
// processor, nor of the number of threads.
package nn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Float is the precision of a network: float32 to train and serve, float64 to
// check gradients.
type Float interface{ float32 | float64 }

// MaxParameters bounds the weights and biases of a network (1 GiB in float32).
const MaxParameters = 1 << 28

// Network is a network in float32.
type Network = NetworkOf[float32]

// NetworkOf is a network of dense layers. Its parameters may be read and set
// element by element through Layers, or with SetParameters; a Trainer changes
// them. The slices in Layers are parts of one memory: a layer that is given
// others makes every use of the network an error.
type NetworkOf[T Float] struct {
	Inputs int // nx, the number of features
	Layers []LayerOf[T]

	params []T // what the layers' W and B are slices of: W row by row, then b
	err    error
}

// LayerOf is one dense layer: A = g(W·APrev + b).
type LayerOf[T Float] struct {
	Layer
	W MatrixOf[T] // (n, nPrev)
	B []T         // (n), the column b
}

// Layer describes a dense layer.
type Layer struct {
	Units      int        // n
	Activation Activation // g; Linear if not set
	Dropout    float64    // share of A set to 0 in each training step; 0 ≤ Dropout < 1
}

// Dense describes a layer of n units with activation g.
func Dense(n int, g Activation) Layer { return Layer{Units: n, Activation: g} }

// New returns a network of nx inputs and the given layers, all parameters 0.
// A description that can't be a network makes Err, and with it every use of
// the network, return an error.
func New(nx int, layers ...Layer) *Network { return NewOf[float32](nx, layers...) }

// NewOf is New for either precision.
func NewOf[T Float](nx int, layers ...Layer) *NetworkOf[T] {
	n := &NetworkOf[T]{Inputs: nx}
	size, err := checkLayers(nx, layers)
	if _, missing := kernel.Level(); missing != nil {
		err = fmt.Errorf("nn: %w", missing)
	}
	if err != nil {
		n.err = err
		return n
	}
	n.params = make([]T, size)
	rest, prev := n.params, nx
	for _, l := range layers {
		l.Activation, _ = l.Activation.known()
		w, b := l.Units*prev, l.Units
		n.Layers = append(n.Layers, LayerOf[T]{
			Layer: l,
			W:     MatrixOf[T]{Rows: l.Units, Cols: prev, Data: rest[:w:w]},
			B:     rest[w : w+b : w+b],
		})
		rest, prev = rest[w+b:], l.Units
	}
	return n
}

// checkLayers returns the number of parameters of a network of these layers.
func checkLayers(nx int, layers []Layer) (size int, err error) {
	if nx < 1 {
		return 0, fmt.Errorf("nn: a network needs at least 1 input, not %d", nx)
	}
	if len(layers) == 0 {
		return 0, fmt.Errorf("nn: a network needs at least one layer, the output")
	}
	prev := nx
	for i, l := range layers {
		if l.Activation, err = l.Activation.known(); err != nil {
			return 0, fmt.Errorf("nn: layer %d: %w", i+1, err)
		}
		switch {
		case l.Units < 1:
			return 0, fmt.Errorf("nn: layer %d: a layer needs at least 1 unit, not %d", i+1, l.Units)
		case l.Units > MaxParameters/(prev+1) || size > MaxParameters-l.Units*(prev+1):
			return 0, fmt.Errorf("nn: layer %d: %d units over %d inputs pass the limit of %d parameters a network", i+1, l.Units, prev, MaxParameters)
		case !(l.Dropout >= 0 && l.Dropout < 1):
			return 0, fmt.Errorf("nn: layer %d: dropout %v is outside 0 ≤ p < 1", i+1, l.Dropout)
		case !(l.Activation.Alpha >= 0 && finite(l.Activation.Alpha)):
			return 0, fmt.Errorf("nn: layer %d: %s with α = %v: α must be a number, at least 0", i+1, l.Activation.Name, l.Activation.Alpha)
		case l.Dropout > 0 && i == len(layers)-1:
			return 0, fmt.Errorf("nn: layer %d: the output layer can't have dropout", i+1)
		case l.Activation.Name == Softmax.Name && i < len(layers)-1:
			return 0, fmt.Errorf("nn: layer %d: softmax belongs to the output layer; hidden layers take %s", i+1, hiddenNames())
		}
		size += l.Units * (prev + 1)
		prev = l.Units
	}
	return size, nil
}

// Err says why the network can't be used, or nil.
func (n *NetworkOf[T]) Err() error {
	if n == nil {
		return fmt.Errorf("nn: there is no network")
	}
	if n.err != nil {
		return n.err
	}
	if n.params == nil {
		return fmt.Errorf("nn: a network is made by New")
	}
	at := 0
	for i := range n.Layers {
		l := &n.Layers[i]
		w := l.W.Rows * l.W.Cols
		if len(l.W.Data) != w || len(l.B) != l.Units || w == 0 || at+w+l.Units > len(n.params) ||
			&l.W.Data[0] != &n.params[at] || &l.B[0] != &n.params[at+w] {
			return fmt.Errorf("nn: layer %d: its W or b was replaced: SetParameters copies values into those that the network has", i+1)
		}
		if functionsOf[T](&l.Activation).forward == nil && (l.Activation.Name != Softmax.Name || i < len(n.Layers)-1) {
			return fmt.Errorf("nn: layer %d: activation %q is a name alone, or an output's: take it from ActivationNamed, or give it to New", i+1, l.Activation.Name)
		}
		at += w + l.Units
	}
	if at != len(n.params) {
		return fmt.Errorf("nn: a network of %d parameters has layers with %d: a layer was added or taken away", len(n.params), at)
	}
	return nil
}

// Outputs is c, the number of units of the last layer.
func (n *NetworkOf[T]) Outputs() int {
	if len(n.Layers) == 0 {
		return 0
	}
	return n.last().Units
}

// Parameters is the number of weights and biases.
func (n *NetworkOf[T]) Parameters() int { return len(n.params) }

func (n *NetworkOf[T]) last() *LayerOf[T] { return &n.Layers[len(n.Layers)-1] }

// Description returns the layers without their parameters, as New takes them.
func (n *NetworkOf[T]) Description() []Layer {
	layers := make([]Layer, len(n.Layers))
	for i, l := range n.Layers {
		layers[i] = l.Layer
	}
	return layers
}

// Clone returns a copy with parameters of its own.
func (n *NetworkOf[T]) Clone() *NetworkOf[T] {
	return Convert[T](n)
}

// CopyFrom takes the parameters of another network of the same layers.
func (n *NetworkOf[T]) CopyFrom(o *NetworkOf[T]) error {
	if err := errors.Join(n.Err(), o.Err()); err != nil {
		return err
	}
	for i := range n.Layers {
		if a, b := &n.Layers[i].W, &o.Layers[min(i, len(o.Layers)-1)].W; len(n.Layers) != len(o.Layers) || a.Rows != b.Rows || a.Cols != b.Cols {
			return fmt.Errorf("nn: layer %d: parameters can only be copied from a network of the same shape", i+1)
		}
	}
	copy(n.params, o.params)
	return nil
}

// Convert returns the network in another precision; parameters that it can't
// represent are rounded.
func Convert[S, T Float](n *NetworkOf[T]) *NetworkOf[S] {
	if err := n.Err(); err != nil {
		return &NetworkOf[S]{Inputs: n.Inputs, err: err}
	}
	c := NewOf[S](n.Inputs, n.Description()...)
	for i, p := range n.params {
		c.params[i] = S(p)
	}
	return c
}

// WriteParameters writes every parameter, little-endian, layer by layer: W row
// by row, then b. A fit hash is the SHA-256 of these bytes.
func (n *NetworkOf[T]) WriteParameters(w io.Writer) error {
	const chunk = 4096
	for p := n.params; len(p) > 0; p = p[min(chunk, len(p)):] {
		if err := binary.Write(w, binary.LittleEndian, p[:min(chunk, len(p))]); err != nil {
			return fmt.Errorf("nn: writing the parameters: %w", err)
		}
	}
	return nil
}

// Predict returns A of the last layer, (c, m), for X (nx, m). It may be called
// from several goroutines at once.
func (n *NetworkOf[T]) Predict(x MatrixOf[T]) (MatrixOf[T], error) {
	p := PredictorOf[T]{Net: n}
	return p.Predict(x)
}

// Predictor is PredictorOf in float32.
type Predictor = PredictorOf[float32]

// PredictorOf answers without allocation after its first call of a size. It
// belongs to one goroutine; any number may share a network.
type PredictorOf[T Float] struct {
	Net *NetworkOf[T]

	// Logits asks for Z of the last layer in place of A.
	Logits bool

	// Frozen, if not nil, is Net.Freeze: Net laid out for one example at a time,
	// which is several times faster.
	Frozen *FrozenOf[T]

	out    MatrixOf[T]
	space  workspace[T]
	values [2][]T // of one example's layers, by turns
}

// atOnce is how many examples a predictor takes through the network at a time:
// more than a tile, since a row of a wide X is a page of its own, and few enough
// for the second cache.
const atOnce = 2 * kernel.Tile

// Predict returns the output, (c, m), for X (nx, m). The matrix is used again
// by the next call.
func (p *PredictorOf[T]) Predict(x MatrixOf[T]) (MatrixOf[T], error) {
	n := p.Net
	if p.Frozen != nil {
		if n == nil || p.Frozen.of != n {
			return MatrixOf[T]{}, errNotItsOwn
		}
		if x.Cols == 1 {
			return p.one(x)
		}
	}
	if err := n.checkInput(x); err != nil {
		return MatrixOf[T]{}, err
	}
	c, m := n.Outputs(), x.Cols
	if cap(p.out.Data) < c*m {
		p.out.Data = make([]T, c*m)
	}
	p.out = MatrixOf[T]{Rows: c, Cols: m, Data: p.out.Data[:c*m]}
	p.space.fit(n, min(m, atOnce), false, false)
	for first := 0; first < m; first += atOnce {
		mt := min(atOnce, m-first)
		last, ld := p.space.forward(n, x, first, mt, nil), p.space.ld
		out := last.z
		if !p.Logits {
			out = last.a
			activate(&n.last().Activation, out, last.z, ld, c, mt)
		}
		for i := range c {
			copy(p.out.Data[i*m+first:i*m+first+mt], out[i*ld:])
		}
	}
	return p.out, nil
}

func (n *NetworkOf[T]) checkInput(x MatrixOf[T]) error {
	if err := n.Err(); err != nil {
		return err
	}
	if err := x.check("X"); err != nil {
		return err
	}
	if x.Rows != n.Inputs {
		hint := ""
		if x.Cols == n.Inputs {
			hint = fmt.Sprintf("; Xᵀ has shape (%d, %d) and would fit: an example is a column", x.Cols, x.Rows)
		}
		return fmt.Errorf("nn: layer 1: Z1 = W1·X + b1: W1 (%d, %d) needs X to have %d rows, one a feature; X is (%d, %d)%s",
			n.Layers[0].Units, n.Inputs, n.Inputs, x.Rows, x.Cols, hint)
	}
	return nil
}

// SetParameters sets W, row by row, and b of layer l (0 is the first).
func (n *NetworkOf[T]) SetParameters(l int, w MatrixOf[T], b []T) error {
	if err := n.Err(); err != nil {
		return err
	}
	if l < 0 || l >= len(n.Layers) {
		return fmt.Errorf("nn: layer %d of a network of %d layers", l+1, len(n.Layers))
	}
	if err := w.check("W"); err != nil {
		return err
	}
	to := &n.Layers[l]
	if w.Rows != to.W.Rows || w.Cols != to.W.Cols {
		hint := ""
		if w.Cols == to.W.Rows && w.Rows == to.W.Cols {
			hint = fmt.Sprintf("; Wᵀ has shape (%d, %d) and would fit", w.Cols, w.Rows)
		}
		return fmt.Errorf("nn: layer %d: Z = W·A + b: W is (%d, %d), this layer needs (%d, %d)%s",
			l+1, w.Rows, w.Cols, to.W.Rows, to.W.Cols, hint)
	}
	if len(b) != len(to.B) {
		return fmt.Errorf("nn: layer %d: Z = W·A + b: b is (%d, 1), this layer needs (%d, 1)", l+1, len(b), len(to.B))
	}
	copy(to.W.Data, w.Data)
	copy(to.B, b)
	return nil
}

// finite reports whether x is neither NaN nor infinite.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
