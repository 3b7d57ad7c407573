package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/train"
)

func (c *trainCall) whatFlags(f *flags) {
	o := &c.config
	f.group = "What to learn"
	f.text(&o.Target, "target", "", "`column` to predict; a,b for several numbers (required)")
	tasks := []string{string(prep.Classification), string(prep.Regression)}
	f.choice("task", "`what` the target is (default: decided from it)", tasks, func(text string) error {
		if !slices.Contains(tasks, text) {
			return fmt.Errorf("must be %s", strings.Join(tasks, " or "))
		}
		o.Task = prep.Task(text)
		return nil
	})
	f.text(&o.Weight, "weight", "", "`column` with the rows' weights")
	f.set().StringArrayVar(&c.classWeights, "class-weights", nil, "`weights` of classes: benign=1,malignant=5")
	f.grouped("class-weights")
	f.bool(&o.Balanced, "balanced", "give every class the same total weight")
	f.list(&o.Ignore, "ignore", "`columns` not to use (a,b; may be repeated)")
	f.list(&o.Categories, "category", "`columns` of text: to read as text whatever they look like, and to use though nearly all of their values differ (a,b; may be repeated)")
	f.delimiter(&c.read)
}

func (c *trainCall) networkFlags(f *flags) {
	o := &c.config
	f.group = "The network"
	f.parsed("hidden", "`units` of each hidden layer, as 64,32; none: no hidden layer (default: one, decided from the rows)", func(text string) (err error) {
		o.Hidden, err = parseHidden(text)
		return err
	})
	activations := namesOf(nn.Activations(), func(g nn.Activation) string { return g.Name })
	f.choice("activation", "`function` of the hidden layers, one for all or one each, as relu,tanh; leaky_relu:0.2 and elu:0.5 set α (default relu)", activations, func(text string) (err error) {
		o.Activation, err = named(text, func(name string) (nn.Activation, error) {
			g, err := nn.ActivationNamed(name)
			if err == nil && g.Name == nn.Softmax.Name {
				return g, fmt.Errorf("softmax belongs to the output layer; hidden layers take %s", strings.Join(activations, ", "))
			}
			return g, err
		})
		return err
	})
	initialisers := namesOf(nn.Initialisers(), func(i nn.Initialiser) string { return i.Name })
	f.choice("init", "`initialiser` of the weights (default auto: he for the relu family, xavier otherwise)", initialisers, func(text string) (err error) {
		o.Init, err = nn.InitialiserNamed(text)
		return err
	})
	f.number(&c.initScale, "init-scale", anyNumber, "`scale` of --init normal or constant (default 0.01)")
	losses := namesOf(nn.Losses(), func(l nn.Loss) string { return l.Name })
	f.choice("loss", "`loss`; huber:2 and quantile:0.9 set its parameter (default cross_entropy for classes, half_squared for numbers)", losses, func(text string) (err error) {
		o.Loss, err = nn.LossNamed(text)
		return err
	})
	f.number(&o.Dropout, "dropout", share, "`share` of hidden units dropped in each step (default 0)")
	f.parsed("precision", "`bits` of the numbers in training: 32 or 64 (default 32)", func(text string) error {
		if text != "32" && text != "64" {
			return errors.New("must be 32 or 64")
		}
		o.Precision, _ = strconv.Atoi(text)
		return nil
	})
}

