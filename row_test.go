package shoal_test

import (
	"math"
	"strings"
	"testing"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/prep"
)

func TestARowStartsWithEverythingMissing(t *testing.T) {
	row := byHand(t).Row()
	// The median of the area, which is missing; not sold; no town.
	const nothing = 1000 + 10*(3*100-50+0+1)
	if got := row.Predict(); got != nothing {
		t.Errorf("of nothing: %v, want %v", got, nothing)
	}
	row.Number("area", 10)
	row.Bool("sold", true)
	row.Text("town", "Gouda")
	if got, want := row.Predict(), 1000+10*(30+20+7+1.0); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := row.Predict(); got != nothing {
		t.Errorf("after an answer: %v, want all to be missing again: %v", got, nothing)
	}
	// The last word counts, and NaN and "" take a value back.
	row.Number("area", 10)
	row.Number("area", math.NaN())
	row.Text("town", "Delft")
	row.Text("town", "")
	row.Bool("sold", true)
	row.Bool("sold", false)
	if got := row.Predict(); got != nothing {
		t.Errorf("with all taken back: %v, want %v", got, nothing)
	}
	row.Text("town", "Gouda")
	row.Text("town", "Utrecht") // unknown: none of the levels
	if got := row.Predict(); got != nothing {
		t.Errorf("in an unknown town: %v, want %v", got, nothing)
	}
}

func TestARowSaysWhatWasWrong(t *testing.T) {
	m := byHand(t)
	for _, c := range []struct {
		name string
		set  func(r *shoal.Row)
		want string
	}{
		{"an unknown number", func(r *shoal.Row) { r.Number("garden", 1) }, `shoal: the model has no column "garden"; it has ["area" "sold" "town"]`},
		{"an unknown text", func(r *shoal.Row) { r.Text("street", "x") }, `no column "street"`},
		{"an unknown boolean", func(r *shoal.Row) { r.Bool("new", true) }, `no column "new"`},
		{"a number for a text", func(r *shoal.Row) { r.Number("town", 1) }, `column "town" is text: set it with Text`},
		{"a text for a number", func(r *shoal.Row) { r.Text("area", "1") }, `column "area" has numbers: set it with Number`},
		{"a text for a boolean", func(r *shoal.Row) { r.Text("sold", "yes") }, `column "sold" has numbers: set it with Number`},
		{"a position too high", func(r *shoal.Row) { r.NumberAt(3, 1) }, "there is no column 3: the model has 3"},
		{"a position below 0", func(r *shoal.Row) { r.TextAt(-1, "x") }, "there is no column -1"},
		{"infinity", func(r *shoal.Row) { r.Number("area", math.Inf(1)) }, `column "area": +Inf is not a finite number`},
		{"the first of several", func(r *shoal.Row) { r.Number("a", 1); r.Number("b", 1) }, `no column "a"`},
		{"one among right ones", func(r *shoal.Row) { r.Number("area", 1); r.Number("b", 1); r.Text("town", "Delft") }, `no column "b"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := m.Row()
			c.set(row)
			if got := row.Predict(); !math.IsNaN(got) {
				t.Errorf("the answer is %v, want NaN", got)
			}
			if err := row.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
			c.set(row)
			if a, l := row.Answer(), row.Label(); a != nil || l != "" {
				t.Errorf("the answer is %v, the label %q", a, l)
			}
			// The next row is a new one.
			row.Number("area", 10)
			if got, want := row.Predict(), 1000+10*(30+0+0+1.0); got != want || row.Err() != nil {
				t.Errorf("the next row: %v (%v), want %v", got, row.Err(), want)
			}
		})
	}
}

func TestARowByPosition(t *testing.T) {
	for name, m := range models(t) {
		row := m.Row()
		at := map[string]int{}
		for i, c := range row.Columns() {
			at[c] = i
		}
		tab := mixed(50)
		for i := range tab.Rows() {
			set(row, tab, i)
			want := row.Predict()
			for k := range tab.Columns {
				c := &tab.Columns[k]
				if c.Missing(i) {
					continue
				}
				if c.Codes != nil {
					row.TextAt(at[c.Name], c.Levels[c.Codes[i]])
				} else {
					row.NumberAt(at[c.Name], c.Numbers[i])
				}
			}
			if got := row.Predict(); got != want {
				t.Fatalf("%s, row %d: by position %v, by name %v", name, i, got, want)
			}
		}
	}
}

func TestAnAnswerAllocatesNothing(t *testing.T) {
	for name, m := range models(t) {
		row := m.Row()
		ask := func() {
			row.Number("area", 120)
			row.Bool("sold", true)
			row.Text("town", "Delft")
			if m.Task() == prep.Classification {
				row.Label()
			} else {
				row.Predict()
			}
		}
		ask()
		if err := row.Err(); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations an answer", name, n)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	for name, m := range models(b) {
		b.Run(name, func(b *testing.B) {
			row := m.Row()
			b.ReportAllocs()
			for b.Loop() {
				row.Number("area", 120)
				row.Bool("sold", true)
				row.Text("town", "Delft")
				row.Answer()
			}
		})
	}
}
