package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/nn"
)

// What another program's graph says of layers.

// above says where Z is larger than a limit: PyTorch's softplus is Z itself there.
type above struct {
	z     chain
	limit float64
}

// transpose turns a constant matrix over.
func (im *importer) transpose(n *Node, x []symbol) (symbol, error) {
	c, ok := x[0].(constant)
	perm := n.attribute("perm").Ints
	if !ok || len(c.t.Dims) != 2 || perm != nil && !slices.Equal(perm, []int64{1, 0}) {
		return nil, errors.New("only constant matrices can be turned over")
	}
	w, rows, cols, err := im.matrix(c)
	if err != nil {
		return nil, err
	}
	t, err := im.turned(w, rows, cols)
	return constant{&Tensor{Type: Float, Dims: []int64{int64(cols), int64(rows)}, Floats: t}}, err
}

func (im *importer) turned(w []float32, rows, cols int) ([]float32, error) {
	if err := im.spend(rows * cols); err != nil {
		return nil, err
	}
	t := make([]float32, rows*cols)
	for i := range rows {
		for j := range cols {
			t[j*rows+i] = w[i*cols+j]
		}
	}
	return t, nil
}

// matrix is a constant's elements as float32, with its shape.
func (im *importer) matrix(s symbol) (w []float32, rows, cols int, err error) {
	c, ok := s.(constant)
	if !ok || len(c.t.Dims) != 2 {
		return nil, 0, 0, errors.New("the weights must be a constant matrix")
	}
	x, err := im.numbersOf(s)
	if err != nil {
		return nil, 0, 0, err
	}
	w = make([]float32, len(x))
	for i, v := range x {
		w[i] = float32(v)
	}
	return w, int(c.t.Dims[0]), int(c.t.Dims[1]), nil
}

func (c *core) last() *dense { return &c.layers[len(c.layers)-1] }

// z is Z itself.
var z = &expression{op: "z"}

// layer puts a dense layer on features or on other layers: w is (units, inputs).
func (im *importer) layer(n *Node, x symbol, w []float32, units, inputs int) (symbol, error) {
	d := dense{units: units, inputs: inputs, w: w, b: make([]float32, units)}
	switch v := x.(type) {
	case features:
		v, err := im.sized(v, inputs)
		if err != nil {
			return nil, err
		}
		if len(v.forms) != inputs {
			return nil, fmt.Errorf("the weights take %d inputs, and there are %d", inputs, len(v.forms))
		}
		return chain{&core{v.forms, []dense{d}}, z}, nil
	case chain:
		below, err := im.settled(v)
		if err != nil {
			return nil, err
		}
		if have := below.last().units; have != inputs {
			return nil, fmt.Errorf("the weights take %d inputs, and there are %d", inputs, have)
		}
		return chain{&core{below.x, append(slices.Clone(below.layers), d)}, z}, nil
	}
	return nil, errors.New("the first operand must be columns or a layer's values, the second the weights")
}

func (im *importer) matMul(n *Node, x []symbol) (symbol, error) {
	w, inputs, units, err := im.matrix(x[1])
	if err != nil {
		return nil, err
	}
	t, err := im.turned(w, inputs, units)
	if err != nil {
		return nil, err
	}
	return im.layer(n, x[0], t, units, inputs)
}

func (im *importer) gemm(n *Node, x []symbol) (symbol, error) {
	w, rows, cols, err := im.matrix(x[1])
	if err != nil {
		return nil, err
	}
	if n.int("transA", 0) != 0 {
		return nil, errors.New("transA isn't supported")
	}
	if n.int("transB", 0) == 0 {
		if w, err = im.turned(w, rows, cols); err != nil {
			return nil, err
		}
		rows, cols = cols, rows
	}
	if alpha := n.float("alpha", 1); alpha != 1 {
		for i := range w {
			w[i] = float32(alpha * float64(w[i]))
		}
	}
	s, err := im.layer(n, x[0], w, rows, cols)
	if err != nil || len(x) < 3 || x[2] == nil {
		return s, err
	}
	b, err := im.numbersOf(x[2])
	if err != nil {
		return nil, err
	}
	beta := n.float("beta", 1)
	for i := range b {
		b[i] *= beta
	}
	return im.affine(s, []float64{1}, b)
}

// settled gives the last layer its activation. What is left of the function is a
// layer of its own.
func (im *importer) settled(c chain) (*core, error) {
	g, scale, shift, err := c.g.activation()
	if err != nil {
		return nil, err
	}
	if g.Name == nn.Linear.Name && (scale != 1 || shift != 0) {
		folded, err := im.scaled(c.core, []float64{scale}, []float64{shift})
		if err != nil {
			return nil, err
		}
		folded.last().g = g
		return folded, nil
	}
	k := &core{c.core.x, slices.Clone(c.core.layers)}
	k.last().g = g
	if scale == 1 && shift == 0 {
		return k, nil
	}
	n := k.last().units
	if n > 1<<15 {
		return nil, errors.New("a scaled activation of so many units isn't supported")
	}
	if err := im.spend(n * n); err != nil {
		return nil, err
	}
	d := dense{units: n, inputs: n, w: make([]float32, n*n), b: make([]float32, n), g: nn.Linear}
	for i := range n {
		d.w[i*n+i], d.b[i] = float32(scale), float32(shift)
	}
	k.layers = append(k.layers, d)
	return k, nil
}

