package notes_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/notes"
)

// Part 3: each derivative is the slope that a small step finds.
func TestDerivativesAreSlopes(t *testing.T) {
	const h = 1e-5
	for _, g := range notes.Activations {
		for _, z := range []float64{-6, -2, -1, -0.5, -0.1, 0.1, 0.5, 1, 2, 6} {
			slope := (g.G(z+h) - g.G(z-h)) / (2 * h)
			near(t, g.Name+"′", g.Prime(g.G(z)), slope, 1e-9)
		}
	}
	near(t, "relu′(0)", notes.ReLU.Prime(notes.ReLU.G(0)), 0, 0)
	near(t, "leaky_relu′(0)", notes.LeakyReLU.Prime(notes.LeakyReLU.G(0)), 0.01, 0)
}

// Part 5: for any network and batch, Backward's derivative of J by a parameter
// is what J does when that parameter moves a little.
func TestBackwardIsTheSlopeOfTheCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const h = 1e-6
		net, X, Y := drawNetwork(t)
		cost := func() float64 {
			p, err := net.Forward(X)
			if err != nil {
				t.Fatal(err)
			}
			J, err := net.Cost(p, Y)
			if err != nil {
				t.Fatal(err)
			}
			return J
		}
		p, err := net.Forward(X)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range p.Z1 {
			for _, z := range row {
				if math.Abs(z) < 100*h {
					t.Skip("a unit stands on the kink of its ReLU")
				}
			}
		}
		d, err := net.Backward(p, Y)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			P, D notes.Matrix
		}{{"dW1", net.W1, d.DW1}, {"db1", net.B1, d.DB1}, {"dW2", net.W2, d.DW2}, {"db2", net.B2, d.DB2}} {
			for i := range c.P {
				for j := range c.P[i] {
					was := c.P[i][j]
					c.P[i][j] = was + h
					up := cost()
					c.P[i][j] = was - h
					down := cost()
					c.P[i][j] = was
					if slope := (up - down) / (2 * h); math.Abs(slope-c.D[i][j]) > 1e-6 {
						t.Fatalf("%s[%d][%d] = %v, and J's slope is %v (%s, %s output)",
							c.name, i, j, c.D[i][j], slope, net.Hidden.Name, net.Output.Name)
					}
				}
			}
		}
	})
}

// Part 2: without a bend, two layers are one, with W′ = W2·W1 and b′ = W2·b1 + b2.
func TestLinearLayersCollapse(t *testing.T) {
	net := notes.Network{
		Hidden: notes.Linear, Output: notes.LinearOutput,
		W1: notes.Matrix{{1, 2}, {3, 4}, {5, 6}}, B1: notes.Matrix{{1}, {0}, {-1}},
		W2: notes.Matrix{{1, -1, 2}}, B2: notes.Matrix{{3}},
	}
	W, b := []float64{8, 10}, 2.0
	X := notes.Matrix{{1, -2, 0.5}, {0, 3, 0.25}}
	p, err := net.Forward(X)
	if err != nil {
		t.Fatal(err)
	}
	for j, a := range p.A2[0] {
		near(t, "W′·x + b′", W[0]*X[0][j]+W[1]*X[1][j]+b, a, 0)
	}
}

// Part 6: hidden units with equal weights stay equal, whatever they are trained
// on; random weights part them.
func TestEqualUnitsStayEqual(t *testing.T) {
	X := notes.Matrix{{1, -1, 0.5, 2}, {0, 1, 1, -1}}
	Y := notes.Matrix{{1, 0, 0, 1}}
	equal := notes.Network{
		Hidden: notes.Tanh, Output: notes.SigmoidOutput,
		W1: notes.Matrix{{0.3, 0.3}, {0.3, 0.3}, {0.3, 0.3}}, B1: notes.Matrix{{0}, {0}, {0}},
		W2: notes.Matrix{{0.3, 0.3, 0.3}}, B2: notes.Matrix{{0}},
	}
	random := notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}
	if err := random.Init(2, 3, 1, 1); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		for _, net := range []*notes.Network{&equal, &random} {
			if _, err := net.Step(X, Y, 0.5); err != nil {
				t.Fatal(err)
			}
		}
	}
	if equal.W1[0][0] == 0.3 {
		t.Error("the equal units learned nothing")
	}
	for k := range equal.W1[0] {
		near(t, "W1 of unit 2", equal.W1[1][k], equal.W1[0][k], 0)
		near(t, "W1 of unit 3", equal.W1[2][k], equal.W1[0][k], 0)
		if random.W1[1][k] == random.W1[0][k] {
			t.Error("random units became equal")
		}
	}
}

