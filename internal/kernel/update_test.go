package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Two steps along a slope of 1: the second goes further, as μ keeps part of the
// first.
func ExampleMomentum() {
	p, g, u := []float64{10}, []float64{1}, []float64{0}
	Momentum(p, g, u, 1, 0.5)
	fmt.Println(p[0])
	Momentum(p, g, u, 1, 0.5)
	fmt.Println(p[0])
	// Output:
	// 9
	// 7.5
}

// updates are the kernels beside their formulas for one parameter, in float64.
// The constants are powers of two apart, so that both precisions hold them.
const (
	rate, mu, rho, beta1, beta2, eps = 0.0625, 0.875, 0.9375, 0.875, 0.9921875, 0x1p-20
	c1, c2                           = 1 / (1 - beta1*beta1), 1 / (1 - beta2*beta2) // at step 2
)

type moments struct{ p, u, v float64 }

var updates = []struct {
	name    string
	single  func(p, g, u, v []float32)
	double  func(p, g, u, v []float64)
	formula func(m moments, g float64) moments
}{
	{
		"descend",
		func(p, g, _, _ []float32) { Descend(p, g, rate) },
		func(p, g, _, _ []float64) { Descend(p, g, rate) },
		func(m moments, g float64) moments { return moments{m.p - rate*g, m.u, m.v} },
	},
	{
		"momentum",
		func(p, g, u, _ []float32) { Momentum(p, g, u, rate, mu) },
		func(p, g, u, _ []float64) { Momentum(p, g, u, rate, mu) },
		func(m moments, g float64) moments {
			u := mu*m.u + g
			return moments{m.p - rate*u, u, m.v}
		},
	},
	{
		"nesterov",
		func(p, g, u, _ []float32) { Nesterov(p, g, u, rate, mu) },
		func(p, g, u, _ []float64) { Nesterov(p, g, u, rate, mu) },
		func(m moments, g float64) moments {
			u := mu*m.u + g
			return moments{m.p - rate*(g+mu*u), u, m.v}
		},
	},
	{
		"rmsprop",
		func(p, g, u, _ []float32) { RMSProp(p, g, u, rate, rho, eps) },
		func(p, g, u, _ []float64) { RMSProp(p, g, u, rate, rho, eps) },
		func(m moments, g float64) moments {
			u := rho*m.u + (1-rho)*g*g
			return moments{m.p - rate*g/(math.Sqrt(u)+eps), u, m.v}
		},
	},
	{
		"adam",
		func(p, g, u, v []float32) { Adam(p, g, u, v, rate, beta1, beta2, eps, c1, c2) },
		func(p, g, u, v []float64) { Adam(p, g, u, v, rate, beta1, beta2, eps, c1, c2) },
		func(m moments, g float64) moments {
			u, v := beta1*m.u+(1-beta1)*g, beta2*m.v+(1-beta2)*g*g
			return moments{m.p - rate*(c1*u)/(math.Sqrt(c2*v)+eps), u, v}
		},
	},
	{
		"decay",
		func(p, _, _, _ []float32) { Decay(p, rate) },
		func(p, _, _, _ []float64) { Decay(p, rate) },
		func(m moments, _ float64) moments { return moments{m.p - rate*m.p, m.u, m.v} },
	},
}

func TestUpdatesFollowTheirFormulas(t *testing.T) {
	for _, c := range updates {
		t.Run(c.name, func(t *testing.T) {
			checkUpdate(t, c.single, c.formula, 0x1p-24)
			checkUpdate(t, c.double, c.formula, 0x1p-53)
		})
	}
}

