package prep_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

var nan = math.NaN()

func Example() {
	houses := table.New(
		table.Numbers("area", []float64{50, 100, 150, math.NaN()}),
		table.Categories("town", []string{"Delft", "Gouda", "Delft", ""}),
	)
	features, _, err := prep.Fit(houses, []int{0, 1, 2, 3}, prep.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(features.Names(), ", "))
	x, err := features.Apply(houses, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for ; len(x) > 0; x = x[features.Width():] {
		fmt.Printf("%5.2f\n", x[:features.Width()])
	}
	// Output:
	// area, area is missing, town=Delft, town=Gouda
	// [-1.22  0.00  1.00  0.00]
	// [ 0.00  0.00  0.00  1.00]
	// [ 1.22  0.00  1.00  0.00]
	// [ 0.00  1.00  0.00  0.00]
}

func ExampleFeatures_Match() {
	features := &prep.Features{Columns: []prep.Column{{Name: "area", SD: 1, High: 1}, {Name: "town", Kind: table.Category, Levels: []string{"Delft"}}}}
	_, extra, err := features.Match(table.New(table.Categories("town", nil), table.Numbers("area", nil), table.Numbers("price", nil)))
	fmt.Println(extra, err)
	_, _, err = features.Match(table.New(table.Categories("town", nil)))
	fmt.Println(err)
	// Output:
	// [price] <nil>
	// prep: has no column "area"; the model needs it
}

// rows lists 0 … n−1.
func rows(n int) []int {
	r := make([]int, n)
	for i := range r {
		r[i] = i
	}
	return r
}

// fit fits on all rows.
func fit(t testing.TB, o prep.Options, columns ...table.Column) (*prep.Features, []string) {
	t.Helper()
	tab := table.New(columns...)
	f, notes, err := prep.Fit(tab, rows(tab.Rows()), o)
	if err != nil {
		t.Fatal(err)
	}
	return f, notes
}

func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want one with %q", err, want)
	}
}

// count repeats texts: count("a", 2, "b", 1) is a, a, b.
func count(pairs ...any) []string {
	var s []string
	for i := 0; i < len(pairs); i += 2 {
		for range pairs[i+1].(int) {
			s = append(s, pairs[i].(string))
		}
	}
	return s
}

func TestANumberIsMeasuredOnTheTrainingRows(t *testing.T) {
	tab := table.New(table.Numbers("x", []float64{1, 1000, 2, nan, 6}))
	f, _, err := prep.Fit(tab, []int{0, 2, 4}, prep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sd := float32(math.Sqrt(14.0 / 3))
	want := []prep.Column{{Name: "x", Fill: 2, Mean: 3, SD: sd, Low: -2 / sd, High: 3 / sd}}
	if diff := cmp.Diff(want, f.Columns); diff != "" {
		t.Errorf("columns differ (-want +got):\n%s", diff)
	}
	// 1,000 is held at the greatest value seen; what is missing, though it was
	// not in training, is the median.
	x, err := f.Apply(tab, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{-2 / sd, 3 / sd, -1 / sd, -1 / sd, 3 / sd}, x); diff != "" {
		t.Errorf("features differ (-want +got):\n%s", diff)
	}
}

// Whatever the numbers, z is the formula of the model file, in float32.
func TestNumbersAreAppliedInFloat32(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 {
			if rapid.IntRange(0, 9).Draw(t, "is missing") == 0 {
				return nan
			}
			return rapid.Float64Range(-1e6, 1e6).Draw(t, "value")
		}), 3, 30).Draw(t, "values")
		raw := rapid.Bool().Draw(t, "raw")
		f, _, err := prep.Fit(table.New(table.Numbers("x", values)), rows(len(values)), prep.Options{Raw: raw})
		if err != nil {
			return // constant, or all missing
		}
		c := &f.Columns[0]
		for _, x := range append(values, 1e30, -1e30, 1e300, -1e300, 0) {
			v := float32(x - c.Shift)
			if math.IsNaN(x) {
				v = c.Fill
			}
			want := (v - c.Mean) / c.SD
			want = max(c.Low, min(c.High, want))
			z, missing := c.Number(x)
			if z != want || missing != math.IsNaN(x) {
				t.Fatalf("Number(%v) = %v, %v; want %v, %v", x, z, missing, want, math.IsNaN(x))
			}
			if raw && z != max(-math.MaxFloat32, min(math.MaxFloat32, v)) {
				t.Fatalf("raw: Number(%v) = %v, want the number itself", x, z)
			}
			if !raw && (z < -8 || z > 8) {
				t.Fatalf("Number(%v) = %v, which should be held within ±8", x, z)
			}
			dst := []float32{9, 9, 9}
			c.Put(dst, x)
			wantDst := []float32{z, 9, 9}
			if c.Indicator {
				wantDst[1] = 0
				if missing {
					wantDst[1] = 1
				}
			}
			if !slices.Equal(dst, wantDst) {
				t.Fatalf("Put(%v) = %v, want %v", x, dst, wantDst)
			}
		}
	})
}

