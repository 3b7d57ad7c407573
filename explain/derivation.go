package explain

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/shoal-nn/shoal/nn"
)

// Derivation is the chain rule written out for one network, each line beside
// what central differences say of it.
type Derivation struct {
	Example *Example    `json:"-"`
	Name    string      `json:"name"`
	Network string      `json:"network"`
	Loss    string      `json:"loss"`
	Shapes  []ShapeLine `json:"shapes"`
	Lines   []Line      `json:"lines"` // from the output backwards
	OK      bool        `json:"ok"`    // every line holds
}

// ShapeLine is a line of the table of shapes.
type ShapeLine struct {
	Tensor  string `json:"tensor"`
	Rows    int    `json:"rows"`
	Cols    int    `json:"cols"`
	Formula string `json:"formula"`
	Shapes  string `json:"shapes"` // the formula in shapes
}

// Line is an equation of the backward pass.
type Line struct {
	Equation string   `json:"equation"`
	Shapes   string   `json:"shapes"`
	Why      []string `json:"why"`
	Check    Check    `json:"check"`
	Kinks    []Kink   `json:"kinks,omitempty"`
}

// Derivation writes the derivation and the table of shapes of the example's
// network, and checks every line numerically. Notes, part 5.
func (e *Example) Derivation() (*Derivation, error) {
	s, err := e.Step()
	if err != nil {
		return nil, err
	}
	d := &Derivation{Example: e, Name: e.Name, Network: network(e.Net), Loss: e.Loss.String(), OK: true}
	d.shapes()
	p := newProbe(s)
	last := len(e.Net.Layers) - 1
	for l := last; l >= 0; l-- {
		if l == last {
			d.add(e.outputEquation(), shape(e.Net.Layers[l].Units, e.X.Cols), e.whyOutput(), p.sums, l, s.DZ[l])
		}
		d.layer(s, p, l)
	}
	if p.err != nil {
		return nil, p.err
	}
	return d, nil
}

func (d *Derivation) add(equation, shapes string, why []string, compare func(int, Matrix) (Check, []Kink), l int, formula Matrix) {
	check, kinks := compare(l, formula)
	d.Lines = append(d.Lines, Line{equation, shapes, why, check, kinks})
	d.OK = d.OK && check.OK
}

// shapes fills in the table of shapes.
func (d *Derivation) shapes() {
	e := d.Example
	m, layers := e.X.Cols, e.Net.Layers
	add := func(tensor string, rows, cols int, formula, shapes string) {
		d.Shapes = append(d.Shapes, ShapeLine{tensor, rows, cols, formula, shapes})
	}
	add("X", e.Net.Inputs, m, "features, an example a column", "(nx, m)")
	for l := range layers {
		n, prev, k, before := layers[l].Units, layers[l].W.Cols, strconv.Itoa(l+1), activationName(l-1)
		add("W"+k, n, prev, "weights", fmt.Sprintf("(n%s, %s)", k, unitsName(l-1)))
		add("b"+k, n, 1, "biases", fmt.Sprintf("(n%s, 1)", k))
		add("Z"+k, n, m, fmt.Sprintf("W%s·%s + b%s", k, before, k), fmt.Sprintf("%s·%s", shape(n, prev), shape(prev, m)))
		add("A"+k, n, m, fmt.Sprintf("%s(Z%s)", layers[l].Activation, k), "as Z"+k)
	}
	last := len(layers) - 1
	add("Y", e.Y.Rows, m, "targets", fmt.Sprintf("as A%d", last+1))
	for l := last; l >= 0; l-- {
		n, prev, k, before := layers[l].Units, layers[l].W.Cols, strconv.Itoa(l+1), activationName(l-1)
		if l < last {
			after := strconv.Itoa(l + 2)
			add("dA"+k, n, m, fmt.Sprintf("W%sᵀ·dZ%s", after, after), fmt.Sprintf("%s·%s", shape(n, layers[l+1].Units), shape(layers[l+1].Units, m)))
		}
		equation := e.outputEquation()
		if l < last {
			equation = fmt.Sprintf("dZ%s = dA%s ∗ g′(Z%s)", k, k, k)
		}
		add("dZ"+k, n, m, equation[len("dZ"+k+" = "):], "as Z"+k)
		add("dW"+k, n, prev, fmt.Sprintf("dZ%s·%sᵀ / m", k, before), fmt.Sprintf("%s·%s, as W%s", shape(n, m), shape(m, prev), k))
		add("db"+k, n, 1, fmt.Sprintf("Σ dZ%s / m", k), "as b"+k)
	}
}

