package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/prep"
)

// Legend: m rows, c classes. prob is (m, c), row after row: prob[i*c+k] is the
// probability that row i is of class k. y[i] is the true class of row i,
// 0 ≤ y[i] < c, or its true number. w[i] ≥ 0 is how much row i counts; nil
// counts each once. Σ runs over the rows. A metric that the rows don't define
// is NaN. Slices whose lengths don't fit are a mistake of the caller's: a panic.

// Metric is one way to say how good predictions are.
type Metric struct {
	Name     string    // in JSON and in Scores
	Task     prep.Task // whose predictions it scores
	Higher   bool      // higher is better; else lower
	Range    string    // from where to where it goes
	Formula  string    // with p the predictions and ȳ the mean of y
	Function string    // scikit-learn's, which gives the same number

	ofClasses func(r *classRows) float64
	ofNumbers func(pred, y, w []float64) float64
}

// Metrics returns every metric, in the order in which they are shown.
func Metrics() []Metric {
	return []Metric{
		{
			Name: "accuracy", Task: prep.Classification, Higher: true, Range: "0 … 1",
			Formula:  "Σ w·1[answer = y] / Σ w",
			Function: "accuracy_score", ofClasses: (*classRows).accuracy,
		},
		{
			Name: "balanced_accuracy", Task: prep.Classification, Higher: true, Range: "0 … 1",
			Formula:  "mean over the classes of the accuracy on their rows",
			Function: "balanced_accuracy_score", ofClasses: (*classRows).balancedAccuracy,
		},
		{
			Name: "log_loss", Task: prep.Classification, Range: "0 … 34.5",
			Formula:  "−Σ w·log(probability of y) / Σ w",
			Function: "log_loss", ofClasses: (*classRows).logLoss,
		},
		{
			Name: "auc", Task: prep.Classification, Higher: true, Range: "0 … 1, chance is 0.5",
			Formula:  "share of pairs (a row of the class, another) whose probabilities are in order; the classes' mean",
			Function: `roc_auc_score(multi_class="ovr", average="macro")`, ofClasses: (*classRows).auc,
		},
		{
			Name: "f1", Task: prep.Classification, Higher: true, Range: "0 … 1",
			Formula:  "2·tp / (2·tp + fp + fn) of the second of two classes; the mean of more classes",
			Function: `f1_score(average="binary" or "macro")`, ofClasses: (*classRows).f1,
		},
		{
			Name: "r2", Task: prep.Regression, Higher: true, Range: "−∞ … 1, the mean's is 0",
			Formula:  "1 − Σ w·(y−p)² / Σ w·(y−ȳ)²",
			Function: "r2_score", ofNumbers: R2,
		},
		{
			Name: "rmse", Task: prep.Regression, Range: "0 … ∞, in the target's unit",
			Formula:  "√(Σ w·(y−p)² / Σ w)",
			Function: "root_mean_squared_error", ofNumbers: RMSE,
		},
		{
			Name: "mae", Task: prep.Regression, Range: "0 … ∞, in the target's unit",
			Formula:  "Σ w·|y−p| / Σ w",
			Function: "mean_absolute_error", ofNumbers: MAE,
		},
	}
}

// Scores holds metrics by name. One that the rows don't define, such as the
// AUC of rows of one class, is left out.
type Scores map[string]float64

// set keeps x unless it is no finite number, which JSON couldn't say.
func (s Scores) set(name string, x float64) {
	if !math.IsNaN(x) && !math.IsInf(x, 0) {
		s[name] = x
	}
}

// ScoreClasses returns every metric of a classification and the confusion
// matrix, as Confusion does.
func ScoreClasses(prob []float64, classes int, y []int, w []float64) (Scores, [][]float64) {
	r := newClassRows(prob, classes, y, w)
	s := Scores{}
	for _, m := range Metrics() {
		if m.ofClasses != nil {
			s.set(m.Name, m.ofClasses(r))
		}
	}
	return s, r.confusion
}

// ScoreNumbers returns every metric of a regression, for one target.
func ScoreNumbers(pred, y, w []float64) Scores {
	s := Scores{}
	for _, m := range Metrics() {
		if m.ofNumbers != nil {
			s.set(m.Name, m.ofNumbers(pred, y, w))
		}
	}
	return s
}

// Confusion returns the confusion matrix, (c, c): the weight of the rows of a
// true class (row) that were answered with a class (column). The answer is the
// class of the highest probability, the first of equal ones. It is
// scikit-learn's confusion_matrix.
func Confusion(prob []float64, classes int, y []int, w []float64) [][]float64 {
	return newClassRows(prob, classes, y, w).confusion
}

