package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// copyColumns writes the kernel that copies some columns of a matrix. Its rows lie
// pages apart, so that the processor foresees none: the kernel asks for each row
// eight rows before it comes to it.
func copyColumns() {
	TEXT("copyColumnsAVX2", NOSPLIT, "func(dst *float32, ldd int, src *float32, lds, rows, vectors int)")
	Doc("copyColumnsAVX2 copies 8·vectors columns of rows of src to dst, whose rows are lds and ldd apart.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	ldd := Load(Param("ldd"), GP64())
	src := Load(Param("src"), GP64())
	lds := Load(Param("lds"), GP64())
	rows := Load(Param("rows"), GP64())
	vectors := Load(Param("vectors"), GP64())
	SHLQ(Imm(2), ldd)
	SHLQ(Imm(2), lds)
	far := GP64()
	MOVQ(lds, far)
	SHLQ(Imm(3), far) // eight rows

	Label("row")
	from, to, n := GP64(), GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(vectors, n)
	Label("vector")
	v := YMM()
	PREFETCHT0(Mem{Base: from, Index: far, Scale: 1}) // beyond the matrix, too: nothing comes of that
	VMOVUPS(Mem{Base: from}, v)
	VMOVUPS(v, Mem{Base: to})
	ADDQ(Imm(32), from)
	ADDQ(Imm(32), to)
	DECQ(n)
	JNZ(LabelRef("vector"))
	ADDQ(lds, src)
	ADDQ(ldd, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
