package explain

import (
	"fmt"
	"strings"

	"github.com/shoal-nn/shoal/nn"
)

// Gradient is dW (n, nPrev) and db (n, 1) of a layer.
type Gradient struct{ DW, DB Matrix }

// Mistake is a mistake that people make in the backward pass, to be planted and
// to be recognised.
type Mistake struct {
	Name     string // as the command's flag has it
	Equation string // the equation that it is in, as it should be
	Wrong    string // the equation with the mistake

	// fits says why a layer can't have the mistake, or "".
	fits func(e *Example, l int) string
	// plant puts the mistake into the equations of a layer.
	plant func(q *equations)
}

// equations are those of a layer's backward pass.
type equations struct {
	output func(s *Step) Matrix                   // dZ of the output layer
	dW     func(dZ, before Matrix) Matrix         // (n, nPrev)
	db     func(dZ Matrix) Matrix                 // (n, 1)
	dA     func(w, dZ Matrix) Matrix              // W and dZ of the layer after
	dZ     func(s *Step, l int, dA Matrix) Matrix // of a hidden layer
}

// right are the equations of the notes, part 4.
func right() equations {
	return equations{
		output: func(s *Step) Matrix { return cloneMatrix(s.DZ[len(s.DZ)-1]) },
		dW:     func(dZ, before Matrix) Matrix { return scale(product(dZ, before.T()), 1/float64(dZ.Cols)) },
		db:     func(dZ Matrix) Matrix { return scale(rowSums(dZ), 1/float64(dZ.Cols)) },
		dA:     func(w, dZ Matrix) Matrix { return product(w.T(), dZ) },
		dZ: func(s *Step, l int, dA Matrix) Matrix {
			return timesSlope(dA, s.Example.Net.Layers[l].Activation, s.Z[l], s.A[l])
		},
	}
}

// Mistakes lists the known ones.
func Mistakes() []Mistake {
	return []Mistake{
		{
			Name: "no-m", Equation: "dW = dZ·Aᵀ / m and db = Σ dZ / m", Wrong: "neither has its 1/m", fits: several,
			plant: func(q *equations) { noMean(&q.dW, &q.db) },
		},
		{
			Name: "dW-no-m", Equation: "dW = dZ·Aᵀ / m", Wrong: "dW = dZ·Aᵀ, without the 1/m", fits: several,
			plant: func(q *equations) { noMean(&q.dW, nil) },
		},
		{
			Name: "db-no-m", Equation: "db = Σ dZ / m", Wrong: "db = Σ dZ, without the 1/m", fits: several,
			plant: func(q *equations) { noMean(nil, &q.db) },
		},
		{
			Name: "db-no-sum", Equation: "db = Σ dZ / m", Wrong: "db = dZ of the first example, not the sum over all divided by m", fits: several,
			plant: func(q *equations) {
				q.db = func(dZ Matrix) Matrix {
					b := nn.NewMatrix[float64](dZ.Rows, 1)
					for i := range b.Data {
						b.Data[i] = dZ.At(i, 0)
					}
					return b
				}
			},
		},
		{
			Name: "dW-transposed", Equation: "dW = dZ·Aᵀ / m", Wrong: "dW = A·dZᵀ / m, the transpose of what it should be",
			fits: square("dW%[1]d would be A·dZ%[1]dᵀ, %[3]s, where W%[1]d is %[2]s"),
			plant: func(q *equations) {
				dW := q.dW
				q.dW = func(dZ, before Matrix) Matrix { return dW(dZ, before).T() }
			},
		},
		{
			Name: "dA-transposed", Equation: "dA = Wᵀ·dZ", Wrong: "dA = W·dZ: the transpose of W is missing",
			fits: func(e *Example, l int) string {
				if l == 0 {
					return "the first layer has no dA before it"
				}
				return square("W%[1]d·dZ%[1]d has the shapes %[2]s·(%[4]d, m), which can't be multiplied")(e, l)
			},
			plant: func(q *equations) { q.dA = product },
		},
		{
			Name: "g-missing", Equation: "dZ = dA ∗ g′(Z)", Wrong: "dZ = dA: g′(Z) is missing", fits: hidden,
			plant: func(q *equations) { q.dZ = func(_ *Step, _ int, dA Matrix) Matrix { return cloneMatrix(dA) } },
		},
		{
			Name: "g-of-A", Equation: "dZ = dA ∗ g′(Z)", Wrong: "dZ = dA ∗ g′(A): g′ is taken at A in place of Z", fits: hidden,
			plant: func(q *equations) {
				q.dZ = func(s *Step, l int, dA Matrix) Matrix {
					g := s.Example.Net.Layers[l].Activation
					again := nn.NewMatrix[float64](dA.Rows, dA.Cols)
					nn.Forward(g, again.Data, s.A[l].Data)
					return timesSlope(dA, g, s.A[l], again)
				}
			},
		},
		another(nn.Activation{}),
		{
			Name: "dZ-sign", Equation: "dZ = A − Y", Wrong: "dZ = Y − A: the sign is wrong", fits: outputLayer,
			plant: func(q *equations) {
				output := q.output
				q.output = func(s *Step) Matrix { return scale(output(s), -1) }
			},
		},
		{
			Name: "dZ-slope", Equation: "dZ = A − Y", Wrong: "dZ = (A − Y) ∗ g′(Z): the loss has cancelled g′ already", fits: elementwiseOutput,
			plant: func(q *equations) {
				output := q.output
				q.output = func(s *Step) Matrix {
					l := len(s.Z) - 1
					return timesSlope(output(s), s.Example.output(), s.Z[l], s.A[l])
				}
			},
		},
	}
}

