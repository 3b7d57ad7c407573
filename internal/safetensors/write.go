package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// chunk is the number of bytes that are converted at a time.
const chunk = 64 << 10

// Write writes f to w. The float64 tensors come first, so that every value is
// aligned, and tensors of one type are in the order of their names; metadata
// is in the order of its keys. So the bytes depend on what f holds alone.
//
// It is an error if two tensors have one name, a tensor's values don't fit its
// shape, a text is not UTF-8, or the header would be longer than MaxHeader;
// then nothing has been written.
func Write(w io.Writer, f *File) error {
	tensors, err := ordered(f.Tensors)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	header, err := encodeHeader(tensors, f.Metadata)
	if err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	buf := make([]byte, 0, chunk)
	for _, t := range tensors {
		if err := writeValues(w, t, buf); err != nil {
			return fmt.Errorf("safetensors: data: tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// ordered returns the tensors in the file's order, each of them checked.
func ordered(tensors []Tensor) ([]*Tensor, error) {
	sorted := make([]*Tensor, len(tensors))
	for i := range tensors {
		if err := tensors[i].check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", tensors[i].Name, err)
		}
		sorted[i] = &tensors[i]
	}
	slices.SortFunc(sorted, func(a, b *Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Name == sorted[i-1].Name {
			return nil, fmt.Errorf("tensor %q: two tensors have this name; a name stands for one", sorted[i].Name)
		}
	}
	slices.SortStableFunc(sorted, func(a, b *Tensor) int { return cmp.Compare(b.dtype().size(), a.dtype().size()) })
	return sorted, nil
}

// dtype is the type of t's values.
func (t *Tensor) dtype() dtype {
	if t.F64 != nil {
		return f64
	}
	return f32
}

// check returns what is wrong with t, or nil.
func (t *Tensor) check() error {
	if err := checkName(t.Name); err != nil {
		return err
	}
	if t.F32 != nil && t.F64 != nil {
		return errors.New("it has values in F32 and in F64; one of them must be nil")
	}
	n, err := values(t.Shape)
	if err != nil {
		return err
	}
	if have := len(t.F32) + len(t.F64); have != n {
		return fmt.Errorf("its shape %v needs %d values; it has %d", t.Shape, n, have)
	}
	return nil
}

// encodeHeader returns the file's first two parts. Spaces make their length a
// multiple of 8, so that a float64 in the data is aligned in the file.
func encodeHeader(tensors []*Tensor, metadata map[string]string) ([]byte, error) {
	h := bytes.NewBuffer(make([]byte, 8))
	separator := byte('{')
	key := func(name string) {
		h.WriteByte(separator)
		separator = ','
		quote(h, name)
		h.WriteByte(':')
	}
	if len(metadata) > 0 {
		key(metadataKey)
		between := byte('{')
		for _, k := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(k) || !utf8.ValidString(metadata[k]) {
				return nil, fmt.Errorf("metadata %q: not UTF-8", k)
			}
			h.WriteByte(between)
			between = ','
			quote(h, k)
			h.WriteByte(':')
			quote(h, metadata[k])
		}
		h.WriteByte('}')
	}
	at := 0
	for _, t := range tensors {
		end := at + (len(t.F32) * 4) + (len(t.F64) * 8)
		key(t.Name)
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", ",")
		fmt.Fprintf(h, `{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, t.dtype(), shape, at, end)
		at = end
	}
	if separator == '{' {
		h.WriteByte('{')
	}
	h.WriteByte('}')
	for h.Len()%8 != 0 {
		h.WriteByte(' ')
	}
	header := h.Bytes()
	if len(header)-8 > MaxHeader {
		return nil, fmt.Errorf("it would have %d bytes; at most %d are allowed", len(header)-8, MaxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// quote writes s as a JSON string.
func quote(h *bytes.Buffer, s string) {
	e := json.NewEncoder(h)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string has a JSON form, and a buffer takes it
	}
	h.Truncate(h.Len() - 1) // Encode ends it with a newline
}

// writeValues writes t's values with the help of buf, which is empty.
func writeValues(w io.Writer, t *Tensor, buf []byte) error {
	for part := range slices.Chunk(t.F32, chunk/4) {
		b := buf
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(t.F64, chunk/8) {
		b := buf
		for _, v := range part {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
