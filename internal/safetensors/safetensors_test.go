package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// written returns f's bytes.
func written(tb testing.TB, f *File) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := Write(&b, f); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// fromBytes reads the file that b is.
func fromBytes(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

// with returns a file of that header, which needs no padding, and size bytes
// of data.
func with(header string, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, size)...)
}

func TestAFileIsTheseBytes(t *testing.T) {
	f := &File{
		Tensors: []Tensor{
			{Name: "b", Shape: []int{1}, F32: []float32{1}},
			{Name: "a", Shape: []int{1, 2}, F32: []float32{-2, 0.5}},
			{Name: "z", Shape: []int{}, F64: []float64{math.Pi}},
		},
		Metadata: map[string]string{"k2": "<&>", "k1": "é"},
	}
	want := "\xd0\x00\x00\x00\x00\x00\x00\x00" +
		`{"__metadata__":{"k1":"é","k2":"<&>"},` +
		`"z":{"dtype":"F64","shape":[],"data_offsets":[0,8]},` +
		`"a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},` +
		`"b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}` + "      " +
		"\x18\x2d\x44\x54\xfb\x21\x09\x40" + "\x00\x00\x00\xc0\x00\x00\x00\x3f" + "\x00\x00\x80\x3f"
	if diff := cmp.Diff(want, string(written(t, f))); diff != "" {
		t.Errorf("bytes differ (-want +got):\n%s", diff)
	}
	if got, want := string(written(t, &File{})), "\x08\x00\x00\x00\x00\x00\x00\x00{}      "; got != want {
		t.Errorf("the empty file is %q, want %q", got, want)
	}
}

// file draws a file with tensors of both types, empty ones among them, and
// with every bit pattern as a value.
func file(t *rapid.T) *File {
	f := &File{}
	for _, name := range rapid.SliceOfNDistinct(rapid.String(), 0, 5, rapid.ID[string]).Draw(t, "names") {
		tensor := Tensor{Name: name, Shape: rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")}
		n, err := values(tensor.Shape)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "double") {
			tensor.F64 = make([]float64, n)
			for i := range n {
				tensor.F64[i] = math.Float64frombits(rapid.Uint64().Draw(t, "value"))
			}
		} else {
			tensor.F32 = make([]float32, n)
			for i := range n {
				tensor.F32[i] = math.Float32frombits(rapid.Uint32().Draw(t, "value"))
			}
		}
		f.Tensors = append(f.Tensors, tensor)
	}
	if m := rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "metadata"); len(m) > 0 {
		f.Metadata = m
	}
	return f
}

// same compares files: the order of tensors doesn't count, a value's bits do.
var same = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name }),
	cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := file(t)
		var b bytes.Buffer
		if err := Write(&b, f); err != nil {
			t.Fatal(err)
		}
		got, err := Read(iotest.OneByteReader(bytes.NewReader(b.Bytes())), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f, got, same); diff != "" {
			t.Fatalf("files differ (-written +read):\n%s", diff)
		}
		for _, tensor := range f.Tensors {
			if _, ok := got.Tensor(tensor.Name); !ok {
				t.Fatalf("Tensor does not find %q", tensor.Name)
			}
		}
		if _, ok := got.Tensor("no such name, " + t.Name()); ok {
			t.Fatal("Tensor finds a tensor that isn't there")
		}
	})
}

func TestTheOrderOfTensorsDoesNotChangeTheBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := file(t)
		turned := &File{Metadata: f.Metadata, Tensors: rapid.Permutation(f.Tensors).Draw(t, "turned")}
		var a, b bytes.Buffer
		if err := errors.Join(Write(&a, f), Write(&b, turned)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("%q\nand\n%q", a.Bytes(), b.Bytes())
		}
	})
}

