package train_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/train"
)

func ExampleScoreClasses() {
	// Three rows, two classes: the probabilities and the truth.
	prob := []float64{
		0.9, 0.1,
		0.6, 0.4,
		0.3, 0.7,
	}
	y := []int{0, 1, 1}

	scores, confusion := train.ScoreClasses(prob, 2, y, nil)
	for _, m := range train.Metrics() {
		if x, ok := scores[m.Name]; ok {
			fmt.Printf("%-17s %.4f\n", m.Name, x)
		}
	}
	fmt.Println(confusion)
	// Output:
	// accuracy          0.6667
	// balanced_accuracy 0.7500
	// log_loss          0.4594
	// auc               1.0000
	// f1                0.6667
	// [[1 0] [1 1]]
}

func ExampleScoreNumbers() {
	s := train.ScoreNumbers([]float64{2, 4, 6}, []float64{1, 4, 7}, nil)
	fmt.Printf("R² %.4f, RMSE %.4f, MAE %.4f\n", s["r2"], s["rmse"], s["mae"])
	// Output: R² 0.8889, RMSE 0.8165, MAE 0.6667
}

// scoreFile is testdata/scores.json. A metric that is null is left out by us.
type scoreFile struct {
	Classes []struct {
		Name      string
		Classes   int
		Prob      []float64
		Y         []int
		W         []float64
		Scores    map[string]*float64
		Confusion [][]float64
	}
	Numbers []struct {
		Name       string
		Pred, Y, W []float64
		Scores     map[string]*float64
	}
}

func readScores(tb testing.TB) *scoreFile {
	tb.Helper()
	b, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		tb.Fatal(err)
	}
	var f scoreFile
	if err := json.Unmarshal(b, &f); err != nil {
		tb.Fatal(err)
	}
	if len(f.Classes) == 0 || len(f.Numbers) == 0 {
		tb.Fatal("testdata/scores.json has no cases")
	}
	return &f
}

// near says whether got is want but for rounding.
func near(got, want float64) bool {
	return math.Abs(got-want) <= 1e-13*(1+math.Abs(want))
}

// wantScores fails the test unless got holds the metrics of want that are not
// null, and no others.
func wantScores(t *testing.T, got train.Scores, want map[string]*float64) {
	t.Helper()
	for name, x := range want {
		g, ok := got[name]
		switch {
		case x == nil && ok:
			t.Errorf("%s is %v, want none", name, g)
		case x != nil && !ok:
			t.Errorf("%s is missing, want %v", name, *x)
		case x != nil && !near(g, *x):
			t.Errorf("%s is %v, want %v", name, g, *x)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("scikit-learn's figure for %s is missing in scores.json", name)
		}
	}
}

func TestScoresAreThoseOfScikitLearn(t *testing.T) {
	f := readScores(t)
	for _, c := range f.Classes {
		t.Run(c.Name, func(t *testing.T) {
			got, confusion := train.ScoreClasses(c.Prob, c.Classes, c.Y, c.W)
			wantScores(t, got, c.Scores)
			if !slices.EqualFunc(confusion, c.Confusion, func(a, b []float64) bool { return slices.EqualFunc(a, b, near) }) {
				t.Errorf("confusion %v, want %v", confusion, c.Confusion)
			}
		})
	}
	for _, c := range f.Numbers {
		t.Run(c.Name, func(t *testing.T) {
			wantScores(t, train.ScoreNumbers(c.Pred, c.Y, c.W), c.Scores)
		})
	}
}

