package nn

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Optimizer turns the gradient of the cost into a change of the parameters.
// Each one here is a struct whose zero value works; its fields are the symbols
// of its formula. g is dW or db, t counts steps from 1.
type Optimizer interface {
	// Name is the method's name on the command line.
	Name() string
	// LearningRate is the rate before a schedule's factor.
	LearningRate() float64

	check() error
}

// elementwise is an optimiser that updates each parameter from its own
// gradient: all but LBFGS.
type elementwise interface {
	Optimizer
	moments() int // vectors of state beside the parameters
	update32(u update[float32])
	update64(u update[float64])
}

// update is one optimiser step.
type update[T Float] struct {
	p, g []T // parameters and gradient
	u, v []T // moments, as many as the optimiser has
	rate T   // learning rate × schedule
	step int // t = 1, 2, …
}

// slice is the step on the parameters from lo to hi.
func (u *update[T]) slice(lo, hi int) update[T] {
	part := *u
	for _, x := range []*[]T{&part.p, &part.g, &part.u, &part.v} {
		if *x != nil {
			*x = (*x)[lo:hi]
		}
	}
	return part
}

// GradientDescent: p ← p − rate·g.
type GradientDescent struct {
	Rate float64 // learning rate; 0 means 0.01
}

// Momentum: u ← μ·u + g, p ← p − rate·u (Polyak, 1964).
type Momentum struct {
	Rate float64 // 0 means 0.01
	Mu   float64 // μ; 0 means 0.9
}

// Nesterov: u ← μ·u + g, p ← p − rate·(g + μ·u) (Nesterov, 1983; Sutskever et
// al., 2013).
type Nesterov struct {
	Rate float64 // 0 means 0.01
	Mu   float64 // μ; 0 means 0.9
}

// RMSProp: u ← ρ·u + (1 − ρ)·g², p ← p − rate·g / (√u + ε) (Tieleman and
// Hinton, 2012).
type RMSProp struct {
	Rate    float64 // 0 means 1e-3
	Rho     float64 // ρ; 0 means 0.9
	Epsilon float64 // ε; 0 means 1e-8
}

// Adam: u ← β1·u + (1 − β1)·g, v ← β2·v + (1 − β2)·g²,
// p ← p − rate·û / (√v̂ + ε), û = u/(1 − β1ᵗ), v̂ = v/(1 − β2ᵗ) (Kingma and Ba,
// 2015).
type Adam struct {
	Rate    float64 // 0 means 1e-3
	Beta1   float64 // β1; 0 means 0.9
	Beta2   float64 // β2; 0 means 0.999
	Epsilon float64 // ε; 0 means 1e-8
}

// AdamW is Adam after W ← W − rate·decay·W; biases don't decay (Loshchilov and
// Hutter, 2019).
type AdamW struct {
	Adam
	WeightDecay float64 // 0 means 0.01
}

// LBFGS is the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno
// with a strong Wolfe line search (Nocedal and Wright, 2006, algorithms 7.4,
// 3.5, 3.6). A step is one iteration and takes a cost and a gradient of the
// whole table: for small tables, with every row in one batch. It has no rate.
type LBFGS struct {
	Memory int // pairs kept; 0 means 10
}

// Optimizers lists every optimiser with its defaults, in order of increasing
// complexity.
func Optimizers() []Optimizer {
	return []Optimizer{&GradientDescent{}, &Momentum{}, &Nesterov{}, &RMSProp{}, &Adam{}, &AdamW{}, &LBFGS{}}
}

// OptimizerNamed returns the optimiser of that name with the given rate (0
// means its default).
func OptimizerNamed(name string, rate float64) (Optimizer, error) {
	var o Optimizer
	switch name {
	case "gd":
		o = &GradientDescent{Rate: rate}
	case "momentum":
		o = &Momentum{Rate: rate}
	case "nesterov":
		o = &Nesterov{Rate: rate}
	case "rmsprop":
		o = &RMSProp{Rate: rate}
	case "adam":
		o = &Adam{Rate: rate}
	case "adamw":
		o = &AdamW{Adam: Adam{Rate: rate}}
	case "lbfgs":
		if rate != 0 {
			return nil, fmt.Errorf("nn: optimizer lbfgs has no learning rate: its line search finds the step")
		}
		o = &LBFGS{}
	default:
		var names []string
		for _, o := range Optimizers() {
			names = append(names, o.Name())
		}
		return nil, fmt.Errorf("nn: there is no optimizer %q; there are %s", name, strings.Join(names, ", "))
	}
	return o, o.check()
}

// Name implements Optimizer.
func (o *GradientDescent) Name() string { return "gd" }

// LearningRate implements Optimizer.
func (o *GradientDescent) LearningRate() float64 { return cmp.Or(o.Rate, 0.01) }
func (o *GradientDescent) moments() int          { return 0 }
func (o *GradientDescent) check() error          { return checkRate(o) }

func (o *GradientDescent) update32(u update[float32]) { kernel.Descend(u.p, u.g, u.rate) }
func (o *GradientDescent) update64(u update[float64]) { kernel.Descend(u.p, u.g, u.rate) }

