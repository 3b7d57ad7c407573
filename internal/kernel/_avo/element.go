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
// slices, a vector at a time and the rest under a mask:
//
//	func nameVector(n int, arrays *float32…, scalars float32…)
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
	TEXT(name+"Vector", NOSPLIT, "func("+params+")")
	Doc(name + "Vector is " + strings.ToUpper(name[:1]) + name[1:] + " for n float32.")
	Pragma("noescape")

	n := Load(Param("n"), GP64())
	at := map[string]Register{}
	for _, a := range arrays {
		at[a] = Load(Param(a), GP64())
	}
	eachWidth(func(prefix string) {
		values := map[string]VecVirtual{}
		for _, s := range scalars {
			values[s] = vec()
			x := Load(Param(s), XMM())
			VBROADCASTSS(x.(VecVirtual).AsX(), values[s])
		}
		once := func(t *tail) {
			x := map[string]VecVirtual{}
			for s, v := range values {
				x[s] = v
			}
			for _, a := range arrays {
				x[a] = vec()
				t.load(Mem{Base: at[a]}, x[a])
			}
			results := body(x)
			for _, a := range arrays {
				if r, ok := results[a]; ok {
					t.store(r, Mem{Base: at[a]})
				}
			}
		}
		Label(prefix + "loop")
		CMPQ(n, Imm(uint64(lanesNow())))
		JLT(LabelRef(prefix + "rest"))
		once(nil)
		for _, a := range arrays {
			ADDQ(Imm(uint64(size())), at[a])
		}
		SUBQ(Imm(uint64(lanesNow())), n)
		JMP(LabelRef(prefix + "loop"))
		Label(prefix + "rest")
		TESTQ(n, n)
		JZ(LabelRef(prefix + "done"))
		once(firstLanes(n.(GPVirtual)))
		Label(prefix + "done")
		VZEROUPPER()
		RET()
	})
}

// The constants are in memory, sixteen of each.
var constants = map[uint32]Mem{}

func bits(b uint32) Mem {
	m, ok := constants[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("all%08x", b), RODATA|NOPTR)
		for i := range 16 {
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
		a = vec()
		VMOVUPS(x, a)
	}
	to := vec()
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
	to := vec()
	VSQRTPS(x, to)
	return to
}

// Comparisons without an order are false, as in Go, but for !=.
func less(x, y Op) VecVirtual       { return compare(0x11, x, y) }
func atMostMask(x, y Op) VecVirtual { return compare(0x12, x, y) }
func greater(x, y Op) VecVirtual    { return compare(0x1e, x, y) }
func equal(x, y Op) VecVirtual      { return compare(0x00, x, y) }
func differ(x, y Op) VecVirtual     { return compare(0x04, x, y) }

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
	to := vec()
	VPSRAD(Imm(1), x, to)
	return to
}

// power is powerSingle: 2ⁿ.
func power(n VecVirtual) VecVirtual {
	to := vec()
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
