package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elementwise writes a kernel that does the same to every element of some
// slices, up to three vectors at a time and the rest under a mask:
//
//	func nameVector(n int, arrays *float32…, scalars float32…)
//
// body takes the elements and returns what is to be stored.
func elementwise(name string, arrays, scalars []string, body func(x values) values) {
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
		spread := map[string]VecVirtual{}
		for _, s := range scalars {
			spread[s] = vec()
			from, err := Param(s).Resolve()
			if err != nil {
				panic(err)
			}
			VBROADCASTSS(from.Addr, spread[s])
		}
		once := func(t *tail) {
			x := values{}
			for s, v := range spread {
				x[s] = slices.Repeat(group{v}, together)
			}
			for i := range together {
				for _, a := range arrays {
					from := Mem{Base: at[a], Disp: i * size()}
					if t == nil {
						x[a] = append(x[a], from) // from memory where it is used: registers are few
						continue
					}
					v := vec()
					t.load(from, v)
					x[a] = append(x[a], v)
				}
			}
			results := body(x)
			for i := range together {
				for _, a := range arrays {
					if r, ok := results[a]; ok {
						t.store(inRegister(r[i]), Mem{Base: at[a], Disp: i * size()})
					}
				}
			}
		}
		for _, vectors := range atATime {
			together = vectors
			name := fmt.Sprintf("%sby%d", prefix, vectors)
			Label(name)
			CMPQ(n, Imm(uint64(vectors*lanesNow())))
			JLT(LabelRef("after_" + name))
			once(nil)
			for _, a := range arrays {
				ADDQ(U32(uint32(vectors*size())), at[a])
			}
			SUBQ(Imm(uint64(vectors*lanesNow())), n)
			JMP(LabelRef(name))
			Label("after_" + name)
		}
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

// A group is some vectors side by side, of which the same is asked: each waits for
// its own results, so that a processor which looks only so far ahead has more to
// do. They are in registers or in memory.
type group []Op

// values are what a kernel has of its slices and scalars.
type values = map[string]group

// atATime are the numbers of vectors that a kernel takes, the most first.
var atATime = []int{2, 1}

// together is the number of vectors in a group.
var together = 1

// ofGroup is vector i of an operand, which may be a constant.
func ofGroup(x any, i int) Op {
	if g, ok := x.(group); ok {
		return g[i]
	}
	return x.(Op)
}

func inRegister(x Op) VecVirtual {
	v, ok := x.(VecVirtual)
	if !ok {
		v = vec()
		VMOVUPS(x, v)
	}
	return v
}

// The operations of a lane; an operand is a group or a constant.

func op(f func(y Op, x, to VecVirtual), x, y any) group {
	if m, ok := x.(Mem); ok {
		x = held(m)
	}
	return of1(func(x Op, i int, to VecVirtual) { f(ofGroup(y, i), inRegister(x), to) }, x)
}

func of1(f func(x Op, i int, to VecVirtual), x any) group {
	var all group
	for i := range together {
		to := vec()
		f(ofGroup(x, i), i, to)
		all = append(all, to)
	}
	return all
}

// held is a constant in a register.
func held(m Mem) group { return slices.Repeat(group{inRegister(m)}, together) }

func add(x, y any) group { return op(func(y Op, x, to VecVirtual) { VADDPS(y, x, to) }, x, y) }
func sub(x, y any) group { return op(func(y Op, x, to VecVirtual) { VSUBPS(y, x, to) }, x, y) }
func mul(x, y any) group { return op(func(y Op, x, to VecVirtual) { VMULPS(y, x, to) }, x, y) }
func div(x, y any) group { return op(func(y Op, x, to VecVirtual) { VDIVPS(y, x, to) }, x, y) }
func and(x, y any) group { return op(func(y Op, x, to VecVirtual) { VANDPS(y, x, to) }, x, y) }
func or(x, y any) group  { return op(func(y Op, x, to VecVirtual) { VORPS(y, x, to) }, x, y) }

func xor(x, y any) group { return op(func(y Op, x, to VecVirtual) { VXORPS(y, x, to) }, x, y) }

// without is x where the mask is not set, else 0.
func without(mask, x any) group {
	return op(func(y Op, x, to VecVirtual) { VANDNPS(y, x, to) }, mask, x)
}

func sqrt(x any) group {
	return of1(func(x Op, _ int, to VecVirtual) { VSQRTPS(x, to) }, x)
}

// Comparisons without an order are false, as in Go, but for !=.
func less(x, y any) group       { return compare(0x11, x, y) }
func atMostMask(x, y any) group { return compare(0x12, x, y) }
func greater(x, y any) group    { return compare(0x1e, x, y) }
func equal(x, y any) group      { return compare(0x00, x, y) }
func differ(x, y any) group     { return compare(0x04, x, y) }

// atLeast and atMost hold x within a limit; NaN stays.
func atLeast(x, limit any) group {
	return op(func(y Op, x, to VecVirtual) { VMAXPS(y, x, to) }, limit, x)
}

func atMost(x, limit any) group {
	return op(func(y Op, x, to VecVirtual) { VMINPS(y, x, to) }, limit, x)
}

func abs(x any) group { return and(x, bits(0x7fffffff)) }

// Operations on the bits as integers.

func addInts(x, y any) group {
	return op(func(y Op, x, to VecVirtual) { VPADDD(y, x, to) }, x, y)
}

func subInts(x, y any) group {
	return op(func(y Op, x, to VecVirtual) { VPSUBD(y, x, to) }, x, y)
}

func largerInt(x, y any) group {
	return op(func(y Op, x, to VecVirtual) { VPMAXSD(y, x, to) }, x, y)
}

func smallerInt(x, y any) group {
	return op(func(y Op, x, to VecVirtual) { VPMINSD(y, x, to) }, x, y)
}

func shiftLeft(bits uint64, x any) group {
	return of1(func(x Op, _ int, to VecVirtual) { VPSLLD(Imm(bits), x, to) }, x)
}

func shiftRight(bits uint64, x any) group {
	return of1(func(x Op, _ int, to VecVirtual) { VPSRLD(Imm(bits), x, to) }, x)
}

// fromInts is the integers as float32.
func fromInts(x any) group { return of1(func(x Op, _ int, to VecVirtual) { VCVTDQ2PS(x, to) }, x) }

func halfInt(x group) group {
	return of1(func(x Op, _ int, to VecVirtual) { VPSRAD(Imm(1), x, to) }, x)
}

// power is powerSingle: 2ⁿ.
func power(n group) group {
	return shiftLeft(23, addInts(n, bits(127)))
}

// scale is scaleSingle: y·2ⁿ in two steps.
func scale(y, n group) group {
	half := halfInt(n)
	return mul(mul(y, power(half)), power(subInts(n, half)))
}

// polynomial is c[0] + c[1]·x + …, each product rounded.
func polynomial(x group, coef []float32) group {
	p := add(mul(x, c(coef[len(coef)-1])), c(coef[len(coef)-2]))
	for i := len(coef) - 3; i >= 0; i-- {
		p = add(mul(p, x), c(coef[i]))
	}
	return p
}

// flush is x, or 0 where it is below the least.
func flush(x group, least float32) group { return without(less(abs(x), c(least)), x) }
