package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

// fit makes a model of some rows: part of them decides when to stop. If ctx
// ends, it returns what there is beside the error.
func (j *job) fit(ctx context.Context, rows []int) (*fitted, error) {
	f := &fitted{train: rows}
	if !j.config.NoValidation {
		share := cmp.Or(j.config.Validation, defaultShare(len(rows)))
		f.train, f.valid = j.split(rows, share, streamValidation)
	}
	err := j.prepare(f)
	if err != nil && len(f.valid) > 0 {
		// A few rows may have something to learn only together.
		f.train, f.valid = rows, nil
		err = j.prepare(f)
	}
	if err != nil {
		return nil, &unfitError{fmt.Errorf("train: %w", err)}
	}
	view := &f.mix.Views[0]
	if j.config.Precision == 64 {
		err = fitNetwork[float64](ctx, j, f, view)
	} else {
		err = fitNetwork[float32](ctx, j, f, view)
	}
	if len(view.Networks) == 0 {
		return nil, err
	}
	model, merr := shoal.New(f.mix)
	if merr != nil {
		return nil, merr
	}
	f.model = model
	return f, err
}

// unfitError says that some rows have nothing to learn from, or nothing to
// learn.
type unfitError struct{ error }

func (e *unfitError) Unwrap() error { return e.error }

// prepare fits what is before and after the network on the training rows.
func (j *job) prepare(f *fitted) error {
	features, notes, err := prep.Fit(j.table, f.train, prep.Options{
		Skip: j.notFeatures(), Keep: j.config.Categories, Raw: j.config.NoPrep,
	})
	if err != nil {
		return err
	}
	f.notes = notes
	f.mix = &mixture.Mixture{Task: j.task, Views: []mixture.View{{Features: features, Weight: 1, Temperature: 1}}}
	f.mix.Targets, err = j.fitTargets(f.train)
	return err
}

func (j *job) notFeatures() []string {
	skip := append(slices.Clone(j.report.Targets), j.config.Ignore...)
	if j.config.Weight != "" {
		skip = append(skip, j.config.Weight)
	}
	return skip
}

func (j *job) fitTargets(rows []int) ([]prep.Target, error) {
	if j.task == prep.Classification {
		return []prep.Target{*j.target}, nil
	}
	scale := prep.Standardise
	poisson := j.loss().Name == nn.Poisson.Name
	switch {
	case j.config.NoPrep:
		scale = prep.OwnUnits
	case poisson:
		scale = prep.ShareOfMean
	}
	var targets []prep.Target
	for _, c := range j.targets {
		for _, r := range j.rows {
			if poisson && c.Numbers[r] < 0 {
				return nil, fmt.Errorf("target %q, row %d: %v: the Poisson loss needs counts, at least 0", c.Name, r+1, c.Numbers[r])
			}
		}
		t, err := prep.FitNumbers(c, rows, scale)
		if err != nil {
			return nil, err
		}
		targets = append(targets, *t)
	}
	return targets, nil
}

func (j *job) loss() nn.Loss {
	switch {
	case j.config.Loss.Name != "":
		return j.config.Loss
	case j.task == prep.Classification:
		return nn.CrossEntropy
	}
	return nn.HalfSquared
}

