package onnx

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// FileVersion is the version of the model file that this package writes. It
// reads this one and every earlier one.
const FileVersion = 1

// The versions of ONNX that files are written in: runtimes since 2023 have them.
const (
	irVersion = 8
	opset     = 18
	opsetML   = 3
	domainML  = "ai.onnx.ml"
)

// Of returns the ONNX model of a mixture. Each column is an input of its name,
// [N, 1]: numbers and booleans float (0 and 1), NaN where missing, double where
// float can't tell the column's values apart; text string, empty where missing,
// and as package table reads it: without the spaces around, \n as the end of a line.
// The outputs are label [N] and probabilities [N, C], or prediction [N, targets]
// in the targets' units, double where float can't tell a target's values apart. A
// column that has the name of an output takes it, and the output has an underscore
// more.
func Of(m *mixture.Mixture) (*Model, error) {
	metadata, err := metadataOf(m)
	if err != nil {
		return nil, err
	}
	model, _, err := build(m)
	if err != nil {
		return nil, err
	}
	model.Metadata = metadata
	size := 0
	for _, p := range metadata {
		size += len(p.Key) + len(p.Value) + 20
	}
	if size > maxMetadata || len(model.Graph.Nodes) > maxNodes {
		return nil, fmt.Errorf("onnx: the model has too many columns for a file: their description takes %d bytes of %d, in %d nodes of %d",
			size, maxMetadata, len(model.Graph.Nodes), maxNodes)
	}
	return model, nil
}

// build makes the ONNX model but for its metadata, and says which initialisers
// hold which parameters.
func build(m *mixture.Mixture) (*Model, map[string][]float32, error) {
	g := &grapher{
		m: m, graph: Graph{Name: "shoal"},
		taken: map[string]bool{}, once: map[string]string{}, parameters: map[string][]float32{},
	}
	g.mixture()
	if g.err != nil {
		return nil, nil, g.err
	}
	return &Model{
		IRVersion: irVersion, Producer: "shoal", ProducerVersion: strconv.Itoa(FileVersion),
		Opsets: []Opset{{"", opset}, {domainML, opsetML}}, Graph: g.graph,
	}, g.parameters, nil
}

// grapher builds the graph of a mixture, node by node.
type grapher struct {
	m     *mixture.Mixture
	graph Graph
	taken map[string]bool
	once  map[string]string // of constants that several nodes use
	err   error

	parameters map[string][]float32 // of the networks, by initialiser
}

// name takes a name that nothing else has.
func (g *grapher) name(want string) string {
	for g.taken[want] {
		want += "_"
	}
	g.taken[want] = true
	return want
}

// node adds an operator with one output, whose name it returns.
func (g *grapher) node(op, output string, inputs []string, attributes ...Attribute) string {
	return g.nodeOf("", op, output, inputs, attributes...)
}

func (g *grapher) nodeOf(domain, op, output string, inputs []string, attributes ...Attribute) string {
	output = g.name(output)
	g.graph.Nodes = append(g.graph.Nodes, Node{Op: op, Domain: domain, Name: output, Inputs: inputs, Outputs: []string{output}, Attributes: attributes})
	return output
}

func (g *grapher) initializer(t Tensor) string {
	t.Name = g.name(t.Name)
	g.graph.Initializers = append(g.graph.Initializers, t)
	return t.Name
}

func (g *grapher) floats(name string, x []float32) string {
	return g.initializer(Tensor{Name: name, Type: Float, Dims: []int64{int64(len(x))}, Floats: x})
}

func (g *grapher) doubles(name string, x []float64) string {
	return g.initializer(Tensor{Name: name, Type: Double, Dims: []int64{int64(len(x))}, Doubles: x})
}

func (g *grapher) ints(name string, x ...int64) string {
	return g.initializer(Tensor{Name: name, Type: Int64, Dims: []int64{int64(len(x))}, Ints: x})
}

// scalar is a number that many nodes may use.
func (g *grapher) scalar(name string, x float32) string {
	if g.once[name] == "" {
		g.once[name] = g.initializer(Tensor{Name: name, Type: Float, Floats: []float32{x}})
	}
	return g.once[name]
}

func ofInt(name string, x int64) Attribute {
	return Attribute{Name: name, Type: AttributeInt, Int: x}
}

func ofFloat(name string, x float32) Attribute {
	return Attribute{Name: name, Type: AttributeFloat, Float: x}
}

func ofFloats(name string, x []float32) Attribute {
	return Attribute{Name: name, Type: AttributeFloats, Floats: x}
}

func cast(to ElementType) Attribute { return ofInt("to", int64(to)) }

