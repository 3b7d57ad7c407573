package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/explain"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/table"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show the equations at work, number by number",
		Long: `Show what happens inside a two-layer network, or a deeper one, in the names and
shapes of the textbook: X (nx, m), W1 (n1, nx), Z1 = W1·X + b1.

Four of the commands need no data; step, derivation, gradcheck and health take a
model and a table, or an example from a file, or else a small built-in one.`,
		Example: `  shoal explain activations tanh relu
  shoal explain step
  shoal explain derivation houses.onnx sold.csv --rows 3
  shoal explain gradcheck --mistake dA-transposed`,
	}
	onlyCommands(cmd, "explain has no", "what is to be explained?")
	cmd.AddCommand(
		functionsCommand("activations", "What each activation does: formula, range, use, curves",
			`Show activations, those of the notes first: the values of g and g′ at
z = −2 … 2, what each is for, and the curves. Names restrict it; leaky_relu:0.2
sets α.`,
			func(of []nn.Activation) (explanation, error) { return explain.Activations(of...) }),
		functionsCommand("derivatives", "Each derivative beside a central difference",
			`Compare each activation's derivative with (g(z + h) − g(z − h)) / 2h. At a kink,
as ReLU has at 0, there is no derivative: the slopes of both sides are shown,
and what is used in its place.`,
			func(of []nn.Activation) (explanation, error) { return explain.Derivatives(of...) }),
		experimentCommand("linearity", "Why hidden layers need a non-linear function",
			`Train the same network, from the same first weights, with linear and with tanh
hidden units, and show what the linear layers come to: W′ = W2·W1 and
b′ = W2·b1 + b2, one linear map that answers the same.`,
			func(seed uint64) (explanation, error) { return explain.ShowLinearity(seed) }),
		exampleCommand("step", "One training step, every number of it", 5,
			`Show one training step: every Z, A, dZ, dW and db with its equation and its
shape. With --json they have the names and the layout of the examples that
--example reads.`,
			func(e *explain.Example) (explanation, error) { return e.Step() }),
		exampleCommand("derivation", "The chain rule for this network, each line checked", 5,
			`Write out the backward pass of this network: the table of shapes, then each
equation from the output backwards, why it is so, and how near its numbers are
to central differences.`,
			func(e *explain.Example) (explanation, error) { return e.Derivation() }),
		experimentCommand("symmetry", "Why the first weights are random",
			`Train the same network from zeros, from equal weights and from random ones, and
count the hidden units that differ at the end.`,
			func(seed uint64) (explanation, error) { return explain.ShowSymmetry(seed) }),
		gradcheckCommand(),
		exampleCommand("health", "Dead, saturated and twin units", 0,
			`Look at the hidden units of a network over all rows: dead ones, whose slope is 0
for every row; saturated ones, always at an end of their range; constant ones;
twins, with the same or opposite weights; and what to do about them.`,
			func(e *explain.Example) (explanation, error) { return e.Health() }),
	)
	return cmd
}

// explanation is what package explain returns.
type explanation interface {
	WriteText(w io.Writer, width int) error
}

// printExplanation writes an explanation as text, or as JSON on one line.
func printExplanation(cmd *cobra.Command, e explanation, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), e)
	}
	return e.WriteText(cmd.OutOrStdout(), widthOf(cmd.OutOrStdout()))
}

// widthOf is the width of a terminal, up to what is easy to read; 80 columns of
// anything else.
func widthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return min(width, 120)
		}
	}
	return explain.DefaultWidth
}

// functionsCommand is a command about activations, all or those named.
func functionsCommand(name, short, long string, of func([]nn.Activation) (explanation, error)) *cobra.Command {
	var asJSON bool
	names := namesOf(nn.Activations(), func(g nn.Activation) string { return g.Name })
	cmd := &cobra.Command{
		Use:               name + " [FUNCTION...]",
		Short:             short,
		Long:              long + "\n\nFunctions: " + strings.Join(wrap(strings.Join(names, ", "), 68), "\n           "),
		Example:           "  shoal explain " + name + "\n  shoal explain " + name + " tanh leaky_relu:0.2",
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			var some []nn.Activation
			for _, arg := range args {
				g, err := nn.ActivationNamed(arg)
				if err != nil {
					return usageError{err}
				}
				some = append(some, g)
			}
			e, err := of(some)
			if err != nil {
				return usageError{err} // softmax, which has no curve
			}
			return printExplanation(cmd, e, asJSON)
		},
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.bool(&asJSON, "json", "print one JSON object, on one line")
	return cmd
}

// experimentCommand is a command that trains small networks of its own.
func experimentCommand(name, short, long string, of func(seed uint64) (explanation, error)) *cobra.Command {
	var asJSON bool
	var seed int
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    long,
		Example: "  shoal explain " + name,
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := of(uint64(seed))
			if err != nil {
				return err
			}
			return printExplanation(cmd, e, asJSON)
		},
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.whole(&seed, "seed", 0, "`number` that the random weights follow from (default 0)")
	f.bool(&asJSON, "json", "print one JSON object, on one line")
	return cmd
}

