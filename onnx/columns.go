package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// What another program's graph says of columns.

// numbers makes columns of numbers: one has the input's name, several are
// numbered.
func (im *importer) numbers(name string, kind table.Kind, width int) []form {
	forms := make([]form, width)
	for i := range forms {
		column := prep.Column{Name: name, Kind: kind}
		switch {
		case width > 1 && im.perName:
			column.Name = name + "_" + strconv.Itoa(i+1)
		case width > 1:
			column.Name = "x" + strconv.Itoa(i+1)
		}
		forms[i] = form{terms: []term{{base{column: len(im.columns), sd: 1}, 1}}}
		im.columns = append(im.columns, column)
	}
	return forms
}

// sized makes features of the width that something asks for.
func (im *importer) sized(x features, width int) (features, error) {
	if !x.unknown {
		return x, nil
	}
	if width < 1 || width > prep.MaxFeatures || len(im.columns) > 0 {
		return x, fmt.Errorf("%d columns; there are 1 to %d", width, prep.MaxFeatures)
	}
	if err := im.spend(16 * width); err != nil {
		return x, err
	}
	x = features{forms: im.numbers(im.only, table.Number, width)}
	for n, s := range im.symbols {
		if f, ok := s.(features); ok && f.unknown {
			im.symbols[n] = x // the input, and what was made of it unchanged
		}
	}
	return x, nil
}

func (im *importer) affineFeatures(x features, scale, shift []float64) (symbol, error) {
	x, err := im.sized(x, max(len(scale), len(shift)))
	if err != nil {
		return nil, err
	}
	if !fits(scale, len(x.forms)) || !fits(shift, len(x.forms)) {
		return nil, fmt.Errorf("a constant of %d and %d elements for %d columns", len(scale), len(shift), len(x.forms))
	}
	if err := im.spendForms(x.forms); err != nil {
		return nil, err
	}
	out := features{forms: make([]form, len(x.forms))}
	for i, f := range x.forms {
		s, d := spread(scale, i), spread(shift, i)
		if b, ok := f.plain(); ok && s == 1 && !b.clipped {
			b.mean -= float64(d * b.sd)
			out.forms[i] = form{terms: []term{{b, 1}}}
			continue
		}
		g := form{constant: float64(f.constant*s) + d}
		for _, t := range f.terms {
			g.terms = append(g.terms, term{t.base, t.coef * s})
		}
		out.forms[i] = g
	}
	return out, nil
}

func (im *importer) spendForms(forms []form) error {
	n := 16
	for i := range forms {
		n += 16 + 16*len(forms[i].terms)
	}
	return im.spend(n)
}

// plain is the number that a form is, if it is one alone.
func (f *form) plain() (base, bool) {
	if len(f.terms) == 1 && f.terms[0].coef == 1 && f.constant == 0 && f.terms[0].base.kind == number {
		return f.terms[0].base, true
	}
	return base{}, false
}

// untouched is the number that a form is, if it is as it came.
func (f *form) untouched() (base, bool) {
	b, ok := f.plain()
	return b, ok && !b.filled && !b.clipped && b.mean == 0 && b.sd == 1
}

// standardise is (x − offset) / sd, column by column.
func (im *importer) standardise(x features, offset, sd []float64) (symbol, error) {
	x, err := im.sized(x, max(len(offset), len(sd)))
	if err != nil {
		return nil, err
	}
	if offset == nil {
		offset = []float64{0}
	}
	if !fits(offset, len(x.forms)) || !fits(sd, len(x.forms)) {
		return nil, fmt.Errorf("constants of %d and %d elements for %d columns", len(offset), len(sd), len(x.forms))
	}
	if err := im.spendForms(x.forms); err != nil {
		return nil, err
	}
	out := features{forms: make([]form, len(x.forms))}
	for i, f := range x.forms {
		m, s := spread(offset, i), spread(sd, i)
		if s == 0 || math.IsNaN(s) || math.IsInf(s, 0) || math.IsNaN(m) || math.IsInf(m, 0) {
			return nil, fmt.Errorf("column %d: offset %v and divisor %v", i+1, m, s)
		}
		if b, ok := f.plain(); ok && !b.clipped && s > 0 {
			b.mean, b.sd = b.mean+float64(m*b.sd), float64(b.sd*s)
			out.forms[i] = form{terms: []term{{b, 1}}}
			continue
		}
		g := form{constant: (f.constant - m) / s}
		for _, t := range f.terms {
			g.terms = append(g.terms, term{t.base, t.coef / s})
		}
		out.forms[i] = g
	}
	return out, nil
}