// unitsName is n1, n2, …; nx for the layer before the first.
func unitsName(l int) string {
	if l < 0 {
		return "nx"
	}
	return "n" + strconv.Itoa(l+1)
}

// layer adds the lines of layer l, dZ of which is known.
func (d *Derivation) layer(s *Step, p *probe, l int) {
	e := d.Example
	layers := e.Net.Layers
	n, prev, m := layers[l].Units, layers[l].W.Cols, e.X.Cols
	k, before := strconv.Itoa(l+1), activationName(l-1)

	d.add(fmt.Sprintf("∂Z%s/∂W%s = %sᵀ", k, k, before), fmt.Sprintf("of unit 1: %s", shape(m, prev)), []string{
		fmt.Sprintf("Z%s[i, j] = Σk W%s[i, k]·%s[k, j] + b%s[i], so ∂Z%s[i, j] / ∂W%s[i, k] = %s[k, j].", k, k, before, k, k, k, before),
		fmt.Sprintf("For one unit i that is a row for each example j and a column for each weight k: %s, turned over.", before),
	}, s.compareZ, l, s.before(l).T())

	d.add(fmt.Sprintf("dW%s = dZ%s·%sᵀ / m", k, k, before), fmt.Sprintf("%s = %s·%s", shape(n, prev), shape(n, m), shape(m, prev)), []string{
		fmt.Sprintf("A weight is in every example's sum: ∂J/∂W%s[i, k] = Σj dZ%s[i, j]·%s[k, j] / m.", k, k, before),
		fmt.Sprintf("That is row i of dZ%s times row k of %s, which is column k of %sᵀ: a matrix product, with the shape of W%s.", k, before, before, k),
	}, p.weights, l, s.DW[l])

	d.add(fmt.Sprintf("db%s = Σ dZ%s / m", k, k), shape(n, 1), []string{
		fmt.Sprintf("∂Z%s[i, j] / ∂b%s[i] = 1: what is left is the sum over the examples.", k, k),
	}, p.biases, l, s.DB[l])

	if l == 0 {
		return
	}
	up := strconv.Itoa(l)
	d.add(fmt.Sprintf("dA%s = W%sᵀ·dZ%s", up, k, k), fmt.Sprintf("%s = %s·%s", shape(prev, m), shape(prev, n), shape(n, m)), []string{
		fmt.Sprintf("A%s[k, j] goes into every unit of layer %s, by its weight: ∂L/∂A%s[k, j] = Σi W%s[i, k]·dZ%s[i, j].", up, k, up, k, k),
		fmt.Sprintf("The sum runs over the rows of W%s, so W%s is turned over.", k, k),
	}, p.outputs, l-1, s.DA[l-1])

	g := layers[l-1].Activation
	d.add(fmt.Sprintf("dZ%s = dA%s ∗ g′(Z%s)", up, up, up), shape(prev, m), []string{
		fmt.Sprintf("A%s = %s(Z%s) acts on each number alone, so its slope multiplies each alone: g′ = %s.", up, g, up, g.Derivative),
	}, p.sums, l-1, s.DZ[l-1])
}

// whyOutput derives dZ of the output layer.
func (e *Example) whyOutput() []string {
	last := strconv.Itoa(len(e.Net.Layers))
	g := e.output()
	switch {
	case e.Loss.Name == nn.CrossEntropy.Name && g.Name == nn.Sigmoid.Name:
		return []string{
			"L = −(y·log a + (1 − y)·log(1 − a)), so ∂L/∂a = −y/a + (1 − y)/(1 − a) = (a − y) / (a·(1 − a)).",
			"a = sigmoid(z), so ∂a/∂z = a·(1 − a).",
			"The chain rule multiplies them, and a·(1 − a) cancels: ∂L/∂z = a − y.",
		}
	case e.Loss.Name == nn.CrossEntropy.Name:
		return []string{
			"L = −Σi y[i]·log a[i] with a = softmax(z), whose outputs all depend on each z: ∂a[i]/∂z[k] = a[i]·([i = k] − a[k]).",
			"So ∂L/∂z[k] = −Σi y[i]·([i = k] − a[k]) = a[k]·Σi y[i] − y[k], and Σi y[i] = 1: ∂L/∂z = a − y.",
		}
	case e.Loss.Name == nn.Poisson.Name:
		return []string{
			"L = a − y·log a, so ∂L/∂a = 1 − y/a; a = eᶻ, so ∂a/∂z = a.",
			"Their product is ∂L/∂z = a − y.",
		}
	case e.paired():
		return []string{"L = ½·(a − y)², so ∂L/∂a = a − y; the output is linear, a = z, so ∂a/∂z = 1.", "Their product is ∂L/∂z = a − y."}
	}
	return []string{
		fmt.Sprintf("L = %s, so ∂L/∂a = %s.", e.Loss.Formula, e.Loss.Slope),
		fmt.Sprintf("A%s = %s(Z%s), so ∂a/∂z = %s; the chain rule multiplies them.", last, g, last, g.Derivative),
	}
}

