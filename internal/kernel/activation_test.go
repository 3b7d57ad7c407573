package kernel

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func ExampleTanhBackward() {
	z := []float64{0, 0.5}
	a := make([]float64, 2)
	TanhForward(a, z, 0)
	dz := []float64{1, 1} // ∂L/∂a goes in, ∂L/∂z comes out
	TanhBackward(dz, z, a, 0)
	fmt.Printf("%.4f\n", dz)
	// Output: [1.0000 0.7864]
}

// gate is an activation in both precisions.
type gate struct {
	name               string
	forward32          func(a, z []float32, alpha float32)
	backward32         func(dz, z, a []float32, alpha float32)
	forward64          func(a, z []float64, alpha float64)
	backward64         func(dz, z, a []float64, alpha float64)
	alpha              float64
	formula            func(p *point) float64 // g; nil if it stands among functions
	derivative         func(p *point) float64 // g'; nil if it has no bound
	left, right, slope float64                // g(−Inf), g(+Inf) and g'(0)
}

var gates = []gate{
	{
		"linear", LinearForward[float32], LinearBackward[float32], LinearForward[float64], LinearBackward[float64], 0,
		func(p *point) float64 { return p.x },
		func(p *point) float64 { return 1 },
		math.Inf(-1), math.Inf(1), 1,
	},
	{
		"sigmoid", SigmoidForward[float32], SigmoidBackward[float32], SigmoidForward[float64], SigmoidBackward[float64], 0,
		nil,
		func(p *point) float64 { return p.sigmoid * p.beside },
		0, 1, 0.25,
	},
	{
		"tanh", TanhForward[float32], TanhBackward[float32], TanhForward[float64], TanhBackward[float64], 0,
		nil,
		func(p *point) float64 { return (1 - p.tanh) * (1 + p.tanh) },
		-1, 1, 1,
	},
	{
		"relu", ReLUForward[float32], ReLUBackward[float32], ReLUForward[float64], ReLUBackward[float64], 0,
		func(p *point) float64 { return max(p.x, 0) },
		func(p *point) float64 { return above(p.x, 0) },
		0, math.Inf(1), 0,
	},
	{
		"leaky_relu", LeakyReLUForward[float32], LeakyReLUBackward[float32], LeakyReLUForward[float64], LeakyReLUBackward[float64], 0.01,
		func(p *point) float64 { return max(p.x, 0.01*p.x) },
		func(p *point) float64 { return above(p.x, 0.01) },
		math.Inf(-1), math.Inf(1), 0.01,
	},
	{
		"elu", ELUForward[float32], ELUBackward[float32], ELUForward[float64], ELUBackward[float64], 1,
		func(p *point) float64 { return max(p.x, min(p.expm1, 0)) },
		func(p *point) float64 { return above(p.x, p.exp) },
		-1, math.Inf(1), 1,
	},
	{
		"softplus", SoftplusForward[float32], SoftplusBackward[float32], SoftplusForward[float64], SoftplusBackward[float64], 0,
		nil,
		func(p *point) float64 { return p.sigmoid },
		0, math.Inf(1), 0.5,
	},
	{
		"gelu", GELUForward[float32], GELUBackward[float32], GELUForward[float64], GELUBackward[float64], 0,
		func(p *point) float64 { return max(p.x, -100) * p.normcdf },
		func(p *point) float64 { return p.normcdf + clamp(p.x, -100, 100)*p.density },
		0, math.Inf(1), 0.5,
	},
	{
		"silu", SiLUForward[float32], SiLUBackward[float32], SiLUForward[float64], SiLUBackward[float64], 0,
		func(p *point) float64 { return max(p.x, -700) * p.sigmoid },
		func(p *point) float64 { return p.sigmoid + clamp(p.x, -700, 700)*p.sigmoid*p.beside },
		0, math.Inf(1), 0.5,
	},
	{
		"exp", ExpForward[float32], ExpBackward[float32], ExpForward[float64], ExpBackward[float64], 0,
		nil,
		nil,
		0, math.Inf(1), 1,
	},
}

// point is an x with the values of the functions there, by the standard
// library.
type point struct {
	x, exp, expm1, log, log1p, tanh, softplus float64
	sigmoid, beside                           float64 // σ(x) and 1 − σ(x)
	normcdf, density                          float64 // Φ(x) and φ(x)
}

func newPoint(x float64) *point {
	e := math.Exp(-math.Abs(x))
	p := &point{
		x: x, exp: math.Exp(x), expm1: math.Expm1(x), log: math.Log(x), log1p: math.Log1p(x), tanh: math.Tanh(x),
		softplus: max(x, 0) + math.Log1p(e),
		sigmoid:  1 / (1 + e), beside: e / (1 + e),
		normcdf: math.Erfc(-x/math.Sqrt2) / 2, density: math.Exp(-x*x/2) * inverseSqrt2Pi,
	}
	if x < 0 {
		p.sigmoid, p.beside = p.beside, p.sigmoid
	}
	return p
}

