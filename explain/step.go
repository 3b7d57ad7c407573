package explain

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/nn"
)

// Step is every number of one training step. Index l is layer l+1.
type Step struct {
	Example *Example
	Z, A    []Matrix // (n, m)
	J       float64  // the cost: the mean of the examples' losses
	DZ      []Matrix // (n, m): m·∂J/∂Z, as in the notes
	DA      []Matrix // (n, m): m·∂J/∂A of the hidden layers, that is W'ᵀ·dZ' of the layer after
	DW      []Matrix // (n, nPrev)
	DB      []Matrix // (n, 1)
}

// Step computes forward pass, cost and backward pass with the engine, and keeps
// all of it. Notes, part 4.
func (e *Example) Step() (*Step, error) {
	t, err := e.trace()
	if err != nil {
		return nil, err
	}
	s := &Step{Example: e, Z: t.Z, A: t.A, J: t.J, DZ: t.DZ, DW: t.DW}
	for l := range e.Net.Layers {
		s.DB = append(s.DB, columnOf(t.DB[l]))
		if l+1 < len(e.Net.Layers) {
			s.DA = append(s.DA, product(e.Net.Layers[l+1].W.T(), t.DZ[l+1]))
		}
	}
	return s, nil
}

// before is A of the layer before layer l; X of the first.
func (s *Step) before(l int) Matrix {
	if l == 0 {
		return s.Example.X
	}
	return s.A[l-1]
}

// stepJSON is a step under the names and in the layout of an entry, so that
// ReadExample reads it.
type stepJSON struct {
	Name string `json:"name,omitempty"`
	entry
	Z  [][][]float64 `json:"Z"`
	A  [][][]float64 `json:"A"`
	J  float64       `json:"J"`
	DZ [][][]float64 `json:"dZ"`
	DW [][][]float64 `json:"dW"`
	DB [][][]float64 `json:"db"`
}

// MarshalJSON writes the network, the batch, and Z, A, J, dZ, dW and db:
// matrices as lists of rows, b and db (n, 1). ReadExample reads it again.
func (s *Step) MarshalJSON() ([]byte, error) {
	e := s.Example
	var w, b []Matrix
	var hidden []string
	for i, l := range e.Net.Layers {
		w, b = append(w, l.W), append(b, columnOf(l.B))
		if i < len(e.Net.Layers)-1 {
			hidden = append(hidden, l.Activation.String())
		}
	}
	if !differ(hidden) && len(hidden) > 1 {
		hidden = hidden[:1]
	}
	return json.Marshal(&stepJSON{
		Name: e.Name,
		entry: entry{
			Sizes: e.sizes(), M: e.X.Cols, Hidden: strings.Join(hidden, ","), Output: e.output().String(), Loss: e.Loss.String(),
			X: e.X.RowSlices(), Y: e.Y.RowSlices(), W: rows(w), B: rows(b),
		},
		Z: rows(s.Z), A: rows(s.A), J: s.J, DZ: rows(s.DZ), DW: rows(s.DW), DB: rows(s.DB),
	})
}

func differ(names []string) bool {
	for _, n := range names {
		if n != names[0] {
			return true
		}
	}
	return false
}

func rows(of []Matrix) [][][]float64 {
	var all [][][]float64
	for _, m := range of {
		all = append(all, m.RowSlices())
	}
	return all
}

// columnOf is the (n, 1) matrix of n numbers.
func columnOf(b []float64) Matrix { return Matrix{Rows: len(b), Cols: 1, Data: b} }

// product is P·Q, (r, n)·(n, c) = (r, c).
func product(p, q Matrix) Matrix {
	out := nn.NewMatrix[float64](p.Rows, q.Cols)
	for i := range p.Rows {
		for k, v := range p.Row(i) {
			for j, u := range q.Row(k) {
				out.Data[i*out.Cols+j] += float64(v * u)
			}
		}
	}
	return out
}