// Accuracy returns the weighted share of rows that are answered with their
// class, 0 … 1. It is scikit-learn's accuracy_score.
func Accuracy(prob []float64, classes int, y []int, w []float64) float64 {
	return newClassRows(prob, classes, y, w).accuracy()
}

// BalancedAccuracy returns the mean over the classes of the accuracy on their
// rows, 0 … 1. Classes without rows (or without weight) don't count. It is
// scikit-learn's balanced_accuracy_score.
func BalancedAccuracy(prob []float64, classes int, y []int, w []float64) float64 {
	return newClassRows(prob, classes, y, w).balancedAccuracy()
}

// F1 returns the harmonic mean of precision and recall, 2·tp/(2·tp + fp + fn),
// 0 … 1: of the second class if there are two, else the mean over the classes
// that are true or answered somewhere. It is 0 where there is nothing to
// divide by. It is scikit-learn's f1_score with average "binary" or "macro".
func F1(prob []float64, classes int, y []int, w []float64) float64 {
	return newClassRows(prob, classes, y, w).f1()
}

// LogLoss returns the mean cross-entropy −Σ w·log(p)/Σ w of the probability p
// of the true class, clipped to 1e-15 … 1 − 1e-15. It is scikit-learn's
// log_loss, whose clip is at 2⁻⁵² since version 1.3.
func LogLoss(prob []float64, classes int, y []int, w []float64) float64 {
	return newClassRows(prob, classes, y, w).logLoss()
}

// AUC returns the area under the ROC curve, 0 … 1: the weighted share of pairs
// of a row of the class and a row of another in which the first has the higher
// probability of the class; a tie counts half. With two classes the class is
// the second; with more it is the mean over the classes, each against the
// rest. It is NaN if a class has no rows. It is scikit-learn's
// roc_auc_score(multi_class="ovr", average="macro").
func AUC(prob []float64, classes int, y []int, w []float64) float64 {
	return newClassRows(prob, classes, y, w).auc()
}

// R2 returns the coefficient of determination, 1 − Σ w·(y−p)²/Σ w·(y−ȳ)²,
// −∞ … 1. Of a constant y it is 1 if every prediction is right and 0
// otherwise; of fewer than two rows, or of rows without weight, it is NaN. It is scikit-learn's r2_score.
func R2(pred, y, w []float64) float64 {
	checkNumbers(pred, y, w)
	if len(y) < 2 {
		return math.NaN()
	}
	total := kernel.SumRows(0, len(y), func(i int) float64 { return weight(w, i) })
	// The mean of the distances from y[0] is exact where y is constant.
	mean := y[0] + kernel.SumRows(0, len(y), func(i int) float64 { return float64(weight(w, i) * (y[i] - y[0])) })/total
	left := kernel.SumRows(0, len(y), func(i int) float64 { return float64(weight(w, i) * square(y[i]-pred[i])) })
	all := kernel.SumRows(0, len(y), func(i int) float64 { return float64(weight(w, i) * square(y[i]-mean)) })
	if all == 0 && total > 0 {
		if left == 0 {
			return 1
		}
		return 0
	}
	return 1 - left/all
}

// RMSE returns the root of the mean squared error, √(Σ w·(y−p)²/Σ w), in the
// target's unit. It is scikit-learn's root_mean_squared_error.
func RMSE(pred, y, w []float64) float64 {
	checkNumbers(pred, y, w)
	return math.Sqrt(meanOf(len(y), w, func(i int) float64 { return square(y[i] - pred[i]) }))
}

// MAE returns the mean absolute error, Σ w·|y−p|/Σ w, in the target's unit. It
// is scikit-learn's mean_absolute_error.
func MAE(pred, y, w []float64) float64 {
	checkNumbers(pred, y, w)
	return meanOf(len(y), w, func(i int) float64 { return math.Abs(y[i] - pred[i]) })
}

// classRows is what the metrics of a classification are computed from.
type classRows struct {
	prob      []float64
	classes   int
	y         []int
	w         []float64
	confusion [][]float64 // [true class][answer]
}

func newClassRows(prob []float64, classes int, y []int, w []float64) *classRows {
	if classes < 1 || len(prob) != len(y)*classes || w != nil && len(w) != len(y) {
		panic(fmt.Sprintf("train: %d probabilities of %d classes, %d true classes and %d weights don't belong together", len(prob), classes, len(y), len(w)))
	}
	r := &classRows{prob: prob, classes: classes, y: y, w: w}
	r.confusion = r.count(0, len(y))
	return r
}

