package kernel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

func ExampleSigmoid() {
	fmt.Println(Sigmoid(0.0), Sigmoid(float32(-103)))
	// Output: 0.5 1e-45
}

// function is an elementary function in both precisions, with the errors in
// ulp that it promises.
type function struct {
	name         string
	single       func(float32) float32
	double       func(float64) float64
	oracle       func(p *point) float64
	ulp32, ulp64 float64
}

var functions = []function{
	{"exp", Exp[float32], Exp[float64], func(p *point) float64 { return p.exp }, 1, 1},
	{"expm1", Expm1[float32], Expm1[float64], func(p *point) float64 { return p.expm1 }, 2, 1},
	{"log", Log[float32], Log[float64], func(p *point) float64 { return p.log }, 1, 1},
	{"log1p", Log1p[float32], Log1p[float64], func(p *point) float64 { return p.log1p }, 1, 1},
	{"tanh", Tanh[float32], Tanh[float64], func(p *point) float64 { return p.tanh }, 2.7, 1},
	{"sigmoid", Sigmoid[float32], Sigmoid[float64], func(p *point) float64 { return p.sigmoid }, 2.5, 1},
	{"softplus", Softplus[float32], Softplus[float64], func(p *point) float64 { return p.softplus }, 2.9, 1},
	{"normcdf", NormCDF[float32], NormCDF[float64], func(p *point) float64 { return p.normcdf }, 1, 1.5},
}

// ulps32 returns by how many units of want's last place got is off; the last
// place of a subnormal is 2⁻¹⁴⁹.
func ulps32(got float32, want float64) float64 {
	if math.IsNaN(want) && got != got || float64(got) == want || got == float32(want) {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) * math.Ldexp(1, min(24-e, 149))
}

// ulps64 does for float64: the exact value is want + rest units of its last
// place.
func ulps64(got, want, rest float64) float64 {
	if math.IsNaN(want) && got != got || got == want {
		return math.Abs(rest)
	}
	return math.Abs((got-want)/lastPlace(want) - rest) // the difference of near values is exact
}

func lastPlace(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-53, -1074))
}

// record keeps the greatest error of a function and where it is.
type record map[string]worst

type worst struct{ err, x float64 }

func (r record) add(name string, err, x float64) {
	if w, seen := r[name]; !seen || !(err <= w.err) {
		r[name] = worst{err, x}
	}
}

func (r record) check(t *testing.T, name string, limit float64) {
	t.Helper()
	w, seen := r[name]
	t.Logf("%-12s at most %.3g at %v", name, w.err, w.x)
	if !seen || !(w.err <= limit) {
		t.Errorf("%s: off by %v at %v; the limit is %v", name, w.err, w.x, limit)
	}
}

// TestFloat32Accuracy goes over every 997th float32, or 9973rd if short; over
// all of them with SHOAL_SOAK=1 (minutes on 64 processors, hours on two). The
// oracle is float64, good to 2⁻⁴⁵.
func TestFloat32Accuracy(t *testing.T) {
	stride := uint64(997)
	switch {
	case os.Getenv("SHOAL_SOAK") != "":
		stride = 1
	case testing.Short():
		stride = 9973
	}
	total := record{}
	var lock sync.Mutex
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			ofFunctions, ofGates, ofSlopes := make([]worst, len(functions)), make([]worst, len(gates)), make([]worst, len(gates))
			for b := uint64(w) * stride; b < 1<<32; b += uint64(workers) * stride {
				x := math.Float32frombits(uint32(b))
				if x != x {
					continue
				}
				p := newPoint(float64(x))
				for i := range functions {
					f := &functions[i]
					ofFunctions[i].raise(ulps32(f.single(x), f.oracle(p)), x)
				}
				for i := range gates {
					g := &gates[i]
					value, slope := g.at32(x)
					if g.formula != nil {
						ofGates[i].raise(ulps32(value, g.formula(p)), x)
					}
					if g.derivative != nil && x-x == 0 {
						ofSlopes[i].raise(math.Abs(float64(slope)-g.derivative(p)), x)
					}
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for i, f := range functions {
				total.add(f.name, ofFunctions[i].err, ofFunctions[i].x)
			}
			for i, g := range gates {
				total.add(g.name+" gate", ofGates[i].err, ofGates[i].x)
				total.add(g.name+"'", ofSlopes[i].err, ofSlopes[i].x)
			}
		})
	}
	group.Wait()
	for _, f := range functions {
		total.check(t, f.name, f.ulp32)
	}
	for _, g := range gates {
		if g.formula != nil {
			total.check(t, g.name+" gate", 4)
		}
		if g.derivative != nil {
			total.check(t, g.name+"'", 0x1p-23)
		}
	}
}