// fitNetwork trains one network of a view and adds it there, with the weights
// of the epoch whose validation loss was least. If ctx ends, what there is is
// added, beside ctx's error.
func fitNetwork[T nn.Float](ctx context.Context, j *job, f *fitted, view *mixture.View) error {
	data, err := pack[T](j, f, f.train)
	if err != nil {
		return err
	}
	valid, err := pack[T](j, f, f.valid)
	if err != nil {
		return err
	}
	p, err := j.plan(data.rows, data.nx, data.c)
	if err != nil {
		return err
	}
	f.settings = p.settings
	net := nn.NewOf[T](data.nx, p.layers...)
	if err := net.Err(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	net.Init(p.init, j.config.Seed)
	trainer := net.Trainer(p.loss, p.optimizer)
	defer trainer.Close()
	trainer.Schedule, trainer.Steps = p.schedule, p.settings.Steps
	trainer.L2, trainer.Clip = j.config.L2, j.config.Clip
	trainer.Threads, trainer.Seed = j.config.Threads, j.config.Seed
	judge := net.Trainer(p.loss, p.optimizer) // its cost is the loss alone
	defer judge.Close()
	judge.Threads = j.config.Threads

	start := time.Now()
	j.tell(Event{Kind: Start, Epochs: p.settings.Epochs, Settings: &f.settings})
	vx, vy, vw := valid.take(all(valid.rows))
	validate := func() (float64, error) {
		if valid.rows == 0 {
			return 0, nil
		}
		loss, err := judge.Cost(vx, vy, vw)
		if err == nil && (math.IsNaN(loss) || math.IsInf(loss, 0)) {
			err = fmt.Errorf("epoch %d: the loss of the validation rows is %v: a smaller learning rate, or a target or a column without extreme values, may help", trainer.Epoch, loss)
		}
		return loss, err
	}

	// What is to be beaten at the end. Patience doesn't count against it: a
	// network may take longer than that to get there.
	guess, started := trivial(j, f, net), net.Clone()
	err = net.CopyFrom(guess)
	guessLoss, verr := validate()
	if err := errors.Join(err, verr, net.CopyFrom(started)); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	best, least, bestEpoch := guess.Clone(), math.Inf(1), 0
	order := all(data.rows)
	random := j.random(streamOrder)
	steps := 0
	for epoch := 1; epoch <= p.settings.Epochs && steps < p.settings.Steps; epoch++ {
		trainer.Epoch = epoch
		if p.settings.Batch < data.rows {
			random.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		}
		sum, seen := 0.0, 0.0
		for first := 0; first < data.rows && steps < p.settings.Steps; first += p.settings.Batch {
			rows := order[first:min(first+p.settings.Batch, data.rows)]
			x, y, w := data.take(rows)
			if w != nil && !slices.ContainsFunc(w, func(w T) bool { return w > 0 }) {
				continue // nothing to learn from rows of weight 0
			}
			cost := trainer.OnWeighted(x, y, w)
			if err := trainer.Err(); err != nil {
				return fmt.Errorf("train: %w", err)
			}
			sum += float64((cost - trainer.Penalty()) * trainer.Weight())
			seen += trainer.Weight()
			steps++
			if ctx.Err() != nil {
				break
			}
		}
		loss, err := validate()
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		e := Epoch{Epoch: epoch, TrainLoss: meanLoss(sum, seen), ValidLoss: loss}
		if e.Best = valid.rows == 0 || loss < least; e.Best {
			least, bestEpoch = loss, epoch
			if err := best.CopyFrom(net); err != nil {
				return fmt.Errorf("train: %w", err)
			}
		}
		f.record(e)
		j.tell(Event{Kind: EpochEnd, Epoch: e, Epochs: p.settings.Epochs, Elapsed: time.Since(start)})
		if ctx.Err() != nil || p.settings.Patience > 0 && epoch-bestEpoch >= p.settings.Patience {
			break
		}
	}
	f.endHistory()
	f.best = bestEpoch
	if valid.rows > 0 && !(least < guessLoss) {
		best, f.best = guess, 0
		f.notes = append(f.notes, "no epoch was better on the validation rows than guessing: the model always gives the same answer; without validation (--no-validation) it is the network that was trained")
	}
	view.Networks = append(view.Networks, nn.Convert[float32](best))
	f.guess = nn.Convert[float32](guess)
	return ctx.Err()
}

// meanLoss is a sum of losses over that of their weights; 0 of none.
func meanLoss(sum, weight float64) float64 {
	if weight == 0 {
		return 0
	}
	return sum / weight
}

// giveUp makes the model of a fit the trivial guess: models like it were worse
// than that on rows that they hadn't seen.
func (f *fitted) giveUp() error {
	f.mix.Views[0].Networks[0] = f.guess
	model, err := shoal.New(f.mix)
	f.model, f.best = model, 0
	return err
}

// mostHistory bounds the history of a run, which is a part of the model's file.
const mostHistory = 2000

// record adds an epoch to the history; one in two, four, … once there are many.
func (f *fitted) record(e Epoch) {
	f.last, f.every = e, max(f.every, 1)
	if e.Epoch%f.every != 0 {
		return
	}
	if len(f.history) == mostHistory {
		f.every *= 2
		f.history = slices.DeleteFunc(f.history, func(e Epoch) bool { return e.Epoch%f.every != 0 })
		if e.Epoch%f.every != 0 {
			return
		}
	}
	f.history = append(f.history, e)
}

// endHistory makes the last epoch the last of the history.
func (f *fitted) endHistory() {
	if n := len(f.history); f.last.Epoch > 0 && (n == 0 || f.history[n-1].Epoch != f.last.Epoch) {
		f.history = append(f.history, f.last)
	}
}

// trivial returns a network that gives every example the same answer, the guess
// of the training rows: output weights of 0, and as biases what the output's
// activation makes that answer of.
func trivial[T nn.Float](j *job, f *fitted, like *nn.NetworkOf[T]) *nn.NetworkOf[T] {
	g := j.judge(f.mix.Targets)
	y := j.truth(f.train)
	answer := g.guess(g.weighed(&y))
	n := like.Clone()
	last := n.Layers[len(n.Layers)-1]
	clear(last.W.Data)
	if len(last.B) < len(answer) { // two classes, one output: the second's probability
		answer = answer[1:]
	}
	const least = 1e-6 // keeps logarithms finite
	for k, a := range answer {
		if j.task == prep.Regression {
			a = f.mix.Targets[k].Standardise(a)
		}
		switch last.Activation.Name {
		case nn.Sigmoid.Name:
			a = min(max(a, least), 1-least)
			a = kernel.Log(a) - kernel.Log(1-a)
		case nn.Softmax.Name, nn.Exp.Name:
			a = kernel.Log(max(a, least))
		}
		last.B[k] = T(a)
	}
	return n
}
