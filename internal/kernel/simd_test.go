//go:build linux && (amd64 || arm64) && !noasm

package kernel

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fenced returns n float32 that end where a page begins that can't be touched,
// or begin where one ends.
func fenced(t testing.TB, n int, atEnd bool) []float32 {
	t.Helper()
	page := unix.Getpagesize()
	size := (4*n + page - 1) / page * page
	memory, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(memory) }) // at the end of a test nothing depends on it
	for _, fence := range [][]byte{memory[:page], memory[page+size:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	inner := memory[page : page+size]
	if atEnd {
		inner = inner[size-4*n:]
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(inner))), n)
}

// withLevel runs f with the vector instructions of a level.
func withLevel(l int, f func()) {
	was := level
	level = l
	defer func() { level = was }()
	f()
}

// levels are those above the plain one that this processor has.
func levels(t testing.TB) []int {
	t.Helper()
	best, err := chooseLevel("")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for l := generic + 1; l <= best; l++ {
		all = append(all, l)
	}
	if all == nil {
		t.Log("this processor has the plain kernels alone: there is nothing to compare")
	}
	return all
}

// product is a kernel on matrices, most of them a layer's products, on memory
// between fences.
type product struct {
	name    string
	n, k, m int
	in      [][]float32 // its operands
	out     [][]float32 // its results
	run     func(out, in [][]float32)
}

// productsOf are the products, with examples that are lda apart.
func productsOf(t testing.TB, n, k, m, lda int, atEnd bool) []product {
	slices := func(sizes ...int) [][]float32 {
		var s [][]float32
		for _, size := range sizes {
			s = append(s, fenced(t, size, atEnd))
		}
		return s
	}
	a := (k-1)*lda + m
	return []product{
		{"Affine", n, k, m, slices(n*k, n, a), slices(n * m), func(out, in [][]float32) { Affine(out[0], in[0], in[1], in[2], lda, n, k, m) }},
		{"GradInputs", n, k, m, slices(n*k, n*m), slices(k * m), func(out, in [][]float32) { GradInputs(out[0], in[0], in[1], n, k, k, m) }},
		{"AffineReLU", n, k, m, slices(n*k, n, a), slices(n * m), func(out, in [][]float32) { AffineReLU(out[0], in[0], in[1], in[2], lda, n, k, m) }},
		{"GradInputsReLU", n, k, m, slices(n*k, n*m, k*m), slices(k * m), func(out, in [][]float32) { GradInputsReLU(out[0], in[0], in[1], in[2], n, k, k, m) }},
		{"AffineLong", n, k, m, slices(n*k, n, a), slices(n * m), func(out, in [][]float32) { AffineLong(out[0], in[0], in[1], in[2], lda, n, k, m) }},
		{"AffineOne", n, k, 1, slices(Panelled(n, k), Panelled(n, 1), k), slices(Panelled(n, 1)), func(out, in [][]float32) {
			AffineOne(out[0], in[0], in[1], in[2], n, k, false)
			clear(out[0][n:]) // stands for no unit
		}},
		{"AffineOneReLU", n, k, 1, slices(Panelled(n, k), Panelled(n, 1), k), slices(Panelled(n, 1)), func(out, in [][]float32) {
			AffineOne(out[0], in[0], in[1], in[2], n, k, true)
			clear(out[0][n:])
		}},
		{"CopyColumns", n, k, m, slices(a), slices(k * m), func(out, in [][]float32) { CopyColumns(out[0], m, in[0], lda, k, m) }},
		{"SumTiles", n, k, m, slices(min(n, MostTiles) * k * m), slices(k*m, 1), func(out, in [][]float32) {
			out[1][0] = 0
			if SumTiles(out[0], m, in[0], k*m, min(n, MostTiles), k, m, 0.3) {
				out[1][0] = 1
			}
		}},
		{"AffineLongOne", n, k, 1, slices(n*k, n, k), slices(n), func(out, in [][]float32) { AffineLongOne(out[0], in[0], in[1], in[2], n, k) }},
		{"SoftmaxOne", n, k, 1, slices(n), slices(Panelled(n, 1)), func(out, in [][]float32) {
			copy(out[0], in[0])
			SoftmaxOne(out[0], n)
			clear(out[0][n:])
		}},
		{"GradWeights", n, k, m, slices(n*m, a), slices(n*k, n), func(out, in [][]float32) { gradWeights(out[0], out[1], in[0], in[1], lda, n, k, m) }},
		{"GradWeightsFew", n, k, m, slices(n*m, a), slices(n * k), func(out, in [][]float32) { GradWeightsFew(out[0], k, in[0], m, in[1], lda, n, k, m) }},
	}
}

