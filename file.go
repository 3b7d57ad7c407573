package shoal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/internal/atomicfile"
	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/internal/safetensors"
	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

// FileVersion is the version of the model file that this package writes. It
// reads this one and every earlier one.
const FileVersion = 1

// ErrNotAModel says that a file is something else than a model of Shoal's.
var ErrNotAModel = errors.New("not a model of Shoal's")

// metadata key of a model in a safetensors file, whose value is a description.
const metadataKey = "shoal"

// description is all of a model but its parameters, as JSON.
type description struct {
	Version  int             `json:"version"`
	Task     prep.Task       `json:"task"`
	Targets  []prep.Target   `json:"targets"`
	Views    []viewJSON      `json:"views"`
	Training json.RawMessage `json:"training,omitempty"`
}

type viewJSON struct {
	Features    *prep.Features `json:"features"`
	Weight      float64        `json:"weight"`
	Temperature float64        `json:"temperature"`
	Networks    []networkJSON  `json:"networks"`
}

type networkJSON struct {
	Inputs int         `json:"inputs"`
	Layers []layerJSON `json:"layers"`
}

type layerJSON struct {
	Units      int     `json:"units"`
	Activation string  `json:"activation"`
	Dropout    float64 `json:"dropout,omitempty"`
}

// tensorName names the parameters of layer l of a network: what is "W" or "b".
func tensorName(view, network, l int, what string) string {
	return "view." + strconv.Itoa(view) + ".network." + strconv.Itoa(network) + ".layer." + strconv.Itoa(l) + "." + what
}

// Save writes the model to a file: beside it first, then renamed over it, so
// that a failure leaves what was there.
func (m *Model) Save(path string) error {
	err := atomicfile.Write(path, m.Write)
	if err != nil {
		return fmt.Errorf("shoal: saving the model to %s: %w", path, err)
	}
	return nil
}

// Write writes the model as a file's bytes. The same model gives the same
// bytes.
func (m *Model) Write(w io.Writer) error {
	d := description{Version: FileVersion, Task: m.mix.Task, Targets: m.mix.Targets, Training: m.mix.Training}
	f := &safetensors.File{}
	for i, v := range m.mix.Views {
		view := viewJSON{Features: v.Features, Weight: v.Weight, Temperature: v.Temperature}
		for k, n := range v.Networks {
			network := networkJSON{Inputs: n.Inputs}
			for l := range n.Layers {
				layer := &n.Layers[l]
				network.Layers = append(network.Layers, layerJSON{layer.Units, layer.Activation.String(), layer.Dropout})
				f.Tensors = append(f.Tensors,
					safetensors.Tensor{Name: tensorName(i, k, l, "W"), Shape: []int{layer.W.Rows, layer.W.Cols}, F32: layer.W.Data},
					safetensors.Tensor{Name: tensorName(i, k, l, "b"), Shape: []int{layer.W.Rows}, F32: layer.B})
			}
			view.Networks = append(view.Networks, network)
		}
		d.Views = append(d.Views, view)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("shoal: describing the model: %w", err)
	}
	f.Metadata = map[string]string{metadataKey: string(text)}
	if err := safetensors.Write(w, f); err != nil {
		return fmt.Errorf("shoal: %w", err)
	}
	return nil
}

// Open reads a model from a file. A file that isn't one gives an error that
// wraps ErrNotAModel; a model of a later version is refused by its version.
func Open(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("shoal: opening the model: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("shoal: opening the model: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("shoal: %s: %w: it is no regular file", path, ErrNotAModel)
	}
	m, err := read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("shoal: %s: %w", path, err)
	}
	return m, nil
}

// Read reads a model from size bytes, as Open does from a file. It takes
// nothing at its word: what it allocates is bounded by a multiple of size, and a
// model whose parts don't fit together is an error.
func Read(r io.Reader, size int64) (*Model, error) {
	m, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("shoal: %w", err)
	}
	return m, nil
}

func read(r io.Reader, size int64) (*Model, error) {
	if err := nn.New(1, nn.Dense(1, nn.Linear)).Err(); err != nil {
		return nil, err // no network can be: SHOAL_SIMD names kernels that aren't there
	}
	f, err := safetensors.Read(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAModel, err)
	}
	text, ok := f.Metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("%w: its metadata has no %q", ErrNotAModel, metadataKey)
	}
	var d description
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("the model's description can't be read: %w", err)
	}
	if d.Version < 1 {
		return nil, fmt.Errorf("the model is damaged: there is no version %d", d.Version)
	}
	if d.Version > FileVersion {
		return nil, fmt.Errorf("it is a model file of version %d; this program reads up to version %d: a newer one is needed", d.Version, FileVersion)
	}
	tensors := make(map[string]*safetensors.Tensor, len(f.Tensors))
	for i := range f.Tensors {
		tensors[f.Tensors[i].Name] = &f.Tensors[i]
	}
	mix := &mixture.Mixture{Task: d.Task, Targets: d.Targets, Training: d.Training}
	for i, v := range d.Views {
		view := mixture.View{Features: v.Features, Weight: v.Weight, Temperature: v.Temperature}
		for k, n := range v.Networks {
			network, err := readNetwork(tensors, n, i, k)
			if err != nil {
				return nil, fmt.Errorf("the model is damaged: view %d, network %d: %w", i+1, k+1, err)
			}
			view.Networks = append(view.Networks, network)
		}
		mix.Views = append(mix.Views, view)
	}
	if len(tensors) > 0 {
		return nil, fmt.Errorf("the model is damaged: tensor %q belongs to no layer", slices.Min(slices.Collect(maps.Keys(tensors))))
	}
	if err := mix.Check(); err != nil {
		return nil, fmt.Errorf("the model is damaged: %w", err)
	}
	return newModel(mix), nil
}

// readNetwork makes a network of its description and of its tensors, which it
// takes out of those of the file. Sizes are compared before anything is
// allocated.
func readNetwork(tensors map[string]*safetensors.Tensor, d networkJSON, view, network int) (*nn.Network, error) {
	var layers []nn.Layer
	var ws, bs []*safetensors.Tensor
	prev := d.Inputs
	for l, layer := range d.Layers {
		g, err := nn.ActivationNamed(layer.Activation)
		if err != nil {
			return nil, err
		}
		nameW, nameB := tensorName(view, network, l, "W"), tensorName(view, network, l, "b")
		w, b := tensors[nameW], tensors[nameB]
		if w == nil || b == nil {
			return nil, fmt.Errorf("layer %d lacks the tensor %s or %s", l+1, nameW, nameB)
		}
		delete(tensors, nameW)
		delete(tensors, nameB)
		if len(w.Shape) != 2 || w.Shape[0] != layer.Units || w.Shape[1] != prev || len(b.Shape) != 1 || b.Shape[0] != layer.Units || w.F32 == nil || b.F32 == nil {
			return nil, fmt.Errorf("layer %d: W is %v and b %v; %d units over %d inputs of float32 were declared", l+1, w.Shape, b.Shape, layer.Units, prev)
		}
		layers = append(layers, nn.Layer{Units: layer.Units, Activation: g, Dropout: layer.Dropout})
		ws, bs = append(ws, w), append(bs, b)
		prev = layer.Units
	}
	n := nn.New(d.Inputs, layers...)
	if err := n.Err(); err != nil {
		return nil, err
	}
	for l := range layers {
		w := nn.Matrix{Rows: ws[l].Shape[0], Cols: ws[l].Shape[1], Data: ws[l].F32}
		if err := n.SetParameters(l, w, bs[l].F32); err != nil {
			return nil, err
		}
	}
	return n, nil
}
