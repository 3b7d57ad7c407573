package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// maxExampleFile bounds a file of examples, in bytes.
const maxExampleFile = 64 << 20

// entry is a network and its batch as they stand in a file: matrices are lists
// of rows, b is (n, 1), and index 0 is layer 1.
//
//	{"sizes": [2, 3, 1], "hidden": "tanh", "output": "sigmoid",
//	 "X": [[…], […]], "Y": [[…]], "W": [[[…], …], …], "b": [[[…], …], …]}
type entry struct {
	Sizes  []int         `json:"sizes"` // nx, then the units of each layer
	M      int           `json:"m,omitempty"`
	Hidden string        `json:"hidden"` // one for all hidden layers, or one each: "tanh,relu"
	Output string        `json:"output"`
	Loss   string        `json:"loss,omitempty"` // "" is the one that goes with the output
	X      [][]float64   `json:"X"`
	Y      [][]float64   `json:"Y"`
	W      [][][]float64 `json:"W"`
	B      [][][]float64 `json:"b"`
}

// ReadExample reads a network and its batch from JSON: one entry, or the entry
// of that name among several ({"nets": {name: entry, …}}). file is the name
// for errors. Step.MarshalJSON writes the same form.
func ReadExample(r io.Reader, file, name string) (*Example, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxExampleFile+1))
	if err != nil {
		return nil, fmt.Errorf("explain: %s: %w", file, err)
	}
	if len(text) > maxExampleFile {
		return nil, fmt.Errorf("explain: %s has more than the limit of %d MiB", file, maxExampleFile>>20)
	}
	e, name, err := findEntry(text, name)
	if err != nil {
		return nil, fmt.Errorf("explain: %s: %w", file, err)
	}
	x, err := e.example()
	if err != nil {
		if name != "" {
			file += ": " + name
		}
		return nil, fmt.Errorf("explain: %s: %w", file, err)
	}
	x.Name = file
	if name != "" {
		x.Name += ", " + name
	}
	return x, nil
}

