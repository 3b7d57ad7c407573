package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// multiplyRows writes the kernel that all three products of a dense layer come
// to, for a fixed number of rows of the result:
//
//	z[r][j] = start + Σ w[r·wr + q·ws] · a[q·lda + j]     q < n, j < cols
//
// start is 0, or b[r] if b isn't nil, or z[r][j] itself if onward isn't 0. A
// lane is an output, so that each adds its terms in order of q with one fused
// multiply-add each. If relu isn't 0, what is stored is the larger of the sum and
// 0; if gate isn't nil, it is the sum where gate[r][j] > 0, else 0. Columns go in
// blocks of 16 (for one row of 64, then 32, for two of 32), then of 8, then under a
// mask; with AVX-512 in blocks of 64 (for few rows of 128), then in one of what is
// left.
// Strides are in elements.
func multiplyRows(rows int) {
	TEXT(fmt.Sprintf("multiply%dVector", rows), NOSPLIT,
		"func(z *float32, ldz int, b *float32, onward int, w *float32, wr, ws int, a *float32, lda, n, cols int, relu int, gate *float32)")
	Doc(fmt.Sprintf("multiply%dVector computes %d rows of a product: see multiplyRows.", rows, rows))
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
	eachWidth(func(prefix string) {
		full := func(vectors int) {
			width := lanesNow() * vectors
			name := fmt.Sprintf("%sof%d", prefix, width)
			Label(name)
			CMPQ(cols, U32(uint32(width)))
			JLT(LabelRef("after_" + name))
			k.block(name, vectors, nil)
			ADDQ(U32(uint32(4*width)), k.z)
			ADDQ(U32(uint32(4*width)), k.a)
			SUBQ(U32(uint32(width)), cols)
			JMP(LabelRef(name))
			Label("after_" + name)
		}
		for _, vectors := range blocksOf(rows) {
			full(vectors)
		}
		TESTQ(cols, cols)
		JZ(LabelRef(prefix + "done"))
		if wide {
			k.rest(prefix, cols.(GPVirtual), func(name string, vectors int, t *tail) { k.block(name, vectors, t) })
		} else {
			k.block("tail", 1, firstLanes(cols.(GPVirtual)))
		}
		Label(prefix + "done")
		VZEROUPPER()
		RET()
	})
}

// blocksOf are the blocks of whole vectors, in vectors: few rows need more
// columns, so that sums don't wait for each other.
func blocksOf(rows int) []int {
	switch {
	case wide && rows <= 2:
		return []int{8, 4}
	case wide:
		return []int{4}
	case rows == 1:
		return []int{8, 4, 2, 1}
	case rows == 2:
		return []int{4, 2, 1}
	}
	return []int{2, 1}
}

// rest writes what is done with the last 1 to 64 columns: one block, whose last
// vector has a tail. cols is used up.
func (k *multiply) rest(prefix string, cols GPVirtual, block func(name string, vectors int, t *tail)) {
	for vectors := 1; vectors <= 4; vectors++ {
		name := fmt.Sprintf("%srest%d", prefix, vectors)
		if vectors < 4 {
			CMPQ(cols, Imm(16))
			JGT(LabelRef("after_" + name))
		}
		block(name, vectors, firstLanes(cols))
		if vectors < 4 {
			JMP(LabelRef(prefix + "done"))
			Label("after_" + name)
			SUBQ(Imm(16), cols)
		}
	}
}

type multiply struct {
	rows             int
	z, ldz           Register
	wr, wr3, wr5, ws Register
	a, lda           Register
	gate             Mem
}

// block writes the code for all rows of some columns, of which the last vector may
// have a tail.
func (k *multiply) block(name string, vectors int, t *tail) {
	tailOf := func(v int) *tail {
		if v == vectors-1 {
			return t
		}
		return nil
	}
	sums := make([][]VecVirtual, k.rows)
	for r := range sums {
		for range vectors {
			sums[r] = append(sums[r], vec())
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
			zero(s)
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
			tailOf(v).load(at.Offset(size()*v), s)
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
			from := Mem{Base: a, Disp: size() * v}
			if x[v] = from; k.rows == 1 && tailOf(v) == nil {
				continue // used once, from memory
			}
			loaded := vec()
			tailOf(v).load(from, loaded)
			x[v] = loaded
		}
		for r := range sums {
			u := vec()
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
	least := vec()
	zero(least)
	for r := range sums {
		for _, s := range sums[r] {
			VMAXPS(s, least, s) // NaN stays, and −0
		}
	}
	Label(name + "_gate")
	far := GP64()
	MOVQ(k.gate, far)
	TESTQ(far, far)
	JZ(LabelRef(name + "_write"))
	ADDQ(k.z, far)
	none := vec()
	zero(none)
	for r := range sums {
		if r > 0 {
			ADDQ(k.ldz, far)
		}
		for v, s := range sums[r] {
			open := vec()
			tailOf(v).load(Mem{Base: far, Disp: size() * v}, open)
			if wide {
				k := K()
				VCMPPS(Imm(0x1e), none, open, k) // >
				VMOVAPS_Z(s, k, s)
			} else {
				VCMPPS(Imm(0x1e), none, open, open) // >
				VANDPS(open, s, s)
			}
		}
	}
	Label(name + "_write")
	k.eachRow(func(r int, at Mem) {
		for v, s := range sums[r] {
			tailOf(v).store(s, at.Offset(size()*v))
		}
	})
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
