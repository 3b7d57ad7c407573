package explain

import (
	"fmt"
	"io"
	"math"

	"github.com/shoal-nn/shoal/nn"
)

// ActivationTable is activations side by side.
type ActivationTable struct {
	Z           []float64          `json:"z"`
	Activations []ActivationValues `json:"activations"`
}

// ActivationValues is what there is to know of an activation.
type ActivationValues struct {
	Name       string    `json:"name"`
	Formula    string    `json:"formula"`
	Derivative string    `json:"derivative"`
	Range      string    `json:"range"`
	Use        string    `json:"use"`
	Alpha      float64   `json:"alpha,omitempty"`
	A          []float64 `json:"a"`       // g(z) at the table's Z
	Slope      []float64 `json:"a_prime"` // g′(z) there

	of nn.Activation
}

// Activations tells of some activations, or of all that act element by
// element: the notes' four come first. Notes, part 1.
func Activations(some ...nn.Activation) (*ActivationTable, error) {
	if len(some) == 0 {
		some = nn.Activations()
	}
	t := &ActivationTable{}
	for z := -2.0; z <= 2; z += 0.5 {
		t.Z = append(t.Z, z)
	}
	for _, g := range some {
		if err := elementwise(g); err != nil {
			return nil, err
		}
		v := ActivationValues{Name: g.String(), Formula: g.Formula, Derivative: g.Derivative, Range: g.Range, Use: g.Use, of: g}
		if usesAlpha(g) {
			v.Alpha = g.Alpha
		}
		for _, z := range t.Z {
			v.A = append(v.A, value(g, z))
			v.Slope = append(v.Slope, slope(g, z))
		}
		t.Activations = append(t.Activations, v)
	}
	return t, nil
}

func elementwise(g nn.Activation) error {
	if g.Name == nn.Softmax.Name || g.Name == "" {
		return fmt.Errorf("explain: activation %q has no curve: it takes the outputs of an example together; those with one act on each number alone", g.Name)
	}
	return nil
}

// usesAlpha says whether g depends on α.
func usesAlpha(g nn.Activation) bool {
	other := g
	other.Alpha = g.Alpha + 1
	return value(g, -1) != value(other, -1)
}

// value is g(z).
func value(g nn.Activation, z float64) float64 {
	a := []float64{0}
	nn.Forward(g, a, []float64{z})
	return a[0]
}

// slope is g′(z), as the engine has it.
func slope(g nn.Activation, z float64) float64 {
	dz := []float64{1}
	nn.Backward(g, dz, []float64{z}, []float64{value(g, z)})
	return dz[0]
}

// kink returns the slopes on both sides of z, and whether they differ.
func kink(g nn.Activation, z float64) (left, right float64, kinked bool) {
	const h = 1.0 / (1 << 20)
	here := value(g, z)
	left = (here - value(g, z-h)) / h
	right = (value(g, z+h) - here) / h
	return left, right, math.Abs(right-left) > 1e-3
}

// WriteText writes the table, what each activation is for, and the curves of a
// and a′.
func (t *ActivationTable) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	for _, part := range []struct {
		title  string
		values func(*ActivationValues) []float64
	}{
		{"a = g(z)", func(v *ActivationValues) []float64 { return v.A }},
		{"a′ = g′(z)", func(v *ActivationValues) []float64 { return v.Slope }},
	} {
		p.title("%s", part.title)
		rows := [][]string{{"z"}}
		for _, z := range t.Z {
			rows[0] = append(rows[0], short(z))
		}
		for i := range t.Activations {
			v := &t.Activations[i]
			row := []string{v.Name}
			for _, x := range part.values(v) {
				row = append(row, fmt.Sprintf("%.3f", x))
			}
			rows = append(rows, row)
		}
		p.table(0, rows)
	}
	p.title("What each is, and when to use it")
	for i := range t.Activations {
		t.Activations[i].describe(p)
	}
	p.title("Curves, z from %g to %g", -curveEnd, curveEnd)
	for i := range t.Activations {
		t.Activations[i].draw(p)
	}
	return p.to(w)
}

func (v *ActivationValues) describe(p *page) {
	p.line("%s", v.Name)
	with := ""
	if v.Alpha != 0 {
		with = fmt.Sprintf(", α = %g", v.Alpha)
	}
	p.line("    a  = %s%s", v.Formula, with)
	p.line("    a′ = %s", v.Derivative)
	p.hanging("    in  ", v.Range)
	p.hanging("    for ", v.Use)
}

// curveEnd is where the curves begin and end, and what of them is drawn.
const curveEnd = 4.0

// draw draws a and a′ beside each other.
func (v *ActivationValues) draw(p *page) {
	const rows = 8
	cols := min(40, (p.width-16)/2)
	a, aLabel := v.plot(value, cols, rows)
	slopes, slopeLabel := v.plot(slope, cols, rows)
	p.line("%s", pad("      "+v.Name+": a", cols+9)+"       a′")
	for i := range a {
		p.line("%s", padLeft(aLabel[i], 5)+" "+pad(a[i], cols)+"  "+padLeft(slopeLabel[i], 5)+" "+slopes[i])
	}
	p.line("")
}

