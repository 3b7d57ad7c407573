package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panelsAVX2 writes the kernel of GradWeights, for a fixed number of rows: panel
// after panel of sixteen columns, all of which are computed though the last
// panel may have fewer to store.
//
//	dw[r][q] = Σ dz[r][j] · turned[q/16][j][q%16]     j < m, q < cols
func panelsAVX2(rows int) {
	TEXT(fmt.Sprintf("panels%dAVX2", rows), NOSPLIT, "func(dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m int)")
	Doc(fmt.Sprintf("panels%dAVX2 computes %d rows of GradWeights.", rows, rows))
	Pragma("noescape")
	dw := Load(Param("dw"), GP64())
	ldw := Load(Param("ldw"), GP64())
	m := Load(Param("m"), GP64())
	turned := Load(Param("turned"), GP64())
	cols := Load(Param("cols"), GP64())
	wr := Load(Param("lddz"), GP64())
	SHLQ(Imm(2), ldw)
	SHLQ(Imm(2), wr)
	wr3, wr5 := GP64(), GP64()
	if rows > 3 {
		LEAQ(Mem{Base: wr, Index: wr, Scale: 2}, wr3)
	}
	if rows > 5 {
		LEAQ(Mem{Base: wr, Index: wr, Scale: 4}, wr5)
	}
	k := &multiply{rows: rows, z: dw, ldz: ldw, wr: wr, wr3: wr3, wr5: wr5}

	Label("panel")
	var sums [][2]VecVirtual
	for range rows {
		s := [2]VecVirtual{YMM(), YMM()}
		VXORPS(s[0], s[0], s[0])
		VXORPS(s[1], s[1], s[1])
		sums = append(sums, s)
	}
	dz, n := GP64(), GP64()
	Load(Param("dz"), dz)
	MOVQ(m, n)
	repeat("examples", n, func(i int) {
		x := [2]VecVirtual{YMM(), YMM()}
		VMOVUPS(Mem{Base: turned, Disp: 64 * i}, x[0])
		VMOVUPS(Mem{Base: turned, Disp: 64*i + 32}, x[1])
		for r := range rows {
			u := YMM()
			VBROADCASTSS(k.weight(dz, r).Offset(4*i), u)
			VFMADD231PS(x[0], u, sums[r][0])
			VFMADD231PS(x[1], u, sums[r][1])
		}
	}, func(steps int) {
		ADDQ(Imm(uint64(4*steps)), dz)
		ADDQ(U32(uint64(64*steps)), turned)
	})

	CMPQ(cols, Imm(16))
	JLT(LabelRef("rest"))
	k.eachRow(func(r int, at Mem) {
		VMOVUPS(sums[r][0], at)
		VMOVUPS(sums[r][1], at.Offset(32))
	})
	ADDQ(Imm(64), dw)
	SUBQ(Imm(16), cols)
	JNZ(LabelRef("panel"))
	JMP(LabelRef("done"))

	Label("rest")
	// The first lanes that there are columns for: of the first eight, then of the
	// others.
	masks := GP64()
	LEAQ(tailMasks(), masks)
	eight, none, first := GP64(), GP64(), GP64()
	MOVQ(U32(8), eight)
	XORQ(none, none)
	MOVQ(cols, first)
	CMPQ(first, eight)
	CMOVQGT(eight, first)
	SUBQ(first, cols) // of the second vector
	NEGQ(first)
	NEGQ(cols)
	mask := [2]VecVirtual{YMM(), YMM()}
	VMOVDQU(Mem{Base: masks, Index: first, Scale: 4, Disp: 32}, mask[0])
	VMOVDQU(Mem{Base: masks, Index: cols, Scale: 4, Disp: 32}, mask[1])
	k.eachRow(func(r int, at Mem) {
		VMASKMOVPS(sums[r][0], mask[0], at)
		VMASKMOVPS(sums[r][1], mask[1], at.Offset(32))
	})
	Label("done")
	VZEROUPPER()
	RET()
}