// compareZ compares ∂Z/∂W of the first unit of layer l, (m, nPrev), with
// differences of Z itself.
func (s *Step) compareZ(l int, formula Matrix) (Check, []Kink) {
	layer := s.Example.Net.Layers[l]
	x, w, b := s.before(l), layer.W.Row(0), layer.B[0]
	z := func(j, k int, t float64) float64 {
		sum := b
		for i, v := range w {
			if i == k {
				v += t
			}
			sum += v * x.At(i, j)
		}
		return sum
	}
	c := Check{Tensor: fmt.Sprintf("∂Z%d/∂W%d", l+1, l+1), Rows: formula.Rows, Cols: formula.Cols, OK: true, formula: formula}
	const h = 1.0 / (1 << 10) // Z is linear in W: a large step has less rounding
	var apart, size float64
	for j := range formula.Rows {
		for k, g := range formula.Row(j) {
			d := (z(j, k, h) - z(j, k, -h)) / (2 * h)
			if e := math.Abs(g - d); e > c.Worst {
				c.Worst, c.WorstRow, c.WorstCol = e, j+1, k+1
			}
			apart, size = apart+(g-d)*(g-d), size+g*g+d*d
		}
	}
	if apart > 0 {
		c.Distance = math.Sqrt(apart) / math.Sqrt(size)
	}
	c.OK = c.Distance <= Tolerance
	return c, nil
}

// WriteText writes the table of shapes, then the derivation.
func (d *Derivation) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	d.Example.head(p, "Derivation of the backward pass")

	p.title("Shapes")
	cells := [][]string{{"tensor", "shape", "formula", "why it fits"}}
	for _, s := range d.Shapes {
		cells = append(cells, []string{s.Tensor, shape(s.Rows, s.Cols), s.Formula, s.Shapes})
	}
	p.tableOf(0, "llll", cells)
	p.line("")
	p.paragraph(0, "A product (r, n)·(n, c) needs the inner numbers equal and has the outer ones. A gradient has the shape of what it is the gradient of.")

	p.title("The chain rule, from the output backwards")
	p.paragraph(0, "L is the loss of one example, J the mean of the m losses. dZ and dA stand for ∂L/∂Z and ∂L/∂A, dW and db for ∂J/∂W and ∂J/∂b.")
	for _, l := range d.Lines {
		p.line("")
		p.facing(l.Equation, 34, l.Shapes)
		for _, why := range l.Why {
			p.paragraph(4, why)
		}
		p.hanging("    checked: ", l.verdict())
		for i, k := range l.Kinks {
			if i == 2 {
				p.line("    … and %d more kinks", len(l.Kinks)-i)
				break
			}
			p.hanging("    kink: ", fmt.Sprintf("at [%d, %d] the slope is %s on the left and %s on the right, and the formula gives %s: %s",
				k.Row, k.Col, number(k.Left), number(k.Right), number(k.Formula), k.Why))
		}
	}
	p.line("")
	if d.OK {
		p.paragraph(0, "Every line holds for this network's numbers.")
	} else {
		p.paragraph(0, "NOT every line holds: see the ones marked WRONG.")
	}
	return p.to(w)
}

// verdict says how a line's check went.
func (l *Line) verdict() string {
	c := &l.Check
	text := fmt.Sprintf("%s; the largest distance from a central difference is %s", count(c.Rows*c.Cols-c.Kinks, "number"), small(c.Worst))
	if !c.OK {
		text += fmt.Sprintf(": WRONG at [%d, %d]", c.WorstRow, c.WorstCol)
	}
	return text
}
