package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func ExampleFMA() {
	var x, y, z float32 = 1 + 0x1p-23, 1 - 0x1p-23, -1
	fmt.Println(FMA(x, y, z), float32(x*y)+z) // x·y is 1 − 2⁻⁴⁶
	// Output: -1.4210855e-14 0
}

// exactFMA is x·y + z in enough bits, then rounded once.
func exactFMA(x, y, z float32) float32 {
	p := float64(x) * float64(y) // exact
	for _, v := range []float64{float64(x), float64(y), float64(z)} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return float32(p + float64(z)) // NaN or infinite: nothing to round
		}
	}
	// The bits of a sum reach from 2¹²⁸·2¹²⁸ down to 2⁻¹⁴⁹·2⁻¹⁴⁹.
	sum := new(big.Float).SetPrec(600).SetFloat64(p)
	sum.Add(sum, big.NewFloat(float64(z)))
	f, _ := sum.Float32()
	return f
}

// naiveFMA rounds twice, to float64 and to float32.
func naiveFMA(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

func same32(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func checkFMA(t interface{ Errorf(string, ...any) }, x, y, z float32) {
	if got, want := FMA(x, y, z), exactFMA(x, y, z); !same32(got, want) {
		t.Errorf("FMA(%x, %x, %x) = %x, want %x", x, y, z, got, want)
	}
	// The slow path must be right wherever it is taken.
	if got, want := fmaExact(float64(x), float64(y), float64(z)), exactFMA(x, y, z); !same32(got, want) {
		t.Errorf("fmaExact(%x, %x, %x) = %x, want %x", x, y, z, got, want)
	}
}

// special values: every kind of float32, and those around which it changes.
var special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 1 + 0x1p-23, 1 - 0x1p-24, -1 - 0x1p-23, 3, 0x1p-24, 0x1p-25, 0x1p-12,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 3 * math.SmallestNonzeroFloat32,
	0x1p-126, 0x1p-126 - 0x1p-149, -0x1p-126, 0x1p-75, 0x1p-63, 0x1p63,
	math.MaxFloat32, -math.MaxFloat32, 0x1p127, 0x1p104, 0x1p103,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

func TestFMAOfSpecialValues(t *testing.T) {
	for _, x := range special {
		for _, y := range special {
			for _, z := range special {
				checkFMA(t, x, y, z)
			}
		}
	}
}

func TestFMAIsRoundedOnce(t *testing.T) {
	bits := rapid.Custom(func(t *rapid.T) float32 { return math.Float32frombits(rapid.Uint32().Draw(t, "bits")) })
	rapid.Check(t, func(t *rapid.T) {
		checkFMA(t, bits.Draw(t, "x"), bits.Draw(t, "y"), bits.Draw(t, "z"))
	})
	// Rapid likes small numbers; these are spread over all patterns.
	random := rand.New(rand.NewPCG(1, 1))
	draw := func() float32 { return math.Float32frombits(random.Uint32()) }
	for range 50_000 {
		checkFMA(t, draw(), draw(), draw())
		// Neighbours in size, so that all three count.
		x, y := 1+random.Float32(), 1+random.Float32()
		checkFMA(t, x, y, float32(math.Ldexp(float64(1+random.Float32()), random.IntN(60)-30)))
		checkFMA(t, x, -y, x*y)
	}
}

// midpoint draws x·y + z so near a point half-way between two float32 values
// that the float64 sum is that point: x·y is half of z's last place, but for a
// share δ of it that float64 can't see beside z.
func midpoint(random *rand.Rand) (x, y, z float32) {
	var delta float64
	for {
		x = 1 + random.Float32()
		y = float32(1 / float64(x))
		delta = float64(x)*float64(y) - 1 // exact
		if delta != 0 && math.Abs(delta) < 0x1p-29 {
			break
		}
	}
	e := -149 // of z's last place; −149 has all subnormal values, too
	if random.IntN(4) > 0 {
		e = random.IntN(200) - 140
	}
	z = float32(math.Ldexp(float64(1<<23+random.IntN(1<<23)), e))
	if e == -149 {
		z = math.Float32frombits(uint32(random.IntN(1 << 24)))
	}
	// x·y = (1 + δ)·2^(e−1); the power is parted so that neither underflows.
	half := (e - 1) / 2
	x = float32(math.Ldexp(float64(x), half))
	y = float32(math.Ldexp(float64(y), e-1-half))
	if random.IntN(2) == 0 {
		x = -x
	}
	if random.IntN(2) == 0 {
		x, z = -x, -z
	}
	return x, y, z
}

// Where the exact sum lies beside a midpoint, rounding twice is wrong half of
// the time, always to the even neighbour. FMA isn't.
func TestFMABesideAMidpoint(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	const n = 20_000
	wrong, slow := 0, 0
	for range n {
		x, y, z := midpoint(random)
		checkFMA(t, x, y, z)
		if !same32(naiveFMA(x, y, z), exactFMA(x, y, z)) {
			wrong++
		}
		if ambiguous(float64(float64(x)*float64(y)) + float64(z)) {
			slow++
		}
	}
	t.Logf("%d of %d took the slow path, rounding twice is wrong for %d", slow, n, wrong)
	if wrong < n/4 {
		t.Errorf("rounding twice is wrong for %d of %d: the cases don't test what they should", wrong, n)
	}
}

func TestFMAInDoublePrecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y, z := rapid.Float64().Draw(t, "x"), rapid.Float64().Draw(t, "y"), rapid.Float64().Draw(t, "z")
		if got, want := FMA(x, y, z), math.FMA(x, y, z); math.Float64bits(got) != math.Float64bits(want) && !(got != got && want != want) {
			t.Errorf("FMA(%x, %x, %x) = %x, want %x", x, y, z, got, want)
		}
	})
}

func FuzzFMA(f *testing.F) {
	for i, x := range special {
		f.Add(math.Float32bits(x), math.Float32bits(special[len(special)-1-i]), math.Float32bits(special[i/2]))
	}
	random := rand.New(rand.NewPCG(3, 3))
	for range 20 {
		x, y, z := midpoint(random)
		f.Add(math.Float32bits(x), math.Float32bits(y), math.Float32bits(z))
	}
	f.Fuzz(func(t *testing.T, x, y, z uint32) {
		checkFMA(t, math.Float32frombits(x), math.Float32frombits(y), math.Float32frombits(z))
	})
}

var sink float32

func BenchmarkFMA(b *testing.B) {
	var x, y float32 = 1.1, 0.9
	for b.Loop() {
		sink = FMA(x, y, sink)
	}
}
