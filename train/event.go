package train

import "time"

// EventKind says what an event tells.
type EventKind uint8

// The events, in the order in which they come: the model's training first,
// then the same for each model that leaves a part of the rows out.
const (
	Note      EventKind = iota // Text: what was decided from the table, and why
	FoldStart                  // a model begins that leaves a fold of the rows out
	Start                      // a network begins to train: Epochs, Settings
	EpochEnd                   // Epoch, Epochs, Elapsed
	FoldEnd                    // Scores: of the fold's rows
)

// Event is one thing that happened in training. Fields that don't belong to
// its kind are zero.
type Event struct {
	Kind        EventKind
	Text        string
	Fold, Folds int // the fold at work, from 1; 0 outside cross-validation
	Epoch       Epoch
	Epochs      int // at most
	Elapsed     time.Duration
	Settings    *Settings
	Scores      Scores
}

// Epoch is what one pass over the training rows came to.
type Epoch struct {
	Epoch     int     `json:"epoch"`      // from 1; 0 is before the first step
	TrainLoss float64 `json:"train_loss"` // mean over the epoch's steps, each before its update; without the L2 penalty, as ValidLoss
	ValidLoss float64 `json:"valid_loss"` // 0 without validation rows
	Best      bool    `json:"best"`       // the least validation loss so far
}
