package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Two units over two features, of two examples.
func ExampleAffine() {
	w := []float32{
		1, 2,
		3, 4,
	}
	b := []float32{0.5, 0}
	a := []float32{
		1, 0,
		0, 1,
	}
	z := make([]float32, 4)
	Affine(z, w, b, a, 2, 2, 2, 2)
	fmt.Println(z[:2])
	fmt.Println(z[2:])
	// Output:
	// [1.5 2.5]
	// [3 4]
}

// The three products as their contracts say them: one output after the other,
// terms in order, a fused multiply-add each.

func plainAffine[T Float](z, w, b, a []T, lda, n, k, m int) {
	for i := range n {
		for j := range m {
			s := b[i]
			for q := range k {
				s = FMA(w[i*k+q], a[q*lda+j], s)
			}
			z[i*m+j] = s
		}
	}
}

func plainGradInputs[T Float](da, w, dz []T, n, k, m int) {
	for q := range k {
		for j := range m {
			var s T
			for i := range n {
				s = FMA(w[i*k+q], dz[i*m+j], s)
			}
			da[q*m+j] = s
		}
	}
}

func plainGradWeights[T Float](dw, db, dz, a []T, lda, n, k, m int) {
	for i := range n {
		for q := range k {
			var s T
			for j := range m {
				s = FMA(dz[i*m+j], a[q*lda+j], s)
			}
			dw[i*k+q] = s
		}
		db[i] = lanesOf(m, func(j int, s T) T { return s + dz[i*m+j] })
	}
}

func plainGradWeightsFew[T Float](dw, dz, a []T, lda, n, k, m int) {
	for i := range n {
		for q := range k {
			dw[i*k+q] = lanesOf(m, func(j int, s T) T { return FMA(dz[i*m+j], a[q*lda+j], s) })
		}
	}
}

func plainAffineLong[T Float](z, w, b, a []T, lda, n, k, m int) {
	for i := range n {
		for j := range m {
			z[i*m+j] = lanesOf(k, func(q int, s T) T { return FMA(w[i*k+q], a[q*lda+j], s) }) + b[i]
		}
	}
}

// lanesOf deals m examples over eight sums and adds these in pairs.
func lanesOf[T Float](m int, add func(j int, s T) T) T {
	var s []T
	for l := range 8 {
		var sum T
		for j := l; j < m; j += 8 {
			sum = add(j, sum)
		}
		s = append(s, sum)
	}
	for ; len(s) > 1; s = s[:len(s)/2] {
		for i := range len(s) / 2 {
			s[i] = s[2*i] + s[2*i+1]
		}
	}
	return s[0]
}

// gradWeights is GradWeights and GradBiases of a whole layer, in two blocks if it
// is wide.
func gradWeights[T Float](dw, db, dz, a []T, lda, n, k, m int) {
	turned := make([]T, Turned(k, m))
	Turn(turned, a, lda, k, m)
	for q := 0; q < k; q += 2 * Panel {
		GradWeights(dw[q:], k, dz, m, turned[q*m:], n, min(2*Panel, k-q), m)
	}
	GradBiases(db, dz, m, n, m)
}

// element draws a value: mostly ordinary ones; at times such whose products
// fall half-way between two float32, tiny, huge or special ones.
func element[T Float](random *rand.Rand) T {
	switch random.IntN(100) {
	case 0:
		return T(special[random.IntN(len(special))])
	case 1:
		return T(math.Float32frombits(random.Uint32() & 0x807fffff)) // subnormal
	case 2, 3, 4, 5, 6, 7, 8, 9:
		near := []T{1, 1 + 0x1p-23, 1 - 0x1p-23, 0x1p-24, -0x1p-24, 0x1p-12, -0x1p-12, 0}
		return near[random.IntN(len(near))]
	}
	return T(random.NormFloat64())
}

func fill[T Float](random *rand.Rand, x []T) []T {
	for i := range x {
		x[i] = element[T](random)
	}
	return x
}

