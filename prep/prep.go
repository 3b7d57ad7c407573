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
// know of it. A table without a column to learn from is an error, as are more
// than MaxFeatures features and text that is no UTF-8.
func Fit(t *table.Table, rows []int, o Options) (f *Features, notes []string, err error) {
	if err := t.Err(); err != nil {
		return nil, nil, err
	}
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
		var note, reason string
		if c.Kind == table.Category {
			p, note, reason = fitCategory(c, rows)
		} else {
			p, note, reason = fitNumber(c, rows, o.Raw)
		}
		if reason != "" {
			f.LeftOut = append(f.LeftOut, LeftOut{c.Name, reason})
			continue
		}
		if err := p.checkText(); err != nil {
			return nil, nil, fmt.Errorf("prep: %scolumn %q: %w", place(t), c.Name, err)
		}
		if note != "" {
			notes = append(notes, fmt.Sprintf("column %q: %s", c.Name, note))
		}
		f.Columns = append(f.Columns, p)
	}
	switch n := f.Width(); {
	case n == 0:
		return nil, nil, fmt.Errorf("prep: %sno column is left to learn from%s", place(t), reasons(f.LeftOut))
	case n > MaxFeatures:
		return nil, nil, fmt.Errorf("prep: %s%d features; the limit is %d", place(t), n, MaxFeatures)
	}
	return f, notes, nil
}

// place returns the table's name as the beginning of a message.
func place(t *table.Table) string {
	if t.Name == "" {
		return ""
	}
	return t.Name + ": "
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
		return fmt.Sprintf("%d of its %d texts differ, as names and identifiers do; --category %s keeps it", different, seen, table.ListWord(c.Name))
	}
	return ""
}

// noneInTraining is why a column is left out that has values elsewhere.
const noneInTraining = "every value in the training rows is missing"

// fitCategory keeps the most frequent levels of the rows. A reason leaves the
// column out.
func fitCategory(c *table.Column, rows []int) (p Column, note, reason string) {
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
	if len(order) == 0 {
		return p, "", noneInTraining
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
	return p, note, ""
}

// Standardised values beyond this many standard deviations are clipped.
const clipAt = 8

// resolution is how many float32 steps a standard deviation should have.
const resolution = 1 << 10

// leastNormal is the smallest float32 with all of its bits. Runtimes may take
// what is smaller for 0.
const leastNormal = 0x1p-126

// fitNumber measures a number column on the rows. A reason leaves the column
// out.
func fitNumber(c *table.Column, rows []int, raw bool) (p Column, note, reason string) {
	p = Column{Name: c.Name, Kind: c.Kind, SD: 1}
	x := make([]float64, 0, len(rows))
	for _, r := range rows {
		if v := c.Numbers[r]; !math.IsNaN(v) {
			x = append(x, v)
		}
	}
	p.Indicator = len(x) < len(rows) && !raw
	if len(x) == 0 {
		return p, "", noneInTraining
	}
	median := Median(x)
	mean, sd := Moments(x)
	low, high := extremes(x)
	if coarse(low, high, sd) {
		// No value is further from the median than √n standard deviations, so
		// that the median serves where a whole number near it doesn't.
		if p.Shift = math.Round(median); coarse(low-p.Shift, high-p.Shift, sd) {
			p.Shift = median
		}
		note = fmt.Sprintf("float32 can't tell its values apart; %v is subtracted first", p.Shift)
	}
	if low-p.Shift < -math.MaxFloat32 || high-p.Shift > math.MaxFloat32 {
		return p, "", fmt.Sprintf("its values, %v to %v, pass what float32 holds (±3.4e+38); a logarithm of them may serve", low, high)
	}
	if sd > 0 && sd < leastNormal {
		return p, "", fmt.Sprintf("its values differ by less (%.3g) than float32 holds (1.2e-38); a multiple of them may serve", sd)
	}
	p.Fill = float32(median - p.Shift)
	if raw {
		p.Low, p.High = -math.MaxFloat32, math.MaxFloat32
		return p, note, ""
	}
	p.Mean = float32(mean - p.Shift)
	if sd > 0 {
		p.SD = float32(sd)
	}
	// Rounding keeps the order low ≤ mean ≤ high, so Low ≤ 0 ≤ High.
	z := func(v float64) float32 { return (float32(v-p.Shift) - p.Mean) / p.SD }
	p.Low, p.High = max(z(low), -clipAt), min(z(high), clipAt)
	return p, note, ""
}

// coarse says whether float32 has fewer than resolution steps in a standard
// deviation for the largest of these values.
func coarse(low, high, sd float64) bool {
	largest := max(math.Abs(low), math.Abs(high))
	return sd > 0 && largest > sd*(1<<24)/resolution
}

// Number applies a number column to a value, NaN if it is missing: z, which is
// finite, and whether the value was missing. A value that float32 can't hold
// counts as ±Inf, and so as High or Low.
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
	if err := t.Err(); err != nil {
		return nil, nil, err
	}
	where := make(map[string]int, len(t.Columns))
	for i, c := range t.Columns {
		where[c.Name] = i
	}
	at = make([]int, len(f.Columns))
	used := make(map[string]bool, len(f.Columns))
	var missing []string
	for i, c := range f.Columns {
		j, ok := where[c.Name]
		if !ok {
			missing = append(missing, c.Name)
			continue
		}
		at[i], used[c.Name] = j, true
		if text := firstText(&t.Columns[j]); text != "" && c.Kind != table.Category {
			return nil, nil, fmt.Errorf("prep: %scolumn %q: has text (%q); the model was trained on numbers there", place(t), c.Name, text)
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("prep: %shas no column %s; the model needs it", place(t), quoted(missing))
	}
	for _, c := range t.Columns {
		if !used[c.Name] {
			extra = append(extra, c.Name)
		}
	}
	return at, extra, nil
}

// firstText returns the first text of a column, "" if it has none.
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
	b, err := f.Bind(t)
	if err != nil {
		return nil, err
	}
	if rows == nil {
		rows = make([]int, t.Rows())
		for i := range rows {
			rows[i] = i
		}
	}
	return b.Apply(rows), nil
}

// Bound is Features bound to the columns of a table, to apply them a part of
// the rows at a time.
type Bound struct {
	width   int
	columns []boundColumn
}

type boundColumn struct {
	offset int                          // of its first feature
	put    func(dst []float32, row int) // writes the features of a row over zeros
}

// Bind finds the columns of the features in a table. The errors are Match's.
func (f *Features) Bind(t *table.Table) (*Bound, error) {
	at, _, err := f.Match(t)
	if err != nil {
		return nil, err
	}
	b := &Bound{}
	for i := range f.Columns {
		c := &f.Columns[i]
		b.columns = append(b.columns, boundColumn{b.width, c.filler(&t.Columns[at[i]])})
		b.width += c.Width()
	}
	return b, nil
}

// Apply returns the features of rows of the table, Width values a row.
func (b *Bound) Apply(rows []int) []float32 {
	out := make([]float32, len(rows)*b.width)
	for _, c := range b.columns {
		for i, r := range rows {
			c.put(out[i*b.width+c.offset:], r)
		}
	}
	return out
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