// above is 1 for z > 0, else what is given.
func above(z, below float64) float64 {
	if z > 0 {
		return 1
	}
	return below
}

// evaluate returns g(z) and g'(z) by an activation's slice kernels.
func evaluate[T Float](forward func(a, z []T, alpha T), backward func(dz, z, a []T, alpha T), z, alpha T) (g, slope T) {
	var zs, as, dz [1]T
	zs[0], dz[0] = z, 1
	forward(as[:], zs[:], alpha)
	backward(dz[:], zs[:], as[:], alpha)
	return as[0], dz[0]
}

func (g *gate) at32(z float32) (value, slope float32) {
	return evaluate(g.forward32, g.backward32, z, float32(g.alpha))
}

func (g *gate) at64(z float64) (value, slope float64) {
	return evaluate(g.forward64, g.backward64, z, g.alpha)
}

func TestActivationsAgainstReference(t *testing.T) {
	text, err := os.ReadFile("../../notes/testdata/activations.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct{ Values []map[string]float64 }
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	if len(reference.Values) == 0 {
		t.Fatal("no reference values")
	}
	for _, r := range reference.Values {
		z := r["z"]
		for _, g := range gates {
			if want, ok := r[g.name]; ok && (g.name != "softplus" || z > -88) { // its 50 digits don't hold 1 + e⁻¹⁰⁴
				got, _ := g.at64(z)
				if e := ulps64(got, want, 0); e > 2 {
					t.Errorf("%s(%v) = %v, want %v: %.1f ulp", g.name, z, got, want, e)
				}
			}
			if want, ok := r[g.name+"_prime"]; ok {
				if _, got := g.at64(z); math.Abs(got-want) > 0x1p-52 {
					t.Errorf("%s'(%v) = %v, want %v", g.name, z, got, want)
				}
			}
		}
	}
}

func TestActivationsAtTheLimits(t *testing.T) {
	for _, g := range gates {
		for _, c := range []struct{ z, want float64 }{{math.Inf(-1), g.left}, {math.Inf(1), g.right}} {
			if got, _ := g.at64(c.z); got != c.want {
				t.Errorf("float64 %s(%v) = %v, want %v", g.name, c.z, got, c.want)
			}
			if got, _ := g.at32(float32(c.z)); got != float32(c.want) {
				t.Errorf("float32 %s(%v) = %v, want %v", g.name, c.z, got, c.want)
			}
		}
		if got, _ := g.at64(math.NaN()); got == got {
			t.Errorf("float64 %s(NaN) = %v", g.name, got)
		}
		if got, _ := g.at32(float32(math.NaN())); got == got {
			t.Errorf("float32 %s(NaN) = %v", g.name, got)
		}
		if _, got := g.at64(0); got != g.slope {
			t.Errorf("float64 %s'(0) = %v, want %v", g.name, got, g.slope)
		}
		if _, got := g.at32(0); got != float32(g.slope) {
			t.Errorf("float32 %s'(0) = %v, want %v", g.name, got, g.slope)
		}
	}
}

func TestActivationsWorkInPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SliceOf(rapid.Float32()).Draw(t, "z")
		for _, g := range gates {
			a, inPlace := make([]float32, len(z)), append([]float32(nil), z...)
			g.forward32(a, z, float32(g.alpha))
			g.forward32(inPlace, inPlace, float32(g.alpha))
			for i := range a {
				if math.Float32bits(a[i]) != math.Float32bits(inPlace[i]) {
					t.Fatalf("%s(%v) = %v, in place %v", g.name, z[i], a[i], inPlace[i])
				}
			}
		}
	})
}

func TestActivationsDoNotAllocate(t *testing.T) {
	z, a, dz := make([]float32, 64), make([]float32, 64), make([]float32, 64)
	for _, g := range gates {
		if n := testing.AllocsPerRun(10, func() {
			g.forward32(a, z, 1)
			g.backward32(dz, z, a, 1)
		}); n != 0 {
			t.Errorf("%s allocates %v times", g.name, n)
		}
	}
}

func BenchmarkActivation(b *testing.B) {
	const n = 1 << 14 // more than a branch predictor remembers
	random := rand.New(rand.NewPCG(1, 2))
	var z32, a32, dz32 [n]float32
	var z64, a64, dz64 [n]float64
	for i := range n {
		z64[i] = 8 * (2*random.Float64() - 1)
		z32[i] = float32(z64[i])
	}
	for _, g := range gates {
		run := func(name string, f func()) {
			b.Run(g.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
			})
		}
		alpha := float32(g.alpha)
		run("float32/forward", func() { g.forward32(a32[:], z32[:], alpha) })
		run("float32/backward", func() { g.backward32(dz32[:], z32[:], a32[:], alpha) })
		run("float64/forward", func() { g.forward64(a64[:], z64[:], g.alpha) })
		run("float64/backward", func() { g.backward64(dz64[:], z64[:], a64[:], g.alpha) })
	}
}