func TestEachMetricIsAFunctionOfItsOwn(t *testing.T) {
	classes := map[string]func([]float64, int, []int, []float64) float64{
		"accuracy": train.Accuracy, "balanced_accuracy": train.BalancedAccuracy, "log_loss": train.LogLoss,
		"auc": train.AUC, "f1": train.F1,
	}
	numbers := map[string]func(pred, y, w []float64) float64{"r2": train.R2, "rmse": train.RMSE, "mae": train.MAE}

	f := readScores(t)
	c, n := f.Classes[1], f.Numbers[1]
	ofClasses, confusion := train.ScoreClasses(c.Prob, c.Classes, c.Y, c.W)
	ofNumbers := train.ScoreNumbers(n.Pred, n.Y, n.W)
	for _, m := range train.Metrics() {
		var got, want float64
		switch m.Task {
		case prep.Classification:
			got, want = classes[m.Name](c.Prob, c.Classes, c.Y, c.W), ofClasses[m.Name]
		case prep.Regression:
			got, want = numbers[m.Name](n.Pred, n.Y, n.W), ofNumbers[m.Name]
		}
		if got != want {
			t.Errorf("%s is %v as a function and %v in Scores", m.Name, got, want)
		}
		if m.Range == "" || m.Formula == "" || m.Function == "" {
			t.Errorf("%s lacks its range, formula or scikit-learn's function: %+v", m.Name, m)
		}
	}
	if diff := cmp.Diff(confusion, train.Confusion(c.Prob, c.Classes, c.Y, c.W)); diff != "" {
		t.Errorf("confusion differs:\n%s", diff)
	}
}

func TestHigherSaysWhichScoreIsBetter(t *testing.T) {
	right, _ := train.ScoreClasses([]float64{1, 0, 0, 1}, 2, []int{0, 1}, nil)
	wrong, _ := train.ScoreClasses([]float64{1, 0, 0, 1}, 2, []int{1, 0}, nil)
	exact := train.ScoreNumbers([]float64{1, 2}, []float64{1, 2}, nil)
	off := train.ScoreNumbers([]float64{1, 2}, []float64{3, 1}, nil)
	for _, m := range train.Metrics() {
		good, bad := right, wrong
		if m.Task == prep.Regression {
			good, bad = exact, off
		}
		if (good[m.Name] > bad[m.Name]) != m.Higher {
			t.Errorf("%s: %v of right answers, %v of wrong ones, but Higher is %v", m.Name, good[m.Name], bad[m.Name], m.Higher)
		}
	}
}

func TestScoresOfNothingAreLeftOut(t *testing.T) {
	nan := math.NaN()
	undefined := map[string]train.Scores{
		"no numbers":         train.ScoreNumbers(nil, nil, nil),
		"weights of 0":       train.ScoreNumbers([]float64{1, 2}, []float64{1, 3}, []float64{0, 0}),
		"predictions of NaN": train.ScoreNumbers([]float64{nan, 2}, []float64{1, 3}, nil),
		"infinite errors":    train.ScoreNumbers([]float64{math.Inf(1), 2}, []float64{1, 3}, nil),
	}
	undefined["no classes"], _ = train.ScoreClasses(nil, 2, nil, nil)
	for name, s := range undefined {
		if len(s) > 0 {
			t.Errorf("%s: scores %v, want none", name, s)
		}
	}
	s, _ := train.ScoreClasses([]float64{0.2, 0.8, nan, nan}, 2, []int{1, 0}, nil)
	for _, name := range []string{"log_loss", "auc"} {
		if x, ok := s[name]; ok {
			t.Errorf("%s of a probability of NaN is %v, want none", name, x)
		}
	}
}

// drawRows draws classes' probabilities in eighths, so that ties are common.
func drawRows(t *rapid.T) (prob []float64, classes int, y []int, w []float64) {
	classes = rapid.IntRange(2, 5).Draw(t, "classes")
	m := rapid.IntRange(1, 30).Draw(t, "m")
	for range m {
		for range classes {
			prob = append(prob, float64(rapid.IntRange(0, 8).Draw(t, "eighths"))/8)
		}
		y = append(y, rapid.IntRange(0, classes-1).Draw(t, "y"))
		w = append(w, float64(rapid.IntRange(0, 3).Draw(t, "w")))
	}
	return prob, classes, y, w
}

func TestAWeightOfNIsTheRowNTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prob, classes, y, w := drawRows(t)
		var probs []float64
		var ys []int
		for i := range y {
			for range int(w[i]) {
				probs = append(probs, prob[i*classes:(i+1)*classes]...)
				ys = append(ys, y[i])
			}
		}
		if len(ys) == 0 {
			return // of no rows even F1 is undefined; of weightless ones it is 0
		}
		got, confusion := train.ScoreClasses(prob, classes, y, w)
		want, wantConfusion := train.ScoreClasses(probs, classes, ys, nil)
		for _, m := range train.Metrics() {
			g, ok := got[m.Name]
			x, wantOK := want[m.Name]
			if ok != wantOK || !near(g, x) {
				t.Errorf("%s: %v (%v) with weights, %v (%v) with repeated rows", m.Name, g, ok, x, wantOK)
			}
		}
		if diff := cmp.Diff(wantConfusion, confusion); diff != "" {
			t.Errorf("confusion differs:\n%s", diff)
		}
	})
}

func TestAUCIsTheShareOfPairsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prob, classes, y, w := drawRows(t)
		of := func(k int) float64 {
			var ordered, pairs float64
			for i := range y {
				for j := range y {
					if y[i] != k || y[j] == k {
						continue
					}
					pairs += w[i] * w[j]
					switch a, b := prob[i*classes+k], prob[j*classes+k]; {
					case a > b:
						ordered += w[i] * w[j]
					case a == b:
						ordered += w[i] * w[j] / 2
					}
				}
			}
			return ordered / pairs
		}
		want := of(1)
		if classes > 2 {
			want = 0
			for k := range classes {
				want += of(k) / float64(classes)
			}
		}
		if got := train.AUC(prob, classes, y, w); !near(got, want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("AUC is %v, the share of pairs %v", got, want)
		}
	})
}

// The sums of more rows than one block must be those of the rows, whatever
// tree they are added along.
func TestManyRowsAreScoredAsFew(t *testing.T) {
	const few, times = 1000, 203 // 203,000 rows: three blocks and a part
	random := rand.New(rand.NewPCG(1, 2))
	var prob, pred, numbers []float64
	var y []int
	for range few {
		p := random.Float64()
		prob = append(prob, 1-p, p)
		y = append(y, random.IntN(2))
		numbers = append(numbers, random.NormFloat64())
		pred = append(pred, random.NormFloat64())
	}
	want, confusion := train.ScoreClasses(prob, 2, y, nil)
	got, manyConfusion := train.ScoreClasses(slices.Repeat(prob, times), 2, slices.Repeat(y, times), nil)
	for name, x := range want {
		if !near(got[name], x) {
			t.Errorf("%s of many rows is %v, of few %v", name, got[name], x)
		}
	}
	for k := range confusion {
		for a := range confusion[k] {
			if manyConfusion[k][a] != times*confusion[k][a] {
				t.Errorf("confusion of many rows is %v, of few %v", manyConfusion, confusion)
			}
		}
	}
	wantNumbers := train.ScoreNumbers(pred, numbers, nil)
	for name, x := range train.ScoreNumbers(slices.Repeat(pred, times), slices.Repeat(numbers, times), nil) {
		if !near(x, wantNumbers[name]) {
			t.Errorf("%s of many rows is %v, of few %v", name, x, wantNumbers[name])
		}
	}
}

func BenchmarkScoreClasses(b *testing.B) {
	const m, classes = 100_000, 10
	random := rand.New(rand.NewPCG(1, 2))
	prob := make([]float64, m*classes)
	for i := range prob {
		prob[i] = random.Float64()
	}
	y := make([]int, m)
	for i := range y {
		y[i] = random.IntN(classes)
	}
	for b.Loop() {
		train.ScoreClasses(prob, classes, y, nil)
	}
}
