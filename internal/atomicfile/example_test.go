package atomicfile_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/shoal-nn/shoal/internal/atomicfile"
)

func ExampleWrite() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "houses.onnx")

	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "a model")
		return err
	})
	fmt.Println(err)

	err = atomicfile.Write(path, func(w io.Writer) error {
		io.WriteString(w, "half of a better mo")
		return errors.New("the weights are NaN")
	})
	fmt.Println(err != nil)

	b, err := os.ReadFile(path)
	fmt.Println(string(b), err)
	// Output:
	// <nil>
	// true
	// a model <nil>
}
