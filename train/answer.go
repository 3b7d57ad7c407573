package train

import (
	"slices"

	"github.com/shoal-nn/shoal/prep"
)

// answers are what models say of rows that they haven't seen, beside what
// someone would say who only knows the training rows' targets.
type answers struct {
	rows  []int
	given [][]float64 // probabilities, or values; a slice a row

	// The guess where rows count as the weight column says, and where they count
	// as in training, by their classes too.
	guess, constant [][]float64
}

// ask lets the model of a fit answer rows.
func (j *job) ask(f *fitted, rows []int) (answers, error) {
	p, err := f.model.Predict(j.table.Select(rows))
	if err != nil {
		return answers{}, err
	}
	a := j.guessAt(j.judge(f.mix.Targets), f.train, rows)
	if a.given = p.Values; j.task == prep.Classification {
		a.given = p.Probabilities
	}
	return a, nil
}

// judge returns the judge of answers in these targets' scale.
func (j *job) judge(targets []prep.Target) *judge {
	return &judge{j.task, j.loss(), targets, j.factors}
}

// guessAt answers rows as someone would who only knows the targets of others.
func (j *job) guessAt(g *judge, known, rows []int) answers {
	y := j.truth(known)
	all := func(answer []float64) [][]float64 { return slices.Repeat([][]float64{answer}, len(rows)) }
	return answers{rows: rows, guess: all(g.guess(&y)), constant: all(g.guess(g.weighed(&y)))}
}

// truth is what is known of rows.
func (j *job) truth(rows []int) truth {
	y := truth{w: pick(j.counted, rows)}
	if j.task == prep.Classification {
		y.classes, y.k = pick(j.classes, rows), len(j.target.Classes)
		return y
	}
	for _, c := range j.targets {
		y.numbers = append(y.numbers, pick(c.Numbers, rows))
	}
	return y
}

// add puts the answers to other rows beside these.
func (a *answers) add(b answers) {
	a.rows = append(a.rows, b.rows...)
	a.given = append(a.given, b.given...)
	a.guess = append(a.guess, b.guess...)
	a.constant = append(a.constant, b.constant...)
}

// scored is how good answers are.
type scored struct {
	scores, baseline Scores
	guess            string // what the baseline always answers
	verdict          Verdict
	confusion        [][]float64
	targets          map[string]Scores
	gaveUp           bool // these are the guess's, which were better
}

// score compares answers with the truth.
func (j *job) score(g *judge, a *answers) *scored {
	y := j.truth(a.rows)
	s := g.score(a.given, a.guess, &y, j.report.Targets)
	s.verdict = g.verdict(a.given, a.constant, &y)
	return s
}

// score compares answers, and a guess, with the truth; names are the targets'.
func (g *judge) score(given, guess [][]float64, y *truth, names []string) *scored {
	s := &scored{guess: g.name(guess)}
	if g.task == prep.Classification {
		s.scores, s.confusion = ScoreClasses(slices.Concat(given...), y.k, y.classes, y.w)
		s.baseline, _ = ScoreClasses(slices.Concat(guess...), y.k, y.classes, y.w)
		return s
	}
	var models, guesses []Scores
	s.targets = map[string]Scores{}
	for k, numbers := range y.numbers {
		one := ScoreNumbers(column(given, k), numbers, y.w)
		s.targets[names[k]] = one
		models = append(models, one)
		guesses = append(guesses, ScoreNumbers(column(guess, k), numbers, y.w))
	}
	s.scores, s.baseline = meanScores(models), meanScores(guesses)
	if len(names) == 1 {
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
