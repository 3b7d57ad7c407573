package shoal_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// Models that scikit-learn and PyTorch trained or drew, exported by skl2onnx and
// by PyTorch's two exporters: onnx/testdata/make_models.py. ONNX Runtime is asked,
// too.
func TestModelsOfOtherProgramsAnswerAsInONNXRuntime(t *testing.T) {
	r := others(t)
	paths, err := filepath.Glob("onnx/testdata/models/*.onnx")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d models, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) { r.compareForeign(t, path) })
	}
}

func (r *runtimes) compareForeign(t *testing.T, path string) {
	t.Helper()
	m, err := shoal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 50
	random := rand.New(rand.NewPCG(3, 3))
	tab := table.New()
	columns := map[string][]any{}
	for _, c := range m.Columns() {
		values := make([]any, rows)
		if c.Kind == table.Category {
			texts := make([]string, rows)
			for i := range texts {
				texts[i] = c.Levels[random.IntN(len(c.Levels))]
				if values[i] = texts[i]; random.IntN(5) == 0 && !strings.Contains(path, "ordinal") {
					texts[i] = "99" // never seen
					values[i] = texts[i]
				}
			}
			tab.Columns = append(tab.Columns, table.Categories(c.Name, texts))
		} else {
			x := make([]float64, rows)
			for i := range x {
				x[i] = random.NormFloat64()*3 + 1
				values[i] = x[i]
				if strings.Contains(path, "impute") && random.IntN(5) == 0 {
					x[i], values[i] = math.NaN(), nil
				}
			}
			tab.Columns = append(tab.Columns, table.Numbers(c.Name, x))
		}
		columns[c.Name] = values
	}
	want, err := m.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	for by, outputs := range r.answers(t, map[string]any{"model": path, "columns": columns, "names": names(m)}) {
		for name, text := range outputs {
			checkOutput(t, by+": "+name, text, m, want)
		}
	}
	// What was imported is saved and read as it is.
	copied := filepath.Join(r.dir, "copied.onnx")
	if err := m.Save(copied); err != nil {
		t.Fatal(err)
	}
	again, err := shoal.Open(copied)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Predict(tab); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("saved and opened again it answers otherwise (%v)", err)
	}
}

func names(m *shoal.Model) []string {
	var all []string
	for _, c := range m.Columns() {
		all = append(all, c.Name)
	}
	return all
}

// checkOutput compares an output, whatever its form: labels, a number or
// probability a row, or a map of probabilities a row.
func checkOutput(t *testing.T, name string, text json.RawMessage, m *shoal.Model, want *shoal.Predictions) {
	t.Helper()
	var rows []any
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	near := func(i int, got any, want float64) {
		t.Helper()
		if x, ok := got.(float64); !ok || !(math.Abs(x-want) <= 1e-5*max(1, math.Abs(want))) {
			t.Fatalf("%s: row %d is %v, and Shoal says %v", name, i+1, got, want)
		}
	}
	for i, row := range rows {
		answer := want.Values
		if m.Task() == prep.Classification {
			answer = want.Probabilities
		}
		switch x := row.(type) {
		case map[string]any:
			for k, class := range want.Classes {
				near(i, x[class], answer[i][k])
			}
		case []any:
			if len(x) == 1 && len(answer[i]) == 2 { // sigmoid alone
				near(i, x[0], answer[i][1])
				continue
			}
			if len(x) != len(answer[i]) {
				t.Fatalf("%s: %d numbers, and Shoal has %d", name, len(x), len(answer[i]))
			}
			for k := range x {
				near(i, x[k], answer[i][k])
			}
		default: // a label, or one number a row
			if m.Task() == prep.Regression {
				near(i, x, answer[i][0])
				continue
			}
			if got := fmt.Sprint(x); got != want.Labels[i] && slices.Max(answer[i])-answer[i][slices.Index(want.Classes, got)] > 2e-5 {
				t.Fatalf("%s: row %d is %q, and Shoal says %q", name, i+1, got, want.Labels[i])
			}
		}
	}
	if len(rows) == 0 {
		t.Errorf("%s: no row", name)
	}
}
