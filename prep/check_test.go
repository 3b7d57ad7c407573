package prep_test

import (
	"math"
	"testing"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// A file may say anything.
func TestFeaturesThatCannotBe(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	number := func(change func(c *prep.Column)) []prep.Column {
		c := prep.Column{Name: "x", SD: 1, Low: -1, High: 1}
		change(&c)
		return []prep.Column{c}
	}
	category := func(levels ...string) []prep.Column {
		return []prep.Column{{Name: "x", Kind: table.Category, Levels: levels}}
	}
	for _, c := range []struct {
		name    string
		columns []prep.Column
		want    string // "" is right
	}{
		{"a number", number(func(*prep.Column) {}), ""},
		{"a category", category("a", "b"), ""},
		{"nothing", nil, "no column"},
		{"no name", []prep.Column{{SD: 1}}, `column "": it has no name`},
		{"one name twice", append(category("a"), category("b")...), `two columns are called "x"`},
		{"an unknown kind", number(func(c *prep.Column) { c.Kind = 9 }), "its kind is Kind(9)"},
		{"shift NaN", number(func(c *prep.Column) { c.Shift = math.NaN() }), "shift NaN"},
		{"fill NaN", number(func(c *prep.Column) { c.Fill = nan }), "fill NaN"},
		{"mean infinite", number(func(c *prep.Column) { c.Mean = inf }), "mean +Inf"},
		{"standard deviation 0", number(func(c *prep.Column) { c.SD = 0 }), "its standard deviation is 0"},
		{"standard deviation below 0", number(func(c *prep.Column) { c.SD = -1 }), "its standard deviation is -1"},
		{"standard deviation NaN", number(func(c *prep.Column) { c.SD = nan }), "its standard deviation is NaN"},
		{"standard deviation infinite", number(func(c *prep.Column) { c.SD = inf }), "its standard deviation is +Inf"},
		{"bounds in the wrong order", number(func(c *prep.Column) { c.Low = 2 }), "held between 2 and 1"},
		{"a bound NaN", number(func(c *prep.Column) { c.High = nan }), "held between -1 and NaN"},
		{"a bound infinite", number(func(c *prep.Column) { c.High = inf }), "held between -1 and +Inf"},
		{"a number with levels", number(func(c *prep.Column) { c.Levels = []string{"a"} }), "a number with levels"},
		{"no level", category(), "a category without levels"},
		{"levels not sorted", category("b", "a"), `level "a" stands after "b"`},
		{"one level twice", category("a", "a"), `level "a" stands after "a"`},
		{"an empty level", category("", "a"), "a level is empty"},
		{"a level that is no text", category("a\xff"), "is not UTF-8"},
		{"too many features", category(manyLevels(prep.MaxFeatures + 1)...), "more than 1048576 features"},
	} {
		err := (&prep.Features{Columns: c.columns}).Check()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.want) })
	}
}

// manyLevels returns n different texts in order.
func manyLevels(n int) []string {
	levels := make([]string, n)
	for i := range levels {
		levels[i] = string([]byte{'a' + byte(i>>20&15), 'a' + byte(i>>16&15), 'a' + byte(i>>12&15), 'a' + byte(i>>8&15), 'a' + byte(i>>4&15), 'a' + byte(i&15)})
	}
	return levels
}

func TestTargetsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name   string
		target prep.Target
		task   prep.Task
		want   string // "" is right
	}{
		{"a regression", prep.Target{Name: "y", SD: 1}, prep.Regression, ""},
		{"a classification", prep.Target{Name: "y", SD: 1, Classes: []string{"b", "a"}}, prep.Classification, ""},
		{"no name", prep.Target{SD: 1}, prep.Regression, "a target without a name"},
		{"an unknown kind", prep.Target{Name: "y", Kind: 7, SD: 1}, prep.Regression, "its kind is Kind(7)"},
		{"standard deviation 0", prep.Target{Name: "y"}, prep.Regression, "standard deviation 0"},
		{"standard deviation NaN", prep.Target{Name: "y", SD: math.NaN()}, prep.Regression, "standard deviation NaN"},
		{"mean infinite", prep.Target{Name: "y", SD: 1, Mean: math.Inf(1)}, prep.Regression, "mean +Inf"},
		{"a regression of text", prep.Target{Name: "y", SD: 1, Kind: table.Category}, prep.Regression, "not a class or a text"},
		{"a regression with classes", prep.Target{Name: "y", SD: 1, Classes: []string{"a", "b"}}, prep.Regression, "not a class or a text"},
		{"one class", prep.Target{Name: "y", SD: 1, Classes: []string{"a"}}, prep.Classification, "1 classes"},
		{"one class twice", prep.Target{Name: "y", SD: 1, Classes: []string{"a", "a"}}, prep.Classification, `the class "a" is empty or stands twice`},
		{"an empty class", prep.Target{Name: "y", SD: 1, Classes: []string{"a", ""}}, prep.Classification, `the class "" is empty`},
		{"too many classes", prep.Target{Name: "y", SD: 1, Classes: manyLevels(prep.MaxClasses + 1)}, prep.Classification, "10001 classes"},
		{"a name that is no text", prep.Target{Name: "y\xff", SD: 1}, prep.Regression, "is not UTF-8"},
	} {
		err := c.target.Check(c.task)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.want) })
	}
}
