package prep

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/table"
)

// Task is what a model answers: one of a few classes, or numbers.
type Task string

// The tasks.
const (
	Classification Task = "classification"
	Regression     Task = "regression"
)

// Limits of a classification.
const (
	MaxClasses   = 10_000
	fewIntegers  = 12 // a number column of at most so many different integers is a classification
	rowsPerClass = 5  // and of at least so many rows for each
)

// Target is a column that the model answers.
type Target struct {
	Name string     `json:"name"`
	Kind table.Kind `json:"kind"`

	// Of a classification: the labels in order. Two: the output is the second
	// one's probability.
	Classes []string `json:"classes,omitempty"`

	// Of a regression: y = (value − Mean) / SD is what the network learns. Counts
	// are learnt as shares of their mean: Mean is 0 and SD that mean.
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// TaskOf decides from the target column what is asked, and says why.
func TaskOf(c *table.Column) (task Task, why string) {
	switch c.Kind {
	case table.Category:
		return Classification, "the target is text"
	case table.Boolean:
		return Classification, "the target is true or false"
	}
	different := map[float64]bool{}
	n := 0
	for _, x := range c.Numbers {
		if math.IsNaN(x) {
			continue
		}
		n++
		if x != math.Trunc(x) {
			return Regression, "the target has numbers with fractions"
		}
		if different[x] = true; len(different) > fewIntegers {
			return Regression, fmt.Sprintf("the target has more than %d different integers", fewIntegers)
		}
	}
	if k := len(different); k > 2 && n < rowsPerClass*k {
		return Regression, fmt.Sprintf("the target has %d different integers in %d rows, too few of each to be classes", k, n)
	}
	return Classification, fmt.Sprintf("the target has only %d different integers", len(different))
}

// FitClasses finds the classes of a target among the rows: numbers in
// numerical order, texts in that of their bytes.
func FitClasses(c *table.Column, rows []int) (*Target, error) {
	t := &Target{Name: c.Name, Kind: c.Kind, SD: 1}
	if c.Kind == table.Category {
		seen := make([]bool, len(c.Levels))
		for _, r := range rows {
			if k := c.Codes[r]; k >= 0 {
				seen[k] = true
			}
		}
		for k, s := range seen {
			if s {
				t.Classes = append(t.Classes, c.Levels[k])
			}
		}
		slices.Sort(t.Classes)
	} else {
		var values []float64
		seen := map[float64]bool{}
		for _, r := range rows {
			if x := c.Numbers[r]; !math.IsNaN(x) && !seen[x] {
				seen[x] = true
				values = append(values, x)
			}
		}
		slices.Sort(values)
		for _, x := range values {
			t.Classes = append(t.Classes, Text(c.Kind, x))
		}
	}
	if err := t.checkText(); err != nil {
		return nil, err
	}
	switch k := len(t.Classes); {
	case k == 0:
		return nil, fmt.Errorf("prep: target %q: every value is missing", c.Name)
	case k == 1:
		return nil, fmt.Errorf("prep: target %q: every row is %q; there must be two classes at least", c.Name, t.Classes[0])
	case k > MaxClasses:
		return nil, fmt.Errorf("prep: target %q: %d classes; the limit is %d", c.Name, k, MaxClasses)
	case k > 2 && 2*k > len(rows):
		return nil, fmt.Errorf("prep: target %q: %d different values in %d rows can't be learnt as classes, as no two rows would share one%s", c.Name, k, len(rows), regressionHint(c))
	}
	return t, nil
}

func regressionHint(c *table.Column) string {
	if c.Kind == table.Number {
		return "; --task regression takes it as a number"
	}
	return "; --target names another column"
}

// Scale says how a number is brought to the network's scale.
type Scale uint8

// The scales.
const (
	Standardise Scale = iota // mean 0, standard deviation 1
	ShareOfMean              // counts: mean 1, 0 stays 0
	OwnUnits                 // as it is
)

// FitNumbers measures a target on the rows.
func FitNumbers(c *table.Column, rows []int, scale Scale) (*Target, error) {
	if c.Kind == table.Category {
		return nil, fmt.Errorf("prep: target %q: a regression needs numbers, this column has text (%q)", c.Name, firstText(c))
	}
	t := &Target{Name: c.Name, Kind: c.Kind, SD: 1}
	if err := t.checkText(); err != nil {
		return nil, err
	}
	var x []float64
	for _, r := range rows {
		if v := c.Numbers[r]; !math.IsNaN(v) {
			x = append(x, v)
		}
	}
	if len(x) == 0 {
		return nil, fmt.Errorf("prep: target %q: every value is missing", c.Name)
	}
	mean, sd := Moments(x)
	low, high := extremes(x)
	switch {
	case sd == 0:
		return nil, fmt.Errorf("prep: target %q: every value is %v; there is nothing to learn", c.Name, x[0])
	case low < -math.MaxFloat32 || high > math.MaxFloat32:
		return nil, fmt.Errorf("prep: target %q: its values, %v to %v, pass what float32 holds (±3.4e+38), in which a model answers; a logarithm of them may serve", c.Name, low, high)
	case sd < leastNormal:
		return nil, fmt.Errorf("prep: target %q: its values differ by less (%.3g) than float32 holds (1.2e-38), in which a model answers; a multiple of them may serve", c.Name, sd)
	}
	switch scale {
	case Standardise:
		t.Mean, t.SD = mean, sd
	case ShareOfMean:
		if !(mean > 0) {
			return nil, fmt.Errorf("prep: target %q: its mean is %v; counts need one above 0", c.Name, mean)
		}
		t.SD = mean
	}
	return t, nil
}

// ClassesOf returns the class of each of the rows of a target column, −1 for a
// row without a value or with one that the target doesn't know.
func (t *Target) ClassesOf(c *table.Column, rows []int) []int {
	number := make(map[string]int, len(t.Classes))
	for k, name := range t.Classes {
		number[name] = k
	}
	classes := make([]int, len(rows))
	for i, r := range rows {
		classes[i] = -1
		if !c.Missing(r) {
			if k, ok := number[label(c, r)]; ok {
				classes[i] = k
			}
		}
	}
	return classes
}

// ClassOf returns the place of a label among the classes, or −1.
func (t *Target) ClassOf(label string) int { return slices.Index(t.Classes, label) }

func label(c *table.Column, i int) string {
	if c.Kind == table.Category {
		return c.Levels[c.Codes[i]]
	}
	return Text(c.Kind, c.Numbers[i])
}

// Standardise returns what the network learns for a value.
func (t *Target) Standardise(v float64) float64 { return (v - t.Mean) / t.SD }

// Value returns an output of the network in the target's units.
func (t *Target) Value(y float64) float64 { return float64(y*t.SD) + t.Mean }

// Wide says that float32 can't tell the target's values apart: a time in
// nanoseconds, say.
func (t *Target) Wide() bool { return math.Abs(t.Mean) > 100*t.SD }

// Text writes a number or boolean as a label: 3, 0.5, true. −0 is 0.
func Text(k table.Kind, x float64) string {
	switch {
	case k == table.Boolean:
		return strconv.FormatBool(x != 0)
	case x == 0:
		return "0"
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