// Name implements Optimizer.
func (o *Momentum) Name() string { return "momentum" }

// LearningRate implements Optimizer.
func (o *Momentum) LearningRate() float64 { return cmp.Or(o.Rate, 0.01) }
func (o *Momentum) moments() int          { return 1 }
func (o *Momentum) check() error          { return checkRate(o, share{"μ", o.Mu}) }

func (o *Momentum) update32(u update[float32]) {
	kernel.Momentum(u.p, u.g, u.u, u.rate, float32(cmp.Or(o.Mu, 0.9)))
}

func (o *Momentum) update64(u update[float64]) {
	kernel.Momentum(u.p, u.g, u.u, u.rate, cmp.Or(o.Mu, 0.9))
}

// Name implements Optimizer.
func (o *Nesterov) Name() string { return "nesterov" }

// LearningRate implements Optimizer.
func (o *Nesterov) LearningRate() float64 { return cmp.Or(o.Rate, 0.01) }
func (o *Nesterov) moments() int          { return 1 }
func (o *Nesterov) check() error          { return checkRate(o, share{"μ", o.Mu}) }

func (o *Nesterov) update32(u update[float32]) {
	kernel.Nesterov(u.p, u.g, u.u, u.rate, float32(cmp.Or(o.Mu, 0.9)))
}

func (o *Nesterov) update64(u update[float64]) {
	kernel.Nesterov(u.p, u.g, u.u, u.rate, cmp.Or(o.Mu, 0.9))
}

// Name implements Optimizer.
func (o *RMSProp) Name() string { return "rmsprop" }

// LearningRate implements Optimizer.
func (o *RMSProp) LearningRate() float64 { return cmp.Or(o.Rate, 1e-3) }
func (o *RMSProp) moments() int          { return 1 }
func (o *RMSProp) check() error          { return checkRate(o, share{"ρ", o.Rho}, share{"ε", o.Epsilon}) }

func (o *RMSProp) update32(u update[float32]) {
	kernel.RMSProp(u.p, u.g, u.u, u.rate, float32(cmp.Or(o.Rho, 0.9)), float32(cmp.Or(o.Epsilon, 1e-8)))
}

func (o *RMSProp) update64(u update[float64]) {
	kernel.RMSProp(u.p, u.g, u.u, u.rate, cmp.Or(o.Rho, 0.9), cmp.Or(o.Epsilon, 1e-8))
}

// Name implements Optimizer.
func (o *Adam) Name() string { return "adam" }

// LearningRate implements Optimizer.
func (o *Adam) LearningRate() float64 { return cmp.Or(o.Rate, 1e-3) }
func (o *Adam) moments() int          { return 2 }
func (o *Adam) check() error {
	return checkRate(o, share{"β1", o.Beta1}, share{"β2", o.Beta2}, share{"ε", o.Epsilon})
}

func (o *Adam) update32(u update[float32]) { adam(o, u) }
func (o *Adam) update64(u update[float64]) { adam(o, u) }

func adam[T Float](o *Adam, u update[T]) {
	beta1, beta2 := cmp.Or(o.Beta1, 0.9), cmp.Or(o.Beta2, 0.999)
	c1, c2 := 1/(1-power(beta1, u.step)), 1/(1-power(beta2, u.step))
	kernel.Adam(u.p, u.g, u.u, u.v, u.rate, T(beta1), T(beta2), T(cmp.Or(o.Epsilon, 1e-8)), T(c1), T(c2))
}

// Name implements Optimizer.
func (o *AdamW) Name() string { return "adamw" }

func (o *AdamW) check() error {
	if !(o.WeightDecay >= 0 && finite(o.WeightDecay)) {
		return fmt.Errorf("nn: optimizer adamw: weight decay %v must be at least 0", o.WeightDecay)
	}
	return o.Adam.check()
}

// shrinkage is the share of W that a step of this rate takes off.
func (o *AdamW) shrinkage(rate float64) float64 { return float64(rate * cmp.Or(o.WeightDecay, 0.01)) }

// Name implements Optimizer.
func (o *LBFGS) Name() string { return "lbfgs" }

// LearningRate implements Optimizer.
func (o *LBFGS) LearningRate() float64 { return 1 }

func (o *LBFGS) check() error {
	if o.Memory < 0 {
		return fmt.Errorf("nn: optimizer lbfgs: memory %d must be at least 0", o.Memory)
	}
	return nil
}

// share is a constant of a method that lies in [0, 1).
type share struct {
	symbol string
	value  float64
}

func checkRate(o Optimizer, shares ...share) error {
	if r := o.LearningRate(); !(r > 0 && finite(r)) {
		return fmt.Errorf("nn: optimizer %s: learning rate %v must be a number above 0", o.Name(), r)
	}
	for _, s := range shares {
		if !(s.value >= 0 && s.value < 1) {
			return fmt.Errorf("nn: optimizer %s: %s = %v is outside 0 ≤ %s < 1", o.Name(), s.symbol, s.value, s.symbol)
		}
	}
	return nil
}