func checkUpdate[T Float](t *testing.T, do func(p, g, u, v []T), formula func(moments, float64) moments, unit float64) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	draw := func() T { return T(random.NormFloat64() * math.Ldexp(1, random.IntN(16)-12)) }
	const n = 999
	p, g, u, v := newGuarded[T](n), make([]T, n), newGuarded[T](n), newGuarded[T](n)
	before := make([]moments, n)
	for i := range n {
		g[i] = draw()
		m := moments{float64(draw()), float64(Abs(draw())), float64(Abs(draw()))} // both ≥ 0: the roots exist
		p.inner[i], u.inner[i], v.inner[i] = T(m.p), T(m.u), T(m.v)
		before[i] = m
	}
	do(p.inner, g, u.inner, v.inner)
	for i, m := range before {
		want := formula(m, float64(g[i]))
		// A few roundings, of terms no larger than these.
		size := max(math.Abs(m.p), math.Abs(want.p), math.Abs(want.p-m.p), math.Abs(rate*float64(g[i])))
		near := func(name string, got T, want, size float64) {
			if !(math.Abs(float64(got)-want) <= 8*unit*size) {
				t.Fatalf("%T: %s[%d] is %v, want %v (g = %v, before %+v)", T(0), name, i, got, want, g[i], m)
			}
		}
		near("p", p.inner[i], want.p, size)
		near("u", u.inner[i], want.u, max(math.Abs(m.u), math.Abs(float64(g[i]))))
		near("v", v.inner[i], want.v, max(math.Abs(m.v), math.Abs(want.v)))
	}
	for _, x := range []guarded[T]{p, u, v} {
		if x.all[guard-1] != mark || x.all[guard+n] != mark {
			t.Errorf("%T: wrote outside", T(0))
		}
	}
}

// On every path, in both precisions: what decays goes to 0, and never lingers
// among the subnormal numbers, which are slow.
func TestMomentsBelowTheLeastBecomeZero(t *testing.T) {
	for _, c := range updates {
		t.Run(c.name, func(t *testing.T) {
			checkFlush(t, c.name, c.single)
			checkFlush(t, c.name, c.double)
		})
	}
}

func checkFlush[T Float](t *testing.T, name string, do func(p, g, u, v []T)) {
	t.Helper()
	p, g := []T{1, 1, 1, 1, 1}, make([]T, 5)
	g[4] = T(math.NaN())
	small := func() []T { return []T{1e-30, 9e-31, 4e-30, 0, 0} }
	u, v := small(), small()
	do(p, g, u, v)
	check := func(what string, x []T) {
		if x[0] != 0 || x[1] != 0 || x[3] != 0 {
			t.Errorf("%T: moments %s are %v: what is below 1e-30 should be 0", T(0), what, x)
		}
		if x[2] < 3e-30 {
			t.Errorf("%T: moment %s of 4e-30 became %v", T(0), what, x[2])
		}
		if x[4] == x[4] {
			t.Errorf("%T: a gradient of NaN left the moment %s at %v: it must be seen", T(0), what, x[4])
		}
	}
	if name == "descend" || name == "decay" {
		return // no moments
	}
	check("u", u)
	if name == "adam" {
		check("v", v)
	}
	for i := range 4 {
		if p[i] != 1 {
			t.Errorf("%T: without a gradient, parameter %d went from 1 to %v", T(0), i, p[i])
		}
	}
}

// Its square would be subnormal, or be lost beside any moment that stays.
func TestAGradientTooSmallToSquareCountsAsZero(t *testing.T) {
	for _, g := range []float32{9e-18, 1e-19, 1e-23, 1e-30} {
		p, d, u, v := []float32{1, 1}, []float32{g, g}, []float32{0, 0}, []float32{0, 2e-30}
		Adam(p, d, u, v, 1e-3, 0.9, 0.999, 1e-8, 1, 1)
		if u[0] != flush((1-float32(0.9))*g, leastMoment) || v[0] != 0 || v[1] != float32(0.999)*2e-30 {
			t.Errorf("Adam: a gradient of %v gives u = %v, v = %v", g, u, v)
		}
		u = []float32{0, 2e-30}
		RMSProp(p, d, u, 1e-3, 0.999, 1e-8)
		if u[0] != 0 || u[1] != float32(0.999)*2e-30 {
			t.Errorf("RMSProp: a gradient of %v gives u = %v", g, u)
		}
	}
}

func BenchmarkAdam(b *testing.B) {
	const n = 1 << 16
	p, g, u, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range g {
		g[i] = float32(i%17) - 8
	}
	b.SetBytes(7 * 4 * n) // four are read, three written
	for b.Loop() {
		Adam(p, g, u, v, 1e-3, 0.9, 0.999, 1e-8, 1, 1)
	}
}
