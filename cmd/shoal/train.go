package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/workload"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

// trainCall is a call of shoal train: what its flags say.
type trainCall struct {
	config train.Config
	read   table.CSVOptions
	output string
	json   bool
	quiet  bool

	// Flags that are put together once all are read.
	classWeights []string
	optimizer    string
	constants    map[string]float64 // of the optimiser, by flag
	schedule     nn.Schedule
	initScale    float64
}

func trainCommand() *cobra.Command {
	c := &trainCall{constants: map[string]float64{}}
	cmd := &cobra.Command{
		Use:   "train DATA.csv --target COLUMN [flags]",
		Short: "Train a network from a CSV file",
		Long: `Train a network from a CSV file, score it on rows that it has never seen, and
save it. Only the target is needed: what is not given is decided from the data,
and the report says how.

The file's first line names its columns. It may be compressed with gzip or zstd;
"-" is standard input. The same data, flags and seed give the same model, on any
machine and for any number of threads. Ctrl-C saves the best model so far.`,
		Example: `  shoal train houses.csv --target price
  shoal train iris.csv --target species --hidden 64,32 --activation tanh --cv 5
  gunzip -c big.csv.gz | shoal train - --target y --json -o big.onnx`,
		Args: arguments("DATA.csv"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	cmd.ValidArgsFunction = cobra.FixedCompletions([]cobra.Completion{"csv", "tsv", "txt", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt)
	f := &flags{cmd: cmd}
	c.whatFlags(f)
	c.networkFlags(f)
	c.trainingFlags(f)
	c.rowsFlags(f)

	f.group = "Output"
	f.text(&c.output, "output", "o", "`file` of the model (default: DATA.onnx in the current folder)")
	f.bool(&c.json, "json", "print one JSON object, on one line, in place of the report")
	f.bool(&c.quiet, "quiet", "no progress and no report")
	return cmd
}

func (c *trainCall) run(cmd *cobra.Command, data string) error {
	if err := c.finish(cmd); err != nil {
		return err
	}
	if _, err := workload.Level(); err != nil {
		return err
	}
	output, err := modelPath(c.output, data)
	if err != nil {
		return err
	}
	if err := checkOutput(output, data); err != nil {
		return err
	}
	t, err := readTable(cmd, data, c.read)
	if err != nil {
		return err
	}
	talk := io.Discard
	if !c.quiet {
		talk = cmd.ErrOrStderr()
	}
	progress := newProgress(talk, c.config.Folds)
	c.config.Watch = progress.event

	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	model, report, err := train.Fit(ctx, t, c.config)
	progress.end()
	interrupted := ctx.Err() != nil && errors.Is(err, ctx.Err())
	switch {
	case interrupted && model == nil:
		return fmt.Errorf("%w before there was a model; nothing is saved", errInterrupted)
	case err != nil && !interrupted:
		return err
	}
	if err := checkOutput(output, data); err != nil { // hours may have passed
		return err
	}
	if err := model.Save(output); err != nil {
		return err
	}
	if err := c.print(cmd.OutOrStdout(), &trained{data, output, model, report, interrupted}); err != nil {
		return fmt.Errorf("shoal: the model is saved as %s, but the report can't be written: %w", output, err)
	}
	switch {
	case interrupted && progress.fold > 0:
		return fmt.Errorf("%w while models that leave rows out were trained; the model is saved as %s", errInterrupted, output)
	case interrupted:
		return fmt.Errorf("%w in epoch %d of %d; the best model so far, of epoch %d, is saved as %s",
			errInterrupted, report.Epochs, report.Settings.Epochs, report.BestEpoch, output)
	}
	return nil
}

// trained is the outcome of a training.
type trained struct {
	data, output string
	model        *shoal.Model
	report       *train.Report
	interrupted  bool
}

func (c *trainCall) print(w io.Writer, t *trained) error {
	switch {
	case c.json:
		return printJSON(w, t.json())
	case c.quiet:
		return nil
	}
	_, err := io.WriteString(w, t.text())
	return err
}

// printJSON writes v on one line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// readTable reads the CSV file at path; "-" is standard input.
func readTable(cmd *cobra.Command, path string, o table.CSVOptions) (*table.Table, error) {
	if path == "-" {
		return table.ReadCSV("stdin", cmd.InOrStdin(), o)
	}
	return table.OpenCSV(path, o)
}

// modelPath is where the model of this data goes.
func modelPath(output, data string) (string, error) {
	switch {
	case output == "-":
		return "", wrongCall("a model can't go to standard output: name a file with -o")
	case output != "":
		return output, nil
	case data == "-":
		return "", wrongCall("the data comes from standard input: name the model's file with -o")
	}
	name := filepath.Base(data)
	for _, ending := range []string{".gz", ".zst", ".csv", ".tsv", ".txt"} {
		if rest, ok := strings.CutSuffix(name, ending); ok && rest != "" {
			name = rest
		}
	}
	return name + ".onnx", nil
}

// checkOutput says why a model can't be written to path: before a training,
// which may take long.
func checkOutput(path, data string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		folder := filepath.Dir(path)
		f, err := os.CreateTemp(folder, ".shoal-*.tmp")
		if err != nil {
			return fmt.Errorf("shoal: %s: the model can't be written there: %w", path, reason(err))
		}
		return errors.Join(f.Close(), os.Remove(f.Name()))
	case err != nil:
		return fmt.Errorf("shoal: %s: the model can't be written there: %w", path, reason(err))
	case info.IsDir():
		return fmt.Errorf("shoal: %s is a folder; -o takes the path of a file", path)
	}
	if in, err := os.Stat(data); err == nil && os.SameFile(in, info) {
		return wrongCall("-o %s is the data itself; name another file", path)
	}
	if m, err := shoal.Open(path); errors.Is(err, shoal.ErrNotAModel) || err == nil && m.Origin() != "" {
		return fmt.Errorf("shoal: %s exists and is no model of Shoal's, so it is not written over; name another file with -o", path)
	} else if err != nil {
		return fmt.Errorf("shoal: %s exists and can't be read as a model, so it is not written over; name another file with -o: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("shoal: %s: the model can't be written there: %w", path, reason(err))
	}
	return f.Close()
}

// reason is what is wrong with a path, without naming it again.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
