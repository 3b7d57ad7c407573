package kernel

import "math"

// Φ, the standard normal distribution function, rests on one form of its tail,
// for t ≥ 0,
//
//	Φ(−t) = e^(−t²/2) · G(y) / (t + k),   y = (t − k)/(t + k)
//
// in which G is smooth and, over the whole range of t, one polynomial.

const inverseSqrt2Pi = 0.398942280401432677939946059934381868475858631164934657665926 // 1/√2π

// geluSingle returns x·Φ(x). It computes in float64, and rounds once at the end.
func geluSingle(x float32) float32 {
	v := max(float64(x), -15) // Φ(−15) is 0 in float32
	tail, _ := tailWide(min(v, 15))
	if v > 0 {
		tail = 1 - tail
	}
	return float32(v * tail)
}

// geluSlopeSingle returns Φ(x) + x·φ(x).
func geluSlopeSingle(x float32) float32 {
	v := clamp(float64(x), -15, 15)
	tail, density := tailWide(v)
	if v > 0 {
		tail = 1 - tail
	}
	return float32(tail + float64(v*density))
}

// geluDouble returns x·Φ(x).
func geluDouble(x float64) float64 {
	v := clamp(x, -39, 39)
	h, l, n := normDouble(v)
	p := float64(v * h)
	pl := math.FMA(v, h, -p) + float64(v*l)
	if x > 39 {
		return x
	}
	return scaleDouble(p+pl, n)
}

// geluSlopeDouble returns Φ(x) + x·φ(x), as 1 + s or −s with
// s = t·φ(t) − Φ(−t) = e^(−t²/2)·(t/√2π − Φ(−t)·e^(t²/2)), t = |x|.
func geluSlopeDouble(x float64) float64 {
	v := clamp(x, -39, 39)
	t := Abs(v)
	eh, el, n := expHalfSquare(t)
	h, l := scaledTail(t)
	d := math.FMA(inverseSqrt2Pi, t, -h) - l
	s := scaleDouble(math.FMA(d, eh+el, d), n)
	if v > 0 {
		return 1 + s
	}
	return -s
}

// siluSlopeSingle returns σ(x)·(1 + x·(1 − σ(x))), by way of float64.
func siluSlopeSingle(x float32) float32 {
	v := clamp(float64(x), -60, 60)
	e := expWide(-Abs(v))
	r := 1 / (1 + e)
	s, t := r, float64(e*r) // σ(|x|) and 1 − σ(|x|)
	if v < 0 {
		s, t = t, s
	}
	return float32(s + float64(float64(v*s)*t))
}

// siluSlopeDouble returns σ(x)·(1 + x·(1 − σ(x))).
func siluSlopeDouble(x float64) float64 {
	v := clamp(x, -60, 60)
	t := Sigmoid(-Abs(v))
	s := 1 - t
	if v < 0 {
		s, t = t, s
	}
	return math.FMA(float64(v*s), t, s)
}

// tailWide returns Φ(−|x|) and φ(x) for |x| ≤ 15, within 2⁻³² of them. The
// products are rounded: there is precision to spare, and no fused
// multiply-add in some processors.
func tailWide(x float64) (tail, density float64) {
	t := Abs(x)
	e := expWide(float64(-0.5 * float64(t*t))) // t² is exact for a float32
	w := 1 / (t + 3)
	g := polynomial(1-float64(6*w), normalCoefWide[:])
	return float64(float64(e*w) * g), float64(inverseSqrt2Pi * e)
}

var normalCoefWide = [...]float64{ // error 2⁻³³
	0.7290836901899094, -0.5093319826570122, 0.23001771283217287, -0.0472629912805287, -0.010462712393863309,
	0.00697221294442021, 0.001026273029175471, -0.0010439201238189838, -0.0002510546650936902, 0.00015088526015148829,
	6.70490583927523e-05, -1.2349421040987465e-05, -9.103474428658894e-06,
}