// exampleCall is a call about a network and a batch: those of a model and a
// table, those of a file, or the built-in ones.
type exampleCall struct {
	file, entry string
	rows        int
	read        table.CSVOptions
	json        bool
}

// exampleCommand is a command about a network and a batch; rows is how many
// rows of a table it takes, 0 for all.
func exampleCommand(name, short string, rows int, long string, of func(*explain.Example) (explanation, error)) *cobra.Command {
	c := &exampleCall{rows: rows}
	cmd := &cobra.Command{
		Use:               name + " [MODEL DATA.csv]",
		Short:             short,
		Long:              long,
		Example:           "  shoal explain " + name + "\n  shoal explain " + name + " houses.onnx sold.csv\n  shoal explain " + name + " --example net.json",
		Args:              modelAndData,
		ValidArgsFunction: modelThenData,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.example(cmd, args)
			if err != nil {
				return err
			}
			x, err := of(e)
			if err != nil {
				return err
			}
			return printExplanation(cmd, x, c.json)
		},
	}
	c.flags(&flags{cmd: cmd, group: "Flags"})
	return cmd
}

func gradcheckCommand() *cobra.Command {
	c := &exampleCall{rows: 20}
	var mistake *explain.Mistake
	long := `Compare every number of the gradient with a central difference of the cost, in
float64, tensor by tensor. Where the cost has a corner, as at z = 0 of a ReLU,
the slopes of both sides are shown instead.

--mistake plants a mistake in the backward pass. The check must then fail, and
say from the numbers alone which equation looks wrong:

`
	for _, m := range explain.Mistakes() {
		for i, line := range wrap(m.Wrong, 60) {
			name := m.Name
			if i > 0 {
				name = ""
			}
			long += fmt.Sprintf("  %-15s %s\n", name, line)
		}
	}
	cmd := &cobra.Command{
		Use:   "gradcheck [MODEL DATA.csv]",
		Short: "Every gradient beside a central difference",
		Long:  strings.TrimRight(long, "\n"),
		Example: `  shoal explain gradcheck
  shoal explain gradcheck houses.onnx sold.csv --rows 100
  shoal explain gradcheck --mistake dA-transposed`,
		Args:              modelAndData,
		ValidArgsFunction: modelThenData,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.example(cmd, args)
			if err != nil {
				return err
			}
			check, err := e.GradCheck(explain.GradCheckOptions{Mistake: mistake})
			if err != nil {
				return err
			}
			return errors.Join(printExplanation(cmd, check, c.json), check.Err())
		},
	}
	f := &flags{cmd: cmd, group: "Flags"}
	names := namesOf(explain.Mistakes(), func(m explain.Mistake) string { return m.Name })
	f.choice("mistake", "plant this `mistake`", names, func(text string) error {
		m, err := explain.MistakeNamed(text)
		mistake = &m
		return err
	})
	c.flags(f)
	return cmd
}

func (c *exampleCall) flags(f *flags) {
	f.text(&c.file, "example", "", "JSON `file` with a network and its batch, as explain step --json prints it")
	f.text(&c.entry, "name", "", "`name` of the network, where the file of --example has several")
	all := "the first rows of DATA.csv to take"
	if c.rows == 0 {
		f.whole(&c.rows, "rows", 1, "`number` of "+all+" (default: all)")
	} else {
		f.whole(&c.rows, "rows", 1, fmt.Sprintf("`number` of %s (default %d)", all, c.rows))
	}
	f.bool(&c.json, "json", "print one JSON object, on one line")
	f.delimiter(&c.read)
}

// modelAndData wants both, or none.
func modelAndData(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return arguments("MODEL", "DATA.csv")(cmd, args)
}

// example finds the network and the batch that the call is about.
func (c *exampleCall) example(cmd *cobra.Command, args []string) (*explain.Example, error) {
	given := cmd.Flags().Changed
	switch {
	case c.file != "" && len(args) > 0:
		return nil, wrongCall("--example and a model: give one of them")
	case c.file == "" && given("example"):
		return nil, wrongCall("--example needs the path of a file")
	case given("name") && c.file == "":
		return nil, wrongCall("--name says which network of --example FILE; there is no --example")
	case given("rows") && len(args) == 0:
		return nil, wrongCall("--rows says how many rows of DATA.csv; there is no DATA.csv")
	case c.file != "":
		f, err := os.Open(c.file)
		if err != nil {
			return nil, fmt.Errorf("explain: %s: %w", c.file, reason(err))
		}
		defer f.Close()
		return explain.ReadExample(f, c.file, c.entry)
	case len(args) == 0:
		return explain.Corners(), nil
	}
	m, err := shoal.Open(args[0])
	if err != nil {
		return nil, err
	}
	o := m.CSVOptions()
	o.Comma = c.read.Comma
	for _, target := range m.Targets() {
		o.Kinds[target.Name] = target.Kind
	}
	t, err := readTable(cmd, args[1], o)
	if err != nil {
		return nil, err
	}
	return explain.FromModel(m, t, c.rows)
}
