package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// imported makes a mixture of another program's graph: preprocessing of columns,
// dense layers, and the labels of a classification. It walks over the nodes with
// symbols in place of numbers:
//
//	features       [N, d]: each a linear form of columns' numbers, levels and indicators
//	chain          [N, n]: layers, and a function of the last Z
//	probabilities  [N, C], label: what a classification ends with
//
// Whatever can't be said so is an error that names the node.
func imported(m *Model) (*mixture.Mixture, error) {
	im := &importer{m: m, symbols: map[string]symbol{}, whole: map[int]bool{}, budget: 1 << 20}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		im.symbols[t.Name] = constant{t}
		im.budget += 16 * t.Len()
	}
	if err := im.inputs(); err != nil {
		return nil, err
	}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		if err := im.node(n); err != nil {
			return nil, fmt.Errorf("node %d, %s: %w", i+1, describe(n), err)
		}
	}
	return im.mixture()
}

func describe(n *Node) string {
	op := n.Op
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	if n.Name == "" {
		return op
	}
	return fmt.Sprintf("%s %q", op, n.Name)
}

// A symbol is what a name of the graph stands for.
type symbol any

type constant struct{ t *Tensor }

// text is a column of text, [N, 1].
type text struct{ column int }

// features is [N, d]. Where d isn't known yet, it is the numbers of one input.
type features struct {
	forms   []form
	unknown bool
}

// form is constant + Σ coef·base.
type form struct {
	terms    []term
	constant float64
}

type term struct {
	base base
	coef float64
}

// base is what features are made of: a number of a column on its way (filled,
// standardised, held within limits), 1 where it is missing, or 1 where a category
// is a level.
type base struct {
	column          int
	kind            baseKind
	level           string
	filled, clipped bool
	fill, mean, sd  float64
	low, high       float64
}

type baseKind int

const (
	number baseKind = iota
	missing
	level
)

// chain is a function g of the last Z of some layers.
type chain struct {
	core *core
	g    *expression
}

// core is layers over features; the last one's activation isn't known yet.
type core struct {
	x      []form
	layers []dense
}

// dense is Z = W·A + b, W (units, inputs), and A = g(Z).
type dense struct {
	units, inputs int
	w, b          []float32
	g             nn.Activation
}

// expression is a function of Z, in ONNX's operators.
type expression struct {
	op    string // "z", "scale" (c·a), "shift" (a + c), "times" (a·b), or an operator of one operand
	a, b  *expression
	c     float64
	alpha float64
}

// both are the probabilities of two classes, of the second one's.
type both struct{ p chain }

// index is the place of the largest probability, label its class.
type (
	index struct{ of symbol }
	label struct {
		of      symbol
		classes []string
	}
)

type importer struct {
	m       *Model
	symbols map[string]symbol
	columns []prep.Column // name and kind; of a category no levels yet
	perName bool          // several inputs, each with columns of its name
	only    string        // else the one input's name
	whole   map[int]bool  // columns of integers, as the input's type says
	budget  int           // numbers that may still be made
}

// spend says whether so many more numbers may be made: a small file may ask for
// much.
func (im *importer) spend(n int) error {
	if n < 0 || n > im.budget {
		return errors.New("the graph asks for more memory than its size allows")
	}
	im.budget -= n
	return nil
}

// inputs makes columns of the graph's inputs that aren't initialisers, too.
func (im *importer) inputs() error {
	var inputs []*Value
	for i := range im.m.Graph.Inputs {
		v := &im.m.Graph.Inputs[i]
		if _, also := im.symbols[v.Name]; !also {
			inputs = append(inputs, v)
		}
	}
	im.perName = len(inputs) > 1
	if len(inputs) == 1 {
		im.only = inputs[0].Name
	}
	for _, v := range inputs {
		if err := im.input(v); err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
	}
	if len(inputs) == 0 {
		return errors.New("the graph has no input")
	}
	return nil
}

