package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs fn as a user without rights, where the test's user has all.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so that the thread ends with its new user
		const nobody = 65534
		syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		fn()
	}()
	<-done
}

func TestWhatMayNotBeWrittenIsNot(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model")
	place(t, path, "old")
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil { // nobody may pass
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		folder, file fs.FileMode
		path         string
	}{
		{"a new file in a folder that may not be written", 0o555, 0o666, path + "2"},
		{"an old file in such a folder", 0o555, 0o666, path},
		{"a file that may not be written", 0o777, 0o444, path},
		{"a folder that may not be entered", 0o600, 0o666, path},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := errors.Join(os.Chmod(path, c.file), os.Chmod(folder, c.folder)); err != nil {
				t.Fatal(err)
			}
			asNobody(t, func() {
				err := Write(c.path, text("new"))
				if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), "atomicfile: "+c.path+": ") {
					t.Errorf("error %v, want one that begins with the path and wraps %v", err, fs.ErrPermission)
				}
			})
			if err := os.Chmod(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			wantFile(t, path, "old")
			wantNames(t, folder, "model")
		})
	}
}

func TestADeviceWithoutSpaceIsReported(t *testing.T) {
	if err := Write("/dev/full", text("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want %v", err, syscall.ENOSPC)
	}
}

// The test runs itself in a mount namespace of its own, where it mounts a file
// system of 64 kB. Where that isn't permitted, the system is told to refuse
// what goes beyond 64 kB of a file: another error, in the same place.
func TestAFullDiskLeavesTheOldFile(t *testing.T) {
	const variable = "ATOMICFILE_FULL_DISK"
	const limit = 64 << 10
	switch os.Getenv(variable) {
	case "mount":
		folder := t.TempDir()
		if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
		defer syscall.Unmount(folder, 0)
		fullDisk(t, folder, syscall.ENOSPC)
		return
	case "limit":
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			t.Fatal(err)
		}
		fullDisk(t, t.TempDir(), syscall.EFBIG)
		return
	}

	again := func(how string, attributes *syscall.SysProcAttr) ([]byte, error) {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), variable+"="+how)
		c.SysProcAttr = attributes
		return c.CombinedOutput()
	}
	attributes := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attributes.Cloneflags = syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := again("mount", attributes)
	if errors.Is(err, fs.ErrPermission) {
		t.Log("no mount namespace: a limit on the file's size instead of a full disk")
		out, err = again("limit", nil)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// fullDisk writes to a folder which has no room for a file of 1 MB.
func fullDisk(t *testing.T, folder string, want error) {
	path := filepath.Join(folder, "model")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model", "another"} {
		if err := Write(filepath.Join(folder, name), text(strings.Repeat("x", 1<<20))); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
		wantFile(t, path, "old")
		wantNames(t, folder, "model")
	}
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "new")
}
