package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// peak writes the loop that a processor's greatest rate is measured with: fused
// multiply-adds on registers alone, enough of them at a time that none waits.
func peak() {
	const chains = 14
	TEXT("peakAVX2", NOSPLIT, "func(n int)")
	Doc("peakAVX2 does 14·8 fused multiply-adds n times.")
	n := Load(Param("n"), GP64())
	var sums [chains]VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}
	x := YMM()
	VXORPS(x, x, x)
	Label("loop")
	for _, s := range sums {
		VFMADD231PS(x, x, s)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