func TestInitIsSmallRandomAndOfItsSeed(t *testing.T) {
	var net, same, other notes.Network
	for _, c := range []struct {
		net  *notes.Network
		seed uint64
	}{{&net, 1}, {&same, 1}, {&other, 2}} {
		if err := c.net.Init(50, 40, 30, c.seed); err != nil {
			t.Fatal(err)
		}
	}
	nearMatrix(t, "W1 of the same seed", same.W1, net.W1, 0)
	if other.W1[0][0] == net.W1[0][0] {
		t.Error("another seed gave the same weight")
	}
	nearMatrix(t, "b1", net.B1, zeros(40, 1), 0)
	nearMatrix(t, "b2", net.B2, zeros(30, 1), 0)

	squares := 0.0
	for _, row := range net.W1 {
		for _, w := range row {
			squares += w * w
		}
	}
	near(t, "the standard deviation of W1", math.Sqrt(squares/(50*40)), 0.01, 0.0005)

	if err := net.Init(2, 0, 1, 1); err == nil {
		t.Error("a network of no hidden units is no error")
	}
}

func TestLargeLogitsKeepTheirCost(t *testing.T) {
	near(t, "sigmoid, wrong", notes.SigmoidOutput.Loss([]float64{800}, []float64{0}), 800, 0)
	near(t, "sigmoid, right", notes.SigmoidOutput.Loss([]float64{800}, []float64{1}), 0, 0)
	near(t, "softmax, wrong", notes.SoftmaxOutput.Loss([]float64{800, -800}, []float64{0, 1}), 1600, 0)
	near(t, "softmax, right", notes.SoftmaxOutput.Loss([]float64{800, -800}, []float64{1, 0}), 0, 0)
	near(t, "softmax", notes.SoftmaxOutput.A([]float64{800, 800})[0], 0.5, 0)
}

