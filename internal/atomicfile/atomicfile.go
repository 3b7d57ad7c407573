// Package atomicfile writes files that are never half written: a reader of the
// path, and a machine that loses power, finds the old file or the whole new one.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Write writes what write writes as the file at path.
//
// It goes to a temporary file in the same folder, named .NAME.NUMBER.tmp,
// which is synced and then renamed to path; after that the folder is synced,
// where the system can. If anything fails, write included, the temporary file
// is removed and whatever was at path is as before; only after an error of the
// last step, syncing the folder, is the new file in place. A process that is
// killed leaves the temporary file.
//
// A file that exists keeps its permissions and, where the system allows it,
// its owner; one that may not be written is not replaced. A new one has the
// permissions 0o666 less the umask. A symbolic link stays, and the file it
// leads to is written. Other hard links to the old file keep the old contents.
//
// What is no regular file can't be replaced: a pipe, a device, or an open file
// by its number, such as /dev/stdout, is opened and written straight.
func Write(path string, write func(io.Writer) error) error {
	if err := writePath(path, write); err != nil {
		return fmt.Errorf("atomicfile: %s: %w", path, err)
	}
	return nil
}

func writePath(path string, write func(io.Writer) error) error {
	if path == "" {
		return errors.New("the name is empty; give the file's path")
	}
	old, err := os.Stat(path)
	switch {
	case err == nil && old.IsDir():
		return errors.New("this is a folder; give the path of a file in it")
	case err == nil && !old.Mode().IsRegular():
		return writeStraight(path, write)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return reason(err)
	}
	target, err := follow(path)
	if err != nil {
		return err
	}
	if openFile(target) {
		return writeStraight(path, write)
	}
	return replace(target, old, write)
}

// maxLinks is the number of symbolic links that are followed, as on Linux.
const maxLinks = 40

// follow returns the path that the symbolic link at path leads to, whether or
// not a file is there, or path itself if it is no link. It stops at the
// name of an open file, such as /dev/stdout: where it links to need not be a path.
//
// Paths are joined as texts: filepath.Join would take the folder link/.. for
// the folder that holds the link, when it is the one that holds its target.
func follow(path string) (string, error) {
	for range maxLinks {
		if openFile(path) {
			return path, nil
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil {
			return "", reason(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		next, err := os.Readlink(path)
		if err != nil {
			return "", reason(err)
		}
		if !filepath.IsAbs(next) {
			folder, _ := filepath.Split(path)
			next = folder + next
		}
		path = next
	}
	return "", fmt.Errorf("more than %d symbolic links in a row", maxLinks)
}

// openFile says whether path names a file that a process has open: such a name
// can't be renamed to, even where the file is a regular one.
func openFile(path string) bool {
	path = filepath.Clean(path)
	switch path {
	case "/dev/stdin", "/dev/stdout", "/dev/stderr":
		return true
	}
	return strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/")
}

// writeStraight writes to what exists at path. It appends, which is all that
// pipes and devices do, and right where /dev/stdout is a file.
func writeStraight(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return reason(err)
	}
	return errors.Join(writeBuffered(f, write), f.Close())
}

// replace writes a temporary file beside target and renames it to target. old
// describes the file that is there, or is nil.
func replace(target string, old fs.FileInfo, write func(io.Writer) error) (err error) {
	perm := fs.FileMode(0o666)
	if old != nil {
		if err := writable(target); err != nil {
			return err
		}
		perm = old.Mode().Perm()
	}
	f, err := create(target, perm)
	if err != nil {
		return err
	}
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := writeBuffered(f, write); err != nil {
		return err
	}
	if old != nil {
		keepOwner(f, old)
		if err := setPerm(f, perm); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return err
	}
	renamed = true
	folder, _ := filepath.Split(target)
	if err := syncFolder(folder); err != nil {
		return fmt.Errorf("written, but may be lost if the power fails now: %w", err)
	}
	return nil
}

// writable returns why the file at path may not be written, or nil.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return reason(err)
	}
	return f.Close()
}

// setPerm gives f the permissions, of which the umask or a change of owner may
// have taken some. A system without permissions isn't asked.
func setPerm(f *os.File, perm fs.FileMode) error {
	info, err := f.Stat()
	if err != nil || info.Mode().Perm() == perm {
		return err
	}
	return f.Chmod(perm)
}

// maxName is how much of the target's name the temporary one keeps, in bytes:
// file systems allow 255 in all.
const maxName = 200

// create makes the temporary file of target.
func create(target string, perm fs.FileMode) (*os.File, error) {
	folder, name := filepath.Split(target)
	if name == "" {
		return nil, errors.New("the name ends in a separator, as a folder's; give the path of a file")
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	for {
		temporary := fmt.Sprintf("%s.%s.%d.tmp", folder, name, rand.Uint64())
		f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("no file can be made in the folder %s: %w", filepath.Clean(folder), reason(err))
		}
	}
}

// writeBuffered calls write with a buffer in front of f.
func writeBuffered(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// reason is err without the path, which Write's error names.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
