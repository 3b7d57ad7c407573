package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Most kernels are written twice in one function, for vectors of 8 float32 (AVX2)
// and of 16 (AVX-512: F, DQ, VL; and BMI2); package kernel's variable level says which are
// used. What a lane does is the same, and so are the bits.

// wide says which of the two is being written.
var wide bool

// eachWidth writes the two: body gets a prefix for its labels, and ends with a
// return.
func eachWidth(body func(prefix string)) {
	CMPQ(NewDataAddr(Symbol{Name: "·level"}, 0), Imm(2)) // avx512
	JLT(LabelRef("narrow"))
	wide = true
	body("wide_")
	wide = false
	Label("narrow")
	body("")
}

// lanesNow is the number of float32 in a vector, size its bytes.
func lanesNow() int {
	if wide {
		return 16
	}
	return 8
}

func size() int { return 4 * lanesNow() }

func vec() VecVirtual {
	if wide {
		return ZMM()
	}
	return YMM()
}

func zero(v VecVirtual) { VXORPS(v, v, v) }

// A tail says which lanes of a vector there are numbers for; nil is all.
type tail struct {
	lanes VecVirtual // AVX2: words of ones, then of zeros
	bits  Register   // AVX-512
}

// firstLanes is the tail of so many lanes; n is used up.
func firstLanes(n GPVirtual) *tail {
	if wide {
		ones, k := GP64(), K()
		MOVQ(I32(-1), ones)
		BZHIQ(n, ones, ones)
		KMOVW(ones.As32(), k)
		return &tail{bits: k}
	}
	masks, mask := GP64(), YMM()
	LEAQ(tailMasks(), masks)
	NEGQ(n)
	VMOVDQU(Mem{Base: masks, Index: n, Scale: 4, Disp: 32}, mask)
	return &tail{lanes: mask}
}

func (t *tail) load(m Mem, v VecVirtual) {
	switch {
	case t == nil:
		VMOVUPS(m, v)
	case wide:
		VMOVUPS_Z(m, t.bits, v)
	default:
		VMASKMOVPS(m, t.lanes, v)
	}
}

func (t *tail) store(v VecVirtual, m Mem) {
	switch {
	case t == nil:
		VMOVUPS(v, m)
	case wide:
		VMOVUPS(v, t.bits, m)
	default:
		VMASKMOVPS(v, t.lanes, m)
	}
}

// tailMasks are eight words of ones and eight of zeros.
func tailMasks() Mem {
	if masks.Symbol.Name == "" {
		masks = GLOBL("tailMasks", RODATA|NOPTR)
		for i := range 16 {
			word := uint32(0)
			if i < 8 {
				word = 0xffffffff
			}
			DATA(4*i, U32(word))
		}
	}
	return masks
}

var masks Mem

// compare is ones in the lanes where the comparison of x with y holds.
func compare(predicate uint64, x, y any) group {
	return op(func(y Op, x, to VecVirtual) {
		if wide {
			k := K()
			VCMPPS(Imm(predicate), y, x, k)
			VPMOVM2D(k, to)
		} else {
			VCMPPS(Imm(predicate), y, x, to)
		}
	}, x, y)
}

// choose is x where the mask is set, else y.
func choose(mask, x, y group) group {
	return of1(func(m Op, i int, to VecVirtual) {
		if wide {
			VMOVAPS(m, to)
			VPTERNLOGD(Imm(0xca), y[i], inRegister(x[i]), to)
		} else {
			VBLENDVPS(inRegister(m), x[i], inRegister(y[i]), to)
		}
	}, mask)
}

// repeat writes what is done n times, four times in a row where so many are left:
// the processor foresees the end of a short loop, not of a long one. step is told
// which of the four it is; after follows four, or one, and is told how many.
func repeat(name string, n Register, step func(i int), after func(steps int)) {
	for _, steps := range []int{4, 1} {
		of := fmt.Sprintf("%s_by%d", name, steps)
		CMPQ(n, Imm(uint64(steps)))
		JLT(LabelRef(of + "_end"))
		Label(of)
		for i := range steps {
			step(i)
		}
		if after != nil {
			after(steps)
		}
		SUBQ(Imm(uint64(steps)), n)
		CMPQ(n, Imm(uint64(steps)))
		JGE(LabelRef(of))
		Label(of + "_end")
	}
}
