package explain

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/shoal-nn/shoal/nn"
)

// Health is what the hidden units of a network do over a table.
type Health struct {
	Example *Example      `json:"-"`
	Name    string        `json:"name"`
	Network string        `json:"network"`
	Rows    int           `json:"m"`
	Layers  []LayerHealth `json:"layers"` // hidden layers
	OK      bool          `json:"ok"`     // nothing that needs mending
}

// LayerHealth is the health of a hidden layer. Units count from 1.
type LayerHealth struct {
	Layer      int     `json:"layer"`
	Activation string  `json:"activation"`
	Units      int     `json:"units"`
	Dead       []int   `json:"dead,omitempty"`      // g′(Z) is 0 for every row, though not by saturation: they no longer learn
	Saturated  []int   `json:"saturated,omitempty"` // near a limit of their range in nearly every row
	Constant   []int   `json:"constant,omitempty"`  // the same A in every row, for another reason
	Twins      [][]int `json:"twins,omitempty"`     // same weights and bias, or opposite ones where g mirrors
	MeanA      float64 `json:"mean_a"`
	SlopeNear0 float64 `json:"slope_near_0"` // share of all g′(Z) below 0.05
}

const (
	// A unit is saturated where its A is within nearLimit of the range's end, as
	// a share of the range, in mostlySaturated of the rows.
	nearLimit       = 0.025
	mostlySaturated = 0.95

	// Units are twins if their weights differ by no more than this share of the
	// layer's largest.
	twinWithin = 1e-3
)

// Health finds dead, saturated, constant and twin units. It needs X alone. The
// notes' tips say what to do about them.
func (e *Example) Health() (*Health, error) {
	if err := e.checkNet(); err != nil {
		return nil, err
	}
	h := &Health{Example: e, Name: e.Name, Network: network(e.Net), Rows: e.X.Cols, OK: true}
	before := e.X
	for l := range e.Net.Layers[:len(e.Net.Layers)-1] {
		layer := e.Net.Layers[l]
		z := product(layer.W, before)
		for i := range z.Rows {
			for j := range z.Row(i) {
				z.Row(i)[j] += layer.B[i]
			}
		}
		a := nn.NewMatrix[float64](z.Rows, z.Cols)
		nn.Forward(layer.Activation, a.Data, z.Data)
		h.Layers = append(h.Layers, healthOf(l, layer, z, a))
		last := &h.Layers[l]
		h.OK = h.OK && last.Dead == nil && last.Saturated == nil && last.Constant == nil && last.Twins == nil
		before = a
	}
	return h, nil
}

func healthOf(l int, layer nn.LayerOf[float64], z, a Matrix) LayerHealth {
	h := LayerHealth{Layer: l + 1, Activation: layer.Activation.String(), Units: layer.Units, Twins: twins(layer)}
	low, high, bounded := limits(layer.Activation)
	slopes := nn.NewMatrix[float64](z.Rows, z.Cols)
	for k := range slopes.Data {
		slopes.Data[k] = 1
	}
	nn.Backward(layer.Activation, slopes.Data, z.Data, a.Data)
	flat := 0
	var sum float64
	for i := range a.Rows {
		dead, constant, near := true, true, 0
		for j, v := range a.Row(i) {
			slope := slopes.At(i, j)
			dead = dead && slope == 0
			constant = constant && v == a.At(i, 0)
			if bounded && (v < low+nearLimit*(high-low) || v > high-nearLimit*(high-low)) {
				near++
			}
			if math.Abs(slope) < 0.05 {
				flat++
			}
			sum += v
		}
		switch {
		case bounded && float64(near) >= mostlySaturated*float64(a.Cols):
			h.Saturated = append(h.Saturated, i+1) // so far out that g′ may be rounded to 0
		case dead:
			h.Dead = append(h.Dead, i+1)
		case constant && a.Cols > 1:
			h.Constant = append(h.Constant, i+1)
		}
	}
	h.MeanA = sum / float64(len(a.Data))
	h.SlopeNear0 = float64(flat) / float64(len(a.Data))
	return h
}

// limits are the ends of a function's range, where it has both.
func limits(g nn.Activation) (low, high float64, bounded bool) {
	const far = 40 // sigmoid and tanh are at their limits there, in float64
	low, high = value(g, -far), value(g, far)
	return low, high, high-low <= 2
}

