// Package train makes models of tables: it splits the rows, fits the
// preprocessing and the network on the training part, stops when the
// validation part says so, and scores the model on rows that it has never seen.
//
//	model, report, err := train.Fit(ctx, table.Of(houses), train.Config{Target: "price"})
//	err = model.Save("houses.onnx")
//
//	all rows ─┬─ test        20 %   scored once, at the end
//	          ├─ validation   8 %   a tenth of the rest: decides when to stop
//	          └─ training    72 %   everything else is fitted on these
//
// Below 200 rows there are no test rows: every row is scored by one of five
// models that were trained without it. Where these are worse than guessing, the
// model is the guess, and the report says so.
//
// A model is a function of table, configuration and seed: the same on any
// machine and for any number of threads.
package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// Config says what to learn and how. Only a target is needed: what is zero is
// decided from the table.
type Config struct {
	// What to learn.
	Target     string    // the column to predict; "a,b" for several numbers
	Task       prep.Task // Classification or Regression; decided from the target if ""
	Weight     string    // a column with the rows' weights, each ≥ 0
	Ignore     []string  // columns that are not to be used
	Categories []string  // text columns to use though nearly all of their values differ

	// ClassWeights multiplies the weight of rows by class; Balanced gives every
	// class the same total weight.
	ClassWeights map[string]float64
	Balanced     bool

	// The network.
	Hidden     []int           // units of the hidden layers; nil is {128}, below 1,000 training rows {256}; empty is none
	Activation []nn.Activation // of the hidden layers: one for all or one each; ReLU if none
	Init       nn.Initialiser  // zero value: He for the ReLU family, Xavier otherwise
	Loss       nn.Loss         // zero value: cross-entropy or half squared error
	Dropout    float64         // of hidden layers, 0 ≤ p < 1
	Precision  int             // 32 or 64: bits of the numbers in training; 0 means 32

	// The training.
	Optimizer    nn.Optimizer // nil: AdamW; a rate or a weight decay of an AdamW that is 0 is decided from the rows
	Schedule     *nn.Schedule // nil: cosine after 5 % of warm-up, constant for L-BFGS
	Batch        int          // rows a step; 0: decided from the rows; −1 is all of them
	Epochs       int          // passes over the training rows; 0: decided
	Steps        int          // steps in all, in place of Epochs
	Patience     int          // epochs without a better validation loss before it stops; 0: decided
	L2           float64      // λ of the penalty ½·λ·ΣW²
	Clip         float64      // largest norm of the gradient; 0 is no limit
	NoPrep       bool         // numbers and the target in their own units
	NoValidation bool         // train on the validation rows too, to the last epoch
	Test         float64      // share of rows that are only scored; negative is none; 0 means 0.2, but below 200 rows every row is scored, by one of five models that hadn't seen it
	Validation   float64      // share of the other rows that decide when to stop; 0 means 0.1, or what makes 30 rows, up to 0.3
	Seed         uint64
	Threads      int // 0 means GOMAXPROCS; never enters the result

	// Cross-validation beside it: every row is left out of one of Folds models.
	Folds     int    // 0 is none; at least 2
	FoldOrder string // "shuffled" (also ""): stratified; "modulo": fold = row % Folds

	// Watch, if not nil, is told what happens, from the goroutine of Fit.
	Watch func(Event)
}

// Limits of a configuration, beside nn's.
const (
	MaxEpochs = 10_000_000
	MaxSteps  = math.MaxInt32
	MaxLayers = 100
)

