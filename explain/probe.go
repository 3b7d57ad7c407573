package explain

import (
	"fmt"
	"math"

	"github.com/shoal-nn/shoal/nn"
)

// The central difference (J(p + h) − J(p − h)) / 2h is right to about h² and
// to the rounding of J over h: step balances the two for numbers near 1.
const (
	step     = 1.0 / (1 << 17)
	tinyStep = step / 64 // a second look, where a kink may lie within step
)

// Tolerance is how near a gradient g and the differences g′ must be:
// ‖g − g′‖ / (‖g‖ + ‖g′‖), for each tensor.
const Tolerance = 1e-6

// probe measures how the cost changes with one number of a step. From layer l
// on only what depends on that number is computed again.
type probe struct {
	step  *Step
	tails []*nn.TrainerOf[float64] // tails[l]: the layers after l; of the last layer: its g alone
	in    []Matrix                 // what tails[l] takes: A of layer l; of the last layer Z
	err   error
}

func newProbe(s *Step) *probe {
	p := &probe{step: s}
	layers := s.Example.Net.Layers
	last := len(layers) - 1
	for l := range layers {
		var tail *Network
		if l == last {
			// Z passes a layer of weights I and biases 0 unchanged.
			c := layers[l].Units
			tail = nn.NewOf[float64](c, nn.Dense(c, layers[l].Activation))
			for i := range c {
				tail.Layers[0].W.Set(i, i, 1)
			}
			p.in = append(p.in, cloneMatrix(s.Z[l]))
		} else {
			tail = nn.NewOf[float64](layers[l].Units, s.Example.Net.Description()[l+1:]...)
			for i := range tail.Layers {
				copy(tail.Layers[i].W.Data, layers[l+1+i].W.Data)
				copy(tail.Layers[i].B, layers[l+1+i].B)
			}
			p.in = append(p.in, cloneMatrix(s.A[l]))
		}
		p.tails = append(p.tails, s.Example.trainer(tail))
	}
	return p
}

func cloneMatrix(m Matrix) Matrix {
	m.Data = append([]float64(nil), m.Data...)
	return m
}

// costAfter is J with the present input of tail l.
func (p *probe) costAfter(l int) float64 {
	j, err := p.tails[l].Cost(p.in[l], p.step.Example.Y, nil)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("explain: %w", err)
	}
	return j
}

// ofZ returns J as a function of t, where t·along[j] is added to Z of layer l,
// unit i, example j.
func (p *probe) ofZ(l, i int, along []float64) func(t float64) float64 {
	last := len(p.tails) - 1
	z, row, was := p.step.Z[l].Row(i), p.in[l].Row(i), append([]float64(nil), p.in[l].Row(i)...)
	moved := make([]float64, len(z))
	return func(t float64) float64 {
		for j := range z {
			moved[j] = z[j] + float64(t*along[j])
		}
		if l == last {
			copy(row, moved)
		} else {
			nn.Forward(p.step.Example.Net.Layers[l].Activation, row, moved)
		}
		cost := p.costAfter(l)
		copy(row, was)
		return cost
	}
}

// ofA returns J as a function of what is added to A of a hidden layer l, unit
// i, example j.
func (p *probe) ofA(l, i, j int) func(t float64) float64 {
	at := &p.in[l].Data[i*p.in[l].Cols+j]
	was := *at
	return func(t float64) float64 {
		*at = was + t
		cost := p.costAfter(l)
		*at = was
		return cost
	}
}

// slopes are the differences of a cost at t = 0.
type slopes struct {
	central, left, right float64
	noise                float64 // what rounding may add to them
}

// slopesOf measures a cost around 0; size is by how much a step of 1 moves Z.
func slopesOf(cost func(t float64) float64, here, size, h float64) slopes {
	h /= max(1, size)
	below, above := cost(-h), cost(h)
	return slopes{
		central: (above - below) / (2 * h),
		left:    (here - below) / h,
		right:   (above - here) / h,
		noise:   max(1, math.Abs(here)) * (1.0 / (1 << 49)) / h,
	}
}

// Kink is a number at which the cost has a corner: there is no derivative, and
// the formula gives the slope that the convention of g′(0) makes of it.
type Kink struct {
	Tensor  string  `json:"tensor"` // dW1, dZ2, …
	Row     int     `json:"row"`    // from 1
	Col     int     `json:"col"`
	Formula float64 `json:"formula"`
	Left    float64 `json:"left"` // slopes on both sides
	Right   float64 `json:"right"`
	Why     string  `json:"why"` // "z1 of unit 2 is 0 in example 3, and relu has a kink there"
}

// Check is a tensor of a gradient beside its central differences.
type Check struct {
	Tensor   string  `json:"tensor"`
	Rows     int     `json:"rows"`
	Cols     int     `json:"cols"`
	Distance float64 `json:"distance"` // ‖g − g′‖ / (‖g‖ + ‖g′‖), kinks left out; 0 where both are 0 but for rounding
	Worst    float64 `json:"worst"`    // the largest |g − g′|
	WorstRow int     `json:"worst_row"`
	WorstCol int     `json:"worst_col"`
	Kinks    int     `json:"kinks,omitempty"`
	OK       bool    `json:"ok"`

	formula, difference Matrix
}

