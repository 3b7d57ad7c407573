package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/shoal-nn/shoal/nn"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shoal": main})
}

// TestScripts runs testdata/script. Scripts find iris.csv in their folder and
// the tables of examples under $EXAMPLES.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("MODELS", filepath.Join(examples, "../onnx/testdata/models"))
			iris, err := os.ReadFile("testdata/iris.csv")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "iris.csv"), iris, 0o644)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"interrupt": interrupt,
			"json":      jsonField,
			"lines":     lines,
			"gzip":      gzipFile,
			"bytes":     writeBytes,
		},
	})
}

// exits CODE PROGRAM ARGS... runs a program that must exit with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// interrupt CODE PATTERN ARGS... runs shoal, sends it an interrupt when its
// stderr matches the pattern, and wants the exit code.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE PATTERN ARGS...")
	}
	self, err := os.Executable()
	ts.Check(err)
	cmd := exec.Command(self, args[2:]...)
	cmd.Args[0] = "shoal" // TestMain goes by it
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout = ts.Stdout()
	watch := &watcher{to: ts.Stderr(), pattern: regexp.MustCompile(args[1]), cmd: cmd}
	cmd.Stderr = watch
	err = cmd.Run()
	var exit *exec.ExitError
	code := 0
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d (%v), want %s", code, err, args[0])
	}
}

// A watcher interrupts a command when what it writes matches.
type watcher struct {
	to      io.Writer
	pattern *regexp.Regexp
	cmd     *exec.Cmd
	seen    bytes.Buffer
	once    sync.Once
}

func (w *watcher) Write(p []byte) (int, error) {
	w.seen.Write(p)
	if w.pattern.Match(w.seen.Bytes()) {
		w.once.Do(func() { _ = w.cmd.Process.Signal(os.Interrupt) }) // it may just have ended
	}
	return w.to.Write(p)
}

// json PATH [PATTERN] wants the last line of stdout to be a JSON object with a
// value at PATH (names and indices between dots) that matches the pattern; with
// ! it wants none there.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: json PATH [PATTERN]")
	}
	text := strings.TrimSpace(ts.ReadFile("stdout"))
	text = text[strings.LastIndex(text, "\n")+1:]
	var v any
	ts.Check(json.Unmarshal([]byte(text), &v))
	for step := range strings.SplitSeq(args[0], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			ts.Check(err)
			if v = nil; i < len(at) {
				v = at[i]
			}
		default:
			v = nil
		}
	}
	if neg != (v == nil) {
		ts.Fatalf("%s is %v in %s", args[0], v, text)
	}
	if len(args) == 2 && !regexp.MustCompile("^(?:"+args[1]+")$").MatchString(fmt.Sprint(v)) {
		ts.Fatalf("%s is %v, which does not match %s", args[0], v, args[1])
	}
}

// lines FILE LEAST MOST wants a number of lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: lines FILE LEAST MOST")
	}
	n := strings.Count(ts.ReadFile(args[0]), "\n")
	least, err := strconv.Atoi(args[1])
	ts.Check(err)
	most, err := strconv.Atoi(args[2])
	ts.Check(err)
	if n < least || n > most {
		ts.Fatalf("%s has %d lines, want %d to %d", args[0], n, least, most)
	}
}

// gzip FILE TO compresses a file.
func gzipFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gzip FILE TO")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, ts.ReadFile(args[0]))
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o644))
}

// bytes FILE TEXT... writes Go string literals, each repeated if a number
// stands before it, to a file.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bytes FILE TEXT...")
	}
	var b strings.Builder
	times := 1
	for _, arg := range args[1:] {
		if n, err := strconv.Atoi(arg); err == nil {
			times = n
			continue
		}
		text, err := strconv.Unquote(`"` + arg + `"`)
		ts.Check(err)
		b.WriteString(strings.Repeat(text, times))
		times = 1
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

func TestHelpFitsATerminal(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		text := cmd.Long + "\n" + usage(cmd)
		if cmd.Name() == "completion" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return // cobra's own
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
				t.Errorf("%s --help: a line of %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(rootCommand())
}

// Adding an entry to a table of nn adds it to the help.
func TestHelpListsEveryEntryOfTheEngine(t *testing.T) {
	help := strings.Join(strings.Fields(usage(trainCommand())), " ")
	for _, names := range [][]string{
		namesOf(nn.Activations(), func(g nn.Activation) string { return g.Name }),
		namesOf(nn.Losses(), func(l nn.Loss) string { return l.Name }),
		namesOf(nn.Initialisers(), func(i nn.Initialiser) string { return i.Name }),
		namesOf(nn.Optimizers(), nn.Optimizer.Name),
		nn.ScheduleNames(),
	} {
		if !strings.Contains(help, ": "+strings.Join(names, ", ")) {
			t.Errorf("shoal train --help does not list %v", names)
		}
	}
}

// Every optimiser's rate can be given, and each constant belongs to one.
func TestEveryOptimizerFlagHasAnOptimizer(t *testing.T) {
	for _, f := range optimizerFlags() {
		var have []string
		for _, o := range nn.Optimizers() {
			if f.set(o, 0.5) {
				have = append(have, o.Name())
			}
		}
		if len(have) == 0 {
			t.Errorf("--%s belongs to no optimizer", f.name)
		}
		if f.name == "lr" && len(have) != len(nn.Optimizers())-1 {
			t.Errorf("--lr belongs to %v; only lbfgs has none", have)
		}
	}
}

// A command that README.md shows runs in the script of that name.
func TestReadmeCommandsAreRun(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/script/readme.txtar")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile("(?m)^(shoal [^#>\n]+)|`(shoal [^`]+)`").FindAllStringSubmatch(string(readme), -1) {
		command := strings.TrimSpace(m[1] + m[2])
		if command == "shoal explain" || command == "shoal train --help" || command == "shoal bench" {
			continue // another script has them
		}
		found++
		if !strings.Contains(string(script), "exec "+command+"\n") {
			t.Errorf("README.md shows %q, which testdata/script/readme.txtar doesn't run", command)
		}
	}
	if found < 10 {
		t.Errorf("%d commands found in README.md, want 10 or more", found)
	}
}
