package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The kernels whose lanes are examples: a sum over a tile is dealt over eight
// lanes, and the lanes are added in pairs at the end.

// lanes walks over the m examples of a tile, a vector at a time and the rest under
// a mask.
type lanes struct {
	m     Register
	tail  *tail // of the examples at hand
	calls int
}

// each writes the loop: step uses the examples that the pointers have come to,
// and is told how to load them.
func (l *lanes) each(name string, pointers []Register, step func(load func(Mem) VecVirtual)) {
	load := func(m Mem) VecVirtual {
		v := vec()
		l.tail.load(m, v)
		return v
	}
	left := GP64()
	MOVQ(l.m, left)
	Label(name + "_loop")
	CMPQ(left, Imm(uint64(lanesNow())))
	JLT(LabelRef(name + "_rest"))
	step(load)
	for _, p := range pointers {
		ADDQ(Imm(uint64(size())), p)
	}
	SUBQ(Imm(uint64(lanesNow())), left)
	JMP(LabelRef(name + "_loop"))
	Label(name + "_rest")
	TESTQ(left, left)
	JZ(LabelRef(name + "_done"))
	l.tail = firstLanes(left)
	step(load)
	l.tail = nil
	Label(name + "_done")
}

func newLanes(m Register) *lanes { return &lanes{m: m} }

// sumUp adds the lanes of up to four vectors: (0+1)+(2+3), and the upper four
// likewise. The result has the sums in its lowest lanes.
func sumUp(s []VecVirtual) VecVirtual {
	pair := func(a, b VecVirtual) VecVirtual {
		to := YMM()
		VHADDPS(b, a, to)
		return to
	}
	last := func(i int) VecVirtual { return s[min(i, len(s)-1)] }
	four := pair(pair(s[0], last(1)), pair(last(2), last(3)))
	high, sum := XMM(), XMM()
	VEXTRACTF128(Imm(1), four, high)
	VADDPS(high, four.AsX(), sum)
	return sum
}

// sumRows writes the kernel that adds up rows, four at a time.
func sumRows() {
	TEXT("sumRowsAVX2", NOSPLIT, "func(sums, x *float32, ldx, m, rows int)")
	Doc("sumRowsAVX2 writes the sums of rows of m float32, ldx apart.")
	Pragma("noescape")
	sums := Load(Param("sums"), GP64())
	x := Load(Param("x"), GP64())
	ldx, ldx3 := Load(Param("ldx"), GP64()), GP64()
	l := newLanes(Load(Param("m"), GP64()))
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), ldx)
	LEAQ(Mem{Base: ldx, Index: ldx, Scale: 2}, ldx3)
	for _, r := range []int{4, 1} {
		name := fmt.Sprintf("sum%d", r)
		Label(name)
		CMPQ(rows, Imm(uint64(r)))
		JLT(LabelRef(name + "_end"))
		var s []VecVirtual
		for range r {
			v := YMM()
			VXORPS(v, v, v)
			s = append(s, v)
		}
		at := GP64()
		MOVQ(x, at)
		row := []Mem{{Base: at}, {Base: at, Index: ldx, Scale: 1}, {Base: at, Index: ldx, Scale: 2}, {Base: at, Index: ldx3, Scale: 1}}
		l.each(name, []Register{at}, func(load func(Mem) VecVirtual) {
			for i := range s {
				VADDPS(load(row[i]), s[i], s[i])
			}
		})
		if r == 4 {
			VMOVUPS(sumUp(s), Mem{Base: sums})
		} else {
			VMOVSS(sumUp(s), Mem{Base: sums})
		}
		ADDQ(Imm(uint64(4*r)), sums)
		for range r {
			ADDQ(ldx, x)
		}
		SUBQ(Imm(uint64(r)), rows)
		JMP(LabelRef(name))
		Label(name + "_end")
	}
	VZEROUPPER()
	RET()
}

// dots writes the kernel of GradWeightsFew: two rows of dz by four of a at a
// time, and what is left of each one by one.
func dots() {
	TEXT("dotsAVX2", NOSPLIT, "func(dw *float32, ldw int, dz *float32, lddz, rows int, a *float32, lda, k, m int)")
	Doc("dotsAVX2 writes dw[i][q] = Σ dz[i][j]·a[q][j] for rows of dz and k rows of a.")
	Pragma("noescape")
	dw := Load(Param("dw"), GP64())
	ldw := Load(Param("ldw"), GP64())
	dz := Load(Param("dz"), GP64())
	lddz := Load(Param("lddz"), GP64())
	lda, lda3 := Load(Param("lda"), GP64()), GP64()
	l := newLanes(Load(Param("m"), GP64()))
	for _, stride := range []Register{ldw, lddz, lda} {
		SHLQ(Imm(2), stride)
	}
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	rows, err := Param("rows").Resolve() // stays in memory: there are few registers
	if err != nil {
		panic(err)
	}
	for _, r := range []int{2, 1} {
		name := fmt.Sprintf("rows%d", r)
		Label(name)
		CMPQ(rows.Addr, Imm(uint64(r)))
		JLT(LabelRef(name + "_end"))
		d := &dotBlock{l: l, rows: r, dz: dz, lddz: lddz, lda: lda, lda3: lda3, ldw: ldw, a: GP64(), to: GP64()}
		left := GP64()
		Load(Param("a"), d.a)
		Load(Param("k"), left)
		MOVQ(dw, d.to)
		for _, c := range []int{4, 1} {
			of := fmt.Sprintf("%s_of%d", name, c)
			Label(of)
			CMPQ(left, Imm(uint64(c)))
			JLT(LabelRef(of + "_end"))
			d.write(of, c)
			SUBQ(Imm(uint64(c)), left)
			JMP(LabelRef(of))
			Label(of + "_end")
		}
		for range r {
			ADDQ(lddz, dz)
			ADDQ(ldw, dw)
		}
		SUBQ(Imm(uint64(r)), rows.Addr)
		JMP(LabelRef(name))
		Label(name + "_end")
	}
	VZEROUPPER()
	RET()
}

