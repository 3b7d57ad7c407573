package shoal_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// runtimes are other programs that answer an ONNX model: testdata/answer.py.
type runtimes struct {
	in  io.Writer
	out *bufio.Scanner
	dir string
}

// others starts them. `make test` installs them; without they are left out, but
// in CI.
func others(t testing.TB) *runtimes {
	t.Helper()
	python := filepath.Join(".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: scripts/python.sh installs it", err)
		}
		t.Skip("ONNX Runtime is not installed: run scripts/python.sh")
	}
	cmd := exec.Command(python, "testdata/answer.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var talk bytes.Buffer
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("answer.py: %v\n%s", err, &talk)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<28)
	return &runtimes{in, lines, t.TempDir()}
}

// field decodes an output into to.
func field(t testing.TB, outputs map[string]json.RawMessage, name string, to any) {
	t.Helper()
	if err := json.Unmarshal(outputs[name], to); err != nil {
		t.Fatalf("output %s: %v", name, err)
	}
}

// ask saves a model and has the rows of a table answered, output by output.
func (r *runtimes) ask(t testing.TB, m *shoal.Model, tab *table.Table) map[string]map[string]json.RawMessage {
	t.Helper()
	path := filepath.Join(r.dir, "model.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	columns := map[string][]any{}
	for _, c := range m.Columns() {
		values := []any{}
		of := tab.Column(c.Name)
		for i := range tab.Rows() {
			switch {
			case of.Missing(i):
				values = append(values, nil)
			case of.Kind == table.Category:
				values = append(values, of.Levels[of.Codes[i]])
			case c.Kind == table.Category: // numbers, where the model knows text
				values = append(values, prep.Text(of.Kind, of.Numbers[i]))
			default:
				values = append(values, of.Numbers[i])
			}
		}
		columns[c.Name] = values
	}
	return r.answers(t, map[string]any{"model": path, "columns": columns})
}

// answers asks a question as answer.py takes it.
func (r *runtimes) answers(t testing.TB, q map[string]any) map[string]map[string]json.RawMessage {
	t.Helper()
	question, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(r.in, "%s\n", question); err != nil {
		t.Fatal(err)
	}
	if !r.out.Scan() {
		t.Fatalf("answer.py has no answer: %v", r.out.Err())
	}
	var problem struct{ Error string }
	if err := json.Unmarshal(r.out.Bytes(), &problem); err == nil && problem.Error != "" {
		t.Fatal(problem.Error)
	}
	answers := map[string]map[string]json.RawMessage{}
	if err := json.Unmarshal(r.out.Bytes(), &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// compare has the rows answered here and there. Probabilities may differ by 1e-5,
// and values by 1e-5 of the target's standard deviation.
func (r *runtimes) compare(t testing.TB, m *shoal.Model, tab *table.Table) {
	t.Helper()
	want, err := m.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	for by, outputs := range r.ask(t, m, tab) {
		var label []string
		var answer [][]float64
		if m.Task() == prep.Classification {
			field(t, outputs, "label", &label)
			field(t, outputs, "probabilities", &answer)
		} else {
			field(t, outputs, "prediction", &answer)
		}
		if len(answer) != tab.Rows() || label != nil && len(label) != tab.Rows() {
			t.Fatalf("%s: %d answers and %d labels for %d rows", by, len(answer), len(label), tab.Rows())
		}
		for i := range tab.Rows() {
			if m.Task() == prep.Regression {
				for k, target := range m.Targets() {
					if a, b := answer[i][k], want.Values[i][k]; !(math.Abs(a-b) <= 1e-5*target.SD) {
						t.Fatalf("%s: row %d, %s: %v, and Shoal says %v", by, i+1, target.Name, a, b)
					}
				}
				continue
			}
			p := want.Probabilities[i]
			for k := range p {
				if a, b := answer[i][k], p[k]; !(math.Abs(a-b) <= 1e-5) {
					t.Fatalf("%s: row %d, %s: %v, and Shoal says %v", by, i+1, want.Classes[k], a, b)
				}
			}
			if label[i] != want.Labels[i] && slices.Max(p)-p[slices.Index(want.Classes, label[i])] > 2e-5 {
				t.Fatalf("%s: row %d is %q, and Shoal says %q: %v", by, i+1, label[i], want.Labels[i], p)
			}
		}
	}
}

func TestOtherRuntimesAnswerAsShoal(t *testing.T) {
	r := others(t)
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			r.compare(t, m, mixed(500))
			r.compare(t, m, mixed(1))
			r.compare(t, m, mixed(0))
		})
	}
}