// No number, however large, may make a feature infinite or NaN: neither in
// training nor in an answer.
func TestFeaturesAreFinite(t *testing.T) {
	any64 := rapid.Custom(func(t *rapid.T) float64 {
		x := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsInf(x, 0) {
			return nan
		}
		return x
	})
	number := rapid.OneOf(any64, rapid.Float64(), rapid.SampledFrom([]float64{
		0, 1, -1, nan, 1e308, -1e308, math.MaxFloat64, 3.4e38, -3.4e38, 3.5e38, 1e-300, 1e-40, 5e-324, 1.7e18, 1.7e18 + 1e9,
	}))
	rapid.Check(t, func(t *rapid.T) {
		tab := table.New(
			table.Numbers("x", rapid.SliceOfN(number, 6, 6).Draw(t, "x")),
			table.Numbers("y", rapid.SliceOfN(number, 6, 6).Draw(t, "y")),
		)
		f, _, err := prep.Fit(tab, rows(4), prep.Options{Raw: rapid.Bool().Draw(t, "raw")})
		if err != nil {
			return
		}
		if err := f.Check(); err != nil {
			t.Fatalf("Fit's own features: %v", err)
		}
		x, err := f.Apply(tab, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if v-v != 0 {
				t.Fatalf("feature %d is %v", i, v)
			}
		}
	})
}

func TestWhatIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		column table.Column
		keep   bool
		want   string // the reason; "" where the column stays
	}{
		{"constant", table.Numbers("x", []float64{7, 7, 7, 7, 7}), false, "every value is 7"},
		{"constant where it isn't missing", table.Numbers("x", []float64{7, 7, nan, 7, 7}), false, ""},
		{"all missing", table.Numbers("x", []float64{nan, nan, nan, nan, nan}), false, "every value is missing"},
		{"all missing in training", table.Numbers("x", []float64{nan, nan, nan, nan, 5}), false, "every value in the training rows is missing"},
		{"counts from 0", table.Numbers("x", []float64{0, 1, 2, 3, 4}), false, "it only counts the rows, from 0"},
		{"counts from 1", table.Numbers("x", []float64{1, 2, 3, 4, 5}), false, "it only counts the rows, from 1"},
		{"counts from 2", table.Numbers("x", []float64{2, 3, 4, 5, 6}), false, ""},
		{"counts with a gap", table.Numbers("x", []float64{1, 2, nan, 4, 5}), false, ""},
		{"counts backwards", table.Numbers("x", []float64{5, 4, 3, 2, 1}), false, ""},
		{"a boolean", table.Booleans("x", []bool{false, true, true, true, true}), false, ""},
		{"an always true boolean", table.Booleans("x", []bool{true, true, true, true, true}), false, "every value is 1"},
		{"text that all differs", table.Categories("x", []string{"a", "b", "c", "d", "e"}), false, "5 of its 5 texts differ, as names and identifiers do; --category x keeps it"},
		{"text that all differs, kept", table.Categories("x", []string{"a", "b", "c", "d", "e"}), true, ""},
		{"text that nearly all differs, missing ones aside", table.Categories("x", []string{"a", "b", "c", "", ""}), false, "3 of its 3 texts differ"},
		{"four of five differ", table.Categories("x", []string{"a", "b", "c", "d", "a"}), false, ""},
		{"two texts", table.Categories("x", []string{"a", "", "", "", "b"}), false, ""},
		{"one text", table.Categories("x", []string{"a", "a", "a", "a", "a"}), false, `every value is "a"`},
		{"one text where it isn't missing", table.Categories("x", []string{"a", "", "a", "a", "a"}), false, ""},
		{"no text", table.Categories("x", make([]string, 5)), false, "every value is missing"},
		{"no text in training", table.Categories("x", []string{"", "", "", "", "a"}), true, "every value in the training rows is missing"},
		{"beyond float32", table.Numbers("x", []float64{1e300, -1e300, 1, 2, 3}), false, "pass what float32 holds"},
		{"too near for float32", table.Numbers("x", []float64{1e-300, 2e-300, 5e-300, 1e-301, 0}), false, "differ by less (1.84e-300) than float32 holds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := prep.Options{Skip: []string{"skipped"}}
			if c.keep {
				o.Keep = []string{"x"}
			}
			other := table.Numbers("y", []float64{3, 1, 4, 1, 5})
			tab := table.New(c.column, other, table.Numbers("skipped", []float64{9, 8, 7, 6, 5}))
			f, _, err := prep.Fit(tab, []int{0, 1, 2, 3}, o)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if len(f.LeftOut) > 0 {
				got = f.LeftOut[0].Reason
			}
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("the reason is %q, want %q", got, c.want)
			}
			if stays := len(f.Columns) == 2; stays != (c.want == "") {
				t.Errorf("the columns are %v", f.Names())
			}
		})
	}
}