// mixture builds it all.
func (g *grapher) mixture() {
	kinds := g.inputs()
	answers := ""
	for i := range g.m.Views {
		v := &g.m.Views[i]
		prefix := "" // of the view's values
		if len(g.m.Views) > 1 {
			prefix = fmt.Sprintf("view%d/", i+1)
		}
		out := g.view(prefix, v, kinds)
		if len(g.m.Views) > 1 || v.Weight != 1 {
			out = g.node("Mul", prefix+"weighed", []string{out, g.scalar(prefix+"weight", float32(v.Weight))})
		}
		if answers == "" {
			answers = out
		} else {
			answers = g.node("Add", prefix+"mixed", []string{answers, out})
		}
	}
	if g.m.Task == prep.Regression {
		g.prediction(answers)
		return
	}
	g.classes(answers)
}

// inputs declares the columns, and says how float can't hold some.
func (g *grapher) inputs() (double map[string]bool) {
	double = map[string]bool{}
	var order []string
	kinds := map[string]table.Kind{}
	for i := range g.m.Views {
		for _, c := range g.m.Views[i].Features.Columns {
			if _, seen := kinds[c.Name]; !seen {
				order = append(order, c.Name)
			}
			kinds[c.Name] = c.Kind
			double[c.Name] = double[c.Name] || c.Shift != 0
		}
	}
	for _, name := range order {
		t := Float
		switch {
		case kinds[name] == table.Category:
			t = String
		case double[name]:
			t = Double
		}
		g.taken[name] = true
		g.graph.Inputs = append(g.graph.Inputs, Value{Name: name, Type: t, Shape: []Dim{{Name: "N"}, {Size: 1}}})
	}
	return double
}

// view builds a view's preprocessing and networks, to the output's activation.
func (g *grapher) view(prefix string, v *mixture.View, double map[string]bool) string {
	x := g.features(prefix, v.Features, double)
	var zs []string
	var output nn.Activation
	for k, n := range v.Networks {
		of := prefix
		if len(v.Networks) > 1 {
			of = fmt.Sprintf("%snetwork%d/", prefix, k+1)
		}
		zs = append(zs, g.network(of, n, x))
		output = n.Layers[len(n.Layers)-1].Activation
	}
	z := zs[0]
	if len(zs) > 1 {
		z = g.node("Sum", prefix+"ΣZ", zs)
	}
	if scale := float32(float64(len(v.Networks)) * v.Temperature); scale != 1 {
		z = g.node("Div", prefix+"Z", []string{z, g.scalar(prefix+"scale", scale)})
	}
	return g.activation(prefix+"A", output, z)
}

// features builds a view's features, [N, nx]: all numbers together, then the
// indicators of missing ones, then the categories; and puts them in order.
func (g *grapher) features(prefix string, f *prep.Features, double map[string]bool) string {
	var parts []string
	var order []int64 // which feature each of the parts' columns is
	var numbers, missing []string
	var numberAt, missingAt []int64
	var fill, mean, sd, low, high []float32
	var categories []func()
	at := int64(0)
	for i := range f.Columns {
		c := &f.Columns[i]
		first := at
		at += int64(c.Width())
		if c.Kind == table.Category {
			categories = append(categories, func() {
				hot := g.nodeOf(domainML, "OneHotEncoder", prefix+c.Name+"/one hot", []string{c.Name},
					Attribute{Name: "cats_strings", Type: AttributeStrings, Strings: c.Levels}, ofInt("zeros", 1))
				parts = append(parts, g.node("Flatten", prefix+c.Name+"/levels", []string{hot}, ofInt("axis", 1)))
				for l := range c.Levels {
					order = append(order, first+int64(l))
				}
			})
			continue
		}
		numbers, numberAt = append(numbers, g.number(prefix, c, double[c.Name])), append(numberAt, first)
		fill, mean, sd, low, high = append(fill, c.Fill), append(mean, c.Mean), append(sd, c.SD), append(low, c.Low), append(high, c.High)
		if c.Indicator {
			missing, missingAt = append(missing, numbers[len(numbers)-1]), append(missingAt, first+1)
		}
	}
	if len(numbers) > 0 {
		x := g.concat(prefix+"numbers", numbers)
		x = g.nodeOf(domainML, "Imputer", prefix+"filled", []string{x}, ofFloats("imputed_value_floats", fill), ofFloat("replaced_value_float", float32(math.NaN())))
		x = g.node("Sub", prefix+"centred", []string{x, g.floats(prefix+"mean", mean)})
		x = g.node("Div", prefix+"standardised", []string{x, g.floats(prefix+"sd", sd)})
		x = g.node("Max", prefix+"at least", []string{x, g.floats(prefix+"low", low)})
		parts = append(parts, g.node("Min", prefix+"held", []string{x, g.floats(prefix+"high", high)}))
		order = append(order, numberAt...)
	}
	if len(missing) > 0 {
		is := g.node("IsNaN", prefix+"is missing", []string{g.concat(prefix+"may be missing", missing)})
		parts = append(parts, g.node("Cast", prefix+"indicators", []string{is}, cast(Float)))
		order = append(order, missingAt...)
	}
	for _, add := range categories {
		add()
	}
	x := g.concat(prefix+"features", parts)
	if slices.IsSorted(order) {
		return x
	}
	from := make([]int64, len(order)) // where each feature stands among the parts
	for i, feature := range order {
		from[feature] = int64(i)
	}
	return g.node("Gather", prefix+"X", []string{x, g.ints(prefix+"order", from...)}, ofInt("axis", 1))
}

