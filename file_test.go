package shoal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/onnx"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

const golden = "testdata/model_v1.onnx"

// A file once written stays as it is for ever: this is for the next version.
var writeGolden = flag.Bool("write-golden", false, "write "+golden+" anew")

// goldenModel is what golden holds: everything that a file of version 1 can.
func goldenModel(t testing.TB) *shoal.Model {
	t.Helper()
	area := prep.Column{Name: "area", Fill: 90, Mean: 100, SD: 50, Low: -2, High: 3.5, Indicator: true}
	shifted := area
	shifted.Shift, shifted.Fill, shifted.Mean, shifted.Indicator = 100, -10, 0, false
	sold := prep.Column{Name: "sold", Kind: table.Boolean, Mean: 0.5, SD: 0.5, Low: -1, High: 1}
	town := prep.Column{Name: "town", Kind: table.Category, Levels: []string{"Delft", "Gouda", "’s-Gravenhage"}}
	hidden := nn.Dense(5, nn.LeakyReLU(0.2))
	hidden.Dropout = 0.25
	draw := func(nx int, seed uint64, layers ...nn.Layer) *nn.Network {
		n := nn.New(nx, layers...)
		random := rand.New(rand.NewPCG(seed, 1))
		for l := range n.Layers {
			for _, p := range [][]float32{n.Layers[l].W.Data, n.Layers[l].B} {
				for i := range p {
					p[i] = float32(random.IntN(33)-16) / 16
				}
			}
		}
		return n
	}
	output := nn.Dense(3, nn.Softmax)
	m, err := shoal.New(&mixture.Mixture{
		Task:    prep.Classification,
		Targets: []prep.Target{{Name: "type", Kind: table.Category, Classes: []string{"flat", "house", "villa"}, SD: 1}},
		Views: []mixture.View{
			{
				Features: &prep.Features{
					Columns: []prep.Column{area, sold, town},
					LeftOut: []prep.LeftOut{{Name: "id", Reason: "it only counts the rows, from 1"}},
				},
				Networks: []*nn.Network{draw(6, 1, hidden, nn.Dense(4, nn.Tanh), output), draw(6, 2, nn.Dense(3, nn.ELU(0.5)), output)},
				Weight:   0.625, Temperature: 1.5,
			},
			{
				Features: &prep.Features{Columns: []prep.Column{shifted}},
				Networks: []*nn.Network{draw(1, 5, nn.Dense(3, nn.GELU), nn.Dense(3, nn.SiLU), nn.Dense(2, nn.Softplus), output)},
				Weight:   0.375, Temperature: 0.75,
			},
		},
		Training: json.RawMessage(`{"rows":1000,"scores":{"accuracy":0.5},"notes":["<made by hand>"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func written(t testing.TB, m *shoal.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (*shoal.Model, error) { return shoal.Read(bytes.NewReader(b), int64(len(b))) }

// Every later version must open this file and answer as its expected answers
// say, which Shoal hasn't computed: see testdata/README.md.
func TestTheFirstVersionsFileIsReadForEver(t *testing.T) {
	if *writeGolden {
		if err := goldenModel(t).Save(golden); err != nil {
			t.Fatal(err)
		}
	}
	m, err := shoal.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := table.OpenCSV("testdata/model_v1.csv", m.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	for c, class := range p.Classes {
		want := tab.Column("probability:" + class).Numbers
		for i := range want {
			if got := p.Probabilities[i][c]; !(math.Abs(got-want[i]) <= 1e-6) {
				t.Errorf("row %d, %s: %v, want %v", i+1, class, got, want[i])
			}
		}
	}
	if want := `{"notes":["\u003cmade by hand\u003e"],"rows":1000,"scores":{"accuracy":0.5}}`; string(m.Training()) != want {
		t.Errorf("it was trained %s, want %s", m.Training(), want)
	}
	if want := goldenModel(t).FitHash(); m.FitHash() != want {
		t.Errorf("the fit hash is %s, want %s", m.FitHash(), want)
	}
	if shoal.FileVersion != 1 {
		return
	}
	old, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, written(t, goldenModel(t))) {
		t.Error("the same model is written as other bytes: a change of the format is a new FileVersion, with a golden file of its own")
	}
}

func TestAModelIsReadAsWritten(t *testing.T) {
	tab := mixed(200)
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			b := written(t, m)
			if !bytes.Equal(b, written(t, m)) {
				t.Error("the second writing gave other bytes")
			}
			again, err := read(b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, written(t, again)) {
				t.Error("what was read is written as other bytes")
			}
			if m.FitHash() != again.FitHash() {
				t.Errorf("the fit hash was %s and is %s", m.FitHash(), again.FitHash())
			}
			want, err := m.Predict(tab)
			if err != nil {
				t.Fatal(err)
			}
			got, err := again.Predict(tab)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("predictions differ (-written +read):\n%s", diff)
			}
			if diff := cmp.Diff(m.Columns(), again.Columns()); diff != "" {
				t.Errorf("columns differ (-written +read):\n%s", diff)
			}
			if diff := cmp.Diff(m.Targets(), again.Targets()); diff != "" {
				t.Errorf("targets differ (-written +read):\n%s", diff)
			}
		})
	}
}

func TestSaveReplacesAFileOrLeavesIt(t *testing.T) {
	m := byHand(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, []byte("an old model"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := shoal.Open(path); err != nil {
		t.Error(err)
	}
	if err := m.Save(filepath.Join(dir, "no such folder", "model.onnx")); err == nil || !strings.Contains(err.Error(), "shoal: saving the model to ") {
		t.Errorf("into a folder that isn't there: %v", err)
	}
	if err := m.Save(dir); err == nil {
		t.Error("over a folder: no error")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("there are the files %v (%v), want the model alone", files, err)
	}
}

type fullDisk struct{ left int }

var errFull = errors.New("the disk is full")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrorsAreReturned(t *testing.T) {
	m := byHand(t)
	for left := range len(written(t, m)) {
		if err := m.Write(&fullDisk{left}); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d bytes: %v", left, err)
		}
	}
}

func TestOpenRefusesWhatIsNoModel(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "file.onnx")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other := string(onnx.Encode(&onnx.Model{IRVersion: 8, Producer: "pytorch", ProducerVersion: "2.1.0"}))
	for _, c := range []struct {
		name, path string
		model      bool // whether it is a model at all
		want       string
	}{
		{"no file", filepath.Join(dir, "none.onnx"), true, "opening the model"},
		{"a folder", dir, false, "it is no regular file"},
		{"an empty file", file(""), false, "it is empty"},
	} {
		_, err := shoal.Open(c.path)
		checkRefusal(t, c.name, err, c.model, c.want)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a table", "area,town\n120,Delft\n", "not a model of Shoal's"},
		{"protocol buffers without a graph", "\x08\x08\x12\x07pytorch\x1a\x052.1.0", "not an ONNX model: it has no graph"},
		{"an ONNX model of another tool", other, "an ONNX model of another program that can't be read (pytorch 2.1.0): the graph has no input"},
	} {
		_, err := shoal.Open(file(c.text))
		checkRefusal(t, c.name, err, false, c.want)
		if err != nil && !strings.Contains(err.Error(), "file.onnx") {
			t.Errorf("%s: the error names no file: %v", c.name, err)
		}
	}
}

func checkRefusal(t *testing.T, name string, err error, model bool, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "shoal: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got the error %v, want one with %q", name, err, want)
	}
	if errors.Is(err, shoal.ErrNotAModel) == model {
		t.Errorf("%s: %v: is it ErrNotAModel? %v", name, err, !model)
	}
}

// edited returns the golden file with a piece of its schema replaced, and then
// changed.
func edited(t testing.TB, from, to string, change func(m *onnx.Model)) []byte {
	t.Helper()
	old, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(old)
	if err != nil {
		t.Fatal(err)
	}
	text := property(t, m, "shoal.schema")
	if !strings.Contains(*text, from) {
		t.Fatalf("the schema has no %s: %s", from, *text)
	}
	*text = strings.Replace(*text, from, to, 1)
	if change != nil {
		change(m)
	}
	return onnx.Encode(m)
}

func property(t testing.TB, m *onnx.Model, key string) *string {
	t.Helper()
	for i := range m.Metadata {
		if m.Metadata[i].Key == key {
			return &m.Metadata[i].Value
		}
	}
	t.Fatalf("the file has no property %s", key)
	return nil
}

// A file may say anything about itself. Whatever doesn't fit is refused by what
// is wrong; what package mixture checks is in its tests.
func TestAFileThatLiesIsRefused(t *testing.T) {
	tensor := func(name string, change func(x *onnx.Tensor)) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			for i := range m.Graph.Initializers {
				if m.Graph.Initializers[i].Name == name {
					change(&m.Graph.Initializers[i])
					return
				}
			}
			t.Fatalf("the file has no initialiser %s", name)
		}
	}
	version := func(v string) func(m *onnx.Model) {
		return func(m *onnx.Model) { *property(t, m, "shoal.version") = v }
	}
	for _, c := range []struct {
		name, from, to string
		change         func(m *onnx.Model)
		want           string
	}{
		{"a later version", ``, ``, version("2"), "it is a model file of version 2; this program reads up to version 1: a newer one is needed"},
		{"version 0", ``, ``, version("0"), `there is no version "0"`},
		{"no number of a version", ``, ``, version("one"), `there is no version "one"`},
		{"no JSON", `{`, `[`, nil, "the model is damaged: shoal.schema: "},
		{"a number too large", `"sd":50`, `"sd":1e99`, nil, "the model is damaged: shoal.schema: "},
		{"an unknown kind", `"kind":"boolean"`, `"kind":"colour"`, nil, `there is no kind "colour"`},
		{"an unknown task", `"task":"classification"`, `"task":"clustering"`, nil, `the model is damaged: task "clustering" is neither`},
		{"another task", `"task":"classification"`, `"task":"regression"`, nil, "a regression's answer is a number"},
		{"levels not sorted", `"Delft","Gouda"`, `"Gouda","Delft"`, nil, `view 1: prep: column "town": level "Delft" stands after "Gouda"`},
		{"a level too few", `"Delft","Gouda"`, `"Delft"`, nil, "6 inputs and 3 outputs for 5 features"},
		{"a standard deviation of 0", `"sd":50`, `"sd":0`, nil, `column "area": its standard deviation is 0`},
		{"a column twice", `"name":"sold"`, `"name":"area"`, nil, `two columns are called "area"`},
		{"a class too few", `"flat","house"`, `"flat"`, nil, "view 1: network 1: 6 inputs and 3 outputs for 6 features and 1 outputs"},
		{"a class twice", `"flat","house"`, `"flat","flat"`, nil, `the class "flat" is empty or stands twice`},
		{"an unknown activation", `"activation":"tanh"`, `"activation":"exec"`, nil, `view 1, network 1: nn: there is no activation "exec"`},
		{"softmax in a hidden layer", `"activation":"tanh"`, `"activation":"softmax"`, nil, "softmax belongs to the output layer"},
		{"α NaN", `"leaky_relu:0.2"`, `"leaky_relu:NaN"`, nil, `"NaN" is not a number`},
		{"dropout of all", `"dropout":0.25`, `"dropout":1`, nil, "dropout 1 is outside"},
		{"a billion units", `"units":5`, `"units":1000000000`, nil, "layer 1: 1000000000 units over 6 inputs: the file has no room for so many parameters"},
		{"units below 0", `"units":5`, `"units":-5`, nil, "-5 units over 6 inputs"},
		{"a billion inputs", `"inputs":6`, `"inputs":1000000000`, nil, "5 units over 1000000000 inputs"},
		{"no layers", `"layers":[`, `"layers":[],"none":[`, nil, "a network needs at least one layer"},
		{"no networks", `"networks":[`, `"networks":[],"none":[`, nil, "view 1: it has no network"},
		{"no views", `"views":[`, `"views":[],"none":[`, nil, "no view"},
		{"no features", `"features":{`, `"none":{`, nil, "view 1: it has no features"},
		{"weights of more than 1", `"weight":0.625`, `"weight":1`, nil, "the views' weights add up to 1.375"},
		{"a temperature of 0", `"temperature":1.5`, `"temperature":0`, nil, "view 1: its temperature 0"},
		{"another mean than the graph's", `"mean":100`, `"mean":101`, nil, `initialiser "view1/mean" has other values than the schema`},
		{"other levels than the graph's", `"Delft","Gouda"`, `"Delft","Ghent"`, nil, "its graph is not the one that its schema describes: another program changed it"},
		{"another activation than the graph's", `"activation":"tanh"`, `"activation":"sigmoid"`, nil, "its graph is not the one that its schema describes"},
		{"another opset", ``, ``, func(m *onnx.Model) { m.Opsets[0].Version = 17 }, "its graph is not the one that its schema describes"},
		{"a weight that is NaN", ``, ``, tensor("view1/network2/W1", func(x *onnx.Tensor) { x.Floats[7] = float32(math.NaN()) }), "view 1: network 2: layer 1: W[1, 1] is NaN"},
		{"an infinite bias", ``, ``, tensor("view2/b3", func(x *onnx.Tensor) { x.Floats[1] = float32(math.Inf(1)) }), "view 2: network 1: layer 3: b[1] is +Inf"},
		{"a weight that was changed", ``, ``, tensor("view2/b3", func(x *onnx.Tensor) { x.Floats[1]++ }), "its weights have the fit hash"},
		{"weights of another shape", ``, ``, tensor("view1/network1/W1", func(x *onnx.Tensor) { x.Dims = []int64{6, 5} }), `initialiser "view1/network1/W1" is float [6 5]; the schema asks for "view1/network1/W1" there, float [5 6]`},
		{"weights of another type", ``, ``, tensor("view1/network1/b1", func(x *onnx.Tensor) { x.Type, x.Floats, x.Doubles = onnx.Double, nil, make([]float64, 5) }), `initialiser "view1/network1/b1" is double [5]`},
		{"a tensor of another name", ``, ``, tensor("view2/b3", func(x *onnx.Tensor) { x.Name = "c" }), `the schema asks for "view2/b3" there`},
		{"a bias in half precision", ``, ``, tensor("view1/network1/b1", func(x *onnx.Tensor) { x.Type = onnx.Float16 }), `initialiser "view1/network1/b1" is float16 [5]`},
		{"weights in another file", ``, ``, tensor("view1/network1/b1", func(x *onnx.Tensor) { x.Floats, x.External = nil, &onnx.External{Location: "w.bin"} }), `initialiser "view1/network1/b1" lies in another file`},
		{"a report that is null", ``, ``, func(m *onnx.Model) { *property(t, m, "shoal.training") = "null" }, "shoal.training is null"},
		{"an attribute too many", ``, ``, func(m *onnx.Model) {
			n := &m.Graph.Nodes[0]
			n.Attributes = append(n.Attributes, onnx.Attribute{Name: "axis", Type: onnx.AttributeInt, Int: 1})
		}, "its graph is not the one that its schema describes"},
		{"a tensor too many", ``, ``, func(m *onnx.Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: "payload", Type: onnx.Float, Dims: []int64{1}, Floats: []float32{1}})
		}, "and the schema asks for "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(edited(t, c.from, c.to, c.change))
			if err == nil || !strings.HasPrefix(err.Error(), "shoal: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
			if errors.Is(err, shoal.ErrNotAModel) {
				t.Errorf("%v is a model, though a bad one", err)
			}
		})
	}
}

// A name of the program, or a comment, says nothing of the answers.
func TestNotesOnAFileDoNoHarm(t *testing.T) {
	_, err := read(edited(t, "", "", func(m *onnx.Model) { m.Doc, m.Producer, m.Graph.Name = "the best one", "an editor", "houses" }))
	if err != nil {
		t.Error(err)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	b := written(t, goldenModel(t))
	for n := range b {
		if _, err := read(b[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were read as a model", n, len(b))
		}
		// A stream that ends before its size is reached.
		if _, err := shoal.Read(bytes.NewReader(b[:n]), int64(len(b))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the first %d of %d bytes, said to be all: %v", n, len(b), err)
		}
	}
	if _, err := read(append(b, 0)); err == nil {
		t.Error("a byte too many was read as a model")
	}
}

// use asks a model that was read from anything.
func use(t testing.TB, m *shoal.Model) {
	t.Helper()
	row := m.Row()
	for _, c := range m.Columns() {
		if c.Kind == table.Category {
			row.Text(c.Name, c.Levels[0])
		} else {
			row.Number(c.Name, 1)
		}
	}
	row.Answer()
	if err := row.Err(); err != nil && !strings.Contains(err.Error(), "far from all that the model was trained on") {
		t.Errorf("a model was read, and gives no answer: %v", err)
	}
	b := written(t, m)
	if _, err := read(b); err != nil {
		t.Errorf("a model was read, written and can't be read again: %v", err)
	}
}

// Whatever the bytes, no panic, and memory in proportion to them.
func TestMutationsAreHarmless(t *testing.T) {
	b := written(t, goldenModel(t))
	random := rand.New(rand.NewPCG(1, 1))
	rounds := 4000
	if testing.Short() {
		rounds = 500
	}
	var before, after runtime.MemStats
	models := 0
	for range rounds {
		c := mutated(random, b)
		runtime.ReadMemStats(&before)
		m, err := read(c)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+64*uint64(len(c)) {
			t.Fatalf("reading %d bytes took %d: %q", len(c), used, c)
		}
		if err == nil {
			use(t, m)
			models++
		}
	}
	t.Logf("%d of %d were models still", models, rounds)
}

func FuzzRead(f *testing.F) {
	b := written(f, goldenModel(f))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add(edited(f, `"units":5`, `"units":500000000`, nil))
	f.Add(edited(f, `"Delft","Gouda"`, `"Gouda","Delft"`, nil))
	foreign, err := filepath.Glob("onnx/testdata/models/*.onnx")
	if err != nil || len(foreign) == 0 {
		f.Fatal("no models of other programs", err)
	}
	for _, path := range foreign {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := read(b); err == nil {
			use(t, m)
		}
	})
}
