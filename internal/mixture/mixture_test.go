package mixture_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// One view with one network without hidden layers: y = 2·area + 100, in units
// of 1,000 euros.
func Example() {
	net := nn.New(1, nn.Dense(1, nn.Linear))
	if err := net.SetParameters(0, nn.FromRows([][]float32{{2}}), []float32{100}); err != nil {
		fmt.Println(err)
		return
	}
	m := &mixture.Mixture{
		Task:    prep.Regression,
		Targets: []prep.Target{{Name: "price", Mean: 0, SD: 1000}},
		Views: []mixture.View{{
			Features:    &prep.Features{Columns: []prep.Column{{Name: "area", SD: 1, Low: 0, High: 500}}},
			Networks:    []*nn.Network{net},
			Weight:      1,
			Temperature: 1,
		}},
	}
	if err := m.Check(); err != nil {
		fmt.Println(err)
		return
	}
	a := mixture.Answerer{Mixture: m}
	answer, err := a.Answer([]nn.Matrix{nn.FromRows([][]float32{{50, 120}})}) // (nx, m): two rows of one feature
	fmt.Println(answer.Row(0), err)
	// Output: [200000 340000] <nil>
}

// network returns a network whose weights are drawn, biases too.
func network(nx int, seed uint64, layers ...nn.Layer) *nn.Network {
	n := nn.New(nx, layers...)
	n.Init(nn.Normal(1), seed)
	random := rand.New(rand.NewPCG(seed, 7))
	for l := range n.Layers {
		for i := range n.Layers[l].B {
			n.Layers[l].B[i] = float32(random.NormFloat64())
		}
	}
	return n
}

func features(names ...string) *prep.Features {
	f := &prep.Features{}
	for _, n := range names {
		f.Columns = append(f.Columns, prep.Column{Name: n, SD: 1, Low: -9, High: 9})
	}
	return f
}

// mixtures are one of each task: two views that share a column, of two networks
// and of one.
func mixtures() map[string]*mixture.Mixture {
	of := func(task prep.Task, c int, output nn.Activation, targets ...prep.Target) *mixture.Mixture {
		return &mixture.Mixture{Task: task, Targets: targets, Views: []mixture.View{
			{
				Features: features("a", "b"), Weight: 0.75, Temperature: 2,
				Networks: []*nn.Network{network(2, 1, nn.Dense(3, nn.Tanh), nn.Dense(c, output)), network(2, 2, nn.Dense(c, output))},
			},
			{
				Features: features("c", "a", "d"), Weight: 0.25, Temperature: 0.5,
				Networks: []*nn.Network{network(3, 3, nn.Dense(4, nn.ReLU), nn.Dense(2, nn.GELU), nn.Dense(c, output))},
			},
		}}
	}
	return map[string]*mixture.Mixture{
		"two classes":   of(prep.Classification, 1, nn.Sigmoid, prep.Target{Name: "y", SD: 1, Classes: []string{"no", "yes"}}),
		"three classes": of(prep.Classification, 3, nn.Softmax, prep.Target{Name: "y", SD: 1, Classes: []string{"p", "q", "r"}}),
		"one number":    of(prep.Regression, 1, nn.Linear, prep.Target{Name: "y", Mean: 100, SD: 10}),
		"two numbers":   of(prep.Regression, 2, nn.Linear, prep.Target{Name: "y", Mean: 100, SD: 10}, prep.Target{Name: "z", Mean: -1, SD: 0.5}),
		"a count":       of(prep.Regression, 1, nn.Exp, prep.Target{Name: "y", SD: 3}),
	}
}

