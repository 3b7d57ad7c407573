package main

import "math"

// The coefficients and the sequences are those of exp.go and tanh.go in the
// package; a test compares every result.

var (
	log1pCoef = []float32{0.0833330154, 0.0125067802, 0.00218743482, 0.000547351956}

	expCoef = []float32{0.5, 0.166665196, 0.0416662134, 0.00836888421, 0.00139501283}
	logCoef = []float32{0.333333135, -0.250000089, 0.200021178, -0.166679934, 0.142195582, -0.124056309, 0.118881755, -0.116754204, 0.0674632043}
)

const (
	round   = 0x1.8p23
	ln2High = 0.693359375
	ln2Low  = -2.1219444005e-4
)

// expParts is expSingle: p and n with eˣ = 2ⁿ·(1 + p).
func expParts(x group) (p, n group) {
	t := add(mul(x, c(math.Log2E)), c(round))
	k := sub(t, c(round))
	n = subInts(t, c(round))
	a, b := sub(x, mul(k, c(ln2High))), mul(k, c(ln2Low))
	r := sub(a, b)
	rl := sub(sub(a, r), b)
	q := polynomial(r, expCoef)
	return add(r, add(mul(mul(r, r), q), rl)), n
}

func exp(x group) group { return expOf(atMost(atLeast(x, c(-104)), c(89))) }

// expOf is exp of x that is held within limits.
func expOf(x group) group {
	p, n := expParts(x)
	return scale(add(p, c(1)), n)
}

// farLogit is kernel.farLogit.
const farLogit = 69

func sigmoid(x group) group {
	x = atMost(atLeast(x, c(-104)), c(104))
	p, n := expParts(or(x, bits(1<<31)))
	return sigmoidOf(x, p, n)
}

// sigmoidOf is σ(x), given p and n of e^−|x|.
func sigmoidOf(x, p, n group) group {
	num, d, k := sigmoidParts(x, p, n)
	return scale(div(num, d), k)
}

// sigmoidParts is sigmoidSingle: σ(x) = 2ᵏ·num/d.
func sigmoidParts(x, p, n group) (num, d, k group) {
	s := power(largerInt(n, bits(0xffffffc0))) // −64
	d = add(add(s, c(1)), mul(s, p))
	below := less(x, c(0))
	return choose(below, add(p, c(1)), add(sub(x, x), c(1))), d, and(n, below)
}

func tanh(x group) group {
	a := abs(x)
	t := atMost(add(a, a), c(20))
	u := add(mul(t, c(math.Log2E)), c(round))
	k := sub(u, c(round))
	r := sub(sub(t, mul(k, c(ln2High))), mul(k, c(ln2Low)))
	q := polynomial(r, expCoef) // before r², so that registers suffice for three
	p := add(r, mul(mul(r, r), q))
	s := addInts(shiftLeft(23, u), bits(127<<23))
	e := add(sub(s, c(1)), mul(s, p))
	below := less(e, c(1))
	y := add(without(below, c(1)), div(choose(below, e, held(c(-2))), add(e, c(2))))
	return or(y, and(x, bits(1<<31)))
}

// log is logSingle.
func log(x group) group {
	small := less(x, c(0x1p-126))
	m := choose(small, mul(x, c(0x1p23)), x)
	b := addInts(m, bits(0x3f800000-0x3f3504f3))
	k := shiftRight(23, b)
	k = subInts(addInts(k, and(small, bits(0xffffffe9))), bits(127)) // −23
	fk := fromInts(k)
	f := sub(addInts(and(b, bits(1<<23-1)), bits(0x3f3504f3)), c(1))
	z := mul(f, f)
	y := mul(mul(z, f), polynomial(f, logCoef))
	y = add(sub(y, mul(z, c(0.5))), mul(fk, c(ln2Low)))
	high := mul(fk, c(ln2High))
	s := add(high, f)
	y = add(s, add(sub(f, sub(s, high)), y))
	ordinary := and(greater(x, c(0)), atMostMask(x, c(math.MaxFloat32)))
	y = choose(ordinary, y, sqrt(x)) // +Inf, or NaN
	return choose(equal(x, c(0)), held(c(float32(math.Inf(-1)))), y)
}

