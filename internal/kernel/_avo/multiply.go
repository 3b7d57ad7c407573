package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// multiplyRows writes the kernels that Z and dA of a dense layer come to, for a
// fixed number of rows of the result:
//
//	z[r][j] = start + Σ w[r·ldw + q] · a[q·lda + j]     affine
//	z[r][j] = start + Σ w[q·ldw + r] · a[q·lda + j]     gradInputs      q < n, j < cols
//
// start is 0, or z[r][j] itself if onward isn't 0; affine's is b[r] if b isn't nil.
// A lane is an output, so that each adds its terms in order of q with one fused
// multiply-add each. If affine's relu isn't 0, what is stored is the larger of the
// sum and 0; if the gate of gradInputs isn't nil, it is the sum where
// gate[r][j] > 0, else 0. Columns go in blocks of 16 (for one row of 64, then 32,
// for two of 32), then of 8, then under a mask; with AVX-512 in blocks of 64 (for
// few rows of 128), then in one of what is left.
// Strides are in elements.
func multiplyRows(rows int, down bool) {
	name, more := "affine", "relu int"
	if down {
		name, more = "gradInputs", "gate *float32"
	}
	start := "b *float32, "
	if down {
		start = ""
	}
	TEXT(fmt.Sprintf("%s%dVector", name, rows), NOSPLIT,
		"func(z *float32, ldz int, "+start+"onward int, w *float32, ldw int, a *float32, lda, n, cols int, "+more+timesOf(rows)+")")
	Doc(fmt.Sprintf("%s%dVector computes %d rows of a product: see multiplyRows.", name, rows, rows))
	Pragma("noescape")

	k := &multiply{rows: rows, down: down, z: Load(Param("z"), GP64()), ldz: Load(Param("ldz"), GP64())}
	SHLQ(Imm(2), k.ldz)
	if down {
		k.gate = paramMem("gate")
		// gate, if there is one, lies at a distance from z.
		far := GP64()
		MOVQ(k.gate, far)
		TESTQ(far, far)
		JZ(LabelRef("begin"))
		SUBQ(k.z, far)
		MOVQ(far, k.gate)
		Label("begin")
	}
	odd := []int{3}
	if !down {
		odd = oddOf(rows)
	}
	k.w = newStrides(Load(Param("ldw"), GP64()), odd...)
	k.lda = newStrides(Load(Param("lda"), GP64()), 3)
	k.a = GP64()
	cols := GP64()

	eachWidth(func(prefix string) {
		Label(prefix + "rows")
		Load(Param("a"), k.a)
		Load(Param("cols"), cols)
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
			k.rest(prefix, cols, func(name string, vectors int, t *tail) { k.block(name, vectors, t) })
		} else {
			k.block("tail", 1, firstLanes(cols))
		}
		Label(prefix + "done")
		if rows == mostRows {
			k.nextRows(prefix)
		}
		VZEROUPPER()
		RET()
	})
}

// mostRows is how many rows are computed at a time; such a kernel goes on to the
// next so many, as often as times says.
const mostRows = 6

// timesOf is the parameter of a kernel that does.
func timesOf(rows int) string {
	if rows == mostRows {
		return ", times int"
	}
	return ""
}

// nextRows goes on to the next rows, if there are any.
func (k *multiply) nextRows(prefix string) {
	times := paramMem("times")
	DECQ(times)
	JZ(LabelRef(prefix + "last"))
	six, z := GP64(), paramMem("z")
	LEAQ(Mem{Base: k.ldz, Index: k.ldz, Scale: 2}, six)
	ADDQ(six, six)
	ADDQ(six, z)
	MOVQ(z, k.z)
	if k.down {
		ADDQ(Imm(4*mostRows), paramMem("w"))
	} else {
		LEAQ(Mem{Base: k.w[5], Index: k.w[1], Scale: 1}, six)
		ADDQ(six, paramMem("w"))
		CMPQ(paramMem("b"), Imm(0))
		JE(LabelRef(prefix + "rows"))
		ADDQ(Imm(4*mostRows), paramMem("b"))
	}
	JMP(LabelRef(prefix + "rows"))
	Label(prefix + "last")
}

// paramMem is where a parameter lies.
func paramMem(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// strides are multiples of a stride in bytes, in registers.
type strides map[int]Register

// newStrides takes the stride in elements. Of 3 and 5 there are those that are
// asked for: addresses know 1, 2, 4 and 8.
func newStrides(one Register, odd ...int) strides {
	SHLQ(Imm(2), one)
	s := strides{1: one}
	for _, o := range odd {
		s[o] = GP64()
		LEAQ(Mem{Base: one, Index: one, Scale: uint8(o - 1)}, s[o])
	}
	return s
}

// oddOf are the odd strides that so many rows need.
func oddOf(rows int) []int {
	switch {
	case rows > 5:
		return []int{3, 5}
	case rows > 3:
		return []int{3}
	}
	return nil
}

// from is the address so many strides up to 5 from base.
func (s strides) from(base Register, times int) Mem {
	switch times {
	case 0:
		return Mem{Base: base}
	case 3, 5:
		return Mem{Base: base, Index: s[times], Scale: 1}
	}
	return Mem{Base: base, Index: s[1], Scale: uint8(times)}
}

// step moves a pointer on.
func (s strides) step(p Register, times int) { LEAQ(s.from(p, times), p) }

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
	rows   int
	down   bool // a row's weights stand below each other
	z, ldz Register
	w      strides
	a      Register
	lda    strides
	gate   Mem
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
	if !k.down {
		Load(Param("b"), start)
		TESTQ(start, start)
		JNZ(LabelRef(name + "_bias"))
	}
	for r := range sums {
		for _, s := range sums[r] {
			zero(s)
		}
	}
	JMP(LabelRef(name + "_add"))
	if !k.down {
		Label(name + "_bias")
		for r := range sums {
			VBROADCASTSS(Mem{Base: start, Disp: 4 * r}, sums[r][0])
			for _, s := range sums[r][1:] {
				VMOVAPS(sums[r][0], s)
			}
		}
		JMP(LabelRef(name + "_add"))
	}
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
	repeat(name, n, func(i int) {
		x := make([]Op, vectors)
		for v := range x {
			from := k.lda.from(a, i).Offset(size() * v)
			if x[v] = from; k.rows == 1 && tailOf(v) == nil {
				continue // used once, from memory
			}
			loaded := vec()
			tailOf(v).load(from, loaded)
			x[v] = loaded
		}
		for r := range sums {
			u := vec()
			if k.down {
				VBROADCASTSS(k.w.from(w, i).Offset(4*r), u)
			} else {
				VBROADCASTSS(k.w.from(w, r).Offset(4*i), u)
			}
			for v := range x {
				VFMADD231PS(x[v], u, sums[r][v])
			}
		}
	}, func(steps int) {
		// Few additions: they take the place of multiply-adds.
		k.lda.step(a, steps)
		if k.down {
			k.w.step(w, steps)
		} else {
			ADDQ(Imm(uint64(4*steps)), w)
		}
	})

	if k.down {
		k.throughGate(name, sums, tailOf)
	} else {
		after := GP64()
		Load(Param("relu"), after)
		TESTQ(after, after)
		JZ(LabelRef(name + "_write"))
		least := vec()
		zero(least)
		for r := range sums {
			for _, s := range sums[r] {
				VMAXPS(s, least, s) // NaN stays, and −0
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

// throughGate keeps the sums where the gate is above 0.
func (k *multiply) throughGate(name string, sums [][]VecVirtual, tailOf func(v int) *tail) {
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
