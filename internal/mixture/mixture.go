// Package mixture is what a model is, as plain data: one or more views of a
// table, a view being a preprocessing of its own and one or more networks;
// weights of the views; temperatures. Files read and write it, the root
// package's Model answers with it.
package mixture

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
	"github.com/shoal-nn/shoal/table"
)

// Mixture is a model.
type Mixture struct {
	Task    prep.Task
	Targets []prep.Target // one, or several numbers
	Views   []View

	// Input is the name of the one input that another program's model has for all
	// columns, which are then taken by their place, whatever their names.
	Input string

	// Origin is the program that wrote the file, with its version; "" is Shoal.
	Origin string

	// Training says how the model was trained, for people; nothing is computed
	// from it.
	Training json.RawMessage
}

// View is a preprocessing and the networks that see it.
type View struct {
	Features    *prep.Features
	Networks    []*nn.Network
	Weight      float64 // of the view's answer; the weights add up to 1
	Temperature float64 // logits are divided by it
}

// Outputs is the number of outputs of each network.
func (m *Mixture) Outputs() int {
	if m.Task == prep.Regression {
		return len(m.Targets)
	}
	if n := len(m.Targets[0].Classes); n > 2 {
		return n
	}
	return 1
}

// Answers is the number of numbers in an answer: a probability a class, or a
// value a target.
func (m *Mixture) Answers() int {
	if m.Task == prep.Regression {
		return len(m.Targets)
	}
	return len(m.Targets[0].Classes)
}

// Check says whether the parts fit together; a file from outside may lie.
func (m *Mixture) Check() error {
	if m.Task != prep.Classification && m.Task != prep.Regression {
		return fmt.Errorf("task %q is neither classification nor regression", m.Task)
	}
	if len(m.Targets) == 0 || m.Task == prep.Classification && len(m.Targets) != 1 {
		return fmt.Errorf("%d targets for a %s", len(m.Targets), m.Task)
	}
	names := map[string]bool{}
	for i := range m.Targets {
		t := &m.Targets[i]
		if err := t.Check(m.Task); err != nil {
			return err
		}
		if names[t.Name] {
			return fmt.Errorf("two targets are called %q", t.Name)
		}
		names[t.Name] = true
	}
	if len(m.Views) == 0 {
		return errors.New("no view")
	}
	kinds := map[string]table.Kind{}
	var weights float64
	for i := range m.Views {
		v := &m.Views[i]
		if err := m.checkView(v); err != nil {
			return fmt.Errorf("view %d: %w", i+1, err)
		}
		weights += v.Weight
		for _, c := range v.Features.Columns {
			if kind, seen := kinds[c.Name]; seen && kind != c.Kind {
				return fmt.Errorf("view %d: column %q is a %v here and a %v in another view", i+1, c.Name, c.Kind, kind)
			}
			if kinds[c.Name] = c.Kind; names[c.Name] {
				return fmt.Errorf("view %d: column %q is both a feature and a target", i+1, c.Name)
			}
		}
	}
	if !(math.Abs(weights-1) <= 1e-6) {
		return fmt.Errorf("the views' weights add up to %v, not to 1", weights)
	}
	return nil
}

// checkView says whether a view's parts fit together, and give finite answers.
func (m *Mixture) checkView(v *View) error {
	switch {
	case v.Features == nil:
		return errors.New("it has no features")
	case len(v.Networks) == 0:
		return errors.New("it has no network")
	case !(v.Weight >= 0 && v.Weight <= 1):
		return fmt.Errorf("its weight %v is outside 0 to 1", v.Weight)
	case !(v.Temperature >= leastTemperature && v.Temperature <= 1/leastTemperature):
		return fmt.Errorf("its temperature %v is outside %v to %v", v.Temperature, leastTemperature, 1/leastTemperature)
	}
	if err := v.Features.Check(); err != nil {
		return err
	}
	for k, n := range v.Networks {
		if err := m.checkNetwork(n, v.Features.Width()); err != nil {
			return fmt.Errorf("network %d: %w", k+1, err)
		}
		first, last := v.Networks[0].Layers, n.Layers
		if of, is := first[len(first)-1].Activation, last[len(last)-1].Activation; of.String() != is.String() {
			return fmt.Errorf("network %d: its outputs are %v, those of network 1 %v; they are averaged before the activation", k+1, is, of)
		}
	}
	return nil
}

// leastTemperature and its inverse bound the temperatures.
const leastTemperature = 1e-6

