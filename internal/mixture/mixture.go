// Package mixture is what a model is, as plain data: one or more views of a
// table, a view being a preprocessing of its own and one or more networks;
// weights of the views; temperatures. Files read and write it, the root
// package's Model answers with it.
package mixture

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

// Mixture is a model.
type Mixture struct {
	Task    prep.Task
	Targets []prep.Target // one, or several numbers
	Views   []View

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
	for _, t := range m.Targets {
		if m.Task == prep.Classification && len(t.Classes) < 2 {
			return fmt.Errorf("target %q has %d classes", t.Name, len(t.Classes))
		}
		if m.Task == prep.Regression && !(t.SD > 0) {
			return fmt.Errorf("target %q has standard deviation %v", t.Name, t.SD)
		}
	}
	if len(m.Views) == 0 {
		return fmt.Errorf("no view")
	}
	for i, v := range m.Views {
		if v.Features == nil || len(v.Networks) == 0 || !(v.Temperature > 0) || !(v.Weight >= 0) {
			return fmt.Errorf("view %d lacks features, networks, a weight or a temperature", i+1)
		}
		for k, n := range v.Networks {
			if err := n.Err(); err != nil {
				return fmt.Errorf("view %d, network %d: %w", i+1, k+1, err)
			}
			if n.Inputs != v.Features.Width() || n.Outputs() != m.Outputs() {
				return fmt.Errorf("view %d, network %d: %d inputs and %d outputs for %d features and %d outputs", i+1, k+1, n.Inputs, n.Outputs(), v.Features.Width(), m.Outputs())
			}
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

// Answerer computes answers with buffers of its own; it belongs to one
// goroutine.
type Answerer struct {
	Mixture *Mixture

	predictors [][]nn.Predictor
	mean, zero nn.Matrix
}

// Answer returns the answers for m rows, (Answers, m): class probabilities, or
// values in the targets' units. x holds each view's features, (nx, m). The
// matrix is used again by the next call.
//
//	view's logits = mean of its networks' Z / temperature
//	answer        = Σ weight · g(view's logits)        g: sigmoid, softmax, or the output's own
func (a *Answerer) Answer(x []nn.Matrix) (nn.Matrix, error) {
	m := a.Mixture
	if a.predictors == nil {
		a.predictors = make([][]nn.Predictor, len(m.Views))
		for i, v := range m.Views {
			for _, n := range v.Networks {
				a.predictors[i] = append(a.predictors[i], nn.Predictor{Net: n, Logits: true})
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
				return nn.Matrix{}, err
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
	if m.Task == prep.Regression {
		for t, target := range m.Targets {
			row := a.mean.Row(t)
			for j, y := range row {
				row[j] = float32(target.Value(float64(y)))
			}
		}
	}
	return a.mean, nil
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

func resize(m *nn.Matrix, rows, cols int) {
	if cap(m.Data) < rows*cols {
		m.Data = make([]float32, rows*cols)
	}
	m.Rows, m.Cols, m.Data = rows, cols, m.Data[:rows*cols]
}
