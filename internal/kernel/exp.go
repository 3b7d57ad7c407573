package kernel

import "math"

// The elementary functions. math's differ from processor to processor, so each
// is here a sequence of its own: additions, multiplications, divisions, fused
// multiply-adds and operations on bits, each rounded once, without branches
// but selections, the same for every value. The sequences are the
// specification: an assembly version does the same operations in the same
// order, on 8 or 16 values at a time.
//
// Float32 sequences multiply and add apart: a fused multiply-add must be
// emulated where there is no assembly, which made Exp six times slower (55 ns
// for 9), and the errors are small without it. Float64 sequences use it, and
// carry most values as a sum h + l of two float64, |l| far below |h|.
//
// NaN gives NaN; which one is not promised. The polynomials are minimax
// polynomials, found by testdata/fit_polynomials.py; the error beside each is
// its share of the result before coefficients are rounded. The errors in ulp
// are the greatest that the tests have seen, rounded up.

// Exp returns eˣ, within 1 ulp; at float64 within 0.6, or 0.8 if that is
// subnormal.
func Exp[T Float](x T) T {
	if single[T]() {
		p, n := expSingle(clamp(float32(x), -104, 89))
		return T(scaleSingle(1+p, n))
	}
	h, l, n := expDouble(clamp(float64(x), -746, 710), 0)
	h, l = quickSum(1, h, l)
	return T(scaleDouble(h+l, n))
}

// Expm1 returns eˣ − 1, exact to the last places near 0 too: within 2 ulp; at
// float64 within 0.6.
func Expm1[T Float](x T) T {
	if x == 0 {
		return x // −0
	}
	// eˣ − 1 = 2ⁿ·(1 + p) − 1 = 2ⁿ·((1 − 2⁻ⁿ) + p)
	if single[T]() {
		p, n := expSingle(clamp(float32(x), -20, 89))
		return T(scaleSingle((1-powerSingle(-min(n, 64)))+p, n))
	}
	h, l, n := expm1Double(float64(x))
	return T(scaleDouble(h+l, n))
}

// Sigmoid returns σ(x) = 1 / (1 + e⁻ˣ), within 2.5 ulp; at float64 within
// 0.6, or 0.8 if that is subnormal.
func Sigmoid[T Float](x T) T {
	if single[T]() {
		num, d, n := sigmoidSingle(clamp(float32(x), -104, 104))
		return T(scaleSingle(num/d, n))
	}
	h, l, n := sigmoidDouble(clamp(float64(x), -746, 746))
	return T(scaleDouble(h+l, n))
}

// Multiples of ln 2 are taken off in two parts: times any exponent the high
// part is exact.
const (
	ln2HighSingle = 0.693359375      // 10 bits
	ln2LowSingle  = -2.1219444005e-4 // ln 2 − ln2HighSingle
	ln2HighDouble = 0x1.62e42fefa38p-1
	ln2LowDouble  = 0x1.ef35793c7673p-45
)

// Added to and taken from a small value, these leave the nearest integer; in
// between, its bits are the last bits of the sum.
const (
	roundSingle = 0x1.8p23
	roundDouble = 0x1.8p52
)

// expSingle returns p and n with eˣ = 2ⁿ·(1 + p) and p in about ±0.42,
// for |x| < 1000.
func expSingle(x float32) (p float32, n int32) {
	t := float32(x*math.Log2E) + roundSingle
	k := t - roundSingle
	n = int32(math.Float32bits(t)) - int32(math.Float32bits(roundSingle))
	a, b := x-float32(k*ln2HighSingle), float32(k*ln2LowSingle) // a is exact
	r := a - b
	rl := (a - r) - b
	// eʳ − 1 = r + r²·q(r)
	q := polynomial(r, expCoefSingle[:])
	return r + (float32(float32(r*r)*q) + rl), n
}

var expCoefSingle = [...]float32{0.5, 0.166665196, 0.0416662134, 0.00836888421, 0.00139501283} // error 2⁻²⁸

// sigmoidSingle returns σ(x) = 2ᵏ·num/d, with d from 1 to 2 and num from 0.7
// to 1.42: 1/(1 + e⁻ˣ) for x ≥ 0, eˣ/(1 + eˣ) below.
func sigmoidSingle(x float32) (num, d float32, k int32) {
	p, n := expSingle(-Abs(x))
	// Below 2⁻⁶⁴ the exponential makes no difference to d.
	s := powerSingle(max(n, -64))
	d = (1 + s) + float32(s*p)
	if x < 0 {
		k = n
	}
	return choose(x < 0, 1+p, 1+(x-x)), d, k // NaN for NaN
}