// Each activation, hidden and where it can be the output; and names that are in
// the graph's way.
func TestEveryActivationIsTheSameElsewhere(t *testing.T) {
	r := others(t)
	for _, g := range append(nn.Activations(), nn.LeakyReLU(0.3), nn.ELU(0.4)) {
		t.Run(g.String(), func(t *testing.T) {
			column := func(name string) prep.Column { return prep.Column{Name: name, SD: 1, Low: -8, High: 8} }
			var columns []prep.Column
			for _, name := range []string{"W1", "prediction", "filled", "1", "½"} {
				columns = append(columns, column(name))
			}
			net := nn.New(5, nn.Dense(7, g), nn.Dense(6, g), nn.Dense(2, g))
			net.Init(nn.Normal(0.1), 3)
			m, err := shoal.New(&mixture.Mixture{
				Task:    prep.Regression,
				Targets: []prep.Target{{Name: "a", SD: 1}, {Name: "b", Mean: -3, SD: 2}},
				Views:   []mixture.View{{Features: &prep.Features{Columns: columns}, Networks: []*nn.Network{net, net}, Weight: 1, Temperature: 1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(5, 5))
			tab := table.New()
			for _, c := range columns {
				x := make([]float64, 300)
				for i := range x {
					x[i] = random.NormFloat64() * 2
				}
				tab.Columns = append(tab.Columns, table.Numbers(c.Name, x))
			}
			path := filepath.Join(t.TempDir(), "model.onnx")
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			again, err := shoal.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := again.Predict(tab)
			if err != nil {
				t.Fatal(err)
			}
			// The output's name is taken by a column: it has an underscore more.
			for by, outputs := range r.ask(t, again, tab) {
				var y [][]float64
				field(t, outputs, "prediction_", &y)
				for i := range want.Values {
					for k, v := range want.Values[i] {
						if !(math.Abs(y[i][k]-v) <= 1e-5*max(1, math.Abs(v))) {
							t.Fatalf("%s: row %d, output %d: %v, and Shoal says %v", by, i+1, k, y[i][k], v)
						}
					}
				}
			}
		})
	}
}

// The nine tables of package train, and rows that training never saw: values
// missing and texts unseen.
func TestTrainedTablesAnswerTheSameElsewhere(t *testing.T) {
	r := others(t)
	for _, c := range []struct{ name, target string }{
		{"breast_cancer", "diagnosis"},
		{"pima", "diabetes"},
		{"iris", "species"},
		{"wine", "target"},
		{"digits", "digit"},
		{"letter", "lettr"},
		{"diabetes", "target"},
		{"boston_housing", "medv"},
		{"diamonds", "price"},
	} {
		t.Run(c.name, func(t *testing.T) { r.compareTrained(t, "train/testdata/tables/"+c.name+".csv.gz", c.target, 3) })
	}
}

// A time in nanoseconds as a column and as the target: in float32 all of them are
// one.
func TestTimesInNanosecondsAnswerTheSameElsewhere(t *testing.T) {
	r := others(t)
	random := rand.New(rand.NewPCG(2, 2))
	const start = 1_700_000_000e9
	x, y := make([]float64, 300), make([]float64, 300)
	for i := range x {
		x[i] = start + random.Float64()*100e9
		y[i] = start + (x[i]-start)*0.5 + 3e9
	}
	tab := table.New(table.Numbers("sent", x), table.Numbers("got", y))
	m, report, err := train.Fit(context.Background(), tab, train.Config{Target: "got", Epochs: 200})
	if err != nil {
		t.Fatal(err)
	}
	if r2 := report.Scores["r2"]; !(r2 > 0.9) {
		t.Errorf("R² is %v", r2)
	}
	r.compare(t, m, tab)
}

// compareTrained trains on a table, as the command would, for so many epochs, and
// compares the answers to its rows, and to rows with every seventh value missing
// or, of a text, unseen.
func (r *runtimes) compareTrained(t testing.TB, path, target string, epochs int) {
	t.Helper()
	tab, err := table.OpenCSV(path, table.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := train.Fit(context.Background(), tab, train.Config{Target: target, Epochs: epochs})
	if err != nil {
		t.Fatal(err)
	}
	if tab, err = table.OpenCSV(path, m.CSVOptions()); err != nil {
		t.Fatal(err)
	}
	tab = head(tab, 3000)
	r.compare(t, m, tab)
	at := 0
	for k := range tab.Columns {
		c := &tab.Columns[k]
		for i := range tab.Rows() {
			if at++; at%7 != 0 {
				continue
			}
			if c.Kind == table.Category {
				c.Codes[i] = []int32{-1, int32(len(c.Levels))}[at/7%2] // missing, or unseen
			} else {
				c.Numbers[i] = math.NaN()
			}
		}
		if c.Kind == table.Category {
			c.Levels = append(slices.Clone(c.Levels), "never seen")
		}
	}
	r.compare(t, m, tab)
}

// head is a table's first rows.
func head(t *table.Table, rows int) *table.Table {
	h := table.New()
	for _, c := range t.Columns {
		n := min(rows, t.Rows())
		if c.Kind == table.Category {
			c.Codes = slices.Clone(c.Codes[:n])
		} else {
			c.Numbers = slices.Clone(c.Numbers[:n])
		}
		h.Columns = append(h.Columns, c)
	}
	return h
}
