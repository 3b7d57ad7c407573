package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// one writes the kernel of AffineOne: panel after panel of 64 units, with AVX-512
// two panels at a time, and the last, narrower one at once. units are whole
// vectors of eight.
//
//	z[i] = b[i] + Σ panels[q][i]·x[q]     q < k, i < units
func one() {
	TEXT("oneVector", NOSPLIT, "func(z, b, x, panels *float32, units, k, relu int)")
	Doc("oneVector computes units of a layer for one example: see AffineOne.")
	Pragma("noescape")
	o := &oneExample{
		z: Load(Param("z"), GP64()), b: Load(Param("b"), GP64()), x: Load(Param("x"), GP64()),
		panel: Load(Param("panels"), GP64()), k: Load(Param("k"), GP64()), relu: Load(Param("relu"), GP64()),
	}
	units := Load(Param("units"), GP64()).(GPVirtual)
	eachWidth(func(prefix string) {
		full := []int{8}
		if wide {
			full = []int{8, 4}
		}
		for _, vectors := range full {
			width := vectors * lanesNow()
			name := fmt.Sprintf("%sof%d", prefix, width)
			Label(name)
			CMPQ(units, U32(uint32(width)))
			JLT(LabelRef("after_" + name))
			o.block(name, vectors, nil, nil)
			ADDQ(U32(uint32(4*width)), o.z)
			ADDQ(U32(uint32(4*width)), o.b)
			SUBQ(U32(uint32(width)), units)
			JMP(LabelRef(name))
			Label("after_" + name)
		}
		TESTQ(units, units)
		JZ(LabelRef(prefix + "done"))
		stride := GP64()
		MOVQ(units, stride)
		SHLQ(Imm(2), stride)
		most := 64/lanesNow() - 1
		if wide {
			most++ // with a tail
		}
		for vectors := 1; vectors <= most; vectors++ {
			name := fmt.Sprintf("%srest%d", prefix, vectors)
			CMPQ(units, U32(uint32(vectors*lanesNow())))
			JGT(LabelRef("after_" + name))
			var t *tail
			if wide {
				left := GP64()
				MOVQ(units, left)
				SUBQ(Imm(uint64((vectors-1)*lanesNow())), left)
				t = firstLanes(left)
			}
			o.block(name, vectors, stride, t)
			JMP(LabelRef(prefix + "done"))
			Label("after_" + name)
		}
		Label(prefix + "done")
		VZEROUPPER()
		RET()
	})
}

type oneExample struct {
	z, b, x, panel, k, relu Register
}

// block computes the units of some vectors. Without a stride they are whole panels
// of 64, whose weights to an input lie 256 bytes apart.
func (o *oneExample) block(name string, vectors int, stride Register, t *tail) {
	tailOf := func(v int) *tail {
		if v == vectors-1 {
			return t
		}
		return nil
	}
	sums := make([]VecVirtual, vectors)
	for v := range sums {
		sums[v] = vec()
		tailOf(v).load(Mem{Base: o.b, Disp: size() * v}, sums[v])
	}
	x, n := GP64(), GP64()
	MOVQ(o.x, x)
	MOVQ(o.k, n)
	perPanel := 64 / lanesNow()
	var second Register // panel
	if vectors > perPanel {
		second = GP64()
		MOVQ(o.k, second)
		SHLQ(Imm(8), second)
		ADDQ(o.panel, second)
	}
	repeat(name, n, func(i int) {
		u := vec()
		VBROADCASTSS(Mem{Base: x, Disp: 4 * i}, u)
		for v, s := range sums {
			from := Mem{Base: o.panel, Disp: size() * v}
			if v >= perPanel {
				from = Mem{Base: second, Disp: size() * (v - perPanel)}
			}
			if stride == nil {
				from.Disp += 256 * i
			}
			if tailOf(v) == nil {
				VFMADD231PS(from, u, s)
				continue
			}
			w := vec()
			tailOf(v).load(from, w)
			VFMADD231PS(w, u, s)
		}
		if stride != nil {
			ADDQ(stride, o.panel)
		}
	}, func(steps int) {
		ADDQ(Imm(uint64(4*steps)), x)
		if stride == nil {
			ADDQ(U32(uint32(256*steps)), o.panel)
		}
		if second != nil {
			ADDQ(U32(uint32(256*steps)), second)
		}
	})
	if second != nil {
		MOVQ(second, o.panel)
	}
	TESTQ(o.relu, o.relu)
	JZ(LabelRef(name + "_store"))
	least := vec()
	zero(least)
	for _, s := range sums {
		VMAXPS(s, least, s) // NaN stays, and −0
	}
	Label(name + "_store")
	for v, s := range sums {
		tailOf(v).store(s, Mem{Base: o.z, Disp: size() * v})
	}
}
