package table_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shoal-nn/shoal/table"
)

func ExampleReadCSV() {
	text := "area;town;sold\n120,5;Delft;true\n;Gouda;false\n85;Delft;\n"
	t, err := table.ReadCSV("houses.csv", strings.NewReader(text), table.CSVOptions{})
	if err != nil {
		fmt.Println(err)
	}
	for _, c := range t.Columns {
		fmt.Println(c.Name, c.Kind, c.Numbers, c.Codes, c.Levels)
	}
	fmt.Println(t.Notes)
	// Output:
	// area number [120.5 NaN 85] [] []
	// town category [] [0 1 0] [Delft Gouda]
	// sold boolean [1 0 NaN] [] []
	// [houses.csv:2: column "area": the numbers have a decimal comma (first "120,5")]
}

func ExampleParseError() {
	_, err := table.ReadCSV("people.csv", strings.NewReader("age,town\n31,Delft\n27\n"), table.CSVOptions{})
	var at *table.ParseError
	if errors.As(err, &at) {
		fmt.Println(at.File, at.Line)
	}
	fmt.Println(err)
	// Output:
	// people.csv 3
	// table: people.csv:3: this record has 1 cell, and the header has 2 (delimiter ',')
}

// rows makes a text of a header and rows.
func rows(header string, rows ...string) string {
	return header + "\n" + strings.Join(rows, "\n") + "\n"
}

// numbersUpTo are the rows 1, 2, …, n.
func numbersUpTo(n int) []string {
	r := make([]string, n)
	for i := range r {
		r[i] = fmt.Sprint(i + 1)
	}
	return r
}

var nan = math.NaN()

// booleans is a Boolean column that can have NaN.
func booleans(name string, values ...float64) table.Column {
	return table.Column{Name: name, Kind: table.Boolean, Numbers: values}
}

