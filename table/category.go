package table

import "strings"

// missingCode is the code of a missing category.
const missingCode = -1

// An interner gives each different text a code: 0, 1, 2, … in the order in
// which it meets them. The zero value is ready. It costs one look-up a cell, so
// that a column of all-different text is no worse than another.
type interner struct {
	codes  map[string]int32
	levels []string
}

// code returns the code of s, and whether s had one already.
func (n *interner) code(s string) (code int32, known bool) {
	if code, ok := n.codes[s]; ok {
		return code, true
	}
	if n.codes == nil {
		n.codes = make(map[string]int32)
	}
	s = strings.Clone(s)        // a cell is a piece of its record, which would stay in memory
	code = int32(len(n.levels)) // fits: there are no more levels than rows
	n.codes[s] = code
	n.levels = append(n.levels, s)
	return code, false
}
