package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// trainedJSON is the one object that shoal train --json prints.
type trainedJSON struct {
	Task    prep.Task `json:"task"`
	Rows    int       `json:"rows"`
	Columns int       `json:"columns"`
	Target  string    `json:"target"`
	Classes []string  `json:"classes,omitempty"`

	RowsWithoutTarget int            `json:"rows_without_target"`
	LeftOut           []prep.LeftOut `json:"left_out,omitempty"`
	Notes             []string       `json:"notes,omitempty"`
	Settings          train.Settings `json:"settings"`

	Epochs       int                     `json:"epochs"`
	BestEpoch    int                     `json:"best_epoch"`
	Seconds      float64                 `json:"seconds"`
	ScoredOn     string                  `json:"scored_on"`
	ScoredRows   int                     `json:"scored_rows"`
	Scores       train.Scores            `json:"scores"`
	Baseline     train.Scores            `json:"baseline"`
	Guess        string                  `json:"guess,omitempty"`
	Verdict      train.Verdict           `json:"verdict"`
	TargetScores map[string]train.Scores `json:"target_scores,omitempty"`
	Confusion    [][]float64             `json:"confusion,omitempty"`
	CV           map[string]any          `json:"cv,omitempty"` // metric → mean; "folds" → the folds' metrics
	FitHash      string                  `json:"fit_hash"`
	Model        string                  `json:"model"`
	Interrupted  bool                    `json:"interrupted,omitempty"`
}

func (t *trained) json() trainedJSON {
	r := t.report
	j := trainedJSON{
		Task: r.Task, Rows: r.Rows, Columns: r.Columns, Target: strings.Join(r.Targets, ","), Classes: t.model.Classes(),
		RowsWithoutTarget: r.RowsWithoutTarget, LeftOut: r.LeftOut, Notes: r.Notes, Settings: r.Settings,
		Epochs: r.Epochs, BestEpoch: r.BestEpoch, Seconds: r.Seconds, ScoredOn: r.ScoredOn, ScoredRows: r.ScoredRows,
		Scores: r.Scores, Baseline: r.Baseline, Guess: r.Guess, Verdict: r.Verdict, TargetScores: r.TargetScores, Confusion: r.Confusion,
		FitHash: r.FitHash, Model: t.output, Interrupted: t.interrupted,
	}
	if r.CV != nil {
		j.CV = map[string]any{"folds": r.CV.Folds}
		for name, x := range r.CV.Mean {
			j.CV[name] = x
		}
	}
	return j
}

// text is the report for people.
func (t *trained) text() string {
	var s sheet
	r := t.report
	s.fact("data", fmt.Sprintf("%s: %s, %s", t.data, plural(r.Rows, "row"), plural(r.Columns, "column")))
	s.fact("target", strings.Join(r.Targets, ", "))
	writeTask(&s, r, t.model.Classes())
	writeTraining(&s, r, t.model.Views()[0].Networks[0])
	if chart := lossChart(r.History); chart != "" {
		s.linef("\n%s", strings.TrimRight(chart, "\n"))
	}

	s.linef("")
	outcomeOf(r, t.model.Classes()).write(&s)
	if r.CV != nil {
		writeCV(&s, r)
	}

	s.linef("")
	s.fact("fit hash", r.FitHash)
	size := ""
	if info, err := os.Stat(t.output); err == nil {
		size = fmt.Sprintf("%s kB, ", count(int(info.Size()+999)/1000))
	}
	s.fact("model", fmt.Sprintf("%s (%strained in %s)", t.output, size, clock(seconds(r.Seconds))))
	s.fact("next", "shoal predict "+table.ShellWord(t.output)+" new.csv > answers.csv")
	return s.String()
}

// scoredOn names the rows that were scored: "114 test rows".
func scoredOn(r *train.Report) string {
	if r.ScoredOn == train.EveryRow {
		return fmt.Sprintf("all %s rows", count(r.ScoredRows))
	}
	return count(r.ScoredRows) + " " + r.ScoredOn
}