// compare runs a product on every level and reports the first number that
// differs from the plain kernel's.
func (p *product) compare(t testing.TB, r *rand.Rand, levels []int) {
	t.Helper()
	for _, x := range p.in {
		fill(r, x)
	}
	want := make([][]float32, len(p.out))
	withLevel(generic, func() { p.run(p.out, p.in) })
	for i, x := range p.out {
		want[i] = append([]float32(nil), x...)
	}
	for _, l := range levels {
		for _, x := range p.out {
			for i := range x {
				x[i] = 12345 // what isn't written shows
			}
		}
		withLevel(l, func() { p.run(p.out, p.in) })
		for i, x := range p.out {
			for j, v := range x {
				if !sameBits(v, want[i][j]) {
					t.Fatalf("%s, %s, n %d, k %d, m %d: result %d, element %d is %v, the plain kernel says %v", p.name, levelNames[l], p.n, p.k, p.m, i, j, v, want[i][j])
				}
			}
		}
	}
}

// Every size from 1 to 67 in each dimension, beside small and odd ones in the
// others.
func TestVectorKernelsGiveThePlainBits(t *testing.T) {
	levels := levels(t)
	r := rand.New(rand.NewPCG(1, 2))
	others := [][2]int{{1, 1}, {3, 5}, {7, 17}}
	if testing.Short() {
		others = others[2:]
	}
	for size := 1; size <= 67; size++ {
		t.Run(fmt.Sprint(size), func(t *testing.T) { // its memory goes with it
			for _, o := range others {
				for i, s := range [][3]int{{size, o[0], o[1]}, {o[0], size, o[1]}, {o[0], o[1], size}} {
					for _, atEnd := range []bool{true, false} {
						for _, p := range productsOf(t, s[0], s[1], min(s[2], Tile), s[2]+i, atEnd) {
							p.compare(t, r, levels)
						}
					}
				}
			}
		})
	}
	for _, s := range [][3]int{{131, 257, 63}, {1, atMost + 5, 64}, {5, 2*atMost + 1, 9}, {13, 1, 64}, {70, 1<<14 + 1, 1}, {3 * UnitPanel, 1 << 12, 2}, {7, atMost + 37, 3}} {
		for _, p := range productsOf(t, s[0], s[1], s[2], s[2]+3, true) {
			p.compare(t, r, levels)
		}
	}
}

func FuzzVectorKernels(f *testing.F) {
	f.Add(uint64(1), uint8(6), uint8(16), uint8(64))
	f.Add(uint64(2), uint8(1), uint8(1), uint8(1))
	f.Add(uint64(3), uint8(7), uint8(33), uint8(15))
	levels := levels(f)
	f.Fuzz(func(t *testing.T, seed uint64, n, k, m uint8) {
		r := rand.New(rand.NewPCG(seed, 3))
		cols := 1 + int(m)%Tile
		for _, p := range productsOf(t, 1+int(n), 1+int(k), cols, cols+int(seed%5), seed%2 == 0) {
			p.compare(t, r, levels)
		}
	})
}

func TestALevelThatIsNotThereIsAnError(t *testing.T) {
	if _, err := chooseLevel("sse9"); err == nil || !strings.Contains(err.Error(), "SHOAL_SIMD=sse9: there is no such level; there are generic, "+levelNames[1]) {
		t.Errorf("%v", err)
	}
	for _, name := range levelNames {
		l, err := chooseLevel(name)
		best, _ := chooseLevel("")
		switch {
		case err == nil && levelNames[l] != name:
			t.Errorf("SHOAL_SIMD=%s gives %s", name, levelNames[l])
		case err != nil && (levelNames[best] == name || !strings.Contains(err.Error(), "this processor has no such instructions")):
			t.Errorf("SHOAL_SIMD=%s: %v", name, err)
		}
	}
	if name, err := Level(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func BenchmarkProducts(b *testing.B) {
	for _, l := range append([]int{generic}, levels(b)...) {
		for _, s := range [][3]int{{16, 30, 32}, {128, 16, 64}, {300, 300, 64}, {128, 784, 64}} {
			for _, p := range productsOf(b, s[0], s[1], s[2], s[2], false) {
				if p.name == "CopyColumns" || p.name == "SumTiles" || p.name == "SoftmaxOne" {
					continue // are no products
				}
				b.Run(fmt.Sprintf("%s/%s/%dx%dx%d", p.name, levelNames[l], s[0], s[1], s[2]), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 1))
					for _, x := range p.in {
						for i := range x { // no subnormals: some processors take a hundred cycles for one
							x[i] = float32(r.NormFloat64())
						}
					}
					withLevel(l, func() {
						for b.Loop() {
							p.run(p.out, p.in)
						}
					})
					b.ReportMetric(2*float64(p.n*p.k*p.m)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
