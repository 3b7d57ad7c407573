// Package table holds tables: named, typed columns of the same length.
//
//	         area     town       sold
//	         Number   Category   Boolean
//	row 0    120      Delft      1
//	row 1    NaN      Gouda      0          NaN and code −1: missing
//	row 2    85       Delft      NaN
//
// Three doors lead in. A program's own structs and slices become a table in a
// line ([Of], [New]); [OpenCSV] and [ReadCSV] read text and find each column's
// kind from the whole file. What a column means to a network (how it is
// filled, scaled, spread into zeros and ones) is decided elsewhere: nothing
// here knows of a network, and nothing behind this package of a file format.
//
//	t := table.Of(houses) // houses is a []House
//	t := table.New(table.Numbers("area", areas), table.Categories("town", towns))
//	t, err := table.OpenCSV("houses.csv", table.CSVOptions{})
package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Limits, checked where data enters.
const (
	MaxRows    = math.MaxInt32 // rows of a table
	MaxColumns = 100_000       // columns of a table
)

// Kind says what the values of a column are.
type Kind uint8

// The kinds of columns.
const (
	Number   Kind = iota // finite float64, NaN where missing
	Category             // text: codes that point into levels, −1 where missing
	Boolean              // 0 or 1 as float64, NaN where missing
)

var kindNames = [...]string{Number: "number", Category: "category", Boolean: "boolean"}

// String returns "number", "category" or "boolean".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText writes the kind as String names it, so that it reads well in
// JSON. A kind that doesn't exist is an error.
func (k Kind) MarshalText() ([]byte, error) {
	if int(k) >= len(kindNames) {
		return nil, fmt.Errorf("table: there is no kind %d; the kinds are %s", uint8(k), strings.Join(kindNames[:], ", "))
	}
	return []byte(kindNames[k]), nil
}

// UnmarshalText reads what MarshalText writes. Another word is an error.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("table: there is no kind %q; the kinds are %s", text, strings.Join(kindNames[:], ", "))
	}
	*k = Kind(i)
	return nil
}

// A Column is a name and a value for each row. Number and Boolean columns have
// Numbers, Category columns have Codes and Levels; the other fields are nil.
type Column struct {
	Name    string
	Kind    Kind
	Numbers []float64 // a value a row: NaN is missing, none is infinite; 0 and 1 in a Boolean column
	Codes   []int32   // an index into Levels a row: −1 is missing

	// Levels are the different texts of a category, none empty, in the order in
	// which rows first show them. After Select some may be used by no row.
	Levels []string
}

// Numbers returns a Number column of the given values, which it keeps, not
// copies. NaN is missing.
func Numbers(name string, values []float64) Column {
	return Column{Name: name, Kind: Number, Numbers: values}
}

// Categories returns a Category column of the given texts. "" is missing.
func Categories(name string, values []string) Column {
	var levels interner
	codes := make([]int32, len(values))
	for i, s := range values {
		if codes[i] = missingCode; s != "" {
			codes[i], _ = levels.code(s)
		}
	}
	return Column{Name: name, Kind: Category, Codes: codes, Levels: levels.levels}
}

// Booleans returns a Boolean column of the given values, none missing.
func Booleans(name string, values []bool) Column {
	numbers := make([]float64, len(values))
	for i, b := range values {
		if b {
			numbers[i] = 1
		}
	}
	return Column{Name: name, Kind: Boolean, Numbers: numbers}
}

// Len returns the number of rows.
func (c *Column) Len() int {
	if c.Kind == Category {
		return len(c.Codes)
	}
	return len(c.Numbers)
}

// Missing says whether the value of a row, 0 ≤ row < Len, is missing.
func (c *Column) Missing(row int) bool {
	if c.Kind == Category {
		return c.Codes[row] < 0
	}
	return math.IsNaN(c.Numbers[row])
}