// number is a column's values as float, [N, 1].
func (g *grapher) number(prefix string, c *prep.Column, double bool) string {
	x := c.Name
	if c.Shift != 0 {
		x = g.node("Sub", prefix+c.Name+"/shifted", []string{x, g.doubles(prefix+c.Name+"/shift", []float64{c.Shift})})
	}
	if double {
		x = g.node("Cast", prefix+c.Name+"/float", []string{x}, cast(Float))
	}
	return x
}

func (g *grapher) concat(name string, parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return g.node("Concat", name, parts, ofInt("axis", 1))
}

// network builds a network to its last Z.
//
//	Zₗ = Wₗ·Aₗ₋₁ + bₗ, here with an example a row: Aₗ₋₁·Wₗᵀ + bₗ
func (g *grapher) network(prefix string, n *nn.Network, a string) string {
	z := ""
	for i := range n.Layers {
		l := &n.Layers[i]
		k := strconv.Itoa(i + 1)
		w := g.initializer(Tensor{Name: prefix + "W" + k, Type: Float, Dims: []int64{int64(l.W.Rows), int64(l.W.Cols)}, Floats: l.W.Data})
		b := g.floats(prefix+"b"+k, l.B)
		g.parameters[w], g.parameters[b] = l.W.Data, l.B
		z = g.node("Gemm", prefix+"Z"+k, []string{a, w, b}, ofInt("transB", 1))
		if i < len(n.Layers)-1 {
			a = g.activation(prefix+"A"+k, l.Activation, z)
		}
	}
	return z
}

// operators are the activations that ONNX has an operator for.
var operators = map[string]string{
	nn.Sigmoid.Name: "Sigmoid", nn.Tanh.Name: "Tanh", nn.ReLU.Name: "Relu", nn.LeakyReLU(0).Name: "LeakyRelu", nn.ELU(0).Name: "Elu",
	nn.Softplus.Name: "Softplus", nn.Exp.Name: "Exp", nn.Softmax.Name: "Softmax",
}

// activation builds A = g(Z).
func (g *grapher) activation(name string, f nn.Activation, z string) string {
	op, ok := operators[f.Name]
	switch {
	case f.Name == nn.Linear.Name:
		return z
	case f.Name == nn.GELU.Name: // z·Φ(z), Φ(z) = (1 + erf(z/√2)) / 2
		t := g.node("Div", name+"/scaled", []string{z, g.scalar("√2", math.Sqrt2)})
		t = g.node("Erf", name+"/erf", []string{t})
		t = g.node("Add", name+"/doubled", []string{t, g.scalar("1", 1)})
		t = g.node("Mul", name+"/product", []string{z, t})
		return g.node("Mul", name, []string{t, g.scalar("½", 0.5)})
	case f.Name == nn.SiLU.Name: // z·σ(z)
		return g.node("Mul", name, []string{z, g.node("Sigmoid", name+"/sigmoid", []string{z})})
	case !ok:
		g.err = fmt.Errorf("onnx: the activation %v has no ONNX form", f)
		return z
	case f.Name == nn.Softmax.Name:
		return g.node(op, name, []string{z}, ofInt("axis", 1))
	case f.Name == nn.LeakyReLU(0).Name || f.Name == nn.ELU(0).Name:
		return g.node(op, name, []string{z}, ofFloat("alpha", float32(f.Alpha)))
	}
	return g.node(op, name, []string{z})
}

// output declares an output, which a node must still make.
func (g *grapher) output(name string, t ElementType, columns ...int64) {
	shape := []Dim{{Name: "N"}}
	for _, c := range columns {
		shape = append(shape, Dim{Size: c})
	}
	g.graph.Outputs = append(g.graph.Outputs, Value{Name: name, Type: t, Shape: shape})
}