// expm1 is Expm1: 2ⁿ·((1 − 2⁻ⁿ) + p).
func expm1(x group) group {
	p, n := expParts(atMost(atLeast(x, c(-20)), c(89)))
	below := power(subInts(bits(0), smallerInt(n, bits(64))))
	return choose(equal(x, c(0)), x, scale(add(sub(c(1), below), p), n))
}

// softplus is Softplus: max(x, 0) + log(1 + e^−|x|).
func softplus(x group) group {
	top := without(less(x, c(0)), x)
	p, n := expParts(atMost(atLeast(or(x, bits(1<<31)), c(-104)), c(0)))
	return add(top, log1pOf(p, n))
}

// log1pOf is log(1 + e), given p and n of e.
func log1pOf(p, n group) group {
	e := scale(add(p, c(1)), n)
	// log(1 + e) = w + w³·q(w²), w = 2e/(2 + e)
	w := div(add(e, e), add(e, c(2)))
	// Of a small w nothing is left of the cube, but it might be subnormal on the way.
	u := flush(w, 0x1p-20)
	v := mul(u, u)
	return add(w, mul(mul(u, v), polynomial(v, log1pCoef)))
}

// larger0 is the larger of x and 0; NaN stays, and −0.
func larger0(x group) group { return atLeast(x, c(0)) }

