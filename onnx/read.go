package onnx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/internal/mixture"
	"github.com/shoal-nn/shoal/nn"
)

// ErrForeign says that an ONNX model isn't Shoal's, and that it can't be read as
// one of another program either.
var ErrForeign = errors.New("an ONNX model of another program that can't be read")

// Read reads a model: one that Shoal wrote, or a multi-layer perceptron of another
// program, with its preprocessing; where that fills in no missing values, they count
// as the column's mean, or as 0 if it has none. dir is where files with tensors lie beside the
// model; "" allows none.
//
// Of Shoal's, the schema in its metadata says what the graph must be: a graph that
// is another one, because some program changed it, is an error, so that what is
// answered is what every runtime answers.
func Read(b []byte, dir string) (*mixture.Mixture, error) {
	file, graph, err := decodeFrame(b)
	if err != nil {
		return nil, err
	}
	properties := map[string]string{}
	for _, p := range file.Metadata {
		properties[p.Key] = p.Value
	}
	version, ours := properties[keyVersion]
	if ours {
		if err := checkVersion(version); err != nil {
			return nil, err
		}
	}
	if err := notONNX(file.Graph.decode(graph)); err != nil {
		return nil, err
	}
	if !ours {
		return foreign(file, dir)
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

func foreign(file *Model, dir string) (*mixture.Mixture, error) {
	origin := cmp.Or(strings.TrimSpace(file.Producer+" "+file.ProducerVersion), "a program that doesn't say its name")
	if err := load(file, dir); err != nil {
		return nil, fmt.Errorf("%w (%s): %w", ErrForeign, origin, err)
	}
	m, err := imported(file)
	if err != nil {
		return nil, fmt.Errorf("%w (%s): %w", ErrForeign, origin, err)
	}
	m.Origin = origin
	return m, nil
}

// load reads the tensors that lie in files beside the model: in its folder, no
// links, and no more than is there.
func load(file *Model, dir string) error {
	var root *os.Root
	for i := range file.Graph.Initializers {
		t := &file.Graph.Initializers[i]
		if t.External == nil {
			continue
		}
		if dir == "" {
			return fmt.Errorf("initialiser %q lies in the file %q, and there is no folder to look in", t.Name, t.External.Location)
		}
		if root == nil {
			var err error
			if root, err = os.OpenRoot(dir); err != nil {
				return err
			}
			defer root.Close()
		}
		if err := t.load(root); err != nil {
			return fmt.Errorf("initialiser %q, in the file %q: %w", t.Name, t.External.Location, err)
		}
	}
	return nil
}

func (t *Tensor) load(root *os.Root) error {
	e, n := t.External, t.Len()
	size := int64(n) * int64(elementSize[t.Type])
	switch {
	case !filepath.IsLocal(e.Location) || strings.ContainsAny(e.Location, `\:`):
		return errors.New("it must be a file of the model's own folder")
	case n < 0 || elementSize[t.Type] == 0:
		return fmt.Errorf("%v %v isn't supported", t.Type, t.Dims)
	case e.Length >= 0 && e.Length != size:
		return fmt.Errorf("%d bytes for %v %v", e.Length, t.Type, t.Dims)
	}
	for at, c := range e.Location {
		if c != '/' {
			continue
		}
		if info, err := root.Lstat(e.Location[:at]); err != nil || !info.IsDir() {
			return errors.New("a part of its path is no folder")
		}
	}
	info, err := root.Lstat(e.Location)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	if e.Offset > info.Size() || size > info.Size()-e.Offset {
		return fmt.Errorf("it has %d bytes; %d from byte %d on are asked for", info.Size(), size, e.Offset)
	}
	f, err := root.Open(e.Location)
	if err != nil {
		return err
	}
	defer f.Close()
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, e.Offset); err != nil {
		return err
	}
	t.External = nil
	return t.SetRaw(raw)
}

func checkVersion(text string) error {
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
	m := &mixture.Mixture{Task: s.Task, Targets: s.Targets, Input: s.Input}
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
	if report == nil {
		return nil, fmt.Errorf("%s is null", keyTraining)
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
		if have.External != nil {
			return fmt.Errorf("initialiser %q lies in another file: another program put it there", have.Name)
		}
		if have.Name != want.Name || have.Type != want.Type || !slices.Equal(have.Dims, want.Dims) {
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
	for _, v := range slices.Concat(file.Graph.Inputs, file.Graph.Outputs) {
		if v.Other != "" {
			return fmt.Errorf("%q is %s, and the schema asks for a tensor", v.Name, v.Other)
		}
	}
	if !bytes.Equal(frame(file), frame(want)) {
		return errors.New("its graph is not the one that its schema describes: another program changed it")
	}
	return nil
}

// frame is the bytes of a model without tensors, metadata and names of its own.
func frame(m *Model) []byte {
	bare := *m
	bare.Metadata, bare.Graph.Initializers = nil, nil
	bare.Producer, bare.ProducerVersion, bare.Doc, bare.Graph.Name = "", "", "", "" // say nothing of the answers
	return Encode(&bare)
}

func encoded(t *Tensor) []byte {
	var w writer
	w.tensor(t)
	return w.b
}
