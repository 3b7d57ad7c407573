package table

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Of returns a table of a slice of structs, or of pointers to structs: a row
// each, and a column for every exported field, in the order of the fields.
//
//	type House struct {
//		Price  float64                          // all sizes of integers and floats are numbers, NaN is missing
//		Area   *float64 `table:"area"`          // a name of its own; a nil pointer is missing
//		Town   string                           // text is a category, "" is missing
//		Sold   bool                             // a boolean
//		Ward   int      `table:",category"`     // a number that only names something
//		Notes  []byte   `table:"-"`             // left out
//		Garden                                  // an embedded struct's fields are columns too
//	}
//
// Integers beyond ±2⁵³ are rounded to the nearest float64. A field of another
// type (a time, a slice, a map) is an error, as are an infinite number, a nil
// row, two columns of one name and whatever else New refuses: Err returns it.
func Of[S any](rows []S) *Table {
	of := reflect.TypeFor[S]()
	byPointer := of.Kind() == reflect.Pointer
	if byPointer {
		of = of.Elem()
	}
	t := &Table{Name: of.Name()}
	if of.Kind() != reflect.Struct {
		t.err = fmt.Errorf("table: Of takes a slice of structs or of pointers to structs; %v is neither", reflect.TypeFor[S]())
		return t
	}

	var fields []field
	if t.err = appendFields(&fields, of, nil); t.err != nil {
		return t
	}
	values := reflect.ValueOf(rows)
	structs := make([]reflect.Value, len(rows))
	for i := range structs {
		structs[i] = values.Index(i)
		if byPointer {
			if structs[i] = structs[i].Elem(); !structs[i].IsValid() {
				t.err = fmt.Errorf("table: %v: row %d (the first is 0) is a nil pointer; leave it out", of, i)
				return t
			}
		}
	}
	for _, f := range fields {
		t.Columns = append(t.Columns, f.column(structs))
	}
	t.err = t.check()
	return t
}

// A field is one column of a struct.
type field struct {
	name  string
	kind  Kind
	index []int // the way to it, as for reflect.Value.FieldByIndex; no pointers but the last
}

// appendFields appends the columns of the struct type s, found at index within
// the row's own type.
func appendFields(fields *[]field, s reflect.Type, index []int) error {
	for i := range s.NumField() {
		f := s.Field(i)
		at := append(index[:len(index):len(index)], i)
		name, option, _ := strings.Cut(f.Tag.Get("table"), ",")
		if name == "-" {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("table") == "" && f.Type != reflect.TypeFor[time.Time]() {
			if err := appendFields(fields, f.Type, at); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		kind, ok := kindOf(of.Kind())
		switch {
		case of == reflect.TypeFor[time.Time]():
			return fmt.Errorf("table: %v: field %s is a time.Time; give a number that means something to you instead (days since a date, the hour), or leave it out with the tag `table:\"-\"`", s, f.Name)
		case !ok:
			return fmt.Errorf("table: %v: field %s is a %v; a column is a number, a string, a bool or a pointer to one: convert it, or leave it out with the tag `table:\"-\"`", s, f.Name, f.Type)
		case option == "category":
			kind = Category
		case option != "":
			return fmt.Errorf("table: %v: field %s: its tag says %q after the comma; only \"category\" may stand there", s, f.Name, option)
		}
		*fields = append(*fields, field{name: cmp.Or(name, f.Name), kind: kind, index: at})
	}
	return nil
}

// kindOf returns the kind of column that a Go kind makes.
func kindOf(k reflect.Kind) (Kind, bool) {
	switch k {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return Number, true
	case reflect.String:
		return Category, true
	case reflect.Bool:
		return Boolean, true
	}
	return 0, false
}

// column returns the field's values in all rows.
func (f *field) column(structs []reflect.Value) Column {
	c := Column{Name: f.name, Kind: f.kind}
	if f.kind == Category {
		texts := make([]string, len(structs))
		for i, s := range structs {
			texts[i] = f.text(s.FieldByIndex(f.index))
		}
		return Categories(f.name, texts)
	}
	c.Numbers = make([]float64, len(structs))
	for i, s := range structs {
		c.Numbers[i] = f.number(s.FieldByIndex(f.index))
	}
	return c
}

// text returns a value as a level; "" where it is missing.
func (f *field) text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return ""
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case math.IsNaN(v.Float()):
		return ""
	}
	format := byte('g')
	if x := v.Float(); x == math.Trunc(x) && math.Abs(x) < 1e15 {
		format = 'f' // as it would stand in a file: 1000000, not 1e+06
	}
	return strconv.FormatFloat(v.Float(), format, -1, v.Type().Bits())
}

// number returns a value as a number; NaN where it is missing.
func (f *field) number(v reflect.Value) float64 {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return math.NaN()
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	}
	return v.Float()
}
