package table_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shoal-nn/shoal/table"
)

func ExampleNew() {
	t := table.New(
		table.Numbers("area", []float64{120, math.NaN(), 85}),
		table.Categories("town", []string{"Delft", "Gouda", "Delft"}),
		table.Booleans("sold", []bool{true, true, false}),
	)
	town := t.Column("town")
	fmt.Println(t.Rows(), t.Err(), t.Column("area").Missing(1))
	fmt.Println(town.Kind, town.Codes, town.Levels)
	// Output:
	// 3 <nil> true
	// category [0 1 0] [Delft Gouda]
}

func ExampleTable_Select() {
	t := table.New(
		table.Numbers("area", []float64{120, 40, 85}),
		table.Categories("town", []string{"Delft", "Gouda", "Delft"}),
	).Select([]int{2, 0})
	fmt.Println(t.Column("area").Numbers, t.Column("town").Codes, t.Column("town").Levels)
	// Output: [85 120] [0 0] [Delft Gouda]
}

// same compares columns, NaN being equal to NaN, and nil to empty.
var same = []cmp.Option{cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}

// wantError fails the test unless err says what is wanted.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error\n\t%v\nwant\n\t%s", err, want)
	}
}

func TestNewRefuses(t *testing.T) {
	two, three := []float64{1, 2}, []float64{1, 2, 3}
	for _, c := range []struct {
		columns []table.Column
		want    string
	}{
		{[]table.Column{table.Numbers("a", two), table.Numbers("b", three)}, `table: column "a" has 2 rows and column "b" has 3`},
		{[]table.Column{table.Numbers("a", two), table.Numbers("b", two), table.Numbers("a", two)}, `table: columns 1 and 3 are both called "a"`},
		{[]table.Column{table.Numbers("", two), table.Numbers("column 1", two)}, `table: columns 1 and 2 are both called "column 1"`},
		{[]table.Column{table.Numbers("a", []float64{0, math.Inf(-1)})}, `table: column "a": row 1 (the first is 0) is infinite`},
		{[]table.Column{{Name: "a", Kind: table.Boolean, Numbers: two}}, `table: column "a": row 1 (the first is 0) is 2; a Boolean column has 0, 1`},
		{[]table.Column{{Name: "a", Kind: table.Category, Codes: []int32{0, 1}, Levels: []string{"x"}}}, `table: column "a": row 1 (the first is 0) has code 1; with 1 levels a code is −1 (missing) to 0`},
		{[]table.Column{{Name: "a", Kind: table.Category, Codes: []int32{-2}, Levels: []string{"x"}}}, `has code -2`},
		{[]table.Column{{Name: "a", Kind: 7}}, `table: column "a": its kind is Kind(7); kinds are number, category, boolean`},
	} {
		wantError(t, table.New(c.columns...).Err(), c.want)
	}
}

func TestNamelessColumnsAreCalledByTheirPlace(t *testing.T) {
	columns := []table.Column{table.Numbers("a", nil), table.Numbers("", nil)}
	if name := table.New(columns...).Columns[1].Name; name != "column 2" {
		t.Errorf("name %q, want column 2", name)
	}
	if columns[1].Name != "" {
		t.Error("New wrote into its argument")
	}
}

func TestSelectCopies(t *testing.T) {
	whole, err := table.ReadCSV("people.csv", strings.NewReader("age,town\n1,Delft\n2,NA\n3,Gouda\n"), table.CSVOptions{KeepText: true})
	if err != nil {
		t.Fatal(err)
	}
	part := whole.Select([]int{2, 1, 2})
	want := &table.Table{
		Name: "people.csv",
		Columns: []table.Column{
			table.Numbers("age", []float64{3, 2, 3}),
			{Name: "town", Kind: table.Category, Codes: []int32{1, -1, 1}, Levels: []string{"Delft", "Gouda"}},
		},
		Header: []string{"age", "town"},
		Text:   [][]string{{"3", "Gouda"}, {"2", "NA"}, {"3", "Gouda"}},
	}
	if d := cmp.Diff(want, part, append(same, cmpopts.IgnoreUnexported(table.Table{}))...); d != "" {
		t.Error(d)
	}
	part.Columns[0].Numbers[0] = 99
	if whole.Columns[0].Numbers[2] != 3 {
		t.Error("Select shares memory with its table")
	}
}

func TestKindsInJSON(t *testing.T) {
	kinds := []table.Kind{table.Number, table.Category, table.Boolean}
	text, err := json.Marshal(kinds)
	if want := `["number","category","boolean"]`; err != nil || string(text) != want {
		t.Fatalf("%s, %v, want %s", text, err, want)
	}
	var back []table.Kind
	if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(kinds, back) {
		t.Errorf("%v, %v, want %v", back, err, kinds)
	}
	wantError(t, json.Unmarshal([]byte(`["date"]`), &back), `table: there is no kind "date"; the kinds are number, category, boolean`)
	if _, err := json.Marshal(table.Kind(3)); err == nil {
		t.Error("Kind(3) was written")
	}
}