func TestReadCSV(t *testing.T) {
	type columns = []table.Column
	for _, c := range []struct {
		name    string
		text    string
		options table.CSVOptions
		want    columns
		notes   []string // what each begins with, after "t.csv:"
	}{
		// Delimiters.
		{name: "comma", text: "a,b\n1,x\n", want: columns{table.Numbers("a", []float64{1}), table.Categories("b", []string{"x"})}},
		{name: "semicolon", text: "a;b\n1;x\n", want: columns{table.Numbers("a", []float64{1}), table.Categories("b", []string{"x"})}},
		{name: "tab", text: "a\tb\tc\n\tx\t\n1\ty\t\n", want: columns{table.Numbers("a", []float64{nan, 1}), table.Categories("b", []string{"x", "y"}), table.Numbers("c", []float64{nan, nan})}},
		{name: "bar", text: "a|b\n1|x,y\n", want: columns{table.Numbers("a", []float64{1}), table.Categories("b", []string{"x,y"})}},
		{name: "spaces between numbers", text: "a b\n  1   2\n 3 4\n", want: columns{table.Numbers("a", []float64{1, 3}), table.Numbers("b", []float64{2, 4})}},
		{name: "spaces between words", text: "home town\nNew York\nDen Haag\n", want: columns{table.Categories("home town", []string{"New York", "Den Haag"})}},
		{name: "a semicolon inside commas", text: "a,b\n1,x;y\n2,z;y\n", want: columns{table.Numbers("a", []float64{1, 2}), table.Categories("b", []string{"x;y", "z;y"})}},
		{name: "commas inside semicolons", text: "a;b\n1,5;2,5\n3;4,25\n", want: columns{table.Numbers("a", []float64{1.5, 3}), table.Numbers("b", []float64{2.5, 4.25})}, notes: []string{`2: column "a": the numbers have a decimal comma (first "1,5")`, `2: column "b": the numbers have a decimal comma`}},
		{name: "the delimiter within quotes", text: "a,b\n\"1;2;3\",\"x,y\"\n", want: columns{table.Categories("a", []string{"1;2;3"}), table.Categories("b", []string{"x,y"})}},
		{name: "a given delimiter", text: "a,b;c\n1,5;x\n", options: table.CSVOptions{Comma: ';'}, want: columns{table.Numbers("a,b", []float64{1.5}), table.Categories("c", []string{"x"})}, notes: []string{"2: "}},

		// What stands around cells.
		{name: "byte-order mark", text: "\xef\xbb\xbf\"a\",b\n1,2\n", want: columns{table.Numbers("a", []float64{1}), table.Numbers("b", []float64{2})}},
		{name: "spaces", text: "a , b\n 1 ,\"x, y\"\n2, \"z\"\n", want: columns{table.Numbers("a", []float64{1, 2}), table.Categories("b", []string{"x, y", "z"})}},
		{name: "CRLF, and no end of the last line", text: "a,b\r\n1,x\r\n2,y", want: columns{table.Numbers("a", []float64{1, 2}), table.Categories("b", []string{"x", "y"})}},
		{name: "blank lines", text: "\n\na,b\n\n1,x\n   \n2,y\n\n", want: columns{table.Numbers("a", []float64{1, 2}), table.Categories("b", []string{"x", "y"})}},
		{name: "blank lines under one column", text: "a\n1\n\n2\n\"\"\n", want: columns{table.Numbers("a", []float64{1, 2, nan})}},
		{name: "nameless columns", text: ",x,\n1,2,3\n", want: columns{table.Numbers("column 1", []float64{1}), table.Numbers("x", []float64{2}), table.Numbers("column 3", []float64{3})}},
		{name: "lines within quotes", text: "a,b\n\"x\ny\",1\n", want: columns{table.Categories("a", []string{"x\ny"}), table.Numbers("b", []float64{1})}},
		{name: "names that are numbers", text: "1,2\n3,4\n", want: columns{table.Numbers("1", []float64{3}), table.Numbers("2", []float64{4})}, notes: []string{`1: the names of the columns are all numbers ("1", …)`}},

		// Kinds.
		{name: "numbers", text: rows("a", "1", "-2.5", "+.5", "1e3", "7.", "1E-2"), want: columns{table.Numbers("a", []float64{1, -2.5, .5, 1000, 7, .01})}},
		{name: "missing", text: rows("a,b,c", "NA,NA,NA", "1,x,true", "NaN,NaN,NaN", ",,", "null,NULL,nan", "<NA>,2,false"), want: columns{table.Numbers("a", []float64{nan, 1, nan, nan, nan, nan}), table.Categories("b", []string{"", "x", "", "", "", "2"}), booleans("c", nan, 1, nan, nan, nan, 0)}, notes: []string{`3: column "b": 1 of 2 values are not numbers (first "x")`}},
		{name: "all missing", text: "a,b\nNA,\n,\n", want: columns{table.Numbers("a", []float64{nan, nan}), table.Numbers("b", []float64{nan, nan})}},
		{name: "booleans", text: "a,b,c\ntrue,TRUE,True\nfalse,FALSE,False\n", want: columns{booleans("a", 1, 0), booleans("b", 1, 0), booleans("c", 1, 0)}},
		{name: "near booleans", text: "a,b,c\nT,yes,true\nF,no,maybe\n", want: columns{table.Categories("a", []string{"T", "F"}), table.Categories("b", []string{"yes", "no"}), table.Categories("c", []string{"true", "maybe"})}},
		{name: "text with numbers", text: "a\nA1\n01234\n7\n01234\n", want: columns{table.Categories("a", []string{"A1", "01234", "7", "01234"})}, notes: []string{`2: column "a": 1 of 4 values are not numbers (first "A1")`}},
		{name: "numbers, then text", text: "a,b\n01234,1\n NA,\n7,2\n A1 ,3\nB1,\n", want: columns{table.Categories("a", []string{"01234", "", "7", "A1", "B1"}), table.Numbers("b", []float64{1, nan, 2, 3, nan})}, notes: []string{`5: column "a": 2 of 4 values are not numbers (first "A1"), too many for an accident: the column is a category`}},
		{name: "mostly text", text: "a\n1\nx\ny\n", want: columns{table.Categories("a", []string{"1", "x", "y"})}},
		{name: "marks among numbers", text: "a,b\n?,1\n3,N/A\n?,-\n", want: columns{table.Numbers("a", []float64{nan, 3, nan}), table.Numbers("b", []float64{1, nan, nan})}, notes: []string{`2: column "a": 2 values that are marks like "?" are taken for missing`, `3: column "b": 2 values that are marks like "N/A"`}},
		{name: "marks among text", text: "a\nx\n?\nnone\n", want: columns{table.Categories("a", []string{"x", "?", "none"})}},
		{name: "infinity among text", text: "a\ninf\nsup\n1e999\n", want: columns{table.Categories("a", []string{"inf", "sup", "1e999"})}, notes: []string{`3: column "a": 1 of 3`}},
		{name: "what strconv takes for numbers and people don't", text: rows("a,b", "0x10,1_000", "0x20,2_000"), want: columns{table.Categories("a", []string{"0x10", "0x20"}), table.Categories("b", []string{"1_000", "2_000"})}},
		{name: "two texts among 199 numbers", text: rows("a", append(numbersUpTo(199), "x", "y")...), want: columns{table.Categories("a", append(numbersUpTo(199), "x", "y"))}, notes: []string{`201: column "a": 2 of 201 values are not numbers (first "x")`}},
		{name: "one text among 19 numbers", text: rows("a", append(numbersUpTo(19), "x")...), want: columns{table.Categories("a", append(numbersUpTo(19), "x"))}, notes: []string{`21: column "a": 1 of 20`}},

		// Options.
		{name: "row names, as R writes them", text: "\"a\" \"b\"\n\"x\" 1 2\n\"y z\" 3 4\n", want: columns{table.Categories("column 1", []string{"x", "y z"}), table.Numbers("a", []float64{1, 3}), table.Numbers("b", []float64{2, 4})}, notes: []string{"1: column \"column 1\": the rows begin with names of their own, as R's write.table makes them, and the header has no cell for those"}},
		{name: "forced category", text: "a,b\n01,1\n1,2\n?,3\n,4\n", options: table.CSVOptions{Categories: []string{"a"}}, want: columns{table.Categories("a", []string{"01", "1", "?", ""}), table.Numbers("b", []float64{1, 2, 3, 4})}},
		{name: "forced category in a column of accidents", text: rows("a", append(numbersUpTo(30), "x")...), options: table.CSVOptions{Categories: []string{"a"}}, want: columns{table.Categories("a", append(numbersUpTo(30), "x"))}},
		{name: "known kinds", text: "a,b,c,d\n01,?,true,NA\n2,-,false,\n", options: table.CSVOptions{Kinds: map[string]table.Kind{"a": table.Category, "b": table.Number, "c": table.Boolean, "d": table.Category, "e": table.Number}}, want: columns{table.Categories("a", []string{"01", "2"}), table.Numbers("b", []float64{nan, nan}), booleans("c", 1, 0), table.Categories("d", []string{"", ""})}, notes: []string{`2: column "b": 2 values`}},

		// Encodings.
		{name: "Windows-1252", text: "name,a\nM\xfcller,1\n\x80uro,2\nM\xfcller,3\n", want: columns{table.Categories("name", []string{"Müller", "€uro", "Müller"}), table.Numbers("a", []float64{1, 2, 3})}, notes: []string{`2: column "name": the text is not UTF-8 ("Müller")`}},
		{name: "Windows-1252 in the header", text: "gr\xf6\xdfe\n1\n", want: columns{table.Numbers("größe", []float64{1})}, notes: []string{`1: the text is not UTF-8 ("größe")`}},
		{name: "both encodings", text: "name\nM\xfcller\nMüller\n", want: columns{table.Categories("name", []string{"Müller", "Müller"})}, notes: []string{"2: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := table.ReadCSV("t.csv", strings.NewReader(c.text), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Columns, same...); d != "" {
				t.Errorf("columns (- want, + got)\n%s", d)
			}
			if len(got.Notes) != len(c.notes) {
				t.Fatalf("notes %q, want %q", got.Notes, c.notes)
			}
			for i, want := range c.notes {
				if !strings.HasPrefix(got.Notes[i], "t.csv:"+want) {
					t.Errorf("note %q, want t.csv:%s…", got.Notes[i], want)
				}
			}
		})
	}
}

