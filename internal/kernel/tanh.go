package kernel

import "math"

// Tanh returns the hyperbolic tangent of x, within 2.7 ulp; at float64 within 0.6. It
// is exactly odd.
func Tanh[T Float](x T) T {
	if single[T]() {
		return T(tanhSingle(float32(x)))
	}
	// |tanh x| = −E/(2 + E), E = e^(−2|x|) − 1
	h, l, n := expm1Double(-2 * Abs(float64(x)))
	s := powerDouble(n) // n ≥ −73
	h, l = float64(h*s), float64(l*s)
	d, dl := quickSum(2, h, l)
	q, ql := quotient(h, l, d, dl)
	return T(math.Copysign(q+ql, float64(x)))
}

// tanhSingle computes tanh |x| with E = e^(2|x|) − 1: as E/(E + 2) below E = 1,
// which loses nothing near 0, and as 1 − 2/(E + 2) above, which loses little near
// 1, so that 1 − a² is good. From 20 on e^(2|x|) changes nothing.
func tanhSingle(x float32) float32 {
	a := Abs(x)
	t := clamp(a+a, 0, 20)
	// e^t = 2ᵏ·(1 + p) as in expSingle, without the low part of r: tanh changes
	// less than E.
	u := float32(t*math.Log2E) + roundSingle
	k := u - roundSingle
	r := (t - float32(k*ln2HighSingle)) - float32(k*ln2LowSingle)
	p := r + float32(float32(r*r)*polynomial(r, expCoefSingle[:]))
	s := math.Float32frombits(math.Float32bits(u)<<23 + 127<<23) // 2ᵏ
	e := (s - 1) + float32(s*p)
	y := choose[float32](e < 1, 0, 1) + choose(e < 1, e, -2)/(e+2)
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}
