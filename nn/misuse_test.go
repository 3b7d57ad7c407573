package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/nn"
)

// A value with a name alone, as a caller may write or read from JSON, is the
// known one of that name.
func TestANameAloneIsEnough(t *testing.T) {
	x, y := problem[float32](4, 1, 30, 1)
	train := func(g nn.Activation, i nn.Initialiser, l nn.Loss) string {
		net := nn.New(4, nn.Dense(5, g), nn.Dense(1, nn.Activation{}))
		net.Init(i, 1)
		step := net.Trainer(l, &nn.GradientDescent{})
		step.On(x, y)
		if err := step.Err(); err != nil {
			t.Fatal(err)
		}
		return hash(t, net)
	}
	for _, c := range []struct {
		short, whole nn.Activation
		init, Init   nn.Initialiser
		loss, Loss   nn.Loss
	}{
		{nn.Activation{Name: "relu"}, nn.ReLU, nn.Initialiser{Name: "he"}, nn.He, nn.Loss{Name: "half_squared"}, nn.HalfSquared},
		{nn.Activation{Name: "elu", Alpha: 0.5}, nn.ELU(0.5), nn.Initialiser{Name: "normal", Scale: 0.1}, nn.Normal(0.1), nn.Loss{Name: "huber", Param: 2}, nn.Huber(2)},
		{nn.Activation{Name: "leaky_relu"}, nn.LeakyReLU(0.01), nn.Initialiser{}, nn.Auto, nn.Loss{Name: "quantile"}, nn.Quantile(0.5)},
	} {
		if got, want := train(c.short, c.init, c.loss), train(c.whole, c.Init, c.Loss); got != want {
			t.Errorf("%+v: weights %s, want %s", c.short, got, want)
		}
	}
}

func TestMisuseIsAnError(t *testing.T) {
	x, y := problem[float32](4, 2, 30, 1)
	good := func() *nn.Network {
		n := nn.New(4, nn.Dense(5, nn.Tanh), nn.Dense(2, nn.Softmax))
		n.Init(nn.Auto, 1)
		return n
	}
	step := func(n *nn.Network, l nn.Loss, o nn.Optimizer) error {
		s := n.Trainer(l, o)
		s.On(x, y)
		return s.Err()
	}
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"an unknown activation", func() error { return nn.New(4, nn.Dense(2, nn.Activation{Name: "relux"})).Err() }, `layer 1: nn: there is no activation "relux"`},
		{"an unknown initialiser", func() error { n := good(); n.Init(nn.Initialiser{Name: "hey"}, 1); return n.Err() }, `there is no initialiser "hey"`},
		{"an unknown loss", func() error { return step(good(), nn.Loss{Name: "cross"}, &nn.Adam{}) }, `there is no loss "cross"`},
		{"no loss", func() error { return step(good(), nn.Loss{}, &nn.Adam{}) }, "no loss given"},
		{"no optimizer", func() error { return step(good(), nn.CrossEntropy, nil) }, "needs an optimizer"},
		{"a nil optimizer", func() error { return step(good(), nn.CrossEntropy, (*nn.Adam)(nil)) }, "needs an optimizer"},
		{"a W put in by hand", func() error {
			n := good()
			n.Layers[0].W = nn.NewMatrix[float32](5, 4)
			return step(n, nn.CrossEntropy, &nn.Adam{})
		}, "layer 1: its W or b was replaced"},
		{"a layer taken away", func() error { n := good(); n.Layers = n.Layers[:1]; _, err := n.Predict(x); return err }, "a layer was added or taken away"},
		{"a network by hand", func() error { _, err := (&nn.Network{Inputs: 4}).Predict(x); return err }, "made by New"},
		{"no network", func() error { _, err := (&nn.Predictor{}).Predict(x); return err }, "no network"},
		{"the clone of a faulty network", func() error { return nn.New(0).Clone().Err() }, "at least 1 input"},
		{"a copy from another shape", func() error { return good().CopyFrom(nn.New(4, nn.Dense(2, nn.Softmax))) }, "of the same shape"},
		{"another network's Freeze", func() error {
			p := nn.Predictor{Net: good(), Frozen: good().Freeze()}
			_, err := p.Predict(x)
			return err
		}, "Net's own Freeze"},
		{"a Frozen that nothing was frozen into", func() error {
			_, err := (&nn.Predictor{Frozen: &nn.Frozen{}}).Predict(x)
			return err
		}, "Net's own Freeze"},
		{"an activation's name put in", func() error {
			n := good()
			n.Layers[0].Activation = nn.Activation{Name: "tanh"}
			_, err := n.Predict(x)
			return err
		}, `layer 1: activation "tanh" is a name alone`},
		{"a hidden softmax, frozen", func() error {
			n := good()
			n.Layers[0].Activation = nn.Softmax
			_, err := (&nn.Predictor{Net: n, Frozen: n.Freeze()}).Predict(nn.NewMatrix[float32](4, 1))
			return err
		}, `layer 1: activation "softmax"`},
		{"L-BFGS with a schedule", func() error {
			s := good().Trainer(nn.CrossEntropy, &nn.LBFGS{})
			s.Schedule, s.Steps = nn.Schedule{Name: "cosine"}, 10
			s.On(x, y)
			return s.Err()
		}, "leave the schedule out"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if n := nn.New(0).Outputs(); n != 0 {
		t.Errorf("a network that isn't has %d outputs", n)
	}
	if dw, db := good().Trainer(nn.CrossEntropy, &nn.Adam{}).Grad(0); dw.Data != nil || db != nil {
		t.Error("there is a gradient before the first step")
	}
}