type dotBlock struct {
	l                        *lanes
	rows                     int
	dz, lddz, lda, lda3, ldw Register
	a, to                    Register // the next row of a, the next number of dw
}

// write computes rows × cols numbers, and steps on.
func (d *dotBlock) write(name string, cols int) {
	sums := make([][]VecVirtual, d.rows)
	for r := range sums {
		for range cols {
			s := YMM()
			VXORPS(s, s, s)
			sums[r] = append(sums[r], s)
		}
	}
	z, a := GP64(), GP64()
	MOVQ(d.dz, z)
	MOVQ(d.a, a)
	row := []Mem{{Base: a}, {Base: a, Index: d.lda, Scale: 1}, {Base: a, Index: d.lda, Scale: 2}, {Base: a, Index: d.lda3, Scale: 1}}
	d.l.each(name, []Register{z, a}, func(load func(Mem) VecVirtual) {
		u := []VecVirtual{load(Mem{Base: z})}
		if d.rows == 2 {
			u = append(u, load(Mem{Base: z, Index: d.lddz, Scale: 1}))
		}
		for c := range cols {
			x := load(row[c])
			for r := range sums {
				VFMADD231PS(x, u[r], sums[r][c])
			}
		}
	})
	for r := range sums {
		to := Mem{Base: d.to}
		if r > 0 {
			to.Index, to.Scale = d.ldw, 1
		}
		if cols == 4 {
			VMOVUPS(sumUp(sums[r]), to)
		} else {
			VMOVSS(sumUp(sums[r]), to)
		}
	}
	ADDQ(Imm(uint64(4*cols)), d.to)
	for range cols {
		ADDQ(d.lda, d.a)
	}
}

// columns writes the kernel of AffineLong, for one unit: eight examples at a time,
// with eight sums each.
func columns() {
	TEXT("columnsVector", NOSPLIT, "func(z, b, w, a *float32, lda, k, m int)")
	Doc("columnsVector computes one row of AffineLong.")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	w := Load(Param("w"), GP64())
	a := Load(Param("a"), GP64())
	lda, lda3 := Load(Param("lda"), GP64()), GP64()
	SHLQ(Imm(2), lda)
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	l := newLanes(Load(Param("m"), GP64()))
	eachWidth(func(prefix string) {
		l.each(prefix+"columns", []Register{z, a}, func(load func(Mem) VecVirtual) {
			l.calls++
			name := fmt.Sprintf("%scolumns%d", prefix, l.calls)
			var s [8]VecVirtual
			for i := range s {
				s[i] = vec()
				zero(s[i])
			}
			from, half, u, left := GP64(), GP64(), GP64(), GP64()
			MOVQ(a, from)
			LEAQ(Mem{Base: a, Index: lda, Scale: 4}, half)
			MOVQ(w, u)
			Load(Param("k"), left)
			add := func(i int, weight, x Mem) {
				v := vec()
				VBROADCASTSS(weight, v)
				VFMADD231PS(load(x), v, s[i])
			}
			Label(name + "_eight")
			CMPQ(left, Imm(8))
			JLT(LabelRef(name + "_rest"))
			for i, base := range []Register{from, half} {
				for r, x := range []Mem{{Base: base}, {Base: base, Index: lda, Scale: 1}, {Base: base, Index: lda, Scale: 2}, {Base: base, Index: lda3, Scale: 1}} {
					add(4*i+r, Mem{Base: u, Disp: 4 * (4*i + r)}, x)
				}
			}
			ADDQ(Imm(32), u)
			LEAQ(Mem{Base: from, Index: lda, Scale: 8}, from)
			LEAQ(Mem{Base: half, Index: lda, Scale: 8}, half)
			SUBQ(Imm(8), left)
			JMP(LabelRef(name + "_eight"))
			Label(name + "_rest")
			for i := range 7 {
				TESTQ(left, left)
				JZ(LabelRef(name + "_sum"))
				add(i, Mem{Base: u, Disp: 4 * i}, Mem{Base: from})
				ADDQ(lda, from)
				DECQ(left)
			}
			Label(name + "_sum")
			for step := 1; step < 8; step *= 2 {
				for i := 0; i < 8; i += 2 * step {
					VADDPS(s[i+step], s[i], s[i])
				}
			}
			bias, at := vec(), GP64()
			Load(Param("b"), at)
			VBROADCASTSS(Mem{Base: at}, bias)
			VADDPS(bias, s[0], s[0])
			l.tail.store(s[0], Mem{Base: z})
		})
		VZEROUPPER()
		RET()
	})
}