// activation is which one an expression is, but for a scale and a shift.
func (e *expression) activation() (g nn.Activation, scale, shift float64, err error) {
	switch e.op {
	case "z":
		return nn.Linear, 1, 0, nil
	case "scale":
		if e.isGELU() {
			return nn.GELU, 1, 0, nil
		}
		g, scale, shift, err = e.a.activation()
		return g, scale * e.c, float64(shift * e.c), err
	case "shift":
		g, scale, shift, err = e.a.activation()
		return g, scale, shift + e.c, err
	case "times":
		switch {
		case e.isGELU():
			return nn.GELU, 1, 0, nil
		case e.b.op == "Sigmoid" && e.a.op == "z" && e.b.a.op == "z", e.a.op == "Sigmoid" && e.b.op == "z" && e.a.a.op == "z":
			return nn.SiLU, 1, 0, nil
		}
		return g, 0, 0, errors.New("the product of two functions of Z is no activation that is known")
	}
	if e.a.op != "z" {
		return g, 0, 0, fmt.Errorf("%s of another function of Z is no activation that is known", e.op)
	}
	switch e.op {
	case "LeakyRelu":
		return nn.LeakyReLU(shortest(e.alpha)), 1, 0, nil
	case "Elu":
		return nn.ELU(shortest(e.alpha)), 1, 0, nil
	case "Gelu":
		return nn.GELU, 1, 0, nil
	}
	for _, known := range append(nn.Activations(), nn.Softmax) {
		if operators[known.Name] == e.op {
			return known, 1, 0, nil
		}
	}
	return g, 0, 0, fmt.Errorf("%s is no activation that is known", e.op)
}

// shortest is the float64 that a person would have written for a float32: 0.01.
func shortest(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64)
	if err != nil {
		return x
	}
	return y
}

// isGELU recognises ½·z·(1 + erf(z/√2)), in whatever order.
func (e *expression) isGELU() bool {
	factor := 1.0
	var parts []*expression
	var take func(e *expression)
	take = func(e *expression) {
		switch e.op {
		case "scale":
			factor *= e.c
			take(e.a)
		case "times":
			take(e.a)
			take(e.b)
		default:
			parts = append(parts, e)
		}
	}
	take(e)
	if len(parts) != 2 || math.Abs(factor-0.5) > 1e-6 {
		return false
	}
	for i, p := range parts {
		other := parts[1-i]
		if p.op == "z" && other.op == "shift" && other.c == 1 && other.a.op == "Erf" {
			in := other.a.a
			return in.op == "scale" && in.a.op == "z" && math.Abs(in.c-math.Sqrt2/2) < 1e-6
		}
	}
	return false
}

func (im *importer) gelu(n *Node, x []symbol) (symbol, error) {
	c, ok := x[0].(chain)
	if a := n.attribute("approximate"); !ok || a.String != "" && a.String != "none" {
		return nil, errors.New("only the exact form of layers' values is supported")
	}
	return chain{c.core, &expression{op: "Gelu", a: c.g}}, nil
}

func (im *importer) softmax(n *Node, x []symbol) (symbol, error) {
	c, ok := x[0].(chain)
	if axis := n.int("axis", -1); !ok || axis != 1 && axis != -1 {
		return nil, errors.New("only softmax over the outputs of a layer is supported")
	}
	return chain{c.core, &expression{op: "Softmax", a: c.g}}, nil
}

func (im *importer) affineChain(x chain, scale, shift []float64) (symbol, error) {
	alone := len(scale) == 1 && len(shift) == 1
	if alone && (x.g.op != "z" || scale[0] != 1 && shift[0] == 0) {
		// Behind an activation, or perhaps the beginning of one: z/√2 of GELU.
		g := x.g
		if scale[0] != 1 {
			g = &expression{op: "scale", a: g, c: scale[0]}
		}
		if shift[0] != 0 {
			g = &expression{op: "shift", a: g, c: shift[0]}
		}
		return chain{x.core, g}, nil
	}
	k := x.core
	if x.g.op != "z" {
		g, s, t, err := x.g.activation()
		if err != nil || g.Name != nn.Linear.Name {
			return nil, errors.New("a constant for each unit behind an activation isn't supported")
		}
		if k, err = im.scaled(k, []float64{s}, []float64{t}); err != nil {
			return nil, err
		}
	}
	k, err := im.scaled(k, scale, shift)
	return chain{k, z}, err
}

// scaled is the core whose last Z is scale·Z + shift, unit by unit.
func (im *importer) scaled(k *core, scale, shift []float64) (*core, error) {
	d := *k.last()
	if !fits(scale, d.units) || !fits(shift, d.units) {
		return nil, fmt.Errorf("a constant of %d and %d elements for %d units", len(scale), len(shift), d.units)
	}
	if err := im.spend(d.units); err != nil {
		return nil, err
	}
	d.b = slices.Clone(d.b)
	if len(scale) > 1 || scale[0] != 1 {
		if err := im.spend(len(d.w)); err != nil {
			return nil, err
		}
		d.w = slices.Clone(d.w)
	}
	for i := range d.b {
		s := spread(scale, i)
		d.b[i] = float32(float64(s*float64(d.b[i])) + spread(shift, i))
		if s != 1 {
			for j := i * d.inputs; j < (i+1)*d.inputs; j++ {
				d.w[j] = float32(s * float64(d.w[j]))
			}
		}
	}
	k = &core{k.x, slices.Clone(k.layers)}
	*k.last() = d
	return k, nil
}

func (im *importer) greater(_ *Node, x []symbol) (symbol, error) {
	c, ok := x[0].(chain)
	limit, err := im.numbersOf(x[1])
	if !ok || err != nil || len(limit) != 1 {
		return nil, errors.New("it is understood of a layer's values and a constant alone")
	}
	return above{c, limit[0]}, nil
}
