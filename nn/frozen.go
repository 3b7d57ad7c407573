package nn

import (
	"fmt"
	"slices"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Frozen is FrozenOf in float32.
type Frozen = FrozenOf[float32]

// FrozenOf is a network whose parameters no longer change, laid out for
// answering one example at a time; any number of predictors may share it.
type FrozenOf[T Float] struct {
	of     *NetworkOf[T]
	err    error // of's
	layers []frozenLayer[T]
	widest int // units of a layer, in whole vectors
}

// frozenLayer is a layer for one example: Z = W·A + b, and g.
type frozenLayer[T Float] struct {
	w, b    []T // W as kernel.PanelUnits has it, or if long as it is; b in whole vectors
	n, k    int
	long    bool // kernel.Long
	relu    bool // is done by the product
	output  bool
	alpha   T
	forward func(a, z []T, alpha T) // nil for softmax
}

// Freeze lays a network out for answering one example at a time:
//
//	p := nn.Predictor{Net: net, Frozen: net.Freeze()}
//	a, err := p.Predict(x) // x (nx, 1)
//
// What is frozen doesn't follow the network: after a step of training, freeze it
// anew, or train a Clone.
func (n *NetworkOf[T]) Freeze() *FrozenOf[T] {
	f := &FrozenOf[T]{of: n, err: n.Err()}
	if f.err != nil {
		return f
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		to := frozenLayer[T]{
			w: slices.Clone(l.W.Data), n: l.Units, k: l.W.Cols, long: kernel.Long(l.Units, l.W.Cols), output: i == len(n.Layers)-1,
			alpha: T(l.Activation.Alpha), forward: functionsOf[T](&l.Activation).forward,
		}
		size := kernel.Panelled(l.Units, 1)
		to.b = make([]T, size)
		copy(to.b, l.B)
		if !to.long {
			to.w = make([]T, kernel.Panelled(to.n, to.k))
			kernel.PanelUnits(to.w, l.W.Data, to.n, to.k)
			to.relu = l.Activation.Name == ReLU.Name && !to.output
		}
		f.layers = append(f.layers, to)
		f.widest = max(f.widest, size)
	}
	return f
}

// one answers one example, and returns A of the last layer, or its Z.
func (p *PredictorOf[T]) one(x MatrixOf[T]) (MatrixOf[T], error) {
	f := p.Frozen
	if f.err != nil {
		return MatrixOf[T]{}, f.err
	}
	if x.Rows != p.Net.Inputs || len(x.Data) != x.Rows {
		return MatrixOf[T]{}, p.Net.checkInput(x)
	}
	if len(p.values[0]) < f.widest {
		p.values[0], p.values[1] = make([]T, f.widest), make([]T, f.widest)
	}
	in := x.Data
	for i := range f.layers {
		l := &f.layers[i]
		z := p.values[i%2][:len(l.b)]
		if l.long {
			kernel.AffineLongOne(z, l.w, l.b, in, l.n, l.k)
		} else {
			kernel.AffineOne(z, l.w, l.b, in, l.n, l.k, l.relu)
		}
		in = z[:l.n]
		switch {
		case l.output && p.Logits || l.relu:
		case l.forward != nil:
			l.forward(z, z, l.alpha) // of whole vectors, which needs no mask
		default:
			kernel.SoftmaxOne(z, l.n)
		}
	}
	if cap(p.out.Data) < len(in) {
		p.out.Data = make([]T, len(in))
	}
	p.out = MatrixOf[T]{Rows: len(in), Cols: 1, Data: p.out.Data[:len(in)]}
	copy(p.out.Data, in)
	return p.out, nil
}

// errNotItsOwn says that a predictor was given the layout of another network.
var errNotItsOwn = fmt.Errorf("nn: a predictor's Frozen must be its Net's own Freeze")
