package kernel

import "math"

// An activation has two kernels, in place or not, without allocation:
//
//	forward(a, z, α)       a = g(z)          a may be z
//	backward(dz, z, a, α)  dz = dz ∘ g'(z)   with a = g(z)
//
// All slices have the same length. Backward only reads a and z: GELU and SiLU
// need z and no a, the others a and no z, and what isn't needed may be nil. α is
// the parameter of leaky ReLU and ELU, ≥ 0; the others ignore it. A NaN in z
// gives a NaN in a.
//
// The values are within 4 ulp at float32 and 2 at float64 over the whole range,
// subnormal ones too; the derivatives within 2⁻²³ and 2⁻⁵².

// LinearForward: a = z.
func LinearForward[T Float](a, z []T, _ T) { copy(a, z) }

// LinearBackward: g' = 1.
func LinearBackward[T Float](_, _, _ []T, _ T) {}

// SigmoidForward: a = σ(z) = 1 / (1 + e⁻ᶻ).
func SigmoidForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			sigmoidVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		a[i] = Sigmoid(v)
	}
}

// SigmoidBackward: g' = a·(1 − a).
func SigmoidBackward[T Float](dz, _, a []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			sigmoidSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]))
		}
		return
	}
	for i, v := range a {
		dz[i] *= T(v * (1 - v))
	}
}

// TanhForward: a = tanh z.
func TanhForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			tanhVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		a[i] = Tanh(v)
	}
}

// TanhBackward: g' = 1 − a², computed as (1 − a)·(1 + a), which loses less
// near ±1 than a rounded a².
func TanhBackward[T Float](dz, _, a []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			tanhSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]))
		}
		return
	}
	for i, v := range a {
		dz[i] *= T((1 - v) * (1 + v))
	}
}

// ReLUForward: a = max(0, z). −0 stays −0, as the processor's maximum has it.
func ReLUForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			reluVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		if v < 0 {
			v = 0
		}
		a[i] = v
	}
}

// ReLUBackward: g' = 1[a > 0].
func ReLUBackward[T Float](dz, _, a []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			reluSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]))
		}
		return
	}
	for i, v := range a {
		dz[i] = choose(v > 0, dz[i], 0)
	}
}

// LeakyReLUForward: a = z above 0, α·z below.
func LeakyReLUForward[T Float](a, z []T, alpha T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			leakyReLUVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]), float32(alpha))
		}
		return
	}
	for i, v := range z {
		a[i] = choose(v > 0, v, T(alpha*v))
	}
}

// LeakyReLUBackward: g' = 1 if a > 0, else α.
func LeakyReLUBackward[T Float](dz, _, a []T, alpha T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			leakyReLUSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]), float32(alpha))
		}
		return
	}
	for i, v := range a {
		dz[i] *= choose(v > 0, 1, alpha)
	}
}

// ELUForward: a = z above 0, α·(eᶻ − 1) below.
func ELUForward[T Float](a, z []T, alpha T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			eluVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]), float32(alpha))
		}
		return
	}
	for i, v := range z {
		a[i] = choose(v > 0, v, T(alpha*Expm1(v)))
	}
}

// ELUBackward: g' = 1 if a > 0, else α·eᶻ = a + α.
func ELUBackward[T Float](dz, _, a []T, alpha T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			eluSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]), float32(alpha))
		}
		return
	}
	for i, v := range a {
		dz[i] *= choose(v > 0, 1, v+alpha)
	}
}

// SoftplusForward: a = log(1 + eᶻ).
func SoftplusForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			softplusVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		a[i] = Softplus(v)
	}
}

// SoftplusBackward: g' = σ(z) = 1 − e⁻ᵃ.
func SoftplusBackward[T Float](dz, _, a []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			softplusSlopeVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]))
		}
		return
	}
	for i, v := range a {
		dz[i] *= -Expm1(-v)
	}
}

// GELUForward: a = z·Φ(z), Φ the normal distribution function.
// Hendrycks and Gimpel, Gaussian Error Linear Units, 2016.
func GELUForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			geluVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		if single[T]() {
			a[i] = T(geluSingle(float32(v)))
		} else {
			a[i] = T(geluDouble(float64(v)))
		}
	}
}

// GELUBackward: g' = Φ(z) + z·φ(z), φ the normal density.
func GELUBackward[T Float](dz, z, _ []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			geluSlopeVector(hi-lo, at(dz[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		if single[T]() {
			dz[i] *= T(geluSlopeSingle(float32(v)))
		} else {
			dz[i] *= T(geluSlopeDouble(float64(v)))
		}
	}
}

// SiLUForward: a = z·σ(z).
func SiLUForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			siluVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		if single[T]() {
			a[i] = T(siluSingle(float32(v)))
		} else {
			a[i] = T(siluDouble(float64(v)))
		}
	}
}

// SiLUBackward: g' = σ(z)·(1 + z·(1 − σ(z))).
func SiLUBackward[T Float](dz, z, _ []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			siluSlopeVector(hi-lo, at(dz[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		if single[T]() {
			dz[i] *= T(siluSlopeSingle(float32(v)))
		} else {
			dz[i] *= T(siluSlopeDouble(float64(v)))
		}
	}
}

// ExpForward: a = eᶻ, the mean of a count in Poisson regression.
func ExpForward[T Float](a, z []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(z)) {
			expVector(hi-lo, at(a[lo:hi]), at(z[lo:hi]))
		}
		return
	}
	for i, v := range z {
		a[i] = Exp(v)
	}
}

// ExpBackward: g' = a.
func ExpBackward[T Float](dz, _, a []T, _ T) {
	if vector[T]() {
		for lo, hi := range stretches(len(a)) {
			multiplyVector(hi-lo, at(dz[lo:hi]), at(a[lo:hi]))
		}
		return
	}
	for i, v := range a {
		dz[i] *= v
	}
}

// siluSingle returns x·σ(x). Below, x is multiplied before the scaling, so that
// no precision is lost where σ is subnormal and the product isn't.
func siluSingle(x float32) float32 {
	num, d, n := sigmoidSingle(clamp(x, -130, 130))
	return scaleSingle(float32(max(x, -130)*num)/d, n)
}

// siluDouble returns x·σ(x), as siluSingle does.
func siluDouble(x float64) float64 {
	v := clamp(x, -760, 760)
	h, l, n := sigmoidDouble(v)
	p := float64(v * h)
	pl := math.FMA(v, h, -p) + float64(v*l)
	if x > 760 {
		return x
	}
	return scaleDouble(p+pl, n)
}
