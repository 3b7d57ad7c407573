package kernel

import "math"

// Log returns the natural logarithm of x, within 1 ulp, at float64
// 0.7: −Inf for 0, NaN below.
func Log[T Float](x T) T {
	if single[T]() {
		return T(logSingle(float32(x)))
	}
	v := float64(x)
	m, k := v, int64(0)
	if v < 0x1p-1022 {
		m, k = float64(v*0x1p54), -54
	}
	m, e := splitDouble(m)
	y, yl := logDouble(k+e, m-1, 0)
	return T(logLimits(v, y+yl))
}

// Softplus returns log(1 + eˣ), within 2.9 ulp; at float64 within 0.8. It is
// computed as max(x, 0) + log(1 + e^−|x|).
func Softplus[T Float](x T) T {
	top := x
	if x < 0 {
		top = 0
	}
	if single[T]() {
		p, n := expSingle(clamp(-Abs(float32(x)), -104, 0))
		return top + T(log1pSingle(scaleSingle(1+p, n)))
	}
	h, l, n := expDouble(clamp(-Abs(float64(x)), -746, 0), 0)
	h, l = quickSum(1, h, l)
	y, yl := log1pDouble(scaleDouble(h, n), scaleDouble(l, n))
	s, sl := quickSum(float64(top), y, yl)
	if top < T(y) {
		s, sl = quickSum(y, float64(top), yl)
	}
	if x > 746 {
		return x // Inf too
	}
	return T(s + sl)
}

// The bits of √½. A value's bits, less these, have in their upper part the
// power of two that leaves a factor from √½ to √2, and in their lower part the
// bits of that factor, less these.
const (
	sqrtHalfSingle = 0x3f3504f3
	sqrtHalfDouble = 0x3fe6a09e667f3bcd
)

// logSingle returns log x for every float32.
func logSingle(x float32) float32 {
	m, k := x, int32(0)
	if x < 0x1p-126 {
		m, k = float32(x*0x1p23), -23
	}
	// x = 2ᵏ·m, m from √½ to √2.
	b := math.Float32bits(m) + (0x3f800000 - sqrtHalfSingle)
	k += int32(b>>23) - 127
	f := math.Float32frombits(b&(1<<23-1)+sqrtHalfSingle) - 1
	// log(1 + f) = f − f²/2 + f³·q(f)
	z := float32(f * f)
	y := float32(float32(z*f) * polynomial(f, logCoefSingle[:]))
	y = (y - float32(0.5*z)) + float32(float32(k)*ln2LowSingle)
	high := float32(float32(k) * ln2HighSingle) // exact
	s := high + f
	y = s + ((f - (s - high)) + y)
	switch {
	case x == 0:
		return float32(math.Inf(-1))
	case !(x > 0 && x <= math.MaxFloat32):
		return float32(math.Sqrt(float64(x))) // +Inf, or NaN
	}
	return y
}

var logCoefSingle = [...]float32{ // error 2⁻³⁰
	0.333333135, -0.250000089, 0.200021178, -0.166679934, 0.142195582, -0.124056309, 0.118881755, -0.116754204, 0.0674632043,
}

// log1pSingle returns log(1 + e) for 0 ≤ e ≤ 1.
func log1pSingle(e float32) float32 {
	// log(1 + e) = 2·artanh(w/2) = w + w³·q(w²), w = 2e/(2 + e)
	w := float32(2*e) / (2 + e)
	v := float32(w * w)
	return w + float32(float32(w*v)*polynomial(v, log1pCoefSingle[:]))
}

var log1pCoefSingle = [...]float32{0.0833330154, 0.0125067802, 0.00218743482, 0.000547351956} // error 2⁻²⁷

// log1pDouble returns log(1 + e + el) as h + l, for 0 ≤ e ≤ 1.
func log1pDouble(e, el float64) (h, l float64) {
	k, f, fl := int64(0), e, el
	if e > math.Sqrt2-1 {
		// 1 + e = 2·(1 + (e − 1)/2)
		d := e - 1
		k, f, fl = 1, float64(0.5*d), float64(0.5*((e-(d+1))+el))
	}
	return logDouble(k, f, fl)
}

// splitDouble returns m and k with x = 2ᵏ·m and m from √½ to √2, for normal x.
func splitDouble(x float64) (m float64, k int64) {
	b := math.Float64bits(x) + (0x3ff0000000000000 - sqrtHalfDouble)
	return math.Float64frombits(b&(1<<52-1) + sqrtHalfDouble), int64(b>>52) - 1023
}

// logDouble returns k·ln 2 + log(1 + f + fl) as h + l, for f from √½ − 1 to
// √2 − 1 and fl that is small beside 1, and beside f unless that is 0.
func logDouble(k int64, f, fl float64) (h, l float64) {
	// log(1 + f) = f − f²/2 + s·(f²/2 + s²·q(s²)), s = f/(2 + f)
	s := f / (2 + f)
	z := float64(s * s)
	halfF := float64(0.5 * f)
	hf := float64(halfF * f)
	hfl := math.FMA(halfF, f, -hf)
	c := math.FMA(z, horner(z, logCoefDouble[:]), hf)
	c = float64(s * c)
	a, al := quickSum(f, -hf, -hfl)
	high := float64(float64(k) * ln2HighDouble) // exact
	h, l = quickSum(high, a, al)
	c = math.FMA(float64(k), ln2LowDouble, c) + math.FMA(-fl, f, fl)
	return quickSum(h, l+c, 0)
}

var logCoefDouble = [...]float64{ // error 2⁻⁵⁹
	0.6666666666666734, 0.39999999999414704, 0.28571428742387633, 0.22222198572615212, 0.18183564380846962,
	0.15314048629204083, 0.14795973117954497,
}

// logLimits returns y = log x, or what it should be where x isn't positive and
// finite.
func logLimits(x, y float64) float64 {
	switch {
	case x == 0:
		return math.Inf(-1)
	case !(x > 0 && x <= math.MaxFloat64):
		return math.Sqrt(x) // +Inf, or NaN
	}
	return y
}