// elements writes the elementwise kernels.
func elements() {
	one := func(name string, f func(x group) group) {
		elementwise(name, []string{"a", "z"}, nil, func(x values) values { return values{"a": f(x["z"])} })
	}
	one("relu", larger0)
	one("softplus", softplus)
	one("sigmoid", sigmoid)
	atATime = []int{3, 2, 1}
	one("tanh", tanh)
	atATime = []int{2, 1}
	one("exp", exp)
	one("log", log)
	elementwise("leakyReLU", []string{"a", "z"}, []string{"alpha"}, func(x values) values {
		return values{"a": choose(greater(x["z"], c(0)), x["z"], mul(x["z"], x["alpha"]))}
	})

	elementwise("elu", []string{"a", "z"}, []string{"alpha"}, func(x values) values {
		return values{"a": choose(greater(x["z"], c(0)), x["z"], mul(expm1(x["z"]), x["alpha"]))}
	})

	slope := func(name string, scalars []string, f func(x values) group) {
		elementwise(name, []string{"dz", "a"}, scalars, func(x values) values { return values{"dz": f(x)} })
	}
	slope("reluSlope", nil, func(x values) group { return and(greater(x["a"], c(0)), x["dz"]) })
	slope("leakyReLUSlope", []string{"alpha"}, func(x values) group {
		return mul(x["dz"], choose(greater(x["a"], c(0)), held(c(1)), x["alpha"]))
	})
	slope("sigmoidSlope", nil, func(x values) group { return mul(x["dz"], mul(x["a"], sub(c(1), x["a"]))) })
	slope("tanhSlope", nil, func(x values) group {
		return mul(x["dz"], mul(sub(c(1), x["a"]), add(x["a"], c(1))))
	})

	slope("eluSlope", []string{"alpha"}, func(x values) group {
		return mul(x["dz"], choose(greater(x["a"], c(0)), held(c(1)), add(x["a"], x["alpha"])))
	})
	slope("softplusSlope", nil, func(x values) group {
		minus := bits(1 << 31)
		return mul(x["dz"], xor(expm1(xor(x["a"], minus)), minus))
	})

	// The losses: l is an output's share of the loss, before it is added up.
	elementwise("logistic", []string{"a", "dz", "l", "z", "y"}, nil, func(x values) values {
		z, y := x["z"], x["y"]
		held := atMost(atLeast(z, c(-farLogit)), c(farLogit))
		p, n := expParts(or(held, bits(1<<31)))
		l := add(sub(add(larger0(z), c(0)), mul(z, y)), add(log1pOf(p, n), c(0)))
		a := sigmoidOf(held, p, n)
		return values{"a": a, "dz": sub(a, y), "l": l}
	})
	elementwise("halfSquared", []string{"l", "da", "a", "y"}, nil, func(x values) values {
		e := sub(x["a"], x["y"])
		return values{"da": e, "l": mul(mul(e, c(0.5)), e)}
	})
	elementwise("difference", []string{"dz", "a", "y"}, nil, func(x values) values { return values{"dz": sub(x["a"], x["y"])} })
	elementwise("add", []string{"dst", "x"}, nil, func(x values) values { return values{"dst": add(x["dst"], x["x"])} })
	elementwise("multiply", []string{"dst", "x"}, nil, func(x values) values { return values{"dst": mul(x["dst"], x["x"])} })
	elementwise("divideBy", []string{"x"}, []string{"s"}, func(x values) values { return values{"x": div(x["x"], x["s"])} })
	elementwise("scale", []string{"x"}, []string{"s"}, func(x values) values { return values{"x": mul(x["x"], x["s"])} })
	elementwise("addScaled", []string{"dst", "x"}, []string{"s"}, func(x values) values {
		return values{"dst": add(x["dst"], mul(x["x"], x["s"]))}
	})

	elementwise("expBelow", []string{"a", "z"}, []string{"peak"}, func(x values) values {
		return values{"a": expOf(atLeast(sub(x["z"], x["peak"]), c(-farLogit)))}
	})

	// The optimisers' updates; scalars that are computed once are given.
	const leastMoment, leastSquared = 1e-30, 1e-17
	elementwise("descend", []string{"p", "d"}, []string{"rate"}, func(x values) values {
		return values{"p": sub(x["p"], mul(x["d"], x["rate"]))}
	})
	elementwise("decay", []string{"p"}, []string{"rate"}, func(x values) values {
		return values{"p": sub(x["p"], mul(x["p"], x["rate"]))}
	})
	elementwise("momentum", []string{"p", "d", "u"}, []string{"rate", "mu"}, func(x values) values {
		u := flush(add(mul(x["u"], x["mu"]), x["d"]), leastMoment)
		return values{"u": u, "p": sub(x["p"], mul(u, x["rate"]))}
	})
	elementwise("nesterov", []string{"p", "d", "u"}, []string{"rate", "mu"}, func(x values) values {
		u := flush(add(mul(x["u"], x["mu"]), x["d"]), leastMoment)
		return values{"u": u, "p": sub(x["p"], mul(add(x["d"], mul(u, x["mu"])), x["rate"]))}
	})
	elementwise("rmsProp", []string{"p", "d", "u"}, []string{"rate", "rho", "rest", "eps"}, func(x values) values {
		s := flush(x["d"], leastSquared)
		u := flush(add(mul(x["u"], x["rho"]), mul(mul(s, x["rest"]), s)), leastMoment)
		return values{"u": u, "p": sub(x["p"], div(mul(x["d"], x["rate"]), add(sqrt(u), x["eps"])))}
	})
	elementwise("adam", []string{"p", "d", "u", "v"}, []string{"step", "beta1", "rest1", "beta2", "rest2", "eps", "c2"}, func(x values) values {
		s := flush(x["d"], leastSquared)
		u := flush(add(mul(x["u"], x["beta1"]), mul(x["d"], x["rest1"])), leastMoment)
		v := flush(add(mul(x["v"], x["beta2"]), mul(mul(s, x["rest2"]), s)), leastMoment)
		return values{"u": u, "v": v, "p": sub(x["p"], div(mul(u, x["step"]), add(sqrt(mul(v, x["c2"])), x["eps"])))}
	})
}