// strided returns a (rows, m) matrix with a row every ld and NaN between the
// rows, which no kernel may read.
func strided[T Float](random *rand.Rand, rows, m, ld int) []T {
	a := make([]T, (rows-1)*ld+m)
	for i := range a {
		a[i] = T(math.NaN())
		if i%ld < m {
			a[i] = element[T](random)
		}
	}
	return a
}

// guarded is a destination between values that must stay.
type guarded[T Float] struct{ all, inner []T }

const guard, mark = 16, 12345

func newGuarded[T Float](n int) guarded[T] {
	all := make([]T, n+2*guard)
	for i := range all {
		all[i] = mark
	}
	return guarded[T]{all, all[guard : guard+n]} // the capacity reaches beyond the end
}

func (g guarded[T]) check(t testing.TB, name string, want []T) {
	t.Helper()
	for i, v := range g.all {
		if inside := i >= guard && i < guard+len(g.inner); !inside && v != mark {
			t.Fatalf("%s: wrote outside, at %d of %d", name, i-guard, len(g.inner))
		}
	}
	for i, v := range g.inner {
		if !sameBits(v, want[i]) {
			t.Fatalf("%s: element %d is %x, want %x", name, i, v, want[i])
		}
	}
}

func sameBits[T Float](a, b T) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || a != a && b != b
}

// checkProducts compares the products with the plain ones, bit for bit.
func checkProducts[T Float](t testing.TB, random *rand.Rand, n, k, m, lda int) {
	t.Helper()
	name := func(product string) string {
		return fmt.Sprintf("%T: %s of n = %d, k = %d, m = %d, a row every %d", T(0), product, n, k, m, lda)
	}
	w, b := fill(random, make([]T, n*k)), fill(random, make([]T, n))
	a, dz := strided[T](random, k, m, lda), fill(random, make([]T, n*m))

	z, wantZ := newGuarded[T](n*m), make([]T, n*m)
	Affine(z.inner, w, b, a, lda, n, k, m)
	plainAffine(wantZ, w, b, a, lda, n, k, m)
	z.check(t, name("Affine"), wantZ)

	da, wantDA := newGuarded[T](k*m), make([]T, k*m)
	long, wantLong := newGuarded[T](n*m), make([]T, n*m)
	AffineLong(long.inner, w, b, a, lda, n, k, m)
	plainAffineLong(wantLong, w, b, a, lda, n, k, m)
	long.check(t, name("AffineLong"), wantLong)

	half := k / 2
	GradInputs(da.inner, w, dz, n, k, half, m)
	GradInputs(da.inner[half*m:], w[half:], dz, n, k, k-half, m)
	plainGradInputs(wantDA, w, dz, n, k, m)
	da.check(t, name("GradInputs"), wantDA)

	dw, wantDW := newGuarded[T](n*k), make([]T, n*k)
	db, wantDB := newGuarded[T](n), make([]T, n)
	gradWeights(dw.inner, db.inner, dz, a, lda, n, k, m)
	plainGradWeights(wantDW, wantDB, dz, a, lda, n, k, m)
	dw.check(t, name("GradWeights, dW"), wantDW)
	db.check(t, name("GradWeights, db"), wantDB)

	few, wantFew := newGuarded[T](n*k), make([]T, n*k)
	GradWeightsFew(few.inner, k, dz, m, a, lda, n, k, m)
	plainGradWeightsFew(wantFew, dz, a, lda, n, k, m)
	few.check(t, name("GradWeightsFew"), wantFew)
}

func TestProductsOfEverySmallSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	most := 20
	if testing.Short() {
		most = 9 // two blocks of four and a rest
	}
	for n := 1; n <= most; n++ {
		for k := 1; k <= most; k++ {
			for m := 1; m <= most; m++ {
				lda := m + random.IntN(3)
				checkProducts[float32](t, random, n, k, m, lda)
				if (n+k+m)%4 == 0 {
					checkProducts[float64](t, random, n, k, m, lda)
				}
			}
		}
	}
}