// check returns what is wrong with a column that a program made, or nil.
func (c *Column) check() error {
	switch c.Kind {
	case Number, Boolean:
		for i, v := range c.Numbers {
			if math.IsInf(v, 0) {
				return fmt.Errorf("row %d (the first is 0) is infinite; a value is finite, or NaN where it is missing", i)
			}
			if c.Kind == Boolean && v != 0 && v != 1 && !math.IsNaN(v) {
				return fmt.Errorf("row %d (the first is 0) is %v; a Boolean column has 0, 1, or NaN where it is missing", i, v)
			}
		}
	case Category:
		for i, code := range c.Codes {
			if code < missingCode || int(code) >= len(c.Levels) {
				return fmt.Errorf("row %d (the first is 0) has code %d; with %d levels a code is −1 (missing) to %d", i, code, len(c.Levels), len(c.Levels)-1)
			}
		}
	default:
		return fmt.Errorf("its kind is %v; kinds are %s", c.Kind, strings.Join(kindNames[:], ", "))
	}
	return nil
}

// A Table is columns of the same length, held in memory.
type Table struct {
	Name    string   // for messages: "people.csv", "House"; may be empty
	Columns []Column // different names, the same number of rows

	// Notes say what a reader decided where the data left a choice, a sentence
	// each, with the place that made it decide.
	Notes []string

	// Header and Text are the names and the cells as they stood in the file, a
	// slice a row, for who gives them back beside an answer. They are nil unless
	// CSVOptions.KeepText asked for them.
	Header []string
	Text   [][]string

	err error
}

// New returns a table of the given columns. Columns of different lengths, two
// of the same name, infinite numbers and codes that point at no level are an
// error that Err returns. A column without a name is called by its place:
// "column 1".
func New(columns ...Column) *Table {
	t := &Table{Columns: slices.Clone(columns)}
	t.err = t.check()
	return t
}

// check names the nameless columns and returns the first thing that is wrong.
func (t *Table) check() error {
	if len(t.Columns) > MaxColumns {
		return fmt.Errorf("table: %s%d columns; at most %d are possible", t.place(), len(t.Columns), MaxColumns)
	}
	first := make(map[string]int, len(t.Columns)) // name → place
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == "" {
			c.Name = placeName(i)
		}
		if j, ok := first[c.Name]; ok {
			return fmt.Errorf("table: %scolumns %d and %d are both called %q; rename one", t.place(), j+1, i+1, c.Name)
		}
		first[c.Name] = i
		if c.Len() != t.Columns[0].Len() {
			return fmt.Errorf("table: %scolumn %q has %d rows and column %q has %d; all columns of a table have the same number",
				t.place(), t.Columns[0].Name, t.Columns[0].Len(), c.Name, c.Len())
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("table: %scolumn %q: %w", t.place(), c.Name, err)
		}
	}
	if t.Rows() > MaxRows {
		return fmt.Errorf("table: %s%d rows; at most %d are possible", t.place(), t.Rows(), MaxRows)
	}
	return nil
}

// place returns the table's name as the beginning of a message.
func (t *Table) place() string {
	if t.Name == "" {
		return ""
	}
	return t.Name + ": "
}

// placeName is what a column without a name is called.
func placeName(i int) string { return fmt.Sprintf("column %d", i+1) }

// Rows returns the number of rows: 0 for a table without columns.
func (t *Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Len()
}

// Column returns the column of that name, or nil if there is none. It points
// into the table.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// Err returns what went wrong when the table was made, or nil. New and Of leave
// their errors here, so that a table can be made in the place where it is used:
// who takes a table asks for its Err first. A reader's table has none.
func (t *Table) Err() error { return t.err }

// Select returns a copy of these rows, in this order; a row may stand in it
// more than once. Rows are counted from 0, and one that the table doesn't have
// panics, as a slice's index does. Categories keep all their levels, and with
// them their codes.
func (t *Table) Select(rows []int) *Table {
	s := &Table{Name: t.Name, Notes: slices.Clone(t.Notes), Header: t.Header, Columns: slices.Clone(t.Columns), err: t.err}
	for i := range s.Columns {
		c := &s.Columns[i]
		c.Numbers = pick(c.Numbers, rows)
		c.Codes = pick(c.Codes, rows)
	}
	s.Text = pick(t.Text, rows)
	return s
}

// pick returns values[rows[0]], values[rows[1]], …; nil of nil.
func pick[E any](values []E, rows []int) []E {
	if values == nil {
		return nil
	}
	picked := make([]E, len(rows))
	for i, r := range rows {
		picked[i] = values[r]
	}
	return picked
}
