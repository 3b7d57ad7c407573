package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/spf13/cobra"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// predictCall is a call of shoal predict.
type predictCall struct {
	read table.CSVOptions
	json bool
	keep bool
}

func predictCommand() *cobra.Command {
	c := &predictCall{}
	cmd := &cobra.Command{
		Use:   "predict MODEL DATA.csv",
		Short: "Answer the rows of a CSV file",
		Long: `Answer each row of a CSV file with a model, in the file's order, as CSV on
standard output: "label" and "probability:CLASS" for each class, or "prediction"
(with several targets, "prediction:TARGET" for each).

Columns are matched by name, in any order. A column that the model needs must be
there; others are named on standard error and not used.`,
		Example: `  shoal predict houses.onnx new.csv > prices.csv
  shoal predict iris.onnx new.csv --keep
  cat new.csv | shoal predict iris.onnx - --json`,
		Args:              arguments("MODEL", "DATA.csv"),
		ValidArgsFunction: modelThenData,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1]) },
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.bool(&c.keep, "keep", "put the input's columns, as they are written, in front")
	f.bool(&c.json, "json", "print a JSON object a row, each on a line")
	f.delimiter(&c.read)
	return cmd
}

// modelThenData completes the arguments MODEL and DATA.csv.
func modelThenData(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return []cobra.Completion{"onnx"}, cobra.ShellCompDirectiveFilterFileExt
	case 1:
		return []cobra.Completion{"csv", "tsv", "txt", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (c *predictCall) run(cmd *cobra.Command, model, data string) error {
	m, err := shoal.Open(model)
	if err != nil {
		return err
	}
	o := m.CSVOptions()
	o.Comma, o.KeepText = c.read.Comma, c.keep
	t, err := readTable(cmd, data, o)
	if err != nil {
		return err
	}
	p, err := m.Predict(t)
	if err != nil {
		return err
	}
	tellNotes(cmd.ErrOrStderr(), t, p.Extra)
	w := bufio.NewWriter(cmd.OutOrStdout())
	if c.json {
		err = writeJSONLines(w, t, p)
	} else {
		err = writeCSV(w, t, p)
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("shoal: writing the answers: %w", err)
	}
	return nil
}

// tellNotes says what the reader decided, and which columns aren't used.
func tellNotes(w io.Writer, t *table.Table, extra []string) {
	for _, n := range t.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if len(extra) > 0 {
		fmt.Fprintf(w, "note: %s: the model doesn't use %s\n", t.Name, quoted(extra, 10))
	}
}

func writeCSV(to io.Writer, t *table.Table, p *shoal.Predictions) error {
	w := csv.NewWriter(to)
	record := append([]string(nil), t.Header...)
	switch {
	case p.Task == prep.Classification:
		record = append(record, "label")
		for _, c := range p.Classes {
			record = append(record, "probability:"+c)
		}
	case len(p.Targets) == 1:
		record = append(record, "prediction")
	default:
		for _, target := range p.Targets {
			record = append(record, "prediction:"+target)
		}
	}
	if err := w.Write(record); err != nil {
		return err
	}
	for i := range t.Rows() {
		record = record[:0]
		if t.Text != nil {
			record = append(record, t.Text[i]...)
		}
		numbers := p.Values
		if p.Task == prep.Classification {
			record = append(record, p.Labels[i])
			numbers = p.Probabilities
		}
		for _, x := range numbers[i] {
			record = append(record, number(x))
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// number writes an answer, a float32, with the fewest digits that tell it from
// its neighbours, as JSON would.
func number(x float64) string {
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	bits := 32
	if float64(float32(x)) != x {
		bits = 64 // of a wide target
	}
	return strconv.FormatFloat(x, format, -1, bits)
}

// answerJSON is a line of shoal predict --json. Input are the cells as they are
// written, by column.
type answerJSON struct {
	Input         map[string]string      `json:"input,omitempty"`
	Label         *string                `json:"label,omitempty"`
	Probabilities map[string]json.Number `json:"probabilities,omitempty"`
	Prediction    any                    `json:"prediction,omitempty"` // a number, or target → number
}

func writeJSONLines(to io.Writer, t *table.Table, p *shoal.Predictions) error {
	for i := range t.Rows() {
		var a answerJSON
		if t.Text != nil {
			a.Input = make(map[string]string, len(t.Columns))
			for k, c := range t.Columns {
				a.Input[c.Name] = t.Text[i][k]
			}
		}
		switch {
		case p.Task == prep.Classification:
			a.Label = &p.Labels[i]
			a.Probabilities = numbersOf(p.Classes, p.Probabilities[i])
		case len(p.Targets) == 1:
			a.Prediction = json.Number(number(p.Values[i][0]))
		default:
			a.Prediction = numbersOf(p.Targets, p.Values[i])
		}
		if err := printJSON(to, a); err != nil {
			return err
		}
	}
	return nil
}

func numbersOf(names []string, x []float64) map[string]json.Number {
	m := make(map[string]json.Number, len(names))
	for k, name := range names {
		m[name] = json.Number(number(x[k]))
	}
	return m
}
