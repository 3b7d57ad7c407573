package kernel

import "math"

// Tanh returns the hyperbolic tangent of x, within 1.2 ulp; at float64 within 0.6. It
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

func tanhSingle(x float32) float32 {
	a := Abs(x)
	// From 1 on: 1 − 2e/(1 + e), e = e^(−2|x|) = s·(1 + p).
	p, n := expSingle(clamp(-2*a, -40, 0))
	s := powerSingle(n) // n ≥ −58
	y := 1 - float32(float32(2*s)*(1+p))/((1+s)+float32(s*p))
	// Below: x + x³·q(x²).
	z := float32(a * a)
	y = choose(a < 1, a+float32(float32(a*z)*polynomial(z, tanhCoefSingle[:])), y)
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}

var tanhCoefSingle = [...]float32{ // error 2⁻²⁷
	-0.333332956, 0.133323446, -0.0538798124, 0.021486681, -0.00794613641, 0.00230138353, -0.0003584566,
}