func TestReadCSVRefuses(t *testing.T) {
	numbers := func(n int, more ...string) string { return rows("age", append(numbersUpTo(n), more...)...) }
	for _, c := range []struct {
		name    string
		text    string
		options table.CSVOptions
		want    string
	}{
		{name: "ragged, short", text: "a,b\n1,2\n3\n", want: "t.csv:3: this record has 1 cell, and the header has 2 (delimiter ',')"},
		{name: "ragged, long", text: "a,b\n1,2\n\n3,4,5\n", want: "t.csv:4: this record has 3 cells, and the header has 2 (delimiter ','); a cell that has the delimiter inside must stand in quotes"},
		{name: "a delimiter at the end of the rows", text: "a,b\n3,1,\n4,2,\n", want: "t.csv:2: this record has 3 cells, and the header has 2 (delimiter ',')"},
		{name: "row names, and two names alike", text: "a,\"b\nb\",\"b\nb\"\nx,1,2,3\n", want: "t.csv:2: columns 3 and 4 are both called"},
		{name: "row names, and a row without", text: "a,b\nx,1,2\n3,4\n", want: "t.csv:2: this record has 3 cells, and the header has 2"},
		{name: "a preamble", text: "report,2024\na,b,c,d\n1,2,3,4\n", want: "t.csv:2: this record has 4 cells, and the header has 2 (delimiter ','); the header is the first line"},
		{name: "empty", text: "", want: "t.csv: the file is empty; a table starts with a line of column names"},
		{name: "blank", text: "\n\n", want: "t.csv: the file is empty"},
		{name: "header only", text: "a,b\n", want: "t.csv:1: there is a header, and no row under it"},
		{name: "duplicate header", text: "a,b, a\n1,2,3\n", want: `t.csv:1: columns 1 and 3 are both called "a"; rename one`},
		{name: "duplicate numbers for a header", text: "1,1\n1,2\n", want: "the first line must have the names of the columns, and this one has numbers"},
		{name: "UTF-16 with mark", text: "\xff\xfea\x00\n\x001\x00\n\x00", want: "t.csv: the text is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 t.csv > utf8.csv"},
		{name: "UTF-16 without mark", text: "\x00a\x00,\x00b\x00\n\x001\x00,\x002\x00\n", want: "t.csv: the text is UTF-16"},
		{name: "NUL among numbers", text: "a,b\n1,2\n3,4\x00\n", want: `t.csv:3: column "b": "4\x00" has a NUL byte`},
		{name: "NUL among text", text: "a,b\n1,x\n3,x\x00\n", want: `t.csv:3: column "b": "x\x00" has a NUL byte`},
		{name: "NUL in the header", text: "a,b\x00\n1,2\n", want: `t.csv:1: "b\x00" has a NUL byte`},
		{name: "NUL in a ragged record", text: "a,b\n1,2\n\x00\x00\n", want: `t.csv:3: column "a": "\x00\x00" has a NUL byte`},
		{name: "a quote never closed", text: "a,b\n1,x\n2,\"y\n3,z\n", want: `t.csv:3: column "b": the quote that opens here is never closed: the cell would run on to line`},
		{name: "a quote closed by a later one", text: "a,b\n1,\"x\n2,\"y\"\n", want: `t.csv:2: column "b": the quote that opens here is never closed: the cell would run on to line 3`},
		{name: "a quote opened in a long record", text: "a,b,c\n\"x\ny\",\"z\nw\",\"v\n1,2,3\n", want: `t.csv:4: column "c": the quote that opens here is never closed`},
		{name: "text after a quote", text: "a,b\n\"x\"y,1\n", want: `t.csv:2: column "a": the cell begins with a quote and doesn't end with one (delimiter ',')`},
		{name: "a quote inside", text: "a,b\n1,5\" disk\n", want: `t.csv:2: column "b": a quote inside a cell that doesn't begin with one`},
		{name: "an accident", text: numbers(20_000, "abc"), want: `t.csv:20002: column "age": "abc" is not a number (the other 20,000 values are); pass --category age to treat it as text`},
		{name: "an accident in the first row", text: rows("age", append([]string{"abc"}, numbersUpTo(20)...)...), want: `t.csv:2: column "age": "abc" is not a number (the other 20 values are)`},
		{name: "three accidents", text: numbers(300, "abc", "?", "def", "ghi"), want: `t.csv:302: column "age": "abc" is not a number (2 more are not, 300 are)`},
		{name: "1e400", text: "a,b\n1,2\n1e400,3\n", want: `t.csv:3: column "a": "1e400" is not a finite number (they end at 1.8e308)`},
		{name: "infinity", text: "a,b\n-Inf,2\n1,3\n", want: `t.csv:2: column "a": "-Inf" is not a finite number`},
		{name: "infinity after a mark", text: "a\n?\n1\ninf\n", want: `t.csv:4: column "a": "inf" is not a finite number`},
		{name: "two decimal signs", text: "a;b\n1.000;x\n1,5;y\n", want: `t.csv:3: column "a": "1,5" has a comma and "1.000" on line 2 a point`},
		{name: "text where numbers are known to be", text: "a\n1\nx\ny\n", options: table.CSVOptions{Kinds: map[string]table.Kind{"a": table.Number}}, want: `t.csv:3: column "a": "x" is not a number, and this column has numbers`},
		{name: "a category that isn't there", text: "a,b\n1,2\n", options: table.CSVOptions{Categories: []string{"c"}}, want: `t.csv:1: there is no column "c" to take for text; there are "a", "b"`},
		{name: "an impossible delimiter", text: "a\n1\n", options: table.CSVOptions{Comma: '"'}, want: `table: t.csv: '"' can't stand between cells`},
		{name: "a spreadsheet", text: "PK\x03\x04…", want: "t.csv: this is a spreadsheet (.xlsx) or a zip archive, not a table of text; save the sheet as CSV"},
		{name: "old Mac lines", text: "a,b\r1,2\r", want: "t.csv: the lines end with CR alone"},
		{name: "a long cell", text: "a,b\n1," + strings.Repeat("x", table.MaxCell+1) + "\n", want: `t.csv:2: column "b": a cell of 16,777,217 bytes; at most 16,777,216 are possible`},
		{name: "many columns", text: strings.Repeat(",", table.MaxColumns) + "\n", want: "t.csv:1: 100,001 columns; at most 100,000 are possible"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := table.ReadCSV("t.csv", strings.NewReader(c.text), c.options)
			wantError(t, err, c.want)
			var at *table.ParseError
			if strings.HasPrefix(c.want, "t.csv:") && !errors.As(err, &at) {
				t.Errorf("%T, want *ParseError", err)
			}
		})
	}
}

