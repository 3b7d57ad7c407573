package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

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
		ClassWeights: j.factors,
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
		s.Epochs = (s.Steps-1)/perEpoch + 1
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
		if s.Epochs > MaxSteps/perEpoch {
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
	o.Rate, o.WeightDecay = cmp.Or(o.Rate, rate), cmp.Or(o.WeightDecay, decay)
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
