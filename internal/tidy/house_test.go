package tidy

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile   = 1 << 20 // bytes of any file
	maxGoFile = 700     // lines of a Go file
)

// noRoom are names for what has no room of its own.
var noRoom = []string{"base", "common", "helper", "helpers", "manager", "misc", "shared", "types", "util", "utils"}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, p := range list(t, "./...") {
		files := parse(t, p.Dir, false)
		hasPackageComment := false
		for _, f := range files {
			hasPackageComment = hasPackageComment || f.tree.Doc != nil
			for _, d := range f.tree.Decls {
				undocumented(f, d, func(n ast.Node, name string) {
					t.Errorf("%s: %s is exported and has no comment: say what it is, with shapes, units and errors", f.place(n), name)
				})
			}
		}
		if !hasPackageComment {
			t.Errorf("package %s has no comment: say in its first file what it is, in ten lines or fewer", short(p.ImportPath))
		}
	}
}

// understood are methods of the standard library's interfaces.
var understood = []string{"Error", "String", "Unwrap"}

// undocumented reports the exported names of a declaration without a comment.
// A comment of a group stands for its members.
func undocumented(f *file, d ast.Decl, report func(n ast.Node, name string)) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && receiverIsExported(d) && !slices.Contains(understood, d.Name.Name) {
			report(d, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					report(s, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						report(s, name.Name)
					}
				}
			}
		}
	}
}

// receiverIsExported says whether a function is a plain one, or a method of an
// exported type.
func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !exported {
			exported = token.IsExported(id.Name)
			return false
		}
		return !exported
	})
	return exported
}

// eachFile calls f with the path of every file of the project, from its root.
func eachFile(t *testing.T, f func(path string, size int64)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && slices.Contains([]string{".git", ".venv", ".built"}, d.Name()), d.IsDir() && strings.HasPrefix(d.Name(), "testdata-fused-"), d.IsDir() && rel == "shared":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f(filepath.ToSlash(rel), info.Size())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesStaySmall(t *testing.T) {
	eachFile(t, func(path string, size int64) {
		if size > maxFile && (strings.Contains(path, "/") || filepath.Ext(path) != "") { // but for binaries built in the root
			t.Errorf("%s has %d bytes; files stay below 1 MiB: compress it, or make it in the test", path, size)
		}
		if filepath.Ext(path) != ".go" {
			return
		}
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > maxGoFile {
			t.Errorf("%s has %d lines, more than %d: it holds more than one subject; give each a file", path, n, maxGoFile)
		}
	})
}

func TestEveryPackageHasARoom(t *testing.T) {
	for _, p := range list(t, "./...") {
		if slices.Contains(noRoom, filepath.Base(p.ImportPath)) {
			t.Errorf("package %s: that is no room; name it by what is in it, or put its contents where they are used", short(p.ImportPath))
		}
	}
}

// skips are the reasons for which a test may be left out: those that are asked
// for. A missing component fails where CI is set.
var skips = []string{"testing.Short()", `os.Getenv("SHOAL_SOAK")`, `os.Getenv("CI")`, "runtime.GOOS", "os.Geteuid()", "os.Getuid()"}

func TestNoTestIsLeftOutSilently(t *testing.T) {
	skip := regexp.MustCompile(`\bt\.Skip(f|Now)?\(`)
	testers := regexp.MustCompile(`t (\*testing\.[TF]|testing\.TB|\*rapid\.T)\b`)
	eachFile(t, func(path string, _ int64) {
		if !strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal/tidy/") {
			return
		}
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if !skip.MatchString(line) {
				continue
			}
			condition := strings.Join(lines[max(0, i-3):i+1], "\n")
			if tests := testers.FindAllString(strings.Join(lines[:i], "\n"), -1); tests != nil && tests[len(tests)-1] == "t *rapid.T" {
				continue // a property that says nothing of this case; rapid draws another, and fails if there are too few
			}
			if !slices.ContainsFunc(skips, func(s string) bool { return strings.Contains(condition, s) }) {
				t.Errorf("%s:%d: %s: a test is left out only where that is asked for (%s), in the lines just above; a missing component fails when CI is set",
					path, i+1, strings.TrimSpace(line), strings.Join(skips, ", "))
			}
		}
	})
}

func TestTheDocsSpeakOfTheProjectAlone(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/home/", "/root/", regexp.QuoteMeta(root + "/"), `\.\./shared`}
	if parent := filepath.Dir(root); parent != "/" && parent != filepath.Clean(os.TempDir()) {
		paths = append(paths, regexp.QuoteMeta(parent+"/")) // where this checkout lies
	}
	foreign := regexp.MustCompile(`(?:^|[\s"'(` + "`" + `])(?:` + strings.Join(paths, "|") + ")")
	eachFile(t, func(path string, _ int64) {
		switch filepath.Ext(path) {
		case ".go", ".md", ".sh", ".py", ".txtar", ".mod", "":
		default:
			return
		}
		if strings.HasPrefix(path, "internal/tidy/") {
			return
		}
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if foreign.MatchString(line) {
				t.Errorf("%s:%d: this names a path of one machine: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	})
}

// links are those of a Markdown page: [text](target).
var links = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

func TestTheDocsLinkToWhatIsThere(t *testing.T) {
	eachFile(t, func(path string, _ int64) {
		if filepath.Ext(path) != ".md" {
			return
		}
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range links.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which isn't there", path, m[1])
			}
		}
	})
}

func TestTheArchitectureHasEveryRoom(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		if name == "." {
			name = "shoal"
		}
		room := name
		if strings.HasPrefix(name, "examples/") {
			room = "examples"
		}
		if !strings.Contains(string(text), "`"+room+"`") {
			t.Errorf("ARCHITECTURE.md has no room %q: say there what it does and what it may import", room)
		}
	}
}
