package shoal_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

type House struct {
	Area  float64 `table:"area"`
	Town  string  `table:"town"`
	Price float64 `table:"price"`
}

// trained makes a model of 300 houses and saves it.
func trained(path string) error {
	var houses []House
	for i := range 300 {
		h := House{Area: float64(50 + i%100), Town: []string{"Delft", "Gouda"}[i%2]}
		h.Price = 2*h.Area + map[string]float64{"Delft": 100, "Gouda": 50}[h.Town]
		houses = append(houses, h)
	}
	model, _, err := train.Fit(context.Background(), table.Of(houses), train.Config{Target: "price", Hidden: []int{16}})
	if err != nil {
		return err
	}
	return model.Save(path)
}

// A service opens the model once and asks it for rows.
func ExampleOpen() {
	path := filepath.Join(os.TempDir(), "shoal_example_houses.onnx")
	defer os.Remove(path)
	if err := trained(path); err != nil { // as "shoal train houses.csv --target price" does
		fmt.Println(err)
		return
	}

	model, err := shoal.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	answers, err := model.Predict(table.Of([]House{{Area: 80, Town: "Delft"}, {Area: 120, Town: "Gouda"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, price := range answers.Numbers() {
		fmt.Printf("%.0f0\n", price/10)
	}
	// Output:
	// 260
	// 290
}

func ExampleModel_Row() {
	model, err := shoal.Open("testdata/model_v1.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	row := model.Row() // one a goroutine
	row.Number("area", 120)
	row.Text("town", "Delft")
	row.Bool("sold", true)
	fmt.Println(row.Label())

	row.Number("garden", 20) // there is no such column
	fmt.Printf("%q %v\n", row.Label(), row.Err())
	// Output:
	// villa
	// "" shoal: the model has no column "garden"; it has ["area" "sold" "town"]
}

// By position there is no look-up, for who asks often.
func ExampleRow_NumberAt() {
	model, err := shoal.Open("testdata/model_v1.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	row := model.Row()
	area := slices.Index(row.Columns(), "area")
	for _, x := range []float64{40, 300} {
		row.NumberAt(area, x)
		fmt.Println(row.Label())
	}
	// Output:
	// flat
	// villa
}

func ExamplePredictions() {
	model, err := shoal.Open("testdata/model_v1.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := model.Predict(table.New(
		table.Numbers("area", []float64{40, 200}),
		table.Categories("town", []string{"Gouda", "Utrecht"}), // the model doesn't know Utrecht
		table.Booleans("sold", []bool{false, true}),
		table.Numbers("price", []float64{200, 700}), // and needs no price
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Classes, p.Extra)
	for i, label := range p.Labels {
		fmt.Printf("%s %.2f\n", label, p.Probabilities[i])
	}
	// Output:
	// [flat house villa] [price]
	// flat [0.48 0.18 0.34]
	// villa [0.29 0.19 0.52]
}

// byHand is a model whose weights anyone can check.
//
//	price = 1000 + 10·(3·area − 50·(area missing) + 20·sold + 4·Delft + 7·Gouda + 1)
func byHand(t testing.TB) *shoal.Model {
	t.Helper()
	net := nn.New(5, nn.Dense(1, nn.Linear))
	if err := net.SetParameters(0, nn.FromRows([][]float32{{3, -50, 20, 4, 7}}), []float32{1}); err != nil {
		t.Fatal(err)
	}
	m, err := shoal.New(&mixture.Mixture{
		Task:    prep.Regression,
		Targets: []prep.Target{{Name: "price", Mean: 1000, SD: 10}},
		Views: []mixture.View{{
			Features: &prep.Features{Columns: []prep.Column{
				{Name: "area", Fill: 100, SD: 1, Low: -500, High: 500, Indicator: true},
				{Name: "sold", Kind: table.Boolean, SD: 1, High: 1},
				{Name: "town", Kind: table.Category, Levels: []string{"Delft", "Gouda"}},
			}},
			Networks: []*nn.Network{net}, Weight: 1, Temperature: 1,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAModelMadeByHand(t *testing.T) {
	nan := math.NaN()
	m := byHand(t)
	p, err := m.Predict(table.New(
		table.Categories("town", []string{"Delft", "Gouda", "Utrecht", "", "Delft", "Delft"}),
		table.Numbers("area", []float64{10, 20, 30, nan, 1e300, -1e300}),
		table.Numbers("sold", []float64{1, 0, nan, 0, 0, 0}),
		table.Numbers("garden", []float64{1, 1, 1, 1, 1, 1}),
		table.Numbers("price", []float64{1, 1, 1, 1, 1, 1}),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := &shoal.Predictions{
		Task: prep.Regression, Targets: []string{"price"}, Extra: []string{"garden"},
		Values: [][]float64{{1550}, {1680}, {1910}, {3510}, {16050}, {-13950}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("predictions differ (-want +got):\n%s", diff)
	}
	if got := p.Numbers(); !slices.Equal(got, []float64{1550, 1680, 1910, 3510, 16050, -13950}) {
		t.Errorf("Numbers are %v", got)
	}
	if m.Classes() != nil || m.Task() != prep.Regression || m.Targets()[0].Name != "price" || m.Training() != nil {
		t.Errorf("the model says: classes %v, %v of %v, trained %s", m.Classes(), m.Task(), m.Targets(), m.Training())
	}
	if v := m.Views(); len(v) != 1 || v[0].Features.Width() != 5 || len(v[0].Networks) != 1 {
		t.Errorf("the views are %+v", v)
	}
	kinds := map[string]table.Kind{"area": table.Number, "sold": table.Boolean, "town": table.Category}
	if o := m.CSVOptions(); !maps.Equal(o.Kinds, kinds) {
		t.Errorf("as CSV, its columns are %v, want %v", o.Kinds, kinds)
	}
}

func TestPredictRefuses(t *testing.T) {
	m := byHand(t)
	text := table.Categories("town", []string{"Delft"})
	for _, c := range []struct {
		name  string
		table *table.Table
		want  string
	}{
		{"a table that is none", table.New(text, text), `both called "town"`},
		{"columns missing", table.New(text), `shoal: prep: has no column "area", "sold"; the model needs it`},
		{"columns missing, no row", table.New(table.Categories("town", nil)), `shoal: prep: has no column "area", "sold"`},
		{"no column", table.New(), `has no column "area", "sold", "town"`},
		{"text", table.New(text, table.Categories("area", []string{"big"}), table.Booleans("sold", []bool{true})), `column "area": has text ("big")`},
	} {
		_, err := m.Predict(c.table)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want one with %q", c.name, err, c.want)
		}
	}
	p, err := m.Predict(table.New(table.Numbers("area", nil), table.Booleans("sold", nil), table.Categories("town", nil)))
	if err != nil || len(p.Values) != 0 {
		t.Errorf("of no row: %v, %v", p, err)
	}
}

// mixed draws a table with missing values, texts that a model may not know, and
// numbers beyond all that it saw.
func mixed(rows int) *table.Table {
	random := rand.New(rand.NewPCG(1, 1))
	area, sold, town := make([]float64, rows), make([]float64, rows), make([]string, rows)
	for i := range rows {
		area[i], sold[i] = random.NormFloat64()*50+100, float64(random.IntN(2))
		town[i] = []string{"Delft", "Gouda", "Leiden", "Utrecht", ""}[random.IntN(5)]
		switch random.IntN(20) {
		case 0:
			area[i] = math.NaN()
		case 1:
			sold[i] = math.NaN()
		case 2:
			area[i] = extreme
		}
	}
	return table.New(table.Numbers("area", area), table.Numbers("sold", sold), table.Categories("town", town))
}

const extreme = 1e300

// label returns mixed with a target of one kind or another to train on.
func label(t *table.Table, kind string) *table.Table {
	y := make([]string, t.Rows())
	price := make([]float64, t.Rows())
	area, town := t.Column("area"), t.Column("town")
	for i := range y {
		x := area.Numbers[i]
		switch {
		case math.IsNaN(x):
			x = 0
		case x == extreme:
			x, area.Numbers[i] = 250, 250
		}
		price[i] = x*1.25 + float64(town.Codes[i])*10
		y[i] = "small"
		if x > 100 {
			y[i] = "large"
		}
		if kind == "three classes" && town.Codes[i] == 0 {
			y[i] = "in " + town.Levels[0]
		}
	}
	if kind == "a number" {
		return table.New(append(slices.Clone(t.Columns), table.Numbers("y", price))...)
	}
	return table.New(append(slices.Clone(t.Columns), table.Categories("y", y))...)
}

// models are one of each task, trained, and the golden one, which has two views.
func models(t testing.TB) map[string]*shoal.Model {
	t.Helper()
	golden, err := shoal.Open("testdata/model_v1.onnx")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*shoal.Model{"golden": golden, "by hand": byHand(t)}
	for _, kind := range []string{"two classes", "three classes", "a number"} {
		m, _, err := train.Fit(context.Background(), label(mixed(400), kind), train.Config{Target: "y", Hidden: []int{9, 5}, Epochs: 3, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		all[kind] = m
	}
	return all
}

// set fills a row from a row of a table, as a service would.
func set(r *shoal.Row, t *table.Table, i int) {
	for k := range t.Columns {
		c := &t.Columns[k]
		switch {
		case c.Missing(i): // leave it
		case c.Kind == table.Category:
			r.Text(c.Name, c.Levels[c.Codes[i]])
		default:
			r.Number(c.Name, c.Numbers[i])
		}
	}
}

func TestARowIsAnsweredAsInATable(t *testing.T) {
	tab := mixed(5000) // more than one part of a prediction
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			p, err := m.Predict(tab)
			if err != nil {
				t.Fatal(err)
			}
			row := m.Row()
			for i := range tab.Rows() {
				set(row, tab, i)
				got := row.Answer()
				if err := row.Err(); err != nil {
					t.Fatal(err)
				}
				want := p.Values
				if m.Task() == prep.Classification {
					want = p.Probabilities
				}
				if !slices.Equal(got, want[i]) { // every bit
					t.Fatalf("row %d: %v, in the table %v", i, got, want[i])
				}
				if i%50 > 0 {
					continue
				}
				last := got[len(got)-1]
				if m.Task() == prep.Regression {
					last = got[0]
				}
				set(row, tab, i)
				if x := row.Predict(); x != last {
					t.Fatalf("row %d: Predict is %v, want %v", i, x, last)
				}
				set(row, tab, i)
				label := ""
				if m.Task() == prep.Classification {
					label = p.Labels[i]
				}
				if got := row.Label(); got != label {
					t.Fatalf("row %d: Label is %q, want %q", i, got, label)
				}
			}
		})
	}
}

func TestProbabilitiesAddUpToOne(t *testing.T) {
	for name, m := range models(t) {
		if m.Task() == prep.Regression {
			continue
		}
		p, err := m.Predict(mixed(300))
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range p.Probabilities {
			sum := 0.0
			for _, x := range q {
				if sum += x; !(x >= 0 && x <= 1) {
					t.Fatalf("%s, row %d: %v", name, i, q)
				}
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Fatalf("%s, row %d: %v add up to %v", name, i, q, sum)
			}
		}
	}
}

// One model, asked for tables and for rows from many goroutines: the race
// detector watches, and every answer has the same bits.
func TestAModelMayBeAskedByManyAtOnce(t *testing.T) {
	tab := mixed(200)
	for name, m := range models(t) {
		want, err := m.Predict(tab)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				got, err := m.Predict(tab)
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: predictions differ (-alone +among others):\n%s", name, diff)
				}
			})
			group.Go(func() {
				row := m.Row()
				for i := range tab.Rows() {
					set(row, tab, i)
					got, wanted := row.Answer(), want.Values
					if m.Task() == prep.Classification {
						wanted = want.Probabilities
					}
					if !slices.Equal(got, wanted[i]) {
						t.Errorf("%s: row %d: %v, alone %v", name, i, got, wanted[i])
						return
					}
				}
			})
		}
		group.Wait()
	}
}

// However wide the rows, a prediction takes no more than a bounded part of them
// at once, and gives what it gives for one row.
func TestWideTablesAreTakenInParts(t *testing.T) {
	const width = 1 << 10 // 1,024 rows at once
	f := &prep.Features{}
	for i := range width {
		f.Columns = append(f.Columns, prep.Column{Name: fmt.Sprintf("c%d", i), SD: 1, Low: -9, High: 9})
	}
	net := nn.New(width, nn.Dense(1, nn.Linear))
	net.Init(nn.Xavier, 1)
	m, err := shoal.New(&mixture.Mixture{
		Task: prep.Regression, Targets: []prep.Target{{Name: "y", SD: 1}},
		Views: []mixture.View{{Features: f, Networks: []*nn.Network{net}, Weight: 1, Temperature: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 1030
	var columns []table.Column
	for i := range width {
		x := make([]float64, rows)
		for j := range x {
			x[j] = float64((i*7+j*13)%17) - 8
		}
		columns = append(columns, table.Numbers(f.Columns[i].Name, x))
	}
	tab := table.New(columns...)
	p, err := m.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Values) != rows {
		t.Fatalf("%d answers to %d rows", len(p.Values), rows)
	}
	row := m.Row()
	for _, i := range []int{0, 1023, 1024, rows - 1} {
		for k := range columns {
			row.NumberAt(k, columns[k].Numbers[i])
		}
		if got := row.Predict(); got != p.Values[i][0] {
			t.Errorf("row %d: %v, in the table %v", i, got, p.Values[i][0])
		}
	}
}

func TestNewRefusesWhatIsNoModel(t *testing.T) {
	_, err := shoal.New(&mixture.Mixture{})
	if err == nil || !strings.HasPrefix(err.Error(), "shoal: a model can't be made of this: ") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkPredict(b *testing.B) {
	for name, m := range models(b) {
		b.Run(name, func(b *testing.B) {
			tab := mixed(4096)
			for b.Loop() {
				if _, err := m.Predict(tab); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/row")
		})
	}
}
