package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func ExampleSumTiles() {
	// ((1 + 1e8) + (−1e8 + 1)) + 1, where 1e8 + 1 is 1e8 in float32.
	parts := []float32{1, 1e8, -1e8, 1, 1}
	var sum [1]float32
	SumTiles(sum[:], 1, parts, 1, 5, 1, 1, 1)
	fmt.Println(sum[0])
	// Output: 1
}

// treeOf joins neighbours, level after level: the picture beside SumTiles.
func treeOf[T Float](x []T) T {
	for len(x) > 1 {
		var next []T
		for i := 0; i < len(x); i += 2 {
			if i+1 == len(x) {
				next = append(next, x[i])
			} else {
				next = append(next, x[i]+x[i+1])
			}
		}
		x = next
	}
	return x[0]
}

func TestSumTilesIsTheDocumentedTree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	for tiles := 1; tiles <= MostTiles; tiles++ {
		for _, size := range [][2]int{{1, 1}, {1, 40}, {3, 5}, {7, 16}, {2, 33}, {1, 1 << 13}} {
			checkSumTiles[float32](t, random, tiles, size[0], size[1])
			checkSumTiles[float64](t, random, tiles, size[0], size[1])
		}
	}
}

func checkSumTiles[T Float](t *testing.T, random *rand.Rand, tiles, rows, cols int) {
	t.Helper()
	stride, ldd, scale := rows*cols+random.IntN(9), cols+random.IntN(9), element[T](random)
	parts := make([]T, tiles*stride)
	for i := range parts {
		parts[i] = T(random.NormFloat64())
	}
	if random.IntN(2) == 0 {
		fill(random, parts) // NaN and infinity, too
	}
	got := newGuarded[T]((rows-1)*ldd + cols)
	want := append([]T(nil), got.inner...)
	finite := true
	for i := range rows * cols {
		var x []T
		for tile := range tiles {
			x = append(x, parts[tile*stride+i])
		}
		v := T(treeOf(x) * scale)
		want[i/cols*ldd+i%cols] = v
		finite = finite && v-v == 0
	}
	said := SumTiles(got.inner, ldd, parts, stride, tiles, rows, cols, scale)
	got.check(t, fmt.Sprintf("%T: %d tiles, %d rows, %d columns", T(0), tiles, rows, cols), want)
	if said != finite {
		t.Errorf("%T: %d tiles, %d rows, %d columns: finite is %v", T(0), tiles, rows, cols, said)
	}
}

func TestVectorsElementByElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		x, y, s := fill(random, make([]float32, n)), fill(random, make([]float32, n)), element[float32](random)
		for _, c := range []struct {
			name string
			do   func(dst []float32)
			want func(y, x float32) float64 // in float64, whose rounding is then that of float32
		}{
			{"Add", func(dst []float32) { Add(dst, x) }, func(y, x float32) float64 { return float64(y + x) }},
			{"Scale", func(dst []float32) { Scale(dst, s) }, func(y, _ float32) float64 { return float64(y) * float64(s) }},
			{"Multiply", func(dst []float32) { Multiply(dst, x) }, func(y, x float32) float64 { return float64(y) * float64(x) }},
			// The product is rounded before it is added.
			{"AddScaled", func(dst []float32) { AddScaled(dst, x, s) }, func(y, x float32) float64 {
				return float64(y) + float64(float32(float64(s)*float64(x)))
			}},
		} {
			dst := newGuarded[float32](n)
			copy(dst.inner, y)
			want := make([]float32, n)
			for i := range want {
				want[i] = float32(c.want(y[i], x[i]))
			}
			c.do(dst.inner)
			for i, v := range dst.inner {
				if !sameBits(v, want[i]) {
					t.Fatalf("%s: element %d of %d: %x, want %x", c.name, i, n, v, want[i])
				}
			}
			if dst.all[guard-1] != mark || dst.all[guard+n] != mark {
				t.Fatalf("%s: wrote outside", c.name)
			}
		}
		var dot float64
		for i := range x {
			dot += float64(float64(x[i]) * float64(y[i]))
		}
		if got := Dot(x, y); !sameBits(got, dot) {
			t.Fatalf("Dot is %x, want %x", got, dot)
		}
	})
}

func TestNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		x    []float32
		want int
	}{
		{nil, -1},
		{[]float32{0, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}, -1},
		{[]float32{nan}, 0},
		{[]float32{1, inf, nan}, 1},
		{[]float32{1, 2, -inf}, 2},
	} {
		if got := NotFinite(c.x); got != c.want {
			t.Errorf("NotFinite(%v) = %d, want %d", c.x, got, c.want)
		}
	}
}

// √x is right if x lies between the squares of the points half-way to the
// neighbours; float32 times float32 is exact in float64.
func TestSqrtIsRoundedOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	check := func(x float32) {
		r := Sqrt(x)
		below := (float64(r) + float64(math.Nextafter32(r, 0))) / 2 // 25 bits: its square is exact
		above := (float64(r) + float64(math.Nextafter32(r, math.MaxFloat32))) / 2
		if float64(x) < below*below || float64(x) > above*above {
			t.Errorf("Sqrt(%x) = %x", x, r)
		}
	}
	for range 50_000 {
		check(math.Float32frombits(random.Uint32N(0x7f800000)))
		// Beside a square of 24 bits: as near to a midpoint as it gets.
		y := 1 + random.Float32()
		check(math.Nextafter32(y*y, float32(random.IntN(5))))
	}
	if got := Sqrt(float32(-1)); got == got {
		t.Errorf("Sqrt(−1) = %v", got)
	}
	if got := Sqrt(float32(math.Inf(1))); !math.IsInf(float64(got), 1) {
		t.Errorf("Sqrt(+Inf) = %v", got)
	}
}

func TestAbs(t *testing.T) {
	for _, x := range special {
		if got, want := math.Float32bits(Abs(x)), math.Float32bits(x)&^(1<<31); got != want {
			t.Errorf("Abs(%v) has bits %x, want %x", x, got, want)
		}
	}
}
