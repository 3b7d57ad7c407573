package train

import (
	"fmt"
	"math"
	"slices"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// Evaluation says how good a model is on the rows of a table.
type Evaluation struct {
	Task    prep.Task `json:"task"`
	Rows    int       `json:"rows"` // with a value of every target
	Targets []string  `json:"targets"`
	Classes []string  `json:"classes,omitempty"`

	RowsWithoutTarget int `json:"rows_without_target"`

	Scores       Scores            `json:"scores"`
	Baseline     Scores            `json:"baseline"` // of the one answer to all of these rows that has the least loss
	Guess        string            `json:"guess"`    // that answer: a class, "the mean", …
	Verdict      Verdict           `json:"verdict"`
	TargetScores map[string]Scores `json:"target_scores,omitempty"` // with several targets; Scores is then their mean
	Confusion    [][]float64       `json:"confusion,omitempty"`     // rows: the true class, columns: the answer

	Extra []string `json:"extra,omitempty"` // columns of the table that the model doesn't use
}

// Evaluate scores a model on a table that has the model's columns and targets.
// Rows without a value of a target are left out; a class that the model doesn't
// know is an error. A column of that name weighs the rows; "" weighs all alike.
func Evaluate(m *shoal.Model, t *table.Table, weight string) (*Evaluation, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	e := &Evaluation{Task: m.Task(), Classes: m.Classes()}
	var columns []*table.Column
	for _, target := range m.Targets() {
		c := t.Column(target.Name)
		switch {
		case c == nil:
			return nil, fmt.Errorf("train: %s: there is no target column %q to compare the answers with", t.Name, target.Name)
		case e.Task == prep.Regression && c.Kind == table.Category && !allMissing(c):
			return nil, fmt.Errorf("train: %s: target column %q has text; the model answers numbers", t.Name, target.Name)
		}
		columns = append(columns, c)
		e.Targets = append(e.Targets, target.Name)
	}
	var rows []int
	for i := range t.Rows() {
		if !slices.ContainsFunc(columns, func(c *table.Column) bool { return c.Missing(i) }) {
			rows = append(rows, i)
		}
	}
	e.Rows, e.RowsWithoutTarget = len(rows), t.Rows()-len(rows)
	if e.Rows == 0 {
		return nil, fmt.Errorf("train: %s: no row has a value of the target: there is nothing to compare the answers with", t.Name)
	}
	w, err := evaluationWeights(t, weight, rows)
	if err != nil {
		return nil, err
	}
	p, err := m.Predict(t.Select(rows))
	if err != nil {
		return nil, err
	}
	e.Extra = slices.DeleteFunc(p.Extra, func(name string) bool { return name == weight })
	g := judgeOf(m)
	y := truth{w: w, k: len(e.Classes)}
	given := p.Values
	if e.Task == prep.Classification {
		given = p.Probabilities
		if y.classes, err = e.classesOf(&m.Targets()[0], t, columns[0], rows); err != nil {
			return nil, err
		}
	} else {
		for _, c := range columns {
			y.numbers = append(y.numbers, pick(c.Numbers, rows))
		}
	}
	all := func(answer []float64) [][]float64 { return slices.Repeat([][]float64{answer}, len(rows)) }
	s := g.score(given, all(g.guess(&y)), &y, e.Targets)
	e.Scores, e.Baseline, e.Guess, e.TargetScores, e.Confusion = s.scores, s.baseline, s.guess, s.targets, s.confusion
	e.Verdict = g.verdict(given, all(g.guess(g.weighed(&y))), &y)
	return e, nil
}

func allMissing(c *table.Column) bool {
	for i := range c.Len() {
		if !c.Missing(i) {
			return false
		}
	}
	return true
}

func evaluationWeights(t *table.Table, name string, rows []int) ([]float64, error) {
	if name == "" {
		return nil, nil
	}
	c := t.Column(name)
	switch {
	case c == nil:
		return nil, fmt.Errorf("train: %s: there is no weight column %q", t.Name, name)
	case c.Kind == table.Category:
		return nil, fmt.Errorf("train: %s: weight column %q has text, not numbers", t.Name, name)
	}
	w := pick(c.Numbers, rows)
	sum := 0.0
	for i, x := range w {
		if !(x >= 0) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("train: %s: weight column %q, row %d: %v: a weight must be a number, at least 0", t.Name, name, rows[i]+1, x)
		}
		sum += x
	}
	if sum == 0 {
		return nil, fmt.Errorf("train: %s: weight column %q: all weights are 0", t.Name, name)
	}
	return w, nil
}

// classesOf numbers the classes of the rows; one that the model doesn't know is
// an error.
func (e *Evaluation) classesOf(target *prep.Target, t *table.Table, c *table.Column, rows []int) ([]int, error) {
	classes := target.ClassesOf(c, rows)
	for i, y := range classes {
		if y < 0 {
			return nil, fmt.Errorf("train: %s: target column %q, row %d: the model has no such class; its classes are %s", t.Name, c.Name, rows[i]+1, firstOf(e.Classes, 10))
		}
	}
	return classes, nil
}

// firstOf writes the first n names.
func firstOf(names []string, n int) string {
	s := ""
	for i, name := range names {
		switch {
		case i == n:
			return s + fmt.Sprintf(" and %d more", len(names)-n)
		case i > 0:
			s += ", "
		}
		s += fmt.Sprintf("%q", name)
	}
	return s
}
