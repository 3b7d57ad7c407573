package prep

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/shoal-nn/shoal/table"
)

// Check says what is wrong with features that someone else describes, such as
// a file, or nil: applied, they would give a NaN, or miss a level that is there.
func (f *Features) Check() error {
	if len(f.Columns) == 0 {
		return errors.New("prep: no column")
	}
	width := 0
	seen := make(map[string]bool, len(f.Columns))
	for i := range f.Columns {
		c := &f.Columns[i]
		if seen[c.Name] {
			return fmt.Errorf("prep: two columns are called %q", c.Name)
		}
		seen[c.Name] = true
		if err := c.check(); err != nil {
			return fmt.Errorf("prep: column %q: %w", c.Name, err)
		}
		if width += c.Width(); width > MaxFeatures {
			return fmt.Errorf("prep: more than %d features", MaxFeatures)
		}
	}
	return nil
}

func (c *Column) check() error {
	if c.Name == "" {
		return errors.New("it has no name")
	}
	if err := c.checkText(); err != nil {
		return err
	}
	switch c.Kind {
	case table.Category:
		if len(c.Levels) == 0 {
			return errors.New("a category without levels")
		}
		for i, l := range c.Levels {
			if l == "" {
				return errors.New("a level is empty, which stands for missing")
			}
			if i > 0 && l <= c.Levels[i-1] {
				return fmt.Errorf("level %q stands after %q; levels differ and are sorted by their bytes", l, c.Levels[i-1])
			}
		}
		return nil
	case table.Number, table.Boolean:
	default:
		return fmt.Errorf("its kind is %v", c.Kind)
	}
	switch {
	case !finite(c.Shift) || !finite(float64(c.Fill)) || !finite(float64(c.Mean)):
		return fmt.Errorf("shift %v, fill %v and mean %v must be finite", c.Shift, c.Fill, c.Mean)
	case !(c.SD > 0) || !finite(float64(c.SD)):
		return fmt.Errorf("its standard deviation is %v; it must be finite and above 0", c.SD)
	case !(c.Low <= c.High) || !finite(float64(c.Low)) || !finite(float64(c.High)):
		return fmt.Errorf("it is held between %v and %v; these must be finite and in order", c.Low, c.High)
	case len(c.Levels) > 0:
		return fmt.Errorf("a %v with levels", c.Kind)
	}
	return nil
}

// checkText says whether a description of the column can be written and read:
// JSON is UTF-8, and would change other bytes without a word.
func (c *Column) checkText() error {
	if err := checkUTF8(c.Name); err != nil {
		return err
	}
	for _, l := range c.Levels {
		if err := checkUTF8(l); err != nil {
			return err
		}
	}
	return nil
}

// Check says what is wrong with a target that someone else describes, such as a
// file, or nil.
func (t *Target) Check(task Task) error {
	switch {
	case t.Name == "":
		return errors.New("prep: a target without a name")
	case t.Kind > table.Boolean:
		return fmt.Errorf("prep: target %q: its kind is %v", t.Name, t.Kind)
	case task == Regression && (t.Kind == table.Category || len(t.Classes) > 0):
		return fmt.Errorf("prep: target %q: a regression's answer is a number, not a class or a text", t.Name)
	case !finite(t.Mean) || !finite(t.SD) || !(t.SD > 0):
		return fmt.Errorf("prep: target %q: mean %v and standard deviation %v must be finite, and the second above 0", t.Name, t.Mean, t.SD)
	case task == Regression:
		return t.checkText()
	case len(t.Classes) < 2 || len(t.Classes) > MaxClasses:
		return fmt.Errorf("prep: target %q: %d classes; there are 2 to %d", t.Name, len(t.Classes), MaxClasses)
	}
	seen := make(map[string]bool, len(t.Classes))
	for _, label := range t.Classes {
		if label == "" || seen[label] {
			return fmt.Errorf("prep: target %q: the class %q is empty or stands twice", t.Name, label)
		}
		seen[label] = true
	}
	return t.checkText()
}

// checkText says whether the target can be written as JSON and read again.
func (t *Target) checkText() error {
	for _, text := range append([]string{t.Name}, t.Classes...) {
		if err := checkUTF8(text); err != nil {
			return fmt.Errorf("prep: target %q: %w", t.Name, err)
		}
	}
	return nil
}

func checkUTF8(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("the text %q is not UTF-8; it must be, as a model is kept as JSON", text)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
