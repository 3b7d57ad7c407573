package shoal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/onnx"
)

// The most that reading a small file may take, whatever it says.
const (
	longest = 50 * time.Millisecond
	largest = 64 << 20
)

// readQuickly reads a file's bytes within the limits.
func readQuickly(t *testing.T, b []byte) (*shoal.Model, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	m, err := read(b)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > largest {
		t.Fatalf("reading %d bytes allocated %d", len(b), used)
	}
	if took > longest {
		// A neighbour on the machine may have been it: the best of three counts.
		for range 2 {
			start = time.Now()
			read(b)
			took = min(took, time.Since(start))
		}
		if took > longest {
			t.Fatalf("reading %d bytes took %v", len(b), took)
		}
	}
	return m, err
}

// mutated is a file with up to four places changed: a bit, a byte, a digit, bytes
// taken away or copied from elsewhere.
func mutated(random *rand.Rand, b []byte) []byte {
	c := bytes.Clone(b)
	for range 1 + random.IntN(4) {
		if len(c) == 0 {
			break
		}
		i, j := random.IntN(len(c)), random.IntN(len(c))
		switch random.IntN(5) {
		case 0:
			c[i] ^= 1 << random.IntN(8)
		case 1:
			c[i] = byte(random.Uint32())
		case 2: // a digit, where sizes are
			for ; i < len(c) && (c[i] < '0' || c[i] > '9'); i++ {
			}
			if i < len(c) {
				c[i] = '0' + byte(random.IntN(10))
			}
		case 3:
			c = append(c[:i], c[min(len(c), i+random.IntN(9)):]...)
		case 4:
			copy(c[i:], c[j:min(len(c), j+random.IntN(60))])
		}
	}
	return c
}

// Whatever becomes of a file, it is an error or a model that answers.
func TestBrokenModelsOfOtherProgramsAreErrors(t *testing.T) {
	mutations := 4000
	if testing.Short() {
		mutations = 300
	}
	for _, name := range []string{"torch_gelu_script", "torch_softmax_dynamo", "sklearn_columns_hot", "sklearn_columns_ordinal", "sklearn_pipeline_impute"} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile("onnx/testdata/models/" + name + ".onnx")
			if err != nil {
				t.Fatal(err)
			}
			for n := range b {
				if m, err := readQuickly(t, b[:n]); err == nil {
					use(t, m)
				}
			}
			random := rand.New(rand.NewPCG(1, 1))
			models := 0
			for range mutations {
				if m, err := readQuickly(t, mutated(random, b)); err == nil {
					use(t, m)
					models++
				}
			}
			t.Logf("%d of %d were models still", models, mutations)
		})
	}
}

// small is a network of another program: y = Relu(x·w), with nodes of one's own.
func small(nodes ...onnx.Node) *onnx.Model {
	shape := func(columns int64) []onnx.Dim { return []onnx.Dim{{Name: "N"}, {Size: columns}} }
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 18}}, Graph: onnx.Graph{
		Nodes:        nodes,
		Initializers: []onnx.Tensor{{Name: "w", Type: onnx.Float, Dims: []int64{2, 3}, Floats: []float32{1, 2, 3, 4, 5, 6}}, {Name: "two", Type: onnx.Float, Floats: []float32{2}}},
		Inputs:       []onnx.Value{{Name: "x", Type: onnx.Float, Shape: shape(2)}},
		Outputs:      []onnx.Value{{Name: "y", Type: onnx.Float, Shape: shape(3)}},
	}}
}

func op(name string, output string, inputs ...string) onnx.Node {
	return onnx.Node{Op: name, Inputs: inputs, Outputs: []string{output}}
}