// findEntry finds the entry in a file's text.
func findEntry(text []byte, name string) (*entry, string, error) {
	var file struct {
		Sizes json.RawMessage            `json:"sizes"`
		Nets  map[string]json.RawMessage `json:"nets"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, "", jsonError(text, err)
	}
	switch {
	case file.Sizes != nil && name != "":
		return nil, "", fmt.Errorf("the file has one network, without a name; leave the name %q out", name)
	case file.Sizes != nil:
	case len(file.Nets) == 0:
		return nil, "", errors.New(`there is no network: "sizes" is missing, and so is "nets", the list of several`)
	default:
		names := slices.Sorted(maps.Keys(file.Nets))
		if name == "" && len(names) > 1 {
			return nil, "", fmt.Errorf("the file has %d networks; name one: %s", len(names), strings.Join(names, ", "))
		}
		if name == "" {
			name = names[0]
		}
		if text = file.Nets[name]; text == nil {
			return nil, "", fmt.Errorf("there is no network %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	e := &entry{}
	if err := json.Unmarshal(text, e); err != nil {
		if name != "" {
			return nil, "", fmt.Errorf("%s: %w", name, jsonError(text, err))
		}
		return nil, "", jsonError(text, err)
	}
	return e, name, nil
}

// jsonError adds the line to an error of encoding/json.
func jsonError(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: this is no JSON: %w", lineOf(text, syntax.Offset), err)
	case errors.As(err, &kind):
		want := "a number"
		switch kind.Type.Kind() {
		case reflect.Slice, reflect.Array:
			want = "a list"
		case reflect.Map, reflect.Struct:
			want = "an object"
		case reflect.String:
			want = "a text"
		}
		return fmt.Errorf("line %d: %q holds a %s where %s belongs", lineOf(text, kind.Offset), kind.Field, kind.Value, want)
	}
	return fmt.Errorf("this is no JSON: %w", err)
}

func lineOf(text []byte, offset int64) int {
	line := 1
	for _, c := range text[:min(max(0, offset), int64(len(text)))] {
		if c == '\n' {
			line++
		}
	}
	return line
}

// example checks an entry and makes an Example of it.
func (e *entry) example() (*Example, error) {
	layers := len(e.Sizes) - 1
	if layers < 1 {
		return nil, fmt.Errorf(`"sizes" has %d numbers; there are at least two: the features and the outputs`, len(e.Sizes))
	}
	if len(e.W) != layers || len(e.B) != layers {
		return nil, fmt.Errorf(`"sizes" says %s; "W" has %d and "b" has %d`, count(layers, "layer"), len(e.W), len(e.B))
	}
	for i, n := range e.Sizes {
		if n < 1 {
			return nil, fmt.Errorf(`number %d of "sizes" is %d; each is at least 1`, i+1, n)
		}
	}
	described, err := e.layers()
	if err != nil {
		return nil, err
	}
	m := e.M
	if m == 0 && len(e.X) > 0 {
		m = len(e.X[0])
	}
	if m < 1 {
		return nil, errors.New(`"X" has no examples; it is (nx, m), an example a column`)
	}
	x := &Example{Loss: defaultLoss(described[layers-1].Activation)}
	if e.Loss != "" {
		if x.Loss, err = nn.LossNamed(e.Loss); err != nil {
			return nil, err
		}
	}
	if x.X, err = matrixOf("X", e.X, e.Sizes[0], m); err != nil {
		return nil, err
	}
	if x.Y, err = matrixOf("Y", e.Y, e.Sizes[layers], m); err != nil {
		return nil, err
	}
	// The shapes are compared with the arrays, which are there, before a network
	// of that size is made.
	w, b := make([]Matrix, layers), make([]Matrix, layers)
	for l := range layers {
		if w[l], err = matrixOf(fmt.Sprintf("W%d", l+1), e.W[l], e.Sizes[l+1], e.Sizes[l]); err != nil {
			return nil, err
		}
		if b[l], err = matrixOf(fmt.Sprintf("b%d", l+1), e.B[l], e.Sizes[l+1], 1); err != nil {
			return nil, err
		}
	}
	x.Net = nn.NewOf[float64](e.Sizes[0], described...)
	for l := range layers {
		if err := x.Net.SetParameters(l, w[l], b[l].Data); err != nil {
			return nil, err
		}
	}
	return x, x.check()
}

// layers are the layers that an entry describes.
func (e *entry) layers() ([]nn.Layer, error) {
	n := len(e.Sizes) - 1
	hidden := strings.Split(e.Hidden, ",")
	if len(hidden) != 1 && len(hidden) != n-1 {
		return nil, fmt.Errorf(`"hidden" names %d functions for %s: one for all, or one each`, len(hidden), count(n-1, "hidden layer"))
	}
	var layers []nn.Layer
	for i, units := range e.Sizes[1:] {
		name, field := e.Output, "output"
		if i < n-1 {
			name, field = hidden[min(i, len(hidden)-1)], "hidden"
		}
		g, err := nn.ActivationNamed(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		layers = append(layers, nn.Dense(units, g))
	}
	return layers, nil
}

// matrixOf makes a matrix of lists of rows that should be (rows, cols).
func matrixOf(name string, of [][]float64, rows, cols int) (Matrix, error) {
	got := func() string {
		if len(of) == 0 {
			return "missing or empty"
		}
		return shape(len(of), len(of[0]))
	}
	if len(of) != rows {
		hint := ""
		if len(of) > 0 && len(of[0]) == rows && len(of) == cols {
			hint = "; its transpose would fit"
		}
		return Matrix{}, fmt.Errorf("%s is %s; it should be %s%s", name, got(), shape(rows, cols), hint)
	}
	for i, r := range of {
		if len(r) != cols {
			return Matrix{}, fmt.Errorf("row %d of %s has %s; %s should be %s", i+1, name, count(len(r), "number"), name, shape(rows, cols))
		}
	}
	return nn.FromRows(of), nil
}

// FromModel takes a model's network, in float64, and the first rows of a table
// as its batch; rows ≤ 0 takes all. Rows without a value of the target are left
// out. A table without the target column gives an Example without Y, which only
// Health can use.
func FromModel(model *shoal.Model, t *table.Table, rows int) (*Example, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	view := model.Views()[0]
	e := &Example{Name: t.Name, Net: nn.Convert[float64](view.Networks[0]), Features: view.Features.Names()}
	e.Loss = lossOf(model, e.output())
	if len(model.Views()) > 1 || len(view.Networks) > 1 {
		e.Notes = append(e.Notes, "the model has several networks: this is the first")
	}
	take, targets, err := takeRows(model, t, rows)
	if err != nil {
		return nil, err
	}
	if n := t.Rows(); len(take) < n {
		e.Notes = append(e.Notes, fmt.Sprintf("%d of the table's %s", len(take), count(n, "row")))
	}
	x, err := view.Features.Apply(t, take)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	examples := nn.NewMatrix[float64](len(take), view.Features.Width())
	for i, v := range x {
		examples.Data[i] = float64(v)
	}
	e.X = examples.T()
	if targets != nil {
		e.Y = targetsOf(model, targets, take, e.Net.Outputs())
	}
	return e, nil
}

// lossOf is the loss that the model was trained with, as its report says.
func lossOf(model *shoal.Model, output nn.Activation) nn.Loss {
	var training struct{ Settings struct{ Loss string } }
	if json.Unmarshal(model.Training(), &training) == nil {
		if l, err := nn.LossNamed(training.Settings.Loss); err == nil {
			return l
		}
	}
	return defaultLoss(output)
}

// takeRows finds the target columns, nil if the table has none of them, and the
// rows to take.
func takeRows(model *shoal.Model, t *table.Table, most int) (take []int, targets []*table.Column, err error) {
	for _, target := range model.Targets() {
		if c := t.Column(target.Name); c != nil {
			targets = append(targets, c)
		}
	}
	if len(targets) < len(model.Targets()) {
		targets = nil
	}
	if most <= 0 {
		most = t.Rows()
	}
	for i := range t.Rows() {
		if len(take) == most {
			break
		}
		known := true
		for k, c := range targets {
			target := model.Targets()[k]
			switch {
			case model.Task() == prep.Classification && target.ClassesOf(c, []int{i})[0] < 0:
				known = false
			case model.Task() == prep.Regression && c.Kind == table.Category:
				return nil, nil, fmt.Errorf("explain: %s: target column %q has text, and the model answers with numbers", t.Name, c.Name)
			case c.Missing(i):
				known = false
			}
		}
		if known {
			take = append(take, i)
		}
	}
	if len(take) == 0 {
		return nil, nil, fmt.Errorf("explain: %s: no row has an answer that the model knows", t.Name)
	}
	return take, targets, nil
}

// targetsOf are the targets as the network learns them, (c, m).
func targetsOf(model *shoal.Model, targets []*table.Column, rows []int, c int) Matrix {
	y := nn.NewMatrix[float64](c, len(rows))
	if model.Task() == prep.Regression {
		for k, column := range targets {
			target := model.Targets()[k]
			for j, r := range rows {
				y.Set(k, j, target.Standardise(column.Numbers[r]))
			}
		}
		return y
	}
	target := model.Targets()[0]
	for j, class := range target.ClassesOf(targets[0], rows) {
		if c == 1 {
			y.Set(0, j, float64(class))
		} else {
			y.Set(class, j, 1)
		}
	}
	return y
}