func (w *worst) raise(err float64, x float32) {
	if !(err <= w.err) {
		*w = worst{err, float64(x)}
	}
}

// TestFloat64Accuracy goes over the points of testdata/functions.txt, which
// testdata/make_functions.py made with mpmath. SHOAL_FUNCTIONS names another
// such file.
func TestFloat64Accuracy(t *testing.T) {
	path := "testdata/functions.txt"
	if other := os.Getenv("SHOAL_FUNCTIONS"); other != "" {
		path = other
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan()
	names := strings.Fields(lines.Text())
	r := record{}
	points := 0
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		x := parseBits(t, fields[0])
		points++
		for i, name := range names {
			if i == 0 || fields[i] == "-" {
				continue
			}
			want, rest := parseBits(t, fields[i][:16]), parseRest(t, fields[i][16:])
			for _, f := range functions {
				if f.name == name {
					y := x
					if name == "log" {
						y = math.Abs(x)
					}
					r.add(name, ulps64(f.double(y), want, rest), x)
				}
			}
			for _, g := range gates {
				value, slope := g.at64(x)
				switch {
				case g.name == name:
					r.add(name+" gate", ulps64(value, want, rest), x)
				case g.name == "elu" && name == "expm1" && x <= 0:
					r.add("elu gate", ulps64(value, want, rest), x)
				case g.name+"'" == name, g.name == "softplus" && name == "sigmoid", g.name == "elu" && name == "exp" && x <= 0:
					r.add(g.name+"'", math.Abs((slope-want)-rest*lastPlace(want)), x)
				}
			}
		}
	}
	if lines.Err() != nil || points < 1000 {
		t.Fatalf("%d points, %v", points, lines.Err())
	}
	for _, f := range functions {
		r.check(t, f.name, f.ulp64)
	}
	for _, name := range []string{"tanh", "sigmoid", "softplus", "gelu", "silu", "exp", "elu"} {
		r.check(t, name+" gate", 2)
		if name != "exp" {
			r.check(t, name+"'", 0x1p-52)
		}
	}
}

func parseBits(t *testing.T, s string) float64 {
	t.Helper()
	b, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return math.Float64frombits(b)
}

func parseRest(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return float64(n) / 100
}

func TestFunctionsAtTheLimits(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name    string
		x, want float64
	}{
		{"exp", inf, inf},
		{"exp", -inf, 0},
		{"exp", 0, 1},
		{"exp", 1e30, inf},
		{"expm1", inf, inf},
		{"expm1", -inf, -1},
		{"log", 0, -inf},
		{"log", -1, nan},
		{"log", -inf, nan},
		{"log", inf, inf},
		{"log", 1, 0},
		{"log1p", -1, -inf},
		{"log1p", -2, nan},
		{"log1p", inf, inf},
		{"tanh", inf, 1},
		{"tanh", -inf, -1},
		{"sigmoid", inf, 1},
		{"sigmoid", -inf, 0},
		{"softplus", inf, inf},
		{"softplus", -inf, 0},
		{"normcdf", inf, 1},
		{"normcdf", -inf, 0},
		{"normcdf", 0, 0.5},
	} {
		for _, f := range functions {
			if f.name != c.name {
				continue
			}
			if got := f.double(c.x); got != c.want && (got == got || c.want == c.want) {
				t.Errorf("float64 %s(%v) = %v, want %v", c.name, c.x, got, c.want)
			}
			if got := float64(f.single(float32(c.x))); got != c.want && (got == got || c.want == c.want) {
				t.Errorf("float32 %s(%v) = %v, want %v", c.name, c.x, got, c.want)
			}
		}
	}
	for _, f := range functions {
		if f.double(nan) == f.double(nan) || f.single(float32(nan)) == f.single(float32(nan)) {
			t.Errorf("%s(NaN) is not NaN", f.name)
		}
	}
	for _, f := range []func(float64) float64{Tanh[float64], Expm1[float64], Log1p[float64]} {
		if y := f(math.Copysign(0, -1)); y != 0 || !math.Signbit(y) {
			t.Errorf("f(−0) = %v, want −0", y)
		}
	}
}

// TestFunctionsRise: all of them are increasing functions. Computed values may
// step back by the rounding of both neighbours, no more.
func TestFunctionsRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x32, x64 := rapid.Float32().Draw(t, "x32"), rapid.Float64().Draw(t, "x64")
		next32, next64 := math.Nextafter32(x32, float32(math.Inf(1))), math.Nextafter(x64, math.Inf(1))
		for _, f := range functions {
			if y, z := f.single(x32), f.single(next32); z < y && ulps32(z, float64(y)) > 2*f.ulp32 {
				t.Fatalf("%s falls from %v to %v after %v", f.name, y, z, x32)
			}
			if y, z := f.double(x64), f.double(next64); z < y && ulps64(z, y, 0) > 2*f.ulp64 {
				t.Fatalf("%s falls from %v to %v after %v", f.name, y, z, x64)
			}
		}
	})
}