func TestProductsOfLargeSizes(t *testing.T) {
	for _, c := range []struct{ n, k, m, lda int }{
		{1, 1, 64, 64}, {127, 3, 64, 200}, {3, 129, 61, 61}, {65, 67, 63, 1000}, {1, 301, 1, 1}, {257, 1, 7, 8},
	} {
		random := rand.New(rand.NewPCG(3, 4))
		checkProducts[float32](t, random, c.n, c.k, c.m, c.lda)
		checkProducts[float64](t, random, c.n, c.k, c.m, c.lda)
	}
	rapid.Check(t, func(r *rapid.T) {
		n, k, m := rapid.IntRange(1, 70).Draw(r, "n"), rapid.IntRange(1, 70).Draw(r, "k"), rapid.IntRange(1, Tile).Draw(r, "m")
		lda := m + rapid.IntRange(0, 70).Draw(r, "gap")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		if rapid.Bool().Draw(r, "double") {
			checkProducts[float64](t, random, n, k, m, lda)
		} else {
			checkProducts[float32](t, random, n, k, m, lda)
		}
	})
}

// An output depends on its own row and column alone, so a batch that is cut
// elsewhere has the same bits.
func TestAColumnIsTheSameInEveryBatch(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const n, k, m = 7, 11, 61
	w, b, a := fill(random, make([]float32, n*k)), fill(random, make([]float32, n)), fill(random, make([]float32, k*m))
	whole := make([]float32, n*m)
	Affine(whole, w, b, a, m, n, k, m)
	for first := range m {
		for size := 1; first+size <= m; size += 5 {
			part := make([]float32, n*size)
			Affine(part, w, b, a[first:], m, n, k, size)
			for i := range n {
				for j := range size {
					if got, want := part[i*size+j], whole[i*m+first+j]; !sameBits(got, want) {
						t.Fatalf("unit %d, example %d in a batch of %d from %d: %x, want %x", i, first+j, size, first, got, want)
					}
				}
			}
		}
	}
}

func BenchmarkAffine(b *testing.B) {
	for _, c := range []struct{ n, k, m int }{{64, 32, 64}, {512, 784, 64}} {
		b.Run(fmt.Sprintf("%dx%dx%d", c.n, c.k, c.m), func(b *testing.B) {
			random := rand.New(rand.NewPCG(7, 8))
			draw := func(n int) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(random.NormFloat64())
				}
				return x
			}
			w, bias, a, z := draw(c.n*c.k), draw(c.n), draw(c.k*c.m), make([]float32, c.n*c.m)
			for b.Loop() {
				Affine(z, w, bias, a, c.m, c.n, c.k, c.m)
			}
			flops := 2 * float64(c.n) * float64(c.k) * float64(c.m) * float64(b.N)
			b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func TestOneExampleHasTheBitsOfABatch(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for n := 1; n <= 280; n += 1 + n/9 {
		for _, k := range []int{1, 2, 7, 30, 129} {
			checkOne[float32](t, random, n, k)
			checkOne[float64](t, random, n, k)
		}
	}
}

func checkOne[T Float](t *testing.T, random *rand.Rand, n, k int) {
	t.Helper()
	w, b, x := fill(random, make([]T, n*k)), fill(random, make([]T, Panelled(n, 1))), fill(random, make([]T, k))
	panels := make([]T, Panelled(n, k))
	PanelUnits(panels, w, n, k)
	z, want := newGuarded[T](Panelled(n, 1)), make([]T, Panelled(n, 1))
	plainAffine(want, w, b, x, 1, n, k, 1)
	for _, relu := range []bool{false, true} {
		if relu {
			ReLUForward(want, want, 0)
		}
		AffineOne(z.inner, panels, b, x, n, k, relu)
		copy(want[n:], z.inner[n:]) // anything
		z.check(t, fmt.Sprintf("%T: n = %d, k = %d, ReLU %v", T(0), n, k, relu), want)
	}

	long, wantLong := newGuarded[T](n), make([]T, n)
	AffineLongOne(long.inner, w, b, x, n, k)
	plainAffineLong(wantLong, w, b, x, 1, n, k, 1)
	long.check(t, fmt.Sprintf("%T: long: n = %d, k = %d", T(0), n, k), wantLong)
}