func TestALargeTensorIsReadAsWritten(t *testing.T) {
	f := &File{Tensors: []Tensor{
		{Name: "double", Shape: []int{3, chunk}, F64: make([]float64, 3*chunk)},
		{Name: "single", Shape: []int{chunk + 1}, F32: make([]float32, chunk+1)},
	}}
	for i := range f.Tensors[0].F64 {
		f.Tensors[0].F64[i] = float64(i)
	}
	for i := range f.Tensors[1].F32 {
		f.Tensors[1].F32[i] = float32(-i)
	}
	got, err := fromBytes(written(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Tensors[0].F64, f.Tensors[0].F64) || !slices.Equal(got.Tensors[1].F32, f.Tensors[1].F32) {
		t.Error("the values differ")
	}
}

// reference is what make_files.py says is in its files: the element of index
// i of the n-th tensor is n + i/4.
var reference = map[string]*File{
	"network": {
		Tensors: []Tensor{
			{Name: "W1", Shape: []int{4, 2}, F32: []float32{0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75}},
			{Name: "W2", Shape: []int{1, 4}, F32: []float32{1, 1.25, 1.5, 1.75}},
			{Name: "b1", Shape: []int{4, 1}, F32: []float32{2, 2.25, 2.5, 2.75}},
			{Name: "b2", Shape: []int{1, 1}, F32: []float32{3}},
		},
		Metadata: map[string]string{"seed": "7"},
	},
	"mixed": {
		Tensors: []Tensor{
			{Name: "b", Shape: []int{2, 2}, F64: []float64{1, 1.25, 1.5, 1.75}},
			{Name: "d", Shape: []int{5}, F64: []float64{3, 3.25, 3.5, 3.75, 4}},
			{Name: "a", Shape: []int{3}, F32: []float32{0, 0.25, 0.5}},
			{Name: "c", Shape: []int{1}, F32: []float32{2}},
		},
	},
	"scalar_and_empty": {
		Tensors: []Tensor{
			{Name: "nothing", Shape: []int{2, 0}, F64: []float64{}},
			{Name: "scalar", Shape: []int{}, F64: []float64{2}},
			{Name: "none", Shape: []int{0, 3}, F32: []float32{}},
		},
	},
	"names": {
		Tensors: []Tensor{
			{Name: "", Shape: []int{1}, F32: []float32{0}},
			{Name: "größe/ß", Shape: []int{2}, F32: []float32{1, 1.25}},
			{Name: "line\nbreak", Shape: []int{1}, F32: []float32{2}},
			{Name: "quote \" and \\", Shape: []int{1}, F32: []float32{3}},
		},
		Metadata: map[string]string{"ключ": "значение \t\" \\ </>&"},
	},
	"no_tensors": {Tensors: []Tensor{}, Metadata: map[string]string{"only": "metadata"}},
}

func TestFilesOfTheReferenceImplementation(t *testing.T) {
	for name, want := range reference {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := fromBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what is read differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(b), string(written(t, want))); diff != "" {
				t.Errorf("what is written differs (-reference +ours):\n%s", diff)
			}
		})
	}
}

func TestOtherTypesAreRefusedByName(t *testing.T) {
	for name, want := range map[string]string{
		"half":     `safetensors: header: tensor "h": its values have the type "F16"; only F32 and F64 are read`,
		"integers": `safetensors: header: tensor "i": its values have the type "I64"; only F32 and F64 are read`,
	} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fromBytes(b); err == nil || err.Error() != want {
			t.Errorf("%s: error %v\nwant %s", name, err, want)
		}
	}
}

// The test makes a virtual environment, which needs Python and a package index.
func TestTheReferenceImplementationReadsOurs(t *testing.T) {
	if os.Getenv("SHOAL_SOAK") == "" {
		t.Skip("installs Python packages; set SHOAL_SOAK=1")
	}
	venv := t.TempDir()
	python := filepath.Join(venv, "bin", "python")
	if runtime.GOOS == "windows" {
		python = filepath.Join(venv, "Scripts", "python.exe")
	}
	run := func(name string, args ...string) []byte {
		t.Helper()
		var stderr strings.Builder
		c := exec.Command(name, args...)
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", c, err, stderr.String())
		}
		return out
	}
	run("python3", "-m", "venv", venv)
	run(python, "-m", "pip", "install", "--quiet", "safetensors==0.8.0", "numpy==2.4.6")

	script := filepath.Join("testdata", "make_files.py")
	path := filepath.Join(t.TempDir(), "ours.safetensors")
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		if files++; files > 30 { // each starts Python
			return
		}
		f := file(t)
		var b bytes.Buffer
		if err := Write(&b, f); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Metadata map[string]string
			Tensors  map[string]struct {
				Dtype string
				Shape []int
				Hex   string
			}
		}
		if err := json.Unmarshal(run(python, script, "--check", path), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f.Metadata, got.Metadata, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("metadata differs (-ours +theirs):\n%s", diff)
		}
		if len(got.Tensors) != len(f.Tensors) {
			t.Fatalf("they find %d tensors, we wrote %d", len(got.Tensors), len(f.Tensors))
		}
		for _, want := range f.Tensors {
			var values bytes.Buffer
			if err := writeValues(&values, &want, nil); err != nil {
				t.Fatal(err)
			}
			dtype := map[dtype]string{f32: "float32", f64: "float64"}[want.dtype()]
			g := got.Tensors[want.Name]
			if g.Dtype != dtype || !cmp.Equal(g.Shape, want.Shape, cmpopts.EquateEmpty()) || g.Hex != hex.EncodeToString(values.Bytes()) {
				t.Fatalf("tensor %q: they read %+v, we wrote %+v", want.Name, g, want)
			}
		}
	})
}

