package nn_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/nn"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The exclusive or, which no network without a hidden layer can learn.
func Example() {
	X := nn.FromRows([][]float32{{0, 0, 1, 1}, {0, 1, 0, 1}}) // (nx, m): an example is a column
	Y := nn.FromRows([][]float32{{0, 1, 1, 0}})
	net := nn.New(2, nn.Dense(4, nn.Tanh), nn.Dense(1, nn.Sigmoid))
	net.Init(nn.Normal(1), 1)
	step := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{Rate: 1.2})
	for range 2000 {
		step.On(X, Y)
	}
	if err := step.Err(); err != nil {
		fmt.Println(err)
	}
	A, _ := net.Predict(X)
	for _, a := range A.Row(0) {
		fmt.Printf("%.0f ", a)
	}
	// Output: 0 1 1 0
}

// problem makes a batch that has something to learn: y from the sign of sums.
func problem[T nn.Float](nx, c, m int, seed uint64) (x, y nn.MatrixOf[T]) {
	r := rand.New(rand.NewPCG(seed, 5))
	x, y = nn.NewMatrix[T](nx, m), nn.NewMatrix[T](c, m)
	for j := range m {
		s := 0.0
		for i := range nx {
			v := r.NormFloat64()
			s += v
			x.Set(i, j, T(v))
		}
		y.Set(int(math.Abs(math.Floor(s)))%c, j, 1)
	}
	return x, y
}

func hash[T nn.Float](t testing.TB, n *nn.NetworkOf[T]) string {
	t.Helper()
	h := sha256.New()
	if err := n.WriteParameters(h); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func TestTheSameBitsForAnyNumberOfThreads(t *testing.T) {
	for _, c := range []struct {
		name string
		m    int
		o    func() nn.Optimizer
		drop float64
	}{
		{"one tile", 40, func() nn.Optimizer { return &nn.Adam{} }, 0},
		{"three tiles, the last not full", 150, func() nn.Optimizer { return &nn.AdamW{} }, 0},
		{"dropout", 300, func() nn.Optimizer { return &nn.Momentum{} }, 0.3},
		{"more tiles than a group", 64*16*3 + 100, func() nn.Optimizer { return &nn.RMSProp{} }, 0},
		{"L-BFGS", 500, func() nn.Optimizer { return &nn.LBFGS{} }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want string
			x, y := problem[float32](20, 3, c.m, 1)
			for _, threads := range []int{1, 2, 3, 4} {
				hidden := nn.Dense(70, nn.ReLU)
				hidden.Dropout = c.drop
				net := nn.New(20, hidden, nn.Dense(3, nn.Softmax))
				net.Init(nn.Auto, 3)
				step := net.Trainer(nn.CrossEntropy, c.o())
				step.Threads, step.L2 = threads, 1e-3
				if c.name != "L-BFGS" {
					step.Clip = 1
				}
				for range 8 {
					step.On(x, y)
				}
				step.Close()
				if err := step.Err(); err != nil {
					t.Fatal(err)
				}
				if got := hash(t, net); want == "" {
					want = got
				} else if got != want {
					t.Errorf("%d threads: weights %s, one thread %s", threads, got, want)
				}
			}
		})
	}
}

