package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Read reads a file of size bytes from r. Beside the header it allocates no
// more than the tensors' values, and those only after the header has been
// found to agree with size.
//
// It is an error if r ends early, the header is longer than MaxHeader or is
// not what the format says, a key stands twice, a tensor has a type other than
// F32 and F64, or the tensors don't fill the data exactly.
func Read(r io.Reader, size int64) (*File, error) {
	f, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func read(r io.Reader, size int64) (*File, error) {
	if size < 8 {
		return nil, fmt.Errorf("length: the file has %d bytes; the header's length alone takes 8", max(size, 0))
	}
	var length [8]byte
	if err := fill(r, length[:]); err != nil {
		return nil, fmt.Errorf("length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader {
		return nil, fmt.Errorf("length: a header of %d bytes; at most %d are allowed", n, MaxHeader)
	}
	if n > uint64(size-8) {
		return nil, fmt.Errorf("length: a header of %d bytes in a file of %d; the file is cut off, or is no safetensors file", n, size)
	}
	header := make([]byte, n)
	if err := fill(r, header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	entries, metadata, err := decodeHeader(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if err := check(entries, uint64(size-8)-n); err != nil {
		return nil, err
	}
	f := &File{Metadata: metadata, Tensors: make([]Tensor, len(entries))}
	buf := make([]byte, chunk)
	for i, e := range entries {
		if f.Tensors[i], err = readValues(r, e, buf); err != nil {
			return nil, fmt.Errorf("data: tensor %q: %w", e.name, err)
		}
	}
	return f, nil
}

// fill reads len(b) bytes; an end before them is unexpected, even before the
// first.
func fill(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// readValues reads the tensor of an entry that has been checked.
func readValues(r io.Reader, e entry, buf []byte) (Tensor, error) {
	t := Tensor{Name: e.name, Shape: e.shape}
	n := int(e.end-e.begin) / e.dtype.size()
	switch e.dtype {
	case f32:
		t.F32 = make([]float32, n)
	case f64:
		t.F64 = make([]float64, n)
	}
	for i := 0; i < n; {
		b := buf[:min(len(buf), (n-i)*e.dtype.size())]
		if err := fill(r, b); err != nil {
			return Tensor{}, err
		}
		for ; len(b) > 0; i++ {
			if e.dtype == f32 {
				t.F32[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
			} else {
				t.F64[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			}
			b = b[e.dtype.size():]
		}
	}
	return t, nil
}

// decodeHeader returns what the header says. It goes token by token:
// json.Unmarshal would take the last of two equal keys, and keys in any case.
func decodeHeader(header []byte) ([]entry, map[string]string, error) {
	text := bytes.TrimRight(header, " ")
	if !bytes.HasPrefix(text, []byte("{")) {
		return nil, nil, errors.New("it does not begin with {; this is no safetensors file")
	}
	if !utf8.Valid(text) {
		return nil, nil, errors.New("it is not UTF-8")
	}
	if !json.Valid(text) {
		return nil, nil, errors.New("it is not one JSON object")
	}
	d := tokens{json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()

	var entries []entry
	var metadata map[string]string
	err := d.object(func(key string) (err error) {
		if key == metadataKey {
			metadata, err = d.strings()
			if err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			return nil
		}
		e, err := d.entry(key)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		entries = append(entries, e)
		return nil
	})
	return entries, metadata, err
}

// tokens reads the pieces of a header from valid JSON.
type tokens struct{ *json.Decoder }

// object reads an object and calls value for each key, to read what the key
// stands for. No key may stand twice.
func (d tokens) object(value func(key string) error) error {
	if err := d.delimiter('{', "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key := token.(string) // the decoder allows nothing else
		if seen[key] {
			return fmt.Errorf("the key %q stands twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return d.delimiter('}', "the object's end")
}

// strings reads an object all of whose values are strings.
func (d tokens) strings() (map[string]string, error) {
	m := map[string]string{}
	err := d.object(func(key string) (err error) {
		m[key], err = d.string()
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		return nil
	})
	return m, err
}

// entry reads the object that describes a tensor.
func (d tokens) entry(name string) (entry, error) {
	e := entry{name: name}
	missing := map[string]bool{"dtype": true, "shape": true, "data_offsets": true}
	err := d.object(func(key string) (err error) {
		delete(missing, key)
		switch key {
		case "dtype":
			var s string
			s, err = d.string()
			e.dtype = dtype(s)
		case "shape":
			e.shape, err = d.shape()
		case "data_offsets":
			var offsets []uint64
			if offsets, err = d.numbers(2); err == nil && len(offsets) != 2 {
				err = fmt.Errorf("%d numbers; there must be 2, where the data begins and ends", len(offsets))
			}
			if err == nil {
				e.begin, e.end = offsets[0], offsets[1]
			}
		default:
			return fmt.Errorf("there is no key %q; the keys are dtype, shape and data_offsets", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return entry{}, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if missing[key] {
			return entry{}, fmt.Errorf("%s is missing", key)
		}
	}
	return e, nil
}

// shape reads a tensor's dimensions.
func (d tokens) shape() ([]int, error) {
	numbers, err := d.numbers(MaxDims)
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(numbers))
	for i, n := range numbers {
		if n > math.MaxInt {
			return nil, fmt.Errorf("the dimension %d is larger than any memory", n)
		}
		shape[i] = int(n)
	}
	return shape, nil
}

// numbers reads an array of at most limit whole numbers.
func (d tokens) numbers(limit int) ([]uint64, error) {
	if err := d.delimiter('[', "an array"); err != nil {
		return nil, err
	}
	var numbers []uint64
	for d.More() {
		if len(numbers) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		number, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v is not a number", token)
		}
		n, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number below 2⁶⁴", number)
		}
		numbers = append(numbers, n)
	}
	return numbers, d.delimiter(']', "the array's end")
}

// string reads a string.
func (d tokens) string() (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("%v is not a string", token)
	}
	return s, nil
}

// delimiter reads the delimiter that begins or ends what.
func (d tokens) delimiter(want json.Delim, what string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v stands where %s should", token, what)
	}
	return nil
}
