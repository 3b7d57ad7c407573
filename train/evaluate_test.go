package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// line is 40 rows of y = 2·x, and which of them are high.
func line() *table.Table {
	x, y, high := make([]float64, 40), make([]float64, 40), make([]string, 40)
	for i := range x {
		x[i], y[i], high[i] = float64(i%20)/10, float64(i%20)/5, "no"
		if i%20 >= 10 {
			high[i] = "yes"
		}
	}
	return table.New(table.Numbers("x", x), table.Numbers("y", y), table.Categories("high", high))
}

func ExampleEvaluate() {
	model, _, err := train.Fit(context.Background(), line(), train.Config{Target: "high", Ignore: []string{"y"}, Test: 0.2})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := train.Evaluate(model, line(), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d rows; right in more than %.0f %%: %v\n", e.Rows, 100*e.Baseline["accuracy"], e.Scores["accuracy"] > e.Baseline["accuracy"])
	// Output:
	// 40 rows; right in more than 50 %: true
}

func TestEvaluateScoresTheRowsThatItIsGiven(t *testing.T) {
	model, _, err := train.Fit(t.Context(), line(), train.Config{Target: "y", Ignore: []string{"high"}, Test: 0.2, Epochs: 5})
	if err != nil {
		t.Fatal(err)
	}
	// The answers are the truth but for 1 in one row, and nothing is known of another.
	x := []float64{0.1, 0.7, 1.1, 1.5}
	p, err := model.Predict(table.New(table.Numbers("x", x)))
	if err != nil {
		t.Fatal(err)
	}
	y := p.Numbers()
	y[1]++
	y[3] = math.NaN()
	e, err := train.Evaluate(model, table.New(table.Numbers("x", x), table.Numbers("y", y), table.Numbers("w", []float64{1, 2, 1, 9})), "w")
	if err != nil {
		t.Fatal(err)
	}
	if e.Task != prep.Regression || e.Rows != 3 || e.RowsWithoutTarget != 1 || len(e.Extra) != 0 {
		t.Errorf("%+v", e)
	}
	if mae := e.Scores["mae"]; math.Abs(mae-0.5) > 1e-6 { // 2·1 / (1 + 2 + 1)
		t.Errorf("the mean error is %v, want 0.5", mae)
	}
	if r2 := e.Baseline["r2"]; math.Abs(r2) > 1e-12 {
		t.Errorf("the mean's R² is %v, want 0", r2)
	}
}

func TestEvaluateRefusesWhatCannotBeScored(t *testing.T) {
	model, _, err := train.Fit(t.Context(), line(), train.Config{Target: "high", Test: 0.2, Epochs: 1})
	if err != nil {
		t.Fatal(err)
	}
	x, y := table.Numbers("x", []float64{1, 2}), table.Numbers("y", []float64{1, 2})
	high := func(texts ...string) table.Column { return table.Categories("high", texts) }
	for _, c := range []struct {
		table  *table.Table
		weight string
		want   string
	}{
		{table.New(x, y), "", `there is no target column "high"`},
		{table.New(x, high("yes", "no")), "", `has no column "y"`},
		{table.New(x, y, high("", "")), "", "no row has a value of the target"},
		{table.New(x, y, high("yes", "perhaps")), "", `target column "high", row 2: the model has no such class; its classes are "no", "yes"`},
		{table.New(x, y, high("yes", "no")), "w", `there is no weight column "w"`},
		{table.New(x, y, high("yes", "no")), "high", `weight column "high" has text`},
		{table.New(x, y, high("yes", "no"), table.Numbers("w", []float64{1, -1})), "w", `row 2: -1: a weight must be a number, at least 0`},
		{table.New(x, y, high("yes", "no"), table.Numbers("w", []float64{0, 0})), "w", "all weights are 0"},
	} {
		_, err := train.Evaluate(model, c.table, c.weight)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want …%s…", err, c.want)
		}
	}
}
