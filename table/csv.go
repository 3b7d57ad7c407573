package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// CSVOptions say how a text is read. The zero value finds everything itself.
type CSVOptions struct {
	// Comma stands between cells. 0 finds it: comma, semicolon, tab or bar,
	// whichever cuts the first records into the same number of cells; or spaces,
	// if none of these does and most cells are then numbers.
	Comma rune

	// Categories are columns that are text whatever they look like: "01234" stays
	// as it is written. A name that the file lacks is an error.
	Categories []string

	// Kinds are the kinds of columns as they are known beforehand, from a model.
	// A Category is read as if it stood in Categories. A Number or Boolean may be
	// either of these in the file, but text in it, however much, is an error.
	// Names that the file lacks are passed over.
	Kinds map[string]Kind

	// KeepText keeps the cells as they are written, but for quotes and the spaces
	// before a cell, in Table.Header and Table.Text.
	KeepText bool
}

// ReadCSV reads a table from text; name is what messages call it. The text may
// be compressed with gzip or Zstandard, which is seen from its first bytes.
// encoding/csv defines the format: cells between delimiters, or between quotes
// with the quotes inside doubled. The first record is the header. A column
// whose name is empty is called by its place: "column 1".
//
// A column's kind follows from all of its cells, without the spaces around them:
//
//   - Empty, NA, <NA>, NaN, nan, null and NULL are missing, in every column.
//   - A column of decimal numbers is a Number. One of true and false, all lower
//     case, all upper case or with a capital, is a Boolean. One of text is a
//     Category. One without any value is a Number, all missing.
//   - Among numbers, signs like ?, -, n/a and none are missing too.
//   - If some other text stands among at least 20 numbers, in a single cell or
//     in at most one of a hundred, it is taken for an accident: an error.
//     If there is more, the column is a Category, its numbers' text as written.
//   - In a number column "inf" and what float64 can't hold are errors.
//   - Between semicolons a number may have a decimal comma.
//
// Notes tell of every such decision that isn't plain from the data. Lines of
// nothing but spaces are skipped; in a table of one column only empty lines are,
// and a missing value must be written: NA or "". Text that isn't UTF-8 is taken
// for Windows-1252, with a note; UTF-16 and NUL bytes are errors.
//
// Errors in the text are a *[ParseError]. Those of r are wrapped.
//
// A column that turns from numbers to text is read a second time. If r is an
// io.Seeker it is read again, from where it stood at first. Else up to 1 GiB of
// what it gives is held until the end.
func ReadCSV(name string, r io.Reader, o CSVOptions) (*Table, error) {
	s := &scanner{name: name, options: o, source: newSource(r)}
	return s.table()
}

// A scanner reads one text into one table.
type scanner struct {
	name    string
	options CSVOptions
	source  *source

	comma    rune
	rowNames bool // the first column has no cell in the header
	atHeader bool
	records  *records
	columns  []draft
	rows     int

	headerLine int
	decoded    spot // the first text that wasn't UTF-8
	out        Table
}

// A spot is a cell and where it stands; line 0 is no spot.
type spot struct {
	line   int
	column string
	cell   string
}

func (s *scanner) table() (*Table, error) {
	s.out.Name = s.name
	if err := s.scan(s.firstPass); err != nil {
		return nil, err
	}
	if s.rows == 0 {
		return nil, s.errorf(s.headerLine, "", "there is a header, and no row under it")
	}

	again := false
	for i := range s.columns {
		if err := s.columns[i].decide(s); err != nil {
			return nil, err
		}
		again = again || s.columns[i].reread
	}
	if again {
		if err := s.scanAgain(); err != nil {
			return nil, err
		}
	}

	for i := range s.columns {
		s.out.Columns = append(s.out.Columns, s.columns[i].column())
	}
	if d := s.decoded; d.line > 0 {
		s.note(d.line, d.column, "the text is not UTF-8 (%s); where it isn't, it was read as Windows-1252", quote(d.cell))
	}
	return &s.out, nil
}

