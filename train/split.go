package train

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

// Streams of random numbers of a seed: one for each thing that is random, so
// that none changes another.
const (
	streamTest = iota + 1
	streamValidation
	streamFolds
	streamOrder // of the rows, each epoch
)

func (j *job) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(j.config.Seed, stream)) }

// split takes a share of the rows away: of every class alike, and never all
// rows of a class. Both parts keep the rows' order.
func (j *job) split(rows []int, share float64, stream uint64) (rest, part []int) {
	taken := make(map[int]bool)
	random := j.random(stream)
	for _, group := range j.groups(rows) {
		random.Shuffle(len(group), func(a, b int) { group[a], group[b] = group[b], group[a] })
		n := max(0, min(int(float64(share*float64(len(group)))+0.5), len(group)-1))
		for _, r := range group[:n] {
			taken[r] = true
		}
	}
	for _, r := range rows {
		if taken[r] {
			part = append(part, r)
		} else {
			rest = append(rest, r)
		}
	}
	return rest, part
}

// groups sorts rows by class; a regression has one group.
func (j *job) groups(rows []int) [][]int {
	if j.classes == nil {
		return [][]int{append([]int(nil), rows...)}
	}
	groups := make([][]int, len(j.target.Classes))
	for _, r := range rows {
		groups[j.classes[r]] = append(groups[j.classes[r]], r)
	}
	return groups
}

// folds says to which of k folds each of the job's rows belongs.
func (j *job) folds(k int) []int {
	fold := make([]int, len(j.rows))
	if j.config.FoldOrder == "modulo" {
		for i, r := range j.rows {
			fold[i] = r % k
		}
		return fold
	}
	at := make(map[int]int, len(j.rows))
	for i, r := range j.rows {
		at[r] = i
	}
	random := j.random(streamFolds)
	next := 0
	for _, group := range j.groups(j.rows) {
		random.Shuffle(len(group), func(a, b int) { group[a], group[b] = group[b], group[a] })
		for _, r := range group {
			fold[at[r]] = next % k
			next++
		}
	}
	return fold
}

// leaveOut trains models that each leave a part of the rows out, and scores them
// on it: the cross-validation that was asked for, which goes to the report, and
// with everyRow the scores of all rows, which are returned; those of the
// guess where the models are no better than that.
func (j *job) leaveOut(ctx context.Context, everyRow bool, g *judge) (*scored, error) {
	k := j.config.Folds
	if k == 0 {
		k = min(fewTestFolds, len(j.rows))
	}
	var folds []Scores
	var all answers
	err := j.eachFold(ctx, k, g, func(a answers) {
		s := j.score(g, &a)
		folds = append(folds, s.scores)
		all.add(a)
		j.tell(Event{Kind: FoldEnd, Scores: s.scores})
	})
	if err != nil {
		return nil, err
	}
	if j.config.Folds > 0 {
		j.report.CV = &CV{Mean: meanScores(folds), Folds: folds}
	}
	if !everyRow {
		return nil, nil
	}
	j.report.ScoredOn, j.report.ScoredRows = EveryRow, len(all.rows)
	s := j.score(g, &all)
	if !j.config.NoValidation && s.verdict == NoBetter {
		all.given = all.constant
		s = j.score(g, &all)
		s.gaveUp = true
	}
	return s, nil
}

// eachFold trains a model for each of k folds, on the other rows, and hands its
// answers to the fold's rows on.
func (j *job) eachFold(ctx context.Context, k int, g *judge, take func(answers)) error {
	if k > len(j.rows) {
		return fmt.Errorf("train: %d folds of %d rows: a fold needs a row", k, len(j.rows))
	}
	fold := j.folds(k)
	defer func() { j.fold, j.of = 0, 0 }()
	for n := range k {
		j.fold, j.of = n+1, k
		j.tell(Event{Kind: FoldStart})
		var rest, out []int
		for i, r := range j.rows {
			if fold[i] == n {
				out = append(out, r)
			} else {
				rest = append(rest, r)
			}
		}
		if len(out) == 0 || len(rest) == 0 {
			return fmt.Errorf("train: fold %d of %d has no rows, or all of them", n+1, k)
		}
		f, err := j.fit(ctx, rest)
		var unfit *unfitError
		if errors.As(err, &unfit) {
			// Few rows: without the fold's, a column or the target is constant.
			j.report.Notes = append(j.report.Notes, fmt.Sprintf("fold %d of %d: no model can be made of the other rows (%v); its rows are answered as someone would who guesses", n+1, k, errors.Unwrap(unfit.error)))
			a := j.guessAt(g, rest, out)
			a.given = a.constant
			take(a)
			continue
		}
		if err != nil {
			return fmt.Errorf("fold %d of %d: %w", n+1, k, err)
		}
		a, err := j.ask(f, out)
		if err != nil {
			return fmt.Errorf("fold %d of %d: %w", n+1, k, err)
		}
		take(a)
	}
	return nil
}
