package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elementwise writes a kernel that does the same to every element of some
// slices, eight at a time and the rest under a mask:
//
//	func nameAVX2(n int, arrays *float32…, scalars float32…)
//
// body takes the elements and returns what is to be stored.
func elementwise(name string, arrays, scalars []string, body func(x map[string]VecVirtual) map[string]VecVirtual) {
	params := "n int"
	if len(arrays) > 0 {
		params += ", " + strings.Join(arrays, ", ") + " *float32"
	}
	if len(scalars) > 0 {
		params += ", " + strings.Join(scalars, ", ") + " float32"
	}
	TEXT(name+"AVX2", NOSPLIT, "func("+params+")")
	Doc(name + "AVX2 is " + strings.ToUpper(name[:1]) + name[1:] + " for n float32.")
	Pragma("noescape")

	n := Load(Param("n"), GP64())
	at := map[string]Register{}
	for _, a := range arrays {
		at[a] = Load(Param(a), GP64())
	}
	values := map[string]VecVirtual{}
	for _, s := range scalars {
		values[s] = YMM()
		x := Load(Param(s), XMM())
		VBROADCASTSS(x.(VecVirtual).AsX(), values[s])
	}

	once := func(load func(Mem, VecVirtual), store func(VecVirtual, Mem)) {
		x := map[string]VecVirtual{}
		for s, v := range values {
			x[s] = v
		}
		for _, a := range arrays {
			x[a] = YMM()
			load(Mem{Base: at[a]}, x[a])
		}
		results := body(x)
		for _, a := range arrays {
			if r, ok := results[a]; ok {
				store(r, Mem{Base: at[a]})
			}
		}
	}
	Label("loop")
	CMPQ(n, Imm(8))
	JLT(LabelRef("rest"))
	once(func(m Mem, v VecVirtual) { VMOVUPS(m, v) }, func(v VecVirtual, m Mem) { VMOVUPS(v, m) })
	for _, a := range arrays {
		ADDQ(Imm(32), at[a])
	}
	SUBQ(Imm(8), n)
	JMP(LabelRef("loop"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	masks, mask := GP64(), YMM()
	LEAQ(tailMasks(), masks)
	NEGQ(n)
	VMOVDQU(Mem{Base: masks, Index: n, Scale: 4, Disp: 32}, mask)
	once(func(m Mem, v VecVirtual) { VMASKMOVPS(m, mask, v) }, func(v VecVirtual, m Mem) { VMASKMOVPS(v, mask, m) })
	Label("done")
	VZEROUPPER()
	RET()
}

// The constants are in memory, eight of each.
var constants = map[uint32]Mem{}

func bits(b uint32) Mem {
	m, ok := constants[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("eight%08x", b), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(b))
		}
		constants[b] = m
	}
	return m
}

func c(x float32) Mem { return bits(math.Float32bits(x)) }

// The operations of a lane; the second operand may be a constant.

func op(f func(y Op, x, to VecVirtual), x, y Op) VecVirtual {
	a, ok := x.(VecVirtual)
	if !ok {
		a = YMM()
		VMOVUPS(x, a)
	}
	to := YMM()
	f(y, a, to)
	return to
}

func add(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VADDPS(y, x, to) }, x, y) }
func sub(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VSUBPS(y, x, to) }, x, y) }
func mul(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VMULPS(y, x, to) }, x, y) }
func div(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VDIVPS(y, x, to) }, x, y) }
func and(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VANDPS(y, x, to) }, x, y) }
func or(x, y Op) VecVirtual  { return op(func(y Op, x, to VecVirtual) { VORPS(y, x, to) }, x, y) }

func xor(x, y Op) VecVirtual { return op(func(y Op, x, to VecVirtual) { VXORPS(y, x, to) }, x, y) }

// without is x where the mask is not set, else 0.
func without(mask, x Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VANDNPS(y, x, to) }, mask, x)
}

func sqrt(x Op) VecVirtual {
	to := YMM()
	VSQRTPS(x, to)
	return to
}

// Comparisons without an order are false, as in Go, but for !=.
func less(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VCMPPS(Imm(0x11), y, x, to) }, x, y)
}

func atMostMask(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VCMPPS(Imm(0x12), y, x, to) }, x, y)
}

func greater(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VCMPPS(Imm(0x1e), y, x, to) }, x, y)
}

func equal(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VCMPPS(Imm(0x00), y, x, to) }, x, y)
}

func differ(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VCMPPS(Imm(0x04), y, x, to) }, x, y)
}

// choose is x where the mask is set, else y.
func choose(mask, x, y VecVirtual) VecVirtual {
	to := YMM()
	VBLENDVPS(mask, x, y, to)
	return to
}

// atLeast and atMost hold x within a limit; NaN stays.
func atLeast(x, limit Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VMAXPS(y, x, to) }, limit, x)
}

func atMost(x, limit Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VMINPS(y, x, to) }, limit, x)
}

func abs(x Op) VecVirtual { return and(x, bits(0x7fffffff)) }

// Operations on the bits as integers.

func addInts(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VPADDD(y, x, to) }, x, y)
}

func subInts(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VPSUBD(y, x, to) }, x, y)
}

func largerInt(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VPMAXSD(y, x, to) }, x, y)
}

func smallerInt(x, y Op) VecVirtual {
	return op(func(y Op, x, to VecVirtual) { VPMINSD(y, x, to) }, x, y)
}

func halfInt(x VecVirtual) VecVirtual {
	to := YMM()
	VPSRAD(Imm(1), x, to)
	return to
}

// power is powerSingle: 2ⁿ.
func power(n VecVirtual) VecVirtual {
	to := YMM()
	VPSLLD(Imm(23), addInts(n, bits(127)), to)
	return to
}

// scale is scaleSingle: y·2ⁿ in two steps.
func scale(y, n VecVirtual) VecVirtual {
	half := halfInt(n)
	return mul(mul(y, power(half)), power(subInts(n, half)))
}

// polynomial is c[0] + c[1]·x + …, each product rounded.
func polynomial(x VecVirtual, coef []float32) VecVirtual {
	p := add(mul(x, c(coef[len(coef)-1])), c(coef[len(coef)-2]))
	for i := len(coef) - 3; i >= 0; i-- {
		p = add(mul(p, x), c(coef[i]))
	}
	return p
}

// flush is x, or 0 where it is below the least moment.
func flush(x VecVirtual) VecVirtual { return without(less(abs(x), c(1e-30)), x) }
