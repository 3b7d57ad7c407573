package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
)

// ErrForeign says that an ONNX model was not written by Shoal.
var ErrForeign = errors.New("an ONNX model of another program, which can't be read yet")

// Read reads a model that Shoal wrote. The schema in its metadata says what the
// graph must be: a graph that is another one, because some program changed it, is
// an error, so that what is answered is what every runtime answers.
func Read(b []byte) (*mixture.Mixture, error) {
	file, err := Decode(b)
	if err != nil {
		return nil, err
	}
	properties := map[string]string{}
	for _, p := range file.Metadata {
		properties[p.Key] = p.Value
	}
	if err := checkVersion(file, properties); err != nil {
		return nil, err
	}
	m, err := mixtureOf(properties, len(b))
	if err != nil {
		return nil, fmt.Errorf("the model is damaged: %w", err)
	}
	if err := fill(m, file); err != nil {
		return nil, fmt.Errorf("the model is damaged: %w", err)
	}
	if have := m.FitHash(); properties[keyFitHash] != have {
		return nil, fmt.Errorf("the model is damaged: its weights have the fit hash %s, and its metadata_props say %q", have, properties[keyFitHash])
	}
	return m, nil
}

func checkVersion(file *Model, properties map[string]string) error {
	text, ok := properties[keyVersion]
	if !ok {
		by := ""
		if file.Producer != "" {
			by = fmt.Sprintf(" (%s %s)", file.Producer, file.ProducerVersion)
		}
		return fmt.Errorf("%w%s: its metadata_props have no %s", ErrForeign, by, keyVersion)
	}
	switch version, err := strconv.Atoi(text); {
	case err != nil || version < 1:
		return fmt.Errorf("the model is damaged: there is no version %q", text)
	case version > FileVersion:
		return fmt.Errorf("it is a model file of version %d; this program reads up to version %d: a newer one is needed", version, FileVersion)
	}
	return nil
}

// mixtureOf makes the model that the schema describes, its parameters 0. They
// take no more memory than the file has bytes.
func mixtureOf(properties map[string]string, size int) (*mixture.Mixture, error) {
	var s schema
	if err := json.Unmarshal([]byte(properties[keySchema]), &s); err != nil {
		return nil, fmt.Errorf("%s: %w", keySchema, err)
	}
	m := &mixture.Mixture{Task: s.Task, Targets: s.Targets}
	left := size / 4
	for i, v := range s.Views {
		view := mixture.View{Features: v.Features, Weight: v.Weight, Temperature: v.Temperature}
		for k, n := range v.Networks {
			network, err := n.network(&left)
			if err != nil {
				return nil, fmt.Errorf("view %d, network %d: %w", i+1, k+1, err)
			}
			view.Networks = append(view.Networks, network)
		}
		m.Views = append(m.Views, view)
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	var err error
	m.Training, err = trainingOf(properties)
	return m, err
}

// network makes a network, whose parameters are taken off those that are left.
func (s *networkSchema) network(left *int) (*nn.Network, error) {
	var layers []nn.Layer
	prev := s.Inputs
	for l, layer := range s.Layers {
		g, err := nn.ActivationNamed(layer.Activation)
		if err != nil {
			return nil, err
		}
		if layer.Units < 1 || prev < 1 || prev >= *left || layer.Units > *left/(prev+1) {
			return nil, fmt.Errorf("layer %d: %d units over %d inputs: the file has no room for so many parameters", l+1, layer.Units, prev)
		}
		*left -= layer.Units * (prev + 1)
		layers = append(layers, nn.Layer{Units: layer.Units, Activation: g, Dropout: layer.Dropout})
		prev = layer.Units
	}
	n := nn.New(s.Inputs, layers...)
	return n, n.Err()
}

// trainingOf puts the training's report together again.
func trainingOf(properties map[string]string) (json.RawMessage, error) {
	rest, ok := properties[keyTraining]
	if !ok {
		return nil, nil
	}
	report := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(rest), &report); err != nil {
		return nil, fmt.Errorf("%s: %w", keyTraining, err)
	}
	for _, part := range reportParts {
		if x, ok := properties[part.key]; ok {
			report[part.field] = json.RawMessage(x)
		}
	}
	text, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("the training's report: %w", err)
	}
	return text, nil
}

// fill takes the parameters from the file, which must be what is written of the
// model otherwise.
func fill(m *mixture.Mixture, file *Model) error {
	want, parameters, err := build(m)
	if err != nil {
		return err
	}
	if have, want := len(file.Graph.Initializers), len(want.Graph.Initializers); have != want {
		return fmt.Errorf("its graph has %d initialisers, and the schema asks for %d", have, want)
	}
	for i := range file.Graph.Initializers {
		have, want := &file.Graph.Initializers[i], &want.Graph.Initializers[i]
		if have.Name != want.Name || have.Type != want.Type || !slices.Equal(have.Dims, want.Dims) || have.External != nil {
			return fmt.Errorf("initialiser %q is %v %v; the schema asks for %q there, %v %v", have.Name, have.Type, have.Dims, want.Name, want.Type, want.Dims)
		}
		if to, ok := parameters[want.Name]; ok {
			copy(to, have.Floats)
		} else if !bytes.Equal(encoded(have), encoded(want)) {
			return fmt.Errorf("initialiser %q has other values than the schema", have.Name)
		}
	}
	if err := m.Check(); err != nil { // the numbers, too
		return err
	}
	if !bytes.Equal(frame(file), frame(want)) {
		return errors.New("its graph is not the one that its schema describes: another program changed it")
	}
	return nil
}

// frame is the bytes of a model without tensors and metadata.
func frame(m *Model) []byte {
	bare := *m
	bare.Metadata, bare.Graph.Initializers = nil, nil
	return Encode(&bare)
}

func encoded(t *Tensor) []byte {
	var w writer
	w.tensor(t)
	return w.b
}
