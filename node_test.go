package shoal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/onnx"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// nodeOps are the operators of onnx's own node tests that are run: of each test the
// first input is columns, the others are constants. "layer" puts the node behind a
// layer that changes nothing, "columns" before one, "layers" are layers themselves.
var nodeOps = map[string]string{
	"Relu": "layer", "LeakyRelu": "layer", "Elu": "layer", "Sigmoid": "layer", "Tanh": "layer", "Softplus": "layer", "Exp": "layer", "Erf": "layer",
	"Gelu": "layer", "Softmax": "layer", "Identity": "layer", "Dropout": "layer", "Greater": "layer", "ArgMax": "layer", "Squeeze": "layer",
	"Add": "columns", "Sub": "columns", "Mul": "columns", "Div": "columns", "Clip": "columns", "Max": "columns", "Min": "columns", "IsNaN": "columns",
	"Cast": "columns", "Flatten": "columns", "Reshape": "columns", "Gather": "columns", "Concat": "columns", "Where": "columns", "Transpose": "columns",
	"Constant": "columns", "ArrayFeatureExtractor": "columns", "LabelEncoder": "columns",
	"Gemm": "layers", "MatMul": "layers",
}

// nodesLeftOut are the tests that don't fit a multi-layer perceptron's use, with
// the reason; names are those of onnx.
var nodesLeftOut = []struct{ tests, reason string }{
	{`(relu|elu|gelu|softmax|softplus|clip|dropout).*_expanded(_ver\d+)?$`, "the operator written as others; a test of its own has it"},
	{`^test_(cast|castlike)_.*(BFLOAT16|FLOAT16|FLOAT8|FLOAT4|INT4|UINT4|INT2|UINT2|INT8|STRING|INT16)|^test_cast_(e8m0|no)_`, "element types that no column has"},
	{`^test_cast(like)?_(DOUBLE_to_FLOAT|FLOAT_to_DOUBLE)(_expanded)?$`, "NaN is a missing value here, and infinities are held within float32"},
	{`^test_(add|sub|mul|div|max|min|clip|clip_default)_?.*(uint(8|16|32|64)|int(8|16)|float16)`, "element types that no column has"},
	{`^test_(div|mul|sub|add)_int(32|64)|^test_div_int.*_trunc`, "element types that no column has"},
	{`^test_(add|sub|mul|div)$`, "two tensors of one shape: a constant stands for all rows"},
	{`^test_clip_min_greater_than_max$`, "limits in the wrong order"},
	{`^test_(max|min)_(example|one_input)$`, "not two operands"},
	{`^test_erf$`, "alone no activation: a part of GELU"},
	{`^test_gelu_tanh`, "the approximation by tanh"},
	{`^test_softmax_axis_[012]$|^test_softmax_(default|negative)_axis$`, "over another axis than the outputs of a row, or three dimensions"},
	{`^test_identity_(opt|sequence)$`, "optionals and sequences"},
	{`^test_training_dropout_(default|default_mask)$|^test_training_dropout(_mask)?$`, "training"},
	{`^test_greater`, "alone no answer: a part of softplus"},
	{`^test_argmax`, "the place of a class is no answer: it is a label's"},
	{`^test_squeeze`, "three dimensions and more"},
	{`^test_flatten`, "four dimensions"},
	{`^test_reshape`, "four dimensions, or rows and columns exchanged"},
	{`^test_(gather|gather_\d|gather_negative_indices|gathernd.*|gather_elements.*)$`, "of rows, or more than two dimensions"},
	{`^test_concat_(1d|3d)_|^test_concat_2d_axis_(0|negative_2)`, "other dimensions than rows and columns"},
	{`^test_where`, "a condition that isn't whether a column is missing"},
	{`^test_transpose`, "three dimensions: weights are turned over"},
	{`^test_constant`, "no input"},
	{`^test_matmul_(1d|3d|4d|bcast|2d_1d|1d_1d)`, "other dimensions than rows and columns"},
	{`^test_gemm_(transposeA|all_attributes)$`, "rows and columns exchanged"},
	{`^test_gemm_default_matrix_bias$`, "a bias for each row"},
	{`^test_isnan_float16$`, "element types that no column has"},
	{`^test_ai_onnx_ml_label_encoder_string_int$`, "its texts are [N]; columns are [N, 1]"},
	{`^test_ai_onnx_ml_label_encoder_string_int_no_default$`, "its texts are [N]; columns are [N, 1]"},
}

