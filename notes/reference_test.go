package notes_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/shoal-nn/shoal/notes"
)

// testdata/README.md says where the reference values come from.

func TestActivationsAreWithinTwoUlp(t *testing.T) {
	for _, want := range activationValues(t) {
		z := want["z"]
		for _, g := range notes.Activations {
			if g.Name == notes.Linear.Name { // its own reference
				continue
			}
			a := g.G(z)
			if d := ulps(a, want[g.Name]); d > 2 {
				t.Errorf("%s(%v) = %v, want %v: %d ulp apart", g.Name, z, a, want[g.Name], d)
			}
			near(t, fmt.Sprintf("%s′(%v)", g.Name, z), g.Prime(a), want[g.Name+"_prime"], 0x1p-52)
		}
	}
}

func TestCrossEntropyOfLargeLogitsIsWithinTwoUlp(t *testing.T) {
	// The reference is log(1 + eᶻ) with 50 digits. Of e⁻¹⁰⁴ they keep 4, so that
	// it is wrong in the fifth: by 1e-51.
	const lost = 1e-50
	for _, want := range activationValues(t) {
		z := []float64{want["z"]}
		for y, name := range []string{"bce_with_logit_y0", "bce_with_logit_y1"} {
			loss := notes.SigmoidOutput.Loss(z, []float64{float64(y)})
			if math.Abs(loss-want[name]) <= lost {
				continue
			}
			if d := ulps(loss, want[name]); d > 2 {
				t.Errorf("loss of z = %v, y = %d is %v, want %v: %d ulp apart", z[0], y, loss, want[name], d)
			}
		}
	}
}

// Every two-layer network of PyTorch's: a forward and a backward pass, then five
// steps of gradient descent.
func TestNetworksAgreeWithAutograd(t *testing.T) {
	const tolerance = 1e-12
	var file struct {
		Nets map[string]struct {
			Sizes          []int
			Hidden, Output string
			X, Y           notes.Matrix
			W, B           []notes.Matrix
			Z, A, DZ       []notes.Matrix
			DW, DB         []notes.Matrix
			J              float64
			Costs          []float64      `json:"J_before_each_step"`
			W5             []notes.Matrix `json:"W_after_5"`
			B5             []notes.Matrix `json:"b_after_5"`
		}
	}
	load(t, "networks.json", &file)

	tested := 0
	for name, want := range file.Nets {
		if len(want.Sizes) != 3 {
			continue // of three layers
		}
		tested++
		t.Run(name, func(t *testing.T) {
			net := notes.Network{
				Hidden: activation(t, want.Hidden), Output: output(t, want.Output),
				W1: want.W[0], B1: want.B[0], W2: want.W[1], B2: want.B[1],
			}
			p, err := net.Forward(want.X)
			if err != nil {
				t.Fatal(err)
			}
			nearMatrix(t, "Z1", p.Z1, want.Z[0], tolerance)
			nearMatrix(t, "A1", p.A1, want.A[0], tolerance)
			nearMatrix(t, "Z2", p.Z2, want.Z[1], tolerance)
			nearMatrix(t, "A2", p.A2, want.A[1], tolerance)

			J, err := net.Cost(p, want.Y)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "J", J, want.J, tolerance)

			d, err := net.Backward(p, want.Y)
			if err != nil {
				t.Fatal(err)
			}
			nearMatrix(t, "dZ2", d.DZ2, want.DZ[1], tolerance)
			nearMatrix(t, "dW2", d.DW2, want.DW[1], tolerance)
			nearMatrix(t, "db2", d.DB2, want.DB[1], tolerance)
			nearMatrix(t, "dZ1", d.DZ1, want.DZ[0], tolerance)
			nearMatrix(t, "dW1", d.DW1, want.DW[0], tolerance)
			nearMatrix(t, "db1", d.DB1, want.DB[0], tolerance)

			// The linear network runs away: at J = 34.7 the reference itself is 1.2e-12
			// off what 60 digits give, hence the relative tolerance.
			for i, before := range want.Costs {
				J, err := net.Step(want.X, want.Y, 0.5)
				if err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprintf("J before step %d", i+1), J, before, tolerance*max(1, before))
			}
			nearMatrix(t, "W1 after 5 steps", net.W1, want.W5[0], tolerance)
			nearMatrix(t, "b1 after 5 steps", net.B1, want.B5[0], tolerance)
			nearMatrix(t, "W2 after 5 steps", net.W2, want.W5[1], tolerance)
			nearMatrix(t, "b2 after 5 steps", net.B2, want.B5[1], tolerance)
		})
	}
	if tested != 17 {
		t.Errorf("tested %d two-layer networks, want 17", tested)
	}
}

