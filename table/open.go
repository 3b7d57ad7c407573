package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits of what is read. Each is far above what honest tables need, and stops a
// broken or malicious file before it takes the machine's memory.
const (
	// MaxCell and MaxRecord are the most bytes in one cell and in one record.
	MaxCell   = 16 << 20
	MaxRecord = 64 << 20

	// maxHeld is how much of an input that can't be read twice (a pipe) is kept
	// in case a second look at it is needed.
	maxHeld = 1 << 30

	// Compressed tables shrink to a tenth, constant ones to a hundredth. Beyond
	// maxInflated bytes, text that is more than maxRatio times its compressed
	// size is taken for a bomb.
	maxInflated = 64 << 20
	maxRatio    = 250

	// bufferSize is also how much of the text is looked at to find its delimiter.
	bufferSize = 256 << 10
)

// OpenCSV reads the file at path as ReadCSV does; "-" is standard input.
func OpenCSV(path string, o CSVOptions) (*Table, error) {
	if path == "-" {
		return ReadCSV("stdin", os.Stdin, o)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	defer f.Close()
	return ReadCSV(path, f, o)
}

// A source gives the text of an input: inflated if it is compressed, without
// byte-order mark; and if need be gives it again.
type source struct {
	raw    io.Reader
	seeker io.Seeker // nil if raw can't be read twice
	start  int64     // where the input begins, for the seeker
	held   bytes.Buffer
	lost   bool // held had to be given up
	opened bool
}

var errLost = fmt.Errorf("the input is a pipe and longer than %d MiB, and so can't be read twice", maxHeld>>20)

func newSource(r io.Reader) *source {
	s := &source{raw: r}
	if seeker, ok := r.(io.Seeker); ok {
		// A pipe's file has the method and not the ability.
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			s.seeker, s.start = seeker, start
		}
	}
	return s
}

// text opens the input: the first time, or again after all of it was read. The
// caller closes what it gets before it asks again.
func (s *source) text() (*text, error) {
	raw := s.raw
	switch {
	case s.seeker == nil && !s.opened:
		raw = io.TeeReader(raw, (*holder)(s))
	case s.seeker == nil && s.lost:
		return nil, errLost
	case s.seeker == nil:
		raw = bytes.NewReader(s.held.Bytes())
	case s.opened:
		if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
			return nil, err
		}
	}
	s.opened = true
	return newText(raw)
}

// A holder is a source as the place where its bytes are kept.
type holder source

func (h *holder) Write(p []byte) (int, error) {
	if h.lost = h.lost || h.held.Len()+len(p) > maxHeld; h.lost {
		h.held = bytes.Buffer{}
	} else {
		h.held.Write(p)
	}
	return len(p), nil
}

// A text is an input's text, to be read through its buffer.
type text struct {
	*bufio.Reader
	meter *meter
	close func()
}

// newText recognises gzip and Zstandard by their first bytes, whatever the
// file's name.
func newText(raw io.Reader) (*text, error) {
	packed := &meter{r: raw, limit: -1}
	head := bufio.NewReaderSize(packed, bufferSize)
	t := &text{Reader: head, meter: packed, close: func() {}}
	magic, _ := head.Peek(4) // what stands in the way of reading shows again later
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(head)
		if err != nil {
			return nil, inflateError("gzip", err)
		}
		t.inflate("gzip", packed, z)
		t.close = func() { z.Close() }
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, inflateError("Zstandard", err)
		}
		t.inflate("Zstandard", packed, z)
		t.close = z.Close
	}
	if bom, _ := t.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		t.Discard(len(bom))
	}
	return t, nil
}

// inflate puts z, which unpacks what packed counts, between t and its bytes.
func (t *text) inflate(format string, packed *meter, z io.Reader) {
	t.meter = &meter{r: &inflater{format: format, z: z, packed: packed}, limit: -1}
	t.Reader = bufio.NewReaderSize(t.meter, bufferSize)
}

// An inflater names the format in the errors of z, and stops at a bomb.
type inflater struct {
	format string
	z      io.Reader
	packed *meter
	n      int64
}

func (i *inflater) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	i.n += int64(n)
	if i.n > maxInflated && i.n > maxRatio*i.packed.n {
		return n, fmt.Errorf("the %s data grows more than %d times, as no table does; unpack it yourself if it is one", i.format, maxRatio)
	}
	if err != nil && err != io.EOF {
		err = inflateError(i.format, err)
	}
	return n, err
}

func inflateError(format string, err error) error {
	return fmt.Errorf("the %s data is damaged or cut short: %w", format, err)
}

var errLongRecord = errors.New("record too long")

// A meter counts the bytes that pass, and lets none pass beyond its limit if
// that is not negative. It repeats an error as often as it is asked.
type meter struct {
	r        io.Reader
	n, limit int64
	err      error
}

func (m *meter) Read(p []byte) (n int, err error) {
	if m.err == nil && m.limit >= 0 && m.n >= m.limit {
		m.err = errLongRecord
	}
	if m.err == nil {
		n, m.err = m.r.Read(p)
		m.n += int64(n)
	}
	return n, m.err
}
