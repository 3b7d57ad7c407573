package prep_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

func ExampleTaskOf() {
	price := table.Numbers("price", []float64{120.5, 99})
	town := table.Categories("town", []string{"Delft", "Gouda"})
	fmt.Println(prep.TaskOf(&price))
	fmt.Println(prep.TaskOf(&town))
	// Output:
	// regression the target has numbers with fractions
	// classification the target is text
}

func ExampleFitClasses() {
	town := table.Categories("town", []string{"Gouda", "Delft", "", "Gouda"})
	target, err := prep.FitClasses(&town, []int{0, 1, 2, 3})
	fmt.Println(target.Classes, target.ClassesOf(&town, []int{0, 1, 2, 3}), err)
	// Output: [Delft Gouda] [1 0 -1 1] <nil>
}

func ExampleFitNumbers() {
	price := table.Numbers("price", []float64{100, 300})
	target, err := prep.FitNumbers(&price, []int{0, 1}, prep.Standardise)
	fmt.Println(target.Standardise(300), target.Value(1), err)
	// Output: 1 300 <nil>
}

// cycle repeats values up to n.
func cycle(n int, values ...float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = values[i%len(values)]
	}
	return x
}

func TestTheTaskIsDecidedFromTheTarget(t *testing.T) {
	twelve := make([]float64, 12)
	for i := range twelve {
		twelve[i] = float64(i)
	}
	for _, c := range []struct {
		name   string
		column table.Column
		task   prep.Task
		why    string
	}{
		{"text", table.Categories("y", []string{"a", "b"}), prep.Classification, "text"},
		{"text that all differs", table.Categories("y", []string{"a", "b", "c"}), prep.Classification, "text"},
		{"boolean", table.Booleans("y", []bool{true, false}), prep.Classification, "true or false"},
		{"0 and 1", table.Numbers("y", []float64{0, 1}), prep.Classification, "only 2 different integers"},
		{"two large integers", table.Numbers("y", []float64{-5, 1e300}), prep.Classification, "only 2 different integers"},
		{"−0 and 0", table.Numbers("y", []float64{0, math.Copysign(0, -1)}), prep.Classification, "only 1 different"},
		{"a fraction", table.Numbers("y", []float64{0, 1, 0.5}), prep.Regression, "fractions"},
		{"fractions after many integers", table.Numbers("y", append(cycle(99, 0, 1), 0.5)), prep.Regression, "fractions"},
		{"12 integers, 5 rows each", table.Numbers("y", cycle(60, twelve...)), prep.Classification, "only 12 different integers"},
		{"12 integers, a row less", table.Numbers("y", cycle(59, twelve...)), prep.Regression, "12 different integers in 59 rows, too few"},
		{"13 integers", table.Numbers("y", cycle(1300, append(twelve, 12)...)), prep.Regression, "more than 12 different integers"},
		{"missing values count for nothing", table.Numbers("y", []float64{nan, 0, nan, 1}), prep.Classification, "only 2 different"},
		{"all missing", table.Numbers("y", []float64{nan}), prep.Classification, "only 0 different"},
	} {
		task, why := prep.TaskOf(&c.column)
		if task != c.task || !strings.Contains(why, c.why) {
			t.Errorf("%s: a %s: %s; want a %s with %q", c.name, task, why, c.task, c.why)
		}
	}
}

func TestClassesAreInOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		column  table.Column
		classes []string
		of      []int
	}{
		{"texts by their bytes", table.Categories("y", []string{"b", "B", "é", "a", ""}), []string{"B", "a", "b", "é"}, []int{2, 0, 3, 1, -1}},
		{"numbers by size", table.Numbers("y", []float64{10, 9, -1, nan, 10}), []string{"-1", "9", "10"}, []int{2, 1, 0, -1, 2}},
		{"fractions", table.Numbers("y", []float64{0.5, 1e-7, 1e21, 0.5, nan}), []string{"0.0000001", "0.5", "1000000000000000000000"}, []int{1, 0, 2, 1, -1}},
		{"−0 is 0", table.Numbers("y", []float64{math.Copysign(0, -1), 1, 0, 1, nan}), []string{"0", "1"}, []int{0, 1, 0, 1, -1}},
		{"booleans", table.Booleans("y", []bool{true, false, true, true, false}), []string{"false", "true"}, []int{1, 0, 1, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Each of them often enough.
			all := slices.Concat(rows(5), rows(5), rows(5), rows(5))
			target, err := prep.FitClasses(&c.column, all)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.classes, target.Classes); diff != "" {
				t.Errorf("classes differ (-want +got):\n%s", diff)
			}
			if got := target.ClassesOf(&c.column, rows(5)); !slices.Equal(got, c.of) {
				t.Errorf("the rows' classes are %v, want %v", got, c.of)
			}
			for k, label := range c.classes {
				if got := target.ClassOf(label); got != k {
					t.Errorf("ClassOf(%q) = %d, want %d", label, got, k)
				}
			}
			if got := target.ClassOf("unheard of"); got != -1 {
				t.Errorf("an unknown label is of class %d, want −1", got)
			}
			if err := target.Check(prep.Classification); err != nil {
				t.Error(err)
			}
		})
	}
}