// expWide returns eˣ within 2⁻⁴³ of itself, for |x| < 700.
func expWide(x float64) float64 {
	t := float64(x*math.Log2E) + roundDouble
	k := t - roundDouble
	n := int64(math.Float64bits(t)) - int64(math.Float64bits(roundDouble))
	r := (x - float64(k*ln2HighDouble)) - float64(k*ln2LowDouble)
	return float64((1 + float64(r*polynomial(r, expCoefWide[:]))) * powerDouble(n))
}

var expCoefWide = [...]float64{ // error 2⁻⁴³
	0.999999999999989, 0.49999999999800243, 0.16666666666940744, 0.041666666889422374, 0.008333333231740748,
	0.0013888821931768145, 0.00019841371455557206, 2.4876043938301443e-05, 2.7557311665333787e-06,
}

// normDouble returns Φ(x) as 2ⁿ·(h + l), for |x| ≤ 39.
func normDouble(x float64) (h, l float64, n int64) {
	t := Abs(x)
	eh, el, n := expHalfSquare(t)
	h, l = scaledTail(t)
	// (h + l)·(1 + eh + el)
	p := float64(h * eh)
	pl := math.FMA(h, eh, -p) + math.FMA(h, el, math.FMA(l, eh, l))
	h, l = quickSum(h, p, pl)
	if x > 0 {
		h, l = quickSum(1, -scaleDouble(h, n), -scaleDouble(l, n))
		n = 0
	}
	return h, l, n
}

// expHalfSquare returns e^(−t²/2) as 2ⁿ·(1 + h + l). The rounding error of t²
// goes along: it is worth many ulp in the tail.
func expHalfSquare(t float64) (h, l float64, n int64) {
	s := float64(t * t)
	return expDouble(float64(-0.5*s), float64(-0.5*math.FMA(t, t, -s)))
}

// scaledTail returns Φ(−t)·e^(t²/2) as h + l, for t from 0 to 39.
func scaledTail(t float64) (h, l float64) {
	// w = 1/(t + k), k = 4
	const k = 4
	d := t + k
	b := d - t
	w, wl := quotient(1, 0, d, (k-b)+(t-(d-b)))
	// y = (t − k)/(t + k) = 1 − 2k·w
	y, yl := quickSum(1, float64(-2*k*w), float64(-2*k*wl))
	// G(y + yl) = c + y·g(y) + yl·G'(y)
	g := horner(y, normalCoefDouble[:])
	p := float64(y * g)
	pl := math.FMA(y, g, -p)
	a := normalConstant + p
	b = a - normalConstant
	al := (p - b) + (normalConstant - (a - b))
	al += math.FMA(yl, horner(y, normalSlope[:]), pl+normalConstantLow)
	h = float64(w * a)
	return h, math.FMA(w, a, -h) + math.FMA(w, al, float64(wl*a))
}

// The polynomial G, constant apart, and a rough one of its derivative. Error 2⁻⁵⁹.
const (
	normalConstant    = 0.7552851304157515
	normalConstantLow = -2.2926e-17
)

var (
	normalCoefDouble = [...]float64{
		-0.6078966419718921, 0.38713740074221475, -0.18652185795965726, 0.060396574890923246, -0.007540188966734707,
		-0.003479692367092924, 0.001630818457850122, 0.00013334430894534416, -0.00023109493881769646, -1.908235414862048e-06,
		3.514471391040843e-05, 7.165721634820954e-07, -5.920302104439244e-06, -6.294571243426828e-07, 1.0219303441185654e-06,
		2.714378206990202e-07, -1.5566451787451113e-07, -8.511662393201749e-08, 1.408335129411507e-08, 1.9583519554225156e-08,
		1.4002670105303275e-09, -2.633322685256482e-09, -5.823162421040241e-10, 5.792280387399811e-11,
	}
	normalSlope = [...]float64{-0.6066812874934414, 0.7812567660936767, -0.5804317424599705, 0.2179818658275419}
)