// Written down, so that no machine and no change of the code gives others
// unnoticed. A change of the arithmetic changes them on purpose, and says so.
func TestTheBitsOfAKnownTraining(t *testing.T) {
	for _, c := range []struct {
		o    nn.Optimizer
		g    nn.Activation
		want string
	}{
		{&nn.GradientDescent{}, nn.Tanh, goldenGD},
		{&nn.Adam{}, nn.ReLU, goldenAdam},
		{&nn.LBFGS{}, nn.GELU, goldenLBFGS},
	} {
		x, y := problem[float32](7, 3, 130, 2)
		net := nn.New(7, nn.Dense(9, c.g), nn.Dense(3, nn.Softmax))
		net.Init(nn.Auto, 3)
		step := net.Trainer(nn.CrossEntropy, c.o)
		for range 20 {
			step.On(x, y)
		}
		if err := step.Err(); err != nil {
			t.Fatal(err)
		}
		if got := hash(t, net); got != c.want {
			t.Errorf("%s, %s: weights %s, want %s", c.o.Name(), c.g.Name, got, c.want)
		}
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	for _, m := range []int{32, 200, 2000} {
		for _, o := range nn.Optimizers() {
			for _, threads := range []int{1, 2} {
				x, y := problem[float32](20, 3, m, 1)
				hidden := nn.Dense(64, nn.Tanh)
				if _, search := o.(*nn.LBFGS); !search {
					hidden.Dropout = 0.1
				}
				net := nn.New(20, hidden, nn.Dense(64, nn.GELU), nn.Dense(3, nn.Softmax))
				net.Init(nn.Auto, 1)
				step := net.Trainer(nn.CrossEntropy, o)
				step.Threads = threads
				weights := make([]float32, m)
				for i := range weights {
					weights[i] = 1
				}
				step.OnWeighted(x, y, weights)
				if n := testing.AllocsPerRun(5, func() { step.OnWeighted(x, y, weights) }); n != 0 {
					t.Errorf("%s, %d examples, %d threads: %v allocations a step", o.Name(), m, threads, n)
				}
				if err := step.Err(); err != nil {
					t.Error(err)
				}
				step.Close()
			}
		}
	}
}

func TestEveryOptimizerLearns(t *testing.T) {
	for _, o := range nn.Optimizers() {
		for _, precision := range []string{"float32", "float64"} {
			var first, last float64
			if precision == "float32" {
				first, last = learn[float32](t, o)
			} else {
				first, last = learn[float64](t, o)
			}
			if !(last < 0.95*first) {
				t.Errorf("%s, %s: cost %.4f became %.4f", o.Name(), precision, first, last)
			}
		}
	}
}

func learn[T nn.Float](t *testing.T, o nn.Optimizer) (first, last float64) {
	x, y := problem[T](6, 3, 200, 4)
	net := nn.NewOf[T](6, nn.Dense(16, nn.Tanh), nn.Dense(3, nn.Softmax))
	net.Init(nn.Auto, 1)
	step := net.Trainer(nn.CrossEntropy, o)
	for i := range 100 {
		if last = step.On(x, y); i == 0 {
			first = last
		}
	}
	if err := step.Err(); err != nil {
		t.Fatal(err)
	}
	return first, last
}

func TestShapeMistakesSayWhatWouldFit(t *testing.T) {
	net := nn.New(3, nn.Dense(4, nn.ReLU), nn.Dense(1, nn.Sigmoid))
	step := func(x, y nn.Matrix) error {
		s := net.Trainer(nn.CrossEntropy, &nn.Adam{})
		s.On(x, y)
		return s.Err()
	}
	m := func(r, c int) nn.Matrix { return nn.NewMatrix[float32](r, c) }
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"X transposed", step(m(5, 3), m(1, 5)), "nn: layer 1: Z1 = W1·X + b1: W1 (4, 3) needs X to have 3 rows, one a feature; X is (5, 3); Xᵀ has shape (3, 5) and would fit: an example is a column"},
		{"X of other features", step(m(2, 5), m(1, 5)), "nn: layer 1: Z1 = W1·X + b1: W1 (4, 3) needs X to have 3 rows, one a feature; X is (2, 5)"},
		{"Y transposed", step(m(3, 5), m(5, 1)), "nn: layer 2: dZ = A − Y: A is (1, 5), Y is (5, 1); Yᵀ has shape (1, 5) and would fit"},
		{"rows of different lengths", step(nn.FromRows([][]float32{{1, 2}, {3}, {4, 5}}), m(1, 2)), "nn: X is (3, 1) but has 0 values: rows of one length make 3"},
		{"W transposed", net.SetParameters(0, m(3, 4), make([]float32, 4)), "nn: layer 1: Z = W·A + b: W is (3, 4), this layer needs (4, 3); Wᵀ has shape (4, 3) and would fit"},
		{"b too short", net.SetParameters(0, m(4, 3), make([]float32, 3)), "nn: layer 1: Z = W·A + b: b is (3, 1), this layer needs (4, 1)"},
		{"no units", nn.New(3, nn.Dense(0, nn.ReLU)).Err(), "nn: layer 1: a layer needs at least 1 unit, not 0"},
		{"a billion units", nn.New(3, nn.Dense(1_000_000_000, nn.ReLU), nn.Dense(1, nn.Linear)).Err(), "nn: layer 1: 1000000000 units over 3 inputs pass the limit of 268435456 parameters a network"},
		{"a slope below 0", nn.New(3, nn.Dense(2, nn.LeakyReLU(-1)), nn.Dense(1, nn.Linear)).Err(), "nn: layer 1: leaky_relu with α = -1: α must be a number, at least 0"},
		{"softmax in the middle", nn.New(3, nn.Dense(2, nn.Softmax), nn.Dense(1, nn.Linear)).Err(), "nn: layer 1: softmax belongs to the output layer; hidden layers take sigmoid, tanh, relu, leaky_relu, linear, elu, softplus, gelu, silu, exp"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, c.err, c.want)
		}
	}
}

