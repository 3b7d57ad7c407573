package train_test

import (
	"os"
	"testing"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/train"
)

// The scores that the defaults must not fall behind: scikit-learn 1.9.1's
// MLPClassifier and MLPRegressor with their defaults, five folds with
// fold = row % 5; accuracy or R². docs/RESULTS.md has ours.
var nineTables = []struct {
	name, target string
	task         prep.Task
	mlp          float64
}{
	{"breast_cancer", "diagnosis", prep.Classification, 0.9772},
	{"pima", "diabetes", prep.Classification, 0.7617},
	{"iris", "species", prep.Classification, 0.9400},
	{"wine", "target", prep.Classification, 0.9771},
	{"digits", "digit", prep.Classification, 0.9811},
	{"letter", "lettr", prep.Classification, 0.9433},
	{"diabetes", "target", prep.Regression, 0.4576},
	{"boston_housing", "medv", prep.Regression, 0.8434},
	{"diamonds", "price", prep.Regression, 0.9798},
}

func TestNoTableFallsBehindScikitLearn(t *testing.T) {
	if os.Getenv("SHOAL_SOAK") == "" {
		t.Skip("SHOAL_SOAK is not set: minutes of training")
	}
	for _, c := range nineTables {
		t.Run(c.name, func(t *testing.T) {
			tab := open(t, c.name)
			r := fit(t, tab, train.Config{Target: c.target, Folds: 5, FoldOrder: "modulo"})
			within, metric := 0.005, "accuracy"
			if tab.Rows() < 1000 {
				within = 0.01
			}
			if c.task == prep.Regression {
				metric = "r2"
			}
			got := r.CV.Mean[metric]
			t.Logf("%s %.4f, scikit-learn's MLP %.4f; %.0f s", metric, got, c.mlp, r.Seconds)
			if r.Task != c.task || !(got >= c.mlp-within) {
				t.Errorf("%s: %s %.4f, want at least %.4f − %v", r.Task, metric, got, c.mlp, within)
			}
		})
	}
}