func TestShapeMistakesNameTheEquation(t *testing.T) {
	net := func(change func(n *notes.Network)) *notes.Network {
		n := &notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}
		if err := n.Init(3, 4, 1, 1); err != nil {
			t.Fatal(err)
		}
		change(n)
		return n
	}
	none := func(*notes.Network) {}
	X, Y := zeros(3, 5), zeros(1, 5)
	for name, c := range map[string]struct {
		net  *notes.Network
		X, Y notes.Matrix
		want string
	}{
		"X transposed":      {net(none), zeros(5, 3), Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): X is (5, 3) and needs to be (3, m); Xᵀ has shape (3, 5) and would fit"},
		"X too short":       {net(none), zeros(2, 5), Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): X is (2, 5) and needs to be (3, m)"},
		"X empty":           {net(none), zeros(3, 0), Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): X is (3, 0) and needs to be (3, m)"},
		"X missing":         {net(none), nil, Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): X is (0, 0) and needs to be (3, m)"},
		"X ragged":          {net(none), notes.Matrix{{1, 2}, {3}, {4, 5}}, Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): row 2 of X has 1 numbers and row 1 has 2; all rows need the same number"},
		"Y transposed":      {net(none), X, zeros(5, 1), "notes: dZ2 = A2 − Y: (1, 5) = (1, 5) − (1, 5): Y is (5, 1) and needs to be (1, 5); Yᵀ has shape (1, 5) and would fit"},
		"Y of other length": {net(none), X, zeros(1, 4), "notes: dZ2 = A2 − Y: (1, 5) = (1, 5) − (1, 5): Y is (1, 4) and needs to be (1, 5)"},
		"W2 transposed":     {net(func(n *notes.Network) { n.W2 = notes.T(n.W2) }), X, Y, "notes: Z2 = W2·A1 + b2: (n2, m) = (n2, 4)·(4, m) + (n2, 1): W2 is (4, 1) and needs to be (n2, 4); W2ᵀ has shape (1, 4) and would fit"},
		"b1 a row":          {net(func(n *notes.Network) { n.B1 = notes.T(n.B1) }), X, Y, "notes: Z1 = W1·X + b1: (4, m) = (4, 3)·(3, m) + (4, 1): b1 is (1, 4) and needs to be (4, 1); b1ᵀ has shape (4, 1) and would fit"},
		"no weights":        {&notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}, X, Y, "notes: the network has no weights; Init gives it some"},
		"no activation":     {net(func(n *notes.Network) { n.Hidden = notes.Activation{} }), X, Y, "notes: Network.Hidden isn't set; take one of Activations, such as notes.Tanh"},
		"no output":         {net(func(n *notes.Network) { n.Output = notes.Output{} }), X, Y, "notes: Network.Output isn't set; take one of Outputs, such as notes.SigmoidOutput"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.net.Step(c.X, c.Y, 1)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// No shapes, fitting or not, make it panic.
func TestAnyShapesGiveAnErrorOrAStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) notes.Matrix {
			M := make(notes.Matrix, rapid.IntRange(0, 3).Draw(t, name+" rows"))
			cols := rapid.IntRange(0, 3).Draw(t, name+" cols")
			for i := range M {
				M[i] = make([]float64, cols)
			}
			if len(M) > 1 && rapid.Bool().Draw(t, name+" ragged") {
				M[1] = make([]float64, rapid.IntRange(0, 3).Draw(t, name+" row 2"))
			}
			return M
		}
		net := notes.Network{
			Hidden: notes.Tanh, Output: notes.SoftmaxOutput,
			W1: draw("W1"), B1: draw("b1"), W2: draw("W2"), B2: draw("b2"),
		}
		X, Y := draw("X"), draw("Y")
		if _, err := net.Step(X, Y, 1); err != nil && !strings.HasPrefix(err.Error(), "notes: ") {
			t.Fatalf("an error that doesn't say where it is from: %v", err)
		}
		p := &notes.Pass{X: X, Z1: draw("Z1"), A1: draw("A1"), Z2: draw("Z2"), A2: draw("A2")}
		_, _ = net.Cost(p, Y)
		_, _ = net.Backward(p, Y)
		_ = net.Descend(&notes.Gradient{DW1: draw("dW1"), DB1: draw("db1"), DW2: draw("dW2"), DB2: draw("db2")}, 1)
	})
}

// drawNetwork draws a network with a batch that fits, its numbers near 1.
func drawNetwork(t *rapid.T) (net *notes.Network, X, Y notes.Matrix) {
	size := rapid.IntRange(1, 4)
	nx, n1, n2, m := size.Draw(t, "nx"), size.Draw(t, "n1"), size.Draw(t, "n2"), size.Draw(t, "m")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	randn := func(rows, cols int) notes.Matrix {
		M := zeros(rows, cols)
		for i := range M {
			for j := range M[i] {
				M[i][j] = random.NormFloat64()
			}
		}
		return M
	}
	net = &notes.Network{
		Hidden: rapid.SampledFrom(notes.Activations).Draw(t, "hidden"),
		Output: rapid.SampledFrom(notes.Outputs).Draw(t, "output"),
		W1:     randn(n1, nx), B1: randn(n1, 1), W2: randn(n2, n1), B2: randn(n2, 1),
	}
	X, Y = randn(nx, m), zeros(n2, m)
	for j := range m {
		switch net.Output.Name {
		case "sigmoid":
			for i := range Y {
				Y[i][j] = float64(random.IntN(2))
			}
		case "softmax":
			Y[random.IntN(n2)][j] = 1
		default:
			for i := range Y {
				Y[i][j] = random.NormFloat64()
			}
		}
	}
	return net, X, Y
}

func zeros(rows, cols int) notes.Matrix {
	M := make(notes.Matrix, rows)
	for i := range M {
		M[i] = make([]float64, cols)
	}
	return M
}