// plot draws g or g′, with the highest and the lowest value and 0 for labels.
func (v *ActivationValues) plot(f func(nn.Activation, float64) float64, cols, rows int) (lines, labels []string) {
	at := func(z float64) float64 { return f(v.of, z) }
	low, high := math.Inf(1), math.Inf(-1)
	for z := -curveEnd; z <= curveEnd; z += 1.0 / 16 {
		low, high = min(low, at(z)), max(high, at(z))
	}
	low, high = max(min(low, 0), -curveEnd), min(max(high, 1), curveEnd)
	labels = make([]string, rows)
	labels[0], labels[rows-1] = axis(high), axis(low)
	if zero := int(math.Floor(float64(high/(high-low)*float64(4*rows-1))+0.5)) / 4; labels[zero] == "" {
		labels[zero] = "0"
	}
	return curve(at, -curveEnd, curveEnd, low, high, cols, rows), labels
}

// axis writes a label in at most five characters.
func axis(x float64) string {
	if x == math.Trunc(x) {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// DerivativeTable compares derivatives with central differences.
type DerivativeTable struct {
	Z           []float64         `json:"z"`
	H           float64           `json:"h"` // (g(z+h) − g(z−h)) / 2h
	Activations []DerivativeCheck `json:"activations"`
}

// DerivativeCheck is one activation's derivative, as its formula has it and as
// measured.
type DerivativeCheck struct {
	Name       string    `json:"name"`
	Derivative string    `json:"derivative"`
	Formula    []float64 `json:"formula"`
	Difference []float64 `json:"difference"`
	Worst      float64   `json:"worst"` // the largest distance, kinks left out
	Kinks      []Bend    `json:"kinks,omitempty"`
	OK         bool      `json:"ok"`
}

// Bend is a z where the slopes on both sides differ: there is no derivative
// there, and a convention in its place.
type Bend struct {
	Z          float64 `json:"z"`
	Left       float64 `json:"left"`
	Right      float64 `json:"right"`
	Convention float64 `json:"convention"` // what the formula gives
}

// derivativesWithin is how near a formula must be to its central difference:
// the difference is good to h²/6 of a third derivative, and to the rounding of
// g over h.
const derivativesWithin = 1e-8

// Derivatives compares each derivative with a central difference. Notes, part 3.
func Derivatives(some ...nn.Activation) (*DerivativeTable, error) {
	if len(some) == 0 {
		some = nn.Activations()
	}
	t := &DerivativeTable{Z: []float64{-2, -1, -0.5, 0, 0.5, 1, 2}, H: 1.0 / (1 << 16)}
	for _, g := range some {
		if err := elementwise(g); err != nil {
			return nil, err
		}
		c := DerivativeCheck{Name: g.String(), Derivative: g.Derivative, OK: true}
		for _, z := range t.Z {
			formula := slope(g, z)
			difference := (value(g, z+t.H) - value(g, z-t.H)) / (2 * t.H)
			c.Formula = append(c.Formula, formula)
			c.Difference = append(c.Difference, difference)
			if left, right, kinked := kink(g, z); kinked {
				c.Kinks = append(c.Kinks, Bend{z, left, right, formula})
			} else {
				apart := math.Abs(formula - difference)
				c.Worst = max(c.Worst, apart)
				// Where g″ jumps, as ELU's does at 0, a difference is good to h only.
				jump := math.Abs(slope(g, z+t.H) - 2*formula + slope(g, z-t.H))
				c.OK = c.OK && apart <= derivativesWithin+jump/2
			}
		}
		t.Activations = append(t.Activations, c)
	}
	return t, nil
}

// OK says whether every derivative is right.
func (t *DerivativeTable) OK() bool {
	for _, c := range t.Activations {
		if !c.OK {
			return false
		}
	}
	return true
}

// WriteText writes the comparison.
func (t *DerivativeTable) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	p.title("Derivatives against central differences")
	p.paragraph(0, fmt.Sprintf("difference: (g(z + h) − g(z − h)) / 2h with h = %s. The two should agree to about eight digits.", small(t.H)))
	for _, c := range t.Activations {
		p.line("")
		p.line("%s: g′ = %s", c.Name, c.Derivative)
		head, formula, difference, apart := []string{"z"}, []string{"formula"}, []string{"difference"}, []string{"apart"}
		for i, z := range t.Z {
			head = append(head, short(z))
			formula = append(formula, fmt.Sprintf("%.5f", c.Formula[i]))
			difference = append(difference, fmt.Sprintf("%.5f", c.Difference[i]))
			far := small(math.Abs(c.Formula[i] - c.Difference[i]))
			for _, k := range c.Kinks {
				if k.Z == z {
					far = "kink"
				}
			}
			apart = append(apart, far)
		}
		p.table(2, [][]string{head, formula, difference, apart})
		for _, k := range c.Kinks {
			p.hanging("  kink at "+short(k.Z)+": ", fmt.Sprintf(
				"the slope is %s on the left and %s on the right, so there is no derivative; by convention g′(%s) = %s, one of the two, and training works with either.",
				short(k.Left), short(k.Right), short(k.Z), short(k.Convention)))
		}
		if !c.OK {
			p.line("  WRONG: up to %s apart", small(c.Worst))
		}
	}
	return p.to(w)
}