// oneTensor returns the header of a file with one tensor.
func oneTensor(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
}

// wrong is files that Read refuses, and a part of what it says.
var wrong = []struct {
	name string
	file []byte
	want string
}{
	{"nothing", nil, "length: the file has 0 bytes"},
	{"no header", with("", 0), "header: it does not begin with {"},
	{"not JSON", with("{]", 0), "header: it is not one JSON object"},
	{"two objects", with("{}{}", 0), "header: it is not one JSON object"},
	{"an array", with("[]", 0), "header: it does not begin with {"},
	{"space in front", with(" {}", 0), "header: it does not begin with {"},
	{"not UTF-8", with("{\"\xff\":{}}", 0), "header: it is not UTF-8"},
	{"the header longer than the file", append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...), "length: a header of 100 bytes in a file of 10"},
	{"the header longer than allowed", binary.LittleEndian.AppendUint64(nil, MaxHeader+1), "length: a header of 16777217 bytes; at most 16777216"},
	{"the header's length negative", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "length: a header of 18446744073709551615 bytes"},
	{"a CSV file", []byte("area,town,price\n120,Delft,350000\n"), "length: a header of"},
	{"a tensor that is no object", with(`{"w":3}`, 0), `tensor "w": 3 stands where an object should`},
	{"a tensor twice", with(`{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4), `header: the key "w" stands twice`},
	{"metadata twice", with(`{"__metadata__":{},"__metadata__":{}}`, 0), `header: the key "__metadata__" stands twice`},
	{"metadata key twice", with(`{"__metadata__":{"a":"","\u0061":""}}`, 0), `header: metadata: the key "a" stands twice`},
	{"metadata with a number", with(`{"__metadata__":{"epoch":3}}`, 0), `header: metadata: key "epoch": 3 is not a string`},
	{"metadata null", with(`{"__metadata__":null}`, 0), `header: metadata: <nil> stands where an object should`},
	{"dtype twice", with(`{"w":{"dtype":"F32","dtype":"F64"}}`, 0), `tensor "w": the key "dtype" stands twice`},
	{"dtype in capitals", with(`{"w":{"DTYPE":"F32"}}`, 0), `tensor "w": there is no key "DTYPE"`},
	{"dtype a number", with(`{"w":{"dtype":32}}`, 0), `tensor "w": dtype: 32 is not a string`},
	{"no dtype", with(`{"w":{"shape":[],"data_offsets":[0,4]}}`, 4), `tensor "w": dtype is missing`},
	{"no shape", with(`{"w":{"dtype":"F32","data_offsets":[0,4]}}`, 4), `tensor "w": shape is missing`},
	{"no offsets", with(`{"w":{"dtype":"F32","shape":[]}}`, 4), `tensor "w": data_offsets is missing`},
	{"bfloat16", with(oneTensor("BF16", "[1]", "[0,2]"), 2), `tensor "w": its values have the type "BF16"`},
	{"a lower-case type", with(oneTensor("f32", "[1]", "[0,4]"), 4), `tensor "w": its values have the type "f32"`},
	{"shape null", with(oneTensor("F32", "null", "[0,4]"), 4), `shape: <nil> stands where an array should`},
	{"shape negative", with(oneTensor("F32", "[-1]", "[0,4]"), 4), `shape: -1 is not a whole number`},
	{"shape a fraction", with(oneTensor("F32", "[1.0]", "[0,4]"), 4), `shape: 1.0 is not a whole number`},
	{"shape nested", with(oneTensor("F32", "[[1]]", "[0,4]"), 4), `shape: [ is not a number`},
	{"shape of text", with(oneTensor("F32", `["1"]`, "[0,4]"), 4), `shape: 1 is not a number`},
	{"shape above an int", with(oneTensor("F32", "[18446744073709551615]", "[0,4]"), 4), `larger than any memory`},
	{"shape above 64 bits", with(oneTensor("F32", "[18446744073709551616]", "[0,4]"), 4), `is not a whole number below`},
	{"shape overflows", with(oneTensor("F32", "[4294967296,4294967296]", "[0,0]"), 0), `more values than any memory`},
	{"shape's bytes overflow", with(oneTensor("F64", "[2305843009213693952]", "[0,0]"), 0), `tensor "w": its shape`},
	{"too many dimensions", with(oneTensor("F32", "["+strings.Repeat("1,", MaxDims)+"1]", "[0,4]"), 4), `shape: more than 32 numbers`},
	{"one offset", with(oneTensor("F32", "[1]", "[4]"), 4), `data_offsets: 1 numbers; there must be 2`},
	{"three offsets", with(oneTensor("F32", "[1]", "[0,4,8]"), 4), `data_offsets: more than 2 numbers`},
	{"offsets backwards", with(oneTensor("F32", "[1]", "[4,0]"), 4), `tensor "w": its data_offsets [4, 0] run backwards`},
	{"shape and offsets differ", with(oneTensor("F32", "[2,3]", "[0,20]"), 20), `its shape [2 3] of F32 needs 24 bytes; its data_offsets [0, 20] hold 20`},
	{"a hole in front", with(oneTensor("F32", "[1]", "[4,8]"), 8), `tensor "w": its data begins at byte 4; the data before it ends at 0`},
	{"a hole", with(`{"v":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}`, 12), `tensor "w": its data begins at byte 8; the data before it ends at 4`},
	{"an overlap", with(`{"v":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}`, 8), `tensor "w": its data begins at byte 4; the data before it ends at 8`},
	{"the same data twice", with(`{"v":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4), `tensor "w": its data begins at byte 0; the data before it ends at 4`},
	{"an empty tensor in another", with(`{"v":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`, 8), `tensor "w": its data begins at byte 4; the data before it ends at 8`},
	{"too much data", with(oneTensor("F32", "[1]", "[0,4]"), 5), `data: the file has 5 bytes of it; the header's tensors need 4`},
	{"too little data", with(oneTensor("F32", "[1000000000000]", "[0,4000000000000]"), 4), `data: the file has 4 bytes of it; the header's tensors need 4000000000000`},
}

func TestWrongFilesAreNotRead(t *testing.T) {
	for _, c := range wrong {
		t.Run(c.name, func(t *testing.T) {
			f, err := fromBytes(c.file)
			if err == nil {
				t.Fatalf("no error, but %+v; want %s", f, c.want)
			}
			if !strings.HasPrefix(err.Error(), "safetensors: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant    safetensors: … %s …", err, c.want)
			}
		})
	}
}

