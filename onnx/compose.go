package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// mixture is the model that the graph's outputs come to.
func (im *importer) mixture() (*mixture.Mixture, error) {
	answer, classes, err := im.answer()
	if err != nil {
		return nil, err
	}
	k, err := im.settled(answer)
	if err != nil {
		return nil, fmt.Errorf("the output: %w", err)
	}
	m := &mixture.Mixture{Task: prep.Regression}
	if !im.perName && len(im.columns) > 1 {
		m.Input = im.only
	}
	last := k.last()
	switch output := last.g.Name; {
	case output == nn.Softmax.Name, output == nn.Sigmoid.Name && last.units == 1:
		m.Task = prep.Classification
		if err := im.classify(m, k, classes); err != nil {
			return nil, err
		}
	case classes != nil:
		return nil, fmt.Errorf("a label of outputs that are %v; only sigmoid of one and softmax are supported", last.g)
	default:
		name := im.m.Graph.Outputs[0].Name
		for i := range last.units {
			target := prep.Target{Name: name, SD: 1}
			if last.units > 1 {
				target.Name = name + "_" + strconv.Itoa(i+1)
			}
			m.Targets = append(m.Targets, target)
		}
	}
	f, network, err := im.compose(k)
	if err != nil {
		return nil, err
	}
	for i := range m.Targets { // no column has its name
		for slices.ContainsFunc(f.Columns, func(c prep.Column) bool { return c.Name == m.Targets[i].Name }) {
			m.Targets[i].Name += "_"
		}
	}
	m.Views = []mixture.View{{Features: f, Networks: []*nn.Network{network}, Weight: 1, Temperature: 1}}
	return m, m.Check()
}

// answer finds what the outputs say: the values, and the classes of a label.
func (im *importer) answer() (answer chain, classes []string, err error) {
	found := false
	if len(im.m.Graph.Outputs) == 0 {
		return answer, nil, errors.New("the graph has no output")
	}
	for _, o := range im.m.Graph.Outputs {
		s, ok := im.symbols[o.Name]
		if !ok {
			return answer, nil, fmt.Errorf("no node makes the output %q", o.Name)
		}
		if l, ok := s.(label); ok {
			s, classes = l.of, l.classes
		}
		if i, ok := s.(index); ok {
			s = i.of
		}
		if b, ok := s.(both); ok {
			s = b.p
		}
		c, ok := s.(chain)
		switch {
		case !ok:
			return answer, nil, fmt.Errorf("the output %q is no network's answer", o.Name)
		case found && (c.core != answer.core || c.g != answer.g):
			return answer, nil, fmt.Errorf("the output %q is another answer than the ones before it", o.Name)
		}
		answer, found = c, true
	}
	return answer, classes, nil
}

// classify names the classes. Two of softmax are one of sigmoid: σ(z₂ − z₁).
func (im *importer) classify(m *mixture.Mixture, k *core, classes []string) error {
	last := k.last()
	n := max(2, last.units)
	if last.units == 1 && last.g.Name == nn.Softmax.Name {
		return errors.New("softmax of one output is always 1")
	}
	if classes == nil {
		for i := range n {
			classes = append(classes, strconv.Itoa(i))
		}
	}
	if len(classes) != n {
		return fmt.Errorf("%d classes for %d outputs", len(classes), last.units)
	}
	m.Targets = []prep.Target{{Name: "label", Kind: table.Category, Classes: classes, SD: 1}}
	if last.units != 2 {
		return nil
	}
	one := dense{units: 1, inputs: last.inputs, w: make([]float32, last.inputs), b: []float32{last.b[1] - last.b[0]}, g: nn.Sigmoid}
	for i := range one.w {
		one.w[i] = last.w[last.inputs+i] - last.w[i]
	}
	*last = one
	return nil
}

// compose makes columns of the bases, and a network over their features.
func (im *importer) compose(k *core) (*prep.Features, *nn.Network, error) {
	f, place, err := im.features(k.x)
	if err != nil {
		return nil, nil, err
	}
	width := f.Width()
	first := k.layers[0]
	if err := im.spend(first.units * (width + 8)); err != nil {
		return nil, nil, err
	}
	// W·(M·x + c) + b = (W·M)·x + (b + W·c)
	w, b := make([]float64, first.units*width), make([]float64, first.units)
	for i := range first.units {
		b[i] = float64(first.b[i])
		for j := range k.x {
			u := float64(first.w[i*first.inputs+j])
			b[i] += float64(u * k.x[j].constant)
			for _, t := range k.x[j].terms {
				w[i*width+place[t.base]] += float64(u * t.coef)
			}
		}
	}
	var layers []nn.Layer
	for _, l := range k.layers {
		layers = append(layers, nn.Dense(l.units, l.g))
	}
	n := nn.New(width, layers...)
	if err := n.Err(); err != nil {
		return nil, nil, err
	}
	for l := range k.layers {
		d := &k.layers[l]
		if l == 0 {
			d = &dense{units: first.units, inputs: width, w: narrow(w), b: narrow(b)}
		}
		if err := n.SetParameters(l, nn.Matrix{Rows: d.units, Cols: d.inputs, Data: d.w}, d.b); err != nil {
			return nil, nil, err
		}
	}
	return f, n, nil
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// features makes the columns, and says where each base's feature is.
func (im *importer) features(x []form) (*prep.Features, map[base]int, error) {
	numbers := map[int]base{}
	missings := map[int]bool{}
	levels := map[int][]string{}
	used := map[int]bool{}
	for i := range x {
		for _, t := range x[i].terms {
			b := t.base
			used[b.column] = true
			switch b.kind {
			case number:
				if have, ok := numbers[b.column]; ok && have != b {
					return nil, nil, fmt.Errorf("column %q is used in two ways", im.columns[b.column].Name)
				}
				numbers[b.column] = b
			case missing:
				missings[b.column] = true
			case level:
				levels[b.column] = append(levels[b.column], b.level)
			}
		}
	}
	f := &prep.Features{}
	place := map[base]int{}
	at := 0
	for i, c := range im.columns {
		if !used[i] && (im.perName || c.Kind == table.Category) {
			continue // by position, each has its place
		}
		if c.Kind == table.Category {
			if _, also := numbers[i]; also || missings[i] {
				return nil, nil, fmt.Errorf("column %q is used as a number and as a category", c.Name)
			}
			c.Levels = levels[i]
			slices.Sort(c.Levels)
			c.Levels = slices.Compact(c.Levels)
			for l, text := range c.Levels {
				place[base{column: i, kind: level, level: text, sd: 1}] = at + l
			}
		} else {
			b, ok := numbers[i]
			if !ok {
				b = base{column: i, sd: 1}
			}
			c.SD, c.Mean, c.Low, c.High = float32(b.sd), float32(b.mean), -math.MaxFloat32, math.MaxFloat32
			if b.clipped {
				c.Low, c.High = float32(b.low), float32(b.high)
			}
			if c.Fill = c.Mean; b.filled { // without, a missing value counts as the mean
				c.Fill = float32(b.fill)
			}
			place[b] = at
			if c.Indicator = missings[i]; c.Indicator {
				place[base{column: i, kind: missing, sd: 1}] = at + 1
			}
		}
		f.Columns = append(f.Columns, c)
		at += c.Width()
	}
	return f, place, nil
}