func TestWhatIsNotUnderstoodIsNamed(t *testing.T) {
	doubling := []onnx.Node{op("Concat", "c0", "x", "x")}
	for i := range 40 {
		last := doubling[i].Outputs[0]
		doubling = append(doubling, op("Concat", fmt.Sprint("c", i+1), last, last))
	}
	product := []onnx.Node{op("MatMul", "z0", "x", "w")}
	for i := range 3000 {
		last := product[i].Outputs[0]
		product = append(product, op("Mul", fmt.Sprint("m", i), last, "three"))
	}
	product = append(product, op("Identity", "y", product[3000].Outputs[0]))
	long := small(product...)
	long.Graph.Initializers = append(long.Graph.Initializers, onnx.Tensor{Name: "three", Type: onnx.Float, Dims: []int64{3}, Floats: []float32{1, -1, 1}})
	for _, c := range []struct {
		name  string
		model *onnx.Model
		want  string
	}{
		{"right", small(op("MatMul", "z", "x", "w"), op("Relu", "y", "z")), ""},
		{"an operator", small(op("Conv", "y", "x", "w")), `node 1, Conv: the operator isn't supported; these are: Add, `},
		{"an operator of a domain", small(onnx.Node{Op: "Fast", Domain: "com.acme", Name: "f", Inputs: []string{"x"}, Outputs: []string{"y"}}), `node 1, com.acme.Fast "f": the operator isn't supported`},
		{"a cycle", small(op("Add", "a", "b", "two"), op("Add", "b", "a", "two"), op("MatMul", "y", "b", "w")), `node 1, Add: it uses "b", which nothing before it makes`},
		{"itself", small(op("Relu", "y", "y")), `node 1, Relu: it uses "y", which nothing before it makes`},
		{"a name made twice", small(op("MatMul", "y", "x", "w"), op("Relu", "y", "y")), `node 2, Relu: "y" is made twice`},
		{"no output", small(op("MatMul", "z", "x", "w")), `no node makes the output "y"`},
		{"the input as the output", small(op("Identity", "y", "x")), `the output "y" is no network's answer`},
		{"shapes that don't fit", small(op("MatMul", "z", "x", "w"), op("MatMul", "y", "z", "w")), "node 2, MatMul: the weights take 2 inputs, and there are 3"},
		{"two networks", small(op("MatMul", "z", "x", "w"), op("Add", "y", "z", "z")), "node 2, Add: one operand must be a constant"},
		{"weights that are computed", small(op("MatMul", "y", "x", "x")), "node 1, MatMul: the weights must be a constant matrix"},
		{"a function of a function", small(op("MatMul", "z", "x", "w"), op("Tanh", "a", "z"), op("Erf", "y", "a")), "Erf of another function of Z is no activation that is known"},
		{"fractions cut off", small(onnx.Node{Op: "Cast", Inputs: []string{"x"}, Outputs: []string{"i"}, Attributes: []onnx.Attribute{{Name: "to", Type: onnx.AttributeInt, Int: int64(onnx.Int64)}}}, op("MatMul", "y", "i", "w")), "columns and layers' values can't become int64"},
		{"ReLU of columns", small(op("Relu", "a", "x"), op("MatMul", "y", "a", "w")), "node 1, Relu: it is understood of layers' values alone"},
		{"an operand left out", small(op("MatMul", "y", "x", "")), "node 1, MatMul: it has fewer than 2 inputs"},
		{"columns that double", small(append(doubling, op("MatMul", "y", doubling[40].Outputs[0], "w"))...), "Concat: the graph asks for more memory than its size allows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := readQuickly(t, onnx.Encode(c.model))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "":
				use(t, m)
			case !errors.Is(err, shoal.ErrNotAModel) || !strings.Contains(err.Error(), c.want):
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := readQuickly(t, onnx.Encode(long)); err != nil && !strings.Contains(err.Error(), "more memory than its size allows") {
		t.Error(err)
	}
}

// Two bytes each, a million times: what is empty is refused, and not kept.
func TestEmptyPartsTakeNoMemory(t *testing.T) {
	empty := func(number byte) []byte { return bytes.Repeat([]byte{number<<3 | 2, 0}, 1<<20) }
	graph := func(b []byte) []byte {
		n := len(b)
		return append([]byte{7<<3 | 2, byte(n) | 0x80, byte(n>>7) | 0x80, byte(n>>14) | 0x80, byte(n >> 21)}, b...)
	}
	for _, part := range []byte{1, 5, 11, 12} { // nodes, initialisers, inputs, outputs
		if _, err := readQuickly(t, graph(empty(part))); err == nil {
			t.Errorf("a million empty fields %d were read", part)
		}
	}
	node := empty(5) // attributes
	n := len(node)
	node = append([]byte{1<<3 | 2, byte(n) | 0x80, byte(n>>7) | 0x80, byte(n>>14) | 0x80, byte(n >> 21)}, node...)
	if _, err := readQuickly(t, graph(node)); err == nil {
		t.Error("a million empty attributes were read")
	}
}

// Tensors may lie in a file beside the model, and nowhere else.
func TestExternalDataStaysInTheModelsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	dir := t.TempDir()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	weights := make([]byte, 24)
	for _, path := range []string{filepath.Join(dir, "secret.bin"), filepath.Join(inside, "w.bin"), filepath.Join(inside, "short.bin")} {
		if err := os.WriteFile(path, weights, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(inside, "short.bin"), 20); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link.bin": "../secret.bin", "near.bin": "w.bin", "folder": ".."} {
		if err := os.Symlink(to, filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		location       string
		offset, length int64
		want           string
	}{
		{"w.bin", 0, 24, ""},
		{"w.bin", 0, -1, ""},
		{"w.bin", 8, 24, "it has 24 bytes; 24 from byte 8 on are asked for"},
		{"w.bin", 1 << 62, 24, "from byte 4611686018427387904 on"},
		{"w.bin", 0, 1 << 40, "1099511627776 bytes for float [2 3]"},
		{"short.bin", 0, 24, "it has 20 bytes"},
		{"none.bin", 0, 24, "no such file"},
		{"../secret.bin", 0, 24, "it must be a file of the model's own folder"},
		{filepath.Join(dir, "secret.bin"), 0, 24, "it must be a file of the model's own folder"},
		{`..\secret.bin`, 0, 24, "it must be a file of the model's own folder"},
		{"link.bin", 0, 24, "it is no regular file"},
		{"near.bin", 0, 24, "it is no regular file"},
		{"folder/secret.bin", 0, 24, "a part of its path is no folder"},
		{".", 0, 24, "it is no regular file"},
	} {
		t.Run(c.location, func(t *testing.T) {
			model := small(op("MatMul", "y", "x", "w"))
			w := &model.Graph.Initializers[0]
			w.Floats, w.External = nil, &onnx.External{Location: c.location, Offset: c.offset, Length: c.length}
			path := filepath.Join(inside, "model.onnx")
			if err := os.WriteFile(path, onnx.Encode(model), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := shoal.Open(path)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
			if _, err := read(onnx.Encode(model)); err == nil || !strings.Contains(err.Error(), "there is no folder to look in") {
				t.Errorf("without a folder: %v", err)
			}
		})
	}
}
