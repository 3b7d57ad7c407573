package train_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// skewed is a regression of few rows whose noise has a long tail, so that its
// mean, its median and its quantiles lie apart.
func skewed(n int) *table.Table {
	random := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = random.NormFloat64()
		y[i] = 2*x[i] + math.Exp(random.NormFloat64())
	}
	return table.New(table.Numbers("x", x), table.Numbers("y", y))
}

func TestAModelIsJudgedByTheLossItWasTrainedWith(t *testing.T) {
	for _, c := range []struct {
		loss  nn.Loss
		guess string
	}{
		{nn.HalfSquared, "the mean"},
		{nn.Absolute, "the median"},
		{nn.Quantile(0.1), "the 0.1-quantile"},
		{nn.Quantile(0.9), "the 0.9-quantile"},
		{nn.Huber(1), "the same number"},
	} {
		t.Run(c.loss.String(), func(t *testing.T) {
			r := fit(t, skewed(190), train.Config{Target: "y", Loss: c.loss})
			if r.ScoredOn != train.EveryRow || r.Verdict != train.Better || r.BestEpoch == 0 {
				t.Errorf("%s: verdict %q, epoch %d kept; y follows x, so the network is better than one answer for all", r.ScoredOn, r.Verdict, r.BestEpoch)
			}
			if r.Guess != c.guess {
				t.Errorf("guess %q, want %q", r.Guess, c.guess)
			}
		})
	}
}

// A column of noise: the model is the constant that the loss asks for.
func TestAnUselessModelIsTheBestConstantOfItsLoss(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	n := 150
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i], y[i] = random.NormFloat64(), math.Exp(1.5*random.NormFloat64())
	}
	tab := table.New(table.Numbers("x", x), table.Numbers("y", y))
	for _, c := range []struct {
		loss     nn.Loss
		from, to float64 // share of the rows below the answer
	}{
		{nn.HalfSquared, 0.6, 0.95}, // the mean of a long tail
		{nn.Absolute, 0.42, 0.58},
		{nn.Quantile(0.9), 0.82, 0.96},
	} {
		model, r, err := train.Fit(t.Context(), tab, train.Config{Target: "y", Loss: c.loss, Epochs: 30})
		if err != nil {
			t.Fatal(err)
		}
		p, err := model.Predict(tab)
		if err != nil {
			t.Fatal(err)
		}
		below := 0.0
		for i, v := range y {
			if p.Numbers()[0] != p.Numbers()[i] {
				t.Fatalf("%s: answers %v and %v, verdict %s; x tells nothing of y", c.loss, p.Numbers()[0], p.Numbers()[i], r.Verdict)
			}
			if v < p.Numbers()[0] {
				below += 1 / float64(n)
			}
		}
		if below < c.from || below > c.to || r.Verdict != train.NoBetter {
			t.Errorf("%s: %.2f of the rows lie below the answer, want %v to %v; verdict %q", c.loss, below, c.from, c.to, r.Verdict)
		}
	}
}

func TestABalancedModelOfFewRowsIsKept(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 9))
		n := 150
		x, label := make([]float64, n), make([]string, n)
		for i := range n {
			label[i] = "common"
			x[i] = random.NormFloat64()
			if i%10 == 0 {
				label[i] = "rare"
				x[i] += 1.5
			}
		}
		tab := table.New(table.Numbers("x", x), table.Categories("label", label))
		r := fit(t, tab, train.Config{Target: "label", Balanced: true, Seed: seed})
		if r.BestEpoch == 0 || r.Scores["balanced_accuracy"] < 0.6 || r.Verdict != train.Better {
			t.Errorf("seed %d: epoch %d kept, balanced accuracy %.2f, verdict %q", seed, r.BestEpoch, r.Scores["balanced_accuracy"], r.Verdict)
		}
		if r.Guess != "common" {
			t.Errorf("the guess is %q; nine rows of ten are common", r.Guess)
		}
	}
}

// The rows of weight 0 are of the other class: a guess that counted them would
// look bad, and a model of noise good.
func TestTheGuessCountsRowsByTheirWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	n := 400
	x, w, label := make([]float64, n), make([]float64, n), make([]string, n)
	for i := range n {
		x[i], label[i] = random.NormFloat64(), "no"
		if i%4 == 0 {
			label[i], w[i] = "yes", 1
		} else if i%40 == 1 {
			w[i] = 1
		}
	}
	tab := table.New(table.Numbers("x", x), table.Numbers("w", w), table.Categories("label", label))
	model, r, err := train.Fit(t.Context(), tab, train.Config{Target: "label", Weight: "w", Epochs: 10})
	if err != nil {
		t.Fatal(err)
	}
	if r.Guess != "yes" || r.Baseline["accuracy"] < 0.8 || r.Verdict == train.Better {
		t.Errorf("guess %q with accuracy %.2f, verdict %q; most of the weight is on yes, and x tells nothing", r.Guess, r.Baseline["accuracy"], r.Verdict)
	}
	e, err := train.Evaluate(model, tab, "w")
	if err != nil {
		t.Fatal(err)
	}
	if e.Guess != "yes" || e.Verdict == train.Better {
		t.Errorf("evaluated: guess %q, verdict %q", e.Guess, e.Verdict)
	}
}

func TestATargetTooFarOutIsNamed(t *testing.T) {
	for row := range 60 {
		tab := skewed(60)
		tab.Column("y").Numbers[row] = 1e30
		_, r, err := train.Fit(t.Context(), tab, train.Config{Target: "y", Epochs: 2, Test: 0.1})
		switch want := fmt.Sprintf("row %d: 1e+30", row+1); {
		case err == nil: // it is among the training rows, or the test rows
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
		case !strings.Contains(err.Error(), want):
			t.Errorf("row %d: error %q doesn't say %q", row+1, err, want)
		}
	}
}

func TestTrainAndValidationLossAreOfOneKind(t *testing.T) {
	// A penalty so strong that it would hide the loss.
	r := fit(t, skewed(300), train.Config{Target: "y", L2: 1, Epochs: 5})
	for _, e := range r.History {
		if e.TrainLoss > 3*e.ValidLoss+1 {
			t.Errorf("epoch %d: training loss %v beside a validation loss of %v: the penalty is in it", e.Epoch, e.TrainLoss, e.ValidLoss)
		}
	}
}

func TestLBFGSRefusesWhatItCannotUse(t *testing.T) {
	for _, c := range []struct {
		change func(*train.Config)
		want   string
	}{
		{func(c *train.Config) { c.Clip = 1 }, "leave clipping out"},
		{func(c *train.Config) { c.Schedule = &nn.Schedule{Name: "cosine"} }, "leave the schedule out"},
		{func(c *train.Config) { c.Schedule = &nn.Schedule{WarmUp: 0.1} }, "leave the schedule out"},
		{func(c *train.Config) { c.Batch = 16 }, "takes all rows"},
	} {
		config := train.Config{Target: "y", Optimizer: &nn.LBFGS{}, Epochs: 2}
		c.change(&config)
		if _, _, err := train.Fit(t.Context(), skewed(100), config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func TestManyStepsDoNotOverflow(t *testing.T) {
	r := fit(t, skewed(100), train.Config{Target: "y", Steps: train.MaxSteps, Patience: 3, Optimizer: &nn.GradientDescent{Rate: 0.1}})
	if r.Epochs < 4 {
		t.Errorf("%d epochs were run", r.Epochs)
	}
	if _, _, err := train.Fit(t.Context(), skewed(100), train.Config{Target: "y", Steps: math.MaxInt}); err == nil {
		t.Error("more steps than can be counted are not refused")
	}
}
