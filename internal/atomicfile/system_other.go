//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

// syncFolder does nothing: this system has no such call. On Windows the
// journal of the file system keeps a rename.
func syncFolder(string) error { return nil }

// keepOwner does nothing: on this system a file belongs to whoever made it.
func keepOwner(*os.File, fs.FileInfo) {}
