package nn

import (
	"math"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// The constants of the line search, Nocedal and Wright's for quasi-Newton
// methods.
const (
	sufficient = 1e-4 // c1: the least decrease, as a share of what the slope promises
	curvature  = 0.9  // c2: the largest slope left, as a share of the first
	maxSearch  = 25   // cost evaluations of one line search
)

// lbfgs is the state of LBFGS: the last pairs of s, the change of the
// parameters, and y, the change of the gradient. Vectors are in T, their
// products in float64.
type lbfgs[T Float] struct {
	memory    int
	s, y      [][]T
	rho       []float64 // 1 / yᵀs
	direction []T
	start     []T // parameters before the step
	before    []T // gradient before the step
	alpha     []float64
}

func newLBFGS[T Float](o *LBFGS, params int) *lbfgs[T] {
	l := &lbfgs[T]{memory: o.Memory}
	if l.memory == 0 {
		l.memory = 10
	}
	l.direction, l.start, l.before = make([]T, params), make([]T, params), make([]T, params)
	l.alpha = make([]float64, l.memory)
	return l
}

// iterate makes one iteration on the trainer's batch and returns the cost
// before it.
func (l *lbfgs[T]) iterate(t *TrainerOf[T]) float64 {
	p := t.Net.params
	cost := t.gradient()
	if t.err = t.checkGradient(cost); t.err != nil {
		return cost
	}
	copy(l.start, p)
	copy(l.before, t.grad)
	l.newton(t.grad)
	slope := kernel.Dot(l.direction, l.before)
	if !(slope < 0) { // no descent: start again from the steepest one
		l.s, l.y, l.rho = l.s[:0], l.y[:0], l.rho[:0]
		l.newton(t.grad)
		slope = kernel.Dot(l.direction, l.before)
	}
	if slope == 0 {
		return cost // a stationary point
	}
	first := 1.0
	if len(l.s) == 0 {
		first = min(1, 1/math.Sqrt(kernel.Dot(l.before, l.before)))
	}
	if !l.lineSearch(t, cost, slope, first) {
		copy(p, l.start)
		l.s, l.y, l.rho = l.s[:0], l.y[:0], l.rho[:0]
		return cost
	}
	l.remember(p, t.grad)
	return cost
}

// newton sets direction = −H·g by the two-loop recursion (algorithm 7.4).
func (l *lbfgs[T]) newton(g []T) {
	d := l.direction
	copy(d, g)
	for i := len(l.s) - 1; i >= 0; i-- {
		l.alpha[i] = l.rho[i] * kernel.Dot(l.s[i], d)
		kernel.AddScaled(d, l.y[i], T(-l.alpha[i]))
	}
	if n := len(l.s); n > 0 {
		kernel.Scale(d, T(1/(l.rho[n-1]*kernel.Dot(l.y[n-1], l.y[n-1]))))
	}
	for i := range l.s {
		beta := float64(l.rho[i] * kernel.Dot(l.y[i], d))
		kernel.AddScaled(d, l.s[i], T(l.alpha[i]-beta))
	}
	kernel.Scale(d, -1)
}

// remember keeps the pair of this step, if its curvature is positive.
func (l *lbfgs[T]) remember(p, g []T) {
	var s, y []T
	if len(l.s) == l.memory { // reuse the oldest
		s, y = l.s[0], l.y[0]
		l.s, l.y, l.rho = append(l.s[:0], l.s[1:]...), append(l.y[:0], l.y[1:]...), append(l.rho[:0], l.rho[1:]...)
	} else {
		s, y = make([]T, len(p)), make([]T, len(p))
	}
	for i := range s {
		s[i], y[i] = p[i]-l.start[i], g[i]-l.before[i]
	}
	ys := kernel.Dot(y, s)
	if ys <= float64(1e-10*kernel.Dot(y, y)) {
		return
	}
	l.s, l.y, l.rho = append(l.s, s), append(l.y, y), append(l.rho, 1/ys)
}

// point is a place on the line: φ(α) and φ'(α).
type point struct{ alpha, cost, slope float64 }

// at evaluates the cost at start + α·direction; the gradient stays in t.grad.
func (l *lbfgs[T]) at(t *TrainerOf[T], alpha float64) point {
	p := t.Net.params
	copy(p, l.start)
	kernel.AddScaled(p, l.direction, T(alpha))
	cost := t.gradient()
	if !finite(cost) || kernel.NotFinite(t.grad) >= 0 {
		return point{alpha, math.Inf(1), math.Inf(1)}
	}
	return point{alpha, cost, kernel.Dot(l.direction, t.grad)}
}

// lineSearch looks for an α with the strong Wolfe conditions (algorithms 3.5
// and 3.6) and leaves the parameters there; if none is found, at the best
// point that decreased enough. It says whether there was one.
func (l *lbfgs[T]) lineSearch(t *TrainerOf[T], cost, slope, alpha float64) bool {
	origin := point{0, cost, slope}
	enough := func(p point) bool { return p.cost <= cost+float64(sufficient*p.alpha*slope) }
	flat := func(p point) bool { return math.Abs(p.slope) <= -float64(curvature*slope) }

	low, high := origin, point{}
	bracketed := false
	for n := 0; n < maxSearch; n++ {
		now := l.at(t, alpha)
		switch {
		case !enough(now) || now.cost >= low.cost && low.alpha > 0:
			high, bracketed = now, true
		case flat(now):
			return true
		case now.slope >= 0 && !bracketed:
			low, high, bracketed = now, low, true
		case bracketed:
			if float64(now.slope*(high.alpha-low.alpha)) >= 0 {
				high = low
			}
			low = now
		default:
			low = now
		}
		if !bracketed {
			alpha = 2 * now.alpha
			continue
		}
		if math.Abs(high.alpha-low.alpha) <= float64(1e-9*max(low.alpha, high.alpha)) {
			break
		}
		alpha = minimise(low, high)
	}
	if low.alpha == 0 {
		return false
	}
	l.at(t, low.alpha)
	return true
}

// minimise returns the minimum of the cubic through two points and their
// slopes, held off the ends; their middle where the cubic has none.
func minimise(a, b point) float64 {
	width := b.alpha - a.alpha
	middle := a.alpha + float64(0.5*width)
	if math.IsInf(b.cost, 0) {
		return a.alpha + float64(0.1*width)
	}
	d1 := a.slope + b.slope - float64(3*(a.cost-b.cost))/(a.alpha-b.alpha)
	square := float64(d1*d1) - float64(a.slope*b.slope)
	if !(square >= 0) {
		return middle
	}
	d2 := math.Sqrt(square)
	if width < 0 {
		d2 = -d2
	}
	at := b.alpha - float64(width*((b.slope+d2-d1)/(b.slope-a.slope+float64(2*d2))))
	if !finite(at) || math.Abs(at-a.alpha) < math.Abs(0.1*width) || math.Abs(at-b.alpha) < math.Abs(0.1*width) {
		return middle
	}
	return at
}
