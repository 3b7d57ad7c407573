// Command shoal trains networks from tables, answers with them and explains
// them. A command parses its flags, calls the library and prints: whatever it
// does, a Go program does in as few lines.
//
// Data goes to stdout, talk to stderr. The exit code is 0, or 1 for a failure,
// 2 for a wrong call, 130 after an interruption (Ctrl-C).
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes.
const (
	exitFailure     = 1
	exitWrongCall   = 2
	exitInterrupted = 130 // 128 + SIGINT, as shells count
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the command of these arguments and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.EPIPE): // the reader has read enough
		return 0
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(stderr, err)
		return exitInterrupted
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "%v\nSee %s --help.\n", err, cmd.CommandPath())
		return exitWrongCall
	}
	fmt.Fprintln(stderr, err)
	return exitFailure
}

// A usageError is a call that can't be right, whatever the data.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// wrongCall returns a usageError; the message begins as those of packages do.
func wrongCall(format string, args ...any) error {
	return usageError{fmt.Errorf("shoal: "+format, args...)}
}

// errInterrupted says that the user or the system stopped the command.
var errInterrupted = errors.New("shoal: interrupted")

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "shoal",
		Short: "Shallow neural networks for tables",
		Long: `Shoal trains a small neural network from a CSV file, answers with it, and shows
every number of the way.

  shoal train houses.csv --target price       makes houses.onnx
  shoal predict houses.onnx new.csv           answers new rows, as CSV
  shoal score houses.onnx test.csv            says how good the answers are
  shoal show houses.onnx                      says what the model is
  shoal export houses.onnx --to go            writes it as Go source
  shoal explain step houses.onnx new.csv      shows each equation of a step`,
		Version:       version(),
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
	}
	onlyCommands(root, "there is no command", "which command?")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrongCall("%w", err) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := io.WriteString(cmd.OutOrStderr(), usage(cmd))
		return err
	})
	cobra.EnableCommandSorting = false // they stand in the order of use
	root.AddCommand(trainCommand(), predictCommand(), scoreCommand(), showCommand(), exportCommand(), explainCommand(), benchCommand())
	return root
}

// onlyCommands makes cmd one that has commands and does nothing itself: an
// unknown one is a wrong call, and so is none, after the help.
func onlyCommands(cmd *cobra.Command, unknown, question string) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			return wrongCall("%s %q; did you mean %s?", unknown, args[0], strings.Join(like, " or "))
		}
		return wrongCall("%s %q", unknown, args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.SetOut(cmd.ErrOrStderr())
		_ = cmd.Help() // its error is that of writing to stderr
		return wrongCall("%s", question)
	}
}

// version is that of the module, as the Go command recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// arguments wants exactly the named arguments.
func arguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return wrongCall("no %s given", names[len(args)])
		case len(args) > len(names) && len(names) == 0:
			return wrongCall("%q is an argument too many; there are none, only flags", args[0])
		case len(args) > len(names):
			return wrongCall("%q is one argument too many; the arguments are %s", args[len(names)], strings.Join(names, ", "))
		}
		return nil
	}
}

// helpWidth is the width of the help in columns.
const helpWidth = 80

// groupOf is the annotation of a flag that says under which title it stands in
// the help.
const groupOf = "group"

// usage is what stands under a command's description in its help.
func usage(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage:\n  ")
	if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		b.WriteString(cmd.UseLine())
	} else {
		b.WriteString(cmd.CommandPath() + " COMMAND")
	}
	b.WriteString("\n")
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", cmd.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	var titles []string
	grouped := map[string]*pflag.FlagSet{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		title := "Flags"
		if g := f.Annotations[groupOf]; len(g) > 0 {
			title = g[0]
		}
		if grouped[title] == nil {
			titles = append(titles, title)
			grouped[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			grouped[title].SortFlags = false
		}
		grouped[title].AddFlag(f)
	})
	for _, title := range titles {
		fmt.Fprintf(&b, "\n%s:\n%s", title, grouped[title].FlagUsagesWrapped(helpWidth))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}
