package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A rowwise kernel goes over the outputs of a tile, of all examples: an array with
// a stride has a row an output; the others have a number an example, which stays
// in a register from row to row.
type rowwise struct {
	name    string
	strided map[string]string // array: its stride, a parameter
	across  []string          // arrays with a number an example, float32, that are read and may be written
	wideSum bool              // and one more, sum, in float64, to which "sum" of the results is added
	body    func(x values) values
}

// write writes
//
//	func nameVector(rows, n, ld, ldy int, arrays *float32…, sum *float64)
func (k *rowwise) write() {
	rowArrays := slices.Sorted(maps.Keys(k.strided))
	var strides []string
	for _, s := range []string{"ld", "ldy"} {
		for _, a := range rowArrays {
			if k.strided[a] == s && !slices.Contains(strides, s) {
				strides = append(strides, s)
			}
		}
	}
	params := "rows, n, " + strings.Join(strides, ", ") + " int, " + strings.Join(append(slices.Clone(rowArrays), k.across...), ", ") + " *float32"
	if k.wideSum {
		params += ", sum *float64"
	}
	TEXT(k.name+"Vector", NOSPLIT, "func("+params+")")
	Doc(k.name + "Vector goes over rows of n examples: see rowwise.")
	Pragma("noescape")

	n := Load(Param("n"), GP64())
	stride := map[string]Register{}
	for _, s := range strides {
		stride[s] = Load(Param(s), GP64())
		SHLQ(Imm(2), stride[s])
	}
	at, row := map[string]Register{}, map[string]Register{}
	for _, a := range append(slices.Clone(rowArrays), k.across...) {
		at[a] = Load(Param(a), GP64())
	}
	for _, a := range rowArrays {
		row[a] = GP64()
	}
	var sum Register
	if k.wideSum {
		sum = Load(Param("sum"), GP64())
	}
	left := GP64()

	eachWidth(func(prefix string) {
		// some goes over all rows of so many vectors of examples.
		some := func(name string, t *tail) {
			for _, a := range rowArrays {
				MOVQ(at[a], row[a])
			}
			acc := values{}
			for _, a := range k.across {
				for i := range together {
					v := vec()
					t.load(Mem{Base: at[a], Disp: i * size()}, v)
					acc[a] = append(acc[a], v)
				}
			}
			var sums []VecVirtual // two a vector, of half as many float64
			if k.wideSum {
				for i := range 2 * together {
					v := vec()
					VMOVUPD(Mem{Base: sum, Disp: i * size()}, v)
					sums = append(sums, v)
				}
			}
			Load(Param("rows"), left)
			Label(name + "_row")
			x := values{}
			for a, v := range acc {
				x[a] = v
			}
			for i := range together {
				for _, a := range rowArrays {
					v := vec()
					t.load(Mem{Base: row[a], Disp: i * size()}, v)
					x[a] = append(x[a], v)
				}
			}
			results := k.body(x)
			for i := range together {
				for _, a := range rowArrays {
					if r, ok := results[a]; ok {
						t.store(inRegister(r[i]), Mem{Base: row[a], Disp: i * size()})
					}
				}
				for _, a := range k.across {
					if r, ok := results[a]; ok {
						VMOVAPS(r[i], acc[a][i])
					}
				}
				if k.wideSum {
					addWidened(inRegister(results["sum"][i]), sums[2*i:2*i+2])
				}
			}
			for _, a := range rowArrays {
				ADDQ(stride[k.strided[a]], row[a])
			}
			DECQ(left)
			JNZ(LabelRef(name + "_row"))
			for i := range together {
				for _, a := range k.across {
					t.store(acc[a][i].(VecVirtual), Mem{Base: at[a], Disp: i * size()})
				}
			}
			for i, v := range sums {
				VMOVUPD(v, Mem{Base: sum, Disp: i * size()})
			}
		}
		for _, vectors := range []int{2, 1} {
			together = vectors
			name := fmt.Sprintf("%sby%d", prefix, vectors)
			Label(name)
			CMPQ(n, Imm(uint64(vectors*lanesNow())))
			JLT(LabelRef("after_" + name))
			some(name, nil)
			for _, a := range append(slices.Clone(rowArrays), k.across...) {
				ADDQ(U32(uint32(vectors*size())), at[a])
			}
			if k.wideSum {
				ADDQ(U32(uint32(2*vectors*size())), sum)
			}
			SUBQ(Imm(uint64(vectors*lanesNow())), n)
			JMP(LabelRef(name))
			Label("after_" + name)
		}
		TESTQ(n, n)
		JZ(LabelRef(prefix + "done"))
		some(prefix+"tail", firstLanes(n.(GPVirtual)))
		Label(prefix + "done")
		VZEROUPPER()
		RET()
	})
}

// addWidened adds the lanes of x to two vectors of float64.
func addWidened(x VecVirtual, sums []VecVirtual) {
	low, high := vec(), vec()
	if wide {
		half := YMM()
		VEXTRACTF32X8(Imm(1), x, half)
		VCVTPS2PD(x.AsY(), low)
		VCVTPS2PD(half, high)
	} else {
		half := XMM()
		VEXTRACTF128(Imm(1), x, half)
		VCVTPS2PD(x.AsX(), low)
		VCVTPS2PD(half, high)
	}
	VADDPD(low, sums[0], sums[0])
	VADDPD(high, sums[1], sums[1])
}

// softmaxes writes the kernels of softmax and of its cross-entropy.
func softmaxes() {
	for _, k := range []rowwise{
		{ // the peak so far, or z where it is larger or NaN
			"largestRows",
			map[string]string{"z": "ld"},
			[]string{"peak"},
			false,
			func(x values) values {
				v := x["z"]
				return values{"peak": choose(or(greater(v, x["peak"]), differ(v, v)), v, x["peak"])}
			},
		},
		{ // a = e^(z − peak), added to norm
			"expRows",
			map[string]string{"a": "ld", "z": "ld"},
			[]string{"norm", "peak"},
			false,
			func(x values) values {
				e := expOf(atLeast(sub(x["z"], x["peak"]), c(-farLogit)))
				return values{"a": e, "norm": add(x["norm"], e)}
			},
		},
		{
			"divideRows",
			map[string]string{"a": "ld"},
			[]string{"norm"},
			false,
			func(x values) values { return values{"a": div(x["a"], x["norm"])} },
		},
		{ // y is added to label, and −y·(z − peak) to sum where y isn't 0
			"labelledRows",
			map[string]string{"z": "ld", "y": "ldy"},
			[]string{"label", "peak"},
			true,
			func(x values) values {
				y := x["y"]
				l := and(differ(y, c(0)), mul(y, sub(x["z"], x["peak"])))
				return values{"label": add(x["label"], y), "sum": xor(l, bits(1<<31))}
			},
		},
		{
			"softmaxSlopeRows",
			map[string]string{"dz": "ld", "a": "ld", "y": "ldy"},
			[]string{"label"},
			false,
			func(x values) values { return values{"dz": sub(mul(x["a"], x["label"]), x["y"])} },
		},
	} {
		k.write()
	}
}