// Fit trains a model of the table. If ctx ends, training stops at the next
// step, and Fit returns the best model so far beside ctx's error.
func Fit(ctx context.Context, t *table.Table, c Config) (*shoal.Model, *Report, error) {
	start := time.Now()
	j, err := newJob(t, c)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range j.report.Notes {
		j.tell(Event{Kind: Note, Text: n})
	}
	rest, test := j.rows, []int(nil)
	everyRow := c.Test == 0 && len(j.rows) < fewTestRows
	if c.Test >= 0 && !everyRow {
		rest, test = j.split(j.rows, cmp.Or(c.Test, defaultTest), streamTest)
	}
	f, err := j.fit(ctx, rest)
	if f == nil {
		return nil, nil, err
	}
	r := j.report
	var s *scored
	if err == nil && (everyRow || c.Folds > 0) {
		if s, err = j.leaveOut(ctx, everyRow, j.judge(f.mix.Targets)); err != nil && ctx.Err() == nil {
			return nil, nil, err
		}
	}
	if s != nil && s.gaveUp && f.best > 0 {
		f.notes = append(f.notes, "models of these few rows are no better than guessing on rows that they hadn't seen: the model always gives the same answer; without validation (--no-validation) it is the network that was trained")
		if err := f.giveUp(); err != nil {
			return nil, nil, err
		}
	}
	r.takeFit(f)
	if s == nil {
		rows := test
		switch {
		case len(test) > 0:
			r.ScoredOn = TestRows
		case len(f.valid) > 0:
			rows, r.ScoredOn = f.valid, ValidationRows
		default:
			rows, r.ScoredOn = f.train, TrainingRows
		}
		a, aerr := j.ask(f, rows)
		if aerr != nil {
			return nil, nil, errors.Join(err, aerr)
		}
		s, r.ScoredRows = j.score(j.judge(f.mix.Targets), &a), len(rows)
	}
	r.Scores, r.Baseline, r.Confusion, r.TargetScores = s.scores, s.baseline, s.confusion, s.targets
	r.Guess, r.Verdict = s.guess, s.verdict
	r.FitHash = f.model.FitHash()
	training, merr := json.Marshal(r)
	if merr != nil {
		return nil, nil, fmt.Errorf("train: the report can't be written: %w", merr)
	}
	f.mix.Training = training
	r.Seconds = time.Since(start).Seconds()
	return f.model, r, err
}

// job is one call of Fit: the table's rows with a target, and what was decided.
type job struct {
	table    *table.Table
	config   Config
	task     prep.Task
	targets  []*table.Column
	rows     []int     // those with a value of every target, in the table's order
	weights  []float64 // by row of the table, the classes' included; nil is 1 each
	factors  []float64 // the classes' weights; nil is 1 each
	counted  []float64 // the weight column alone, by which scores count; nil is 1 each
	classes  []int     // by row of the table; nil for a regression
	target   *prep.Target
	report   *Report
	fold, of int // at work; 0 outside cross-validation
}

func newJob(t *table.Table, c Config) (*job, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	j := &job{table: t, config: c, report: &Report{}}
	j.report.Notes = append(j.report.Notes, t.Notes...)
	if err := j.findTargets(); err != nil {
		return nil, err
	}
	if err := j.findRows(); err != nil {
		return nil, err
	}
	if err := j.decideTask(); err != nil {
		return nil, err
	}
	j.report.Task, j.report.Rows = j.task, len(j.rows)
	return j, nil
}