func TestFitRefuses(t *testing.T) {
	_, _, err := prep.Fit(table.New(table.Numbers("x", []float64{1, 1}), table.Categories("y", []string{"", ""})), []int{0, 1}, prep.Options{})
	wantError(t, err, `no column is left to learn from; "x": every value is 1; "y": every value is missing`)

	var columns []table.Column
	for i := range 5 {
		columns = append(columns, table.Numbers(fmt.Sprint(i), []float64{1, 1}))
	}
	_, _, err = prep.Fit(table.New(columns...), []int{0, 1}, prep.Options{})
	wantError(t, err, "; and 2 more")

	_, _, err = prep.Fit(table.New(table.Categories("x", []string{"a", "b\xff", "a", "b\xff"})), rows(4), prep.Options{})
	wantError(t, err, `column "x": the text "b\xff" is not UTF-8`)

	twice := table.New(table.Numbers("x", []float64{1, 2}), table.Numbers("x", []float64{1, 2}))
	_, _, err = prep.Fit(twice, []int{0, 1}, prep.Options{})
	wantError(t, err, `both called "x"`)
	_, err = (&prep.Features{}).Apply(twice, nil)
	wantError(t, err, `both called "x"`)
}

func TestTheMostFrequentLevelsAreKept(t *testing.T) {
	var texts []string
	for i := range 100 {
		// l00 stands once, l01 twice in 100 texts, …, but for the last ones,
		// which are as frequent as each other.
		for range min(i, 50) + 1 {
			texts = append(texts, fmt.Sprintf("l%02d", i))
		}
	}
	f, notes := fit(t, prep.Options{}, table.Categories("x", texts))
	levels := f.Columns[0].Levels
	if len(levels) != prep.MaxLevels || levels[0] != "l36" || levels[63] != "l99" || !slices.IsSorted(levels) {
		t.Errorf("the levels are %v", levels)
	}
	if want := []string{`column "x": 100 levels; the 64 most frequent ones are told apart`}; !slices.Equal(notes, want) {
		t.Errorf("the notes are %q, want %q", notes, want)
	}
	for i, l := range levels {
		if got := f.Columns[0].Level(l); got != i {
			t.Errorf("Level(%q) = %d, want %d", l, got, i)
		}
	}
	for _, unknown := range []string{"", "l00", "l35", "l999", "zzz", "A"} {
		if got := f.Columns[0].Level(unknown); got != -1 {
			t.Errorf("Level(%q) = %d, want −1", unknown, got)
		}
	}
	// Of equally frequent levels, the first ones by their bytes: not those that
	// happen to come first.
	for i := range texts {
		texts[i] = fmt.Sprintf("l%02d", (i*7)%100)
	}
	f, _ = fit(t, prep.Options{}, table.Categories("x", texts[:300]))
	if l := f.Columns[0].Levels; l[0] != "l00" || l[63] != "l63" {
		t.Errorf("of equally frequent levels these were kept: %v", l)
	}
}