// writeTask says what was decided from the data, and why.
func writeTask(s *sheet, r *train.Report, classes []string) {
	task := string(r.Task)
	if r.TaskWhy != "" {
		task += ": " + r.TaskWhy
	}
	s.fact("task", task)
	if classes != nil {
		s.fact("classes", names(classes, 12))
	}
	const most = 10
	var left []string
	for i, l := range r.LeftOut {
		if i == most {
			left = append(left, fmt.Sprintf("… and %d more", len(r.LeftOut)-most))
			break
		}
		left = append(left, l.Name+": "+l.Reason)
	}
	s.facts("left out", left)
	s.facts("note", r.Notes)
}

// writeTraining says what was trained, and how.
func writeTraining(s *sheet, r *train.Report, net *nn.Network) {
	o := &r.Settings
	layers := count(net.Inputs)
	for _, l := range net.Layers {
		layers += fmt.Sprintf(" → %s %s", count(l.Units), l.Activation)
	}
	s.fact("network", fmt.Sprintf("%s; %s", layers, plural(net.Parameters(), "parameter")))

	how := o.Optimizer
	if o.Optimizer != (&nn.LBFGS{}).Name() {
		how += fmt.Sprintf(" with rate %v", o.LR)
	}
	how += ", " + o.Schedule
	if o.WarmUp > 0 {
		how += fmt.Sprintf(" after %v %% of warm-up", 100*o.WarmUp)
	}
	how += fmt.Sprintf("; loss %s; init %s; seed %d", o.Loss, initialiser(o), o.Seed)
	for _, extra := range []struct {
		name  string
		value float64
	}{{"weight decay", o.Decay}, {"l2", o.L2}, {"dropout", o.Dropout}, {"clip", o.Clip}} {
		if extra.value != 0 {
			how += fmt.Sprintf("; %s %v", extra.name, extra.value)
		}
	}
	if o.ClassWeights != nil {
		how += "; classes weighed"
	}
	if o.Precision == 64 {
		how += "; 64 bits"
	}
	if o.NoPrep {
		how += "; columns as they are"
	}
	s.fact("training", how)

	rows := count(r.TrainRows) + " to learn from"
	if r.ValidRows > 0 {
		rows += fmt.Sprintf(", %s to decide when to stop", count(r.ValidRows))
	}
	switch r.ScoredOn {
	case train.TestRows:
		rows += fmt.Sprintf(", %s to score", count(r.ScoredRows))
	case train.EveryRow:
		rows += "; each row is scored, by a model that was trained without it"
	}
	s.fact("rows", rows)

	epochs := fmt.Sprintf("%s of at most %s, %s a step", count(r.Epochs), count(o.Epochs), plural(o.Batch, "row"))
	switch {
	case r.BestEpoch == 0:
		epochs += "; the weights of none are kept"
	case r.ValidRows > 0:
		epochs += fmt.Sprintf("; the weights of epoch %s are kept, the best on the validation rows", count(r.BestEpoch))
	}
	s.fact("epochs", epochs)
}

// initialiser names the initialiser; for auto, what each kind of layer gets.
func initialiser(o *train.Settings) string {
	if o.Init != nn.Auto.String() {
		return o.Init
	}
	return "auto (he for relu and its like, xavier for others)"
}

// An outcome is how good a model is on some rows.
type outcome struct {
	task             prep.Task
	classes          []string
	rows             string // "114 test rows"
	verdict          train.Verdict
	guess            string
	scores, baseline train.Scores
	targets          map[string]train.Scores
	confusion        [][]float64
}

func outcomeOf(r *train.Report, classes []string) *outcome {
	return &outcome{
		task: r.Task, classes: classes, rows: scoredOn(r), verdict: r.Verdict, guess: r.Guess,
		scores: r.Scores, baseline: r.Baseline, targets: r.TargetScores, confusion: r.Confusion,
	}
}

