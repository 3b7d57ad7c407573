// Package prep is what happens to a column before the network: missing numbers
// filled, numbers standardised, categories spread to one-hot features, labels
// numbered; and back: class numbers to labels, outputs to the target's units.
//
//	column              features
//	age  (number)       (age − mean) / sd, clipped to the range seen;  "age is missing": 0 or 1
//	town (category)     "town=Delft": 0 or 1, "town=Gouda": 0 or 1, …
//
// It is fitted on training rows only, describes itself as JSON, and applies in
// float32 exactly what a model file says, so that every runtime sees the same
// features.
package prep

import (
	"fmt"
	"math"
	"sort"

	"github.com/shoal-nn/shoal/table"
)

// Limits of what is fitted.
const (
	MaxLevels   = 64      // one-hot features of a category: its most frequent levels
	MaxFeatures = 1 << 20 // features of a table
)

// Features turns a table's columns into the network's features. It is fitted
// by Fit; its fields are what a model file holds.
type Features struct {
	Columns []Column  `json:"columns"`
	LeftOut []LeftOut `json:"left_out,omitempty"`
}

// Column is a column that the network sees, and how.
type Column struct {
	Name string     `json:"name"`
	Kind table.Kind `json:"kind"`

	// Of a number or boolean (0 and 1): x − Shift is taken in float64 and
	// rounded to float32; then, in float32, a missing value becomes Fill, and
	// z = (x − Mean) / SD is held within Low and High.
	Shift     float64 `json:"shift,omitempty"`
	Fill      float32 `json:"fill"` // the median
	Mean      float32 `json:"mean"`
	SD        float32 `json:"sd"`
	Low       float32 `json:"low"` // of z
	High      float32 `json:"high"`
	Indicator bool    `json:"indicator,omitempty"` // one more feature: 1 where the value is missing, else 0

	// Of a category: one feature a level, 1 where the value is that level. A
	// missing or another value makes them all 0.
	Levels []string `json:"levels,omitempty"`
}

// LeftOut is a column that the network doesn't see.
type LeftOut struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Width is the number of features of the column.
func (c *Column) Width() int {
	switch {
	case c.Kind == table.Category:
		return len(c.Levels)
	case c.Indicator:
		return 2
	}
	return 1
}

// Width is the number of features of a row.
func (f *Features) Width() int {
	n := 0
	for i := range f.Columns {
		n += f.Columns[i].Width()
	}
	return n
}

// Names returns the features' names, in order: "age", "age is missing",
// "town=Delft".
func (f *Features) Names() []string {
	var names []string
	for _, c := range f.Columns {
		if c.Kind == table.Category {
			for _, l := range c.Levels {
				names = append(names, c.Name+"="+l)
			}
			continue
		}
		names = append(names, c.Name)
		if c.Indicator {
			names = append(names, c.Name+" is missing")
		}
	}
	return names
}

// Options change what Fit does.
type Options struct {
	Skip []string // columns that aren't features: targets, weights, those the user leaves out
	Keep []string // text columns to keep though nearly all of their values differ
	Raw  bool     // numbers as they are: no standardisation, no clipping (missing ones are filled still)
}

