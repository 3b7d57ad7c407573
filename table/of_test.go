package table_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shoal-nn/shoal/table"
)

func ExampleOf() {
	type House struct {
		Price  float64
		Area   *float64 `table:"area"` // nil is missing
		Town   string   // "" is missing
		Ward   int      `table:",category"` // a number that is a name
		Sold   bool
		Agency []string `table:"-"`
	}
	area := 120.0
	t := table.Of([]House{
		{Price: 300_000, Area: &area, Town: "Delft", Ward: 3, Sold: true},
		{Price: 210_000, Town: "Gouda", Ward: 14},
	})
	if t.Err() != nil {
		fmt.Println(t.Err())
	}
	for _, c := range t.Columns {
		fmt.Println(c.Name, c.Kind, c.Numbers, c.Codes, c.Levels)
	}
	// Output:
	// Price number [300000 210000] [] []
	// area number [120 NaN] [] []
	// Town category [] [0 1] [Delft Gouda]
	// Ward category [] [0 1] [3 14]
	// Sold boolean [1 0] [] []
}

type Place struct {
	Town    string
	private int
}

func TestOfTakesEveryPlainType(t *testing.T) {
	type shade string
	type row struct {
		Place
		I8   int8
		U64  uint64
		F32  float32
		Name *shade
		Flag *bool
		Both bool     `table:"both,category"`
		Half *float32 `table:",category"`
	}
	name, flag, half := shade("red"), true, float32(0.1)
	rows := []*row{
		{Place: Place{Town: "Delft", private: 1}, I8: -8, U64: 1 << 40, F32: 0.5, Name: &name, Flag: &flag, Both: true, Half: &half},
		{F32: float32(math.NaN())},
	}
	got := table.Of(rows)
	if got.Err() != nil {
		t.Fatal(got.Err())
	}
	nan := math.NaN()
	want := []table.Column{
		table.Categories("Town", []string{"Delft", ""}),
		table.Numbers("I8", []float64{-8, 0}),
		table.Numbers("U64", []float64{1 << 40, 0}),
		table.Numbers("F32", []float64{0.5, nan}),
		table.Categories("Name", []string{"red", ""}),
		{Name: "Flag", Kind: table.Boolean, Numbers: []float64{1, nan}},
		table.Categories("both", []string{"true", "false"}),
		table.Categories("Half", []string{"0.1", ""}),
	}
	if d := cmp.Diff(want, got.Columns, same...); d != "" {
		t.Error(d)
	}
	if got.Name != "row" || got.Rows() != 2 {
		t.Errorf("%s with %d rows, want row with 2", got.Name, got.Rows())
	}
}

func TestOfRefuses(t *testing.T) {
	type dated struct{ Born time.Time }
	type sliced struct{ Tags []string }
	type tagged struct {
		A int `table:"a,categorical"`
	}
	type twice struct {
		A int `table:"x"`
		B int `table:"x"`
	}
	type infinite struct{ A float64 }
	for _, c := range []struct {
		err  error
		want string
	}{
		{table.Of([]dated{{}}).Err(), "table: table_test.dated: field Born is a time.Time; give a number"},
		{table.Of([]sliced{{}}).Err(), "table: table_test.sliced: field Tags is a []string; a column is a number, a string, a bool or a pointer to one"},
		{table.Of([]tagged{{}}).Err(), `table: table_test.tagged: field A: its tag says "categorical" after the comma; only "category" may stand there`},
		{table.Of([]twice{{}}).Err(), `table: twice: columns 1 and 2 are both called "x"`},
		{table.Of([]infinite{{}, {math.Inf(1)}}).Err(), `table: infinite: column "A": row 1 (the first is 0) is infinite`},
		{table.Of([]*infinite{{}, nil}).Err(), "table: table_test.infinite: row 1 (the first is 0) is a nil pointer"},
		{table.Of([]int{1}).Err(), "table: Of takes a slice of structs or of pointers to structs; int is neither"},
		{table.Of([]any{1}).Err(), "interface {} is neither"},
	} {
		wantError(t, c.err, c.want)
	}
}

func TestACategoryOfNumbersReadsAsInAFile(t *testing.T) {
	got := table.Of([]struct {
		Ward float64 `table:",category"`
	}{{1000000}, {0.25}, {1e300}})
	want := table.Categories("Ward", []string{"1000000", "0.25", "1e+300"})
	if d := cmp.Diff([]table.Column{want}, got.Columns); d != "" {
		t.Errorf("−want +got:\n%s", d)
	}
}