// always names the answer of someone who looks at no column.
func (v *outcome) always() string {
	if v.guess == "" {
		return "always the same class"
	}
	return "always " + short(v.guess, 30)
}

func (v *outcome) write(s *sheet) {
	header := []string{"on " + v.rows, "model", v.always()}
	targets := slices.Sorted(maps.Keys(v.targets))
	if len(targets) > 0 {
		header[1] = "mean"
		for _, t := range targets {
			header = append(header, short(t, 16))
		}
	}
	rows := [][]string{header}
	for _, m := range train.Metrics() {
		x, ok := v.scores[m.Name]
		if !ok {
			continue
		}
		row := []string{m.Name, scoreFigure(m, x), "–"}
		if b, ok := v.baseline[m.Name]; ok {
			row[2] = scoreFigure(m, b)
		}
		for _, t := range targets {
			cell := "–"
			if x, ok := v.targets[t][m.Name]; ok {
				cell = scoreFigure(m, x)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	s.grid(rows, 1)
	if w := v.warning(); w != "" {
		s.linef("")
		for _, line := range wrap(w, textWidth) {
			s.linef("%s", line)
		}
	}
	v.writeConfusion(s)
}

// scoreFigure writes a score: one without a unit to four places.
func scoreFigure(m train.Metric, x float64) string {
	if m.Name == "rmse" || m.Name == "mae" {
		return figure(x)
	}
	if text := fmt.Sprintf("%.4f", x); text != "-0.0000" {
		return text
	}
	return "0.0000"
}

// warning says in words that a model is no better than the guess; "" if it is.
func (v *outcome) warning() string {
	switch v.verdict {
	case train.OnlyProbabilities:
		return "Its answers are right no more often than " + v.always() + "; only its probabilities tell more than the classes' shares do."
	case train.OnlyAnswers:
		return "Its answers are right more often than " + v.always() + ", but its probabilities tell less than the classes' shares do: it is too sure of itself."
	case train.NoBetter:
		if v.task == prep.Regression {
			return "This model is useless: on these rows its answers are no nearer to the truth than " + v.always() + ", by the loss that it was trained with."
		}
		return "This model is useless: on these rows it is no better than " + v.always() + "."
	}
	return ""
}

// mostConfused is the largest number of classes whose confusion is shown.
const mostConfused = 10

func (v *outcome) writeConfusion(s *sheet) {
	if len(v.confusion) == 0 || len(v.confusion) > mostConfused {
		return
	}
	const most = 40 // columns of the truth
	width := max(6, (textWidth-most)/len(v.classes)-2)
	header := []string{"true \\ answer"}
	for _, c := range v.classes {
		header = append(header, short(c, width))
	}
	rows := [][]string{header}
	for k, row := range v.confusion {
		cells := []string{short(v.classes[k], most-20)}
		for _, x := range row {
			cell := fmt.Sprintf("%.6g", x)
			if x == 0 {
				cell = "·"
			}
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	s.linef("")
	s.grid(rows, 1)
}

func writeCV(s *sheet, r *train.Report) {
	rows := [][]string{{fmt.Sprintf("cross-validation, %d folds", len(r.CV.Folds)), "mean", "least", "most"}}
	for _, m := range train.Metrics() {
		mean, ok := r.CV.Mean[m.Name]
		if !ok {
			continue
		}
		low, high, have := 0.0, 0.0, false
		for _, f := range r.CV.Folds {
			if x, ok := f[m.Name]; ok {
				if !have {
					low, high, have = x, x, true
				}
				low, high = min(low, x), max(high, x)
			}
		}
		rows = append(rows, []string{m.Name, scoreFigure(m, mean), scoreFigure(m, low), scoreFigure(m, high)})
	}
	s.linef("")
	s.grid(rows, 1)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