// A predictor looks at the network at each call.
func TestAPredictorFollowsItsNetwork(t *testing.T) {
	x, _ := problem[float32](4, 2, 70, 1)
	small := nn.New(4, nn.Dense(3, nn.Tanh), nn.Dense(2, nn.Softmax))
	large := nn.New(4, nn.Dense(9, nn.Sigmoid), nn.Dense(6, nn.ReLU), nn.Dense(3, nn.Softmax))
	small.Init(nn.Auto, 1)
	large.Init(nn.Auto, 2)
	p := nn.Predictor{Net: small}
	for _, change := range []func(){
		func() {},
		func() { p.Net = large },
		func() { p.Net = small },
		func() { small.Layers[0].Activation = nn.ReLU },
		func() { small.Layers[0].Activation = nn.LeakyReLU(0.3) },
	} {
		change()
		got, err := p.Predict(x)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Net.Predict(x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.Data {
			if math.Float32bits(got.Data[i]) != math.Float32bits(want.Data[i]) {
				t.Fatalf("answer %v, want %v", got.Data[i], want.Data[i])
			}
		}
	}
}

// One row of a frozen network has the bits of the same row in a batch, whatever
// the number of units, with and without the output's activation.
func TestAFrozenNetworkAnswersAsOthers(t *testing.T) {
	for units := 1; units < 140; units += 1 + units/7 {
		for _, output := range []nn.Layer{nn.Dense(1, nn.Sigmoid), nn.Dense(2, nn.Linear), nn.Dense(6, nn.ReLU), nn.Dense(5, nn.Softmax), nn.Dense(26, nn.Softmax)} {
			for _, logits := range []bool{false, true} {
				checkFrozen[float32](t, units, output, logits)
				checkFrozen[float64](t, units, output, logits)
			}
		}
	}
}

func checkFrozen[T nn.Float](t *testing.T, units int, output nn.Layer, logits bool) {
	t.Helper()
	net := nn.NewOf[T](20, nn.Dense(units, nn.ReLU), nn.Dense(units+3, nn.Tanh), output)
	net.Init(nn.Auto, 1)
	x, _ := problem[T](20, 2, 9, uint64(units))
	batch := nn.PredictorOf[T]{Net: net, Logits: logits}
	want, err := batch.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	p := nn.PredictorOf[T]{Net: net, Frozen: net.Freeze(), Logits: logits}
	row := nn.NewMatrix[T](20, 1)
	for j := range x.Cols {
		for i := range x.Rows {
			row.Set(i, 0, x.At(i, j))
		}
		got, err := p.Predict(row)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Rows {
			if math.Float64bits(float64(got.At(i, 0))) != math.Float64bits(float64(want.At(i, j))) {
				t.Fatalf("%T, %d units, %d outputs, logits %v: row %d, output %d is %v alone and %v in the batch",
					T(0), units, output.Units, logits, j, i, got.At(i, 0), want.At(i, j))
			}
		}
	}
}

// A predictor may be given another network: 3 units add up 39 inputs otherwise
// than 5.
func TestAPredictorOfAnotherNetworkAnswersAsItsOwn(t *testing.T) {
	of := func(inputs int) (*nn.Network, nn.Matrix) {
		net := nn.New(inputs, nn.Dense(3, nn.Linear))
		net.Init(nn.Normal(1), 2)
		x := nn.NewMatrix[float32](inputs, 16)
		for i := range x.Data {
			x.Data[i] = float32(i%13)/7 - 0.9
		}
		return net, x
	}
	for _, sizes := range [][2]int{{39, 5}, {5, 39}} {
		first, x := of(sizes[0])
		p := nn.Predictor{Net: first}
		if _, err := p.Predict(x); err != nil {
			t.Fatal(err)
		}
		second, y := of(sizes[1])
		p.Net = second
		got, err := p.Predict(y)
		if err != nil {
			t.Fatal(err)
		}
		want, err := second.Predict(y)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want.Data {
			if got.Data[i] != v {
				t.Fatalf("%d inputs after %d: A[%d] is %v, its own predictor says %v", sizes[1], sizes[0], i, got.Data[i], v)
			}
		}
	}
}

// The cost of other examples leaves the gradient as it was, of so many that their
// tiles go in several groups.
func TestACostLeavesTheGradient(t *testing.T) {
	x, y := problem[float32](20, 3, 64*70, 1)
	net := nn.New(20, nn.Dense(30, nn.ReLU), nn.Dense(3, nn.Softmax))
	net.Init(nn.Auto, 1)
	step := net.Trainer(nn.CrossEntropy, &nn.Adam{})
	if _, err := step.Gradient(x, y, nil); err != nil {
		t.Fatal(err)
	}
	dw, db := step.Grad(0)
	want := append(slices.Clone(dw.Data), db...)
	if _, err := step.Cost(x, y, nil); err != nil {
		t.Fatal(err)
	}
	dw, db = step.Grad(0)
	if !slices.Equal(want, append(slices.Clone(dw.Data), db...)) {
		t.Error("the gradient is another after the cost was asked")
	}
}
