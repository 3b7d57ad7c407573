package table

import (
	"math"
	"strconv"
	"strings"
)

// A cell, its spaces trimmed, is one of these.
type class uint8

const (
	isText class = iota
	isMissing
	isNumber
	isInfinite // a number that float64 can't hold, or a word for infinity
)

// classify says what a cell is, and its value: NaN unless it is a number. A
// semicolon is most often the delimiter where the comma is the decimal sign, so
// between semicolons 12,5 is a number too; elsewhere it might be 125.
func (s *scanner) classify(cell string) (float64, class) {
	v, class := classify(cell, '.')
	if class == isText && s.comma == ';' {
		return classify(cell, ',')
	}
	return v, class
}

// classify says what a cell is, and its value: NaN unless it is a number.
// Numbers are decimal, as strconv.ParseFloat reads them, with the given sign
// between whole and fraction, '.' or ','. No hexadecimal, no underscores, no
// signs of thousands.
func classify(cell string, point byte) (float64, class) {
	if v, ok := parseDecimal(cell, point); ok {
		if math.IsInf(v, 0) {
			return math.NaN(), isInfinite
		}
		return v, isNumber
	}
	switch {
	case missing(cell):
		return math.NaN(), isMissing
	case infinite(cell):
		return math.NaN(), isInfinite
	}
	return math.NaN(), isText
}

// missing says whether a cell is one of the spellings that always mean that
// there is no value: none at all, R's, pandas' and NumPy's, SQL's.
func missing(cell string) bool {
	switch cell {
	case "", "NA", "<NA>", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null":
		return true
	}
	return false
}

// mark says whether a text is one of the signs that mean a missing value where
// they stand among numbers. Among text they are text like any other: "none" may
// be a class, and "-" a blood group's half.
func mark(cell string) bool {
	switch strings.ToLower(cell) {
	case "?", "-", "--", ".", "..", "*", "na", "n.a.", "n/a", "#n/a", "#na", "none", "nil", "missing", "unknown", "undefined", "#null!", "#value!", "#div/0!":
		return true
	}
	return false
}

// infinite says whether a text is a word for infinity. It is no number that a
// network can learn from, but says that its column is one of numbers.
func infinite(cell string) bool {
	if cell != "" && (cell[0] == '-' || cell[0] == '+') {
		cell = cell[1:]
	}
	return strings.EqualFold(cell, "inf") || strings.EqualFold(cell, "infinity")
}

// boolean returns the value of a text that is true or false in one of the three
// spellings that programs write. T and F, yes and no are categories: they mean
// other things too, and two levels serve a network as well.
func boolean(cell string) (value float64, ok bool) {
	switch cell {
	case "true", "True", "TRUE":
		return 1, true
	case "false", "False", "FALSE":
		return 0, true
	}
	return math.NaN(), false
}

// pow10 are the powers of ten that float64 holds exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseDecimal returns the float64 nearest to a decimal number, ±Inf if it is
// too large, and whether s is one:
//
//	[+-] digits [point digits] [(e|E) [+-] digits]      with a digit before the e
//
// The value is mantissa · 10^exponent. Where both the mantissa and the power of
// ten are float64 without error, one product or quotient rounds as strconv
// would; most numbers in tables are like that. The others go to strconv.
func parseDecimal(s string, point byte) (v float64, ok bool) {
	const (
		exactMantissa = 1 << 53
		mostDigits    = 19 // that uint64 holds, whatever they are
	)
	i, negative := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i, negative = 1, s[0] == '-'
	}
	var mantissa uint64 // of more digits it means nothing, and isn't used
	start := i
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(s[i]-'0')
	}
	digits, exponent := i-start, 0
	if i < len(s) && s[i] == point {
		i++
		start = i
		for ; i < len(s) && s[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(s[i]-'0')
		}
		digits += i - start
		exponent = start - i
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(s) {
		if s[i] != 'e' && s[i] != 'E' {
			return 0, false
		}
		e, ok := parseExponent(s[i+1:])
		if !ok {
			return 0, false
		}
		exponent += e
	}

	if digits <= mostDigits && mantissa <= exactMantissa && -len(pow10) < exponent && exponent < len(pow10) {
		v = float64(mantissa)
		if exponent < 0 {
			v /= pow10[-exponent]
		} else {
			v *= pow10[exponent]
		}
		if negative {
			v = -v
		}
		return v, true
	}
	if point != '.' {
		s = strings.Replace(s, string(point), ".", 1)
	}
	v, _ = strconv.ParseFloat(s, 64) // the only error left is that of ±Inf
	return v, true
}

// parseExponent returns the value of [+-] digits, held within ±10,000: float64
// ends long before, and strconv reads the text itself.
func parseExponent(s string) (e int, ok bool) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		e = min(e*10+int(c-'0'), 10_000)
	}
	if negative {
		e = -e
	}
	return e, true
}