func (c *trainCall) trainingFlags(f *flags) {
	o := &c.config
	f.group = "The training"
	optimizers := namesOf(nn.Optimizers(), nn.Optimizer.Name)
	f.choice("optimizer", "`method` (default "+train.DefaultOptimizer().Name()+")", optimizers, func(text string) error {
		_, err := nn.OptimizerNamed(text, 0)
		c.optimizer = text
		return err
	})
	for _, p := range optimizerFlags() {
		f.parsed(p.name, p.usage, func(text string) error {
			x, err := parseNumber(text, p.in)
			c.constants[p.name] = x
			return err
		})
	}
	f.choice("schedule", "`course` of the learning rate (default cosine; constant with lbfgs)", nn.ScheduleNames(), func(text string) error {
		if !slices.Contains(nn.ScheduleNames(), text) {
			return fmt.Errorf("must be one of %s", strings.Join(nn.ScheduleNames(), ", "))
		}
		c.schedule.Name = text
		return nil
	})
	f.number(&c.schedule.WarmUp, "warm-up", share, "`share` of the steps in which the rate rises from 0 (default 0.05 with cosine, else 0)")
	f.whole(&c.schedule.Drops, "drops", 1, "`times` that --schedule step lowers the rate (default 3)")
	f.number(&c.schedule.Gamma, "gamma", positive, "`factor` of each of these drops (default 0.1)")
	f.parsed("batch", "`rows` a step, or full (default: decided from the rows)", func(text string) (err error) {
		if text == "full" {
			o.Batch = -1
			return nil
		}
		if o.Batch, err = parseWhole(text, 1); err != nil {
			return fmt.Errorf("%w, or full", err)
		}
		return nil
	})
	f.parsed("epochs", "`passes` over the training rows, at most (default: decided from the rows)", func(text string) (err error) {
		if o.Epochs, err = parseWhole(text, 1); err == nil && o.Epochs > train.MaxEpochs {
			err = fmt.Errorf("must be at most %d", train.MaxEpochs)
		}
		return err
	})
	f.whole(&o.Steps, "steps", 1, "`steps` at most, in place of --epochs")
	f.whole(&o.Patience, "patience", 1, "`epochs` without a better validation loss after which it stops (default: a third of --epochs, at least 10)")
	f.number(&o.L2, "l2", notNegative, "λ of the penalty ½·λ·ΣW² (default 0)")
	f.number(&o.Clip, "clip", notNegative, "largest `norm` of the gradient (default 0: no limit)")
	f.bool(&o.NoPrep, "no-prep", "leave numbers and the target in their own units")
}

func (c *trainCall) rowsFlags(f *flags) {
	o := &c.config
	f.group = "The rows"
	f.parsed("test", "`share` of the rows that are only scored (default 0.2, but of few rows each is scored, by a model that was trained without it; 0: none)", func(text string) (err error) {
		if o.Test, err = parseNumber(text, share); o.Test == 0 {
			o.Test = -1 // 0 is the default
		}
		return err
	})
	f.parsed("validation", "`share` of the other rows that decide when to stop (default: a tenth, more of few; 0: none)", func(text string) (err error) {
		if o.Validation, err = parseNumber(text, share); err == nil && o.Validation == 0 {
			o.NoValidation = true
		}
		return err
	})
	f.bool(&o.NoValidation, "no-validation", "train on those too, and to the last epoch")
	f.whole(&o.Folds, "cv", 2, "cross-validation beside it: each row is left out of one of so many `models`")
	orders := []string{"shuffled", "modulo"}
	f.choice("cv-order", "`how` rows are put into folds; modulo: fold = row % models (default shuffled, every class alike)", orders, func(text string) error {
		if !slices.Contains(orders, text) {
			return fmt.Errorf("must be %s", strings.Join(orders, " or "))
		}
		o.FoldOrder = text
		return nil
	})
	f.parsed("seed", "`number` that all random choices follow from (default 0)", func(text string) (err error) {
		if o.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return errors.New("must be a whole number, at least 0")
		}
		return nil
	})
	f.whole(&o.Threads, "threads", 1, "`threads` at most; the result doesn't depend on it (default: one a core)")
}

// An optimizerFlag is a constant of some optimisers.
type optimizerFlag struct {
	name, usage string
	in          span
	set         func(o nn.Optimizer, x float64) (has bool)
}

