package shoal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/shoal-nn/shoal/internal/atomicfile"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/onnx"
)

// FileVersion is the version of the model file that this package writes. It
// reads this one and every earlier one.
const FileVersion = onnx.FileVersion

// MaxFile is the most bytes that a model file may have: as many as a protocol
// buffer.
const MaxFile = 1<<31 - 1

// ErrNotAModel says that a file is something else than a model of Shoal's.
var ErrNotAModel = errors.New("not a model of Shoal's")

// Save writes the model to an ONNX file: beside it first, then renamed over it,
// so that a failure leaves what was there.
func (m *Model) Save(path string) error {
	err := atomicfile.Write(path, m.Write)
	if err != nil {
		return fmt.Errorf("shoal: saving the model to %s: %w", path, err)
	}
	return nil
}

// Write writes the model as an ONNX file's bytes, its preprocessing included:
// see onnx.Of for the inputs and outputs. The same model gives the same bytes.
func (m *Model) Write(w io.Writer) error {
	model, err := onnx.Of(m.mix)
	if err != nil {
		return fmt.Errorf("shoal: %w", err)
	}
	b := onnx.Encode(model)
	if len(b) > MaxFile {
		return fmt.Errorf("shoal: the model takes %d bytes; a file has %d at most", len(b), MaxFile)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("shoal: %w", err)
	}
	return nil
}

// Open reads a model from a file: one that Shoal wrote, or the ONNX file of a
// multi-layer perceptron that another program trained, whose weights may lie in
// files beside it. A file that can't be read so gives an error that wraps
// ErrNotAModel; a model of a later version is refused by its version.
func Open(path string) (*Model, error) {
	// Asked first, as opening a pipe would wait.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("shoal: %s: %w: it is no regular file", path, ErrNotAModel)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("shoal: opening the model: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("shoal: opening the model: %w", err)
	}
	m, err := read(f, info.Size(), filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("shoal: %s: %w", path, err)
	}
	return m, nil
}

// Read reads a model from size bytes, as Open does from a file. It takes
// nothing at its word: what it allocates is bounded by a multiple of size, and a
// model whose parts don't fit together is an error.
func Read(r io.Reader, size int64) (*Model, error) {
	m, err := read(r, size, "")
	if err != nil {
		return nil, fmt.Errorf("shoal: %w", err)
	}
	return m, nil
}

func read(r io.Reader, size int64, dir string) (*Model, error) {
	if err := nn.New(1, nn.Dense(1, nn.Linear)).Err(); err != nil {
		return nil, err // no network can be: SHOAL_SIMD names kernels that aren't there
	}
	if size > MaxFile {
		return nil, fmt.Errorf("%w: it has %d bytes; a file has %d at most", ErrNotAModel, size, MaxFile)
	}
	b, err := io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(b)) < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	mix, err := onnx.Read(b, dir)
	if errors.Is(err, onnx.ErrNotONNX) || errors.Is(err, onnx.ErrUnsupported) || errors.Is(err, onnx.ErrForeign) {
		return nil, fmt.Errorf("%w: %w", ErrNotAModel, err)
	}
	if err != nil {
		return nil, err
	}
	return newModel(mix), nil
}