// prediction gives a regression's answers their units, in float64 as package
// mixture does.
func (g *grapher) prediction(y string) {
	var mean, sd []float64
	wide := false
	for i := range g.m.Targets {
		wide = wide || g.m.Targets[i].Wide()
		mean, sd = append(mean, g.m.Targets[i].Mean), append(sd, g.m.Targets[i].SD)
	}
	x := g.node("Cast", "answer", []string{y}, cast(Double))
	x = g.node("Mul", "scaled", []string{x, g.doubles("target sd", sd)})
	if wide {
		g.output(g.node("Add", "prediction", []string{x, g.doubles("target mean", mean)}), Double, int64(len(mean)))
		return
	}
	x = g.node("Add", "shifted", []string{x, g.doubles("target mean", mean)})
	g.output(g.node("Cast", "prediction", []string{x}, cast(Float)), Float, int64(len(mean)))
}

// classes makes probabilities of the answers, and the label of the largest, the
// first of equals.
func (g *grapher) classes(p string) {
	classes := g.m.Targets[0].Classes
	n := int64(len(classes))
	probabilities := ""
	if len(classes) == 2 {
		no := g.node("Sub", "1 − p", []string{g.scalar("1", 1), p})
		probabilities = g.node("Concat", "probabilities", []string{no, p}, ofInt("axis", 1))
	} else {
		probabilities = g.node("Identity", "probabilities", []string{p})
	}
	best := g.node("ArgMax", "class", []string{probabilities}, ofInt("axis", 1), ofInt("keepdims", 0))
	texts := g.initializer(Tensor{Name: "classes", Type: String, Dims: []int64{n}, Strings: classes})
	// Gather, as ArrayFeatureExtractor takes no zero rows in ONNX Runtime.
	g.output(g.node("Gather", "label", []string{texts, best}), String)
	g.output(probabilities, Float, n)
}

// The keys of metadata_props.
const (
	keyVersion       = "shoal.version"
	keySchema        = "shoal.schema"
	keyConfiguration = "shoal.configuration" // the settings of the training
	keyScores        = "shoal.scores"
	keyTraining      = "shoal.training" // the rest of the report
	keyFitHash       = "shoal.fit_hash"
)

// reportParts are the fields of the training's report with a key of their own.
var reportParts = []struct{ key, field string }{{keyConfiguration, "settings"}, {keyScores, "scores"}}

// schema is what a model is, but for its parameters.
type schema struct {
	Task    prep.Task     `json:"task"`
	Targets []prep.Target `json:"targets"`
	Views   []viewSchema  `json:"views"`

	Input string `json:"input,omitempty"` // of all columns, by their place
}

type viewSchema struct {
	Features    *prep.Features  `json:"features"`
	Weight      float64         `json:"weight"`
	Temperature float64         `json:"temperature"`
	Networks    []networkSchema `json:"networks"`
}

type networkSchema struct {
	Inputs int           `json:"inputs"`
	Layers []layerSchema `json:"layers"`
}

type layerSchema struct {
	Units      int     `json:"units"`
	Activation string  `json:"activation"`
	Dropout    float64 `json:"dropout,omitempty"`
}

func schemaOf(m *mixture.Mixture) schema {
	s := schema{Task: m.Task, Targets: m.Targets, Input: m.Input}
	for _, v := range m.Views {
		view := viewSchema{Features: v.Features, Weight: v.Weight, Temperature: v.Temperature}
		for _, n := range v.Networks {
			network := networkSchema{Inputs: n.Inputs}
			for i := range n.Layers {
				l := &n.Layers[i]
				network.Layers = append(network.Layers, layerSchema{l.Units, l.Activation.String(), l.Dropout})
			}
			view.Networks = append(view.Networks, network)
		}
		s.Views = append(s.Views, view)
	}
	return s
}

// metadataOf describes a model for Read and for people. The fit hash is the last,
// so that a file that is cut short lacks it.
func metadataOf(m *mixture.Mixture) ([]Property, error) {
	text, err := json.Marshal(schemaOf(m))
	if err != nil {
		return nil, fmt.Errorf("onnx: describing the model: %w", err)
	}
	properties := []Property{{keyVersion, strconv.Itoa(FileVersion)}, {keySchema, string(text)}}
	if m.Training != nil {
		parts, err := partsOf(m.Training)
		if err != nil {
			return nil, fmt.Errorf("onnx: the training's report: %w", err)
		}
		properties = append(properties, parts...)
	}
	return append(properties, Property{keyFitHash, m.FitHash()}), nil
}

// partsOf takes the training's report, a JSON object, apart.
func partsOf(training json.RawMessage) (properties []Property, err error) {
	report := map[string]json.RawMessage{}
	if err := json.Unmarshal(training, &report); err != nil {
		return nil, err
	}
	for _, part := range reportParts {
		if x, ok := report[part.field]; ok {
			text, err := json.Marshal(x) // compact, as it comes back
			if err != nil {
				return nil, err
			}
			properties = append(properties, Property{part.key, string(text)})
			delete(report, part.field)
		}
	}
	rest, err := json.Marshal(report) // by name
	return append(properties, Property{keyTraining, string(rest)}), err
}
