package explain

import (
	"math"
	"strings"
)

// curve draws f over low ≤ z ≤ high with the dots of braille characters, four
// rows and two columns a character. Values outside bottom … top are left out.
// The axes are dotted where the curve leaves them free.
func curve(f func(float64) float64, low, high, bottom, top float64, cols, rows int) []string {
	dots := make([][]rune, rows)
	for i := range dots {
		dots[i] = make([]rune, cols)
	}
	// The bit of a dot in a character, by its row and column there.
	bits := [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}
	heights := 4*rows - 1
	row := func(y float64) int {
		return int(math.Floor(float64((top-y)/(top-bottom)*float64(heights)) + 0.5))
	}
	before := -1
	for x := range 2 * cols {
		y := f(low + float64((high-low)*float64(x)/float64(2*cols-1)))
		if !(y >= bottom-1e-9 && y <= top+1e-9) {
			before = -1
			continue
		}
		at := min(max(row(y), 0), heights)
		from, to := at, at
		if before >= 0 && before < at { // a steep piece is drawn through
			from = before + 1
		} else if before > at {
			to = before - 1
		}
		for r := from; r <= to; r++ {
			dots[r/4][x/2] |= bits[r%4][x%2]
		}
		before = at
	}
	zeroRow, zeroCol := -1, -1
	if bottom <= 0 && top >= 0 {
		zeroRow = row(0) / 4
	}
	if low <= 0 && high >= 0 {
		zeroCol = min(int(float64(-low/(high-low)*float64(cols))), cols-1)
	}
	lines := make([]string, rows)
	for i := range dots {
		var s strings.Builder
		for j, d := range dots[i] {
			switch {
			case d != 0:
				s.WriteRune(0x2800 + d)
			case i == zeroRow && j == zeroCol:
				s.WriteRune('┼')
			case i == zeroRow:
				s.WriteRune('╌')
			case j == zeroCol:
				s.WriteRune('┊')
			default:
				s.WriteByte(' ')
			}
		}
		lines[i] = s.String()
	}
	return lines
}
