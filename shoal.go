// Package shoal answers with trained networks: what a Go service imports.
//
//	model, err := shoal.Open("houses.onnx")
//	prices, err := model.Predict(table.Of(newHouses))   // many rows
//
//	row := model.Row()                                   // one row: no allocation, one Row a goroutine
//	row.Number("area", 120)
//	row.Text("town", "Delft")
//	price := row.Predict()
//
// Package train makes models, package table makes tables, package nn is the
// engine alone.
package shoal

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// Model is a trained model: one or more views of a table, each with one or
// more networks. Its methods may be called from several goroutines at once.
type Model struct {
	mix    *mixture.Mixture
	frozen func() [][]*nn.Frozen // made when the first row is asked for
}

func newModel(m *mixture.Mixture) *Model { return &Model{m, sync.OnceValue(m.Freeze)} }

// New returns the model of a mixture; package train calls it.
func New(m *mixture.Mixture) (*Model, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("shoal: a model can't be made of this: %w", err)
	}
	return newModel(m), nil
}

// Task says whether the model answers with classes or with numbers.
func (m *Model) Task() prep.Task { return m.mix.Task }

// Targets are the columns that the model answers.
func (m *Model) Targets() []prep.Target { return m.mix.Targets }

// Classes are the labels of a classification, in the order of probabilities;
// nil for a regression.
func (m *Model) Classes() []string {
	if m.mix.Task == prep.Regression {
		return nil
	}
	return m.mix.Targets[0].Classes
}

// View is a preprocessing and the networks that see it.
type View struct {
	Features *prep.Features
	Networks []*nn.Network
}

// Views returns the model's views; they share its memory, and are not to be
// changed.
func (m *Model) Views() []View {
	views := make([]View, len(m.mix.Views))
	for i, v := range m.mix.Views {
		views[i] = View{v.Features, v.Networks}
	}
	return views
}

// Columns are the columns that the model needs, by name, with their kinds, in
// the order in which it was trained.
func (m *Model) Columns() []prep.Column {
	var columns []prep.Column
	have := map[string]bool{}
	for _, v := range m.mix.Views {
		for _, c := range v.Features.Columns {
			if !have[c.Name] {
				have[c.Name] = true
				columns = append(columns, c)
			}
		}
	}
	return columns
}

// CSVOptions returns how to read a CSV file for this model: each of its columns
// is what it was in training, so that text among numbers is an error with its
// place, and numbers are text where the model knows text.
func (m *Model) CSVOptions() table.CSVOptions {
	o := table.CSVOptions{Kinds: map[string]table.Kind{}}
	if m.mix.Input != "" {
		return o // whatever their names
	}
	for _, c := range m.Columns() {
		o.Kinds[c.Name] = c.Kind
	}
	return o
}

// FitHash is the SHA-256 of the model's parameters, in hexadecimal: it is the
// same for the same data, configuration and seed, on any machine.
func (m *Model) FitHash() string { return m.mix.FitHash() }

// Origin is the program that wrote the model's file, with its version; "" is Shoal.
func (m *Model) Origin() string { return m.mix.Origin }

// Training says how the model was trained, as JSON: the report of package
// train. It may be nil.
func (m *Model) Training() json.RawMessage { return m.mix.Training }

// Predictions are the answers to the rows of a table.
type Predictions struct {
	Task    prep.Task
	Targets []string // names of the targets
	Classes []string // of a classification

	// Probabilities has a slice a row, a value a class; Labels the most
	// probable class of each row, the first of equals. Nil for a regression.
	Probabilities [][]float64
	Labels        []string

	// Values has a slice a row, a value a target, in the target's units. Nil for
	// a classification.
	Values [][]float64

	// Extra are columns of the table that the model doesn't use.
	Extra []string
}

// Numbers returns the first target's value of each row: all there is to say for
// a regression with one target.
func (p *Predictions) Numbers() []float64 {
	x := make([]float64, len(p.Values))
	for i, v := range p.Values {
		x[i] = v[0]
	}
	return x
}

// A prediction takes so many rows at once, or fewer where they have more than
// so many features in all: that bounds its memory.
const (
	rowsAtOnce     = 4096
	featuresAtOnce = 1 << 20
)

// Predict answers every row of a table. Columns are matched by name: one that
// the model needs and the table lacks is an error; others are listed in Extra. A
// model of another program with one input for all columns takes them by their
// place, as many as it has.
func (m *Model) Predict(t *table.Table) (*Predictions, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	if m.mix.Input != "" {
		var err error
		if t, err = m.placed(t); err != nil {
			return nil, err
		}
	}
	p := &Predictions{Task: m.mix.Task, Classes: m.Classes()}
	for _, target := range m.mix.Targets {
		p.Targets = append(p.Targets, target.Name)
	}
	p.Extra = m.extra(t)
	bound := make([]*prep.Bound, len(m.mix.Views))
	atOnce := rowsAtOnce
	for i, v := range m.mix.Views {
		b, err := v.Features.Bind(t)
		if err != nil {
			return nil, fmt.Errorf("shoal: %w", err)
		}
		bound[i] = b
		atOnce = max(1, min(atOnce, featuresAtOnce/v.Features.Width()))
	}
	answerer := mixture.Answerer{Mixture: m.mix}
	n := m.mix.Answers()
	for first := 0; first < t.Rows(); first += atOnce {
		rows := make([]int, min(atOnce, t.Rows()-first))
		for i := range rows {
			rows[i] = first + i
		}
		x := make([]nn.Matrix, len(m.mix.Views))
		for i, v := range m.mix.Views {
			x[i] = nn.Matrix{Rows: len(rows), Cols: v.Features.Width(), Data: bound[i].Apply(rows)}.T()
		}
		answer, err := answerer.Answer(x)
		if err != nil {
			return nil, fmt.Errorf("shoal: %w", err)
		}
		for j := range rows {
			values := make([]float64, n)
			for i := range values {
				values[i] = answer.At(i, j)
			}
			if err := finite(values); err != nil {
				return nil, fmt.Errorf("%w (row %d)", err, first+j+1)
			}
			if m.mix.Task == prep.Regression {
				p.Values = append(p.Values, values)
			} else {
				p.Probabilities = append(p.Probabilities, values)
				p.Labels = append(p.Labels, p.Classes[largest(values)])
			}
		}
	}
	return p, nil
}

// placed is a table whose columns have the model's names, by their place.
func (m *Model) placed(t *table.Table) (*table.Table, error) {
	columns := m.Columns()
	if len(t.Columns) != len(columns) {
		return nil, fmt.Errorf("shoal: the model takes %d columns by their place, and the table has %d", len(columns), len(t.Columns))
	}
	renamed := &table.Table{Name: t.Name}
	for i, c := range t.Columns {
		c.Name = columns[i].Name
		renamed.Columns = append(renamed.Columns, c)
	}
	return renamed, nil
}

// extra lists the table's columns that neither a view nor a target uses.
func (m *Model) extra(t *table.Table) []string {
	used := map[string]bool{}
	for _, c := range m.Columns() {
		used[c.Name] = true
	}
	for _, target := range m.mix.Targets {
		used[target.Name] = true
	}
	var extra []string
	for _, c := range t.Columns {
		if !used[c.Name] {
			extra = append(extra, c.Name)
		}
	}
	return extra
}

// largest returns the place of the largest value, the first of equals.
func largest[T float32 | float64](x []T) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
