package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// scoreCall is a call of shoal score.
type scoreCall struct {
	read   table.CSVOptions
	weight string
	json   bool
}

func scoreCommand() *cobra.Command {
	c := &scoreCall{}
	cmd := &cobra.Command{
		Use:   "score MODEL DATA.csv",
		Short: "Score a model on a CSV file that has the answers",
		Long: `Answer the rows of a CSV file with a model and compare the answers with the
target column, beside those of someone who gives every row the same answer: the
commonest class, or of numbers what has the least loss, mostly the mean. Rows
without a value of the target are left out.`,
		Example:           `  shoal score houses.onnx sold-since.csv`,
		Args:              arguments("MODEL", "DATA.csv"),
		ValidArgsFunction: modelThenData,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1]) },
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.text(&c.weight, "weight", "", "`column` with the rows' weights")
	f.bool(&c.json, "json", "print one JSON object, on one line")
	f.delimiter(&c.read)
	return cmd
}

// scoreJSON is the one object that shoal score --json prints.
type scoreJSON struct {
	*train.Evaluation
	Model string `json:"model"`
}

func (c *scoreCall) run(cmd *cobra.Command, model, data string) error {
	m, err := shoal.Open(model)
	if err != nil {
		return err
	}
	o := m.CSVOptions()
	o.Comma = c.read.Comma
	for _, target := range m.Targets() {
		o.Kinds[target.Name] = target.Kind
	}
	t, err := readTable(cmd, data, o)
	if err != nil {
		return err
	}
	e, err := train.Evaluate(m, t, c.weight)
	if err != nil {
		return err
	}
	tellNotes(cmd.ErrOrStderr(), t, e.Extra)
	if c.json {
		return printJSON(cmd.OutOrStdout(), scoreJSON{e, model})
	}
	if e.RowsWithoutTarget > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s: %s without a value of the target left out\n", t.Name, plural(e.RowsWithoutTarget, "row"))
	}
	var s sheet
	v := outcome{
		task: e.Task, classes: e.Classes, rows: plural(e.Rows, "row"), verdict: e.Verdict, guess: e.Guess,
		scores: e.Scores, baseline: e.Baseline, targets: e.TargetScores, confusion: e.Confusion,
	}
	v.write(&s)
	_, err = io.WriteString(cmd.OutOrStdout(), s.String())
	return err
}