func TestANumberOutOfRangeStopsTheTraining(t *testing.T) {
	x, y := problem[float32](3, 2, 10, 1)
	y = nn.Matrix{Rows: 1, Cols: 10, Data: y.Data[:10]}
	for _, c := range []struct {
		name   string
		spoil  func(net *nn.Network, x nn.Matrix)
		rate   float64
		layer  int
		tensor string
	}{
		{"NaN in the data", func(_ *nn.Network, x nn.Matrix) { x.Set(1, 2, float32(math.NaN())) }, 1, 0, "X"},
		{"weights that overflow Z", func(n *nn.Network, _ nn.Matrix) { n.Layers[1].W.Set(0, 0, 3e38); n.Layers[1].W.Set(0, 1, 3e38) }, 1, 2, "Z"},
		{"a NaN weight", func(n *nn.Network, _ nn.Matrix) { n.Layers[0].W.Set(0, 0, float32(math.NaN())) }, 1, 1, "Z"},
		{"a rate that overflows W", func(*nn.Network, nn.Matrix) {}, 1e38, 2, "W"},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := nn.New(3, nn.Dense(4, nn.Softplus), nn.Dense(1, nn.Linear))
			net.Init(nn.Normal(5), 1)
			x := nn.Matrix{Rows: 3, Cols: 10, Data: append([]float32(nil), x.Data...)}
			c.spoil(net, x)
			step := net.Trainer(nn.HalfSquared, &nn.GradientDescent{Rate: c.rate})
			step.Epoch = 7
			if J := step.On(x, y); !math.IsNaN(J) {
				t.Errorf("cost %v, want NaN", J)
			}
			var e *nn.NumericError
			if !errors.As(step.Err(), &e) {
				t.Fatalf("error %v, want a NumericError", step.Err())
			}
			if e.Layer != c.layer || e.Tensor != c.tensor || e.Epoch != 7 || e.Step != 1 {
				t.Errorf("got %+v (%v), want layer %d, %s, epoch 7, step 1", *e, e, c.layer, c.tensor)
			}
		})
	}
}

