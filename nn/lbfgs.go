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

// lbfgs is the state of LBFGS. Vectors are in T, their products in float64.
type lbfgs[T Float] struct {
	pairs     []pair[T] // the last ones, oldest first
	spare     []pair[T] // memory of others, one more than can be kept
	direction []T
	start     []T // parameters before the step
	before    []T // gradient before the step
	alpha     []float64
}

// pair is what a step changed: s the parameters, y the gradient.
type pair[T Float] struct {
	s, y []T
	rho  float64 // 1 / yᵀs
}

// newLBFGS makes the memory of a search of so many steps; 0 is unknown.
func newLBFGS[T Float](o *LBFGS, params, steps int) *lbfgs[T] {
	memory := o.Memory
	if memory == 0 {
		memory = 10
	}
	if steps > 0 {
		memory = min(memory, steps)
	}
	l := &lbfgs[T]{
		direction: make([]T, params), start: make([]T, params), before: make([]T, params),
		pairs: make([]pair[T], 0, memory), alpha: make([]float64, memory),
	}
	for range memory + 1 {
		l.spare = append(l.spare, pair[T]{s: make([]T, params), y: make([]T, params)})
	}
	return l
}

// forget starts again from the steepest descent.
func (l *lbfgs[T]) forget() {
	l.spare = append(l.spare, l.pairs...)
	l.pairs = l.pairs[:0]
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
		l.forget()
		l.newton(t.grad)
		slope = kernel.Dot(l.direction, l.before)
	}
	if slope == 0 {
		return cost // a stationary point
	}
	first := 1.0
	if len(l.pairs) == 0 {
		first = min(1, 1/math.Sqrt(kernel.Dot(l.before, l.before)))
	}
	if !l.lineSearch(t, cost, slope, first) {
		copy(p, l.start)
		l.forget()
		return cost
	}
	l.remember(p, t.grad)
	return cost
}

// newton sets direction = −H·g by the two-loop recursion (algorithm 7.4).
func (l *lbfgs[T]) newton(g []T) {
	d := l.direction
	copy(d, g)
	n := len(l.pairs)
	for i := n - 1; i >= 0; i-- {
		p := &l.pairs[i]
		l.alpha[i] = p.rho * kernel.Dot(p.s, d)
		kernel.AddScaled(d, p.y, T(-l.alpha[i]))
	}
	if n > 0 {
		last := &l.pairs[n-1]
		kernel.Scale(d, T(1/(last.rho*kernel.Dot(last.y, last.y))))
	}
	for i := range l.pairs {
		p := &l.pairs[i]
		beta := float64(p.rho * kernel.Dot(p.y, d))
		kernel.AddScaled(d, p.s, T(l.alpha[i]-beta))
	}
	kernel.Scale(d, -1)
}

// remember keeps the pair of this step, if its curvature is positive, in place
// of the oldest.
func (l *lbfgs[T]) remember(p, g []T) {
	now := &l.spare[len(l.spare)-1]
	for i := range now.s {
		now.s[i], now.y[i] = p[i]-l.start[i], g[i]-l.before[i]
	}
	ys := kernel.Dot(now.y, now.s)
	if ys <= float64(1e-10*kernel.Dot(now.y, now.y)) {
		return
	}
	now.rho = 1 / ys
	if n := len(l.pairs); n == cap(l.pairs) {
		oldest := l.pairs[0]
		copy(l.pairs, l.pairs[1:])
		l.pairs[n-1], *now = *now, oldest
		return
	}
	l.pairs = append(l.pairs, *now)
	l.spare = l.spare[:len(l.spare)-1]
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