func (c *Config) check() error {
	switch {
	case c.Target == "":
		return fmt.Errorf("train: no target: name the column to predict")
	case c.Task != "" && c.Task != prep.Classification && c.Task != prep.Regression:
		return fmt.Errorf("train: there is no task %q; there are %s and %s", c.Task, prep.Classification, prep.Regression)
	case len(c.Hidden) > MaxLayers:
		return fmt.Errorf("train: %d hidden layers; the limit is %d", len(c.Hidden), MaxLayers)
	case len(c.Activation) > 1 && len(c.Activation) != c.hiddenLayers():
		return fmt.Errorf("train: %d activations for %d hidden layers: give one for all or one each", len(c.Activation), c.hiddenLayers())
	case c.Precision != 0 && c.Precision != 32 && c.Precision != 64:
		return fmt.Errorf("train: precision %d: must be 32 or 64", c.Precision)
	case c.Batch < -1:
		return fmt.Errorf("train: batch %d: must be at least 1 (or −1 for all rows)", c.Batch)
	case c.Epochs < 0 || c.Epochs > MaxEpochs:
		return fmt.Errorf("train: %d epochs: must be between 1 and %d", c.Epochs, MaxEpochs)
	case c.Steps < 0 || c.Steps > MaxSteps:
		return fmt.Errorf("train: %d steps: must be between 1 and %d", c.Steps, MaxSteps)
	case c.Patience < 0:
		return fmt.Errorf("train: patience %d: must be at least 1", c.Patience)
	case !(c.Test < 1) || !(c.Validation >= 0 && c.Validation < 1):
		return fmt.Errorf("train: shares of test (%v) and validation (%v) rows must lie between 0 and 1", c.Test, c.Validation)
	case c.Folds < 0 || c.Folds == 1:
		return fmt.Errorf("train: %d folds: cross-validation needs at least 2", c.Folds)
	case c.FoldOrder != "" && c.FoldOrder != "shuffled" && c.FoldOrder != "modulo":
		return fmt.Errorf("train: there is no fold order %q; there are shuffled and modulo", c.FoldOrder)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("train: dropout %v is outside 0 ≤ p < 1", c.Dropout)
	case c.Dropout > 0 && c.Hidden != nil && len(c.Hidden) == 0:
		return fmt.Errorf("train: dropout %v without a hidden layer: there are no units to drop", c.Dropout)
	}
	if _, ok := c.Optimizer.(*nn.LBFGS); ok && c.Batch > 0 {
		return fmt.Errorf("train: batch %d: a step of lbfgs takes all rows; leave Batch at 0", c.Batch)
	}
	for label, w := range c.ClassWeights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("train: class weight %v of %q must be a number, at least 0", w, label)
		}
	}
	return nil
}

// hiddenLayers is how many hidden layers the network will have.
func (c *Config) hiddenLayers() int {
	if c.Hidden == nil {
		return 1
	}
	return len(c.Hidden)
}

// findTargets finds the target columns: one of that whole name, else those of
// the names between commas.
func (j *job) findTargets() error {
	names := []string{j.config.Target}
	if j.table.Column(j.config.Target) == nil && strings.Contains(j.config.Target, ",") {
		names = strings.Split(j.config.Target, ",")
	}
	for i, name := range names {
		name = strings.TrimSpace(name)
		col := j.table.Column(name)
		switch {
		case col == nil:
			return fmt.Errorf("train: %s: there is no target column %q; the columns are %s", j.table.Name, name, j.columnNames())
		case slices.Contains(names[:i], name):
			return fmt.Errorf("train: target %q is named twice", name)
		case slices.Contains(j.config.Ignore, name):
			return fmt.Errorf("train: column %q is both the target and to be ignored", name)
		case name == j.config.Weight:
			return fmt.Errorf("train: column %q is both the target and the weight", name)
		}
		names[i] = name
		j.targets = append(j.targets, col)
	}
	for _, name := range append(slices.Clone(j.config.Ignore), j.config.Weight) {
		if name != "" && j.table.Column(name) == nil {
			return fmt.Errorf("train: %s: there is no column %q; the columns are %s", j.table.Name, name, j.columnNames())
		}
	}
	j.report.Targets = names
	return nil
}

