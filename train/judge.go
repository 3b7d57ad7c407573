package train

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

// Verdict says whether a model's answers are worth more than a guess: the one
// answer, the same for every row, that has the least loss. Loss, weights and
// class weights are those of the training.
type Verdict string

// The verdicts. Those in the middle are of classifications alone.
const (
	Better            Verdict = "better"             // the loss, and the answers right more often
	OnlyProbabilities Verdict = "only probabilities" // the loss is less, but the answers are right no more often
	OnlyAnswers       Verdict = "only answers"       // right more often, but the loss is no less: too sure of itself
	NoBetter          Verdict = "no better"          // neither
)

// A judge compares answers with the truth as a training does.
type judge struct {
	task    prep.Task
	loss    nn.Loss
	targets []prep.Target // in whose scale the loss measures numbers
	factors []float64     // the classes' weights; nil is 1 each
}

// judgeOf returns the judge of a trained model.
func judgeOf(m *shoal.Model) judge {
	g := judge{task: m.Task(), loss: nn.HalfSquared, targets: m.Targets()}
	if g.task == prep.Classification {
		g.loss = nn.CrossEntropy
	}
	var r Report
	if json.Unmarshal(m.Training(), &r) == nil {
		if l, err := nn.LossNamed(r.Settings.Loss); err == nil {
			g.loss = l
		}
		if len(r.Settings.ClassWeights) == len(m.Classes()) {
			g.factors = r.Settings.ClassWeights
		}
	}
	return g
}

// truth is what rows should be answered with, and how much each counts.
type truth struct {
	classes []int       // of a classification, of so many:
	k       int         //
	numbers [][]float64 // of a regression: a slice a target
	w       []float64   // nil counts each row once
}

// weighed is the truth with rows counted as in training: by their classes too.
func (g *judge) weighed(y *truth) *truth {
	if len(g.factors) == 0 {
		return y
	}
	t := *y
	t.w = make([]float64, len(y.classes))
	sum := 0.0
	for i, k := range y.classes {
		t.w[i] = float64(weight(y.w, i) * g.factors[k])
		sum += t.w[i]
	}
	if sum == 0 {
		return y // there are only rows of classes that don't count
	}
	return &t
}

// guess returns the answer, given to every row, that has the least loss: the
// classes' shares, or for numbers their mean, their median or a quantile.
func (g *judge) guess(y *truth) []float64 {
	if y.w != nil && !slices.ContainsFunc(y.w, func(w float64) bool { return w > 0 }) {
		counted := *y // all alike, as none counts
		counted.w, y = nil, &counted
	}
	if g.task == prep.Regression {
		c := make([]float64, len(y.numbers))
		for k, x := range y.numbers {
			c[k] = g.best(x, y.w, g.targets[k].SD)
		}
		return c
	}
	is := func(k int) []float64 {
		x := make([]float64, len(y.classes))
		for i, c := range y.classes {
			if c == k {
				x[i] = 1
			}
		}
		return x
	}
	if g.loss.Name != nn.CrossEntropy.Name { // two classes, one output
		p := g.best(is(1), y.w, 1)
		return []float64{1 - p, p}
	}
	p := make([]float64, y.k)
	for k := range p {
		x := is(k)
		p[k] = meanOf(len(x), y.w, func(i int) float64 { return x[i] })
	}
	return p
}

// best returns the number that has the least loss to x; sd is the network's
// unit.
func (g *judge) best(x, w []float64, sd float64) float64 {
	switch g.loss.Name {
	case nn.Absolute.Name:
		return quantile(x, w, 0.5)
	case nn.Quantile(0.5).Name:
		return quantile(x, w, g.loss.Param)
	case nn.Huber(1).Name:
		return huberCentre(x, w, float64(g.loss.Param*sd))
	}
	return meanOf(len(x), w, func(i int) float64 { return x[i] })
}

// quantile is the least number with a share τ of the weight at or below it; the
// middle between that and the next where it is just that share.
func quantile(x, w []float64, tau float64) float64 {
	order := all(len(x))
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	total := kernel.SumRows(0, len(x), func(i int) float64 { return weight(w, i) })
	below := 0.0
	for k, i := range order {
		below += weight(w, i)
		if below < float64(tau*total) || weight(w, i) == 0 {
			continue
		}
		if below == float64(tau*total) {
			for _, next := range order[k+1:] {
				if weight(w, next) > 0 {
					return float64(0.5*x[i]) + float64(0.5*x[next])
				}
			}
		}
		return x[i]
	}
	return x[order[len(order)-1]]
}

// huberCentre is where the weighted sum of x − c, each held within ±δ, is 0.
func huberCentre(x, w []float64, delta float64) float64 {
	low, high := slices.Min(x), slices.Max(x)
	for {
		c := low + float64(0.5*(high-low))
		if c <= low || c >= high {
			return c
		}
		pull := kernel.SumRows(0, len(x), func(i int) float64 {
			return float64(weight(w, i) * min(max(x[i]-c, -delta), delta))
		})
		switch {
		case pull > 0:
			low = c
		case pull < 0:
			high = c
		default:
			return c
		}
	}
}

// lossOf is the mean loss of answers: probabilities or values, a slice a row.
func (g *judge) lossOf(answers [][]float64, y *truth) float64 {
	return meanOf(len(answers), y.w, func(i int) float64 {
		a := answers[i]
		switch {
		case g.task == prep.Regression:
			sum := 0.0
			for k := range a {
				t := &g.targets[k]
				sum += g.loss.Of(t.Standardise(a[k]), t.Standardise(y.numbers[k][i]))
			}
			return sum
		case g.loss.Name == nn.CrossEntropy.Name:
			return nn.CrossEntropy.Of(held(a[y.classes[i]]), 1)
		}
		return g.loss.Of(held(a[1]), float64(y.classes[i]))
	})
}

// held keeps a probability where its logarithm is finite, as the log loss does.
func held(p float64) float64 { return min(max(p, leastProb), 1-leastProb) }

// verdict compares answers with a guess, rows counted as in training.
func (g *judge) verdict(given, guess [][]float64, y *truth) Verdict {
	y = g.weighed(y)
	// A model that always gives the guess differs from it by rounding.
	const rounding = 1e-6
	least := g.lossOf(guess, y)
	likelier := g.lossOf(given, y) < least-float64(rounding*math.Abs(least))
	if g.task == prep.Regression {
		if likelier {
			return Better
		}
		return NoBetter
	}
	right := func(answers [][]float64) float64 {
		return newClassRows(slices.Concat(answers...), y.k, y.classes, y.w).accuracy()
	}
	oftener := right(given) > right(guess)
	switch {
	case likelier && oftener:
		return Better
	case likelier:
		return OnlyProbabilities
	case oftener:
		return OnlyAnswers
	}
	return NoBetter
}

// name says what the guess always answers: a class, "the mean", …; "" where the
// guesses of several trainings name different classes.
func (g *judge) name(guesses [][]float64) string {
	if g.task == prep.Classification {
		class := largest(guesses[0])
		for _, p := range guesses {
			if largest(p) != class {
				return ""
			}
		}
		return g.targets[0].Classes[class]
	}
	switch g.loss.Name {
	case nn.Absolute.Name:
		return "the median"
	case nn.Quantile(0.5).Name:
		return fmt.Sprintf("the %v-quantile", g.loss.Param)
	case nn.Huber(1).Name:
		return "the same number"
	}
	return "the mean"
}

// largest is the place of the largest number, the first of equals.
func largest(p []float64) int {
	best := 0
	for k, x := range p {
		if x > p[best] {
			best = k
		}
	}
	return best
}
