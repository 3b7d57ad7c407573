package train_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// Two rows and up, classes of one row, columns of which a part is constant:
// each is trained, or refused with a reason, whatever the folds leave.
func TestTinyTablesAreTrainedOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "rows")
		x := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0, 1, 2.5, math.NaN()}), n, n).Draw(t, "x")
		town := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b"}), n, n).Draw(t, "town")
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0, 1, 2, 3.5, math.NaN()}), n, n).Draw(t, "y")
		tab := table.New(table.Numbers("x", x), table.Categories("town", town), table.Numbers("y", y))
		c := train.Config{
			Target: "y", Epochs: 2, Hidden: []int{2}, Task: rapid.SampledFrom([]prep.Task{"", prep.Classification, prep.Regression}).Draw(t, "task"),
			Folds: rapid.SampledFrom([]int{0, 0, 2, 3}).Draw(t, "folds"), NoValidation: rapid.Bool().Draw(t, "no validation"),
			Test: rapid.SampledFrom([]float64{0, 0.2, -1}).Draw(t, "test"),
		}
		model, r, err := train.Fit(t.Context(), tab, c)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "train: ") && !strings.HasPrefix(err.Error(), "prep: ") && !strings.HasPrefix(err.Error(), "fold ") {
				t.Errorf("no place in %q", err)
			}
			return
		}
		if _, err := model.Predict(tab); err != nil {
			t.Error(err)
		}
		for name, v := range r.Scores {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s is %v", name, v)
			}
		}
	})
}

func TestAFoldWithoutAModelIsAnsweredAsAGuess(t *testing.T) {
	// Without the last row every target is 0.
	y := make([]float64, 30)
	y[29] = 1.5
	x := make([]float64, 30)
	for i := range x {
		x[i] = float64(i * i % 17)
	}
	tab := table.New(table.Numbers("x", x), table.Numbers("y", y))
	r := fit(t, tab, train.Config{Target: "y", Task: prep.Regression, Epochs: 3})
	if r.ScoredRows != 30 || !strings.Contains(strings.Join(r.Notes, "\n"), "no model can be made of the other rows (prep: target \"y\": every value is 0") {
		t.Errorf("%d rows scored; notes %q", r.ScoredRows, r.Notes)
	}
}
