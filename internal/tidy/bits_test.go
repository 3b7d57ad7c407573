package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reachWeights are the packages whose arithmetic reaches a weight, or an answer
// that must be the same everywhere.
var reachWeights = []string{".", "table", "prep", "nn", "internal/kernel", "internal/mixture", "internal/safetensors", "onnx", "train"}

// exact are the functions and names of package math that are the same on every
// processor: exactly rounded, or no arithmetic at all.
var exact = map[string]bool{
	"Abs": true, "Ceil": true, "Copysign": true, "FMA": true, "Float32bits": true, "Float32frombits": true, "Float64bits": true,
	"Float64frombits": true, "Floor": true, "Frexp": true, "Inf": true, "IsInf": true, "IsNaN": true, "Ldexp": true, "NaN": true, "Signbit": true,
	"Round": true, "Sqrt": true, "Trunc": true,
	"MaxFloat32": true, "MaxFloat64": true, "MaxInt": true, "MaxInt32": true, "MaxInt64": true, "MaxUint16": true, "MaxUint32": true,
	"MinInt64": true, "SmallestNonzeroFloat32": true, "SmallestNonzeroFloat64": true, "Pi": true, "Sqrt2": true, "Ln2": true, "Log2E": true,
}

// fused are instructions that multiply and add with one rounding: arm64's, and
// amd64's from GOAMD64=v3 on.
var fused = regexp.MustCompile(`\(([^()]+\.go):(\d+)\)\t(FN?M(?:ADD|SUB)[SD]|VFN?M(?:ADD|SUB)\w+)\b`)

// fusedLines compiles packages for a system and returns the places of fused
// instructions on lines that don't ask for one.
func fusedLines(t *testing.T, env []string, packages ...string) (places []string, asked int) {
	t.Helper()
	out, err := goCommand(append([]string{"CGO_ENABLED=0", "GOFLAGS="}, env...), append([]string{"build", "-gcflags=" + module + "/...=-S"}, packages...)...)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string][]string{}
	for _, m := range fused.FindAllStringSubmatch(out, -1) {
		file, instruction := m[1], m[3]
		line, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		if sources[file] == nil {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[file] = strings.Split(string(text), "\n")
		}
		text := strings.TrimSpace(sources[file][line-1])
		if strings.Contains(text, "math.FMA(") && !multipliesToo(text) {
			asked++
			continue
		}
		place := fmt.Sprintf("%s:%d: %s: %s", file, line, instruction, text)
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places, asked
}

// inner is a call of math.FMA, or a conversion, without another in it.
var inner = regexp.MustCompile(`\b(?:math\.FMA|float64|float32|T)\([^()]*\)`)

// multipliesToo says whether a line that asks for a fused instruction has
// products outside of it that no conversion rounds: which of them was fused can't
// be told, so such a line counts as not asked for.
func multipliesToo(line string) bool {
	line, _, _ = strings.Cut(line, "//")
	for rest := ""; rest != line; {
		rest, line = line, inner.ReplaceAllString(line, "x")
	}
	return strings.ContainsAny(line, "*/")
}

// systems are two whose compilers fuse.
var systems = [][]string{{"GOOS=linux", "GOARCH=arm64"}, {"GOOS=linux", "GOARCH=amd64", "GOAMD64=v3"}}

func TestNoCompilerFusesWhatReachesAWeight(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for two systems")
	}
	var packages []string
	for _, name := range reachWeights {
		packages = append(packages, "./"+name)
	}
	for _, system := range systems {
		places, asked := fusedLines(t, system, packages...)
		for _, p := range places {
			t.Errorf("%s\n%s fuses this into one rounding, and other processors don't: put the product into a conversion, float64(x*y) + z or T(x*y) + z (a division by a power of two is a product, too), or ask for math.FMA",
				p, system[1])
		}
		if asked < 10 {
			t.Errorf("%s: only %d of the instructions that the kernels ask for were seen: is the listing read as it should be?", system[1], asked)
		}
	}
}

func TestAFusedProductWouldBeSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for two systems")
	}
	// A package of this module, so that the compiler's flags reach it.
	dir, err := os.MkdirTemp(".", "testdata-fused-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	source := "package fused\n\nimport \"math\"\n\nfunc Plain(x, y, z float64) float64 { return x*y + z }\n\nfunc Half(x, y float64) float64 { return x/2 + y }\n\n" +
		"func Kept(x, y, z float64) float64 { return float64(x*y) + z }\n\n" +
		"func Both(x, y, z float64) float64 { return math.FMA(x, y, z) + x*z }\n"
	if err := os.WriteFile(filepath.Join(dir, "fused.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, system := range systems {
		places, _ := fusedLines(t, system, "./internal/tidy/"+filepath.Base(dir))
		if len(places) != 3 || !strings.Contains(places[0], "func Plain") || !strings.Contains(places[1], "func Half") || !strings.Contains(places[2], "func Both") {
			t.Errorf("%s: %q; want Plain, Half and Both alone", system[1], places)
		}
	}
}

func TestOnlyExactFunctionsReachAWeight(t *testing.T) {
	for _, name := range reachWeights {
		for _, f := range parse(t, filepath.Join("../..", name), false) {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := s.X.(*ast.Ident)
				switch {
				case ok && x.Name == "math" && !exact[s.Sel.Name]:
					t.Errorf("%v: math.%s differs by processor: use internal/kernel's, or add it to the list of internal/tidy if it is exactly rounded", f.place(n), s.Sel.Name)
				case s.Sel.Name == "NormFloat64" || s.Sel.Name == "ExpFloat64":
					t.Errorf("%v: %s calls math.Exp and math.Log, which differ by processor: nn has normal numbers of its own", f.place(n), s.Sel.Name)
				}
				return true
			})
		}
	}
}

// file is a parsed Go file.
type file struct {
	name string
	tree *ast.File
	set  *token.FileSet
}

func (f *file) place(n ast.Node) string {
	p := f.set.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// parse parses the Go files of a folder, with tests or without.
func parse(t *testing.T, dir string, tests bool) []*file {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*file
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		f := &file{name: name, set: token.NewFileSet()}
		if f.tree, err = parser.ParseFile(f.set, name, nil, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}