func (j *job) columnNames() string {
	var names []string
	for i, c := range j.table.Columns {
		if i == 20 {
			names = append(names, fmt.Sprintf("… (%d in all)", len(j.table.Columns)))
			break
		}
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// findRows keeps the rows with a value of every target, and reads the weights.
func (j *job) findRows() error {
	n := j.table.Rows()
	for i := range n {
		if !slices.ContainsFunc(j.targets, func(c *table.Column) bool { return c.Missing(i) }) {
			j.rows = append(j.rows, i)
		}
	}
	if left := n - len(j.rows); left > 0 {
		j.report.RowsWithoutTarget = left
		j.report.Notes = append(j.report.Notes, fmt.Sprintf("%d of %d rows have no value of the target and are left out", left, n))
	}
	if len(j.rows) < 2 {
		return fmt.Errorf("train: %s: %s a value of the target: there must be at least 2 to learn from one and look at the other", j.table.Name, rowsWith(len(j.rows)))
	}
	if j.config.Weight == "" {
		return nil
	}
	w := j.table.Column(j.config.Weight)
	if w.Kind == table.Category {
		return fmt.Errorf("train: weight column %q has text, not numbers", w.Name)
	}
	var sum float64
	for _, r := range j.rows {
		x := w.Numbers[r]
		if !(x >= 0) || float32(x) > math.MaxFloat32 {
			return fmt.Errorf("train: weight column %q, row %d: %v: a weight must be a number, at least 0", w.Name, r+1, x)
		}
		sum += x
	}
	if sum == 0 {
		return fmt.Errorf("train: weight column %q: all weights are 0", w.Name)
	}
	j.weights, j.counted = w.Numbers, w.Numbers
	return nil
}

func rowsWith(n int) string {
	if n == 1 {
		return "1 row has"
	}
	return fmt.Sprintf("%d rows have", n)
}

// decideTask decides between classes and numbers, and numbers the classes.
func (j *job) decideTask() error {
	first := j.targets[0]
	task, why := prep.TaskOf(first)
	if j.task = j.config.Task; j.task == "" {
		if j.task = task; len(j.targets) > 1 {
			j.task, why = prep.Regression, "there are several targets"
		}
		j.report.TaskWhy = why
	}
	if j.task == prep.Regression {
		if len(j.config.ClassWeights) > 0 || j.config.Balanced {
			return fmt.Errorf("train: class weights need a classification; this is a regression (%s)", j.report.TaskWhy)
		}
		// Only a look: each fit measures its own training rows.
		for _, c := range j.targets {
			if _, err := prep.FitNumbers(c, j.rows, prep.OwnUnits); err != nil {
				return fmt.Errorf("train: %s: %w", j.table.Name, err)
			}
		}
		return nil
	}
	if len(j.targets) > 1 {
		return fmt.Errorf("train: a classification has one target, not %d", len(j.targets))
	}
	var err error
	if j.target, err = prep.FitClasses(first, j.rows); err != nil {
		return fmt.Errorf("train: %s: %w", j.table.Name, err)
	}
	all := make([]int, j.table.Rows())
	for i := range all {
		all[i] = i
	}
	j.classes = j.target.ClassesOf(first, all)
	return j.weighClasses()
}

// weighClasses multiplies the class weights into the rows' weights.
func (j *job) weighClasses() error {
	if len(j.config.ClassWeights) == 0 && !j.config.Balanced {
		return nil
	}
	factor := make([]float64, len(j.target.Classes))
	for k := range factor {
		factor[k] = 1
	}
	weight := func(r int) float64 {
		if j.weights == nil {
			return 1
		}
		return j.weights[r]
	}
	if j.config.Balanced {
		total, sum := 0.0, make([]float64, len(factor))
		for _, r := range j.rows {
			sum[j.classes[r]] += weight(r)
			total += weight(r)
		}
		for k := range factor {
			if sum[k] > 0 {
				factor[k] = total / float64(float64(len(factor))*sum[k])
			}
		}
	}
	for label, w := range j.config.ClassWeights {
		k := j.target.ClassOf(label)
		if k < 0 {
			return fmt.Errorf("train: class weight of %q: the target %q has no such class; it has %s", label, j.target.Name, strings.Join(j.target.Classes, ", "))
		}
		factor[k] = float64(factor[k] * w)
	}
	weights := make([]float64, j.table.Rows())
	var sum float64
	for _, r := range j.rows {
		weights[r] = float64(weight(r) * factor[j.classes[r]])
		sum += weights[r]
	}
	if sum == 0 {
		return fmt.Errorf("train: class weights: every row has weight 0")
	}
	j.weights, j.factors = weights, factor
	return nil
}

func (j *job) tell(e Event) {
	if j.config.Watch != nil {
		e.Fold, e.Folds = j.fold, j.of
		j.config.Watch(e)
	}
}

// fitted is a model and the rows that it was made from.
type fitted struct {
	model        *shoal.Model
	mix          *mixture.Mixture
	train, valid []int
	settings     Settings
	history      []Epoch
	every        int         // the history has one epoch in so many
	last         Epoch       // that was run
	best         int         // epoch of the weights kept
	guess        *nn.Network // that gives the trivial guess
	notes        []string
}
