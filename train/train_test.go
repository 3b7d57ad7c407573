package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleFit() {
	type House struct {
		Area  float64 `table:"area"`
		Town  string  `table:"town"`
		Price float64 `table:"price"`
	}
	var houses []House
	for i := range 200 {
		h := House{Area: float64(50 + i%100), Town: []string{"Delft", "Gouda"}[i%2]}
		h.Price = 2*h.Area + map[string]float64{"Delft": 100, "Gouda": 50}[h.Town]
		houses = append(houses, h)
	}
	model, report, err := train.Fit(context.Background(), table.Of(houses), train.Config{Target: "price"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s of %s on %d rows: R² above 0.99: %v\n", report.Task, report.Targets[0], report.ScoredRows, report.Scores["r2"] > 0.99)

	row := model.Row()
	row.Number("area", 80)
	row.Text("town", "Delft")
	fmt.Printf("80 m² in Delft: about %.0f0\n", row.Predict()/10)
	// Output:
	// regression of price on 40 rows: R² above 0.99: true
	// 80 m² in Delft: about 260
}

func open(t testing.TB, name string) *table.Table {
	t.Helper()
	tab, err := table.OpenCSV("testdata/tables/"+name+".csv.gz", table.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func fit(t testing.TB, tab *table.Table, c train.Config) *train.Report {
	t.Helper()
	_, r, err := train.Fit(context.Background(), tab, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDefaultsLearnRealTables(t *testing.T) {
	for _, c := range []struct {
		table, target, metric string
		task                  prep.Task
		atLeast               float64
	}{
		{"iris", "species", "accuracy", prep.Classification, 0.85},
		{"pima", "diabetes", "accuracy", prep.Classification, 0.7},
		{"boston_housing", "medv", "r2", prep.Regression, 0.7},
	} {
		t.Run(c.table, func(t *testing.T) {
			r := fit(t, open(t, c.table), train.Config{Target: c.target, Epochs: 40})
			if r.Task != c.task {
				t.Errorf("task %s, want %s", r.Task, c.task)
			}
			if !(r.Scores[c.metric] >= c.atLeast) {
				t.Errorf("%s %.4f, want at least %v; guessing has %.4f", c.metric, r.Scores[c.metric], c.atLeast, r.Baseline[c.metric])
			}
			// Few rows are all scored, by models that left them out.
			want := map[string]int{train.TestRows: r.Rows - r.TrainRows - r.ValidRows, train.EveryRow: r.Rows}[r.ScoredOn]
			if r.ScoredRows != want || (r.ScoredOn == train.EveryRow) != (r.Rows < 200) {
				t.Errorf("%d + %d rows to train with, %d scored (%s) of %d", r.TrainRows, r.ValidRows, r.ScoredRows, r.ScoredOn, r.Rows)
			}
		})
	}
}

func TestTheSameFitHashForAnyNumberOfThreads(t *testing.T) {
	runs := 10
	if testing.Short() {
		runs = 2
	}
	tab := open(t, "pima")
	// Batches of several tiles, of a network that is worth a second thread.
	config := train.Config{Target: "diabetes", Epochs: 2, Batch: 256, Hidden: []int{200}, Dropout: 0.1, Seed: 5, NoValidation: true}
	var want string
	alone := 0 // goroutines with one thread
	for _, threads := range []int{1, 2, 4} {
		for range runs {
			c, most := config, 0
			c.Threads = threads
			c.Watch = func(train.Event) { most = max(most, runtime.NumGoroutine()) }
			got := fit(t, tab, c).FitHash
			switch {
			case want == "":
				want, alone = got, most
			case got != want:
				t.Fatalf("%d threads: fit hash %s, one thread %s", threads, got, want)
			case threads > 1 && most < alone+threads-1:
				t.Fatalf("%d threads: %d goroutines, one thread has %d: no others worked", threads, most, alone)
			}
		}
	}
	config.Seed = 6
	if other := fit(t, tab, config).FitHash; other == want {
		t.Error("another seed gives the same weights")
	}
}

func TestEveryFoldLeavesItsRowsOut(t *testing.T) {
	for _, order := range []string{"modulo", "shuffled"} {
		r := fit(t, open(t, "iris"), train.Config{Target: "species", Epochs: 3, Folds: 5, FoldOrder: order})
		if len(r.CV.Folds) != 5 {
			t.Fatalf("%d folds", len(r.CV.Folds))
		}
		var mean float64
		for _, s := range r.CV.Folds {
			mean += s["accuracy"] / 5
		}
		if math.Abs(mean-r.CV.Mean["accuracy"]) > 1e-12 {
			t.Errorf("%s: mean accuracy %v, folds have %v", order, r.CV.Mean["accuracy"], mean)
		}
	}
}

// A column that is the target on training rows only: whoever fits on the test
// rows would score too well on them.
func TestTestRowsAreNotLearntFrom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	n := 400
	noise, label := make([]float64, n), make([]string, n)
	for i := range n {
		noise[i] = random.NormFloat64()
		label[i] = []string{"no", "yes"}[random.IntN(2)]
	}
	r := fit(t, table.New(table.Numbers("noise", noise), table.Categories("label", label)), train.Config{Target: "label"})
	if a := r.Scores["accuracy"]; a < 0.3 || a > 0.7 {
		t.Errorf("accuracy %v on labels that are noise", a)
	}
}

func TestBalancedWeightsHelpTheRareClass(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	n := 1000
	x, label := make([]float64, n), make([]string, n)
	for i := range n {
		label[i] = "common"
		x[i] = random.NormFloat64()
		if i%20 == 0 {
			label[i] = "rare"
			x[i] += 1.5
		}
	}
	tab := table.New(table.Numbers("x", x), table.Categories("label", label))
	plain := fit(t, tab, train.Config{Target: "label", Epochs: 20})
	for name, c := range map[string]train.Config{
		"balanced": {Target: "label", Epochs: 20, Balanced: true},
		"by hand":  {Target: "label", Epochs: 20, ClassWeights: map[string]float64{"rare": 19}},
	} {
		if got := fit(t, tab, c).Scores["balanced_accuracy"]; got < plain.Scores["balanced_accuracy"]+0.1 {
			t.Errorf("%s: balanced accuracy %.3f, without weights %.3f", name, got, plain.Scores["balanced_accuracy"])
		}
	}
}

func TestRowsOfWeightZeroDoNotCount(t *testing.T) {
	tab := open(t, "iris")
	weights := make([]float64, tab.Rows())
	species := slices.Clone(tab.Column("species").Codes)
	for i := range weights {
		if weights[i] = 1; i%3 == 0 {
			weights[i] = 0
			species[i] = (species[i] + 1) % 3 // wrong labels
		}
	}
	tab.Column("species").Codes = species
	tab.Columns = append(tab.Columns, table.Numbers("w", weights))
	r := fit(t, tab, train.Config{Target: "species", Weight: "w", Epochs: 60})
	if r.Scores["accuracy"] < 0.8 {
		t.Errorf("accuracy %.3f: the wrong labels were learnt", r.Scores["accuracy"])
	}
}

func TestSeveralTargets(t *testing.T) {
	r := fit(t, open(t, "boston_housing"), train.Config{Target: "medv,rm", Epochs: 30})
	if r.Task != prep.Regression || len(r.TargetScores) != 2 {
		t.Fatalf("task %s, scores of %d targets", r.Task, len(r.TargetScores))
	}
	mean := (r.TargetScores["medv"]["r2"] + r.TargetScores["rm"]["r2"]) / 2
	if math.Abs(mean-r.Scores["r2"]) > 1e-12 {
		t.Errorf("R² %v, the targets' mean is %v", r.Scores["r2"], mean)
	}
}

func TestEveryLossAndPrecisionTrains(t *testing.T) {
	tab := open(t, "boston_housing")
	for _, l := range nn.Losses() {
		if l.Name == nn.CrossEntropy.Name {
			continue
		}
		for _, precision := range []int{32, 64} {
			r := fit(t, tab, train.Config{Target: "medv", Loss: l, Precision: precision, Epochs: 40})
			if l.Name != nn.Quantile(0.5).Name && r.Scores["mae"] > 0.8*r.Baseline["mae"] {
				t.Errorf("%s, %d bits: mean absolute error %.3f, guessing has %.3f", l.Name, precision, r.Scores["mae"], r.Baseline["mae"])
			}
		}
	}
}

func TestLBFGSTrainsASmallTable(t *testing.T) {
	r := fit(t, open(t, "iris"), train.Config{Target: "species", Optimizer: &nn.LBFGS{}, Hidden: []int{10}, L2: 1e-3})
	if r.Scores["accuracy"] < 0.9 {
		t.Errorf("accuracy %.3f", r.Scores["accuracy"])
	}
	if r.Settings.Batch != r.TrainRows {
		t.Errorf("batch %d of %d rows", r.Settings.Batch, r.TrainRows)
	}
}

func TestRowsWithoutATargetAreLeftOut(t *testing.T) {
	tab := open(t, "iris")
	for i := range 10 {
		tab.Column("species").Codes[i*7] = -1
	}
	r := fit(t, tab, train.Config{Target: "species", Epochs: 3})
	if r.Rows != 140 || r.RowsWithoutTarget != 10 {
		t.Errorf("%d rows, %d without a target; want 140 and 10", r.Rows, r.RowsWithoutTarget)
	}
}

func TestAnEndOfTheContextGivesTheModelSoFar(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := train.Config{Target: "species", Epochs: 100_000, Patience: 100_000, Watch: func(e train.Event) {
		if e.Kind == train.EpochEnd && e.Epoch.Epoch == 5 {
			cancel()
		}
	}}
	model, report, err := train.Fit(ctx, open(t, "iris"), c)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if model == nil || report.Epochs < 5 || report.Epochs > 6 {
		t.Errorf("model %v after %+v", model != nil, report)
	}
}

func TestEventsTellTheStory(t *testing.T) {
	var got []string
	c := train.Config{Target: "species", Epochs: 2, Folds: 2, Test: 0.2, Watch: func(e train.Event) {
		switch e.Kind {
		case train.FoldStart:
			got = append(got, fmt.Sprintf("fold %d of %d", e.Fold, e.Folds))
		case train.FoldEnd:
			got = append(got, "fold end")
		case train.Start:
			got = append(got, "start")
		case train.EpochEnd:
			got = append(got, fmt.Sprintf("epoch %d of %d", e.Epoch.Epoch, e.Epochs))
		}
	}}
	fit(t, open(t, "iris"), c)
	want := []string{
		"start", "epoch 1 of 2", "epoch 2 of 2",
		"fold 1 of 2", "start", "epoch 1 of 2", "epoch 2 of 2", "fold end",
		"fold 2 of 2", "start", "epoch 1 of 2", "epoch 2 of 2", "fold end",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTheReportGoesIntoTheModel(t *testing.T) {
	model, report, err := train.Fit(context.Background(), open(t, "iris"), train.Config{Target: "species", Epochs: 3})
	if err != nil {
		t.Fatal(err)
	}
	var inside train.Report
	if err := json.Unmarshal(model.Training(), &inside); err != nil {
		t.Fatal(err)
	}
	inside.Seconds = report.Seconds
	if d := cmp.Diff(*report, inside); d != "" {
		t.Error(d)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	iris := open(t, "iris")
	number := func(values ...float64) *table.Table {
		x := make([]float64, len(values))
		for i := range x {
			x[i] = float64(i * i)
		}
		return table.New(table.Numbers("x", x), table.Numbers("y", values))
	}
	for _, c := range []struct {
		name string
		tab  *table.Table
		c    train.Config
		want string
	}{
		{"no target", iris, train.Config{}, "no target"},
		{"a target that isn't there", iris, train.Config{Target: "specie"}, `there is no target column "specie"; the columns are sepal_length, sepal_width`},
		{"the same target twice", iris, train.Config{Target: "sepal_length,sepal_length"}, "named twice"},
		{"a target to be ignored", iris, train.Config{Target: "species", Ignore: []string{"species"}}, "both the target and to be ignored"},
		{"a weight that is the target", iris, train.Config{Target: "species", Weight: "species"}, "both the target and the weight"},
		{"an unknown weight", iris, train.Config{Target: "sepal_width", Weight: "w"}, `there is no column "w"`},
		{"weights of text", iris, train.Config{Target: "sepal_width", Weight: "species"}, "has text, not numbers"},
		{"one class", number(1, 1, 1, 1), train.Config{Target: "y"}, `every row is "1"`},
		{"a constant number", number(1.5, 1.5, 1.5), train.Config{Target: "y"}, "every value is 1.5; there is nothing to learn"},
		{"one row", number(1), train.Config{Target: "y"}, "must be at least 2"},
		{"nothing to learn from", table.New(table.Numbers("y", []float64{0.5, 1.5, 2.5})), train.Config{Target: "y"}, "no column is left to learn from"},
		{"classes of a regression", iris, train.Config{Target: "species", Task: prep.Regression}, `this column has text ("setosa")`},
		{"numbers as classes", number(0.1, 0.2, 0.3, 0.4, 0.5), train.Config{Target: "y", Task: prep.Classification}, "can't be learnt as classes"},
		{"a class weight of no class", iris, train.Config{Target: "species", ClassWeights: map[string]float64{"rose": 2}}, `no such class; it has setosa, versicolor, virginica`},
		{"a billion units", iris, train.Config{Target: "species", Hidden: []int{1_000_000_000}}, "pass the limit"},
		{"a rate that is no number", iris, train.Config{Target: "species", Optimizer: &nn.Adam{Rate: math.NaN()}}, "learning rate NaN"},
		{"a rate that diverges", open(t, "boston_housing"), train.Config{Target: "medv", NoPrep: true, Optimizer: &nn.GradientDescent{Rate: 1}}, "epoch 1, step"},
		{"more folds than rows", number(0.5, 1, 2.5, 3), train.Config{Target: "y", Folds: 5}, "5 folds of 4 rows"},
		{"Poisson of negative numbers", number(-1, 1.5, 2, 5, 6, 7, 8), train.Config{Target: "y", Loss: nn.Poisson}, "at least 0"},
		{"cross-entropy of numbers", open(t, "boston_housing"), train.Config{Target: "medv", Loss: nn.CrossEntropy}, "does not fit a regression"},
	} {
		model, _, err := train.Fit(context.Background(), c.tab, c.c)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if model != nil {
			t.Errorf("%s: there is a model beside the error", c.name)
		}
	}
}

func TestGOMAXPROCSDoesNotEnterTheResult(t *testing.T) {
	tab := open(t, "pima")
	c := train.Config{Target: "diabetes", Epochs: 1, Batch: 300, Hidden: []int{128}}
	want := fit(t, tab, c).FitHash
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := fit(t, tab, c).FitHash; got != want {
		t.Errorf("GOMAXPROCS=1: %s, else %s", got, want)
	}
}

func TestTheHistoryOfALongRunStaysShort(t *testing.T) {
	const epochs = 5000
	c := train.Config{Target: "y", Ignore: []string{"high"}, Hidden: []int{1}, Epochs: epochs, Patience: epochs, Batch: -1}
	r := fit(t, line(), c)
	if r.Epochs != epochs {
		t.Errorf("%d epochs were run, want %d", r.Epochs, epochs)
	}
	n := len(r.History)
	if n > 2001 || n < 1000 {
		t.Errorf("the history has %d epochs, want 1,000 to 2,001", n)
	}
	if last := r.History[n-1].Epoch; last != epochs {
		t.Errorf("the history ends with epoch %d, want %d", last, epochs)
	}
	for i := 1; i < n-1; i++ {
		if d := r.History[i].Epoch - r.History[i-1].Epoch; d != 4 {
			t.Fatalf("epochs %d and %d follow each other in the history; want every fourth", r.History[i-1].Epoch, r.History[i].Epoch)
		}
	}
}

func TestPatienceWaitsForANetworkThatStillGetsBetter(t *testing.T) {
	c := train.Config{
		Target: "y", Ignore: []string{"high"}, Hidden: []int{8}, Epochs: 400, Patience: 2,
		Optimizer: &nn.GradientDescent{Rate: 0.002}, Schedule: &nn.Schedule{Name: "constant"},
	}
	r := fit(t, line(), c)
	start := r.History[0].ValidLoss
	if slow := r.History[min(10, len(r.History)-1)].ValidLoss; !(slow < start) || r.Epochs < 100 || r.BestEpoch == 0 {
		t.Errorf("stopped after %d epochs and kept epoch %d, though the loss was falling (%v, later %v)", r.Epochs, r.BestEpoch, start, slow)
	}
}

func TestFewRowsWithoutASignalGiveTheGuess(t *testing.T) {
	// linnerud, as scikit-learn bundles it: 20 men, of whom only the pulse is
	// asked. A straight line through all of them does worse than the mean too.
	c := train.Config{Target: "pulse"}
	tab := table.New(
		table.Numbers("weight", []float64{191, 189, 193, 162, 189, 182, 211, 167, 176, 154, 169, 166, 154, 247, 193, 202, 176, 157, 156, 138}),
		table.Numbers("waist", []float64{36, 37, 38, 35, 35, 36, 38, 34, 31, 33, 34, 33, 34, 46, 36, 37, 37, 32, 33, 33}),
		table.Numbers("pulse", []float64{50, 52, 58, 62, 46, 56, 56, 60, 74, 56, 50, 52, 64, 50, 46, 62, 54, 52, 54, 68}))
	model, r, err := train.Fit(t.Context(), tab, c)
	if err != nil {
		t.Fatal(err)
	}
	if r.ScoredOn != train.EveryRow || r.Scores["rmse"] != r.Baseline["rmse"] || r.BestEpoch != 0 {
		t.Errorf("scored %v on %s, the guess %v; want the guess's scores", r.Scores, r.ScoredOn, r.Baseline)
	}
	p, err := model.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range p.Numbers() {
		if y != p.Numbers()[0] {
			t.Fatalf("row %d: answer %v, and %v of the first row; want the same", i+1, y, p.Numbers()[0])
		}
	}
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "always gives the same answer") }) {
		t.Errorf("no note says so: %q", r.Notes)
	}

	// Whoever wants the network all the same trains on every row.
	c.NoValidation = true
	r = fit(t, tab, c)
	if r.BestEpoch == 0 || r.Scores["rmse"] == r.Baseline["rmse"] {
		t.Errorf("without validation the model was given up too: best epoch %d", r.BestEpoch)
	}
}