// answer is the formula of Answer for one row, in float64 but for the logits.
func answer(t testing.TB, m *mixture.Mixture, x [][]float32) []float64 {
	t.Helper()
	out := make([]float64, m.Answers())
	for i, v := range m.Views {
		z := make([]float64, m.Outputs())
		for _, n := range v.Networks {
			p := nn.Predictor{Net: n, Logits: true}
			logits, err := p.Predict(nn.Matrix{Rows: len(x[i]), Cols: 1, Data: x[i]})
			if err != nil {
				t.Fatal(err)
			}
			for c := range z {
				z[c] += float64(logits.At(c, 0)) / float64(len(v.Networks)) / v.Temperature
			}
		}
		switch {
		case m.Task == prep.Classification && len(z) == 1:
			p := 1 / (1 + math.Exp(-z[0]))
			z = []float64{1 - p, p}
		case m.Task == prep.Classification:
			var sum float64
			for c := range z {
				z[c] = math.Exp(z[c])
				sum += z[c]
			}
			for c := range z {
				z[c] /= sum
			}
		case v.Networks[0].Layers[len(v.Networks[0].Layers)-1].Activation.Name == "exp":
			z[0] = math.Exp(z[0])
		}
		for c := range out {
			out[c] += v.Weight * z[c]
		}
	}
	if m.Task == prep.Regression {
		for c := range out {
			out[c] = out[c]*m.Targets[c].SD + m.Targets[c].Mean
		}
	}
	return out
}

func TestAnswersFollowTheFormula(t *testing.T) {
	for name, m := range mixtures() {
		t.Run(name, func(t *testing.T) {
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(5, 5))
			a := mixture.Answerer{Mixture: m}
			for _, rows := range []int{1, 7, 64, 65, 200, 3} { // grows and shrinks
				var x []nn.Matrix
				for _, v := range m.Views {
					x = append(x, nn.NewMatrix[float32](v.Features.Width(), rows))
					for i := range x[len(x)-1].Data {
						x[len(x)-1].Data[i] = float32(random.NormFloat64())
					}
				}
				got, err := a.Answer(x)
				if err != nil {
					t.Fatal(err)
				}
				if got.Rows != m.Answers() || got.Cols != rows {
					t.Fatalf("the answer is (%d, %d), want (%d, %d)", got.Rows, got.Cols, m.Answers(), rows)
				}
				for j := range rows {
					var row [][]float32
					for _, x := range x {
						row = append(row, x.T().Row(j))
					}
					for c, want := range answer(t, m, row) {
						if v := float64(got.At(c, j)); !(math.Abs(v-want) <= 2e-6*max(1, math.Abs(want))) {
							t.Fatalf("row %d of %d: answer %d is %v, want %v", j, rows, c, v, want)
						}
					}
				}
			}
		})
	}
}

func TestAnAnswerOfTheWrongShapeIsAnError(t *testing.T) {
	a := mixture.Answerer{Mixture: mixtures()["one number"]}
	_, err := a.Answer([]nn.Matrix{nn.NewMatrix[float32](2, 1), nn.NewMatrix[float32](2, 1)})
	if err == nil || !strings.Contains(err.Error(), "X is (2, 1)") {
		t.Errorf("got %v", err)
	}
}

// The fit hash is that of the bytes which the documentation names: anyone can
// compute it from the file.
func TestFitHashIsOfTheLittleEndianParameters(t *testing.T) {
	m := mixtures()["three classes"]
	var b []byte
	for _, v := range m.Views {
		for _, n := range v.Networks {
			for _, l := range n.Layers {
				for _, x := range append(append([]float32(nil), l.W.Data...), l.B...) {
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
				}
			}
		}
	}
	sum := sha256.Sum256(b)
	if got, want := m.FitHash(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the fit hash is %s, want %s", got, want)
	}
}

