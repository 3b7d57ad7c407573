package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// multiplyAVX2 writes the kernel that all three products of a dense layer come
// to, for a fixed number of rows of the result:
//
//	z[r][j] = start + Σ w[r·wr + q·ws] · a[q·lda + j]     q < n, j < cols
//
// start is 0, or b[r] if b isn't nil, or z[r][j] itself if onward isn't 0. A
// lane is an output, so that each adds its terms in order of q with one fused
// multiply-add each. If relu isn't 0, what is stored is the larger of the sum and
// 0; if gate isn't nil, it is the sum where gate[r][j] > 0, else 0. Columns go in blocks of 16 (for one row of 64, then 32,
// for two of 32), then of 8, then under a mask.
// Strides are in elements.
func multiplyAVX2(rows int) {
	TEXT(fmt.Sprintf("multiply%dAVX2", rows), NOSPLIT,
		"func(z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols int, relu int, gate *float32)")
	Doc(fmt.Sprintf("multiply%dAVX2 computes %d rows of a product: see multiplyRows.", rows, rows))
	Pragma("noescape")

	z := Load(Param("z"), GP64())
	ldz := Load(Param("ldz"), GP64())
	wr := Load(Param("wr"), GP64())
	ws := Load(Param("ws"), GP64())
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	cols := Load(Param("cols"), GP64())
	for _, stride := range []Register{ldz, wr, ws, lda} {
		SHLQ(Imm(2), stride)
	}
	// gate, if there is one, lies at a distance from z.
	gate, err := Param("gate").Resolve()
	if err != nil {
		panic(err)
	}
	far := GP64()
	MOVQ(gate.Addr, far)
	TESTQ(far, far)
	JZ(LabelRef("begin"))
	SUBQ(z, far)
	MOVQ(far, gate.Addr)
	Label("begin")
	wr3, wr5 := GP64(), GP64()
	if rows > 3 {
		LEAQ(Mem{Base: wr, Index: wr, Scale: 2}, wr3)
	}
	if rows > 5 {
		LEAQ(Mem{Base: wr, Index: wr, Scale: 4}, wr5)
	}

	k := &multiply{rows: rows, z: z, ldz: ldz, wr: wr, wr3: wr3, wr5: wr5, ws: ws, a: a, lda: lda, gate: gate.Addr}
	type columns struct {
		name    string
		vectors int
	}
	blocks := []columns{{"sixteen", 2}, {"eight", 1}}
	switch rows { // few rows need more columns, so that sums don't wait for each other
	case 1:
		blocks = append([]columns{{"sixtyfour", 8}, {"thirtytwo", 4}}, blocks...)
	case 2:
		blocks = append([]columns{{"thirtytwo", 4}}, blocks...)
	}
	for _, block := range blocks {
		width := 8 * block.vectors
		Label(block.name)
		CMPQ(cols, Imm(uint64(width)))
		JLT(LabelRef("after_" + block.name))
		k.block(block.name, block.vectors, nil)
		ADDQ(U32(4*width), k.z)
		ADDQ(U32(4*width), k.a)
		SUBQ(Imm(uint64(width)), cols)
		JMP(LabelRef(block.name))
		Label("after_" + block.name)
	}
	TESTQ(cols, cols)
	JZ(LabelRef("done"))
	// The mask of the first cols lanes: eight of ones and eight of zeros, from
	// the middle backwards.
	masks := GP64()
	LEAQ(tailMasks(), masks)
	NEGQ(cols)
	mask := YMM()
	VMOVDQU(Mem{Base: masks, Index: cols, Scale: 4, Disp: 32}, mask)
	k.block("tail", 1, mask)
	Label("done")
	VZEROUPPER()
	RET()
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

type multiply struct {
	rows             int
	z, ldz           Register
	wr, wr3, wr5, ws Register
	a, lda           Register
	gate             Mem
}

// block writes the code for all rows of some columns.
func (k *multiply) block(name string, vectors int, mask VecVirtual) {
	sums := make([][]VecVirtual, k.rows)
	for r := range sums {
		for range vectors {
			sums[r] = append(sums[r], YMM())
		}
	}

	// Where the sums start.
	start := GP64()
	Load(Param("onward"), start)
	TESTQ(start, start)
	JNZ(LabelRef(name + "_onward"))
	Load(Param("b"), start)
	TESTQ(start, start)
	JNZ(LabelRef(name + "_bias"))
	for r := range sums {
		for _, s := range sums[r] {
			VXORPS(s, s, s)
		}
	}
	JMP(LabelRef(name + "_add"))
	Label(name + "_bias")
	for r := range sums {
		VBROADCASTSS(Mem{Base: start, Disp: 4 * r}, sums[r][0])
		for _, s := range sums[r][1:] {
			VMOVAPS(sums[r][0], s)
		}
	}
	JMP(LabelRef(name + "_add"))
	Label(name + "_onward")
	k.eachRow(func(r int, at Mem) {
		for v, s := range sums[r] {
			from := at.Offset(32 * v)
			if mask != nil {
				VMASKMOVPS(from, mask, s)
			} else {
				VMOVUPS(from, s)
			}
		}
	})

	// The sum over q.
	Label(name + "_add")
	w, a, n := GP64(), GP64(), GP64()
	Load(Param("w"), w)
	MOVQ(k.a, a)
	Load(Param("n"), n)
	repeat(name, n, func(int) {
		x := make([]Op, vectors)
		for v := range x {
			x[v] = Mem{Base: a, Disp: 32 * v}
			if k.rows == 1 && mask == nil {
				continue // used once, from memory
			}
			loaded := YMM()
			if mask != nil {
				VMASKMOVPS(x[v], mask, loaded)
			} else {
				VMOVUPS(x[v], loaded)
			}
			x[v] = loaded
		}
		for r := range sums {
			u := YMM()
			VBROADCASTSS(k.weight(w, r), u)
			for v := range x {
				VFMADD231PS(x[v], u, sums[r][v])
			}
		}
		ADDQ(k.ws, w)
		ADDQ(k.lda, a)
	}, nil)

	Label(name + "_store")
	after := GP64()
	Load(Param("relu"), after)
	TESTQ(after, after)
	JZ(LabelRef(name + "_gate"))
	zero := YMM()
	VXORPS(zero, zero, zero)
	for r := range sums {
		for _, s := range sums[r] {
			VMAXPS(s, zero, s) // NaN stays, and −0
		}
	}
	Label(name + "_gate")
	far := GP64()
	MOVQ(k.gate, far)
	TESTQ(far, far)
	JZ(LabelRef(name + "_write"))
	ADDQ(k.z, far)
	none := YMM()
	VXORPS(none, none, none)
	for r := range sums {
		if r > 0 {
			ADDQ(k.ldz, far)
		}
		for v, s := range sums[r] {
			open := YMM()
			from := Mem{Base: far, Disp: 32 * v}
			if mask != nil {
				VMASKMOVPS(from, mask, open)
			} else {
				VMOVUPS(from, open)
			}
			VCMPPS(Imm(0x1e), none, open, open) // >
			VANDPS(open, s, s)
		}
	}
	Label(name + "_write")
	k.eachRow(func(r int, at Mem) {
		for v, s := range sums[r] {
			to := at.Offset(32 * v)
			if mask != nil {
				VMASKMOVPS(s, mask, to)
			} else {
				VMOVUPS(s, to)
			}
		}
	})
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

// weight is where row r's weight lies.
func (k *multiply) weight(w Register, r int) Mem {
	switch r {
	case 0:
		return Mem{Base: w}
	case 3:
		return Mem{Base: w, Index: k.wr3, Scale: 1}
	case 5:
		return Mem{Base: w, Index: k.wr5, Scale: 1}
	}
	return Mem{Base: w, Index: k.wr, Scale: uint8(r)}
}

// eachRow walks down the rows of z.
func (k *multiply) eachRow(f func(r int, at Mem)) {
	at := GP64()
	MOVQ(k.z, at)
	for r := range k.rows {
		if r > 0 {
			ADDQ(k.ldz, at)
		}
		f(r, Mem{Base: at})
	}
}