// checkNetwork says whether a network takes the features and answers the task.
func (m *Mixture) checkNetwork(n *nn.Network, features int) error {
	if err := n.Err(); err != nil {
		return err
	}
	if n.Inputs != features || n.Outputs() != m.Outputs() {
		return fmt.Errorf("%d inputs and %d outputs for %d features and %d outputs", n.Inputs, n.Outputs(), features, m.Outputs())
	}
	output := n.Layers[len(n.Layers)-1].Activation.Name
	switch {
	case m.Task == prep.Regression && output == nn.Softmax.Name:
		return errors.New("its output is softmax, whose answers are no numbers")
	case m.Task == prep.Classification && m.Outputs() == 1 && output != nn.Sigmoid.Name,
		m.Task == prep.Classification && m.Outputs() > 1 && output != nn.Softmax.Name:
		return fmt.Errorf("its output is %s; of two classes it must be sigmoid, of more softmax", output)
	}
	for l, layer := range n.Layers {
		if i := kernel.NotFinite(layer.W.Data); i >= 0 {
			return fmt.Errorf("layer %d: W[%d, %d] is %v", l+1, i/layer.W.Cols, i%layer.W.Cols, layer.W.Data[i])
		}
		if i := kernel.NotFinite(layer.B); i >= 0 {
			return fmt.Errorf("layer %d: b[%d] is %v", l+1, i, layer.B[i])
		}
	}
	return nil
}

// FitHash is the SHA-256 over the little-endian parameters: views, networks,
// layers, W row by row, then b.
func (m *Mixture) FitHash() string {
	h := sha256.New()
	for _, v := range m.Views {
		for _, n := range v.Networks {
			n.WriteParameters(h) // a hash takes every write
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Freeze lays the networks of each view out for one row at a time.
func (m *Mixture) Freeze() [][]*nn.Frozen {
	frozen := make([][]*nn.Frozen, len(m.Views))
	for i, v := range m.Views {
		for _, n := range v.Networks {
			frozen[i] = append(frozen[i], n.Freeze())
		}
	}
	return frozen
}

// Answerer computes answers with buffers of its own; it belongs to one
// goroutine.
type Answerer struct {
	Mixture *Mixture
	Frozen  [][]*nn.Frozen // Freeze's, for one row at a time; may be nil

	predictors [][]nn.Predictor
	mean, zero nn.Matrix
	answer     nn.MatrixOf[float64]
}

// Answer returns the answers for m rows, (Answers, m): class probabilities, or
// values in the targets' units, those of a float32 unless the target is wide. x holds each view's features, (nx, m). The
// matrix is used again by the next call.
//
//	view's logits = mean of its networks' Z / temperature
//	answer        = Σ weight · g(view's logits)        g: sigmoid, softmax, or the output's own
func (a *Answerer) Answer(x []nn.Matrix) (nn.MatrixOf[float64], error) {
	m := a.Mixture
	if a.predictors == nil {
		a.predictors = make([][]nn.Predictor, len(m.Views))
		for i, v := range m.Views {
			for k, n := range v.Networks {
				p := nn.Predictor{Net: n, Logits: true}
				if a.Frozen != nil {
					p.Frozen = a.Frozen[i][k]
				}
				a.predictors[i] = append(a.predictors[i], p)
			}
		}
	}
	rows := x[0].Cols
	outputs, answers := m.Outputs(), m.Answers()
	resize(&a.zero, outputs, rows)
	resize(&a.mean, answers, rows)
	clear(a.mean.Data)
	for i := range m.Views {
		v := &m.Views[i]
		clear(a.zero.Data)
		for k := range a.predictors[i] {
			z, err := a.predictors[i][k].Predict(x[i])
			if err != nil {
				return nn.MatrixOf[float64]{}, err
			}
			kernel.Add(a.zero.Data, z.Data)
		}
		if scale := float32(float64(len(v.Networks)) * v.Temperature); scale != 1 {
			for j := range a.zero.Data {
				a.zero.Data[j] /= scale
			}
		}
		output := v.Networks[0].Layers[len(v.Networks[0].Layers)-1].Activation
		nn.Output(output, a.zero)
		m.mix(a.mean, a.zero, float32(v.Weight))
	}
	resize(&a.answer, answers, rows)
	for i, y := range a.mean.Data {
		a.answer.Data[i] = float64(y)
	}
	if m.Task == prep.Regression {
		for t := range m.Targets {
			row := a.answer.Row(t)
			for j, y := range row {
				if row[j] = m.Targets[t].Value(y); !m.Targets[t].Wide() {
					row[j] = float64(float32(row[j]))
				}
			}
		}
	}
	return a.answer, nil
}

// mix adds weight · the outputs of a view to the answer. The one output of two
// classes is the second one's probability.
func (m *Mixture) mix(answer, out nn.Matrix, weight float32) {
	if m.Task == prep.Classification && out.Rows == 1 {
		no, yes := answer.Row(0), answer.Row(1)
		for j, p := range out.Row(0) {
			no[j] += float32(weight * (1 - p))
			yes[j] += float32(weight * p)
		}
		return
	}
	kernel.AddScaled(answer.Data, out.Data, weight)
}

func resize[T nn.Float](m *nn.MatrixOf[T], rows, cols int) {
	if cap(m.Data) < rows*cols {
		m.Data = make([]T, rows*cols)
	}
	m.Rows, m.Cols, m.Data = rows, cols, m.Data[:rows*cols]
}
