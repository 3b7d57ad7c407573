package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// newReader returns the csv.Reader that defines how our text is read.
func newReader(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = comma
	c.FieldsPerRecord = -1 // a record that isn't like the header gets our own error
	c.ReuseRecord = true
	// `a, "b"` has a quoted cell after a space. A tab is a space too, and empty
	// cells between tabs stay.
	c.TrimLeadingSpace = comma != '\t'
	return c
}

// Records read what newReader's csv.Reader reads. Lines without a quote, most
// lines of most tables, they cut themselves, in half the time (BenchmarkReadCSV:
// encoding/csv against records). The others they leave to the csv.Reader, which
// reads through the same buffer and takes from it the lines of one record.
type records struct {
	text  *bufio.Reader // of at least smallestBuffer bytes
	csv   *csv.Reader
	comma rune

	cells    []string
	plain    bool // the last record was cut here
	cut      int  // lines that were cut or skipped here
	csvLines int  // lines that csv has taken
}

// smallestBuffer is that of bufio.NewReader: before a smaller one csv.NewReader
// would put another, and read ahead.
const smallestBuffer = 4096

func newRecords(text *bufio.Reader, comma rune) *records {
	return &records{text: text, csv: newReader(text, comma), comma: comma}
}

// read returns the next record, which is valid until the next call. Its errors
// are csv.Reader's, with the cells before the fault.
func (r *records) read() ([]string, error) {
	for {
		line, ok := r.plainLine()
		if !ok {
			return r.readCSV()
		}
		r.plain = true
		r.cut++
		text := string(line) // once for all its cells
		r.text.Discard(len(line))
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		if text == "" {
			continue
		}
		r.cells = r.cells[:0]
		for more := true; more; {
			var cell string
			if r.csv.TrimLeadingSpace {
				text = trimLeft(text)
			}
			cell, text, more = r.cutCell(text)
			r.cells = append(r.cells, cell)
		}
		return r.cells, nil
	}
}

// plainLine returns the next line, and whether there is one without a quote
// that fits the buffer.
func (r *records) plainLine() (line []byte, ok bool) {
	for n := r.text.Buffered(); ; {
		line, err := r.text.Peek(max(n, 1))
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
			return line, bytes.IndexByte(line, '"') < 0
		}
		if err != nil {
			return line, errors.Is(err, io.EOF) && len(line) > 0 && bytes.IndexByte(line, '"') < 0
		}
		n = r.text.Buffered() + 1
	}
}

func (r *records) cutCell(text string) (cell, rest string, more bool) {
	i := -1
	if r.comma < utf8.RuneSelf {
		i = strings.IndexByte(text, byte(r.comma))
	} else {
		i = strings.IndexRune(text, r.comma)
	}
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+utf8.RuneLen(r.comma):], true
}

// trimLeft is strings.TrimLeftFunc of space, quick where there is none.
func trimLeft(text string) string {
	if text == "" || ' ' < text[0] && text[0] < utf8.RuneSelf {
		return text
	}
	return strings.TrimLeftFunc(text, unicode.IsSpace)
}

func (r *records) readCSV() ([]string, error) {
	r.plain = false
	cells, err := r.csv.Read()
	if n := len(cells); n > 0 {
		line, _ := r.csv.FieldPos(n - 1)
		r.csvLines = line + strings.Count(cells[n-1], "\n")
	}
	return cells, err
}

// line returns the line on which a cell of the last record begins.
func (r *records) line(cell int) int {
	if r.plain {
		return r.cut + r.csvLines
	}
	line, _ := r.csv.FieldPos(cell)
	return r.cut + line
}
