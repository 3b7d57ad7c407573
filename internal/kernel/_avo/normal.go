package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// GELU, and the slopes of GELU and SiLU, are computed in float64, as in normal.go of
// the package: a vector of float32 becomes two, which are a group.

var (
	normalCoefWide = []float64{
		0.7290836901899094, -0.5093319826570122, 0.23001771283217287, -0.0472629912805287, -0.010462712393863309,
		0.00697221294442021, 0.001026273029175471, -0.0010439201238189838, -0.0002510546650936902, 0.00015088526015148829,
		6.70490583927523e-05, -1.2349421040987465e-05, -9.103474428658894e-06,
	}
	expCoefWide = []float64{
		0.999999999999989, 0.49999999999800243, 0.16666666666940744, 0.041666666889422374, 0.008333333231740748,
		0.0013888821931768145, 0.00019841371455557206, 2.4876043938301443e-05, 2.7557311665333787e-06,
	}
)

const (
	ln2HighDouble  = 0x1.62e42fefa38p-1
	ln2LowDouble   = 0x1.ef35793c7673p-45
	roundDouble    = 0x1.8p52
	inverseSqrt2Pi = 0.398942280401432677939946059934381868475858631164934657665926
)

var doubles = map[uint64]Mem{}

// bitsD is a constant of 64 bits, eight times.
func bitsD(b uint64) Mem {
	m, ok := doubles[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("all%016x", b), RODATA|NOPTR)
		for i := range 8 {
			DATA(8*i, U64(b))
		}
		doubles[b] = m
	}
	return m
}

func d(x float64) Mem { return bitsD(math.Float64bits(x)) }

func addD(x, y any) group { return op(func(y Op, x, to VecVirtual) { VADDPD(y, x, to) }, x, y) }
func subD(x, y any) group { return op(func(y Op, x, to VecVirtual) { VSUBPD(y, x, to) }, x, y) }
func mulD(x, y any) group { return op(func(y Op, x, to VecVirtual) { VMULPD(y, x, to) }, x, y) }
func divD(x, y any) group { return op(func(y Op, x, to VecVirtual) { VDIVPD(y, x, to) }, x, y) }

// atLeastD and atMostD hold x within a limit; NaN stays.
func atLeastD(x, limit any) group {
	return op(func(y Op, x, to VecVirtual) { VMAXPD(y, x, to) }, limit, x)
}

func atMostD(x, limit any) group {
	return op(func(y Op, x, to VecVirtual) { VMINPD(y, x, to) }, limit, x)
}

func compareD(predicate uint64, x, y any) group {
	return op(func(y Op, x, to VecVirtual) {
		if wide {
			k := K()
			VCMPPD(Imm(predicate), y, x, k)
			VPMOVM2Q(k, to)
		} else {
			VCMPPD(Imm(predicate), y, x, to)
		}
	}, x, y)
}

func polynomialD(x group, coef []float64) group {
	p := addD(mulD(x, d(coef[len(coef)-1])), d(coef[len(coef)-2]))
	for i := len(coef) - 3; i >= 0; i-- {
		p = addD(mulD(p, x), d(coef[i]))
	}
	return p
}

// inDoubles computes f of one vector of float32 in float64, rounded once.
func inDoubles(x group, f func(x group) group) group {
	if together != 1 {
		panic("avo: a vector in float64 is a group by itself")
	}
	together = 2
	y := f(widened(inRegister(x[0])))
	together = 1
	return group{narrowed(y)}
}

func widened(v VecVirtual) group {
	low, high := vec(), vec()
	if wide {
		upper := YMM()
		VEXTRACTF64X4(Imm(1), v, upper)
		VCVTPS2PD(v.AsY(), low)
		VCVTPS2PD(upper, high)
	} else {
		upper := XMM()
		VEXTRACTF128(Imm(1), v, upper)
		VCVTPS2PD(v.AsX(), low)
		VCVTPS2PD(upper, high)
	}
	return group{low, high}
}