func (im *importer) input(v *Value) error {
	if v.Other != "" || len(v.Shape) == 0 || len(v.Shape) > 2 {
		return fmt.Errorf("it is no tensor [N, columns]")
	}
	kind := table.Number
	switch v.Type {
	case Float, Double, Int64, Int32:
	case Bool:
		kind = table.Boolean
	case String:
		kind = table.Category
	default:
		return fmt.Errorf("its type %v isn't supported; float, double, int64, int32, bool and string are", v.Type)
	}
	width := int64(1)
	if len(v.Shape) == 2 {
		width = v.Shape[1].Size
	}
	switch {
	case width > prep.MaxFeatures || width < 0:
		return fmt.Errorf("%d columns; the limit is %d", width, prep.MaxFeatures)
	case kind == table.Category && width != 1:
		return errors.New("text must be [N, 1]")
	case kind == table.Category:
		im.symbols[v.Name] = text{len(im.columns)}
		im.columns = append(im.columns, prep.Column{Name: v.Name, Kind: kind})
	case width == 0 && im.perName:
		return errors.New("how many columns it has must be said, as there are other inputs")
	case width == 0:
		im.symbols[v.Name] = features{unknown: true}
	default:
		im.symbols[v.Name] = features{forms: im.numbers(v.Name, kind, int(width))}
		for i := len(im.columns) - int(width); i < len(im.columns); i++ {
			im.whole[i] = v.Type != Float && v.Type != Double
		}
	}
	return nil
}

// operands are a node's inputs.
func (im *importer) operands(n *Node) ([]symbol, error) {
	var all []symbol
	for _, name := range n.Inputs {
		if name == "" {
			all = append(all, nil) // left out
			continue
		}
		s, ok := im.symbols[name]
		if !ok {
			return nil, fmt.Errorf("it uses %q, which nothing before it makes", name)
		}
		all = append(all, s)
	}
	return all, nil
}

func (n *Node) attribute(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return &Attribute{}
}

func (n *Node) int(name string, otherwise int64) int64 {
	if a := n.attribute(name); a.Name != "" {
		return a.Int
	}
	return otherwise
}

func (n *Node) float(name string, otherwise float32) float64 {
	if a := n.attribute(name); a.Name != "" {
		return float64(a.Float)
	}
	return float64(otherwise)
}

// operation evaluates a node: x are its inputs.
type operation struct {
	inputs int // at least
	do     func(im *importer, n *Node, x []symbol) (symbol, error)
}

// operations are what is understood, by domain and operator.
var operations map[string]operation

func init() { // as the functions mention it
	unary := func(op string) operation {
		return operation{1, func(_ *importer, n *Node, x []symbol) (symbol, error) {
			c, ok := x[0].(chain)
			if !ok {
				return nil, errors.New("it is understood of layers' values alone")
			}
			return chain{c.core, &expression{op: op, a: c.g, alpha: n.float("alpha", alphas[op])}}, nil
		}}
	}
	operations = map[string]operation{
		"Identity": {1, same}, "Dropout": {1, (*importer).dropout}, "Cast": {1, (*importer).cast}, "Flatten": {1, (*importer).flatten}, "Reshape": {2, (*importer).reshape},
		"Squeeze": {1, (*importer).flatten}, "Constant": {0, (*importer).constantNode}, "Transpose": {1, (*importer).transpose},
		"MatMul": {2, (*importer).matMul}, "Gemm": {2, (*importer).gemm},
		"Add": {2, (*importer).add}, "Sub": {2, (*importer).sub}, "Mul": {2, (*importer).mul}, "Div": {2, (*importer).div},
		"Relu": unary("Relu"), "LeakyRelu": unary("LeakyRelu"), "Elu": unary("Elu"), "Sigmoid": unary("Sigmoid"), "Tanh": unary("Tanh"),
		"Softplus": unary("Softplus"), "Exp": unary("Exp"), "Erf": unary("Erf"), "Gelu": {1, (*importer).gelu}, "Softmax": {1, (*importer).softmax},
		"Concat": {1, (*importer).concat}, "ArgMax": {1, (*importer).argMax}, "Gather": {2, (*importer).gather},
		"IsNaN": {1, (*importer).isNaN}, "Greater": {2, (*importer).greater}, "Where": {3, (*importer).where}, "Clip": {1, (*importer).clip}, "Max": {2, (*importer).most}, "Min": {2, (*importer).most},
		"ai.onnx.ml.Imputer": {1, (*importer).imputer}, "ai.onnx.ml.Scaler": {1, (*importer).scaler}, "ai.onnx.ml.OneHotEncoder": {1, (*importer).oneHot},
		"ai.onnx.ml.LabelEncoder": {1, (*importer).labelEncoder}, "ai.onnx.ml.FeatureVectorizer": {1, (*importer).concat},
		"ai.onnx.ml.ArrayFeatureExtractor": {2, (*importer).gather}, "ai.onnx.ml.ZipMap": {1, (*importer).zipMap},
	}
}

