package train

import (
	"context"
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
		share := or(j.config.Validation, defaultShare(len(rows)))
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

// batches holds rows ready for the network: features an example after the
// other, targets likewise.
type batches[T nn.Float] struct {
	x, y    []T // (rows, nx), (rows, c)
	w       []T // (rows); nil is 1 each
	rows    int
	nx, c   int
	bx, by  nn.MatrixOf[T]
	weights []T
}

func pack[T nn.Float](j *job, f *fitted, rows []int) (*batches[T], error) {
	view := f.mix.Views[0]
	features, err := view.Features.Apply(j.table, rows)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	b := &batches[T]{rows: len(rows), nx: view.Features.Width(), c: f.mix.Outputs()}
	b.x = convert[T](features)
	b.y = make([]T, len(rows)*b.c)
	for i, r := range rows {
		y := b.y[i*b.c : (i+1)*b.c]
		switch {
		case j.task == prep.Regression:
			for k := range y {
				y[k] = T(f.mix.Targets[k].Standardise(j.targets[k].Numbers[r]))
			}
		case b.c == 1:
			y[0] = T(j.classes[r])
		default:
			y[j.classes[r]] = 1
		}
	}
	if j.weights != nil {
		b.w = make([]T, len(rows))
		for i, r := range rows {
			b.w[i] = T(j.weights[r])
		}
	}
	return b, nil
}

func convert[T nn.Float](x []float32) []T {
	if same, ok := any(x).([]T); ok {
		return same
	}
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// take returns the batch of these rows as columns. It is used again by the
// next call.
func (b *batches[T]) take(rows []int) (x, y nn.MatrixOf[T], w []T) {
	gather(&b.bx, b.x, b.nx, rows)
	gather(&b.by, b.y, b.c, rows)
	if b.w == nil {
		return b.bx, b.by, nil
	}
	b.weights = b.weights[:0]
	for _, r := range rows {
		b.weights = append(b.weights, b.w[r])
	}
	return b.bx, b.by, b.weights
}

// gather copies rows of a (rows, n) slice to the columns of an (n, m) matrix.
func gather[T nn.Float](to *nn.MatrixOf[T], from []T, n int, rows []int) {
	m := len(rows)
	if cap(to.Data) < n*m {
		to.Data = make([]T, n*m)
	}
	to.Rows, to.Cols, to.Data = n, m, to.Data[:n*m]
	for k, r := range rows {
		for i, v := range from[r*n : (r+1)*n] {
			to.Data[i*m+k] = v
		}
	}
}

// all lists the numbers below n.
func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
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
		return judge.Cost(vx, vy, vw)
	}

	// What is to be beaten at the end. Patience doesn't count against it: a
	// network may take longer than that to get there.
	guess, started := trivial(net, data), net.Clone()
	net.CopyFrom(guess)
	guessLoss, err := validate()
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	net.CopyFrom(started)
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
			sum += float64(cost * float64(len(rows)))
			seen += float64(len(rows))
			steps++
			if ctx.Err() != nil {
				break
			}
		}
		loss, err := validate()
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		e := Epoch{Epoch: epoch, TrainLoss: sum / max(seen, 1), ValidLoss: loss}
		if e.Best = valid.rows == 0 || loss < least; e.Best {
			least, bestEpoch = loss, epoch
			best.CopyFrom(net)
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

// trivial returns a network that gives every example the same answer, what the
// training targets have on the mean: output weights of 0, and the mean, or the
// logarithm of the odds, as biases.
func trivial[T nn.Float](like *nn.NetworkOf[T], data *batches[T]) *nn.NetworkOf[T] {
	n := like.Clone()
	last := n.Layers[len(n.Layers)-1]
	clear(last.W.Data)
	total := 0.0
	mean := make([]float64, data.c)
	for r := range data.rows {
		w := 1.0
		if data.w != nil {
			w = float64(data.w[r])
		}
		total += w
		for k := range mean {
			mean[k] += float64(w * float64(data.y[r*data.c+k]))
		}
	}
	const least = 1e-6 // keeps logarithms finite
	for k := range mean {
		m := mean[k] / max(total, least)
		switch last.Activation.Name {
		case nn.Sigmoid.Name:
			m = min(max(m, least), 1-least)
			m = kernel.Log(m) - kernel.Log(1-m)
		case nn.Softmax.Name, nn.Exp.Name:
			m = kernel.Log(max(m, least))
		}
		last.B[k] = T(m)
	}
	return n
}

// plan is everything that a training needs to know, decided.
type plan struct {
	settings  Settings
	layers    []nn.Layer
	init      nn.Initialiser
	loss      nn.Loss
	optimizer nn.Optimizer
	schedule  nn.Schedule
}

// plan decides what the configuration leaves open, for so many training rows,
// features and outputs.
func (j *job) plan(rows, nx, outputs int) (*plan, error) {
	c := &j.config
	p := &plan{init: c.Init, loss: j.loss(), optimizer: c.Optimizer}
	if p.init.Name == "" {
		p.init = nn.Auto
	}
	if p.optimizer == nil {
		p.optimizer = DefaultOptimizer()
	}
	hidden := c.Hidden
	if hidden == nil {
		hidden = []int{defaultUnits}
		if rows < fewRows {
			hidden[0] = fewRowsUnits
		}
	}
	if o, ok := p.optimizer.(*nn.AdamW); ok {
		p.optimizer = decideAdamW(*o, rows, nx, hidden, outputs)
	}
	_, fullBatch := p.optimizer.(*nn.LBFGS)
	s := &p.settings
	*s = Settings{
		Inputs: nx, Hidden: hidden, Init: p.init.String(), Loss: p.loss.String(),
		Optimizer: p.optimizer.Name(), LR: p.optimizer.LearningRate(), L2: c.L2, Dropout: c.Dropout, Clip: c.Clip,
		Precision: 32, Seed: c.Seed, NoPrep: c.NoPrep, Batch: c.Batch, Epochs: c.Epochs, Steps: c.Steps, Patience: c.Patience,
	}
	if w, ok := p.optimizer.(*nn.AdamW); ok {
		s.Decay = w.WeightDecay
	}
	if c.Precision == 64 {
		s.Precision = 64
	}
	for i, n := range s.Hidden {
		g := nn.ReLU
		switch len(c.Activation) {
		case 0:
		case 1:
			g = c.Activation[0]
		default:
			g = c.Activation[i]
		}
		p.layers = append(p.layers, nn.Layer{Units: n, Activation: g, Dropout: c.Dropout})
		s.Activation = append(s.Activation, g.String())
	}
	output := p.loss.Output(outputs)
	if j.task == prep.Classification && outputs == 1 && p.loss.Name != nn.Poisson.Name {
		output = nn.Sigmoid
	}
	if j.task == prep.Classification && p.loss.Name == nn.Poisson.Name || j.task == prep.Regression && p.loss.Name == nn.CrossEntropy.Name {
		return nil, fmt.Errorf("train: loss %s does not fit a %s", p.loss.Name, j.task)
	}
	if j.task == prep.Classification && outputs > 1 && p.loss.Name != nn.CrossEntropy.Name {
		return nil, fmt.Errorf("train: loss %s does not fit a classification with %d classes; cross_entropy does", p.loss.Name, outputs)
	}
	p.layers = append(p.layers, nn.Dense(outputs, output))
	s.Output = output.String()
	if s.Batch == 0 {
		s.Batch = defaultBatch(rows)
	}
	if s.Batch < 0 || fullBatch || s.Batch > rows {
		s.Batch = rows
	}
	perEpoch := (rows + s.Batch - 1) / s.Batch
	switch {
	case s.Steps > 0:
		s.Epochs = (s.Steps + perEpoch - 1) / perEpoch
	case s.Epochs > 0:
	case fullBatch:
		s.Epochs = 200
	default:
		s.Epochs = defaultEpochs
		if rows < fewRows {
			s.Epochs = max(fewRowsEpochs, (leastSteps+perEpoch-1)/perEpoch)
		}
	}
	if s.Steps == 0 {
		if s.Epochs > math.MaxInt32/perEpoch {
			return nil, fmt.Errorf("train: %d epochs of %d steps are too many", s.Epochs, perEpoch)
		}
		s.Steps = s.Epochs * perEpoch
	}
	switch {
	case c.Schedule != nil:
		p.schedule = *c.Schedule
	case !fullBatch:
		p.schedule = nn.Schedule{Name: "cosine", WarmUp: 0.05}
	}
	if s.Schedule, s.WarmUp = p.schedule.Name, p.schedule.WarmUp; s.Schedule == "" {
		s.Schedule = "constant"
	}
	if c.NoValidation {
		s.Patience = 0
	} else if s.Patience == 0 {
		s.Patience = max(10, s.Epochs/3)
	}
	return p, nil
}

// The defaults of one network, chosen on the tables of docs/RESULTS.md.
const (
	defaultTest   = 0.2
	defaultUnits  = 128
	defaultRate   = 5e-3
	defaultDecay  = 0.01
	defaultEpochs = 60

	// Below so many training rows a network learns them by heart: it gets more
	// decay, and more epochs, since they are short.
	fewRows       = 1000
	fewRowsUnits  = 256
	fewRowsRate   = 2e-3
	fewRowsDecay  = 0.5
	fewRowsEpochs = 120
	leastSteps    = 1000

	veryFewRows      = 100
	veryFewRowsDecay = 2.0

	// A narrow network with no more parameters than rows can't learn them by
	// heart, and needs a higher rate: the flower with 4 tanh units reaches 86 %
	// instead of 53 %, iris with 4 units 97 % instead of 87 % (--cv 5).
	narrowUnits = 32
	narrowRate  = 0.02

	// Below so many rows a fifth of them says little: every row is scored, by
	// one of this many models that hadn't seen it.
	fewTestRows  = 200
	fewTestFolds = 5
)

// DefaultOptimizer is the optimiser of a Config without one: AdamW, its rate and
// its decay decided from the number of training rows.
func DefaultOptimizer() *nn.AdamW { return &nn.AdamW{} }

// decideAdamW sets what an AdamW leaves open, for a network of so many inputs,
// hidden units and outputs.
func decideAdamW(o nn.AdamW, rows, nx int, hidden []int, outputs int) *nn.AdamW {
	rate, decay := defaultRate, defaultDecay
	switch {
	case isNarrow(rows, nx, hidden, outputs):
		rate = narrowRate
	case rows < veryFewRows:
		rate, decay = fewRowsRate, veryFewRowsDecay
	case rows < fewRows:
		rate, decay = fewRowsRate, fewRowsDecay
	}
	o.Rate, o.WeightDecay = or(o.Rate, rate), or(o.WeightDecay, decay)
	return &o
}

func isNarrow(rows, nx int, hidden []int, outputs int) bool {
	parameters, before := 0.0, float64(nx)
	for _, n := range append(slices.Clone(hidden), outputs) {
		parameters += float64(float64(n) * (before + 1))
		before = float64(n)
	}
	return parameters <= float64(rows) && (len(hidden) == 0 || slices.Max(hidden) <= narrowUnits)
}

// defaultShare is the validation rows' share of the rows: a tenth, but 30 rows
// where that takes no more than three tenths. Fewer say little about when to
// stop.
func defaultShare(rows int) float64 { return max(0.1, min(0.3, 30/float64(rows))) }

// defaultBatch is rows/32, rounded to a power of two, between 16 and 128.
func defaultBatch(rows int) int {
	batch := 16
	for batch < 128 && float64(rows)/32 > float64(batch)*math.Sqrt2 {
		batch *= 2
	}
	return batch
}

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
