package train

import (
	"slices"

	"github.com/shoal-nn/shoal/prep"
)

// answers are what models say of rows that they haven't seen, beside what
// someone would say who only knows the training rows' targets.
type answers struct {
	rows         []int
	given, guess [][]float64 // probabilities, or values; a slice a row
}

// ask lets the model of a fit answer rows.
func (j *job) ask(f *fitted, rows []int) (answers, error) {
	p, err := f.model.Predict(j.table.Select(rows))
	if err != nil {
		return answers{}, err
	}
	a := j.guessAt(f.train, rows)
	if a.given = p.Values; j.task == prep.Classification {
		a.given = p.Probabilities
	}
	return a, nil
}

// guessAt answers rows as someone would who only knows the targets of others:
// with the shares of the classes, or the mean.
func (j *job) guessAt(known, rows []int) answers {
	a := answers{rows: rows}
	var guess []float64
	if j.task == prep.Classification {
		guess = make([]float64, len(j.target.Classes))
		for _, r := range known {
			guess[j.classes[r]] += 1 / float64(len(known))
		}
	} else {
		for _, c := range j.targets {
			mean, _ := prep.Moments(pick(c.Numbers, known))
			guess = append(guess, mean)
		}
	}
	for range rows {
		a.guess = append(a.guess, guess)
	}
	return a
}

// add puts the answers to other rows beside these.
func (a *answers) add(b answers) {
	a.rows = append(a.rows, b.rows...)
	a.given = append(a.given, b.given...)
	a.guess = append(a.guess, b.guess...)
}

// scored is how good answers are.
type scored struct {
	scores, baseline Scores
	confusion        [][]float64
	targets          map[string]Scores
	gaveUp           bool // these are the guess's, which were better
}

// useless says whether answers are worse than the guess by every measure that
// counts.
func (s *scored) useless() bool {
	if rmse, ok := s.scores["rmse"]; ok {
		return rmse > s.baseline["rmse"]
	}
	return s.scores["accuracy"] <= s.baseline["accuracy"] && s.scores["log_loss"] > s.baseline["log_loss"]
}

// score compares answers with the truth.
func (j *job) score(a answers) *scored {
	w := pick(j.counted, a.rows)
	s := &scored{}
	if j.task == prep.Classification {
		k := len(j.target.Classes)
		truth := pick(j.classes, a.rows)
		s.scores, s.confusion = ScoreClasses(slices.Concat(a.given...), k, truth, w)
		s.baseline, _ = ScoreClasses(slices.Concat(a.guess...), k, truth, w)
		return s
	}
	var given, guesses []Scores
	s.targets = map[string]Scores{}
	for k, c := range j.targets {
		truth := pick(c.Numbers, a.rows)
		one := ScoreNumbers(column(a.given, k), truth, w)
		s.targets[c.Name] = one
		given = append(given, one)
		guesses = append(guesses, ScoreNumbers(column(a.guess, k), truth, w))
	}
	s.scores, s.baseline = meanScores(given), meanScores(guesses)
	if len(j.targets) == 1 {
		s.targets = nil
	}
	return s
}

func column(rows [][]float64, k int) []float64 {
	x := make([]float64, len(rows))
	for i, r := range rows {
		x[i] = r[k]
	}
	return x
}

// meanScores averages each metric over those that have it: a fold without one
// of the classes has no AUC.
func meanScores(all []Scores) Scores {
	mean, count := Scores{}, map[string]int{}
	for _, s := range all {
		for name, x := range s {
			mean[name] += x
			count[name]++
		}
	}
	for name, n := range count {
		mean[name] /= float64(n)
	}
	return mean
}

// pick returns the values of some rows; nil of nil.
func pick[T any](x []T, rows []int) []T {
	if x == nil {
		return nil
	}
	y := make([]T, len(rows))
	for i, r := range rows {
		y[i] = x[r]
	}
	return y
}
