//go:build unix

package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPermissions(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)

	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	wantPerm := func(want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("permissions are %v, want %v", got, want)
		}
	}
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	wantPerm(0o640)
	for _, perm := range []fs.FileMode{0o600, 0o644, 0o666, 0o755, 0o777} {
		if err := os.Chmod(path, perm); err != nil {
			t.Fatal(err)
		}
		err := Write(path, func(io.Writer) error {
			// Nobody may read the new file who may not read the old one.
			left, err := filepath.Glob(filepath.Join(folder, ".model.*.tmp"))
			if err != nil || len(left) != 1 {
				t.Fatalf("the temporary files are %q (%v), want one", left, err)
			}
			info, err := os.Stat(left[0])
			if err != nil {
				return err
			}
			if extra := info.Mode().Perm() &^ perm; extra != 0 {
				t.Errorf("the temporary file of a file with %v has %v too", perm, extra)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantPerm(perm)
	}
}

func TestALinkStaysAndItsFileIsWritten(t *testing.T) {
	for _, c := range []struct{ name, link, target string }{
		{"relative", "link", "models/m"},
		{"up and down", "link", "models/../models/m"},
		{"dangling", "link", "models/new"},
		{"of a link", "link", "second"},
		{"through a linked folder", "shortcut/../link", "m"}, // in deep, not in the folder of shortcut
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			for _, d := range []string{"models", "deep/er"} {
				if err := os.MkdirAll(filepath.Join(folder, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			place(t, filepath.Join(folder, "models/m"), "old")
			link := func(target, path string) {
				t.Helper()
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
			}
			link("models/m", filepath.Join(folder, "second"))
			link("deep/er", filepath.Join(folder, "shortcut"))
			path := folder + "/" + c.link // Join would clean it
			link(c.target, path)

			if err := Write(path, text("new")); err != nil {
				t.Fatal(err)
			}
			wantFile(t, path, "new")
			if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("the link has become %v (%v)", info.Mode(), err)
			}
			left, err := filepath.Glob(filepath.Join(folder, "*", ".*.tmp"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %q (%v)", left, err)
			}
		})
	}
}

func TestALinkThatGoesRoundIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "round")
	if err := os.Symlink("round", path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("error %v, want %v", err, syscall.ELOOP)
	}
}

func TestAPipeIsWrittenStraight(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	type result struct {
		s   string
		err error
	}
	read := make(chan result)
	go func() {
		b, err := os.ReadFile(path)
		read <- result{string(b), err}
	}()
	if err := Write(path, text("through")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != (result{"through", nil}) {
		t.Errorf("the reader has %+v", got)
	}
	wantNames(t, folder, "pipe")
}

// A shell's ">> log" makes standard output a regular file, which must not be
// replaced under the shell's feet.
func TestAnOpenFileByItsNumberIsAppendedTo(t *testing.T) {
	folder := t.TempDir()
	log := filepath.Join(folder, "log")
	place(t, log, "before ")
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	link := filepath.Join(folder, "out")
	if err := os.Symlink(descriptor(f), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{descriptor(f), link} {
		if err := Write(path, text("model ")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteString("after"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, log, "before model model after")
	wantNames(t, folder, "log", "out")
}

func TestALinkToADeviceIsWrittenStraight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text(strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Fatalf("the null device has become %v (%v)", info.Mode(), err)
	}
}

// descriptor is the name of f by its number.
func descriptor(f *os.File) string { return fmt.Sprintf("/dev/fd/%d", f.Fd()) }
