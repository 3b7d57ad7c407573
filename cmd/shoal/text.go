package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// textWidth is the width of reports in columns.
const textWidth = 80

// A sheet is text in the making.
type sheet struct{ strings.Builder }

func (s *sheet) linef(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// labelWidth is the width of the labels before the facts of a report.
const labelWidth = 12

// fact writes a label and its text, which is wrapped at its own margin.
func (s *sheet) fact(label, text string) {
	for i, line := range wrap(text, textWidth-labelWidth) {
		if i > 0 {
			label = ""
		}
		s.linef("%-*s%s", labelWidth, label, line)
	}
}

// facts writes a label and a text below the other.
func (s *sheet) facts(label string, texts []string) {
	for _, t := range texts {
		s.fact(label, t)
		label = ""
	}
}

// wrap cuts a text into lines at its spaces. A longer word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// grid writes rows of cells in columns: the first left columns begin at their
// left, the others, numbers, end at their right.
func (s *sheet) grid(rows [][]string, left int) {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			if i > 0 {
				line += "  "
			}
			fill := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i < left {
				line += cell + fill
			} else {
				line += fill + cell
			}
		}
		s.linef("%s", strings.TrimRight(line, " "))
	}
}

// short cuts a text that is longer than width.
func short(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return text
}

// names writes the first of some names; the rest are counted.
func names(of []string, most int) string {
	if len(of) > most {
		return strings.Join(of[:most], ", ") + fmt.Sprintf(" … (%s)", count(len(of)))
	}
	return strings.Join(of, ", ")
}

// quoted is names in quotes.
func quoted(of []string, most int) string {
	q := make([]string, len(of))
	for i, n := range of {
		q[i] = strconv.Quote(n)
	}
	return names(q, most)
}

// figure writes a loss, or a number in the unit of the target: enough digits to
// compare two.
func figure(x float64) string {
	switch a := math.Abs(x); {
	case a == 0:
		return "0.0000"
	case a < 1e-3 || a >= 1e9:
		return fmt.Sprintf("%.2e", x)
	case a < 10:
		return fmt.Sprintf("%.4f", x)
	case a < 1000:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// count writes a count with its thousands apart: 20,001.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes "1 row" or "20,000 rows".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}
