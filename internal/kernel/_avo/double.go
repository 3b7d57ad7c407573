package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// addWide writes the kernel that adds float32 to sums in float64.
func addWide() {
	TEXT("addWideAVX2", NOSPLIT, "func(n int, sum *float64, x *float32)")
	Doc("addWideAVX2 adds n float32 to sums in float64.")
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	sum := Load(Param("sum"), GP64())
	x := Load(Param("x"), GP64())
	Label("loop")
	CMPQ(n, Imm(4))
	JLT(LabelRef("rest"))
	v := YMM()
	VCVTPS2PD(Mem{Base: x}, v)
	VADDPD(Mem{Base: sum}, v, v)
	VMOVUPD(v, Mem{Base: sum})
	ADDQ(Imm(16), x)
	ADDQ(Imm(32), sum)
	SUBQ(Imm(4), n)
	JMP(LabelRef("loop"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	s := XMM()
	VXORPD(s, s, s)
	VCVTSS2SD(Mem{Base: x}, s, s)
	VADDSD(Mem{Base: sum}, s, s)
	VMOVSD(s, Mem{Base: sum})
	ADDQ(Imm(4), x)
	ADDQ(Imm(8), sum)
	DECQ(n)
	JMP(LabelRef("rest"))
	Label("done")
	VZEROUPPER()
	RET()
}

// total writes the kernel that adds 64 float64 along the fixed tree: halves, then
// halves of these.
func total() {
	TEXT("totalAVX2", NOSPLIT, "func(sum *float64) float64")
	Doc("totalAVX2 adds up 64 float64, halves first.")
	Pragma("noescape")
	sum := Load(Param("sum"), GP64())
	var s []VecVirtual
	for i := range 8 {
		v := YMM()
		VMOVUPD(Mem{Base: sum, Disp: 32 * i}, v)
		VADDPD(Mem{Base: sum, Disp: 32 * (i + 8)}, v, v)
		s = append(s, v)
	}
	for half := 4; half > 0; half /= 2 {
		for i := range half {
			VADDPD(s[i+half], s[i], s[i])
		}
	}
	high, low := XMM(), s[0].AsX()
	VEXTRACTF128(Imm(1), s[0], high)
	VADDPD(high, low, low)
	VPERMILPD(Imm(1), low, high)
	VADDSD(high, low, low)
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
