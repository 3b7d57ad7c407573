package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/internal/atomicfile"
)

func exportCommand() *cobra.Command {
	c := &exportCall{}
	cmd := &cobra.Command{
		Use:   "export MODEL --to FORMAT",
		Short: "Write a model as Go source, or its weights alone",
		Long: `Write a model in another form, beside its ONNX file.

go           a Go package of one file that imports nothing but math, with a
             function Predict, and a test with answers of the model
safetensors  the weights alone, W1, b1, W2, …, as PyTorch's Linear has them

A file that is there is written over only if an earlier export wrote it as Go
source.`,
		Example: `  shoal export houses.onnx --to go -o houses/houses.go
  shoal export houses.onnx --to safetensors`,
		Args:              arguments("MODEL"),
		ValidArgsFunction: cobra.FixedCompletions([]cobra.Completion{"onnx"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd.ErrOrStderr(), args[0])
		},
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.choice("to", "`format` to write", []string{"go", "safetensors"}, func(text string) error {
		if text != "go" && text != "safetensors" {
			return fmt.Errorf("there is no format %q; there are go, safetensors", text)
		}
		c.to = text
		return nil
	})
	f.text(&c.out, "out", "o", "`file` to write (default: the model's name with .go or .safetensors, here)")
	f.text(&c.pkg, "package", "", "`name` of the Go package (default: the file's)")
	return cmd
}

type exportCall struct{ to, out, pkg string }

func (c *exportCall) run(w io.Writer, path string) error {
	switch {
	case c.to == "":
		return wrongCall("no --to given; there are go, safetensors")
	case c.pkg != "" && c.to != "go":
		return wrongCall("--package names a Go package; leave it out with --to %s", c.to)
	}
	m, err := shoal.Open(path)
	if err != nil {
		return err
	}
	out := c.out
	if out == "" {
		out = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + "." + c.to
	}
	if c.to == "safetensors" {
		if err := free(out, ""); err != nil {
			return err
		}
		if err := atomicfile.Write(out, m.WriteWeights); err != nil {
			return fmt.Errorf("shoal: %s: %w", out, err)
		}
		_, err := fmt.Fprintf(w, "wrote %s\n", out)
		return err
	}
	if filepath.Ext(out) != ".go" {
		return wrongCall("-o %s: a Go file's name ends with .go", out)
	}
	if c.pkg == "" {
		c.pkg = packageName(strings.TrimSuffix(filepath.Base(out), ".go"))
	}
	source, test, err := m.GoSource(c.pkg)
	if err != nil {
		return err
	}
	files := []struct {
		path string
		text []byte
	}{{out, source}, {strings.TrimSuffix(out, ".go") + "_test.go", test}}
	for _, f := range files {
		if err := free(f.path, shoal.GoSourceMark); err != nil {
			return err
		}
	}
	for _, f := range files {
		err := atomicfile.Write(f.path, func(w io.Writer) error {
			_, err := w.Write(f.text)
			return err
		})
		if err != nil {
			return fmt.Errorf("shoal: %s: %w", f.path, err)
		}
	}
	_, err = fmt.Fprintf(w, "wrote %s and %s, package %s\n", files[0].path, files[1].path, c.pkg)
	return err
}

// free says whether a file may be written: there is none, or it begins with mark.
func free(path, mark string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("shoal: %s: %w", path, reason(err))
	}
	defer f.Close()
	start := make([]byte, len(mark))
	if _, err := io.ReadFull(f, start); mark != "" && err == nil && bytes.Equal(start, []byte(mark)) {
		return nil
	}
	return fmt.Errorf("shoal: %s exists, and no export has written it; name another file with -o", path)
}

// packageName makes a name of a package: letters and digits, small.
func packageName(file string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, file)
	if name == "" || unicode.IsDigit([]rune(name)[0]) {
		name = "model" + name
	}
	return name
}
