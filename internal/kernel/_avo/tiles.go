package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// mostTiles is kernel.MostTiles.
const mostTiles = 16

// sumTiles writes the kernel that adds up the tiles' parts along the tree, for
// each number of tiles: the sums on the way stay in registers.
func sumTiles() {
	TEXT("sumTilesVector", NOSPLIT, "func(dst *float32, ldd int, parts *float32, stride, tiles, rows, cols int, scale float32) bool")
	Doc("sumTilesVector is SumTiles.")
	Pragma("noescape")
	k := &tiles{dst: Load(Param("dst"), GP64()), ldd: Load(Param("ldd"), GP64())}
	SHLQ(Imm(2), k.ldd)
	// Three bases, of which strides up to five lead to every part.
	parts := Load(Param("parts"), GP64())
	k.stride = newStrides(Load(Param("stride"), GP64()), 3, 5)
	six := GP64()
	LEAQ(Mem{Base: k.stride[5], Index: k.stride[1], Scale: 1}, six)
	k.parts = []Register{parts, GP64(), GP64()}
	LEAQ(Mem{Base: parts, Index: six, Scale: 1}, k.parts[1])
	LEAQ(Mem{Base: parts, Index: six, Scale: 2}, k.parts[2])
	tiles := Load(Param("tiles"), GP64())
	k.rows = Load(Param("rows"), GP64())
	scale := paramMem("scale")

	eachWidth(func(prefix string) {
		k.scale, k.seen = vec(), vec()
		VBROADCASTSS(scale, k.scale)
		zero(k.seen)
		for n := 1; n <= mostTiles; n++ {
			CMPQ(tiles, Imm(uint64(n)))
			JE(LabelRef(fmt.Sprintf("%stiles%d", prefix, n)))
		}
		for n := 1; n <= mostTiles; n++ {
			k.sum(fmt.Sprintf("%stiles%d", prefix, n), n)
			JMP(LabelRef(prefix + "done"))
		}
		Label(prefix + "done")
		// seen is 0 but for NaN, whose exponent is all ones; −0 has the sign alone.
		if wide {
			high := YMM()
			VEXTRACTF64X4(Imm(1), k.seen, high)
			VORPS(k.seen.AsY(), high, high)
			k.seen = high
		}
		ok := GP8()
		VPTEST(bits(0x7f800000), k.seen)
		SETEQ(ok)
		VZEROUPPER()
		Store(ok, ReturnIndex(0))
		RET()
	})
}

type tiles struct {
	dst, ldd    Register
	parts       []Register // of tiles 0, 6 and 12
	stride      strides
	rows        Register
	scale, seen VecVirtual
}

// sum writes the code for n tiles.
func (k *tiles) sum(name string, n int) {
	left, to := GP64(), GP64()
	next := func(bytes Op) {
		for _, p := range append([]Register{to}, k.parts[:(n+5)/6]...) {
			ADDQ(bytes, p)
		}
	}
	Label(name)
	Load(Param("cols"), left)
	MOVQ(k.dst, to)
	for _, vectors := range []int{2, 1} {
		of := fmt.Sprintf("%s_by%d", name, vectors)
		Label(of)
		CMPQ(left, Imm(uint64(vectors*lanesNow())))
		JLT(LabelRef(of + "_end"))
		for v := range vectors {
			k.vector(n, to, v*size(), nil)
		}
		next(U32(uint32(vectors * size())))
		SUBQ(Imm(uint64(vectors*lanesNow())), left)
		JMP(LabelRef(of))
		Label(of + "_end")
	}
	Label(name + "_rest")
	TESTQ(left, left)
	JZ(LabelRef(name + "_row"))
	bytes := GP64()
	MOVQ(left, bytes)
	SHLQ(Imm(2), bytes)
	k.vector(n, to, 0, firstLanes(left))
	next(bytes)
	Label(name + "_row")
	ADDQ(k.ldd, k.dst)
	DECQ(k.rows)
	JNZ(LabelRef(name))
}

// vector adds up one vector of each tile, so many bytes on.
func (k *tiles) vector(n int, to Register, at int, t *tail) {
	load := func(i int) VecVirtual {
		v := vec()
		t.load(k.stride.from(k.parts[i/6], i%6).Offset(at), v)
		return v
	}
	var tree func(first, n int) VecVirtual
	tree = func(first, n int) VecVirtual {
		if n == 1 {
			return load(first)
		}
		half := 1
		for 2*half < n {
			half *= 2
		}
		left, right := tree(first, half), tree(first+half, n-half)
		VADDPS(right, left, left)
		return left
	}
	sum, d := tree(0, n), vec()
	VMULPS(k.scale, sum, sum)
	VSUBPS(sum, sum, d)
	VORPS(d, k.seen, k.seen)
	t.store(sum, Mem{Base: to, Disp: at})
}
