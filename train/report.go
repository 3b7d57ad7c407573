package train

import (
	"strconv"

	"github.com/shoal-nn/shoal/prep"
)

// Report says what Fit did and how good the model is.
type Report struct {
	Task    prep.Task `json:"task"`
	TaskWhy string    `json:"task_why,omitempty"` // what decided it; "" if the caller did
	Rows    int       `json:"rows"`               // with a value of the target
	Columns int       `json:"columns"`            // that the network sees
	Targets []string  `json:"targets"`

	RowsWithoutTarget int            `json:"rows_without_target"`
	LeftOut           []prep.LeftOut `json:"left_out,omitempty"` // columns that the network doesn't see, and why
	Features          int            `json:"features"`
	Notes             []string       `json:"notes,omitempty"`

	TrainRows  int    `json:"train_rows"`
	ValidRows  int    `json:"valid_rows"`
	ScoredRows int    `json:"scored_rows"`
	ScoredOn   string `json:"scored_on"` // TestRows, EveryRow, …

	Settings  Settings `json:"settings"`
	Epochs    int      `json:"epochs"`            // that were run
	BestEpoch int      `json:"best_epoch"`        // whose weights were kept
	History   []Epoch  `json:"history,omitempty"` // all epochs, or of many one in 2, 4, …, and the last

	Scores       Scores            `json:"scores"`
	Baseline     Scores            `json:"baseline"`        // of the one answer to every row that has the least loss to the training rows
	Guess        string            `json:"guess,omitempty"` // that answer: a class, "the mean", …; "" if models that left rows out differ in it
	Verdict      Verdict           `json:"verdict"`
	TargetScores map[string]Scores `json:"target_scores,omitempty"` // with several targets; Scores is then their mean
	Confusion    [][]float64       `json:"confusion,omitempty"`     // rows: the true class, columns: the answer
	CV           *CV               `json:"cv,omitempty"`

	FitHash string  `json:"fit_hash"`
	Seconds float64 `json:"-"` // not in the model file: the same training gives the same file
}

// What the scores of a report are of.
const (
	TestRows       = "test rows"                            // set aside from the start
	EveryRow       = "all rows, each by a model without it" // few rows: models that each left a part out
	ValidationRows = "validation rows"                      // without test rows: they decided when to stop
	TrainingRows   = "training rows"                        // without either: how well they are known by heart
)

// CV is the outcome of a cross-validation.
type CV struct {
	Mean  Scores   `json:"mean"`
	Folds []Scores `json:"folds"`
}

// Settings are what a network was trained with, all decided: in the words of
// the command's flags.
type Settings struct {
	Inputs     int      `json:"inputs"`
	Hidden     []int    `json:"hidden"`
	Activation []string `json:"activation"`
	Output     string   `json:"output"`
	Init       string   `json:"init"`
	Loss       string   `json:"loss"`
	Optimizer  string   `json:"optimizer"`
	LR         float64  `json:"lr"`
	Decay      float64  `json:"decay,omitempty"` // of AdamW
	Schedule   string   `json:"schedule"`
	WarmUp     float64  `json:"warm_up,omitempty"`
	Batch      int      `json:"batch"`
	Epochs     int      `json:"epochs"` // at most
	Steps      int      `json:"steps"`  // at most
	Patience   int      `json:"patience,omitempty"`
	L2         float64  `json:"l2,omitempty"`
	Dropout    float64  `json:"dropout,omitempty"`
	Clip       float64  `json:"clip,omitempty"`
	Precision  int      `json:"precision"`
	Seed       uint64   `json:"seed"`
	NoPrep     bool     `json:"no_prep,omitempty"`

	// ClassWeights are the classes' weights, in the order of the classes; empty
	// where all have 1.
	ClassWeights []float64 `json:"class_weights,omitempty"`
}

// takeFit takes over what is known of a fit.
func (r *Report) takeFit(f *fitted) {
	features := f.mix.Views[0].Features
	r.Columns, r.Features, r.LeftOut = len(features.Columns), features.Width(), features.LeftOut
	r.Notes = append(r.Notes, f.notes...)
	r.TrainRows, r.ValidRows = len(f.train), len(f.valid)
	r.Settings, r.History, r.BestEpoch = f.settings, f.history, f.best
	if n := len(f.history); n > 0 {
		r.Epochs = f.history[n-1].Epoch
	}
}

// Layers writes the network's sizes, inputs to outputs: "30 → 128 → 1".
func (s Settings) Layers(outputs int) string {
	text := strconv.Itoa(s.Inputs)
	for _, n := range s.Hidden {
		text += " → " + strconv.Itoa(n)
	}
	return text + " → " + strconv.Itoa(outputs)
}