// Fit decides from the whole table which columns are features, and measures
// them on the given rows, the training rows. The notes say what a person should
// know of it.
func Fit(t *table.Table, rows []int, o Options) (f *Features, notes []string, err error) {
	f = &Features{}
	skip, keep := set(o.Skip), set(o.Keep)
	for i := range t.Columns {
		c := &t.Columns[i]
		if skip[c.Name] {
			continue
		}
		if reason := useless(c, keep[c.Name]); reason != "" {
			f.LeftOut = append(f.LeftOut, LeftOut{c.Name, reason})
			continue
		}
		var p Column
		var note string
		if c.Kind == table.Category {
			p, note = fitCategory(c, rows)
		} else {
			p, note = fitNumber(c, rows, o.Raw)
		}
		if note != "" {
			notes = append(notes, fmt.Sprintf("column %q: %s", c.Name, note))
		}
		if p.Width() == 0 {
			f.LeftOut = append(f.LeftOut, LeftOut{c.Name, "every value in the training rows is missing"})
			continue
		}
		f.Columns = append(f.Columns, p)
	}
	switch n := f.Width(); {
	case n == 0:
		return nil, nil, fmt.Errorf("prep: %s: no column is left to learn from%s", t.Name, reasons(f.LeftOut))
	case n > MaxFeatures:
		return nil, nil, fmt.Errorf("prep: %s: %d features; the limit is %d", t.Name, n, MaxFeatures)
	}
	return f, notes, nil
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func reasons(left []LeftOut) string {
	s := ""
	for i, l := range left {
		if i == 3 {
			return s + fmt.Sprintf("; and %d more", len(left)-i)
		}
		s += fmt.Sprintf("; %q: %s", l.Name, l.Reason)
	}
	return s
}

// useless says why a column can't help, or "".
func useless(c *table.Column, keep bool) string {
	if c.Kind == table.Category {
		return uselessText(c, keep)
	}
	var first float64
	seen, missing, varies := 0, 0, false
	counts := c.Kind == table.Number
	for i, x := range c.Numbers {
		if math.IsNaN(x) {
			missing++
			counts = false
			continue
		}
		if seen == 0 {
			first = x
			counts = counts && (x == 0 || x == 1)
		}
		varies = varies || x != first
		counts = counts && x == first+float64(i)
		seen++
	}
	switch {
	case seen == 0:
		return "every value is missing"
	case !varies && missing == 0:
		return fmt.Sprintf("every value is %v", first)
	case counts && seen > 2:
		return fmt.Sprintf("it only counts the rows, from %v", first)
	}
	return ""
}

func uselessText(c *table.Column, keep bool) string {
	count := make([]int, len(c.Levels))
	seen, different := 0, 0
	only := ""
	for _, k := range c.Codes {
		if k < 0 {
			continue
		}
		if count[k] == 0 {
			different++
			only = c.Levels[k]
		}
		count[k]++
		seen++
	}
	switch {
	case seen == 0:
		return "every value is missing"
	case different == 1 && seen == len(c.Codes):
		return fmt.Sprintf("every value is %q", only)
	// Four of five differ: a name, an identifier, a date. Such a column could
	// only be learnt by heart.
	case !keep && different > 2 && 5*different > 4*seen:
		return fmt.Sprintf("%d of its %d texts differ, as names and identifiers do; --category %s keeps it", different, seen, c.Name)
	}
	return ""
}

// fitCategory keeps the most frequent levels of the rows.
func fitCategory(c *table.Column, rows []int) (p Column, note string) {
	count := make([]int, len(c.Levels))
	for _, r := range rows {
		if k := c.Codes[r]; k >= 0 {
			count[k]++
		}
	}
	var order []int
	for k, n := range count {
		if n > 0 {
			order = append(order, k)
		}
	}
	sort.Slice(order, func(i, j int) bool {
		a, b := order[i], order[j]
		return count[a] > count[b] || count[a] == count[b] && c.Levels[a] < c.Levels[b]
	})
	if len(order) > MaxLevels {
		note = fmt.Sprintf("%d levels; the %d most frequent ones are told apart", len(order), MaxLevels)
		order = order[:MaxLevels]
	}
	p = Column{Name: c.Name, Kind: table.Category}
	for _, k := range order {
		p.Levels = append(p.Levels, c.Levels[k])
	}
	sort.Strings(p.Levels)
	return p, note
}

// Standardised values beyond this many standard deviations are clipped.
const clipAt = 8

// resolution is how many float32 steps a standard deviation should have.
const resolution = 1 << 10

// fitNumber measures a number column on the rows.
func fitNumber(c *table.Column, rows []int, raw bool) (p Column, note string) {
	p = Column{Name: c.Name, Kind: c.Kind, SD: 1}
	x := make([]float64, 0, len(rows))
	for _, r := range rows {
		if v := c.Numbers[r]; !math.IsNaN(v) {
			x = append(x, v)
		}
	}
	p.Indicator = len(x) < len(rows) && !raw
	if len(x) == 0 {
		p.High = 0
		return p, "every value in the training rows is missing"
	}
	median := Median(x)
	mean, sd := Moments(x)
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	if coarse(low, high, sd) {
		shift := math.Round(median)
		if !coarse(low-shift, high-shift, sd) {
			p.Shift = shift
			note = fmt.Sprintf("float32 can't tell its values apart; %v is subtracted first", shift)
		} else {
			note = "float32 can't tell all of its values apart; a difference or a logarithm may serve better"
		}
	}
	p.Fill = float32(median - p.Shift)
	if raw {
		p.Low, p.High = -math.MaxFloat32, math.MaxFloat32
		return p, note
	}
	p.Mean = float32(mean - p.Shift)
	if s := float32(sd); s > 0 && !math.IsInf(float64(s), 0) {
		p.SD = s
	}
	z := func(v float64) float32 { return (float32(v-p.Shift) - p.Mean) / p.SD }
	p.Low, p.High = max(z(low), -clipAt), min(z(high), clipAt)
	return p, note
}

// coarse says whether float32 has fewer than resolution steps in a standard
// deviation for the largest of these values.
func coarse(low, high, sd float64) bool {
	largest := max(math.Abs(low), math.Abs(high))
	return sd > 0 && largest > sd*(1<<24)/resolution
}

// Number applies a number column to a value, NaN if it is missing: z, and
// whether the value was missing.
func (c *Column) Number(x float64) (z float32, missing bool) {
	v := float32(x - c.Shift)
	if v != v {
		v, missing = c.Fill, true
	}
	z = (v - c.Mean) / c.SD
	return min(max(z, c.Low), c.High), missing
}

// Put writes the column's features of a number, NaN if it is missing, to dst.
func (c *Column) Put(dst []float32, x float64) {
	z, missing := c.Number(x)
	dst[0] = z
	if c.Indicator {
		dst[1] = 0
		if missing {
			dst[1] = 1
		}
	}
}

// Level returns the index of the feature that is 1 for this text, or −1.
func (c *Column) Level(text string) int {
	if i := sort.SearchStrings(c.Levels, text); i < len(c.Levels) && c.Levels[i] == text {
		return i
	}
	return -1
}

// Match finds the columns of the features in a table, by name: missing ones
// and ones of another kind are an error, extra ones are returned.
func (f *Features) Match(t *table.Table) (at []int, extra []string, err error) {
	place := make(map[string]int, len(t.Columns))
	for i, c := range t.Columns {
		place[c.Name] = i
	}
	at = make([]int, len(f.Columns))
	used := make(map[string]bool, len(f.Columns))
	var missing []string
	for i, c := range f.Columns {
		j, ok := place[c.Name]
		if !ok {
			missing = append(missing, c.Name)
			continue
		}
		at[i], used[c.Name] = j, true
		if got := t.Columns[j].Kind; (got == table.Category) != (c.Kind == table.Category) && !allMissing(&t.Columns[j]) {
			if got == table.Category {
				return nil, nil, fmt.Errorf("prep: %s: column %q: has text (%q); the model was trained on numbers there", t.Name, c.Name, firstText(&t.Columns[j]))
			}
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("prep: %s: has no column %s; the model needs it", t.Name, quoted(missing))
	}
	for _, c := range t.Columns {
		if !used[c.Name] {
			extra = append(extra, c.Name)
		}
	}
	return at, extra, nil
}

func allMissing(c *table.Column) bool {
	for _, k := range c.Codes {
		if k >= 0 {
			return false
		}
	}
	for _, x := range c.Numbers {
		if !math.IsNaN(x) {
			return false
		}
	}
	return true
}

func firstText(c *table.Column) string {
	for _, k := range c.Codes {
		if k >= 0 {
			return c.Levels[k]
		}
	}
	return ""
}

func quoted(names []string) string {
	s := ""
	for i, n := range names {
		switch {
		case i == 5:
			return s + fmt.Sprintf(" and %d more", len(names)-i)
		case i > 0:
			s += ", "
		}
		s += fmt.Sprintf("%q", n)
	}
	return s
}

// Apply returns the features of the rows of a table, Width values a row. Rows
// nil means all.
func (f *Features) Apply(t *table.Table, rows []int) ([]float32, error) {
	at, _, err := f.Match(t)
	if err != nil {
		return nil, err
	}
	n, width := t.Rows(), f.Width()
	if rows != nil {
		n = len(rows)
	}
	out := make([]float32, n*width)
	offset := 0
	for i := range f.Columns {
		c, from := &f.Columns[i], &t.Columns[at[i]]
		put := c.filler(from)
		for r := range n {
			src := r
			if rows != nil {
				src = rows[r]
			}
			put(out[r*width+offset:], src)
		}
		offset += c.Width()
	}
	return out, nil
}

// filler returns a function that writes the features of one row of a table's
// column, whatever kind the table took it for.
func (c *Column) filler(from *table.Column) func(dst []float32, row int) {
	switch {
	case c.Kind != table.Category && from.Kind != table.Category:
		return func(dst []float32, row int) { c.Put(dst, from.Numbers[row]) }
	case c.Kind != table.Category: // all missing: see Match
		return func(dst []float32, _ int) { c.Put(dst, math.NaN()) }
	case from.Kind == table.Category:
		level := make([]int, len(from.Levels))
		for k, l := range from.Levels {
			level[k] = c.Level(l)
		}
		return func(dst []float32, row int) {
			if k := from.Codes[row]; k >= 0 && level[k] >= 0 {
				dst[level[k]] = 1
			}
		}
	}
	return func(dst []float32, row int) { // numbers or booleans where text was learnt
		if x := from.Numbers[row]; !math.IsNaN(x) {
			if k := c.Level(Text(from.Kind, x)); k >= 0 {
				dst[k] = 1
			}
		}
	}
}