func (im *importer) isNaN(_ *Node, x []symbol) (symbol, error) {
	f, ok := x[0].(features)
	if !ok || f.unknown {
		return nil, errors.New("it is understood of numbers' columns alone")
	}
	out := features{forms: make([]form, len(f.forms))}
	for i := range f.forms {
		b, ok := f.forms[i].plain()
		if !ok || b.filled {
			return nil, errors.New("only whether a column's own number is missing can be asked")
		}
		out.forms[i] = form{terms: []term{{base{column: b.column, kind: missing, sd: 1}, 1}}}
	}
	return out, im.spendForms(out.forms)
}

// where is Where(IsNaN(x), fill, x), or softplus(z) that is z where z is large.
func (im *importer) where(_ *Node, x []symbol) (symbol, error) {
	if a, ok := x[0].(above); ok {
		large, ok1 := x[1].(chain)
		small, ok2 := x[2].(chain)
		if ok1 && ok2 && a.limit >= 15 && large.core == a.z.core && small.core == large.core && large.g == a.z.g &&
			small.g.op == "Softplus" && small.g.a == large.g {
			return small, nil
		}
		return nil, errors.New("layers' values are chosen in softplus alone")
	}
	is, ok1 := x[0].(features)
	f, ok2 := x[2].(features)
	fill, err := im.numbersOf(x[1])
	if !ok1 || !ok2 || err != nil || len(is.forms) != len(f.forms) {
		return nil, errors.New("only a constant where a column is missing is supported")
	}
	for i := range is.forms {
		b, ok := f.forms[i].plain()
		if t := is.forms[i].terms; !ok || len(t) != 1 || t[0].base.kind != missing || t[0].base.column != b.column {
			return nil, errors.New("the condition must be whether the same column is missing")
		}
	}
	return im.filled(f, fill)
}

func (im *importer) imputer(n *Node, x []symbol) (symbol, error) {
	f, ok := x[0].(features)
	if !ok {
		return nil, errors.New("only numbers are filled in")
	}
	var fill []float64
	for _, v := range n.attribute("imputed_value_floats").Floats {
		fill = append(fill, float64(v))
	}
	for _, v := range n.attribute("imputed_value_int64s").Ints {
		fill = append(fill, float64(v))
	}
	if a := n.attribute("replaced_value_float"); len(n.attribute("imputed_value_floats").Floats) > 0 && !math.IsNaN(float64(a.Float)) {
		return nil, fmt.Errorf("it replaces %v; only NaN is missing here", a.Float)
	}
	if len(n.attribute("imputed_value_floats").Floats) == 0 {
		return nil, errors.New("only floats are filled in")
	}
	f, err := im.sized(f, len(fill))
	if err != nil {
		return nil, err
	}
	return im.filled(f, fill)
}

// filled fills missing values.
func (im *importer) filled(f features, fill []float64) (symbol, error) {
	if !fits(fill, len(f.forms)) {
		return nil, fmt.Errorf("%d values for %d columns", len(fill), len(f.forms))
	}
	out := features{forms: make([]form, len(f.forms))}
	for i := range f.forms {
		b, ok := f.forms[i].plain()
		v := spread(fill, i)
		switch {
		case !ok || b.clipped:
			return nil, errors.New("only a column's own number can be filled in")
		case math.IsNaN(v) || math.IsInf(v, 0):
			return nil, fmt.Errorf("column %d is filled with %v", i+1, v)
		}
		if !b.filled {
			b.filled, b.fill = true, float64(v*b.sd)+b.mean
		}
		out.forms[i] = form{terms: []term{{b, 1}}}
	}
	return out, im.spendForms(out.forms)
}

func (im *importer) scaler(n *Node, x []symbol) (symbol, error) {
	f, ok := x[0].(features)
	if !ok {
		return nil, errors.New("only numbers are scaled")
	}
	var offset, sd []float64
	for _, v := range n.attribute("offset").Floats {
		offset = append(offset, float64(v))
	}
	for _, v := range n.attribute("scale").Floats {
		sd = append(sd, 1/float64(v))
	}
	if len(offset) == 0 || len(sd) == 0 {
		return nil, errors.New("it needs offset and scale")
	}
	return im.standardise(f, offset, sd)
}

