package explain

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/shoal-nn/shoal/nn"
)

// GradCheckOptions say what is checked. The zero value checks the engine.
type GradCheckOptions struct {
	Mistake   *Mistake   // to be planted in the backward pass
	Gradients []Gradient // somebody's own, a layer each, in place of the engine's
}

// GradCheck is a gradient beside the central differences of the cost.
type GradCheck struct {
	Example   *Example  `json:"-"`
	Name      string    `json:"name"`
	Network   string    `json:"network"`
	Loss      string    `json:"loss"`
	Examples  int       `json:"m"`
	Of        string    `json:"of"` // whose gradient: the engine's, a planted mistake, yours
	Tolerance float64   `json:"tolerance"`
	Checked   int       `json:"checked"` // numbers
	Tensors   []Check   `json:"tensors"` // dW and db, from the output backwards
	Kinks     []Kink    `json:"kinks,omitempty"`
	OK        bool      `json:"ok"`
	Looks     []Suspect `json:"suspects,omitempty"` // what would give these numbers, if they are wrong
	Note      string    `json:"note,omitempty"`
}

// Suspect is an equation that looks wrong.
type Suspect struct {
	Equation string `json:"equation"` // as it should be
	Wrong    string `json:"wrong"`    // what was done, it seems
	Layer    int    `json:"layer"`    // from 1; 0: in every layer
}

func (s Suspect) String() string {
	where := ""
	if s.Layer > 0 {
		where = fmt.Sprintf(" in layer %d", s.Layer)
	}
	return s.Equation + where + " looks wrong: " + s.Wrong
}

