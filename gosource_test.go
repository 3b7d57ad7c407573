package shoal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	shoal "github.com/shoal-nn/shoal"
)

// The package and its test are compiled and run, of our own models and of those of
// other programs: every activation is among them.
func TestGoSourceAnswersAsTheModel(t *testing.T) {
	all := models(t)
	foreign, err := filepath.Glob("onnx/testdata/models/*_script.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(foreign, "onnx/testdata/models/sklearn_columns_hot.onnx", "onnx/testdata/models/sklearn_columns_ordinal.onnx") {
		m, err := shoal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = m
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example\n\ngo 1.21\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, m := range all {
		n++
		folder := filepath.Join(dir, "m"+strings.NewReplacer(" ", "", ".onnx", "", "_", "").Replace(name))
		source, test, err := m.GoSource("model")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string][]byte{"model.go": source, "model_test.go": test} {
			if err := os.WriteFile(filepath.Join(folder, file), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
		if args[0] == "test" && strings.Count(string(out), "ok") != n {
			t.Errorf("not all of %d packages passed:\n%s", n, out)
		}
	}
}

func TestGoSourceRefusesANameThatIsNone(t *testing.T) {
	for _, name := range []string{"", "my model", "1st", "func", "_"} {
		if _, _, err := byHand(t).GoSource(name); err == nil || !strings.Contains(err.Error(), "can't be the name of a Go package") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
