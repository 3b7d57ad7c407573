package tidy

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is the module's path, and the root package's.
const module = "github.com/shoal-nn/shoal"

// The import graph: of each package, the packages of ours and of others that it
// may import, beside the standard library. Imports point one way, from the
// bottom of the list to its top. A package that isn't here may not be: decide
// what it may import, and say so here and in ARCHITECTURE.md.
var mayImport = []struct{ name, imports string }{
	{"notes", ""},
	{"internal/kernel", "golang.org/x/sys"},
	{"internal/atomicfile", ""},
	{"internal/safetensors", ""},
	{"internal/tidy", ""},
	{"table", "github.com/klauspost/compress"},
	{"nn", "internal/kernel"},
	{"prep", "internal/kernel table"},
	{"internal/workload", "internal/kernel nn"},
	{"internal/mixture", "internal/kernel nn prep table"},
	{"onnx", "internal/mixture nn prep table google.golang.org/protobuf/encoding/protowire"},
	{".", "internal/atomicfile internal/mixture internal/safetensors nn onnx prep table"},
	{"train", ". internal/kernel internal/mixture nn prep table"},
	{"explain", ". nn prep table notes"},
	{"cmd/shoal", ". explain internal/atomicfile internal/workload nn prep table train github.com/spf13/cobra github.com/spf13/pflag golang.org/x/term"},
	{"examples/flower", "nn notes"},
	{"examples/houses", ". table train"},
}

// The model file's bytes need these of protobuf, and neither reflection nor generated code.
const (
	protowire   = "google.golang.org/protobuf/encoding/protowire"
	protoerrors = "google.golang.org/protobuf/internal/errors"
	protorandom = "google.golang.org/protobuf/internal/detrand"
)

// A service imports these: they stay light. What they link of others is listed.
var light = []struct {
	packages []string
	others   []string // modules, or packages
	without  []string // packages of the standard library
}{
	{[]string{"notes"}, nil, []string{"encoding/json", "net", "net/http", "os/exec"}},
	{[]string{"nn"}, []string{"golang.org/x/sys"}, []string{"encoding/json", "net", "net/http", "os/exec"}},
	{[]string{".", "train", "explain"}, []string{"golang.org/x/sys", "github.com/klauspost/compress", protowire, protoerrors, protorandom}, []string{"net", "net/http", "os/exec", "html/template"}},
}

// goPackage is what the go command says of a package.
type goPackage struct {
	ImportPath, Name, Dir string
	Standard              bool
	Imports, Deps         []string
	Module                *struct{ Path string }
}

// list asks the go command about packages.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	out, err := goCommand(nil, append([]string{"list", "-json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// goCommand runs the go command in the module's root, and returns what it says.
func goCommand(env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), env...)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		err = &toolError{args, talk.String(), err}
	}
	if len(out) == 0 {
		return talk.String(), err
	}
	return string(out), err
}

type toolError struct {
	args []string
	talk string
	err  error
}

func (e *toolError) Error() string {
	return "go " + strings.Join(e.args, " ") + ": " + e.err.Error() + "\n" + e.talk
}

// short is a package's name in this house: "nn"; "." is the root package.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func TestImportsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	for i, rule := range mayImport {
		seen[rule.name] = true
		for name := range strings.FieldsSeq(rule.imports) {
			place := slices.IndexFunc(mayImport, func(r struct{ name, imports string }) bool { return r.name == name })
			if !strings.Contains(name, ".") && place > i || place == i {
				t.Errorf("the table lets %s import %s, which stands below it: put it above, or don't", rule.name, name)
			}
		}
	}
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		at := slices.IndexFunc(mayImport, func(r struct{ name, imports string }) bool { return r.name == name })
		if at < 0 {
			t.Errorf("package %s is not in the table of internal/tidy: say what it may import, there and in ARCHITECTURE.md", name)
			continue
		}
		delete(seen, name)
		allowed := strings.Fields(mayImport[at].imports)
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(allowed, func(a string) bool {
				return short(path) == a || strings.Contains(a, "/") && strings.HasPrefix(path, a)
			}) {
				t.Errorf("package %s imports %s, and may import %q: move what it needs, or change the table of internal/tidy with a reason", name, path, mayImport[at].imports)
			}
		}
	}
	for name := range seen {
		t.Errorf("the table of internal/tidy names package %s, which isn't there: take it out", name)
	}
}

func TestLightPackagesStayLight(t *testing.T) {
	for _, rule := range light {
		for _, name := range rule.packages {
			path := module
			if name != "." {
				path += "/" + name
			}
			for _, p := range list(t, "-deps", path) {
				switch {
				case p.Standard:
					if slices.Contains(rule.without, p.ImportPath) {
						t.Errorf("a program that imports %s links %s: whoever serves a model pays for it; find another way", name, p.ImportPath)
					}
				case p.Module != nil && p.Module.Path != module && !slices.Contains(rule.others, p.Module.Path) && !slices.Contains(rule.others, p.ImportPath):
					t.Errorf("a program that imports %s links %s: whoever serves a model pays for it; find another way", name, p.ImportPath)
				}
			}
		}
	}
}
