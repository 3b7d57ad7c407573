package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		cell  string
		class class
		value float64
	}{
		{"0", isNumber, 0},
		{"-0", isNumber, math.Copysign(0, -1)},
		{"1.", isNumber, 1},
		{".5", isNumber, 0.5},
		{"+1e+2", isNumber, 100},
		{"0.1", isNumber, 0.1},
		{"1e22", isNumber, 1e22},
		{"1e23", isNumber, 1e23}, // beyond the exact powers
		{"9007199254740993", isNumber, 9007199254740992},
		{"123456789012345678901234567890", isNumber, 123456789012345678901234567890},
		{"0.3000000000000000166533453693773481063544750213623046875", isNumber, 0.30000000000000004},
		{"1e-400", isNumber, 0},
		{"1.7976931348623157e308", isNumber, math.MaxFloat64},
		{"1e400", isInfinite, 0},
		{"1e99999999999999999999", isInfinite, 0},
		{"-inf", isInfinite, 0},
		{"+Infinity", isInfinite, 0},
		{"", isMissing, 0},
		{"NA", isMissing, 0},
		{"NaN", isMissing, 0},
		{"nan", isMissing, 0},
		{"NULL", isMissing, 0},
		{"na", isText, 0},
		{".", isText, 0},
		{"-", isText, 0},
		{"e5", isText, 0},
		{"1e", isText, 0},
		{"1e+", isText, 0},
		{"1e5x", isText, 0},
		{"1.2.3", isText, 0},
		{"1,5", isText, 0},
		{"0x10", isText, 0},
		{"0x1p-2", isText, 0},
		{"1_000", isText, 0},
		{"1 000", isText, 0},
		{"--1", isText, 0},
		{"٣", isText, 0}, // a digit, and not ours
		{"5%", isText, 0},
	} {
		v, class := classify(c.cell, '.')
		if class != c.class || class == isNumber && math.Float64bits(v) != math.Float64bits(c.value) || class != isNumber && !math.IsNaN(v) {
			t.Errorf("%q is class %d, %v; want class %d, %v", c.cell, class, v, c.class, c.value)
		}
	}
}

// decimal is the grammar that parseDecimal documents.
var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// checkDecimal holds parseDecimal to the grammar and to strconv, bit for bit.
func checkDecimal(t interface{ Fatalf(string, ...any) }, s string) {
	got, ok := parseDecimal(s, '.')
	if want := decimal.MatchString(s); ok != want {
		t.Fatalf("parseDecimal(%q) says %v, want %v", s, ok, want)
	}
	if !ok {
		return
	}
	want, _ := strconv.ParseFloat(s, 64)
	if math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("parseDecimal(%q) = %v, strconv.ParseFloat gives %v", s, got, want)
	}
	if !strings.Contains(s, ".") {
		return
	}
	if comma, _ := parseDecimal(strings.Replace(s, ".", ",", 1), ','); math.Float64bits(comma) != math.Float64bits(want) {
		t.Fatalf("parseDecimal(%q) with a decimal comma = %v, want %v", s, comma, want)
	}
}

func TestDecimalsAreThoseOfStrconv(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		v := math.Float64frombits(random.Uint64())
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		checkDecimal(t, strconv.FormatFloat(v, 'g', -1, 64))
		checkDecimal(t, strconv.FormatFloat(v, 'e', random.IntN(20), 64))
		short := random.NormFloat64() * math.Pow10(random.IntN(24)-8)
		checkDecimal(t, strconv.FormatFloat(short, 'f', random.IntN(12), 64))
	}
	rapid.Check(t, func(t *rapid.T) {
		checkDecimal(t, rapid.StringMatching(`[+-]?[0-9]{0,25}[.]?[0-9]{0,25}([eE][+-]?[0-9]{0,5})?`).Draw(t, "s"))
	})
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"", "0", "-1.5e-3", "9007199254740993", "1e400", ".", "1e", "0x1p4", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkDecimal(t, s) })
}

func BenchmarkParseDecimal(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	cells := make([]string, 4096)
	for _, digits := range []int{2, 5, 17} {
		for i := range cells {
			cells[i] = strconv.FormatFloat(random.NormFloat64(), 'g', digits, 64)
		}
		b.Run(fmt.Sprint(digits, " digits"), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				parseDecimal(cells[i%len(cells)], '.')
			}
		})
		b.Run(fmt.Sprint(digits, " digits strconv"), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				strconv.ParseFloat(cells[i%len(cells)], 64)
			}
		})
	}
}
