//go:build linux && !noasm

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// elementKernels are the kernels that do the same to every element: x are their
// slices, of one length.
var elementKernels = []struct {
	name   string
	slices int
	run    func(x [][]float32)
}{
	{"Add", 2, func(x [][]float32) { Add(x[0], x[1]) }},
	{"Scale", 1, func(x [][]float32) { Scale(x[0], -0.3) }},
	{"AddScaled", 2, func(x [][]float32) { AddScaled(x[0], x[1], 1.7) }},
	{"Multiply", 2, func(x [][]float32) { Multiply(x[0], x[1]) }},
	{"ReLUForward", 2, func(x [][]float32) { ReLUForward(x[0], x[1], 0) }},
	{"LeakyReLUForward", 2, func(x [][]float32) { LeakyReLUForward(x[0], x[1], 0.01) }},
	{"SigmoidForward", 2, func(x [][]float32) { SigmoidForward(x[0], x[1], 0) }},
	{"TanhForward", 2, func(x [][]float32) { TanhForward(x[0], x[1], 0) }},
	{"ExpForward", 2, func(x [][]float32) { ExpForward(x[0], x[1], 0) }},
	{"ELUForward", 2, func(x [][]float32) { ELUForward(x[0], x[1], 0.7) }},
	{"SoftplusForward", 2, func(x [][]float32) { SoftplusForward(x[0], x[1], 0) }},
	{"GELUForward", 2, func(x [][]float32) { GELUForward(x[0], x[1], 0) }},
	{"GELUBackward", 2, func(x [][]float32) { GELUBackward(x[0], x[1], nil, 0) }},
	{"SiLUForward", 2, func(x [][]float32) { SiLUForward(x[0], x[1], 0) }},
	{"SiLUBackward", 2, func(x [][]float32) { SiLUBackward(x[0], x[1], nil, 0) }},
	{"ELUBackward", 2, func(x [][]float32) { ELUBackward(x[0], nil, x[1], 0.7) }},
	{"SoftplusBackward", 2, func(x [][]float32) { SoftplusBackward(x[0], nil, x[1], 0) }},
	{"SigmoidCrossEntropy", 5, loss(SigmoidCrossEntropy[float32])},
	{"SoftmaxCrossEntropy", 5, loss(SoftmaxCrossEntropy[float32])},
	{"PoissonExp", 5, loss(PoissonExp[float32])},
	{"HalfSquared", 5, loss(HalfSquared[float32])},
	{"in place", 1, func(x [][]float32) { TanhForward(x[0], x[0], 0) }},
	{"ReLUBackward", 2, func(x [][]float32) { ReLUBackward(x[0], nil, x[1], 0) }},
	{"LeakyReLUBackward", 2, func(x [][]float32) { LeakyReLUBackward(x[0], nil, x[1], 0.2) }},
	{"SigmoidBackward", 2, func(x [][]float32) { SigmoidBackward(x[0], nil, x[1], 0) }},
	{"TanhBackward", 2, func(x [][]float32) { TanhBackward(x[0], nil, x[1], 0) }},
	{"ExpBackward", 2, func(x [][]float32) { ExpBackward(x[0], nil, x[1], 0) }},
	{"Descend", 2, func(x [][]float32) { Descend(x[0], x[1], 0.1) }},
	{"Decay", 1, func(x [][]float32) { Decay(x[0], 0.01) }},
	{"Momentum", 3, func(x [][]float32) { Momentum(x[0], x[1], x[2], 0.1, 0.9) }},
	{"Nesterov", 3, func(x [][]float32) { Nesterov(x[0], x[1], x[2], 0.1, 0.9) }},
	{"RMSProp", 3, func(x [][]float32) { RMSProp(x[0], x[1], x[2], 0.1, 0.9, 1e-8) }},
	{"Adam", 4, func(x [][]float32) { Adam(x[0], x[1], x[2], x[3], 0.1, 0.9, 0.999, 1e-8, 1.5, 1.2) }},
	{"softmax of three", 2, func(x [][]float32) {
		if m := len(x[0]) / 3; m > 0 && m <= Tile {
			Softmax(x[0][:3*m], x[1][:3*m], m, 3, m)
		}
	}},
}

// loss runs a loss kernel on two outputs: dz, z, a, y and w are the slices, and
// the loss goes into the last element of w.
func loss(f lossKernel[float32]) func(x [][]float32) {
	return func(x [][]float32) {
		const c = 2
		m := len(x[0]) / c
		if m == 0 || m > Tile {
			return
		}
		l := f(x[0][:c*m], x[1][:c*m], x[2][:c*m], x[3][:c*m], m, m, x[4][:m], c, m, 0)
		x[4][len(x[4])-1] = float32(l)
		x[3][0] = float32(l - float64(float32(l))) // the rest of its bits
		f(nil, x[1][:c*m], x[2][:c*m], x[3][:c*m], m, m, nil, c, m, 0)
	}
}

