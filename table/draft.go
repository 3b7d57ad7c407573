package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// What makes text among numbers an accident: at least so many numbers, and text
// in no more than one cell, or in one for so many numbers.
const (
	accidentNumbers = 20
	accidentShare   = 100
)

// A draft is a column while it is read. Until its first value it only counts
// rows; that value decides whether it collects numbers, without memory for
// their text, or texts. Both keep enough to decide at the end, from the whole
// file, what the column is, and only one that collected numbers and turns out
// to be text must be read again.
type draft struct {
	place int
	name  string

	wanted bool // kind is known beforehand
	kind   Kind

	collects collects
	numbers  []float64 // NaN where the cell is anything else
	codes    []int32
	levels   interner
	reread   bool // the numbers must give way to their text

	// Cells of each class. A draft that collects texts counts them in decide.
	count [isInfinite + 1]int
	marks int // cells, of count[isText]

	// The first of each, for messages.
	firstText, firstMark, firstInfinite, firstPoint, firstComma spot
}

type collects uint8

const (
	nothing collects = iota
	numbers
	texts
)

// want says what the column is, before its first cell.
func (d *draft) want(kind Kind) {
	d.wanted, d.kind = true, kind
	if kind == Category {
		d.collects = texts
	}
}

// add puts the next cell, its spaces trimmed, into the column.
func (d *draft) add(s *scanner, cell string) error {
	switch d.collects {
	case numbers:
		return d.addNumber(s, cell)
	case texts:
		return d.addText(s, cell)
	}
	if missing(cell) {
		return nil
	}
	// The first value; in the rows before it there was none.
	if _, class := s.classify(cell); class == isText {
		d.collects = texts
		d.codes = slices.Repeat([]int32{missingCode}, s.rows)
		return d.addText(s, cell)
	}
	d.collects = numbers
	d.numbers = slices.Repeat([]float64{math.NaN()}, s.rows)
	return d.addNumber(s, cell)
}

func (d *draft) addNumber(s *scanner, cell string) error {
	v, class := s.classify(cell)
	d.numbers = append(d.numbers, v)
	d.count[class]++
	switch {
	case class == isMissing, class == isNumber && s.comma != ';':
		return nil
	case class == isText && mark(cell):
		d.marks++
	}
	return d.remark(s, cell, class)
}

func (d *draft) addText(s *scanner, cell string) error {
	if missing(cell) {
		d.codes = append(d.codes, missingCode)
		return nil
	}
	code, ok := d.levels.codes[cell]
	if !ok {
		text, err := s.clean(d.place, cell)
		if err != nil {
			return err
		}
		code, ok = d.levels.code(text)
		if isNew := !ok; isNew && !d.reread {
			_, class := s.classify(text)
			if err := d.remark(s, text, class); err != nil {
				return err
			}
		}
	}
	d.codes = append(d.codes, code)
	return nil
}

// remark keeps where the first cell of each sort stands.
func (d *draft) remark(s *scanner, cell string, class class) error {
	var first *spot
	switch {
	case class == isText && mark(cell):
		first = &d.firstMark
	case class == isText:
		first = &d.firstText
	case class == isInfinite:
		first = &d.firstInfinite
	case strings.Contains(cell, ","):
		first = &d.firstComma
	case strings.Contains(cell, "."):
		first = &d.firstPoint
	default:
		return nil
	}
	if first.line > 0 && class != isText {
		return nil
	}
	text, err := s.clean(d.place, cell)
	if err == nil && first.line == 0 {
		*first = spot{line: s.line(d.place), cell: strings.Clone(text)}
	}
	return err
}