// The node tests of onnx 1.22.0, for every operator that is understood.
func TestNodeTestsOfONNX(t *testing.T) {
	others(t) // says what to do where it isn't installed
	folders, err := filepath.Glob(".venv/lib/python3*/site-packages/onnx/backend/test/data/node/test_*")
	if err != nil || len(folders) < 1000 {
		t.Fatalf("%d node tests, %v: scripts/python.sh installs onnx with them", len(folders), err)
	}
	run := map[string]int{}
	used := map[int]bool{}
	for _, folder := range folders {
		name := filepath.Base(folder)
		b, err := os.ReadFile(filepath.Join(folder, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(b)
		if err != nil && !errors.Is(err, onnx.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil || len(m.Graph.Nodes) != 1 || nodeOps[m.Graph.Nodes[0].Op] == "" || m.Graph.Nodes[0].Domain == "ai.onnx.preview.training" {
			continue // an operator that isn't understood, whose error another test looks at
		}
		reason := ""
		for i, left := range nodesLeftOut {
			if regexp.MustCompile(left.tests).MatchString(name) {
				reason = left.reason
				used[i] = true
			}
		}
		problem := runNode(folder, m)
		switch {
		case problem == nil && reason != "" && !strings.Contains(name, "_expanded"):
			t.Errorf("%s passes: it needn't be left out (%s)", name, reason)
		case problem != nil && reason == "":
			t.Errorf("%s: %v", name, problem)
		case problem == nil:
			run[m.Graph.Nodes[0].Op]++
		}
	}
	for i, left := range nodesLeftOut {
		if !used[i] {
			t.Errorf("no test is left out by %s", left.tests)
		}
	}
	want := "Add ArrayFeatureExtractor Clip Concat Div Dropout Elu Exp Gather Gelu Gemm Identity IsNaN LeakyRelu MatMul Max Min Mul Relu Sigmoid Softmax Softplus Sub Tanh"
	if got := strings.Join(slices.Sorted(maps.Keys(run)), " "); got != want {
		t.Errorf("tests passed of %s, want %s", got, want)
	}
	t.Logf("passed: %v", run)
}

// tensorOf reads a tensor in a file of its own.
func tensorOf(path string) (onnx.Tensor, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return onnx.Tensor{}, err
	}
	wrap := func(number protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), b)
	}
	named := append(bytes.Clone(b), wrap(8, []byte("t"))...)
	m, err := onnx.Decode(wrap(7, wrap(5, named)))
	if err != nil {
		return onnx.Tensor{}, err
	}
	return m.Graph.Initializers[0], nil
}

// rowsOf is a tensor's elements as rows of its last dimension.
func rowsOf(t *onnx.Tensor) ([][]float64, error) {
	var x []float64
	for _, v := range t.Floats {
		x = append(x, float64(v))
	}
	x = append(x, t.Doubles...)
	for _, v := range t.Ints {
		x = append(x, float64(v))
	}
	if len(x) == 0 || len(t.Dims) == 0 {
		return nil, fmt.Errorf("%v %v is no rows of numbers", t.Type, t.Dims)
	}
	d := int(t.Dims[len(t.Dims)-1])
	var rows [][]float64
	for part := range slices.Chunk(x, d) {
		rows = append(rows, part)
	}
	return rows, nil
}

