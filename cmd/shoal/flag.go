package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shoal-nn/shoal/table"
)

// flags adds flags to a command, a group at a time. A flag's text is parsed
// and compared with its range where it is read, so that a wrong one is a wrong
// call, and a 0 that was given is never taken for one that wasn't.
type flags struct {
	cmd   *cobra.Command
	group string
}

func (f *flags) set() *pflag.FlagSet { return f.cmd.Flags() }

// grouped puts a flag into the group.
func (f *flags) grouped(name string) {
	f.set().SortFlags = false
	if err := f.set().SetAnnotation(name, groupOf, []string{f.group}); err != nil {
		panic(err) // the flag was added a line ago
	}
}

// parsed adds a flag whose text parse understands. The word between backquotes
// in usage stands for the text in the help.
func (f *flags) parsed(name, usage string, parse func(text string) error) {
	f.set().Func(name, usage, parse)
	f.grouped(name)
}

// choice adds a flag whose texts have names, which the help and the shell's
// completion list.
func (f *flags) choice(name, usage string, names []string, parse func(text string) error) {
	f.parsed(name, usage+": "+strings.Join(names, ", "), parse)
	err := f.cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag was added a line ago
	}
}

func (f *flags) bool(to *bool, name, usage string) {
	f.set().BoolVar(to, name, false, usage)
	f.grouped(name)
}

func (f *flags) text(to *string, name, short, usage string) {
	f.set().StringVarP(to, name, short, "", usage)
	f.grouped(name)
}

// list adds a flag of names between commas, that may be repeated.
func (f *flags) list(to *[]string, name, usage string) {
	f.set().StringSliceVar(to, name, nil, usage)
	f.grouped(name)
}

// whole adds a flag of a whole number, at least least.
func (f *flags) whole(to *int, name string, least int, usage string) {
	f.parsed(name, usage, func(text string) (err error) {
		*to, err = parseWhole(text, least)
		return err
	})
}

func parseWhole(text string, least int) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange) && text[0] != '-', n > math.MaxInt32:
		return 0, fmt.Errorf("must be a whole number, at most %d", math.MaxInt32)
	case err != nil || n < least:
		return 0, fmt.Errorf("must be a whole number, at least %d", least)
	}
	return n, nil
}

// span is a range of numbers.
type span struct {
	text string
	has  func(x float64) bool
}

// The ranges of the flags.
var (
	positive    = span{"a number above 0", func(x float64) bool { return x > 0 }}
	notNegative = span{"a number, at least 0", func(x float64) bool { return x >= 0 }}
	share       = span{"a number, at least 0 and below 1", func(x float64) bool { return x >= 0 && x < 1 }}
	inside      = span{"a number between 0 and 1", func(x float64) bool { return x > 0 && x < 1 }}
	anyNumber   = span{"a finite number", func(float64) bool { return true }}
)

// number adds a flag of a finite number in a range.
func (f *flags) number(to *float64, name string, in span, usage string) {
	f.parsed(name, usage, func(text string) (err error) {
		*to, err = parseNumber(text, in)
		return err
	})
}

func parseNumber(text string, in span) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || !in.has(x) {
		return 0, fmt.Errorf("must be %s", in.text)
	}
	return x, nil
}

// delimiters are the names of what can stand between cells.
var delimiters = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "bar": '|', "space": ' '}

// delimiter adds the flag for what stands between the cells of a CSV file.
func (f *flags) delimiter(o *table.CSVOptions) {
	f.parsed("delimiter", "what stands between cells: comma, semicolon, tab, bar, space or the `character` itself (default: found from the file)", func(text string) error {
		if r, ok := delimiters[text]; ok {
			o.Comma = r
			return nil
		}
		r := []rune(text)
		if len(r) != 1 || slices.Contains([]rune("\"\r\n\x00\uFFFD"), r[0]) {
			return fmt.Errorf("must be comma, semicolon, tab, bar, space or one character")
		}
		o.Comma = r[0]
		return nil
	})
}

// named makes values of names between commas.
func named[T any](text string, of func(name string) (T, error)) ([]T, error) {
	var values []T
	for name := range strings.SplitSeq(text, ",") {
		v, err := of(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// namesOf are the names of a table's entries.
func namesOf[T any](entries []T, name func(T) string) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = name(e)
	}
	return names
}