func TestVectorElementsHaveThePlainBits(t *testing.T) {
	levels := levels(t)
	random := rand.New(rand.NewPCG(5, 6))
	sizes := []int{2 * Tile, 3 * Tile, 1000, stretch + 13} // full tiles of two and three outputs
	for n := range 68 {
		sizes = append(sizes, n)
	}
	for _, k := range elementKernels {
		for _, n := range sizes {
			compareElements(t, random, levels, k.name, k.slices, n, k.run)
		}
	}
}

// compareElements runs a kernel with and without vectors on the same numbers,
// which end at a fence.
func compareElements(t *testing.T, random *rand.Rand, levels []int, name string, slices, n int, run func(x [][]float32)) {
	t.Helper()
	x, start, want := make([][]float32, slices), make([][]float32, slices), make([][]float32, slices)
	for i := range x {
		x[i] = make([]float32, n)
		if n < 100 {
			x[i] = fenced(t, n, true)
		}
		start[i], want[i] = fill(random, make([]float32, n)), make([]float32, n)
		for j := range start[i] {
			if random.IntN(50) == 0 {
				start[i][j] *= 1e-30 // around the least moment
			}
		}
		copy(want[i], start[i])
	}
	withLevel(generic, func() { run(want) })
	for _, l := range levels {
		for i := range x {
			copy(x[i], start[i])
		}
		withLevel(l, func() { run(x) })
		for i := range x {
			for j, v := range x[i] {
				if !sameBits(v, want[i][j]) {
					t.Fatalf("%s, %s, %d elements: slice %d, element %d is %v, the plain kernel says %v; it was %v", name, levelNames[l], n, i, j, v, want[i][j], start[i][j])
				}
			}
		}
	}
}

// slopeOf is g'(z) as a function of one argument.
func slopeOf(backward func(dz, z, a []float32, alpha float32)) func(a, z []float32, alpha float32) {
	return func(a, z []float32, alpha float32) {
		for i := range a {
			a[i] = 1
		}
		backward(a, z, nil, alpha)
	}
}

// slopeOfA is slopeOf for a g' that is computed from a.
func slopeOfA(backward func(dz, z, a []float32, alpha float32)) func(a, z []float32, alpha float32) {
	return slopeOf(func(dz, z, _ []float32, alpha float32) { backward(dz, nil, z, alpha) })
}

// Every 997th float32, or 9973rd if short, goes through the functions of one
// argument.
func TestVectorFunctionsHaveThePlainBitsEverywhere(t *testing.T) {
	levels := levels(t)
	step := uint64(997)
	if testing.Short() {
		step = 9973
	}
	const n = 1 << 12
	z, a, want := make([]float32, n), make([]float32, n), make([]float32, n)
	for b := uint64(0); b < 1<<32; {
		for i := range z {
			z[i] = math.Float32frombits(uint32(b))
			b += step
		}
		for _, f := range []struct {
			name string
			run  func(a, z []float32, alpha float32)
		}{
			{"sigmoid", SigmoidForward[float32]},
			{"tanh", TanhForward[float32]},
			{"exp", ExpForward[float32]},
			{"relu", ReLUForward[float32]},
			{"softplus", SoftplusForward[float32]},
			{"elu", ELUForward[float32]},
			{"gelu", GELUForward[float32]},
			{"silu", SiLUForward[float32]},
			{"gelu'", slopeOf(GELUBackward[float32])},
			{"silu'", slopeOf(SiLUBackward[float32])},
			{"softplus'", slopeOfA(SoftplusBackward[float32])},
		} {
			withLevel(generic, func() { f.run(want, z, 0.7) })
			for _, l := range levels {
				withLevel(l, func() { f.run(a, z, 0.7) })
				for i, v := range a {
					if !sameBits(v, want[i]) {
						t.Fatalf("%s, %s: of %v it gives %v, the plain kernel %v", f.name, levelNames[l], z[i], v, want[i])
					}
				}
			}
		}
	}
}

func TestVectorsSeeWhatIsNotFinite(t *testing.T) {
	for _, l := range levels(t) {
		withLevel(l, func() {
			for n := range 40 {
				x := fenced(t, n, true)
				if i := NotFinite(x); i >= 0 {
					t.Fatalf("%d zeros: %d", n, i)
				}
				for at := range n {
					for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
						x[at] = float32(v)
						if i := NotFinite(x); i != at {
							t.Fatalf("%v at %d of %d: %d", v, at, n, i)
						}
					}
					x[at] = -math.MaxFloat32
				}
			}
		})
	}
}