// expDouble returns h, l and n with e^(x + xl) = 2ⁿ·(1 + h + l), h + l in
// about ±0.42 and good to 2⁻⁶⁰, for |x| < 2000 and xl that is small beside 1.
func expDouble(x, xl float64) (h, l float64, n int64) {
	t := math.FMA(x, math.Log2E, roundDouble)
	k := t - roundDouble
	n = int64(math.Float64bits(t)) - int64(math.Float64bits(roundDouble))
	r := math.FMA(k, -ln2HighDouble, x) // exact
	r, rl := quickSum(r, math.FMA(k, -ln2LowDouble, xl), 0)
	// eʳ − 1 = r + r²/2 + r³·q(r)
	s := float64(r * r)
	sl := math.FMA(r, r, -s)
	q := float64(float64(r*s) * horner(r, expCoefDouble[:]))
	h, l = quickSum(r, float64(0.5*s), 0)
	h, l = quickSum(h, l+(math.FMA(0.5, sl, q)+math.FMA(rl, r, rl)), 0)
	return h, l, n
}

var expCoefDouble = [...]float64{ // error 2⁻⁶³
	0.16666666666666685, 0.04166666666666667, 0.008333333333316496, 0.0013888888888884214, 0.00019841269897669908,
	2.4801587323360012e-05, 2.7557233618336452e-06, 2.755727684994447e-07, 2.5112457938433943e-08, 2.091323323919422e-09,
}

// expm1Double returns eˣ − 1 as 2ⁿ·(h + l).
func expm1Double(x float64) (h, l float64, n int64) {
	h, l, n = expDouble(clamp(x, -50, 710), 0)
	u, ul := 1.0, -powerDouble(-min(n, 64))
	if n < 0 {
		u, ul = ul, u
	}
	u, ul = quickSum(u, ul, 0)
	h, l = quickSum(u, h, l+ul)
	return h, l, n
}

// sigmoidDouble returns σ(x) as 2ⁿ·(h + l), for |x| < 2000.
func sigmoidDouble(x float64) (h, l float64, n int64) {
	ph, pl, n := expDouble(-Abs(x), 0)
	s := powerDouble(max(n, -128))
	d, dl := quickSum(1+s, float64(s*ph), float64(s*pl))
	if n < -52 {
		dl += s // 1 + s was 1
	}
	num, numl := quickSum(1, ph, pl)
	num, numl = choose(x < 0, num, 1+(x-x)), choose(x < 0, numl, 0) // NaN for NaN
	if !(x < 0) {
		n = 0
	}
	h, l = quotient(num, numl, d, dl)
	return h, l, n
}

// quotient returns (a + al) / (b + bl) as h + l.
func quotient(a, al, b, bl float64) (h, l float64) {
	inverse := 1 / b
	h = float64(a * inverse)
	rest := math.FMA(-h, b, a) + math.FMA(-h, bl, al)
	return quickSum(h, float64(rest*inverse), 0)
}

// quickSum returns a + b + bl as h + l, for |a| ≥ |b| ≥ |bl| or a = 0.
func quickSum(a, b, bl float64) (h, l float64) {
	h = a + b
	return h, (b - (h - a)) + bl
}

// polynomial returns c[0] + c[1]·x + c[2]·x² + …, each product rounded.
func polynomial[T Float](x T, c []T) T {
	p := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		p = T(p*x) + c[i]
	}
	return p
}

// horner returns c[0] + c[1]·x + c[2]·x² + … by fused multiply-adds.
func horner(x float64, c []float64) float64 {
	p := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		p = math.FMA(p, x, c[i])
	}
	return p
}

// scaleSingle returns y·2ⁿ, rounded once, for −250 < n < 250 and y such that
// y·2^(n/2) is normal.
func scaleSingle(y float32, n int32) float32 {
	half := n >> 1
	return float32(float32(y*powerSingle(half)) * powerSingle(n-half))
}

// scaleDouble returns y·2ⁿ, rounded once, for −2000 < n < 2000 and y such that
// y·2^(n/2) is normal.
func scaleDouble(y float64, n int64) float64 {
	half := n >> 1
	return float64(float64(y*powerDouble(half)) * powerDouble(n-half))
}

// powerSingle returns 2ⁿ for −126 ≤ n ≤ 127. Other n, which come from NaN
// only, give some value.
func powerSingle(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// powerDouble returns 2ⁿ for −1022 ≤ n ≤ 1023, as powerSingle does.
func powerDouble(n int64) float64 { return math.Float64frombits(uint64(n+1023) << 52) }

// clamp returns x held between lo and hi; NaN stays.
func clamp[T Float](x, lo, hi T) T {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

// choose returns x if c holds, else y, without a branch, which on the sign of a
// value would be guessed wrong half of the time.
func choose[T Float](c bool, x, y T) T {
	var mask uint64
	if c {
		mask = 1<<64 - 1
	}
	if single[T]() {
		a, b := math.Float32bits(float32(x)), math.Float32bits(float32(y))
		return T(math.Float32frombits(b ^ (a^b)&uint32(mask)))
	}
	a, b := math.Float64bits(float64(x)), math.Float64bits(float64(y))
	return T(math.Float64frombits(b ^ (a^b)&mask))
}