func TestUnknownAndMissingTextsAreZeros(t *testing.T) {
	f, _ := fit(t, prep.Options{}, table.Categories("x", count("a", 2, "b", 2)), table.Numbers("y", []float64{0, 1, 0, 1}))
	x, err := f.Apply(table.New(
		table.Categories("x", []string{"b", "c", "", "a"}),
		table.Numbers("y", []float64{0, 0, 0, 0}),
	), []int{3, 2, 1, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{1, 0, -1, 0, 0, -1, 0, 0, -1, 0, 1, -1, 0, 1, -1}, x); diff != "" {
		t.Errorf("features differ (-want +got):\n%s", diff)
	}
}

// Nanoseconds since 1970 have 61 bits, of which float32 holds 24.
func TestATimeInNanosecondsIsShifted(t *testing.T) {
	const start, second = 1_700_000_000e9, 1e9
	var times []float64
	for i := range 50 {
		times = append(times, start+float64(i*i%50)*second)
	}
	f, notes := fit(t, prep.Options{}, table.Numbers("time", times))
	c := f.Columns[0]
	if len(notes) != 1 || !strings.Contains(notes[0], `column "time": float32 can't tell its values apart; 1.7`) || c.Shift < start {
		t.Errorf("the notes are %q, the shift %v", notes, c.Shift)
	}
	a, _ := c.Number(start + 10*second)
	b, _ := c.Number(start + 11*second)
	if a >= b {
		t.Errorf("two seconds are %v and %v", a, b)
	}
}

func TestSmallDifferencesOfAFractionAreShifted(t *testing.T) {
	var x []float64
	for i := range 50 {
		x = append(x, 0.3+float64(i*i%50)*1e-10)
	}
	f, _ := fit(t, prep.Options{}, table.Numbers("x", x))
	z, err := f.Apply(table.New(table.Numbers("x", x)), nil)
	if err != nil {
		t.Fatal(err)
	}
	different := map[float32]bool{}
	for _, v := range z {
		different[v] = true
	}
	if len(different) < 10 || f.Columns[0].Shift == 0 {
		t.Errorf("%d different features, the shift is %v", len(different), f.Columns[0].Shift)
	}
}

// An outlier is no reason to shift: the others lie near 0, where float32 is fine.
func TestAnOutlierDoesNotShift(t *testing.T) {
	x := []float64{1, 2, 3, 4, 1e12}
	f, notes := fit(t, prep.Options{}, table.Numbers("x", x))
	if c := f.Columns[0]; len(notes) != 0 || c.Shift != 0 {
		t.Errorf("the notes are %q, the shift %v", notes, c.Shift)
	}
}

// A constant with a value missing stays, for its indicator. The mean of equal
// values must be that value, or z would be a rounding error over another.
func TestAConstantWithMissingValues(t *testing.T) {
	x := make([]float64, 1000)
	for i := range x {
		x[i] = 0.1
	}
	x[10] = nan
	f, notes := fit(t, prep.Options{}, table.Numbers("x", x))
	want := []prep.Column{{Name: "x", Fill: 0.1, Mean: 0.1, SD: 1, Indicator: true}}
	if diff := cmp.Diff(want, f.Columns); diff != "" || len(notes) > 0 {
		t.Errorf("notes %q, columns differ (-want +got):\n%s", notes, diff)
	}
}

// A new table is read without the model at hand, so a reader may take its
// columns for others than they were in training.
func TestATableOfOtherKinds(t *testing.T) {
	features := &prep.Features{Columns: []prep.Column{
		{Name: "n", Kind: table.Number, SD: 1, Fill: 5, Low: -9, High: 9, Indicator: true},
		{Name: "b", Kind: table.Boolean, SD: 1, High: 1},
		{Name: "c", Kind: table.Category, Levels: []string{"1", "2.5", "true"}},
	}}
	number, boolean, text := table.Numbers("n", []float64{1}), table.Booleans("b", []bool{true}), table.Categories("c", []string{"1"})
	for _, c := range []struct {
		name    string
		columns []table.Column
		want    []float32
		err     string
	}{
		{"as it was", []table.Column{number, boolean, text}, []float32{1, 0, 1, 1, 0, 0}, ""},
		{"in another order", []table.Column{text, boolean, number}, []float32{1, 0, 1, 1, 0, 0}, ""},
		{"a number read as text that is missing", []table.Column{table.Categories("n", []string{""}), boolean, text}, []float32{5, 1, 1, 1, 0, 0}, ""},
		{"a number read as text", []table.Column{table.Categories("n", []string{"x"}), boolean, text}, nil, `column "n": has text ("x"); the model was trained on numbers there`},
		{"a number read as a boolean", []table.Column{table.Booleans("n", []bool{true}), boolean, text}, []float32{1, 0, 1, 1, 0, 0}, ""},
		{"a boolean read as a number", []table.Column{number, table.Numbers("b", []float64{0}), text}, []float32{1, 0, 0, 1, 0, 0}, ""},
		{"text read as a whole number", []table.Column{number, boolean, table.Numbers("c", []float64{1})}, []float32{1, 0, 1, 1, 0, 0}, ""},
		{"text read as a fraction", []table.Column{number, boolean, table.Numbers("c", []float64{2.5})}, []float32{1, 0, 1, 0, 1, 0}, ""},
		{"text read as an unknown number", []table.Column{number, boolean, table.Numbers("c", []float64{7})}, []float32{1, 0, 1, 0, 0, 0}, ""},
		{"text read as a missing number", []table.Column{number, boolean, table.Numbers("c", []float64{nan})}, []float32{1, 0, 1, 0, 0, 0}, ""},
		{"text read as a boolean", []table.Column{number, boolean, table.Booleans("c", []bool{true})}, []float32{1, 0, 1, 0, 0, 1}, ""},
		{"a column too many", []table.Column{number, boolean, text, table.Numbers("z", []float64{1})}, []float32{1, 0, 1, 1, 0, 0}, ""},
		{"a column missing", []table.Column{number, text}, nil, `has no column "b"; the model needs it`},
		{"all missing", nil, nil, `has no column "n", "b", "c"; the model needs it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := features.Apply(table.New(c.columns...), nil)
			if c.err != "" {
				wantError(t, err, c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, x); diff != "" {
				t.Errorf("features differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMatchNamesTheTableAndFiveColumns(t *testing.T) {
	f := &prep.Features{}
	for i := range 7 {
		f.Columns = append(f.Columns, prep.Column{Name: fmt.Sprintf("c%d", i)})
	}
	tab := table.New(table.Numbers("x", []float64{1}))
	tab.Name = "new.csv"
	_, _, err := f.Match(tab)
	wantError(t, err, `prep: new.csv: has no column "c0", "c1", "c2", "c3", "c4" and 2 more; the model needs it`)
}

// random draws features as Fit makes them.
func drawFeatures(t *rapid.T) *prep.Features {
	n := rapid.IntRange(4, 30).Draw(t, "rows")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	numbers, texts, bools := make([]float64, n), make([]string, n), make([]bool, n)
	for i := range n {
		numbers[i] = random.NormFloat64() * math.Exp(random.NormFloat64()*20)
		if random.IntN(10) == 0 {
			numbers[i] = nan
		}
		texts[i] = []string{"", "a", "é", "<&>\u2028", `"quoted"`, "\x00", "a,b"}[random.IntN(7)]
		bools[i] = random.IntN(2) == 0
	}
	tab := table.New(table.Numbers("n", numbers), table.Categories("c", texts), table.Booleans("b", bools))
	f, _, err := prep.Fit(tab, rows(n), prep.Options{Keep: []string{"c"}, Raw: rapid.Bool().Draw(t, "raw")})
	if err != nil {
		t.Skip(err)
	}
	return f
}

func TestFeaturesAreReadFromJSONAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFeatures(t)
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var got prep.Features
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f, &got); diff != "" {
			t.Errorf("features differ (-written +read):\n%s", diff)
		}
		if err := got.Check(); err != nil {
			t.Error(err)
		}
	})
}

// Rows that are taken in parts are those that are taken at once.
func TestBoundRowsAreThoseOfApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFeatures(t)
		n := rapid.IntRange(0, 20).Draw(t, "new rows")
		tab := table.New(
			table.Numbers("n", rapid.SliceOfN(rapid.Float64Range(-9, 9), n, n).Draw(t, "n")),
			table.Booleans("b", rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "b")),
			table.Categories("c", rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "é", "unknown"}), n, n).Draw(t, "c")),
		)
		whole, err := f.Apply(tab, nil)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := f.Bind(tab)
		if err != nil {
			t.Fatal(err)
		}
		var parts []float32
		for i := 0; i < n; {
			j := rapid.IntRange(i+1, n).Draw(t, "end")
			parts = append(parts, bound.Apply(rows(n)[i:j])...)
			i = j
		}
		if len(parts)+len(whole) > 0 && !slices.Equal(parts, whole) {
			t.Errorf("in parts %v, at once %v", parts, whole)
		}
	})
}
