package shoal

import (
	"fmt"
	"math"
	"slices"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/table"
)

// Row asks a model for one row at a time, without allocation after the first
// answer. Set the columns by name or by position, then ask; a column that isn't
// set is missing, and all are missing again after an answer. A Row belongs to
// one goroutine; make as many as needed.
type Row struct {
	model    *Model
	columns  []string // by position
	kinds    []table.Kind
	uses     [][]use // by position: where each view takes the column
	place    map[string]int
	features []nn.Matrix // a view's, (nx, 1)
	blank    [][]float32 // a view's features of a row with every value missing
	answerer mixture.Answerer
	scratch  []float64
	err      error
	failed   error // of the last answer
}

// use is a column's place in a view.
type use struct{ view, column, offset int }

// Row returns a row to fill.
func (m *Model) Row() *Row {
	r := &Row{model: m, place: map[string]int{}, answerer: mixture.Answerer{Mixture: m.mix, Frozen: m.frozen()}, scratch: make([]float64, m.mix.Answers())}
	for i, c := range m.Columns() {
		r.columns = append(r.columns, c.Name)
		r.kinds = append(r.kinds, c.Kind)
		r.place[c.Name] = i
	}
	r.uses = make([][]use, len(r.columns))
	for i, v := range m.mix.Views {
		x := make([]float32, v.Features.Width())
		offset := 0
		for k := range v.Features.Columns {
			c := &v.Features.Columns[k]
			at := r.place[c.Name]
			r.uses[at] = append(r.uses[at], use{i, k, offset})
			if c.Kind != table.Category {
				c.Put(x[offset:], math.NaN())
			}
			offset += c.Width()
		}
		r.blank = append(r.blank, x)
		r.features = append(r.features, nn.Matrix{Rows: len(x), Cols: 1, Data: slices.Clone(x)})
	}
	return r
}

// Columns are the names of the model's columns, in the order of their
// positions.
func (r *Row) Columns() []string { return r.columns }

// Number sets a number, or a boolean as 0 or 1; NaN is missing. A name that the
// model doesn't know, or a column of text, makes the next answer fail.
func (r *Row) Number(column string, x float64) {
	if i, ok := r.place[column]; ok {
		r.NumberAt(i, x)
	} else {
		r.unknown(column)
	}
}

// NumberAt is Number by position.
func (r *Row) NumberAt(i int, x float64) {
	switch {
	case i < 0 || i >= len(r.columns):
		r.fail("shoal: there is no column %d: the model has %d", i, len(r.columns))
		return
	case r.kinds[i] == table.Category:
		r.fail("shoal: column %q is text: set it with Text", r.columns[i])
		return
	case math.IsInf(x, 0):
		r.fail("shoal: column %q: %v is not a finite number", r.columns[i], x)
		return
	}
	for _, u := range r.uses[i] {
		r.model.mix.Views[u.view].Features.Columns[u.column].Put(r.features[u.view].Data[u.offset:], x)
	}
}

// Bool sets a boolean column.
func (r *Row) Bool(column string, b bool) {
	x := 0.0
	if b {
		x = 1
	}
	r.Number(column, x)
}

// Text sets a category; "" is missing, and a text that the model hasn't seen
// counts as none of its levels. A name that the model doesn't know, or a column
// of numbers, makes the next answer fail.
func (r *Row) Text(column, text string) {
	if i, ok := r.place[column]; ok {
		r.TextAt(i, text)
	} else {
		r.unknown(column)
	}
}

// TextAt is Text by position.
func (r *Row) TextAt(i int, text string) {
	switch {
	case i < 0 || i >= len(r.columns):
		r.fail("shoal: there is no column %d: the model has %d", i, len(r.columns))
		return
	case r.kinds[i] != table.Category:
		r.fail("shoal: column %q has numbers: set it with Number", r.columns[i])
		return
	}
	for _, u := range r.uses[i] {
		c := &r.model.mix.Views[u.view].Features.Columns[u.column]
		x := r.features[u.view].Data[u.offset : u.offset+c.Width()]
		clear(x)
		if k := c.Level(text); k >= 0 {
			x[k] = 1
		}
	}
}

func (r *Row) unknown(column string) {
	r.fail("shoal: the model has no column %q; it has %q", column, r.columns)
}

func (r *Row) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// Err says what was wrong with the last answer's row, or nil.
func (r *Row) Err() error { return r.failed }

// Predict answers a regression: the first target's value, in its units. It is
// NaN where Err is not nil. For a classification it is the probability of the
// last class: of two, the second.
func (r *Row) Predict() float64 {
	x := r.Answer()
	if x == nil {
		return math.NaN()
	}
	if r.model.Classes() == nil {
		return x[0]
	}
	return x[len(x)-1]
}

// Label answers a classification: the most probable class. It is "" where Err
// is not nil, and for a regression.
func (r *Row) Label() string {
	x := r.Answer()
	if x == nil || r.model.Classes() == nil {
		return ""
	}
	return r.model.Classes()[largest(x)]
}

// Answer returns a probability for each class, or a value for each target. The
// slice is used again by the next answer; it is nil where Err is not nil.
func (r *Row) Answer() []float64 {
	err := r.err
	r.err = nil
	var a nn.MatrixOf[float64]
	if err == nil {
		a, err = r.answerer.Answer(r.features)
	}
	if err == nil {
		err = finite(a.Data)
	}
	for i := range r.features {
		copy(r.features[i].Data, r.blank[i])
	}
	if r.failed = err; err != nil {
		return nil
	}
	copy(r.scratch, a.Data)
	return r.scratch
}

// finite says what is wrong with an answer that is none.
func finite(answer []float64) error {
	for _, v := range answer {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("shoal: the answer is %v: a number of this row is far from all that the model was trained on", v)
		}
	}
	return nil
}
