// Package safetensors reads and writes named float32 and float64 tensors in
// the safetensors format: the checkpoint's.
//
// A file has three parts:
//
//	length   8 bytes       the header's length, little-endian
//	header   JSON          {"__metadata__": {"seed": "7"},
//	                        "W1": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}, …}
//	data     the rest      the tensors' values, little-endian, row after row; an offset counts from here
//
// Write gives the same File the same bytes always, laid out as the reference
// implementation does it (the Python package of the same name). Read takes no
// file at its word: every declared size is checked before anything of that
// size is allocated.
package safetensors

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// MaxHeader is the longest header, in bytes, that is read or written. The
	// format allows 100 MB; ours holds a few dozen tensors and a description
	// of the preprocessing.
	MaxHeader = 16 << 20
	// MaxDims is the most dimensions a tensor may have.
	MaxDims = 32
)

// metadataKey is the header's key that is not a tensor's name.
const metadataKey = "__metadata__"

// File is what a file holds.
type File struct {
	Tensors  []Tensor          // names differ; Write takes any order, Read gives the file's
	Metadata map[string]string // facts beside the tensors; nil if there are none
}

// Tensor is a named array of float32 or float64 values, row after row. Its
// values are in F32 or in F64, and the other one is nil. An empty tensor is of
// float64 if F64 is not nil.
type Tensor struct {
	Name  string
	Shape []int // the product of its dimensions is the number of values; no dimensions, one value
	F32   []float32
	F64   []float64
}

// Tensor returns the tensor of that name, which shares its values with f.
func (f *File) Tensor(name string) (*Tensor, bool) {
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i], true
		}
	}
	return nil, false
}

// dtype is the type of a tensor's values, as the header spells it.
type dtype string

const (
	f32 dtype = "F32"
	f64 dtype = "F64"
)

// size is the number of bytes of a value, or 0 if the type isn't one of ours.
func (d dtype) size() int {
	switch d {
	case f32:
		return 4
	case f64:
		return 8
	}
	return 0
}

// entry is the header's line about a tensor.
type entry struct {
	name       string
	dtype      dtype
	shape      []int
	begin, end uint64 // its bytes are data[begin:end]
}

// values is the number of values of a tensor of that shape.
func values(shape []int) (int, error) {
	if len(shape) > MaxDims {
		return 0, fmt.Errorf("its shape has %d dimensions; at most %d are allowed", len(shape), MaxDims)
	}
	n := uint(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("its shape %v has a negative dimension", shape)
		}
		high, low := bits.Mul(n, uint(d))
		if high != 0 || int(low) < 0 {
			return 0, fmt.Errorf("its shape %v has more values than any memory", shape)
		}
		n = low
	}
	return int(n), nil
}

// check returns what is wrong with the entries, or nil: each has a type that
// we know and as many bytes as its shape needs, and one after the other they
// fill the data's size bytes with no hole and no overlap. It sorts them in
// the order of their data.
func check(entries []entry, size uint64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	var at uint64
	for _, e := range entries {
		if err := e.check(); err != nil {
			return fmt.Errorf("header: tensor %q: %w", e.name, err)
		}
		if e.begin != at {
			return fmt.Errorf("header: tensor %q: its data begins at byte %d; the data before it ends at %d, and there may be no hole and no overlap", e.name, e.begin, at)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("data: the file has %d bytes of it; the header's tensors need %d", size, at)
	}
	return nil
}

// check returns what is wrong with the entry by itself, or nil.
func (e entry) check() error {
	width := e.dtype.size()
	if width == 0 {
		return fmt.Errorf("its values have the type %q; only %s and %s are read", e.dtype, f32, f64)
	}
	n, err := values(e.shape)
	if err != nil {
		return err
	}
	if e.end < e.begin {
		return fmt.Errorf("its data_offsets [%d, %d] run backwards", e.begin, e.end)
	}
	high, need := bits.Mul64(uint64(n), uint64(width))
	if have := e.end - e.begin; high != 0 || have != need {
		return fmt.Errorf("its shape %v of %s needs %d bytes; its data_offsets [%d, %d] hold %d", e.shape, e.dtype, need, e.begin, e.end, have)
	}
	return nil
}

// checkName returns what is wrong with a tensor's name, or nil.
func checkName(name string) error {
	if name == metadataKey {
		return fmt.Errorf("the name %q is kept for the metadata", name)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("the name %q is not UTF-8", strings.ToValidUTF8(name, "\uFFFD"))
	}
	return nil
}
