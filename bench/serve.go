package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/shoal-nn/shoal/internal/safetensors"
	"github.com/shoal-nn/shoal/internal/workload"
	"github.com/shoal-nn/shoal/nn"
)

// ready is what a peer answers to a spec.
type ready struct {
	Version string  `json:"version"`
	Compile float64 `json:"compile_s"`
	Loss    float64 `json:"loss"`
	Allocs  float64 `json:"allocs"` // a call, of one row; ours alone
	Error   string  `json:"error"`
}

// timed is what a peer answers to go.
type timed struct {
	Micros float64 `json:"us"` // a step, or a call
}

// pass is how long a peer works at one go, at least.
const pass = 60 * time.Millisecond

// serve is Shoal as a peer among the others: it reads a spec, then go's.
func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return lines.Err()
	}
	var s spec
	if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
		return err
	}
	say := json.NewEncoder(out)
	level, err := workload.Level()
	if err != nil {
		return err
	}
	r := ready{Version: fmt.Sprintf("%s, %s kernels", runtime.Version(), level)}
	work, err := s.prepare(&r)
	if err != nil {
		r.Error = err.Error()
	}
	if err := say.Encode(r); err != nil || r.Error != "" {
		return err
	}
	n := 1
	for lines.Scan() {
		for {
			start := time.Now()
			if err := work(n); err != nil {
				return err
			}
			if took := time.Since(start); took >= pass {
				if err := say.Encode(timed{float64(took.Nanoseconds()) / 1e3 / float64(n)}); err != nil {
					return err
				}
				break
			}
			n *= 2
		}
	}
	return lines.Err()
}

// prepare returns what is to be timed: n steps, or n calls.
func (s *spec) prepare(r *ready) (func(n int) error, error) {
	in, err := os.Open(s.File)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Read(bufio.NewReader(in), info.Size())
	if err != nil {
		return nil, err
	}
	layers, err := s.layers()
	if err != nil {
		return nil, err
	}
	tensors := map[string]*safetensors.Tensor{}
	for i := range f.Tensors {
		tensors[f.Tensors[i].Name] = &f.Tensors[i]
	}
	net := nn.New(s.Inputs, layers...)
	for l := range layers {
		w, b := tensors[fmt.Sprintf("W%d", l+1)], tensors[fmt.Sprintf("b%d", l+1)]
		if err := net.SetParameters(l, nn.Matrix{Rows: w.Shape[0], Cols: w.Shape[1], Data: w.F32}, b.F32); err != nil {
			return nil, err
		}
	}
	x := nn.Matrix{Rows: s.Rows, Cols: s.Inputs, Data: tensors["X"].F32}
	if s.Mode == train {
		y := nn.Matrix{Rows: s.Rows, Cols: s.Outputs, Data: tensors["Y"].F32}
		return s.training(net, x, y, r)
	}
	return s.inference(net, x, r)
}

func (s *spec) training(net *nn.Network, x, y nn.Matrix, r *ready) (func(n int) error, error) {
	o, err := nn.OptimizerNamed(s.Optimizer, s.Rate)
	if err != nil {
		return nil, err
	}
	t := net.Trainer(nn.CrossEntropy, o)
	t.Threads = s.Threads
	columns := func(m nn.Matrix, first, rows int) nn.Matrix {
		return nn.Matrix{Rows: rows, Cols: m.Cols, Data: m.Data[first*m.Cols : (first+rows)*m.Cols]}.T()
	}
	var xs, ys []nn.Matrix
	for first := 0; first < s.Rows; first += s.Batch {
		rows := min(s.Batch, s.Rows-first)
		xs, ys = append(xs, columns(x, first, rows)), append(ys, columns(y, first, rows))
	}
	for step := range s.Steps {
		t.On(xs[step%len(xs)], ys[step%len(ys)])
	}
	for i := range xs {
		cost, err := t.Cost(xs[i], ys[i], nil)
		if err != nil {
			return nil, err
		}
		r.Loss += cost * float64(xs[i].Cols) / float64(s.Rows)
	}
	whole, next := s.Rows/s.Batch, 0
	return func(n int) error {
		for range n {
			t.On(xs[next%whole], ys[next%whole])
			next++
		}
		return t.Err()
	}, nil
}

func (s *spec) inference(net *nn.Network, x nn.Matrix, r *ready) (func(n int) error, error) {
	p := nn.Predictor{Net: net, Frozen: net.Freeze()}
	if s.Mode == many {
		rows := make([]float32, 0, manyRows*s.Inputs)
		for i := range manyRows {
			rows = append(rows, x.Row(i%x.Rows)...)
		}
		batch := nn.Matrix{Rows: manyRows, Cols: s.Inputs, Data: rows}.T()
		return func(n int) error {
			for range n {
				if _, err := p.Predict(batch); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	row := nn.NewMatrix[float32](s.Inputs, 1)
	call := func(n int) error {
		for i := range n {
			copy(row.Data, x.Row(i%x.Rows))
			if _, err := p.Predict(row); err != nil {
				return err
			}
		}
		return nil
	}
	if err := call(10); err != nil {
		return nil, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const calls = 1000
	err := call(calls)
	runtime.ReadMemStats(&after)
	r.Allocs = float64(after.Mallocs-before.Mallocs) / calls
	return call, err
}