func TestTanhIsOddAndSigmoidsAddUpToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Float64().Draw(t, "x"), rapid.Float32().Draw(t, "y")
		if Tanh(-x) != -Tanh(x) || Tanh(-y) != -Tanh(y) {
			t.Fatalf("tanh isn't odd at %v or %v", x, y)
		}
		if s := Sigmoid(x) + Sigmoid(-x); math.Abs(s-1) > 0x1p-52 {
			t.Fatalf("σ(x) + σ(−x) = %v at %v", s, x)
		}
		if s := NormCDF(x) + NormCDF(-x); math.Abs(s-1) > 0x1p-52 {
			t.Fatalf("Φ(x) + Φ(−x) = %v at %v", s, x)
		}
	})
}

// TestFunctionsGiveTheSameBitsEverywhere compares hashes of many values with
// those of linux/amd64. Where a compiler fuses a product into a sum, on arm64
// or with GOAMD64=v3, a product without its conversion shows here.
func TestFunctionsGiveTheSameBitsEverywhere(t *testing.T) {
	want := map[string]string{ // of float32, of float64
		"exp":             "7fb2439a82854aac c6d292c707eac3be",
		"expm1":           "d51b811d5dbaa471 fcc1a180b3772271",
		"log":             "fd43c21f1ddb9e26 10478514cdf056cd",
		"log1p":           "b61e72c651d71265 f8156abb7aedddff",
		"tanh":            "ddba10f14f753bfd 63b7b70654d40034",
		"sigmoid":         "d19d03a866d0ad01 dec914e1debd6aa8",
		"softplus":        "5be32ab842ce5603 996f433b96d68037",
		"normcdf":         "51b1ad47f2ccd264 c13cb9a8ded18f54",
		"linear gate":     "035b8048ced2f5de 63566569092fc6bf",
		"linear'":         "f204953098f9f825 ec8b38999fabe525",
		"sigmoid gate":    "d19d03a866d0ad01 dec914e1debd6aa8",
		"sigmoid'":        "7997d1a83e61b6ba 8110b21d0c99ece8",
		"tanh gate":       "ddba10f14f753bfd 63b7b70654d40034",
		"tanh'":           "5503b0d798495b47 fa80d541315e6b43",
		"relu gate":       "35731d595d785b42 1ba648fa5c8efb14",
		"relu'":           "b84e1a92f9ed6838 471db1d8afed10f8",
		"leaky_relu gate": "d043f1510ff8df70 ffbebff8ca20dedb",
		"leaky_relu'":     "edc36d970e9c915c 5895a94557ac343a",
		"elu gate":        "5c5986f1ba9eaa91 00128720fd507426",
		"elu'":            "6b24329b32103171 8d60965f12c7316e",
		"softplus gate":   "5be32ab842ce5603 996f433b96d68037",
		"softplus'":       "94185caade48b4b1 b0e368f009f80409",
		"gelu gate":       "8fb7cd08e90c6b42 031549b8b0e07508",
		"gelu'":           "4bca727eb0a2db6c cecd2c9ad86b947b",
		"silu gate":       "ae3afdc40d694d7c 22592c6d7437a454",
		"silu'":           "a7f99950d9a9f8fe 5697857937bfde23",
		"exp gate":        "7fb2439a82854aac c6d292c707eac3be",
		"exp'":            "7fb2439a82854aac c6d292c707eac3be",
	}
	random := rand.New(rand.NewPCG(10, 10))
	xs := make([]float64, 20000)
	for i := range xs {
		// over many magnitudes, most of them where the functions bend
		xs[i] = math.Ldexp(2*random.Float64()-1, random.IntN(40)-30)
	}
	hash := func(name string, f32 func(float32) float32, f64 func(float64) float64) {
		h32, h64 := fnv.New64a(), fnv.New64a()
		var b [8]byte
		for _, x := range xs {
			y := f32(float32(x))
			if y != y {
				y = float32(math.Pi) // the bits of a NaN are not promised
			}
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(y))
			h32.Write(b[:4])
			z := f64(x)
			if z != z {
				z = math.Pi
			}
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(z))
			h64.Write(b[:])
		}
		if got := fmt.Sprintf("%016x %016x", h32.Sum64(), h64.Sum64()); got != want[name] {
			t.Errorf("the values of %s have changed:\n\t\t%q: %q,", name, name, got)
		}
	}
	for _, f := range functions {
		hash(f.name, f.single, f.double)
	}
	for _, g := range gates {
		hash(g.name+" gate",
			func(x float32) float32 { v, _ := g.at32(x); return v },
			func(x float64) float64 { v, _ := g.at64(x); return v })
		hash(g.name+"'",
			func(x float32) float32 { _, s := g.at32(x); return s },
			func(x float64) float64 { _, s := g.at64(x); return s })
	}
}