// A file may say anything: each lie is refused by what is wrong.
func TestMixturesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		of     string
		name   string
		change func(m *mixture.Mixture)
		want   string
	}{
		{"one number", "no task", func(m *mixture.Mixture) { m.Task = "" }, `task "" is neither`},
		{"one number", "no target", func(m *mixture.Mixture) { m.Targets = nil }, "0 targets for a regression"},
		{"two classes", "two targets", func(m *mixture.Mixture) { m.Targets = append(m.Targets, m.Targets...) }, "2 targets for a classification"},
		{"two numbers", "a target twice", func(m *mixture.Mixture) { m.Targets[1].Name = "y" }, `two targets are called "y"`},
		{"one number", "a target's scale", func(m *mixture.Mixture) { m.Targets[0].SD = 0 }, "standard deviation 0"},
		{"two classes", "one class", func(m *mixture.Mixture) { m.Targets[0].Classes = m.Targets[0].Classes[:1] }, "1 classes"},
		{"one number", "no view", func(m *mixture.Mixture) { m.Views = nil }, "no view"},
		{"one number", "no features", func(m *mixture.Mixture) { m.Views[1].Features = nil }, "view 2: it has no features"},
		{"one number", "no network", func(m *mixture.Mixture) { m.Views[1].Networks = nil }, "view 2: it has no network"},
		{"one number", "weight NaN", func(m *mixture.Mixture) { m.Views[1].Weight = math.NaN() }, "view 2: its weight NaN"},
		{"one number", "weight below 0", func(m *mixture.Mixture) { m.Views[0].Weight, m.Views[1].Weight = -1, 2 }, "view 1: its weight -1"},
		{"one number", "weights of less than 1", func(m *mixture.Mixture) { m.Views[0].Weight = 0.5 }, "the views' weights add up to 0.75"},
		{"one number", "temperature 0", func(m *mixture.Mixture) { m.Views[0].Temperature = 0 }, "view 1: its temperature 0"},
		{"one number", "temperature NaN", func(m *mixture.Mixture) { m.Views[0].Temperature = math.NaN() }, "its temperature NaN"},
		{"one number", "temperature beyond float32", func(m *mixture.Mixture) { m.Views[0].Temperature = 1e300 }, "its temperature 1e+300"},
		{"one number", "a feature that is the target", func(m *mixture.Mixture) { m.Views[1].Features.Columns[0].Name = "y" }, `view 2: column "y" is both a feature and a target`},
		{"one number", "a column of two kinds", func(m *mixture.Mixture) {
			m.Views[1].Features.Columns[1] = prep.Column{Name: "a", Kind: table.Category, Levels: []string{"x"}}
		}, `view 2: column "a" is a category here and a number in another view`},
		{"one number", "features that can't be", func(m *mixture.Mixture) { m.Views[1].Features.Columns[0].SD = 0 }, `view 2: prep: column "c": its standard deviation is 0`},
		{"one number", "an input too few", func(m *mixture.Mixture) { m.Views[1].Features.Columns = m.Views[1].Features.Columns[:2] }, "view 2: network 1: 3 inputs and 1 outputs for 2 features and 1 outputs"},
		{"one number", "an output too few", func(m *mixture.Mixture) { m.Targets = append(m.Targets, prep.Target{Name: "z", SD: 1}) }, "view 1: network 1: 2 inputs and 1 outputs for 2 features and 2 outputs"},
		{"one number", "a network that can't be", func(m *mixture.Mixture) { m.Views[0].Networks[1] = nn.New(0) }, "view 1: network 2: nn: a network needs at least 1 input"},
		{"two classes", "the wrong output", func(m *mixture.Mixture) { m.Views[0].Networks[1] = nn.New(2, nn.Dense(1, nn.Linear)) }, "network 2: its output is linear; of two classes it must be sigmoid, of more softmax"},
		{"three classes", "the wrong output", func(m *mixture.Mixture) { m.Views[0].Networks[1] = nn.New(2, nn.Dense(3, nn.Sigmoid)) }, "network 2: its output is sigmoid"},
		{"two numbers", "softmax", func(m *mixture.Mixture) { m.Views[0].Networks[1] = nn.New(2, nn.Dense(2, nn.Softmax)) }, "network 2: its output is softmax, whose answers are no numbers"},
		{"one number", "outputs that differ", func(m *mixture.Mixture) { m.Views[0].Networks[1] = nn.New(2, nn.Dense(1, nn.Exp)) }, "network 2: its outputs are exp, those of network 1 linear"},
		{"one number", "a weight NaN", func(m *mixture.Mixture) { m.Views[1].Networks[0].Layers[1].W.Data[5] = float32(math.NaN()) }, "view 2: network 1: layer 2: W[1, 1] is NaN"},
		{"one number", "a bias infinite", func(m *mixture.Mixture) { m.Views[0].Networks[0].Layers[0].B[2] = float32(math.Inf(-1)) }, "view 1: network 1: layer 1: b[2] is -Inf"},
	} {
		t.Run(c.of+"/"+c.name, func(t *testing.T) {
			m := mixtures()[c.of]
			c.change(m)
			if err := m.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
		})
	}
}