func optimizerFlags() []optimizerFlag {
	// rate returns where an optimiser keeps its learning rate, nil if it has none.
	rate := func(o nn.Optimizer) *float64 {
		switch o := o.(type) {
		case *nn.GradientDescent:
			return &o.Rate
		case *nn.Momentum:
			return &o.Rate
		case *nn.Nesterov:
			return &o.Rate
		case *nn.RMSProp:
			return &o.Rate
		case *nn.Adam:
			return &o.Rate
		case *nn.AdamW:
			return &o.Rate
		}
		return nil
	}
	adam := func(o nn.Optimizer) *nn.Adam {
		switch o := o.(type) {
		case *nn.Adam:
			return o
		case *nn.AdamW:
			return &o.Adam
		}
		return nil
	}
	var rates []string
	for _, o := range nn.Optimizers() {
		if o.Name() == train.DefaultOptimizer().Name() {
			continue // decided from the rows
		}
		if rate(o) != nil {
			rates = append(rates, fmt.Sprintf("%s %v", o.Name(), o.LearningRate()))
		}
	}
	return []optimizerFlag{
		{"lr", "learning `rate` (default: adamw from the rows, " + strings.Join(rates, ", ") + ")", positive, func(o nn.Optimizer, x float64) bool {
			r := rate(o)
			if r != nil {
				*r = x
			}
			return r != nil
		}},
		{"mu", "μ of momentum and nesterov (default 0.9)", inside, func(o nn.Optimizer, x float64) bool {
			switch o := o.(type) {
			case *nn.Momentum:
				o.Mu = x
			case *nn.Nesterov:
				o.Mu = x
			default:
				return false
			}
			return true
		}},
		{"rho", "ρ of rmsprop (default 0.9)", inside, func(o nn.Optimizer, x float64) bool {
			r, ok := o.(*nn.RMSProp)
			if ok {
				r.Rho = x
			}
			return ok
		}},
		{"beta1", "β1 of adam and adamw (default 0.9)", inside, func(o nn.Optimizer, x float64) bool {
			a := adam(o)
			if a != nil {
				a.Beta1 = x
			}
			return a != nil
		}},
		{"beta2", "β2 of adam and adamw (default 0.999)", inside, func(o nn.Optimizer, x float64) bool {
			a := adam(o)
			if a != nil {
				a.Beta2 = x
			}
			return a != nil
		}},
		{"epsilon", "ε of rmsprop, adam and adamw (default 1e-8)", inside, func(o nn.Optimizer, x float64) bool {
			if a := adam(o); a != nil {
				a.Epsilon = x
				return true
			}
			r, ok := o.(*nn.RMSProp)
			if ok {
				r.Epsilon = x
			}
			return ok
		}},
		{"weight-decay", "`decay` of adamw (default: decided from the rows; adam is adamw without)", positive, func(o nn.Optimizer, x float64) bool {
			w, ok := o.(*nn.AdamW)
			if ok {
				w.WeightDecay = x
			}
			return ok
		}},
		{"memory", "`pairs` of gradients that lbfgs keeps (default 10)", span{"a whole number from 1 to 1000", func(x float64) bool {
			return x >= 1 && x <= 1000 && x == float64(int(x))
		}}, func(o nn.Optimizer, x float64) bool {
			l, ok := o.(*nn.LBFGS)
			if ok {
				l.Memory = int(x)
			}
			return ok
		}},
	}
}

func parseHidden(text string) ([]int, error) {
	if text == "none" {
		return []int{}, nil
	}
	units, err := named(text, strconv.Atoi)
	if err != nil || slices.ContainsFunc(units, func(n int) bool { return n < 1 }) {
		return nil, errors.New("must be whole numbers above 0 between commas, as 64,32, or none")
	}
	if len(units) > train.MaxLayers {
		return nil, fmt.Errorf("has %d layers; the limit is %d", len(units), train.MaxLayers)
	}
	// The fewest parameters that such a network can have: of one input, without
	// its output layer.
	size, prev := 0, 1
	for _, n := range units {
		if n > nn.MaxParameters/(prev+1) || size > nn.MaxParameters-n*(prev+1) {
			return nil, fmt.Errorf("has more parameters than the limit of %d a network", nn.MaxParameters)
		}
		size += n * (prev + 1)
		prev = n
	}
	return units, nil
}

