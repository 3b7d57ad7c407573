package explain_test

import (
	"math"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/explain"
	"github.com/shoal-nn/shoal/nn"
)

func TestTheTableHasTheNotesValues(t *testing.T) {
	r, err := explain.Activations(nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU(0.01))
	if err != nil {
		t.Fatal(err)
	}
	// By hand, at z = −2, 0 and 2: 1/(1 + e²) and so on.
	want := map[string][2][3]float64{ // a, a′
		"sigmoid":    {{1 / (1 + math.Exp(2)), 0.5, 1 / (1 + math.Exp(-2))}, {0.104993585403507, 0.25, 0.104993585403507}},
		"tanh":       {{math.Tanh(-2), 0, math.Tanh(2)}, {0.070650824853164, 1, 0.070650824853164}},
		"relu":       {{0, 0, 2}, {0, 0, 1}},
		"leaky_relu": {{-0.02, 0, 2}, {0.01, 0.01, 1}},
	}
	for _, g := range r.Activations {
		for k, i := range []int{0, 4, 8} { // z = −2, 0, 2
			if r.Z[i] != float64(2*k-2) {
				t.Fatalf("z[%d] = %v", i, r.Z[i])
			}
			if w := want[g.Name]; math.Abs(g.A[i]-w[0][k]) > 1e-14 || math.Abs(g.Slope[i]-w[1][k]) > 1e-14 {
				t.Errorf("%s(%v) = %v, slope %v; want %v and %v", g.Name, r.Z[i], g.A[i], g.Slope[i], w[0][k], w[1][k])
			}
		}
	}
}

func TestEveryDerivativeAgreesWithItsDifference(t *testing.T) {
	r, err := explain.Derivatives()
	if err != nil {
		t.Fatal(err)
	}
	kinks := 0
	for _, d := range r.Activations {
		within := 1e-8
		if d.Name == "elu" {
			within = 1e-5 // g″ jumps at 0
		}
		if !d.OK || d.Worst > within {
			t.Errorf("%s: OK %v, %v apart", d.Name, d.OK, d.Worst)
		}
		for _, k := range d.Kinks {
			kinks++
			if k.Z != 0 || k.Right != 1 {
				t.Errorf("%s: %+v", d.Name, k)
			}
		}
	}
	if kinks != 2 { // ReLU and leaky ReLU; ELU with α = 1 has none
		t.Errorf("%d kinks, want 2", kinks)
	}
}

func TestSoftmaxHasNoCurve(t *testing.T) {
	if _, err := explain.Activations(nn.Softmax); err == nil || !strings.Contains(err.Error(), "has no curve") {
		t.Errorf("%v", err)
	}
}
