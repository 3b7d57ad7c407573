package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/shoal-nn/shoal/explain"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ExampleExample_GradCheck() {
	mistake, err := explain.MistakeNamed("dW-no-m")
	if err != nil {
		fmt.Println(err)
		return
	}
	check, err := explain.Corners().GradCheck(explain.GradCheckOptions{Mistake: &mistake})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(check.Err())
	// Output:
	// explain: the gradient is wrong: dW = dZ·Aᵀ / m looks wrong: dW = dZ·Aᵀ, without the 1/m
}

func ExampleExample_Derivation() {
	d, err := explain.Corners().Derivation()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range d.Lines {
		fmt.Printf("%-20s %-26s %v\n", l.Equation, l.Shapes, l.Check.OK)
	}
	// Output:
	// dZ2 = A2 − Y         (3, 4)                     true
	// ∂Z2/∂W2 = A1ᵀ        of unit 1: (4, 3)          true
	// dW2 = dZ2·A1ᵀ / m    (3, 3) = (3, 4)·(4, 3)     true
	// db2 = Σ dZ2 / m      (3, 1)                     true
	// dA1 = W2ᵀ·dZ2        (3, 4) = (3, 3)·(3, 4)     true
	// dZ1 = dA1 ∗ g′(Z1)   (3, 4)                     true
	// ∂Z1/∂W1 = Xᵀ         of unit 1: (4, 2)          true
	// dW1 = dZ1·Xᵀ / m     (3, 2) = (3, 4)·(4, 2)     true
	// db1 = Σ dZ1 / m      (3, 1)                     true
}

// references are networks with every quantity of a step as PyTorch computes it.
const references = "../notes/testdata/networks.json"

// quantities are those of a step that the references have, too.
type quantities struct {
	Sizes  []int
	M      int
	Hidden string
	Output string
	X, Y   [][]float64
	W      [][][]float64
	B      [][][]float64 `json:"b"`
	Z, A   [][][]float64
	J      float64
	DZ     [][][]float64 `json:"dZ"`
	DW     [][][]float64 `json:"dW"`
	DB     [][][]float64 `json:"db"`
}

// eachReference calls f with each reference and the example that is read of it.
func eachReference(t *testing.T, f func(t *testing.T, want quantities, e *explain.Example)) {
	t.Helper()
	text, err := os.ReadFile(references)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Nets map[string]quantities }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Nets) < 18 {
		t.Fatalf("%d references, want 18", len(file.Nets))
	}
	for name, want := range file.Nets {
		t.Run(name, func(t *testing.T) {
			e, err := explain.ReadExample(bytes.NewReader(text), references, name)
			if err != nil {
				t.Fatal(err)
			}
			f(t, want, e)
		})
	}
}

func TestStepSaysInJSONWhatPyTorchSays(t *testing.T) {
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) })
	eachReference(t, func(t *testing.T, want quantities, e *explain.Example) {
		text := toJSON(t, step(t, e))
		var got quantities
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, near); d != "" {
			t.Errorf("−want +got:\n%s", d)
		}
		again, err := explain.ReadExample(bytes.NewReader(text), "again", "")
		if err != nil {
			t.Fatal(err)
		}
		again.Name = e.Name
		if second := toJSON(t, step(t, again)); !bytes.Equal(text, second) {
			t.Errorf("what is read again differs:\n%s\n%s", text, second)
		}
	})
}