// Labels of a new table need not be of the training table's kind.
func TestClassesOfAnotherTable(t *testing.T) {
	y := table.Numbers("y", []float64{0, 1, 2, 0, 1, 2})
	target, err := prep.FitClasses(&y, rows(6))
	if err != nil {
		t.Fatal(err)
	}
	text := table.Categories("y", []string{"2", "0", "3", "two"})
	if got, want := target.ClassesOf(&text, rows(4)), []int{2, 0, -1, -1}; !slices.Equal(got, want) {
		t.Errorf("classes %v, want %v", got, want)
	}
}

func TestFitClassesRefuses(t *testing.T) {
	many := make([]string, 10_001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, c := range []struct {
		column table.Column
		want   string
	}{
		{table.Numbers("y", []float64{nan, nan}), `prep: target "y": every value is missing`},
		{table.Categories("y", []string{"", ""}), `every value is missing`},
		{table.Categories("y", []string{"a", "a", ""}), `every row is "a"; there must be two classes at least`},
		{table.Categories("y", []string{"a", "b", "c", "a"}), `3 different values in 4 rows can't be learnt as classes, as no two rows would share one; --target names another column`},
		{table.Numbers("y", []float64{1, 2, 3}), `--task regression takes it as a number`},
		{table.Categories("y", slices.Repeat(many, 2)), `10001 classes; the limit is 10000`},
		{table.Categories("y", []string{"a", "\xff", "a", "\xff"}), `the text "\xff" is not UTF-8`},
	} {
		_, err := prep.FitClasses(&c.column, rows(c.column.Len()))
		wantError(t, err, c.want)
	}
}

func TestATargetIsStandardisedOnTheTrainingRows(t *testing.T) {
	y := table.Numbers("y", []float64{1, 3, 100, nan, 5})
	for _, c := range []struct {
		scale prep.Scale
		want  prep.Target
	}{
		{prep.Standardise, prep.Target{Name: "y", Mean: 3, SD: math.Sqrt(8.0 / 3)}},
		{prep.ShareOfMean, prep.Target{Name: "y", SD: 3}},
		{prep.OwnUnits, prep.Target{Name: "y", SD: 1}},
	} {
		got, err := prep.FitNumbers(&y, []int{0, 1, 3, 4}, c.scale)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("scale %d: targets differ (-want +got):\n%s", c.scale, diff)
		}
		if err := got.Check(prep.Regression); err != nil {
			t.Error(err)
		}
	}
}

func TestFitNumbersRefuses(t *testing.T) {
	for _, c := range []struct {
		column table.Column
		scale  prep.Scale
		want   string
	}{
		{table.Categories("y", []string{"a", "b"}), prep.Standardise, `prep: target "y": a regression needs numbers, this column has text ("a")`},
		{table.Numbers("y", []float64{nan}), prep.Standardise, `every value is missing`},
		{table.Numbers("y", cycle(100, 0.1)), prep.OwnUnits, `every value is 0.1; there is nothing to learn`},
		{table.Numbers("y", []float64{-1, 1}), prep.ShareOfMean, `its mean is 0; counts need one above 0`},
		{table.Numbers("y", []float64{1, 1e300}), prep.Standardise, `its values, 1 to 1e+300, pass what float32 holds`},
		{table.Numbers("y", []float64{1e-300, 3e-300}), prep.Standardise, `its values differ by less (1e-300) than float32 holds`},
	} {
		_, err := prep.FitNumbers(&c.column, rows(c.column.Len()), c.scale)
		wantError(t, err, c.want)
	}
}

func TestAValueComesBackInItsUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 2, 30).Draw(t, "y")
		y := table.Numbers("y", x)
		scale := rapid.SampledFrom([]prep.Scale{prep.Standardise, prep.ShareOfMean, prep.OwnUnits}).Draw(t, "scale")
		target, err := prep.FitNumbers(&y, rows(len(x)), scale)
		if err != nil {
			return
		}
		for _, v := range x {
			size := max(math.Abs(v), math.Abs(target.Mean))
			if back := target.Value(target.Standardise(v)); math.Abs(back-v) > 4e-15*size+1e-290 {
				t.Fatalf("%v comes back as %v (mean %v, SD %v)", v, back, target.Mean, target.SD)
			}
		}
	})
}

func TestTargetsAreReadFromJSONAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := prep.Target{
			Name:    rapid.String().Draw(t, "name"),
			Kind:    rapid.SampledFrom([]table.Kind{table.Number, table.Category, table.Boolean}).Draw(t, "kind"),
			Classes: rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "classes"),
			Mean:    rapid.Float64().Draw(t, "mean"),
			SD:      rapid.Float64().Draw(t, "sd"),
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got prep.Target
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("targets differ (-written +read):\n%s", diff)
		}
	})
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		kind table.Kind
		x    float64
		want string
	}{
		{table.Number, 3, "3"},
		{table.Number, 0.5, "0.5"},
		{table.Number, -0.1, "-0.1"},
		{table.Number, 1e6, "1000000"},
		{table.Number, math.Copysign(0, -1), "0"},
		{table.Boolean, 1, "true"},
		{table.Boolean, 0, "false"},
	} {
		if got := prep.Text(c.kind, c.x); got != c.want {
			t.Errorf("Text(%v, %v) = %q, want %q", c.kind, c.x, got, c.want)
		}
	}
}
