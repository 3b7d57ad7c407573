package table

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// notCSV are the beginnings of files that are often taken for tables of text.
var notCSV = []struct{ magic, what, instead string }{
	{"PK\x03\x04", "a spreadsheet (.xlsx) or a zip archive", "save the sheet as CSV, or unpack the archive"},
	{"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)", "save the sheet as CSV"},
	{"PAR1", "a Parquet file", "write it as CSV"},
	{"ARROW1", "an Arrow file", "write it as CSV"},
	{"BZh", "compressed with bzip2", "unpack it, or use gzip or Zstandard"},
	{"\xfd7zXZ", "compressed with xz", "unpack it, or use gzip or Zstandard"},
	{"SQLite format 3", "an SQLite database", "write the table as CSV"},
}

// refuse says in what way a beginning isn't that of a text in UTF-8 or in one
// byte a character; "" if it may be one.
func refuse(sample []byte, name string) string {
	for _, f := range notCSV {
		if bytes.HasPrefix(sample, []byte(f.magic)) {
			return "this is " + f.what + ", not a table of text; " + f.instead
		}
	}
	if utf16(sample) {
		return "the text is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 " + name + " > utf8.csv"
	}
	if bytes.IndexByte(sample, '\r') >= 0 && bytes.IndexByte(sample, '\n') < 0 && bytes.IndexByte(sample, '\r') < len(sample)-1 {
		return `the lines end with CR alone, as those of old Macs did; convert them: tr '\r' '\n' < ` + name + " > lines.csv"
	}
	return ""
}

// utf16 says whether a beginning is UTF-16: it has that byte-order mark, or
// every other byte is NUL, as in Latin text.
func utf16(sample []byte) bool {
	if bytes.HasPrefix(sample, []byte("\xff\xfe")) || bytes.HasPrefix(sample, []byte("\xfe\xff")) {
		return true
	}
	sample = sample[:min(len(sample), 1024)]
	var nul [2]int // at even and at odd places
	for i, b := range sample {
		if b == 0 {
			nul[i%2]++
		}
	}
	half := len(sample) / 2
	return half > 0 && max(nul[0], nul[1]) > half*3/4 && min(nul[0], nul[1]) < half/4
}

// delimiters are tried in this order.
const delimiters = ",;\t|"

// findComma returns the delimiter of a text that begins with the sample, whole
// if the sample is all of the text.
//
// It is the one that cuts the header and all the records into the same number
// of cells, more than one (a header with one cell less will do, where the
// records begin with names of their own); of several the one that makes the
// most. If none does, it is the one that cuts the most records into more than
// one cell, so that the error which must follow speaks of the right cells. If
// none cuts anything, it is the space, provided that most cells then are numbers
// (else "New York" and "Den Haag" would be two columns), or the text has one
// column.
func findComma(sample []byte, whole bool) rune {
	comma, most, even := ',', 0, false
	for _, c := range delimiters {
		records := sampleRecords(sample, whole, c)
		if len(records) == 0 || len(records[0]) < 2 {
			continue
		}
		score, same := len(records[0]), sameLength(records)
		if !same {
			score = count(records, func(r []string) bool { return len(r) > 1 })
		}
		if same && !even || same == even && score > most {
			comma, most, even = c, score, same
		}
	}
	if most == 0 {
		records := sampleRecords(sample, whole, ' ')
		if len(records) > 1 && len(records[0]) > 1 && sameLength(records) {
			cells := slices.Concat(records[1:]...)
			texts := count(cells, func(cell string) bool { _, class := classify(cell, '.'); return class == isText })
			if 2*texts < len(cells) {
				return ' '
			}
		}
	}
	return comma
}

// sameLength says whether all records have the header's number of cells, or all
// of them one more, for a name of the row.
func sameLength(records [][]string) bool {
	return count(records, func(r []string) bool { return len(r) == len(records[0]) }) == len(records) || rowNames(records)
}

// rowNames says whether the records begin with names of their own, for which
// the header has no cell, as R's write.table makes them. Lines that end in a
// delimiter have a cell more, too: an empty one, at the end.
func rowNames(records [][]string) bool {
	if len(records) < 2 {
		return false
	}
	rows := records[1:]
	return count(rows, func(r []string) bool { return len(r) == len(records[0])+1 }) == len(rows) &&
		count(rows, func(r []string) bool { return strings.TrimSpace(r[len(r)-1]) == "" }) < len(rows) &&
		count(rows, func(r []string) bool { return strings.TrimSpace(r[0]) == "" }) == 0
}

// count returns the number of elements of which is is true.
func count[E any](s []E, is func(E) bool) int {
	n := 0
	for _, e := range s {
		if is(e) {
			n++
		}
	}
	return n
}

// sampleRecords returns the first records of a sample cut at the delimiter, but
// for one that the sample's end may have cut short.
func sampleRecords(sample []byte, whole bool, comma rune) [][]string {
	const enough = 200
	r := newReader(bytes.NewReader(sample), comma)
	r.ReuseRecord = false
	var records [][]string
	for len(records) < enough {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && r.InputOffset() < int64(len(sample)) {
			// A quote where this delimiter makes none possible: a cell of its own
			// kind, so that this record is like no other.
			record = nil
		} else if err != nil {
			break
		}
		if blank(record) {
			continue
		}
		records = append(records, record)
	}
	if !whole && len(records) > 1 && r.InputOffset() == int64(len(sample)) {
		records = records[:len(records)-1]
	}
	return records
}

// blank says whether a record is that of a line of nothing but spaces, which
// is skipped like an empty one, whatever the number of columns.
func blank(record []string) bool {
	return len(record) == 1 && strings.TrimSpace(record[0]) == ""
}