// another is the mistake of taking another activation's derivative; of the
// zero Activation, one that people confuse with the right one.
func another(g nn.Activation) Mistake {
	wrong := "g′ is that of another activation"
	if g.Name != "" {
		wrong = "g′ is that of " + g.Name
	}
	return Mistake{
		Name: "g-of-another", Equation: "dZ = dA ∗ g′(Z)", Wrong: "dZ = dA ∗ g′(Z), but " + wrong, fits: hidden,
		plant: func(q *equations) {
			q.dZ = func(s *Step, l int, dA Matrix) Matrix {
				other := g
				if other.Name == "" {
					if other = nn.Sigmoid; s.Example.Net.Layers[l].Activation.Name == nn.Sigmoid.Name {
						other = nn.Tanh
					}
				}
				return timesSlope(dA, other, s.Z[l], s.A[l])
			}
		},
	}
}

// MistakeNamed returns the mistake of that name.
func MistakeNamed(name string) (Mistake, error) {
	var names []string
	for _, m := range Mistakes() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Mistake{}, fmt.Errorf("explain: there is no mistake %q; there are %s", name, strings.Join(names, ", "))
}

// several: the mean over one example is the example.
func several(e *Example, _ int) string {
	if e.X.Cols == 1 {
		return "with one example, m = 1, it makes no difference"
	}
	return ""
}

func hidden(e *Example, l int) string {
	if l == len(e.Net.Layers)-1 {
		return "it is in the equation of hidden layers"
	}
	return ""
}

func outputLayer(e *Example, l int) string {
	if l < len(e.Net.Layers)-1 {
		return "it is in the equation of the output layer"
	}
	return ""
}

func elementwiseOutput(e *Example, l int) string {
	switch {
	case outputLayer(e, l) != "":
		return outputLayer(e, l)
	case e.output().Name == nn.Softmax.Name:
		return "softmax has no g′ of an element alone"
	case !e.paired():
		return "with this loss g′ belongs there"
	case e.output().Name == nn.Linear.Name:
		return "with a linear output g′ = 1, and it makes no difference"
	}
	return ""
}

// square: shapes forbid the mistake where W isn't square. In the format 1 is
// the layer, 2 W's shape, 3 that of Wᵀ, 4 n.
func square(format string) func(e *Example, l int) string {
	return func(e *Example, l int) string {
		w := e.Net.Layers[l].W
		if w.Rows == w.Cols {
			return ""
		}
		return fmt.Sprintf(format, l+1, shape(w.Rows, w.Cols), shape(w.Cols, w.Rows), w.Rows)
	}
}

// everywhere plants a mistake in every layer that can have it.
const everywhere = -1

// backward computes the gradient with plain loops, with a mistake in one layer
// or everywhere; right equations with nil.
func (s *Step) backward(mistake *Mistake, at int) []Gradient {
	layers := s.Example.Net.Layers
	q := make([]equations, len(layers))
	for l := range q {
		q[l] = right()
		if mistake != nil && (at == everywhere || at == l) && mistake.fits(s.Example, l) == "" {
			mistake.plant(&q[l])
		}
	}
	g := make([]Gradient, len(layers))
	last := len(layers) - 1
	dZ := q[last].output(s)
	for l := last; l >= 0; l-- {
		g[l] = Gradient{DW: q[l].dW(dZ, s.before(l)), DB: q[l].db(dZ)}
		if l > 0 {
			dZ = q[l-1].dZ(s, l-1, q[l].dA(layers[l].W, dZ))
		}
	}
	return g
}

// noMean takes the 1/m out of the equations.
func noMean(dW *func(dZ, before Matrix) Matrix, db *func(dZ Matrix) Matrix) {
	if dW != nil {
		*dW = func(dZ, before Matrix) Matrix { return product(dZ, before.T()) }
	}
	if db != nil {
		*db = rowSums
	}
}

// scale multiplies a matrix by a number, in place.
func scale(m Matrix, by float64) Matrix {
	for i := range m.Data {
		m.Data[i] *= by
	}
	return m
}

// rowSums are the sums over the examples, (n, 1).
func rowSums(m Matrix) Matrix {
	s := nn.NewMatrix[float64](m.Rows, 1)
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			s.Data[i] += v
		}
	}
	return s
}

// timesSlope is dA ∗ g′(Z), element by element.
func timesSlope(dA Matrix, g nn.Activation, z, a Matrix) Matrix {
	dZ := cloneMatrix(dA)
	nn.Backward(g, dZ.Data, z.Data, a.Data)
	return dZ
}
