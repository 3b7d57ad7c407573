package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panelsRows writes the kernel of GradWeights, for a fixed number of rows: panel
// after panel of sixteen columns, with AVX-512 four panels at a time. All columns
// of a panel are computed, though the last panel may have fewer to store.
//
//	dw[r][q] = Σ dz[r][j] · turned[q/16][j][q%16]     j < m, q < cols
func panelsRows(rows int) {
	TEXT(fmt.Sprintf("panels%dVector", rows), NOSPLIT, "func(dw *float32, ldw int, dz *float32, lddz int, turned *float32, cols, m int"+timesOf(rows)+")")
	Doc(fmt.Sprintf("panels%dVector computes %d rows of GradWeights.", rows, rows))
	Pragma("noescape")
	dw := Load(Param("dw"), GP64())
	ldw := Load(Param("ldw"), GP64())
	m := Load(Param("m"), GP64())
	turned, cols := GP64(), GP64()
	SHLQ(Imm(2), ldw)
	k := &multiply{rows: rows, z: dw, ldz: ldw, w: newStrides(Load(Param("lddz"), GP64()), oddOf(rows)...)}

	eachWidth(func(prefix string) {
		Label(prefix + "rows")
		Load(Param("turned"), turned)
		Load(Param("cols"), cols)
		// next is from a panel to the next.
		next := GP64()
		MOVQ(m, next)
		SHLQ(Imm(6), next)
		// some computes the sums of some panels, and leaves turned at the next.
		some := func(name string, vectors int) [][]VecVirtual {
			sums := make([][]VecVirtual, rows)
			for r := range sums {
				for range vectors {
					s := vec()
					zero(s)
					sums[r] = append(sums[r], s)
				}
			}
			dz, n := GP64(), GP64()
			Load(Param("dz"), dz)
			MOVQ(m, n)
			var next3 Register
			if wide && vectors == 4 {
				next3 = GP64()
				LEAQ(Mem{Base: next, Index: next, Scale: 2}, next3)
			}
			repeat(name, n, func(i int) {
				x := make([]VecVirtual, vectors)
				for v := range x {
					x[v] = vec()
					from := Mem{Base: turned, Disp: 64 * i}
					switch {
					case !wide:
						from.Disp += 32 * v
					case v == 3:
						from.Index, from.Scale = next3, 1
					case v > 0:
						from.Index, from.Scale = next, uint8(v)
					}
					VMOVUPS(from, x[v])
				}
				for r := range rows {
					u := vec()
					VBROADCASTSS(k.w.from(dz, r).Offset(4*i), u)
					for v := range x {
						VFMADD231PS(x[v], u, sums[r][v])
					}
				}
			}, func(steps int) {
				ADDQ(Imm(uint64(4*steps)), dz)
				ADDQ(U32(uint64(64*steps)), turned)
			})
			return sums
		}
		if wide {
			Label("wide_four")
			CMPQ(cols, Imm(64))
			JLT(LabelRef("wide_rest"))
			k.store(some("wide_panels", 4), nil)
			LEAQ(Mem{Base: turned, Index: next, Scale: 2}, turned)
			ADDQ(next, turned)
			ADDQ(U32(4*64), dw)
			SUBQ(Imm(64), cols)
			JMP(LabelRef("wide_four"))
			Label("wide_rest")
			TESTQ(cols, cols)
			JZ(LabelRef("wide_done"))
			k.rest(prefix, cols, func(name string, vectors int, t *tail) { k.store(some(name, vectors), t) })
		} else {
			Label("panel")
			sums := some("panels", 2)
			CMPQ(cols, Imm(16))
			JLT(LabelRef("rest"))
			k.store(sums, nil)
			ADDQ(Imm(64), dw)
			SUBQ(Imm(16), cols)
			JNZ(LabelRef("panel"))
			JMP(LabelRef("done"))
			Label("rest")
			k.storeFirst(sums, cols)
		}
		Label(prefix + "done")
		if rows == mostRows {
			times := paramMem("times")
			DECQ(times)
			JZ(LabelRef(prefix + "last"))
			six, dw := GP64(), paramMem("dw")
			LEAQ(Mem{Base: ldw, Index: ldw, Scale: 2}, six)
			ADDQ(six, six)
			ADDQ(six, dw)
			MOVQ(dw, k.z)
			LEAQ(Mem{Base: k.w[5], Index: k.w[1], Scale: 1}, six)
			ADDQ(six, paramMem("dz"))
			JMP(LabelRef(prefix + "rows"))
			Label(prefix + "last")
		}
		VZEROUPPER()
		RET()
	})
}

// store writes the sums of whole vectors, of which the last may have a tail.
func (k *multiply) store(sums [][]VecVirtual, t *tail) {
	k.eachRow(func(r int, at Mem) {
		for v, s := range sums[r] {
			if v < len(sums[r])-1 {
				VMOVUPS(s, at.Offset(size()*v))
			} else {
				t.store(s, at.Offset(size()*v))
			}
		}
	})
}

// storeFirst writes the first cols < 16 lanes of two vectors: of the first eight,
// then of the others.
func (k *multiply) storeFirst(sums [][]VecVirtual, cols GPVirtual) {
	eight, first := GP64(), GP64()
	MOVQ(U32(8), eight)
	MOVQ(cols, first)
	CMPQ(first, eight)
	CMOVQGT(eight, first)
	SUBQ(first, cols) // of the second vector
	tails := []*tail{firstLanes(first), firstLanes(cols)}
	k.eachRow(func(r int, at Mem) {
		for v, t := range tails {
			t.store(sums[r][v], at.Offset(32*v))
		}
	})
}
