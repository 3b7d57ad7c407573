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
	TEXT("peakVector", NOSPLIT, "func(n int) int")
	Doc("peakVector does 14 fused multiply-adds of vectors n times, and says how many lanes they have.")
	n := Load(Param("n"), GP64())
	eachWidth(func(prefix string) {
		var sums [chains]VecVirtual
		for i := range sums {
			sums[i] = vec()
			zero(sums[i])
		}
		x := vec()
		zero(x)
		Label(prefix + "loop")
		for _, s := range sums {
			VFMADD231PS(x, x, s)
		}
		DECQ(n)
		JNZ(LabelRef(prefix + "loop"))
		VZEROUPPER()
		lanes := GP64()
		MOVQ(U32(uint32(lanesNow())), lanes)
		Store(lanes, ReturnIndex(0))
		RET()
	})
}
