package table

import (
	"strings"
	"unicode/utf8"
)

// clean returns the text of a cell of the record that was read last, decoded if
// it isn't UTF-8. A NUL byte is an error: text has none, and what reads the
// table after us may end there.
func (s *scanner) clean(cell int, text string) (string, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return "", s.errorf(s.line(cell), s.columns[cell].name, "%s has a NUL byte; text has none: is this file a table, and whole?", quote(text))
	}
	if utf8.ValidString(text) {
		return text, nil
	}
	text = decode1252(text)
	if s.decoded.line == 0 {
		s.decoded = spot{line: s.line(cell), column: s.columns[cell].name, cell: text}
	}
	return text, nil
}

// windows1252 are the characters of the bytes 0x80 to 0x9F in Windows-1252. In
// all others it is as Latin-1: a byte is its own code point. The five bytes that
// Windows leaves free are control characters, as in browsers.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

var decode80 = []rune(windows1252)

func decode1252(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := rune(text[i])
		if 0x80 <= c && c <= 0x9f {
			c = decode80[c-0x80]
		}
		b.WriteRune(c)
	}
	return b.String()
}

// trimSpace is strings.TrimSpace, quick where there is nothing to trim.
func trimSpace(cell string) string {
	if n := len(cell); n == 0 || ' ' < cell[0] && cell[0] < utf8.RuneSelf && ' ' < cell[n-1] && cell[n-1] < utf8.RuneSelf {
		return cell
	}
	return strings.TrimSpace(cell)
}