// runNode runs one test.
func runNode(folder string, m *onnx.Model) error {
	node := m.Graph.Nodes[0]
	var tensors []onnx.Tensor
	for i := range m.Graph.Inputs {
		t, err := tensorOf(filepath.Join(folder, "test_data_set_0", fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return err
		}
		t.Name = m.Graph.Inputs[i].Name
		tensors = append(tensors, t)
	}
	out, err := tensorOf(filepath.Join(folder, "test_data_set_0", "output_0.pb"))
	if err != nil {
		return err
	}
	if len(tensors) == 0 {
		return fmt.Errorf("no input")
	}
	columns := tensors[:1]
	if node.Op == "Concat" {
		columns = tensors
	}
	g := &onnx.Graph{Initializers: slices.Clone(tensors[len(columns):])}
	tab := table.New()
	for i := range columns {
		x := &columns[i]
		if len(x.Dims) > 2 && slices.Contains([]string{"Softmax", "Gemm", "MatMul", "ArgMax", "Flatten", "Reshape", "Squeeze", "Concat", "Gather"}, node.Op) {
			return fmt.Errorf("%d dimensions", len(x.Dims))
		}
		if len(x.Dims) == 1 && len(m.Graph.Inputs[0].Shape) == 1 && slices.Contains([]string{"Gemm", "MatMul", "Concat"}, node.Op) {
			return fmt.Errorf("one dimension")
		}
		rows, err := rowsOf(x)
		if err != nil {
			return err
		}
		d := len(rows[0])
		g.Inputs = append(g.Inputs, onnx.Value{Name: x.Name, Type: x.Type, Shape: []onnx.Dim{{Name: "N"}, {Size: int64(d)}}})
		for k := range d {
			values := make([]float64, len(rows))
			for j := range rows {
				values[j] = rows[j][k]
			}
			name := fmt.Sprintf("%s_%d", x.Name, k+1)
			if d == 1 {
				name = x.Name
			}
			tab.Columns = append(tab.Columns, table.Numbers(name, values))
		}
	}
	want, err := rowsOf(&out)
	if err != nil {
		return err
	}
	identity := func(d int) string {
		w := make([]float32, d*d)
		for i := range d {
			w[i*d+i] = 1
		}
		g.Initializers = append(g.Initializers, onnx.Tensor{Name: "the identity", Type: onnx.Float, Dims: []int64{int64(d), int64(d)}, Floats: w})
		return "the identity"
	}
	node.Outputs = node.Outputs[:1]
	result := node.Outputs[0]
	switch nodeOps[node.Op] {
	case "layer":
		g.Nodes = append(g.Nodes, onnx.Node{Op: "MatMul", Inputs: []string{columns[0].Name, identity(len(tab.Columns))}, Outputs: []string{"the layer"}})
		node.Inputs = append([]string{"the layer"}, node.Inputs[1:]...)
		g.Nodes = append(g.Nodes, node)
	case "columns":
		g.Nodes = append(g.Nodes, node, onnx.Node{Op: "MatMul", Inputs: []string{result, identity(len(want[0]))}, Outputs: []string{"the layer"}})
		result = "the layer"
	default:
		g.Nodes = append(g.Nodes, node)
	}
	g.Outputs = []onnx.Value{{Name: result, Type: onnx.Float, Shape: []onnx.Dim{{Name: "N"}, {Size: int64(len(want[0]))}}}}
	model, err := read(onnx.Encode(&onnx.Model{IRVersion: m.IRVersion, Opsets: m.Opsets, Graph: *g}))
	if err != nil {
		return err
	}
	return answersNode(model, tab, want)
}

func answersNode(m *shoal.Model, tab *table.Table, want [][]float64) error {
	p, err := m.Predict(tab)
	if err != nil {
		return err
	}
	got := p.Values
	if m.Task() == prep.Classification {
		got = p.Probabilities
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		have := got[i]
		if len(want[i]) == 1 && len(have) == 2 {
			have = have[1:] // sigmoid alone
		}
		if len(have) != len(want[i]) {
			return fmt.Errorf("%d numbers a row, want %d", len(have), len(want[i]))
		}
		for k := range want[i] {
			if !(math.Abs(have[k]-want[i][k]) <= 1e-5*max(1, math.Abs(want[i][k]))) {
				return fmt.Errorf("row %d: %v, want %v", i+1, have, want[i])
			}
		}
	}
	return nil
}