// alphas are ONNX's defaults.
var alphas = map[string]float32{"LeakyRelu": 0.01, "Elu": 1}

// node evaluates a node and names its output.
func (im *importer) node(n *Node) error {
	name := n.Op
	if n.Domain != "" && n.Domain != "ai.onnx" {
		name = n.Domain + "." + n.Op
	}
	op, ok := operations[name]
	if !ok {
		return fmt.Errorf("the operator isn't supported; these are: %s", supported())
	}
	x, err := im.operands(n)
	if err != nil {
		return err
	}
	if len(x) < op.inputs || op.inputs > 0 && slices.Contains(x[:op.inputs], nil) {
		return fmt.Errorf("it has fewer than %d inputs", op.inputs)
	}
	if len(n.Outputs) == 0 {
		return errors.New("it has no output")
	}
	if _, again := im.symbols[n.Outputs[0]]; again {
		return fmt.Errorf("%q is made twice", n.Outputs[0])
	}
	s, err := op.do(im, n, x)
	if err != nil {
		return err
	}
	im.symbols[n.Outputs[0]] = s
	return nil
}

func supported() string {
	var names []string
	for name := range operations {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func same(_ *importer, _ *Node, x []symbol) (symbol, error) { return x[0], nil }

// cast leaves numbers as they are, of whatever width; cutting off their fractions
// would be something else.
func (im *importer) cast(n *Node, x []symbol) (symbol, error) {
	to := ElementType(n.int("to", 0))
	if to == Float || to == Double {
		return x[0], nil
	}
	switch v := x[0].(type) {
	case features:
		fraction := slices.ContainsFunc(v.forms, func(f form) bool {
			b, ok := f.untouched()
			return !ok || !im.whole[b.column]
		})
		if !v.unknown && !fraction && (to == Int64 || to == Int32) {
			return v, nil
		}
	case label, index:
		return v, nil
	}
	return nil, fmt.Errorf("columns and layers' values can't become %v", to)
}

// dropout does nothing, but in training.
func (im *importer) dropout(_ *Node, x []symbol) (symbol, error) {
	if len(x) < 3 || x[2] == nil {
		return x[0], nil
	}
	training, err := im.numbersOf(x[2])
	if err != nil {
		return nil, err
	}
	ratio := []float64{0.5}
	if x[1] != nil {
		if ratio, err = im.numbersOf(x[1]); err != nil {
			return nil, err
		}
	}
	if training[0] != 0 && ratio[0] != 0 {
		return nil, errors.New("it is that of a training")
	}
	return x[0], nil
}

// flatten leaves [N, d] as it is, and takes [N, 1, d] of OneHotEncoder for it.
func (im *importer) flatten(n *Node, x []symbol) (symbol, error) {
	if n.Op == "Flatten" && n.int("axis", 1) != 1 {
		return nil, errors.New("only axis 1 is supported")
	}
	return x[0], nil
}

func (im *importer) reshape(_ *Node, x []symbol) (symbol, error) {
	to, ok := x[1].(constant)
	if !ok || to.t.Type != Int64 {
		return nil, errors.New("the shape must be a constant of int64")
	}
	shape := to.t.Ints
	switch v := x[0].(type) {
	case constant:
		return v, nil // its elements are what is used
	case label, index, text:
		return v, nil
	case features:
		if len(shape) == 2 && (v.unknown || shape[1] == int64(len(v.forms)) || shape[1] == -1) {
			return v, nil
		}
	case chain:
		if units := int64(v.core.last().units); len(shape) == 2 && (shape[1] == units || shape[1] == -1) || units == 1 && len(shape) == 1 {
			return v, nil
		}
	case both:
		if len(shape) == 2 && shape[1] == 2 {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the shape %v is not [N, columns]", shape)
}

func (im *importer) constantNode(n *Node, _ []symbol) (symbol, error) {
	a := n.attribute("value")
	if a.Tensor == nil || a.Tensor.External != nil {
		if f := n.attribute("value_float"); f.Type == AttributeFloat {
			return constant{&Tensor{Type: Float, Floats: []float32{f.Float}}}, nil
		}
		return nil, errors.New("only a tensor value is supported")
	}
	im.budget += 16 * a.Tensor.Len()
	return constant{a.Tensor}, nil
}

// numbersOf are a constant's elements.
func (im *importer) numbersOf(s symbol) ([]float64, error) {
	c, ok := s.(constant)
	if !ok {
		return nil, errors.New("one operand must be a constant")
	}
	n := c.t.Len()
	if err := im.spend(n); err != nil {
		return nil, err
	}
	x := make([]float64, 0, n)
	for _, v := range c.t.Floats {
		x = append(x, float64(v))
	}
	x = append(x, c.t.Doubles...)
	for _, v := range c.t.Ints {
		x = append(x, float64(v))
	}
	if len(x) != n || n == 0 {
		return nil, fmt.Errorf("a constant of %v can't be used here", c.t.Type)
	}
	return x, nil
}

// constantSide finds the constant of two operands.
func constantSide(x []symbol) (other symbol, c symbol, first bool) {
	if _, ok := x[0].(constant); ok {
		return x[1], x[0], true
	}
	return x[0], x[1], false
}

func (im *importer) add(_ *Node, x []symbol) (symbol, error) {
	other, c, _ := constantSide(x)
	b, err := im.numbersOf(c)
	if err != nil {
		return nil, err
	}
	return im.affine(other, []float64{1}, b)
}

func (im *importer) sub(_ *Node, x []symbol) (symbol, error) {
	other, c, first := constantSide(x)
	b, err := im.numbersOf(c)
	if err != nil {
		return nil, err
	}
	if first { // c − x
		return im.affine(other, []float64{-1}, b)
	}
	for i := range b {
		b[i] = -b[i]
	}
	return im.affine(other, []float64{1}, b)
}

func (im *importer) mul(_ *Node, x []symbol) (symbol, error) {
	a, okA := x[0].(chain)
	b, okB := x[1].(chain)
	if okA && okB {
		if a.core != b.core {
			return nil, errors.New("the product of two layers isn't supported")
		}
		return chain{a.core, &expression{op: "times", a: a.g, b: b.g}}, nil
	}
	other, c, _ := constantSide(x)
	w, err := im.numbersOf(c)
	if err != nil {
		return nil, err
	}
	return im.affine(other, w, []float64{0})
}

func (im *importer) div(_ *Node, x []symbol) (symbol, error) {
	w, err := im.numbersOf(x[1])
	if err != nil {
		return nil, fmt.Errorf("the divisor: %w", err)
	}
	if f, ok := x[0].(features); ok {
		return im.standardise(f, nil, w)
	}
	for i := range w {
		w[i] = 1 / w[i]
	}
	return im.affine(x[0], w, []float64{0})
}

// spread is element i of a constant with one or n elements.
func spread(c []float64, i int) float64 {
	if len(c) == 1 {
		return c[0]
	}
	return c[i]
}

func fits(c []float64, n int) bool { return len(c) == 1 || len(c) == n }

// affine is scale·x + shift, column by column.
func (im *importer) affine(x symbol, scale, shift []float64) (symbol, error) {
	for _, c := range [][]float64{scale, shift} {
		for _, v := range c {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("the constant %v isn't finite", v)
			}
		}
	}
	switch v := x.(type) {
	case features:
		return im.affineFeatures(v, scale, shift)
	case chain:
		return im.affineChain(v, scale, shift)
	}
	return nil, errors.New("it is understood of numbers' columns and of layers' values alone")
}

// concat joins columns; or the probabilities of two classes, 1 − p and p.
func (im *importer) concat(n *Node, x []symbol) (symbol, error) {
	if axis := n.int("axis", 1); axis != 1 && axis != -1 {
		return nil, errors.New("only axis 1 is supported")
	}
	if len(x) == 2 {
		no, ok1 := x[0].(chain)
		p, ok2 := x[1].(chain)
		if ok1 && ok2 {
			if no.core == p.core && p.core.last().units == 1 && p.g.op == "Sigmoid" && no.g.op == "shift" && no.g.c == 1 &&
				no.g.a.op == "scale" && no.g.a.c == -1 && no.g.a.a == p.g {
				return both{p}, nil
			}
			return nil, errors.New("layers' values can't be joined, but for 1 − p and p of a sigmoid")
		}
	}
	var out features
	for _, s := range x {
		f, ok := s.(features)
		if !ok || f.unknown {
			return nil, errors.New("only numbers' columns can be joined")
		}
		if err := im.spendForms(f.forms); err != nil {
			return nil, err
		}
		out.forms = append(out.forms, f.forms...)
	}
	if len(out.forms) > prep.MaxFeatures {
		return nil, fmt.Errorf("%d columns; the limit is %d", len(out.forms), prep.MaxFeatures)
	}
	return out, nil
}

func (im *importer) argMax(n *Node, x []symbol) (symbol, error) {
	axis := n.int("axis", 0)
	if axis != 1 && axis != -1 || n.int("select_last_index", 0) != 0 {
		return nil, errors.New("only the first largest of axis 1 is supported")
	}
	c, ok := x[0].(chain)
	if _, two := x[0].(both); !two && (!ok || c.core.last().units < 2) {
		return nil, errors.New("it is understood of the probabilities of two classes or more alone")
	}
	return index{x[0]}, nil
}

// gather takes classes by their index, or some columns of features.
func (im *importer) gather(n *Node, x []symbol) (symbol, error) {
	if c, ok := x[0].(constant); ok {
		i, ok := x[1].(index)
		if !ok {
			return nil, errors.New("a constant's elements must be taken by ArgMax")
		}
		return label{i.of, im.texts(c.t)}, nil
	}
	places, err := im.numbersOf(x[1])
	if err != nil {
		return nil, err
	}
	if t, ok := x[0].(text); ok && len(places) == 1 && places[0] == 0 {
		return t, nil
	}
	f, ok := x[0].(features)
	if n.Op == "Gather" && n.int("axis", 0) != 1 || !ok || f.unknown {
		return nil, errors.New("only columns can be taken")
	}
	var out features
	for _, p := range places {
		if p < 0 || p >= float64(len(f.forms)) || p != math.Trunc(p) {
			return nil, fmt.Errorf("there is no column %v of %d", p, len(f.forms))
		}
		out.forms = append(out.forms, f.forms[int(p)])
	}
	return out, im.spendForms(out.forms)
}

// texts are a constant's elements as labels.
func (im *importer) texts(t *Tensor) []string {
	if t.Type == String {
		return t.Strings
	}
	var out []string
	for _, x := range t.Ints {
		out = append(out, strconv.FormatInt(x, 10))
	}
	for _, x := range t.Floats {
		out = append(out, prep.Text(table.Number, float64(x)))
	}
	return out
}

func (im *importer) zipMap(n *Node, x []symbol) (symbol, error) {
	var classes []string
	if a := n.attribute("classlabels_strings"); len(a.Strings) > 0 {
		classes = a.Strings
	}
	for _, i := range n.attribute("classlabels_int64s").Ints {
		classes = append(classes, strconv.FormatInt(i, 10))
	}
	return label{x[0], classes}, nil
}
