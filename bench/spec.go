package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/shoal-nn/shoal/internal/safetensors"
	"github.com/shoal-nn/shoal/internal/workload"
	"github.com/shoal-nn/shoal/nn"
)

// A spec tells a peer what to do: the first line that it reads.
type spec struct {
	Workload   string  `json:"workload"`
	Mode       string  `json:"mode"` // train, one (row) or many (rows)
	File       string  `json:"file"` // safetensors: X (rows, inputs), Y (rows, outputs), W1 (n, nPrev), b1 (n), …
	Inputs     int     `json:"inputs"`
	Hidden     []int   `json:"hidden"`
	Activation string  `json:"activation"`
	Outputs    int     `json:"outputs"` // 1: sigmoid; more: softmax
	Rows       int     `json:"rows"`
	Batch      int     `json:"batch"`
	Steps      int     `json:"steps"` // after which the loss of all rows is told
	Optimizer  string  `json:"optimizer"`
	Rate       float64 `json:"rate"`
	Threads    int     `json:"threads"`
}

// The modes.
const (
	train = "train"
	one   = "one"
	many  = "many"
)

// manyRows is how many rows a peer answers at once in mode many.
const manyRows = 10_000

// specOf writes a workload's tensors to a file in dir, and says what to do with
// them.
func specOf(w *workload.Workload, mode, dir string, threads int) (*spec, error) {
	o := w.Optimizer()
	s := &spec{
		Workload: w.Name, Mode: mode, File: filepath.Join(dir, w.Name+".safetensors"), Inputs: w.Inputs, Activation: w.Layers[0].Activation.Name,
		Outputs: w.Outputs(), Rows: w.Rows, Batch: w.Batch, Steps: w.Steps, Optimizer: o.Name(), Rate: o.LearningRate(), Threads: threads,
	}
	for _, l := range w.Layers[:len(w.Layers)-1] {
		s.Hidden = append(s.Hidden, l.Units)
	}
	if _, err := os.Stat(s.File); err == nil {
		return s, nil // written for another mode
	}
	x, y := make([]float32, w.Rows*s.Inputs), make([]float32, w.Rows*s.Outputs)
	row := 0
	for _, b := range w.Batches() {
		for j := range b.X.Cols {
			for i := range s.Inputs {
				x[(row+j)*s.Inputs+i] = b.X.At(i, j)
			}
			for i := range s.Outputs {
				y[(row+j)*s.Outputs+i] = b.Y.At(i, j)
			}
		}
		row += b.X.Cols
	}
	f := &safetensors.File{Tensors: []safetensors.Tensor{
		{Name: "X", Shape: []int{w.Rows, s.Inputs}, F32: x}, {Name: "Y", Shape: []int{w.Rows, s.Outputs}, F32: y},
	}}
	t := w.Trainer(threads)
	defer t.Close()
	for i, l := range t.Net.Layers {
		f.Tensors = append(f.Tensors,
			safetensors.Tensor{Name: fmt.Sprintf("W%d", i+1), Shape: []int{l.W.Rows, l.W.Cols}, F32: l.W.Data},
			safetensors.Tensor{Name: fmt.Sprintf("b%d", i+1), Shape: []int{len(l.B)}, F32: l.B})
	}
	return s, write(s.File, f)
}

func write(path string, f *safetensors.File) error {
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	buffer := bufio.NewWriter(to)
	if err := safetensors.Write(buffer, f); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	return to.Close()
}

// layers are the spec's as package nn has them.
func (s *spec) layers() ([]nn.Layer, error) {
	g, err := nn.ActivationNamed(s.Activation)
	if err != nil {
		return nil, err
	}
	var layers []nn.Layer
	for _, n := range s.Hidden {
		layers = append(layers, nn.Dense(n, g))
	}
	output := nn.Sigmoid
	if s.Outputs > 1 {
		output = nn.Softmax
	}
	return append(layers, nn.Dense(s.Outputs, output)), nil
}
