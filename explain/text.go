package explain

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DefaultWidth is the width of a terminal whose width isn't known.
const DefaultWidth = 80

// mostRows is how many rows of a matrix are written.
const mostRows = 8

// page is a text under way, at most width characters wide.
type page struct {
	strings.Builder
	width int
}

func newPage(width int) *page {
	if width <= 0 {
		width = DefaultWidth
	}
	return &page{width: max(width, 40)}
}

// to writes the page.
func (p *page) to(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.WriteString(strings.TrimRight(text, " "))
	p.WriteByte('\n')
}

// title writes a heading, underlined.
func (p *page) title(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.Len() > 0 {
		p.line("")
	}
	p.paragraph(0, text)
	p.line("%s", strings.Repeat("─", min(width(text), p.width)))
}

// paragraph writes words, broken into lines and indented.
func (p *page) paragraph(indent int, text string) {
	p.hanging(strings.Repeat(" ", indent), text)
}

// hanging writes words after a mark, the lines below it indented as deep.
func (p *page) hanging(mark, text string) {
	blank := strings.Repeat(" ", width(mark))
	line, empty := mark, true
	for _, word := range strings.Fields(text) {
		if !empty && width(line)+1+width(word) > p.width {
			p.line("%s", line)
			line, empty = blank, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	p.line("%s", line)
}

// facing writes two texts in a line, the second from a column on, or in a line
// of its own where they don't fit.
func (p *page) facing(left string, column int, right string) {
	if width(left)+2 > column || column+width(right) > p.width {
		p.paragraph(0, left)
		if right != "" {
			p.paragraph(4, right)
		}
		return
	}
	p.line("%s", pad(left, column)+right)
}

// table writes rows of cells, two spaces between columns: the first column to
// the left, the others to the right.
func (p *page) table(indent int, rows [][]string) {
	p.tableOf(indent, "l", rows)
}

// tableOf is table with a letter a column: l, r; the columns after them are r.
func (p *page) tableOf(indent int, align string, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(c))
		}
	}
	for _, r := range rows {
		line := strings.Repeat(" ", indent)
		for i, c := range r {
			if i > 0 {
				line += "  "
			}
			if i < len(align) && align[i] == 'l' {
				line += pad(c, widths[i])
			} else {
				line += padLeft(c, widths[i])
			}
		}
		p.line("%s", line)
	}
}

// matrix writes a matrix under its name and shape. What doesn't fit is cut,
// with … in its place, and said.
func (p *page) matrix(indent int, name string, m Matrix) {
	lead := strings.Repeat(" ", indent)
	rows := min(m.Rows, mostRows)
	cells := make([][]string, rows)
	whole := true
	for _, v := range m.Data {
		whole = whole && v == math.Trunc(v) && math.Abs(v) < 1e6
	}
	for i := range cells {
		for _, v := range m.Row(i)[:min(m.Cols, p.width)] {
			text := number(v)
			if whole {
				text = strconv.Itoa(int(v))
			}
			cells[i] = append(cells[i], text)
		}
	}
	wide := 1
	for _, r := range cells {
		for _, c := range r {
			wide = max(wide, len(c))
		}
	}
	cols := m.Cols
	if room := p.width - indent - 4; cols*(wide+2) > room {
		cols = max(1, (room-3)/(wide+2))
	}
	heading := fmt.Sprintf("%s%s (%d, %d)", lead, name, m.Rows, m.Cols)
	var cut []string
	if rows < m.Rows {
		cut = append(cut, fmt.Sprintf("%d of %d rows", rows, m.Rows))
	}
	if cols < m.Cols {
		cut = append(cut, fmt.Sprintf("%d of %d columns", cols, m.Cols))
	}
	if cut != nil {
		heading += ", cut to " + strings.Join(cut, " and ")
	}
	p.line("%s", heading)
	for _, r := range cells {
		line := lead + "  |"
		for _, c := range r[:cols] {
			line += "  " + padLeft(c, wide)
		}
		if cols < m.Cols {
			line += "  …"
		}
		p.line("%s", line+" |")
	}
	if rows < m.Rows {
		p.line("%s  | %s |", lead, padLeft("⋮", wide+1))
	}
}

// number writes a number in at most ten characters: four places, or an
// exponent where they would hide it.
func number(x float64) string {
	switch size := math.Abs(x); {
	case x == 0:
		return "0"
	case size >= 1e5 || size < 5e-4:
		return strconv.FormatFloat(x, 'e', 2, 64)
	case size >= 1000:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 4, 64)
}

// short writes a number in as few digits as it needs, four at most.
func short(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

// small writes a number of which only the size matters: 3e-11.
func small(x float64) string {
	if x == 0 {
		return "0"
	}
	return strconv.FormatFloat(x, 'e', 0, 64)
}

func shape(rows, cols int) string { return fmt.Sprintf("(%d, %d)", rows, cols) }

// count writes n things: "1 row", "5 rows".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func width(s string) int { return utf8.RuneCountInString(s) }

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

func padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-width(s))) + s }
