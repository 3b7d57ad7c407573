package table

import (
	"fmt"
	"strconv"
	"strings"
)

// A ParseError is what is wrong with a text file, and where. It reads
//
//	table: people.csv:20001: column "age": "abc" is not a number (the other 20,000 values are); …
type ParseError struct {
	File   string
	Line   int    // the first line is 1; 0 where the error is of the whole file
	Column string // the column's name; empty where the error is of no one column
	Msg    string // what is wrong, and what would be right
}

func (e *ParseError) Error() string {
	return "table: " + e.where() + e.Msg
}

// where returns the place as the beginning of a sentence.
func (e *ParseError) where() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Column != "" {
		fmt.Fprintf(&b, "column %q: ", e.Column)
	}
	return b.String()
}

// errorf returns a ParseError of a line and a column, either of which may be
// zero.
func (s *scanner) errorf(line int, column, format string, args ...any) error {
	return &ParseError{File: s.name, Line: line, Column: column, Msg: fmt.Sprintf(format, args...)}
}

// quote returns a cell's text for a message: quoted, and cut where it is long.
func quote(cell string) string {
	const most = 40
	if len(cell) > most {
		return strconv.Quote(strings.ToValidUTF8(cell[:most], "")) + "…"
	}
	return strconv.Quote(cell)
}

// grouped returns a count with its thousands apart: 20,001.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural returns "1 row" or "20,000 rows".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// ListWord is ShellWord of a name in a list between commas, as --category takes:
// '"rooms, free"'.
func ListWord(name string) string {
	if strings.ContainsAny(name, ",\"") {
		name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return ShellWord(name)
}

// ShellWord writes a name as a shell takes it: 'Mean radius'. Messages that
// say what to type use it.
func ShellWord(name string) string {
	for _, r := range name {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-+,=:@", r)
		if !plain {
			return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
		}
	}
	return name
}