func TestWrongFilesAreNotWritten(t *testing.T) {
	one := []float32{1}
	for _, c := range []struct {
		name string
		file File
		want string
	}{
		{"a name twice", File{Tensors: []Tensor{{Name: "w", F32: one}, {Name: "v", F32: one}, {Name: "w", F64: []float64{1}}}}, `safetensors: tensor "w": two tensors have this name`},
		{"the metadata's name", File{Tensors: []Tensor{{Name: metadataKey, F32: one}}}, `is kept for the metadata`},
		{"a name that is not UTF-8", File{Tensors: []Tensor{{Name: "\xff", F32: one}}}, `is not UTF-8`},
		{"values missing", File{Tensors: []Tensor{{Name: "w", Shape: []int{2, 3}, F32: one}}}, `safetensors: tensor "w": its shape [2 3] needs 6 values; it has 1`},
		{"no values", File{Tensors: []Tensor{{Name: "w"}}}, `its shape [] needs 1 values; it has 0`},
		{"both types", File{Tensors: []Tensor{{Name: "w", Shape: []int{2}, F32: one, F64: []float64{1}}}}, `it has values in F32 and in F64`},
		{"a negative dimension", File{Tensors: []Tensor{{Name: "w", Shape: []int{-1, -1}, F32: one}}}, `its shape [-1 -1] has a negative dimension`},
		{"an overflow", File{Tensors: []Tensor{{Name: "w", Shape: []int{math.MaxInt, math.MaxInt}, F32: one}}}, `more values than any memory`},
		{"too many dimensions", File{Tensors: []Tensor{{Name: "w", Shape: make([]int, MaxDims+1)}}}, `its shape has 33 dimensions`},
		{"metadata that is not UTF-8", File{Metadata: map[string]string{"k": "\xff"}}, `safetensors: header: metadata "k": not UTF-8`},
		{"too long a header", File{Metadata: map[string]string{"k": strings.Repeat("v", MaxHeader)}}, `safetensors: header: it would have 16777248 bytes; at most 16777216 are allowed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			err := Write(&b, &c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant    … %s …", err, c.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written before the error", b.Len())
			}
		})
	}
}

// limited is a writer that fails after n bytes.
type limited struct{ n int }

var errFull = errors.New("full")

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.n {
		return l.n, errFull
	}
	l.n -= len(b)
	return len(b), nil
}

func TestAFailingWriterIsReported(t *testing.T) {
	f := reference["mixed"]
	size := len(written(t, f))
	for n := range size {
		if err := Write(&limited{n}, f); !errors.Is(err, errFull) {
			t.Errorf("after %d of %d bytes: error %v, want %v", n, size, err, errFull)
		}
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	for name, f := range reference {
		b := written(t, f)
		for n := range b {
			if _, err := fromBytes(b[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are read as a file", name, n, len(b))
			}
			if _, err := Read(bytes.NewReader(b[:n]), int64(len(b))); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: a reader that ends after %d of %d bytes: error %v, want %v", name, n, len(b), err, io.ErrUnexpectedEOF)
			}
		}
	}
}

// allocated returns the bytes that fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// budget is what reading a file of size bytes may allocate in all: the buffer
// of one chunk, and for each byte of a header a few tokens.
func budget(size int) uint64 { return 2*chunk + 64*uint64(size) }

func TestASmallFileTakesLittleMemory(t *testing.T) {
	hostile := map[string][]byte{
		"a large tensor":    with(`{"w":{"dtype":"F64","shape":[1000000000],"data_offsets":[0,8000000000]}}`, 400),
		"a large header":    append(binary.LittleEndian.AppendUint64(nil, MaxHeader), make([]byte, 500)...),
		"many empty":        with("{"+strings.Repeat(`"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, 8)+"}", 0),
		"many dimensions":   with(`{"w":{"dtype":"F32","shape":[`+strings.Repeat("0,", 200)+`0],"data_offsets":[0,0]}}`, 0),
		"deep arrays":       with(`{"w":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+"}", 0),
		"a large dimension": with(`{"w":{"dtype":"F32","shape":[9223372036854775807,0],"data_offsets":[0,0]}}`, 0),
	}
	for name, b := range hostile {
		if got := allocated(func() { _, _ = fromBytes(b) }); got > budget(len(b)) {
			t.Errorf("%s: %d bytes allocated to read a file of %d; at most %d are allowed", name, got, len(b), budget(len(b)))
		}
	}
}

func FuzzRead(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.safetensors"))
	if err != nil || len(names) == 0 {
		f.Fatalf("no files in testdata (%v)", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, c := range wrong {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got *File
		var err error
		if n := allocated(func() { got, err = fromBytes(b) }); n > budget(len(b)) {
			t.Errorf("%d bytes allocated to read a file of %d; at most %d are allowed", n, len(b), budget(len(b)))
		}
		if err != nil {
			return
		}
		again, err := fromBytes(written(t, got))
		if err != nil {
			t.Fatalf("what Read gives and Write writes can't be read: %v", err)
		}
		if diff := cmp.Diff(got, again, same); diff != "" {
			t.Errorf("files differ (-read +written and read):\n%s", diff)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	file := written(b, &File{Tensors: []Tensor{{Name: "W1", Shape: []int{1 << 20}, F32: make([]float32, 1<<20)}}})
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := fromBytes(file); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	f := &File{Tensors: []Tensor{{Name: "W1", Shape: []int{1 << 20}, F32: make([]float32, 1<<20)}}}
	b.SetBytes(4 << 20)
	for b.Loop() {
		if err := Write(io.Discard, f); err != nil {
			b.Fatal(err)
		}
	}
}