// compare measures every number of a tensor. cost(i, j) returns J as a function
// of what is added to it, and how much of that reaches Z; times is m for what
// the notes write without the 1/m.
func (p *probe) compare(tensor string, layer int, formula Matrix, times float64, cost func(i, j int) (func(t float64) float64, float64)) (Check, []Kink) {
	c := Check{Tensor: tensor, Rows: formula.Rows, Cols: formula.Cols, formula: formula, difference: nn.NewMatrix[float64](formula.Rows, formula.Cols)}
	var kinks []Kink
	var apart, ofFormula, ofDifference, noise float64
	why := p.kinkFrom(layer)
	for i := range formula.Rows {
		for j := range formula.Cols {
			g := formula.At(i, j)
			f, size := cost(i, j)
			s := slopesOf(f, p.step.J, size, step)
			d := times * s.central
			c.difference.Set(i, j, d)
			far := func() bool {
				return !(math.Abs(g-d) <= Tolerance*(math.Abs(g)+math.Abs(d))+times*s.noise)
			}
			if far() {
				// A kink beside the number is passed by a smaller step; one at it isn't.
				wide := d
				s = slopesOf(f, p.step.J, size, tinyStep)
				d = times * s.central
				if why != "" && math.Abs(s.right-s.left) > 1e-3*(math.Abs(s.left)+math.Abs(s.right))+8*s.noise {
					kinks = append(kinks, Kink{tensor, i + 1, j + 1, g, times * s.left, times * s.right, why})
					c.Kinks++
					continue
				}
				if far() {
					d = wide
				}
				c.difference.Set(i, j, d)
			}
			if e := math.Abs(g - d); e > c.Worst || math.IsNaN(e) {
				c.Worst, c.WorstRow, c.WorstCol = e, i+1, j+1
			}
			apart += (g - d) * (g - d)
			ofFormula += g * g
			ofDifference += d * d
			noise += times * s.noise * times * s.noise
		}
	}
	if apart != 0 {
		c.Distance = math.Sqrt(apart) / (math.Sqrt(ofFormula) + math.Sqrt(ofDifference))
	}
	if c.Distance > Tolerance && apart <= noise {
		c.Distance = 0
	}
	c.OK = c.Distance <= Tolerance
	return c, kinks
}

// kinkFrom says where the cost has a corner as a function of what lies before
// or in layer l: a z that is 0 up to tinyStep where g has a kink, or an output
// that equals its target where the loss has one; "" if nowhere.
func (p *probe) kinkFrom(l int) string {
	e := p.step.Example
	for k := l; k < len(e.Net.Layers); k++ {
		g := e.Net.Layers[k].Activation
		if g.Name == nn.Softmax.Name {
			continue
		}
		if _, _, kinked := kink(g, 0); !kinked {
			continue
		}
		for i := range p.step.Z[k].Rows {
			for j, z := range p.step.Z[k].Row(i) {
				if math.Abs(z) <= tinyStep {
					return fmt.Sprintf("z%d of unit %d is %s in example %d, where %s has a kink", k+1, i+1, short(z), j+1, g.Name)
				}
			}
		}
	}
	if e.Loss.Name != nn.Absolute.Name && e.Loss.Name != nn.Quantile(0.5).Name {
		return ""
	}
	a := p.step.A[len(p.step.A)-1]
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			if math.Abs(v-e.Y.At(i, j)) <= tinyStep {
				return fmt.Sprintf("output %d equals its target in example %d, where the %s loss has a kink", i+1, j+1, e.Loss.Name)
			}
		}
	}
	return ""
}

// weights compares dW of layer l.
func (p *probe) weights(l int, formula Matrix) (Check, []Kink) {
	before := p.step.before(l)
	return p.compare(fmt.Sprintf("dW%d", l+1), l, formula, 1, func(i, k int) (func(float64) float64, float64) {
		return p.ofZ(l, i, before.Row(k)), largestOf(before.Row(k))
	})
}

// biases compares db of layer l.
func (p *probe) biases(l int, formula Matrix) (Check, []Kink) {
	ones := make([]float64, p.step.Example.X.Cols)
	for j := range ones {
		ones[j] = 1
	}
	return p.compare(fmt.Sprintf("db%d", l+1), l, formula, 1, func(i, _ int) (func(float64) float64, float64) {
		return p.ofZ(l, i, ones), 1
	})
}

// sums compares dZ of layer l.
func (p *probe) sums(l int, formula Matrix) (Check, []Kink) {
	m := p.step.Example.X.Cols
	return p.compare(fmt.Sprintf("dZ%d", l+1), l, formula, float64(m), func(i, j int) (func(float64) float64, float64) {
		one := make([]float64, m)
		one[j] = 1
		return p.ofZ(l, i, one), 1
	})
}

// outputs compares dA of a hidden layer l.
func (p *probe) outputs(l int, formula Matrix) (Check, []Kink) {
	return p.compare(fmt.Sprintf("dA%d", l+1), l+1, formula, float64(p.step.Example.X.Cols), func(i, j int) (func(float64) float64, float64) {
		return p.ofA(l, i, j), 1
	})
}

func largestOf(x []float64) float64 {
	largest := 0.0
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	return largest
}