func TestEveryLineOfTheDerivationHolds(t *testing.T) {
	eachReference(t, func(t *testing.T, _ quantities, e *explain.Example) {
		d, err := e.Derivation()
		if err != nil {
			t.Fatal(err)
		}
		if !d.OK || len(d.Lines) != 1+5*len(e.Net.Layers)-2 {
			t.Errorf("OK %v, %d lines", d.OK, len(d.Lines))
		}
		for _, l := range d.Lines {
			if !l.Check.OK || l.Check.Worst > 1e-6 {
				t.Errorf("%s: %+v", l.Equation, l.Check)
			}
		}
		for _, s := range d.Shapes {
			if s.Rows < 1 || s.Cols < 1 {
				t.Errorf("%+v", s)
			}
		}
	})
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func step(t testing.TB, e *explain.Example) *explain.Step {
	t.Helper()
	s, err := e.Step()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAModelAndATableMakeAnExample(t *testing.T) {
	town, area, price, dear := make([]string, 120), make([]float64, 120), make([]float64, 120), make([]string, 120)
	for i := range town {
		town[i], area[i] = []string{"Delft", "Gouda", "Breda"}[i%3], float64(50+i)
		price[i] = area[i] * float64(2+i%3)
		dear[i] = []string{"cheap", "fair", "dear"}[min(2, int(price[i]/200))]
	}
	tab := table.New(table.Categories("town", town), table.Numbers("area", area), table.Numbers("price", price), table.Categories("dear", dear))
	for _, c := range []struct {
		config  train.Config
		outputs int
		loss    string
	}{
		{train.Config{Target: "dear", Ignore: []string{"price"}}, 3, "cross_entropy"},
		{train.Config{Target: "price", Ignore: []string{"dear"}, Loss: nn.Huber(2)}, 1, "huber:2"},
	} {
		c.config.Test, c.config.Epochs = 0.2, 5
		model, _, err := train.Fit(context.Background(), tab, c.config)
		if err != nil {
			t.Fatal(err)
		}
		e, err := explain.FromModel(model, tab, 7)
		if err != nil {
			t.Fatal(err)
		}
		if e.X.Cols != 7 || e.Y.Rows != c.outputs || e.Loss.String() != c.loss || len(e.Features) != e.X.Rows {
			t.Fatalf("X (%d, %d), Y (%d, %d), loss %s, features %v", e.X.Rows, e.X.Cols, e.Y.Rows, e.Y.Cols, e.Loss, e.Features)
		}
		answers, err := model.Predict(tab)
		if err != nil {
			t.Fatal(err)
		}
		s := step(t, e)
		a := s.A[len(s.A)-1]
		for j := range 7 {
			for i := range c.outputs {
				got := a.At(i, j)
				if answers.Values != nil {
					target := model.Targets()[0]
					got = target.Value(got)
					if want := answers.Values[j][0]; math.Abs(got-want) > 1e-5*math.Abs(want) {
						t.Errorf("row %d: %v, the model says %v", j, got, want)
					}
				} else if want := answers.Probabilities[j][i]; math.Abs(got-want) > 1e-5 {
					t.Errorf("row %d, class %d: %v, the model says %v", j, i, got, want)
				}
			}
		}
		check, err := e.GradCheck(explain.GradCheckOptions{})
		if err != nil || !check.OK {
			t.Errorf("gradient check: %v, %v", err, check.Err())
		}

		// Without the answers there is no step, but there are units to look at.
		blind := table.New(table.Categories("town", town), table.Numbers("area", area))
		blind.Name = "blind.csv"
		if e, err = explain.FromModel(model, blind, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Health(); err != nil {
			t.Error(err)
		}
		if _, err := e.Step(); err == nil || !strings.Contains(err.Error(), "blind.csv: there are no answers") {
			t.Errorf("a step without answers: %v", err)
		}
	}
}

func TestFilesThatAreNoExampleAreRefused(t *testing.T) {
	net := `"hidden":"tanh","output":"sigmoid","X":[[1,2],[3,4]],"Y":[[0,1]]`
	for _, c := range []struct{ name, text, entry, want string }{
		{"no JSON", "{\n\"sizes\": [,]}", "", "f.json: line 2: this is no JSON"},
		{"another kind", "{\"sizes\": [2, 1],\n \"X\": \"abc\"}", "", `line 2: "X" holds a string where a list belongs`},
		{"nothing", "{}", "", `there is no network: "sizes" is missing`},
		{"sizes", `{"sizes":[2]}`, "", `"sizes" has 1 numbers; there are at least two`},
		{"a negative size", `{"sizes":[2,-1],"W":[[]],"b":[[]]}`, "", `number 2 of "sizes" is -1`},
		{"a size without numbers", `{"sizes":[2,1000000000],` + net + `,"W":[[[1,2]]],"b":[[[0]]]}`, "", "Y is (1, 2); it should be (1000000000, 2)"},
		{"a layer too few", `{"sizes":[2,3,1],` + net + `,"W":[[[1,2]]],"b":[[[0]]]}`, "", `"sizes" says 2 layers; "W" has 1 and "b" has 1`},
		{"W's transpose", `{"sizes":[2,1],` + net + `,"W":[[[1],[2]]],"b":[[[0]]]}`, "", "W1 is (2, 1); it should be (1, 2); its transpose would fit"},
		{"a ragged row", `{"sizes":[2,2,1],` + net + `,"W":[[[1,2],[3]],[[1,2]]],"b":[[[0],[0]],[[0]]]}`, "", "row 2 of W1 has 1 number"},
		{"a function", `{"sizes":[2,1],"hidden":"","output":"sin","X":[[1],[1]],"Y":[[1]],"W":[[[1,2]]],"b":[[[0]]]}`, "", `"output": nn: there is no activation "sin"`},
		{"another name", `{"nets":{"a":{},"b":{}}}`, "c", `there is no network "c"; there are a, b`},
		{"no name", `{"nets":{"a":{},"b":{}}}`, "", "the file has 2 networks; name one: a, b"},
		{"a name too many", `{"sizes":[2,1]}`, "a", `leave the name "a" out`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := explain.ReadExample(strings.NewReader(c.text), "f.json", c.entry)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

func TestACostThatIsNotANumberIsAnError(t *testing.T) {
	text := `{"sizes":[2,1],"hidden":"","output":"sigmoid","X":[[1,2],[3,4]],"Y":[[0,1]],"W":[[[1e308,1e308]]],"b":[[[0]]]}`
	e, err := explain.ReadExample(strings.NewReader(text), "f.json", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Step(); err == nil || !strings.Contains(err.Error(), "of layer 1 is") {
		t.Errorf("%v", err)
	}
}

func FuzzReadExample(f *testing.F) {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(step(f, explain.Corners())); err != nil {
		f.Fatal(err)
	}
	f.Add(text.Bytes())
	f.Add([]byte(`{"nets":{"a":{"sizes":[1,1],"output":"linear","X":[[1]],"Y":[[1]],"W":[[[1]]],"b":[[[0]]]}}}`))
	f.Add([]byte(`{"sizes":[2,1000000000]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := explain.ReadExample(bytes.NewReader(text), "f", "")
		if err != nil {
			return
		}
		if s, err := e.Step(); err == nil {
			if err := s.WriteText(io.Discard, 80); err != nil {
				t.Error(err)
			}
		}
	})
}

// golden are the explanations as they are read in a terminal.
func golden() map[string]func() (interface {
	WriteText(w io.Writer, width int) error
}, error,
) {
	type text = interface {
		WriteText(w io.Writer, width int) error
	}
	mistake := func(name string) func() (text, error) {
		return func() (text, error) {
			m, err := explain.MistakeNamed(name)
			if err != nil {
				return nil, err
			}
			return explain.Corners().GradCheck(explain.GradCheckOptions{Mistake: &m})
		}
	}
	return map[string]func() (text, error){
		"activations":       func() (text, error) { return explain.Activations() },
		"derivatives":       func() (text, error) { return explain.Derivatives() },
		"linearity":         func() (text, error) { return explain.ShowLinearity(0) },
		"symmetry":          func() (text, error) { return explain.ShowSymmetry(0) },
		"step":              func() (text, error) { return explain.Corners().Step() },
		"derivation":        func() (text, error) { return explain.Corners().Derivation() },
		"gradcheck":         func() (text, error) { return explain.Corners().GradCheck(explain.GradCheckOptions{}) },
		"gradcheck_mistake": mistake("dA-transposed"),
		"gradcheck_kink":    func() (text, error) { return atAKink().GradCheck(explain.GradCheckOptions{}) },
		"health":            func() (text, error) { return sick().Health() },
	}
}

// rounding is what is left of two numbers that should be equal: it depends on
// the processor's fused operations.
var rounding = regexp.MustCompile(` +\de-\d\d|   +0( |$)`)

func TestTextsReadAsTheyDid(t *testing.T) {
	for name, make := range golden() {
		t.Run(name, func(t *testing.T) {
			e, err := make()
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := e.WriteText(&b, 80); err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(b.String(), "\n") {
				if n := utf8.RuneCountInString(line); n > 80 {
					t.Errorf("line %d has %d characters: %s", i+1, n, line)
				}
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plain := func(s string) string { return rounding.ReplaceAllString(s, " ≈0") }
			if d := cmp.Diff(plain(string(want)), plain(b.String())); d != "" {
				t.Errorf("−want +got (go test -update writes it anew):\n%s", d)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Error(err)
			}
		})
	}
}