// GradCheck compares every parameter's gradient with a central difference of
// the cost in float64, tensor by tensor. Where the cost has a corner, as at
// z = 0 of a ReLU, there is nothing to compare: the kink is reported with the
// slopes on both sides. A gradient that is wrong is compared with what known
// mistakes would make of it.
func (e *Example) GradCheck(o GradCheckOptions) (*GradCheck, error) {
	s, err := e.Step()
	if err != nil {
		return nil, err
	}
	c := &GradCheck{
		Example: e, Name: e.Name, Network: network(e.Net), Loss: e.Loss.String(), Examples: e.X.Cols,
		Of: "the engine's gradient", Tolerance: Tolerance,
	}
	g := make([]Gradient, len(e.Net.Layers))
	for l := range g {
		g[l] = Gradient{s.DW[l], s.DB[l]}
	}
	switch {
	case o.Mistake != nil && o.Gradients != nil:
		return nil, errors.New("explain: a mistake can't be planted in gradients that are given")
	case o.Mistake != nil:
		c.Of = "a backward pass with a mistake planted: " + o.Mistake.Wrong
		if err := e.canPlant(o.Mistake); err != nil {
			return nil, err
		}
		g = s.backward(o.Mistake, everywhere)
		if sameGradients(g, s.backward(nil, everywhere)) {
			c.Note = "the mistake changes nothing here, so nothing can find it"
		}
	case o.Gradients != nil:
		c.Of = "the gradients given"
		if err := e.checkGradients(o.Gradients); err != nil {
			return nil, err
		}
		g = o.Gradients
	}
	p := newProbe(s)
	c.OK = true
	for l := len(g) - 1; l >= 0; l-- {
		for _, part := range []struct {
			compare func(int, Matrix) (Check, []Kink)
			formula Matrix
		}{{p.weights, g[l].DW}, {p.biases, g[l].DB}} {
			check, kinks := part.compare(l, part.formula)
			c.Tensors, c.Kinks = append(c.Tensors, check), append(c.Kinks, kinks...)
			c.Checked += len(part.formula.Data)
			c.OK = c.OK && check.OK
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	if !c.OK {
		c.Looks = s.suspects(g)
		if c.Looks == nil {
			c.Looks = c.ratios()
		}
	}
	return c, nil
}

// canPlant says why no layer can have the mistake.
func (e *Example) canPlant(m *Mistake) error {
	var why []string
	for l := range e.Net.Layers {
		reason := m.fits(e, l)
		if reason == "" {
			return nil
		}
		if !slices.Contains(why, reason) {
			why = append(why, reason)
		}
	}
	return fmt.Errorf("explain: the mistake %s can't be made in this network, %s: %s", m.Name, network(e.Net), strings.Join(why, "; "))
}

func (e *Example) checkGradients(g []Gradient) error {
	if len(g) != len(e.Net.Layers) {
		return fmt.Errorf("explain: %d gradients for %s", len(g), count(len(e.Net.Layers), "layer"))
	}
	for l := range g {
		w := e.Net.Layers[l].W
		for _, m := range []struct {
			name string
			got  Matrix
			want Matrix
		}{{"dW", g[l].DW, w}, {"db", g[l].DB, columnOf(e.Net.Layers[l].B)}} {
			if m.got.Rows != m.want.Rows || m.got.Cols != m.want.Cols || len(m.got.Data) != len(m.want.Data) {
				hint := ""
				if m.got.Rows == m.want.Cols && m.got.Cols == m.want.Rows {
					hint = "; its transpose would fit"
				}
				return fmt.Errorf("explain: %s%d is %s; it has the shape of its parameter, %s%s", m.name, l+1,
					shape(m.got.Rows, m.got.Cols), shape(m.want.Rows, m.want.Cols), hint)
			}
		}
	}
	return nil
}

// alike is how near a gradient must be to what a mistake makes, to be taken
// for it: float32 reaches that.
const alike = 1e-5

// suspects are the mistakes that give these numbers: in every layer that can
// have them, or in one. Nothing but the numbers is asked.
func (s *Step) suspects(g []Gradient) []Suspect {
	var found []Suspect
	try := func(m Mistake, at int) {
		if gradientsApart(g, s.backward(&m, at)) <= alike {
			found = append(found, Suspect{m.Equation, m.Wrong, at + 1})
		}
	}
	mistakes := slices.DeleteFunc(Mistakes(), func(m Mistake) bool { return m.Name == another(nn.Activation{}).Name })
	for _, other := range nn.Activations() {
		if other.Name != nn.Linear.Name { // that is g′ missing
			mistakes = append(mistakes, another(other))
		}
	}
	for _, m := range mistakes {
		var can []int
		for l := range s.Example.Net.Layers {
			if m.fits(s.Example, l) == "" {
				can = append(can, l)
			}
		}
		if len(can) > 1 {
			try(m, everywhere)
		}
		for _, l := range can {
			try(m, l)
		}
	}
	return found
}

// gradientsApart is the largest distance of a tensor of two gradients.
func gradientsApart(g, h []Gradient) float64 {
	worst := 0.0
	for l := range g {
		for _, pair := range [][2]Matrix{{g[l].DW, h[l].DW}, {g[l].DB, h[l].DB}} {
			var apart, a, b float64
			for i, x := range pair[0].Data {
				y := pair[1].Data[i]
				apart += (x - y) * (x - y)
				a, b = a+x*x, b+y*y
			}
			if apart > 0 {
				worst = max(worst, math.Sqrt(apart)/(math.Sqrt(a)+math.Sqrt(b)))
			}
			if math.IsNaN(apart) {
				return math.Inf(1)
			}
		}
	}
	return worst
}

func sameGradients(g, h []Gradient) bool { return gradientsApart(g, h) <= 1e-12 }

// ratios looks at the first wrong tensor, from the output backwards: is it a
// multiple of what it should be?
func (c *GradCheck) ratios() []Suspect {
	for i, t := range c.Tensors {
		if t.OK {
			continue
		}
		layer := len(c.Example.Net.Layers) - i/2
		what := Suspect{Equation: "dW = dZ·Aᵀ / m", Layer: layer}
		if strings.HasPrefix(t.Tensor, "db") {
			what.Equation = "db = Σ dZ / m"
		}
		what.Wrong = fmt.Sprintf("no known mistake gives these numbers. Going backwards, %s is the first that is wrong: it is there, or in dZ%d", t.Tensor, layer)
		if r, ok := ratio(t.formula, t.difference); ok {
			what.Wrong = fmt.Sprintf("going backwards, %s is the first that is wrong, and it is %s times what it should be", t.Tensor, short(r))
			if m := float64(c.Examples); m > 1 && math.Abs(r*m-1) < 1e-4 {
				what.Wrong += ", that is 1/m: it seems to be divided by m twice"
			} else if m > 1 && math.Abs(r/m-1) < 1e-4 {
				what.Wrong += ", that is m: the 1/m seems to be missing"
			}
		}
		return []Suspect{what}
	}
	return nil
}

// ratio is the constant by which g is a multiple of d, if it is.
func ratio(g, d Matrix) (float64, bool) {
	var gd, dd float64
	for i, x := range d.Data {
		gd += g.Data[i] * x
		dd += x * x
	}
	r := gd / dd
	if len(d.Data) < 2 || !(math.Abs(r) > 1e-9) || math.IsInf(r, 0) {
		return 0, false
	}
	var apart, size float64
	for i, x := range d.Data {
		apart += (g.Data[i] - r*x) * (g.Data[i] - r*x)
		size += g.Data[i] * g.Data[i]
	}
	return r, apart <= 1e-10*size
}

// Err is nil if the gradient is right, and else says which equation looks
// wrong.
func (c *GradCheck) Err() error {
	if c.OK {
		return nil
	}
	text := make([]string, 0, len(c.Looks))
	for _, s := range c.Looks {
		text = append(text, s.String())
	}
	return fmt.Errorf("explain: the gradient is wrong: %s", strings.Join(text, "; or "))
}

// mostKinks is how many kinks are written.
const mostKinks = 6

// WriteText writes the check, a line a tensor.
func (c *GradCheck) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	c.Example.head(p, "Gradient check")
	p.hanging("checked  ", c.Of)
	p.line("")
	p.paragraph(0, fmt.Sprintf("Each number g of the gradient is compared with g′ = (J(p + h) − J(p − h)) / 2h, in float64, with h = %s or less. They agree where ‖g − g′‖ / (‖g‖ + ‖g′‖) is at most %s.", small(step), small(Tolerance)))
	p.line("")
	cells := [][]string{{"tensor", "shape", "‖g−g′‖/(‖g‖+‖g′‖)", "largest |g−g′|", "kinks", ""}}
	for _, t := range c.Tensors {
		verdict := "right"
		if !t.OK {
			verdict = "WRONG"
		}
		cells = append(cells, []string{t.Tensor, shape(t.Rows, t.Cols), small(t.Distance), small(t.Worst), fmt.Sprint(t.Kinks), verdict})
	}
	p.tableOf(0, "ll", cells)
	for i, k := range c.Kinks {
		if i == 0 {
			p.title("Kinks: no derivative there, only a slope on each side")
		}
		if i == mostKinks {
			p.line("… and %d more (--json lists all)", len(c.Kinks)-mostKinks)
			break
		}
		p.hanging(fmt.Sprintf("%s[%d, %d]  ", k.Tensor, k.Row, k.Col),
			fmt.Sprintf("%s on the left, %s on the right; the formula gives %s: %s", number(k.Left), number(k.Right), number(k.Formula), k.Why))
	}
	p.line("")
	switch {
	case c.Note != "":
		p.paragraph(0, c.Note)
	case c.OK && len(c.Kinks) > 0:
		p.paragraph(0, fmt.Sprintf("Right: the other %d numbers of the gradient agree with their differences.", c.Checked-len(c.Kinks)))
	case c.OK:
		p.paragraph(0, fmt.Sprintf("Right: all %d numbers of the gradient agree with their differences.", c.Checked))
	default:
		p.writeWrong(c)
	}
	return p.to(w)
}

// writeWrong shows the first wrong tensor, and what looks wrong.
func (p *page) writeWrong(c *GradCheck) {
	for _, t := range c.Tensors {
		if !t.OK {
			p.line("The first that is wrong, from the output backwards: %s.", t.Tensor)
			p.matrix(2, t.Tensor, t.formula)
			p.matrix(2, "its differences", t.difference)
			break
		}
	}
	p.line("")
	for i, s := range c.Looks {
		mark := "WRONG: "
		if i > 0 {
			mark = "   or: "
		}
		p.hanging(mark, s.String())
	}
}