// scan opens the text and calls row for each record after the header, whose
// cells are valid until the next call. Every record has the header's length.
func (s *scanner) scan(row func(cells []string) error) error {
	t, err := s.source.text()
	if err != nil {
		return fmt.Errorf("table: %s: %w", s.name, err)
	}
	defer t.close()
	first := s.columns == nil
	if first {
		if err := s.sniff(t); err != nil {
			return err
		}
	}
	s.records = newRecords(t.Reader, s.comma)

	for header := true; ; header = false {
		// What the buffer holds in advance counts as read.
		t.meter.limit = t.meter.n + MaxRecord
		cells, err := s.records.read()
		s.atHeader = header
		switch {
		case err == io.EOF && header:
			return s.errorf(0, "", "the file is empty; a table starts with a line of column names")
		case err == io.EOF:
			return nil
		case err != nil:
			return s.readError(cells, err)
		case header && first:
			err = s.header(cells)
		case header:
		case len(cells) != len(s.columns):
			if blank(cells) {
				continue
			}
			return s.ragged(cells)
		default:
			err = row(cells)
		}
		if err != nil {
			return err
		}
	}
}

// sniff looks at the beginning of the text and finds how to read it.
func (s *scanner) sniff(t *text) error {
	sample, err := t.Peek(bufferSize)
	if msg := refuse(sample, s.name); msg != "" {
		return s.errorf(0, "", "%s", msg)
	}
	if s.comma = s.options.Comma; s.comma == 0 {
		s.comma = findComma(sample, err == io.EOF)
	}
	s.rowNames = rowNames(sampleRecords(sample, err == io.EOF, s.comma))
	if strings.ContainsRune("\x00\"\r\n\uFFFD", s.comma) || !utf8.ValidRune(s.comma) {
		return fmt.Errorf("table: %s: %q can't stand between cells; common are comma, semicolon, tab and bar", s.name, s.comma)
	}
	return nil
}

// header makes a column of each name.
func (s *scanner) header(cells []string) error {
	if len(cells) > MaxColumns {
		return s.errorf(s.line(0), "", "%s columns; at most %s are possible", grouped(len(cells)), grouped(MaxColumns))
	}
	s.headerLine = s.line(0)
	if s.rowNames {
		cells = append([]string{""}, cells...)
		s.note(s.headerLine, placeName(0), "the rows begin with names of their own, as R's write.table makes them, and the header has no cell for those")
	}
	s.columns = make([]draft, len(cells))
	first := make(map[string]int, len(cells)) // name → place
	numbers := 0
	for i, cell := range cells {
		if _, class := classify(strings.TrimSpace(cell), '.'); class == isNumber {
			numbers++
		}
		name, err := s.clean(i, strings.TrimSpace(cell))
		if err != nil {
			return err
		}
		if name == "" {
			name = placeName(i)
		}
		s.columns[i] = draft{place: i, name: name}
		if s.options.KeepText {
			name, _ := s.clean(i, cell)
			s.out.Header = append(s.out.Header, name)
		}
	}
	hint := ""
	if numbers == len(cells) {
		hint = "; the first line must have the names of the columns, and this one has numbers"
	}
	for i := range s.columns {
		name := s.columns[i].name
		if j, ok := first[name]; ok {
			return s.errorf(s.line(i), "", "columns %d and %d are both called %q; rename one%s", j+1, i+1, name, hint)
		}
		first[name] = i
		if kind, ok := s.options.Kinds[name]; ok {
			s.columns[i].want(kind)
		}
	}
	for _, name := range s.options.Categories {
		i, ok := first[name]
		if !ok {
			return s.errorf(s.headerLine, "", "there is no column %q to take for text; there are %s", name, s.names())
		}
		s.columns[i].want(Category)
	}
	if hint != "" {
		s.note(s.headerLine, "", "the names of the columns are all numbers (%s, …): if the file has no header, put one on its first line", quote(cells[0]))
	}
	return nil
}

// names returns the names of the columns for a message, the first dozen.
func (s *scanner) names() string {
	const most = 12
	var names []string
	for i := range s.columns[:min(len(s.columns), most)] {
		names = append(names, quote(s.columns[i].name))
	}
	if len(s.columns) > most {
		names = append(names, fmt.Sprintf("%s more", grouped(len(s.columns)-most)))
	}
	return strings.Join(names, ", ")
}