// decide says what the column is, when all of it has been read.
func (d *draft) decide(s *scanner) error {
	if d.collects == texts {
		d.countTexts(s)
	}
	var (
		numbers = d.count[isNumber]
		numeric = numbers + d.count[isInfinite]
		texts   = d.count[isText]
		others  = texts - d.marks
	)
	switch {
	case d.wanted && d.kind == Category:
		return nil
	case others == 0 && (texts == 0 || numeric > 0 || d.wanted):
		return d.becomeNumber(s)
	case numeric == 0 && d.becomeBoolean():
		return nil
	case d.wanted:
		return s.errorf(d.firstText.line, d.name, "%s is not a number, and this column has numbers", quote(d.firstText.cell))
	case numeric == 0:
		d.kind = Category
		return nil
	case numbers >= accidentNumbers && others <= max(1, numbers/accidentShare):
		rest := fmt.Sprintf("the other %s values are", grouped(numbers))
		if others > 1 {
			rest = fmt.Sprintf("%s more are not, %s are", grouped(others-1), grouped(numbers))
		}
		return s.errorf(d.firstText.line, d.name, "%s is not a number (%s); pass --category %s to treat it as text",
			quote(d.firstText.cell), rest, ListWord(d.name))
	}
	if numeric >= texts { // else it is plain
		s.note(d.firstText.line, d.name, "%s of %s values are not numbers (first %s), too many for an accident: the column is a category",
			grouped(texts), grouped(texts+numeric), quote(d.firstText.cell))
	}
	d.kind = Category
	d.reread = d.codes == nil
	return nil
}

// countTexts counts the cells of each class from the levels.
func (d *draft) countTexts(s *scanner) {
	cells := make([]int, len(d.levels.levels))
	for _, code := range d.codes {
		if code >= 0 {
			cells[code]++
		}
	}
	for code, text := range d.levels.levels {
		_, class := s.classify(text)
		d.count[class] += cells[code]
		if class == isText && mark(text) {
			d.marks += cells[code]
		}
	}
}

// becomeNumber makes a Number of a column whose cells are numbers, marks or
// missing, unless one of them can't be.
func (d *draft) becomeNumber(s *scanner) error {
	if f := d.firstInfinite; f.line > 0 {
		advice := "correct it, or leave the cell empty if the value is missing"
		if !d.wanted {
			advice = fmt.Sprintf("correct it, leave the cell empty if the value is missing, or pass --category %s to treat the column as text", ListWord(d.name))
		}
		return s.errorf(f.line, d.name, "%s is not a finite number (they end at 1.8e308); %s", quote(f.cell), advice)
	}
	if c, p := d.firstComma, d.firstPoint; c.line > 0 && p.line > 0 {
		return s.errorf(c.line, d.name, "%s has a comma and %s on line %d a point, and both can't be the decimal sign; write all numbers the same way", quote(c.cell), quote(p.cell), p.line)
	} else if c.line > 0 {
		s.note(c.line, d.name, "the numbers have a decimal comma (first %s)", quote(c.cell))
	}
	if m := d.firstMark; m.line > 0 {
		s.note(m.line, d.name, "%s that are marks like %s are taken for missing: all other values are numbers", plural(d.marks, "value"), quote(m.cell))
	}
	d.kind = Number
	if d.collects == texts {
		d.numbersFrom(func(text string) float64 { v, _ := s.classify(text); return v })
	} else if d.collects == nothing {
		d.numbers = slices.Repeat([]float64{math.NaN()}, s.rows)
	}
	return nil
}

// becomeBoolean makes a Boolean of a column whose texts all are true or false,
// and says whether it did.
func (d *draft) becomeBoolean() bool {
	for _, text := range d.levels.levels {
		if _, ok := boolean(text); !ok {
			return false
		}
	}
	d.kind = Boolean
	d.numbersFrom(func(text string) float64 { v, _ := boolean(text); return v })
	return true
}

// numbersFrom replaces texts by their values.
func (d *draft) numbersFrom(value func(text string) float64) {
	values := make([]float64, len(d.levels.levels))
	for code, text := range d.levels.levels {
		values[code] = value(text)
	}
	d.numbers = make([]float64, len(d.codes))
	for i, code := range d.codes {
		if d.numbers[i] = math.NaN(); code >= 0 {
			d.numbers[i] = values[code]
		}
	}
	d.codes = nil
}

// column returns the finished column.
func (d *draft) column() Column {
	if d.kind == Category {
		return Column{Name: d.name, Kind: Category, Codes: d.codes, Levels: d.levels.levels}
	}
	return Column{Name: d.name, Kind: d.kind, Numbers: d.numbers}
}
