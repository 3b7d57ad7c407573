package kernel

// Updates of the parameters p from the gradient g of the cost; u and v are the
// optimiser's moments, element by element beside p. Everything is rounded
// after each operation, in the order written.

// So that subnormals never slow a long run, moments below leastMoment are set to
// 0, and a gradient below leastSquared counts as 0 where it is squared.
const (
	leastMoment  = 1e-30
	leastSquared = 1e-17
)

func flush[T Float](x, least T) T {
	if Abs(x) < least {
		return 0
	}
	return x
}

// Descend: p ← p − rate·g.
func Descend[T Float](p, g []T, rate T) {
	if vector[T]() {
		for lo, hi := range stretches(len(g)) {
			descendVector(hi-lo, at(p[lo:hi]), at(g[lo:hi]), float32(rate))
		}
		return
	}
	for i, d := range g {
		p[i] -= T(rate * d)
	}
}

// Momentum: u ← μ·u + g, p ← p − rate·u.
func Momentum[T Float](p, g, u []T, rate, mu T) {
	if vector[T]() {
		for lo, hi := range stretches(len(g)) {
			momentumVector(hi-lo, at(p[lo:hi]), at(g[lo:hi]), at(u[lo:hi]), float32(rate), float32(mu))
		}
		return
	}
	for i, d := range g {
		u[i] = flush(T(mu*u[i])+d, leastMoment)
		p[i] -= T(rate * u[i])
	}
}

// Nesterov: u ← μ·u + g, p ← p − rate·(g + μ·u).
func Nesterov[T Float](p, g, u []T, rate, mu T) {
	if vector[T]() {
		for lo, hi := range stretches(len(g)) {
			nesterovVector(hi-lo, at(p[lo:hi]), at(g[lo:hi]), at(u[lo:hi]), float32(rate), float32(mu))
		}
		return
	}
	for i, d := range g {
		u[i] = flush(T(mu*u[i])+d, leastMoment)
		p[i] -= T(rate * (d + T(mu*u[i])))
	}
}

// RMSProp: u ← ρ·u + (1 − ρ)·g², p ← p − rate·g / (√u + ε).
func RMSProp[T Float](p, g, u []T, rate, rho, eps T) {
	if vector[T]() {
		for lo, hi := range stretches(len(g)) {
			rmsPropVector(hi-lo, at(p[lo:hi]), at(g[lo:hi]), at(u[lo:hi]), float32(rate), float32(rho), float32(1-rho), float32(eps))
		}
		return
	}
	for i, d := range g {
		s := flush(d, leastSquared)
		u[i] = flush(T(rho*u[i])+T(T((1-rho)*s)*s), leastMoment)
		p[i] -= T(rate*d) / (Sqrt(u[i]) + eps)
	}
}

// Adam: u ← β1·u + (1 − β1)·g, v ← β2·v + (1 − β2)·g²,
// p ← p − rate·(c1·u) / (√(c2·v) + ε), with c1 = 1/(1 − β1ᵗ) and
// c2 = 1/(1 − β2ᵗ) at step t = 1, 2, ….
func Adam[T Float](p, g, u, v []T, rate, beta1, beta2, eps, c1, c2 T) {
	step := rate * c1
	if vector[T]() {
		for lo, hi := range stretches(len(g)) {
			adamVector(hi-lo, at(p[lo:hi]), at(g[lo:hi]), at(u[lo:hi]), at(v[lo:hi]), float32(step), float32(beta1), float32(1-beta1), float32(beta2), float32(1-beta2), float32(eps), float32(c2))
		}
		return
	}
	for i, d := range g {
		s := flush(d, leastSquared)
		u[i] = flush(T(beta1*u[i])+T((1-beta1)*d), leastMoment)
		v[i] = flush(T(beta2*v[i])+T(T((1-beta2)*s)*s), leastMoment)
		p[i] -= T(step*u[i]) / (Sqrt(T(c2*v[i])) + eps)
	}
}

// Decay: p ← p − rate·p, the decoupled weight decay of AdamW.
func Decay[T Float](p []T, rate T) {
	if vector[T]() {
		for lo, hi := range stretches(len(p)) {
			decayVector(hi-lo, at(p[lo:hi]), float32(rate))
		}
		return
	}
	for i, x := range p {
		p[i] = x - T(rate*x)
	}
}