func BenchmarkFunction(b *testing.B) {
	const n = 1 << 14 // more than a branch predictor remembers
	random := rand.New(rand.NewPCG(1, 2))
	var x32, y32 [n]float32
	var x64, y64 [n]float64
	for i := range n {
		x64[i] = 8 * (2*random.Float64() - 1)
		x32[i] = float32(x64[i])
	}
	for _, f := range functions {
		b.Run(f.name+"/float32", func(b *testing.B) {
			for b.Loop() {
				for i, x := range x32 {
					y32[i] = f.single(x)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
		b.Run(f.name+"/float64", func(b *testing.B) {
			for b.Loop() {
				for i, x := range x64 {
					y64[i] = f.double(x)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
}

// TestEveryFloat32 takes functions over all 2³² values, a block at a time through
// the kernels in use: some eight minutes each four on two processors. The other
// functions, and the derivatives, go the slow way, in TestFloat32Accuracy.
func TestEveryFloat32(t *testing.T) {
	if os.Getenv("SHOAL_SOAK") == "" {
		t.Skip("SHOAL_SOAK is not set: minutes")
	}
	t.Run("exp, log, tanh, sigmoid", func(t *testing.T) {
		everyFloat32(t, [4]float64{1, 1, 3, 3}, func(y [4][]float32, x []float32) {
			ExpForward(y[0], x, 0)
			for i, v := range x {
				y[1][i] = Log(v)
			}
			TanhForward(y[2], x, 0)
			SigmoidForward(y[3], x, 0)
		}, func(x, e, sigmoid float64) [4]float64 {
			return [4]float64{e, math.Log(x), math.Tanh(x), sigmoid}
		})
	})
	t.Run("softplus, elu, silu, gelu", func(t *testing.T) {
		everyFloat32(t, [4]float64{4, 4, 4, 4}, func(y [4][]float32, x []float32) {
			SoftplusForward(y[0], x, 0)
			ELUForward(y[1], x, 1)
			SiLUForward(y[2], x, 0)
			GELUForward(y[3], x, 0)
		}, func(x, e, sigmoid float64) [4]float64 {
			elu, silu, gelu := x, x*sigmoid, x*0.5*math.Erfc(-x/math.Sqrt2)
			softplus := math.Log1p(e)
			if x > 0 {
				softplus = x + math.Log1p(math.Exp(-x))
			} else {
				elu = math.Expm1(x)
			}
			if math.IsInf(x, -1) { // 0·∞
				silu, gelu = 0, 0
			}
			return [4]float64{softplus, elu, silu, gelu}
		})
	})
}

// everyFloat32 compares four functions with their oracles, which are given x, eˣ
// and σ(x), and says by how much each is off at most.
func everyFloat32(t *testing.T, limits [4]float64, run func(y [4][]float32, x []float32), oracle func(x, e, sigmoid float64) [4]float64) {
	const block = 1 << 12
	var worsts [4]worst
	var lock sync.Mutex
	var group sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			var mine [4]worst
			var y [4][]float32
			x := make([]float32, block)
			for i := range y {
				y[i] = make([]float32, block)
			}
			for {
				first := uint64(next.Add(block)) - block
				if first >= 1<<32 {
					break
				}
				for i := range x {
					x[i] = math.Float32frombits(uint32(first + uint64(i)))
				}
				run(y, x)
				for i, v := range x {
					w := float64(v)
					e := math.Exp(w)
					sigmoid := 1 / (1 + math.Exp(-w))
					if w < 0 {
						sigmoid = e / (1 + e)
					}
					for k, want := range oracle(w, e, sigmoid) {
						mine[k].raise(ulps32(y[k][i], want), v)
					}
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for k, m := range mine {
				worsts[k].raise(m.err, float32(m.x))
			}
		})
	}
	group.Wait()
	for k, w := range worsts {
		t.Logf("function %d: at most %.3f ulp, at %v", k+1, w.err, w.x)
		if !(w.err <= limits[k]) {
			t.Errorf("function %d: off by %v ulp at %v; the limit is %v", k+1, w.err, w.x, limits[k])
		}
	}
}
