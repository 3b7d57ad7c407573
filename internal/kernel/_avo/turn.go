package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// turn writes the kernel that turns blocks of 8 × 8 over:
//
//	dst[j·16 + r] = src[r·lda + j]     r < rows ≤ 8, j < 8·blocks
//
// Fewer rows than 8 are made up by the last, so that columns of dst that stand
// for none hold it, too.
func turn() {
	TEXT("turnAVX2", NOSPLIT, "func(dst, src *float32, lda, rows, blocks int)")
	Doc("turnAVX2 writes up to 8 rows of src as 8 columns of dst, whose rows are 16 long.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	lda := Load(Param("lda"), GP64())
	blocks := Load(Param("blocks"), GP64())
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), lda)
	var below [8]Register // where row r begins, after row 0
	for r := 1; r < 8; r++ {
		below[r] = GP64()
		if r == 1 {
			XORQ(below[r], below[r])
		} else {
			MOVQ(below[r-1], below[r])
		}
		next := GP64()
		MOVQ(below[r], next)
		ADDQ(lda, next)
		CMPQ(rows, Imm(uint64(r)))
		CMOVQGT(next, below[r])
	}

	Label("loop")
	TESTQ(blocks, blocks)
	JZ(LabelRef("done"))
	row := make([]VecVirtual, 8)
	for r := range row {
		row[r] = YMM()
		if r == 0 {
			VMOVUPS(Mem{Base: src}, row[r])
		} else {
			VMOVUPS(Mem{Base: src, Index: below[r], Scale: 1}, row[r])
		}
	}
	pairs := make([]VecVirtual, 8) // of rows r and r + 1: low halves, high halves
	for r := 0; r < 8; r += 2 {
		pairs[r], pairs[r+1] = YMM(), YMM()
		VUNPCKLPS(row[r+1], row[r], pairs[r])
		VUNPCKHPS(row[r+1], row[r], pairs[r+1])
	}
	fours := make([]VecVirtual, 8) // columns 0 to 3 of rows 0–3, then of rows 4–7
	for half := 0; half < 2; half++ {
		p := pairs[4*half:]
		for i := range 2 {
			lowest, next := YMM(), YMM()
			VSHUFPS(Imm(0x44), p[2+i], p[i], lowest)
			VSHUFPS(Imm(0xee), p[2+i], p[i], next)
			fours[4*half+2*i], fours[4*half+2*i+1] = lowest, next
		}
	}
	for j := range 4 {
		low, high := YMM(), YMM()
		VPERM2F128(Imm(0x20), fours[4+j], fours[j], low)
		VPERM2F128(Imm(0x31), fours[4+j], fours[j], high)
		VMOVUPS(low, Mem{Base: dst, Disp: 64 * j})
		VMOVUPS(high, Mem{Base: dst, Disp: 64 * (4 + j)})
	}
	ADDQ(Imm(32), src)
	ADDQ(U32(8*64), dst)
	DECQ(blocks)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// finite writes the kernel that says whether all of x is finite: x − x is 0
// then.
func finite() {
	TEXT("finiteAVX2", NOSPLIT, "func(n int, x *float32) bool")
	Doc("finiteAVX2 says whether none of n float32 is NaN or infinite.")
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	x := Load(Param("x"), GP64())
	seen := YMM()
	VXORPS(seen, seen, seen)
	look := func(v VecVirtual) { VORPS(sub(v, v)[0], seen, seen) }
	Label("loop")
	CMPQ(n, Imm(8))
	JLT(LabelRef("rest"))
	v := YMM()
	VMOVUPS(Mem{Base: x}, v)
	look(v)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JMP(LabelRef("loop"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	masks, mask, w := GP64(), YMM(), YMM()
	LEAQ(tailMasks(), masks)
	NEGQ(n)
	VMOVDQU(Mem{Base: masks, Index: n, Scale: 4, Disp: 32}, mask)
	VMASKMOVPS(Mem{Base: x}, mask, w)
	look(w)
	Label("done")
	// 0 but for NaN, whose exponent is all ones; −0 has the sign alone.
	ok := GP8()
	VPTEST(bits(0x7f800000), seen)
	SETEQ(ok)
	VZEROUPPER()
	Store(ok, ReturnIndex(0))
	RET()
}