// firstPass puts one row into all columns.
func (s *scanner) firstPass(cells []string) error {
	if s.rows == MaxRows {
		return s.errorf(s.line(0), "", "more than %s rows", grouped(MaxRows))
	}
	for i, cell := range cells {
		if len(cell) > MaxCell {
			return s.errorf(s.line(i), s.columns[i].name, "a cell of %s bytes; at most %s are possible", grouped(len(cell)), grouped(MaxCell))
		}
		if err := s.columns[i].add(s, trimSpace(cell)); err != nil {
			return err
		}
	}
	s.rows++
	if s.options.KeepText {
		row := slices.Clone(cells)
		for i, cell := range row {
			row[i], _ = s.clean(i, cell)
		}
		s.out.Text = append(s.out.Text, row)
	}
	return nil
}

// scanAgain reads the text of the columns that only turned out to be text.
func (s *scanner) scanAgain() error {
	var again []*draft
	for i := range s.columns {
		if d := &s.columns[i]; d.reread {
			d.numbers, d.codes = nil, make([]int32, 0, s.rows)
			again = append(again, d)
		}
	}
	rows := 0
	err := s.scan(func(cells []string) error {
		if rows++; rows > s.rows {
			return nil
		}
		for _, d := range again {
			if err := d.addText(s, trimSpace(cells[d.place])); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errLost):
		d := again[0]
		return s.errorf(d.firstText.line, d.name, "the column turned out to be text here, and %v; pass --category %s, or read from a file", errLost, ListWord(d.name))
	case err != nil:
		return err
	case rows != s.rows:
		return fmt.Errorf("table: %s: it changed while it was read: %s rows at first, then %s", s.name, grouped(s.rows), grouped(rows))
	}
	return nil
}

// line returns the line of a cell of the record that was read last.
func (s *scanner) line(cell int) int {
	if s.rowNames && s.atHeader {
		cell = max(0, cell-1) // the first column has no cell there
	}
	return s.records.line(cell)
}

// note adds a note with a place like an error's.
func (s *scanner) note(line int, column, format string, args ...any) {
	place := ParseError{File: s.name, Line: line, Column: column}
	s.out.Notes = append(s.out.Notes, place.where()+fmt.Sprintf(format, args...))
}

// ragged returns the error of a record that is shorter or longer than the
// header.
func (s *scanner) ragged(cells []string) error {
	for i, cell := range cells[:min(len(cells), len(s.columns))] {
		if _, err := s.clean(i, cell); err != nil {
			return err // a NUL byte explains more
		}
	}
	hint := ""
	switch {
	case s.rows == 0:
		hint = "; the header is the first line, and names each column"
	case len(cells) > len(s.columns):
		hint = "; a cell that has the delimiter inside must stand in quotes"
	}
	return s.errorf(s.line(0), "", "this record has %s, and the header has %s (delimiter %q)%s",
		plural(len(cells), "cell"), grouped(len(s.columns)), s.comma, hint)
}

// readError returns the error of a record that couldn't be read, of which there
// are the cells before the fault.
func (s *scanner) readError(cells []string, err error) error {
	var fault *csv.ParseError
	switch {
	case errors.Is(err, errLongRecord):
		line := s.records.cut + s.records.csvLines + 1
		if len(cells) > 0 {
			line = s.line(0)
		}
		return s.errorf(line, "", "the record that begins here is longer than %d MiB; is there a quote in it that is opened and never closed?", MaxRecord>>20)
	case !errors.As(err, &fault) && s.rows > 0:
		return fmt.Errorf("table: %s: after row %s: %w", s.name, grouped(s.rows), err)
	case fault == nil:
		return fmt.Errorf("table: %s: %w", s.name, err)
	}

	// The cell after the last whole one is at fault. It begins on the line where
	// that one ends.
	line, column := s.records.cut+fault.StartLine, ""
	if n := len(cells); n > 0 {
		line = s.line(n-1) + strings.Count(cells[n-1], "\n")
	}
	if len(cells) < len(s.columns) {
		column = s.columns[len(cells)].name
	}
	end := s.records.cut + fault.Line
	switch {
	case fault.Err == csv.ErrBareQuote:
		return s.errorf(end, column, `a quote inside a cell that doesn't begin with one; put the whole cell in quotes and double those inside it: "5"" disk"`)
	case end > line:
		return s.errorf(line, column, "the quote that opens here is never closed: the cell would run on to line %d; a quote that is part of the text must be doubled, in a cell in quotes", end)
	default:
		return s.errorf(line, column, `the cell begins with a quote and doesn't end with one (delimiter %q); quotes inside it must be doubled: "5"" disk"`, s.comma)
	}
}