func TestWrongSettingsAreErrors(t *testing.T) {
	x, y := problem[float32](3, 1, 4, 1)
	for _, c := range []struct {
		name string
		set  func(*nn.Trainer)
		want string
	}{
		{"rate NaN", func(s *nn.Trainer) { s.Optimizer = &nn.Adam{Rate: math.NaN()} }, "learning rate NaN must be a number above 0"},
		{"rate below 0", func(s *nn.Trainer) { s.Optimizer = &nn.GradientDescent{Rate: -1} }, "learning rate -1"},
		{"β1 of 1", func(s *nn.Trainer) { s.Optimizer = &nn.Adam{Beta1: 1} }, "β1 = 1 is outside"},
		{"no optimizer", func(s *nn.Trainer) { s.Optimizer = nil }, "needs an optimizer"},
		{"schedule without steps", func(s *nn.Trainer) { s.Schedule.Name = "cosine" }, "needs Steps"},
		{"unknown schedule", func(s *nn.Trainer) { s.Schedule.Name, s.Steps = "zigzag", 5 }, "there is no schedule"},
		{"τ of 1", func(s *nn.Trainer) { s.Loss = nn.Quantile(1) }, "τ = 1"},
		{"softmax loss after linear", func(s *nn.Trainer) { s.Loss = nn.CrossEntropy }, "needs an output layer of sigmoid or softmax, not linear"},
		{"penalty of infinity", func(s *nn.Trainer) { s.L2 = math.Inf(1) }, "L2 penalty +Inf"},
	} {
		net := nn.New(3, nn.Dense(1, nn.Linear))
		step := net.Trainer(nn.HalfSquared, &nn.Adam{})
		c.set(step)
		step.On(x, y)
		if err := step.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestNamesReadBackWhatTheyPrint(t *testing.T) {
	for _, name := range []string{"relu", "tanh", "leaky_relu", "leaky_relu:0.2", "elu:0.5", "gelu", "softmax"} {
		if g, err := nn.ActivationNamed(name); err != nil || g.String() != name {
			t.Errorf("activation %q reads as %q, %v", name, g, err)
		}
	}
	for _, name := range []string{"cross_entropy", "huber:2", "quantile:0.9", "poisson"} {
		if l, err := nn.LossNamed(name); err != nil || l.String() != name {
			t.Errorf("loss %q reads as %q, %v", name, l, err)
		}
	}
	for _, name := range []string{"he", "xavier", "normal:0.1", "constant:0.5", "zeros", "auto"} {
		if i, err := nn.InitialiserNamed(name); err != nil || i.String() != name {
			t.Errorf("initialiser %q reads as %q, %v", name, i, err)
		}
	}
	for _, o := range nn.Optimizers() {
		if p, err := nn.OptimizerNamed(o.Name(), 0); err != nil || p.Name() != o.Name() {
			t.Errorf("optimizer %q reads as %v, %v", o.Name(), p, err)
		}
	}
	for _, bad := range []string{"relu:1", "nothing", "elu:x", "leaky_relu:NaN", ""} {
		if g, err := nn.ActivationNamed(bad); err == nil {
			t.Errorf("activation %q reads as %q, want an error", bad, g)
		}
	}
}

// A weight of 2 is the same as an example that stands there twice.
func TestAWeightCountsAsSoManyExamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 150).Draw(t, "m")
		count := rapid.SliceOfN(rapid.IntRange(0, 3), m, m).Draw(t, "count")
		count[0]++
		x, y := problem[float64](3, 2, m, 1)
		rx, ry := [][]float64{{}, {}, {}}, [][]float64{{}, {}}
		weights := make([]float64, m)
		for j, n := range count {
			weights[j] = float64(n)
			for range n {
				for i := range rx {
					rx[i] = append(rx[i], x.At(i, j))
				}
				for i := range ry {
					ry[i] = append(ry[i], y.At(i, j))
				}
			}
		}
		net := nn.NewOf[float64](3, nn.Dense(4, nn.Tanh), nn.Dense(2, nn.Softmax))
		net.Init(nn.Auto, 1)
		step := net.Trainer(nn.CrossEntropy, &nn.Adam{})
		step.Threads = 1
		weighted, err := step.Cost(x, y, weights)
		if err != nil {
			t.Fatal(err)
		}
		repeated, err := step.Cost(nn.FromRows(rx), nn.FromRows(ry), nil)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(weighted-repeated) > 1e-12 {
			t.Fatalf("weighted %v, repeated %v", weighted, repeated)
		}
	})
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		s           nn.Schedule
		step, total int
		want        float64
	}{
		{nn.Schedule{}, 5, 10, 1},
		{nn.Schedule{Name: "cosine"}, 0, 100, 1},
		{nn.Schedule{Name: "cosine"}, 25, 100, 0.5 * (1 + math.Cos(math.Pi*0.25))},
		{nn.Schedule{Name: "cosine"}, 50, 100, 0.5},
		{nn.Schedule{Name: "cosine"}, 100, 100, 0},
		{nn.Schedule{Name: "cosine", WarmUp: 0.1}, 0, 100, 1.0 / 11},
		{nn.Schedule{Name: "cosine", WarmUp: 0.1}, 9, 100, 10.0 / 11},
		{nn.Schedule{Name: "cosine", WarmUp: 0.1}, 10, 100, 1},
		{nn.Schedule{Name: "step"}, 24, 100, 1},
		{nn.Schedule{Name: "step"}, 25, 100, 0.1},
		{nn.Schedule{Name: "step", Drops: 1, Gamma: 0.5}, 99, 100, 0.5},
	} {
		if got := c.s.Factor(c.step, c.total); math.Abs(got-c.want) > 1e-14 {
			t.Errorf("%+v at %d of %d: %v, want %v", c.s, c.step, c.total, got, c.want)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct{ nx, hidden, outputs, batch int }{{2, 4, 1, 400}, {30, 16, 1, 32}, {16, 128, 26, 128}} {
		b.Run(fmt.Sprintf("%d-%d-%d batch %d", c.nx, c.hidden, c.outputs, c.batch), func(b *testing.B) {
			x, y := problem[float32](c.nx, c.outputs, c.batch, 1)
			output := nn.CrossEntropy.Output(c.outputs)
			net := nn.New(c.nx, nn.Dense(c.hidden, nn.ReLU), nn.Dense(c.outputs, output))
			net.Init(nn.Auto, 1)
			step := net.Trainer(nn.CrossEntropy, &nn.Adam{})
			step.Threads = 1
			for b.Loop() {
				step.On(x, y)
			}
			flop := 2 * float64(c.batch) * (3*float64(net.Parameters()) - float64(c.nx*c.hidden))
			b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