func TestARecordTooLongIsRefusedBeforeItIsHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MiB")
	}
	rest := bytes.Repeat([]byte("4,5\n"), table.MaxRecord/4+1<<20)
	for _, start := range []string{"a,b\n1,2\n\"3", "a,b\n1,2\n3,\"4"} {
		_, err := table.ReadCSV("t.csv", io.MultiReader(strings.NewReader(start), bytes.NewReader(rest)), table.CSVOptions{})
		wantError(t, err, "t.csv:3: the record that begins here is longer than 64 MiB; is there a quote in it that is opened and never closed?")
	}
}

func TestKeepTextKeepsWhatTheCellsSay(t *testing.T) {
	text := "id, na\xefve ,x\n007,\" a, b\",1.50\n008,NA,\n"
	got, err := table.ReadCSV("t.csv", strings.NewReader(text), table.CSVOptions{KeepText: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"id", "naïve ", "x"}, got.Header); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([][]string{{"007", " a, b", "1.50"}, {"008", "NA", ""}}, got.Text); d != "" {
		t.Error(d)
	}
	if plain, _ := table.ReadCSV("t.csv", strings.NewReader(text), table.CSVOptions{}); plain.Text != nil || plain.Header != nil {
		t.Error("text was kept unasked")
	}
}

func TestListWordIsTakenByAListOfNames(t *testing.T) {
	for name, want := range map[string]string{"age": "age", "mean radius": "'mean radius'", "rooms, free": `'"rooms, free"'`, `7" pipes`: `'"7"" pipes"'`, "it's": `'it'\''s'`} {
		if got := table.ListWord(name); got != want {
			t.Errorf("ListWord(%s) is %s, want %s", name, got, want)
		}
	}
}

// A column that a model knows as numbers stays one: there is no flag for it.
func TestANumberTooLargeForAModelsColumn(t *testing.T) {
	_, err := table.ReadCSV("t.csv", strings.NewReader("a\n1e400\n"), table.CSVOptions{Kinds: map[string]table.Kind{"a": table.Number}})
	if err == nil || strings.Contains(err.Error(), "--category") || !strings.Contains(err.Error(), "is not a finite number") {
		t.Errorf("got %v", err)
	}
}