// The flower of the course, 400 examples, trained as the course does.
func TestFlowerCostsWhatTheCoursePublishes(t *testing.T) {
	var file struct {
		X, Y notes.Matrix
		Runs []struct {
			Units, Steps   int
			Rate           float64
			Initial, Final struct{ W1, B1, W2, B2 notes.Matrix }
			Costs          []float64 `json:"cost_every_1000"`
			Accuracy       float64
		}
	}
	load(t, "planar.json", &file)

	for _, run := range file.Runs {
		t.Run(fmt.Sprintf("%d units %d steps", run.Units, run.Steps), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && run.Units > 5 {
				t.Skip("the largest network takes seconds")
			}
			steps := run.Steps
			if run.Units == 20 {
				steps = 4000 // after it the run amplifies the last bit of a tanh
			}
			if testing.Short() {
				steps = 1000
			}
			net := notes.Network{
				Hidden: notes.Tanh, Output: notes.SigmoidOutput,
				W1: run.Initial.W1, B1: run.Initial.B1, W2: run.Initial.W2, B2: run.Initial.B2,
			}
			for step := range steps {
				J, err := net.Step(file.X, file.Y, run.Rate)
				if err != nil {
					t.Fatal(err)
				}
				if step%1000 == 0 {
					near(t, fmt.Sprintf("J at step %d", step), J, run.Costs[step/1000], 1e-6)
				}
			}
			p, err := net.Forward(file.X)
			if err != nil {
				t.Fatal(err)
			}
			J, err := net.Cost(p, file.Y)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprintf("J at step %d", steps), J, run.Costs[steps/1000], 1e-6)
			if steps < run.Steps {
				return
			}
			nearMatrix(t, "W1", net.W1, run.Final.W1, 1e-4)
			nearMatrix(t, "b1", net.B1, run.Final.B1, 1e-4)
			nearMatrix(t, "W2", net.W2, run.Final.W2, 1e-4)
			nearMatrix(t, "b2", net.B2, run.Final.B2, 1e-4)

			right := 0.0
			for i, a := range p.A2[0] {
				if (a > 0.5) == (file.Y[0][i] == 1) {
					right++
				}
			}
			near(t, "accuracy", right/float64(len(p.A2[0])), run.Accuracy, 0)
		})
	}
}

func activationValues(t *testing.T) []map[string]float64 {
	var file struct{ Values []map[string]float64 }
	load(t, "activations.json", &file)
	if len(file.Values) == 0 {
		t.Fatal("activations.json has no values")
	}
	return file.Values
}

func load(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func activation(t *testing.T, name string) notes.Activation {
	t.Helper()
	for _, g := range notes.Activations {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no activation is called %q", name)
	return notes.Activation{}
}

func output(t *testing.T, name string) notes.Output {
	t.Helper()
	for _, o := range notes.Outputs {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no output is called %q", name)
	return notes.Output{}
}

// near says whether got is within tolerance of want, absolute.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) { // NaN is near nothing
		t.Errorf("%s = %v, want %v: %.2g apart, more than %.2g", what, got, want, math.Abs(got-want), tolerance)
	}
}

func nearMatrix(t *testing.T, what string, got, want notes.Matrix, tolerance float64) {
	t.Helper()
	if got.Rows() != want.Rows() || got.Cols() != want.Cols() {
		t.Errorf("%s is (%d, %d), want (%d, %d)", what, got.Rows(), got.Cols(), want.Rows(), want.Cols())
		return
	}
	for i := range want {
		for j := range want[i] {
			near(t, fmt.Sprintf("%s[%d][%d]", what, i, j), got[i][j], want[i][j], tolerance)
		}
	}
}

// ulps is how many float64 lie between a and b.
func ulps(a, b float64) uint64 {
	order := func(x float64) int64 { // of the same order as x
		if i := int64(math.Float64bits(x)); i >= 0 {
			return i
		} else {
			return math.MinInt64 - i
		}
	}
	i, j := order(a), order(b)
	return uint64(max(i, j) - min(i, j))
}