// count returns the confusion matrix of rows from … to−1, added in the order
// of kernel.SumRows.
func (r *classRows) count(from, to int) [][]float64 {
	if to-from > kernel.BlockRows {
		half := from + kernel.LeftHalf(to-from)
		left, right := r.count(from, half), r.count(half, to)
		for k := range left {
			for a := range left[k] {
				left[k][a] += right[k][a]
			}
		}
		return left
	}
	confusion := make([][]float64, r.classes)
	for k := range confusion {
		confusion[k] = make([]float64, r.classes)
	}
	for i := from; i < to; i++ {
		confusion[r.y[i]][r.answer(i)] += weight(r.w, i)
	}
	return confusion
}

// answer is the class of row i's highest probability, the first of equal ones.
func (r *classRows) answer(i int) int { return largest(r.prob[i*r.classes : (i+1)*r.classes]) }

// margins returns, for class k, the weight of its rows that are answered
// right, of its rows, and of the rows answered with it.
func (r *classRows) margins(k int) (hit, rows, answers float64) {
	for j := range r.classes {
		rows += r.confusion[k][j]
		answers += r.confusion[j][k]
	}
	return r.confusion[k][k], rows, answers
}

func (r *classRows) accuracy() float64 {
	var hits, total float64
	for k := range r.classes {
		hit, rows, _ := r.margins(k)
		hits += hit
		total += rows
	}
	return hits / total
}

func (r *classRows) balancedAccuracy() float64 {
	var sum, n float64
	for k := range r.classes {
		if hit, rows, _ := r.margins(k); rows > 0 {
			sum += hit / rows
			n++
		}
	}
	return sum / n
}

func (r *classRows) f1() float64 {
	if len(r.y) == 0 {
		return math.NaN()
	}
	of := func(k int) (f1 float64, occurs bool) {
		hit, rows, answers := r.margins(k)
		if rows+answers == 0 {
			return 0, false
		}
		return 2 * hit / (rows + answers), true // rows = tp + fn, answers = tp + fp
	}
	if r.classes == 2 {
		f1, _ := of(1)
		return f1
	}
	var sum, n float64
	for k := range r.classes {
		if f1, occurs := of(k); occurs {
			sum += f1
			n++
		}
	}
	return sum / n
}

// leastProb is how near to 0 and 1 a probability may come in the log loss.
const leastProb = 1e-15

func (r *classRows) logLoss() float64 {
	return meanOf(len(r.y), r.w, func(i int) float64 {
		p := r.prob[i*r.classes+r.y[i]]
		return -kernel.Log(min(max(p, leastProb), 1-leastProb))
	})
}

func (r *classRows) auc() float64 {
	if r.classes == 2 {
		return r.aucOf(1)
	}
	sum := 0.0
	for k := range r.classes {
		sum += r.aucOf(k)
	}
	return sum / float64(r.classes)
}

// aucOf is the AUC of class k against the rest: going up through the
// probabilities, each row of the class is above the others seen so far.
func (r *classRows) aucOf(k int) float64 {
	type ranked struct {
		prob float64
		row  int
	}
	rows := make([]ranked, len(r.y))
	for i := range rows {
		rows[i] = ranked{r.prob[i*r.classes+k], i}
		if math.IsNaN(rows[i].prob) {
			return math.NaN()
		}
	}
	slices.SortFunc(rows, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.prob, b.prob), cmp.Compare(a.row, b.row))
	})
	var area, class, others float64 // the weight so far
	for len(rows) > 0 {
		var tiedClass, tiedOthers float64
		tied := rows[0].prob
		for len(rows) > 0 && rows[0].prob == tied {
			if i := rows[0].row; r.y[i] == k {
				tiedClass += weight(r.w, i)
			} else {
				tiedOthers += weight(r.w, i)
			}
			rows = rows[1:]
		}
		area += float64(tiedClass * (others + float64(tiedOthers/2)))
		class += tiedClass
		others += tiedOthers
	}
	return area / (class * others)
}

func checkNumbers(pred, y, w []float64) {
	if len(pred) != len(y) || w != nil && len(w) != len(y) {
		panic(fmt.Sprintf("train: %d predictions, %d true numbers and %d weights don't belong together", len(pred), len(y), len(w)))
	}
}

// weight is how much row i counts.
func weight(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

func square(x float64) float64 { return float64(x * x) }

// meanOf is Σ w·term / Σ w over m rows: NaN of none.
func meanOf(m int, w []float64, term func(i int) float64) float64 {
	sum := kernel.SumRows(0, m, func(i int) float64 { return float64(weight(w, i) * term(i)) })
	return sum / kernel.SumRows(0, m, func(i int) float64 { return weight(w, i) })
}