func (im *importer) clip(n *Node, x []symbol) (symbol, error) {
	low, high := []float64{n.float("min", -math.MaxFloat32)}, []float64{n.float("max", math.MaxFloat32)}
	for i, limit := range []*[]float64{&low, &high} {
		if len(x) > i+1 && x[i+1] != nil {
			c, err := im.numbersOf(x[i+1])
			if err != nil {
				return nil, err
			}
			*limit = c
		}
	}
	return im.held(x[0], low, high)
}

func (im *importer) most(n *Node, x []symbol) (symbol, error) {
	if len(x) != 2 {
		return nil, errors.New("only two operands are supported")
	}
	other, c, _ := constantSide(x)
	limit, err := im.numbersOf(c)
	if err != nil {
		return nil, err
	}
	if n.Op == "Max" {
		return im.held(other, limit, []float64{math.MaxFloat32})
	}
	return im.held(other, []float64{-math.MaxFloat32}, limit)
}

// held holds columns within limits.
func (im *importer) held(x symbol, low, high []float64) (symbol, error) {
	f, ok := x.(features)
	if !ok {
		return nil, errors.New("limits of layers' values aren't supported")
	}
	f, err := im.sized(f, max(len(low), len(high)))
	if err != nil {
		return nil, err
	}
	if !fits(low, len(f.forms)) || !fits(high, len(f.forms)) {
		return nil, fmt.Errorf("%d and %d limits for %d columns", len(low), len(high), len(f.forms))
	}
	out := features{forms: make([]form, len(f.forms))}
	for i := range f.forms {
		b, ok := f.forms[i].plain()
		if !ok {
			return nil, errors.New("only a column's own number can be held within limits")
		}
		l, h := spread(low, i), spread(high, i)
		if b.clipped {
			l, h = max(l, b.low), min(h, b.high)
		}
		if !(l <= h) {
			return nil, fmt.Errorf("column %d: limits %v and %v", i+1, l, h)
		}
		b.clipped, b.low, b.high = true, l, h
		out.forms[i] = form{terms: []term{{b, 1}}}
	}
	return out, im.spendForms(out.forms)
}

// category makes a column of numbers one of categories, whose levels are the
// integers.
func (im *importer) category(x symbol) (column int, err error) {
	if t, ok := x.(text); ok {
		return t.column, nil
	}
	f, ok := x.(features)
	if !ok || len(f.forms) != 1 {
		return 0, errors.New("it is understood of one column alone")
	}
	b, ok := f.forms[0].untouched()
	if !ok {
		return 0, errors.New("it is understood of a column as it comes alone")
	}
	im.columns[b.column].Kind = table.Category
	return b.column, nil
}

func (im *importer) oneHot(n *Node, x []symbol) (symbol, error) {
	column, err := im.category(x[0])
	if err != nil {
		return nil, err
	}
	levels := slices.Clone(n.attribute("cats_strings").Strings)
	for _, i := range n.attribute("cats_int64s").Ints {
		levels = append(levels, strconv.FormatInt(i, 10))
	}
	var out features
	for _, l := range levels {
		out.forms = append(out.forms, form{terms: []term{{base{column: column, kind: level, level: l, sd: 1}, 1}}})
	}
	if len(levels) == 0 {
		return nil, errors.New("it has no categories")
	}
	return out, im.spendForms(out.forms)
}

// labelEncoder makes a number of each text.
func (im *importer) labelEncoder(n *Node, x []symbol) (symbol, error) {
	column, err := im.category(x[0])
	if err != nil {
		return nil, err
	}
	var keys []string
	keys = append(keys, n.attribute("keys_strings").Strings...)
	for _, i := range n.attribute("keys_int64s").Ints {
		keys = append(keys, strconv.FormatInt(i, 10))
	}
	var values []float64
	otherwise := n.float("default_float", 0)
	for _, v := range n.attribute("values_floats").Floats {
		values = append(values, float64(v))
	}
	if ints := n.attribute("values_int64s").Ints; len(ints) > 0 {
		otherwise = float64(n.int("default_int64", -1))
		for _, v := range ints {
			values = append(values, float64(v))
		}
	}
	if len(keys) == 0 || len(keys) != len(values) {
		return nil, errors.New("only text to numbers is supported")
	}
	f := form{constant: otherwise}
	for i, k := range keys {
		f.terms = append(f.terms, term{base{column: column, kind: level, level: k, sd: 1}, values[i] - otherwise})
	}
	return features{forms: []form{f}}, im.spendForms([]form{f})
}
