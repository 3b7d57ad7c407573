package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// text returns a function that writes s.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// place makes a file.
func place(tb testing.TB, path, s string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// wantFile fails the test unless the file at path has the contents want.
func wantFile(tb testing.TB, path, want string) {
	tb.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want)) {
		tb.Errorf("%s holds %.60q (%d bytes), want %.60q (%d bytes)", path, got, len(got), want, len(want))
	}
}

// wantNames fails the test unless the folder holds the files of these names
// and no others.
func wantNames(tb testing.TB, folder string, want ...string) {
	tb.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		tb.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		tb.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestANewFileIsWritten(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	for _, s := range []string{"", "a", strings.Repeat("many buffers ", 1<<16)} {
		if err := Write(path, text(s)); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, s)
	}
	wantNames(t, folder, "model")
}

func TestAPathWithoutFolderIsInTheCurrentOne(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("model", text("new")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "model", "new")
	wantNames(t, ".", "model")
}

func TestTheLongestNameIsWritten(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{strings.Repeat("n", 255), strings.Repeat("ü", 127), strings.Repeat("*", 60)} {
		if filepath.Separator == '\\' && strings.HasPrefix(name, "*") {
			continue // Windows has no such names
		}
		path := filepath.Join(folder, name)
		if err := Write(path, text("long")); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, "long")
	}
}

func TestAnErrorOfWriteLeavesTheOldFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	place(t, path, "old")
	broken := errors.New("broken")
	for _, before := range []string{"", "half a model", strings.Repeat("more than a buffer", 1<<14)} {
		err := Write(path, func(w io.Writer) error {
			if err := text(before)(w); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "atomicfile: "+path+": ") {
			t.Errorf("error %v, want one that begins with the path and wraps %q", err, broken)
		}
		wantFile(t, path, "old")
		wantNames(t, folder, "model")
	}
}

func TestAnErrorOfWriteLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	broken := errors.New("broken")
	if err := Write(filepath.Join(folder, "model"), func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	wantNames(t, folder)
}

func TestAPanicOfWriteLeavesTheOldFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	place(t, path, "old")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = Write(path, func(io.Writer) error { panic("a bug") })
	}()
	wantFile(t, path, "old")
	wantNames(t, folder, "model")
}

func TestTheOldFileIsThereUntilTheEnd(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	place(t, path, "old")
	err := Write(path, func(w io.Writer) error {
		wantFile(t, path, "old")
		// What a killed process would leave beside it.
		left, err := filepath.Glob(filepath.Join(folder, ".model.*.tmp"))
		if err != nil || len(left) != 1 {
			t.Errorf("the temporary files are %q (%v), want one", left, err)
		}
		return text("new")(w)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "new")
}

func TestPathsThatAreNoFile(t *testing.T) {
	folder := t.TempDir()
	place(t, filepath.Join(folder, "file"), "")
	for _, c := range []struct{ path, want string }{
		{"", "the name is empty"},
		{folder, "this is a folder"},
		{filepath.Join(folder, "missing") + string(filepath.Separator), "the name ends in a separator"},
		{filepath.Join(folder, "missing", "model"), "no file can be made in the folder " + filepath.Join(folder, "missing")},
		{filepath.Join(folder, "file", "model"), ""}, // the system's words
		{filepath.Join(folder, "nul\x00"), ""},
	} {
		called := false
		err := Write(c.path, func(io.Writer) error { called = true; return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "atomicfile: "+c.path+": "+c.want) {
			t.Errorf("Write(%q): error %v\nwant atomicfile: %s: %s …", c.path, err, c.path, c.want)
		}
		if called {
			t.Errorf("Write(%q) writes, though there is no such place", c.path)
		}
	}
	wantNames(t, folder, "file")
}

func TestAMissingFolderIsToldByType(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "missing", "model"), text("")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that wraps %v", err, fs.ErrNotExist)
	}
}

func TestTheNullDeviceTakesAll(t *testing.T) {
	if err := Write(os.DevNull, text(strings.Repeat("x", 1<<20))); err != nil {
		t.Error(err)
	}
}