// twins groups units whose weights and bias are the same; or the same but for
// the sign where g(−z) is −g(z) or 1 − g(z), so that the next layer can undo it.
// A unit of zeros alone has no twin.
func twins(layer nn.LayerOf[float64]) [][]int {
	size := max(largestOf(layer.W.Data), largestOf(layer.B))
	row := func(i int) []float64 { return append(append([]float64(nil), layer.W.Row(i)...), layer.B[i]) }
	alike := func(a, b []float64, sign float64) bool {
		for k, v := range a {
			if math.Abs(v-sign*b[k]) > twinWithin*size {
				return false
			}
		}
		return true
	}
	var groups [][]int
	taken := make([]bool, layer.Units)
	for i := range layer.Units {
		if taken[i] {
			continue
		}
		a, group := row(i), []int{i + 1}
		if size == 0 || largestOf(a) <= twinWithin*size {
			continue
		}
		for k := i + 1; k < layer.Units; k++ {
			if b := row(k); !taken[k] && (alike(a, b, 1) || mirrors(layer.Activation.Name) && alike(a, b, -1)) {
				taken[k] = true
				group = append(group, k+1)
			}
		}
		if len(group) > 1 {
			groups = append(groups, group)
		}
	}
	return groups
}

// mirrors says whether g(−z) is −g(z), or 1 − g(z).
func mirrors(g string) bool {
	return slices.Contains([]string{nn.Linear.Name, nn.Tanh.Name, nn.Sigmoid.Name}, g)
}

// WriteText writes a table of the layers, then each finding with the advice.
func (h *Health) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	p.title("Health of the hidden units")
	p.hanging("example  ", h.Name)
	p.hanging("network  ", h.Network)
	p.hanging("looked   ", "at "+count(h.Rows, "row"))
	for _, n := range h.Example.Notes {
		p.hanging("note     ", n)
	}
	p.line("")
	if len(h.Layers) == 0 {
		p.paragraph(0, "The network has no hidden layer: there is nothing to look at.")
		return p.to(w)
	}
	cells := [][]string{{"layer", "function", "units", "dead", "saturated", "constant", "twins", "mean a", "g′ near 0"}}
	for _, l := range h.Layers {
		inGroups := 0
		for _, g := range l.Twins {
			inGroups += len(g)
		}
		cells = append(cells, []string{
			fmt.Sprint(l.Layer), l.Activation, fmt.Sprint(l.Units), fmt.Sprint(len(l.Dead)), fmt.Sprint(len(l.Saturated)), fmt.Sprint(len(l.Constant)),
			fmt.Sprint(inGroups), number(l.MeanA), fmt.Sprintf("%.0f %%", 100*l.SlopeNear0),
		})
	}
	p.tableOf(0, "ll", cells)
	for i := range h.Layers {
		h.Layers[i].advise(p)
	}
	p.line("")
	if h.OK {
		p.paragraph(0, "No unit is dead, saturated, constant or another's twin.")
	}
	return p.to(w)
}

// advise writes what was found in a layer, and what helps.
func (l *LayerHealth) advise(p *page) {
	for _, finding := range []struct {
		units []int
		what  string
		help  string
	}{
		{l.Dead, "dead", "their slope g′ is 0 for every row, so they give nothing and no step changes them. A few do no harm. Leaky ReLU keeps a slope below 0; a lower learning rate keeps steps from throwing units there."},
		{l.Saturated, "saturated", "they are at an end of their range in nearly every row, where g′ is close to 0 and learning is slow. Standardised inputs and smaller first weights keep Z near 0; ReLU does not saturate above 0."},
		{l.Constant, "constant", "they give the same for every row, as a bias does. The features that they weigh may be constant in these rows."},
	} {
		if finding.units != nil {
			p.line("")
			p.hanging(fmt.Sprintf("layer %d: ", l.Layer), fmt.Sprintf("%s of %d %s (%s): %s", count(len(finding.units), "unit"), l.Units, finding.what, numbers(finding.units), finding.help))
		}
	}
	if l.Twins != nil {
		p.line("")
		var groups string
		for i, g := range l.Twins {
			if i == 5 {
				groups += fmt.Sprintf(", … %d groups in all", len(l.Twins))
				break
			}
			if i > 0 {
				groups += ", "
			}
			groups += numbers(g)
		}
		opposite := ""
		if mirrors(l.Activation) {
			opposite = ", or opposite"
		}
		p.hanging(fmt.Sprintf("layer %d: ", l.Layer), fmt.Sprintf("twins (%s): their weights are the same%s, so together they do the work of one. Weights that start equal stay equal: start them at random. Twins in a network that started at random mean that fewer units would do.", groups, opposite))
	}
}

// numbers writes up to ten numbers.
func numbers(of []int) string {
	text := ""
	for i, n := range of {
		if i == 10 {
			return text + ", …"
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	return text
}