func narrowed(x group) VecVirtual {
	to := vec()
	if wide {
		low, high := ZMM(), YMM()
		VCVTPD2PS(x[0], low.AsY())
		VCVTPD2PS(x[1], high)
		VINSERTF64X4(Imm(1), high, low, to)
	} else {
		low, high := YMM(), XMM()
		VCVTPD2PSY(x[0], low.AsX())
		VCVTPD2PSY(x[1], high)
		VINSERTF128(Imm(1), high, low, to)
	}
	return to
}

// expWideD is expWide.
func expWideD(x group) group {
	t := addD(mulD(x, d(math.Log2E)), d(roundDouble))
	k := subD(t, d(roundDouble))
	n := op(func(y Op, x, to VecVirtual) { VPSUBQ(y, x, to) }, t, d(roundDouble))
	r := subD(subD(x, mulD(k, d(ln2HighDouble))), mulD(k, d(ln2LowDouble)))
	n = op(func(y Op, x, to VecVirtual) { VPADDQ(y, x, to) }, n, bitsD(1023))
	n = of1(func(x Op, _ int, to VecVirtual) { VPSLLQ(Imm(52), x, to) }, n)
	return mulD(addD(mulD(r, polynomialD(r, expCoefWide)), d(1)), n)
}

// tailWideD is tailWide: Φ(−|x|) and φ(x).
func tailWideD(x group) (tail, density group) {
	t := and(x, bitsD(math.MaxInt64))
	e := expWideD(mulD(mulD(t, t), d(-0.5)))
	w := divD(d(1), addD(t, d(3)))
	g := polynomialD(subD(d(1), mulD(w, d(6))), normalCoefWide)
	return mulD(mulD(e, w), g), mulD(e, d(inverseSqrt2Pi))
}

// above0 is 1 − tail where v is above 0, else tail.
func above0(v, tail group) group {
	return choose(compareD(0x1e, v, d(0)), subD(d(1), tail), tail)
}

func gelu(x group) group {
	return inDoubles(x, func(x group) group {
		v := atLeastD(x, d(-15))
		tail, _ := tailWideD(atMostD(v, d(15)))
		return mulD(v, above0(v, tail))
	})
}

func geluSlope(x group) group {
	return inDoubles(x, func(x group) group {
		v := atMostD(atLeastD(x, d(-15)), d(15))
		tail, density := tailWideD(v)
		return addD(above0(v, tail), mulD(v, density))
	})
}

func siluSlope(x group) group {
	return inDoubles(x, func(x group) group {
		v := atMostD(atLeastD(x, d(-60)), d(60))
		e := expWideD(or(v, bitsD(1<<63)))
		r := divD(d(1), addD(e, d(1)))
		below := compareD(0x11, v, d(0))
		rest := mulD(e, r)
		s, t := choose(below, rest, r), choose(below, r, rest)
		return addD(s, mulD(mulD(v, s), t))
	})
}

// silu is siluSingle: x is multiplied before the scaling.
func silu(x group) group {
	held := atMost(atLeast(x, c(-130)), c(130))
	p, n := expParts(or(held, bits(1<<31)))
	num, d, k := sigmoidParts(held, p, n)
	return scale(div(mul(atLeast(x, c(-130)), num), d), k)
}

// normals writes the kernels.
func normals() {
	one := func(name string, f func(x group) group) {
		elementwise(name, []string{"a", "z"}, nil, func(x values) values { return values{"a": f(x["z"])} })
	}
	slope := func(name string, f func(x group) group) {
		elementwise(name, []string{"dz", "z"}, nil, func(x values) values { return values{"dz": mul(x["dz"], f(x["z"]))} })
	}
	one("silu", silu)
	atATime = []int{1}
	one("gelu", gelu)
	slope("geluSlope", geluSlope)
	slope("siluSlope", siluSlope)
	atATime = []int{2, 1}
}
