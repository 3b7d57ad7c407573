package table_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/table"
)

// drawColumn draws a column and the cells that say it in a file.
func drawColumn(t *rapid.T, name string, rows int) (c table.Column, cells []string) {
	// A word, so that the column is text, and in Unicode what a cell can hold: no
	// NUL, and no CR, which encoding/csv changes.
	word := rapid.Map(rapid.String(), func(s string) string {
		s = strings.TrimSpace("w" + strings.NewReplacer("\x00", "", "\r", "").Replace(s))
		return strings.ToValidUTF8(s, "")
	})
	kind := rapid.SampledFrom([]table.Kind{table.Number, table.Category, table.Boolean}).Draw(t, "kind")
	texts := make([]string, rows)
	c = table.Column{Name: name, Kind: kind}
	some := false
	for i := range texts {
		gap := rapid.SampledFrom([]string{"NA", "", "null", "NaN"}).Draw(t, "gap")
		if rapid.IntRange(0, 4).Draw(t, "missing") == 0 && (some || i < rows-1) {
			cells = append(cells, gap)
			c.Numbers = append(c.Numbers, math.NaN())
			continue
		}
		some = true
		switch kind {
		case table.Number:
			v := rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "number")
			cells = append(cells, strconv.FormatFloat(v, "gef"[rapid.IntRange(0, 2).Draw(t, "format")], -1, 64))
			c.Numbers = append(c.Numbers, v)
		case table.Boolean:
			v := rapid.Bool().Draw(t, "bool")
			cells = append(cells, strconv.FormatBool(v))
			c.Numbers = append(c.Numbers, map[bool]float64{true: 1}[v])
		case table.Category:
			texts[i] = word.Draw(t, "text")
			cells = append(cells, texts[i])
		}
	}
	if kind == table.Category {
		return table.Categories(name, texts), cells
	}
	return c, cells
}

func TestWhatEncodingCSVWritesIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 30).Draw(t, "rows")
		columns := make([]table.Column, rapid.IntRange(2, 6).Draw(t, "columns")) // a line of one empty cell would be blank
		records := make([][]string, rows+1)
		for j := range columns {
			name := fmt.Sprint("name ", j)
			column, cells := drawColumn(t, name, rows)
			columns[j] = column
			for i, cell := range append([]string{name}, cells...) {
				records[i] = append(records[i], cell)
			}
		}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.Comma = rapid.SampledFrom([]rune(",,;;\t|§")).Draw(t, "comma")
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		if err := w.WriteAll(records); err != nil {
			t.Fatal(err)
		}

		// The delimiter must be given where text may hold others by chance.
		o := table.CSVOptions{Comma: w.Comma, KeepText: true}
		isText := func(c table.Column) bool { return c.Kind == table.Category }
		if w.Comma < utf8.RuneSelf && !slices.ContainsFunc(columns, isText) {
			o.Comma = 0
		}

		// The second reader can't seek.
		for _, r := range []io.Reader{bytes.NewReader(text.Bytes()), io.MultiReader(&text)} {
			got, err := table.ReadCSV("t.csv", r, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(columns, got.Columns, same...); d != "" {
				t.Fatal(d)
			}
			if !cmp.Equal(got.Text[0], records[1]) {
				t.Fatalf("kept %q of %q", got.Text[0], records[1])
			}
		}
	})
}

func TestSelectIsARowEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 20).Draw(t, "rows")
		column, _ := drawColumn(t, "a", rows)
		picked := rapid.SliceOf(rapid.IntRange(0, rows-1)).Draw(t, "picked")
		got := table.New(column).Select(picked).Columns[0]
		if got.Len() != len(picked) {
			t.Fatalf("%d rows, want %d", got.Len(), len(picked))
		}
		for i, row := range picked {
			if text(&got, i) != text(&column, row) {
				t.Fatalf("row %d is %s, want %s", i, text(&got, i), text(&column, row))
			}
		}
	})
}

// text returns a value of a column for comparison.
func text(c *table.Column, row int) string {
	switch {
	case c.Missing(row):
		return "missing"
	case c.Kind == table.Category:
		return c.Levels[c.Codes[row]]
	}
	return fmt.Sprint(c.Numbers[row])
}

// FuzzReadCSV holds what is true of every input: no panic; a table or an
// error; and a table keeps its own rules and comes out the same by every door.
func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,x\n2,y\n"), uint8(0))
	f.Add([]byte("a;b\n1,5;?\n2;3\n"), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, flags uint8) {
		o := table.CSVOptions{KeepText: flags&1 != 0}
		if flags&2 != 0 {
			o.Comma = []rune(",;\t| §")[int(flags>>4)%6]
		}
		if flags&4 != 0 {
			o.Kinds = map[string]table.Kind{"a": table.Kind(flags >> 6 % 3)}
		}
		if flags&8 != 0 {
			o.Categories = []string{"a"}
		}
		got, err := table.ReadCSV("t.csv", bytes.NewReader(data), o)
		again, errAgain := table.ReadCSV("t.csv", io.MultiReader(bytes.NewReader(data)), o)
		if err != nil {
			if errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("seeking: %v\nnot seeking: %v", err, errAgain)
			}
			if !strings.HasPrefix(err.Error(), "table: t.csv") {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		if errAgain != nil {
			t.Fatalf("not seeking: %v", errAgain)
		}
		if d := cmp.Diff(got.Columns, again.Columns, same...); d != "" {
			t.Fatal(d)
		}
		if err := table.New(got.Columns...).Err(); err != nil {
			t.Fatal(err)
		}
		if got.Rows() == 0 || len(got.Columns) == 0 {
			t.Fatalf("a table of %d rows and %d columns", got.Rows(), len(got.Columns))
		}
		if o.KeepText && (len(got.Text) != got.Rows() || len(got.Header) != len(got.Columns)) {
			t.Fatalf("%d rows of text for %d, %d names for %d", len(got.Text), got.Rows(), len(got.Header), len(got.Columns))
		}
		for _, c := range got.Columns {
			for code, level := range c.Levels {
				if level == "" || strings.IndexByte(level, 0) >= 0 || strings.ToValidUTF8(level, "") != level {
					t.Fatalf("column %q has the level %d %q", c.Name, code, level)
				}
			}
		}
	})
}