// finish puts together what several flags say.
func (c *trainCall) finish(cmd *cobra.Command) error {
	o, given := &c.config, cmd.Flags().Changed
	switch {
	case o.Target == "":
		return wrongCall("no target: name the column to predict with --target")
	case given("epochs") && given("steps"):
		return wrongCall("--epochs and --steps exclude each other: give one of them")
	case o.NoValidation && given("patience"):
		return wrongCall("--patience needs validation rows, and --no-validation has none")
	case o.NoValidation && o.Validation > 0:
		return wrongCall("--validation and --no-validation exclude each other")
	case o.Dropout > 0 && o.Hidden != nil && len(o.Hidden) == 0:
		return wrongCall("--dropout needs a hidden layer, and --hidden none has none")
	case given("cv-order") && o.Folds == 0:
		return wrongCall("--cv-order needs --cv")
	case (given("drops") || given("gamma")) && c.schedule.Name != "step":
		return wrongCall("--drops and --gamma belong to --schedule step")
	case slices.Contains(o.Ignore, o.Target):
		return wrongCall("column %q is both the target and to be ignored", o.Target)
	case o.Weight == o.Target:
		return wrongCall("column %q is both the target and the weight", o.Target)
	}
	hidden := len(o.Hidden)
	if o.Hidden == nil {
		hidden = 1
	}
	if n := len(o.Activation); n > 1 && n != hidden {
		return wrongCall("--activation names %d functions for %d hidden layers: give one for all or one each", n, hidden)
	}
	if given("init-scale") {
		if o.Init.Scale == 0 {
			return wrongCall("--init-scale belongs to --init normal or constant")
		}
		o.Init.Scale = c.initScale
	}
	if err := c.finishOptimizer(); err != nil {
		return err
	}
	if _, lbfgs := o.Optimizer.(*nn.LBFGS); lbfgs {
		switch {
		case o.Clip > 0:
			return wrongCall("--clip does not belong to the optimizer lbfgs: its line search finds the step")
		case given("schedule") && c.schedule.Name != "constant" || c.schedule.WarmUp > 0:
			return wrongCall("--schedule and --warm-up do not belong to the optimizer lbfgs: it has no learning rate")
		case o.Batch > 0:
			return wrongCall("--batch does not belong to the optimizer lbfgs: a step of it takes all rows")
		}
	}
	if given("schedule") || given("warm-up") {
		if c.schedule.Name == "" {
			c.schedule.Name = "cosine"
		}
		if c.schedule.Name == "cosine" && !given("warm-up") {
			c.schedule.WarmUp = 0.05
		}
		o.Schedule = &c.schedule
	}
	c.read.Categories = o.Categories
	return c.finishClassWeights()
}

func (c *trainCall) finishOptimizer() error {
	if c.optimizer == "" && len(c.constants) == 0 {
		return nil
	}
	var o nn.Optimizer = train.DefaultOptimizer()
	if c.optimizer != "" && c.optimizer != o.Name() {
		var err error
		if o, err = nn.OptimizerNamed(c.optimizer, 0); err != nil {
			return usageError{err}
		}
	}
	for _, p := range optimizerFlags() {
		if x, ok := c.constants[p.name]; ok && !p.set(o, x) {
			return wrongCall("--%s does not belong to the optimizer %s", p.name, o.Name())
		}
	}
	c.config.Optimizer = o
	return nil
}

func (c *trainCall) finishClassWeights() error {
	for _, text := range c.classWeights {
		pairs, err := csv.NewReader(strings.NewReader(text)).Read() // a label may have a comma, in quotes
		if err != nil {
			return wrongCall("--class-weights %q: must be class=weight between commas", text)
		}
		for _, pair := range pairs {
			at := strings.LastIndex(pair, "=")
			if at < 0 {
				return wrongCall("--class-weights %q: must be class=weight between commas", text)
			}
			x, err := parseNumber(pair[at+1:], notNegative)
			if err != nil {
				return wrongCall("--class-weights: the weight of %q: %w", pair[:at], err)
			}
			if c.config.ClassWeights == nil {
				c.config.ClassWeights = map[string]float64{}
			}
			c.config.ClassWeights[strings.TrimSpace(pair[:at])] = x
		}
	}
	return nil
}
