package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	shoal "github.com/shoal-nn/shoal"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
	"github.com/shoal-nn/shoal/train"
)

func showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show MODEL",
		Short: "Say what a model is and how it was trained",
		Long: `Say what a model is: its layers and their shapes, its columns and what is done
to each before the network sees it, how it was trained, and how good it was.`,
		Example:           `  shoal show houses.onnx`,
		Args:              arguments("MODEL"),
		ValidArgsFunction: cobra.FixedCompletions([]cobra.Completion{"onnx"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := shoal.Open(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), describe(m))
			}
			_, err = io.WriteString(cmd.OutOrStdout(), showText(args[0], m))
			return err
		},
	}
	f := &flags{cmd: cmd, group: "Flags"}
	f.bool(&asJSON, "json", "print one JSON object, on one line")
	return cmd
}

// modelJSON is the one object that shoal show --json prints.
type modelJSON struct {
	Task       prep.Task       `json:"task"`
	Targets    []prep.Target   `json:"targets"`
	Parameters int             `json:"parameters"`
	Views      []viewJSON      `json:"views"`
	Origin     string          `json:"origin,omitempty"` // the program that wrote the file, if it isn't Shoal
	FitHash    string          `json:"fit_hash"`
	Training   json.RawMessage `json:"training,omitempty"` // as package train reported it
}

type viewJSON struct {
	Columns  []prep.Column  `json:"columns"`
	LeftOut  []prep.LeftOut `json:"left_out,omitempty"`
	Features []string       `json:"features"`
	Networks []networkJSON  `json:"networks"`
}

type networkJSON struct {
	Inputs int         `json:"inputs"`
	Layers []layerJSON `json:"layers"`
}

type layerJSON struct {
	Units      int     `json:"units"`
	Activation string  `json:"activation"`
	Dropout    float64 `json:"dropout,omitempty"`
	W          [2]int  `json:"w"` // shape
	B          [2]int  `json:"b"` // shape
	Parameters int     `json:"parameters"`
}

func describe(m *shoal.Model) modelJSON {
	j := modelJSON{Task: m.Task(), Targets: m.Targets(), Origin: m.Origin(), FitHash: m.FitHash(), Training: m.Training()}
	for _, v := range m.Views() {
		view := viewJSON{Columns: v.Features.Columns, LeftOut: v.Features.LeftOut, Features: v.Features.Names()}
		for _, n := range v.Networks {
			j.Parameters += n.Parameters()
			network := networkJSON{Inputs: n.Inputs}
			for i := range n.Layers {
				network.Layers = append(network.Layers, describeLayer(&n.Layers[i]))
			}
			view.Networks = append(view.Networks, network)
		}
		j.Views = append(j.Views, view)
	}
	return j
}

func describeLayer(l *nn.LayerOf[float32]) layerJSON {
	return layerJSON{
		Units: l.Units, Activation: l.Activation.String(), Dropout: l.Dropout,
		W: [2]int{l.W.Rows, l.W.Cols}, B: [2]int{len(l.B), 1},
		Parameters: len(l.W.Data) + len(l.B),
	}
}

func showText(path string, m *shoal.Model) string {
	var s sheet
	s.fact("model", path)
	if by := m.Origin(); by != "" {
		s.fact("made by", by)
	}
	r := &train.Report{Task: m.Task()}
	trained := json.Unmarshal(m.Training(), r) == nil
	for _, t := range m.Targets() {
		text := t.Name
		if m.Task() == prep.Regression && (t.Mean != 0 || t.SD != 1) {
			text += fmt.Sprintf(": mean %.5g, standard deviation %.5g in training", t.Mean, t.SD)
		}
		s.fact("target", text)
	}
	r.LeftOut = nil // they stand among the columns
	writeTask(&s, r, m.Classes())
	if trained {
		writeTraining(&s, r, m.Views()[0].Networks[0])
	}
	s.fact("fit hash", m.FitHash())

	for i, v := range m.Views() {
		for k, n := range v.Networks {
			s.linef("")
			if len(m.Views()) > 1 || len(v.Networks) > 1 {
				s.linef("View %d, network %d", i+1, k+1)
			}
			writeLayers(&s, n)
		}
		s.linef("")
		writeColumns(&s, v.Features)
	}
	if trained && len(r.Scores) > 0 {
		s.linef("")
		outcomeOf(r, m.Classes()).write(&s)
		if r.CV != nil {
			writeCV(&s, r)
		}
	}
	return s.String()
}

func writeLayers(s *sheet, n *nn.Network) {
	rows := [][]string{{"layer", "function", "W", "b", "parameters"}}
	rows = append(rows, []string{"input", "", "", "", ""})
	for i := range n.Layers {
		l := describeLayer(&n.Layers[i])
		f := l.Activation
		if l.Dropout > 0 {
			f += fmt.Sprintf(", dropout %v", l.Dropout)
		}
		rows = append(rows, []string{
			fmt.Sprintf("A%d", i+1), f,
			fmt.Sprintf("(%d, %d)", l.W[0], l.W[1]), fmt.Sprintf("(%d, %d)", l.B[0], l.B[1]), count(l.Parameters),
		})
	}
	rows[1] = []string{"X", fmt.Sprintf("%s in", plural(n.Inputs, "feature")), "", "", ""}
	rows = append(rows, []string{"", "", "", "", count(n.Parameters())})
	s.grid(rows, 2)
}

// What there is room for; --json has all.
const (
	mostColumns = 50
	mostName    = 30
)

func writeColumns(s *sheet, f *prep.Features) {
	const kinds = len("  category  features  ")
	widest := len("column")
	for _, c := range f.Columns[:min(len(f.Columns), mostColumns)] {
		widest = max(widest, min(utf8.RuneCountInString(c.Name), mostName))
	}
	rows := [][]string{{"column", "kind", "features", "what the network sees"}}
	for i := range f.Columns {
		c := &f.Columns[i]
		if i == mostColumns {
			rows = append(rows, []string{fmt.Sprintf("… and %s more (--json has them all)", count(len(f.Columns)-i))})
			break
		}
		rows = append(rows, []string{short(c.Name, mostName), c.Kind.String(), count(c.Width()), short(preparation(c), textWidth-widest-kinds)})
	}
	s.grid(rows, 4)
	if slices.ContainsFunc(f.Columns, func(c prep.Column) bool { return c.Kind != table.Category && c.High < math.MaxFloat32 }) {
		s.linef("A number outside the range that training saw counts as the nearest in it.")
	}
	for i, l := range f.LeftOut {
		if i == 0 {
			s.linef("")
		}
		if i == mostColumns {
			s.linef("… and %s more", count(len(f.LeftOut)-i))
			break
		}
		s.fact("left out", l.Name+": "+l.Reason)
	}
}

// preparation says what happens to a column before the network.
func preparation(c *prep.Column) string {
	if c.Kind == table.Category {
		return "0 or 1 for each of " + strings.Join(c.Levels, ", ")
	}
	text := "x"
	if mean := float64(c.Mean) + c.Shift; mean != 0 {
		text = fmt.Sprintf("x − %.5g", mean)
		if mean < 0 {
			text = fmt.Sprintf("x + %.5g", math.Abs(mean))
		}
	}
	if c.SD != 1 {
		text = fmt.Sprintf("(%s) / %.5g", text, c.SD)
	}
	if c.Indicator {
		text += fmt.Sprintf("; missing: %.5g", float64(c.Fill)+c.Shift)
	}
	return text
}