// WriteText writes the step, an equation and its numbers after the other.
func (s *Step) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	e := s.Example
	e.head(p, "One training step")
	last := len(e.Net.Layers) - 1
	m := e.X.Cols

	p.title("Forward pass")
	p.matrix(0, "X", e.X)
	e.writeFeatures(p)
	for l := range e.Net.Layers {
		n, prev := e.Net.Layers[l].Units, e.Net.Layers[l].W.Cols
		k, before := strconv.Itoa(l+1), activationName(l-1)
		p.line("")
		p.facing(fmt.Sprintf("Z%s = W%s·%s + b%s", k, k, before, k), 34,
			fmt.Sprintf("%s = %s·%s + %s", shape(n, m), shape(n, prev), shape(prev, m), shape(n, 1)))
		p.matrix(2, "W"+k, e.Net.Layers[l].W)
		p.matrix(2, "b"+k, columnOf(e.Net.Layers[l].B))
		p.matrix(2, "Z"+k, s.Z[l])
		g := e.Net.Layers[l].Activation
		p.line("")
		p.facing(fmt.Sprintf("A%s = %s(Z%s)", k, g, k), 34, "a = "+g.Formula)
		p.matrix(2, "A"+k, s.A[l])
	}

	p.title("Cost")
	p.matrix(0, "Y", e.Y)
	p.line("")
	p.facing("J = Σ L / m", 34, fmt.Sprintf("the mean over %s of", count(m, "example")))
	p.hanging("    L = ", e.lossFormula())
	p.line("J = %s", strconv.FormatFloat(s.J, 'g', 8, 64))

	p.title("Backward pass")
	p.paragraph(0, "dZ and dA are of an example's own loss (m·∂J/∂Z); dW and db are of J, and have the 1/m.")
	for l := last; l >= 0; l-- {
		n, prev := e.Net.Layers[l].Units, e.Net.Layers[l].W.Cols
		k, before := strconv.Itoa(l+1), activationName(l-1)
		p.line("")
		if l == last {
			p.facing(e.outputEquation(), 34, shape(n, m))
		} else {
			next := strconv.Itoa(l + 2)
			p.facing(fmt.Sprintf("dA%s = W%sᵀ·dZ%s", k, next, next), 34,
				fmt.Sprintf("%s = %s·%s", shape(n, m), shape(n, e.Net.Layers[l+1].Units), shape(e.Net.Layers[l+1].Units, m)))
			p.matrix(2, "dA"+k, s.DA[l])
			p.line("")
			p.facing(fmt.Sprintf("dZ%s = dA%s ∗ g′(Z%s)", k, k, k), 34, "g′ = "+e.Net.Layers[l].Activation.Derivative+", element by element")
		}
		p.matrix(2, "dZ"+k, s.DZ[l])
		p.line("")
		p.facing(fmt.Sprintf("dW%s = dZ%s·%sᵀ / m", k, k, before), 34,
			fmt.Sprintf("%s = %s·%s", shape(n, prev), shape(n, m), shape(m, prev)))
		p.matrix(2, "dW"+k, s.DW[l])
		p.line("")
		p.facing(fmt.Sprintf("db%s = Σ dZ%s / m", k, k), 34, shape(n, 1)+", the sum over the examples")
		p.matrix(2, "db"+k, s.DB[l])
	}
	p.line("")
	p.paragraph(0, "Gradient descent with learning rate α then takes W − α·dW and b − α·db for every W and b.")
	return p.to(w)
}

// head writes what an explanation is about.
func (e *Example) head(p *page, title string) {
	p.title("%s", title)
	p.hanging("example  ", e.Name)
	p.hanging("network  ", network(e.Net))
	p.hanging("loss     ", e.Loss.String()+", "+count(e.X.Cols, "example"))
	for _, n := range e.Notes {
		p.hanging("note     ", n)
	}
}

// writeFeatures names the rows of X.
func (e *Example) writeFeatures(p *page) {
	if e.Features == nil {
		return
	}
	names := e.Features[:min(len(e.Features), mostRows)]
	text := strings.Join(names, ", ")
	if len(names) < len(e.Features) {
		text += ", …"
	}
	p.hanging("  rows: ", text)
}

// activationName is A1, A2, …; X for the layer before the first.
func activationName(l int) string {
	if l < 0 {
		return "X"
	}
	return "A" + strconv.Itoa(l+1)
}

// lossFormula is L of an example; cross-entropy has one for each output.
func (e *Example) lossFormula() string {
	sigmoid, softmax, both := strings.Cut(e.Loss.Formula, "; with softmax ")
	if both && e.output().Name == nn.Softmax.Name {
		return softmax
	}
	return sigmoid
}

// outputEquation is how dZ of the output comes about.
func (e *Example) outputEquation() string {
	k := strconv.Itoa(len(e.Net.Layers))
	if e.paired() {
		return fmt.Sprintf("dZ%s = A%s − Y", k, k)
	}
	return fmt.Sprintf("dZ%s = ∂L/∂A%s ∗ g′(Z%s)", k, k, k)
}
