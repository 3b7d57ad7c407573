// Command gonum is a peer: the same nets by hand with gonum's blas32.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/shoal-nn/shoal/internal/safetensors"
)

type spec struct {
	File       string
	Inputs     int
	Hidden     []int
	Activation string
	Outputs    int
	Rows       int
	Batch      int
	Steps      int
	Optimizer  string
	Rate       float64
}

// layer holds W (nPrev, n), b, what training needs beside them, and the values
// of a batch, an example a row.
type layer struct {
	w, dw      blas32.General
	b, db      []float32
	wu, wv     []float32
	bu, bv     []float32
	a, dz      blas32.General
	nPrev, n   int
	activation string
}

type net struct {
	spec
	layers []*layer
	step   int
}

func main() {
	if err := serve(); err != nil {
		fmt.Printf("{\"error\": %q}\n", err.Error())
		os.Exit(1)
	}
}

func serve() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	n := &net{}
	if err := json.Unmarshal(lines.Bytes(), &n.spec); err != nil {
		return err
	}
	x, y, err := n.load()
	if err != nil {
		return err
	}
	for i := range n.Steps {
		first := i * n.Batch % ((n.Rows + n.Batch - 1) / n.Batch * n.Batch)
		n.train(x, y, first, min(n.Batch, n.Rows-first))
	}
	loss := 0.0
	for first := 0; first < n.Rows; first += n.Batch {
		loss += n.loss(x, y, first, min(n.Batch, n.Rows-first)) / float64(n.Rows)
	}
	fmt.Printf("{\"version\": \"gonum v0.17.0\", \"loss\": %.9f}\n", loss)
	whole, done, steps := n.Rows/n.Batch, 0, 1
	for lines.Scan() {
		for {
			start := time.Now()
			for range steps {
				n.train(x, y, done%whole*n.Batch, n.Batch)
				done++
			}
			if took := time.Since(start); took >= 60*time.Millisecond {
				fmt.Printf("{\"us\": %v}\n", float64(took.Nanoseconds())/1e3/float64(steps))
				break
			}
			steps *= 2
		}
	}
	return nil
}

func (n *net) load() (x, y []float32, err error) {
	in, err := os.Open(n.File)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	f, err := safetensors.Read(bufio.NewReader(in), info.Size())
	if err != nil {
		return nil, nil, err
	}
	of := func(name string) []float32 {
		t, ok := f.Tensor(name)
		if !ok {
			err = fmt.Errorf("there is no tensor %s", name)
			return nil
		}
		return t.F32
	}
	prev := n.Inputs
	for i, units := range append(append([]int(nil), n.Hidden...), n.Outputs) {
		w := of(fmt.Sprintf("W%d", i+1))
		l := &layer{nPrev: prev, n: units, w: matrix(prev, units), dw: matrix(prev, units), b: of(fmt.Sprintf("b%d", i+1)), activation: n.Activation}
		for r := range units {
			for c := range prev {
				l.w.Data[c*units+r] = w[r*prev+c]
			}
		}
		l.db, l.bu, l.bv = make([]float32, units), make([]float32, units), make([]float32, units)
		l.wu, l.wv = make([]float32, prev*units), make([]float32, prev*units)
		l.a, l.dz = matrix(n.Batch, units), matrix(n.Batch, units)
		n.layers = append(n.layers, l)
		prev = units
	}
	return of("X"), of("Y"), err
}

func matrix(rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
}

func rowsOf(g blas32.General, m int) blas32.General {
	g.Rows = m
	return g
}

func (n *net) forward(x []float32, first, m int) {
	in := blas32.General{Rows: m, Cols: n.Inputs, Stride: n.Inputs, Data: x[first*n.Inputs:]}
	for i, l := range n.layers {
		a := rowsOf(l.a, m)
		for r := range m {
			copy(a.Data[r*l.n:(r+1)*l.n], l.b)
		}
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, in, l.w, 1, a)
		if i < len(n.layers)-1 {
			values := a.Data[:m*l.n]
			if l.activation == "relu" {
				for k, v := range values {
					values[k] = max(v, 0)
				}
			} else {
				for k, v := range values {
					values[k] = float32(math.Tanh(float64(v)))
				}
			}
		}
		in = a
	}
}

// loss is the sum over m rows.
func (n *net) loss(x, y []float32, first, m int) float64 {
	n.forward(x, first, m)
	last := n.layers[len(n.layers)-1]
	sum := 0.0
	for r := range m {
		z, t := last.a.Data[r*last.n:(r+1)*last.n], y[(first+r)*last.n:]
		if last.n == 1 {
			v := float64(z[0])
			sum += max(v, 0) - v*float64(t[0]) + math.Log1p(math.Exp(-math.Abs(v)))
			continue
		}
		norm := 0.0
		for _, v := range z {
			norm += math.Exp(float64(v))
		}
		for k, v := range z {
			sum += float64(t[k]) * (math.Log(norm) - float64(v))
		}
	}
	return sum
}

func (n *net) train(x, y []float32, first, m int) {
	n.forward(x, first, m)
	last := n.layers[len(n.layers)-1]
	inverse := 1 / float32(m)
	for r := range m {
		z, dz, t := last.a.Data[r*last.n:(r+1)*last.n], last.dz.Data[r*last.n:(r+1)*last.n], y[(first+r)*last.n:]
		if last.n == 1 {
			dz[0] = (float32(1/(1+math.Exp(-float64(z[0])))) - t[0]) * inverse
			continue
		}
		peak, norm := z[0], float32(0)
		for _, v := range z {
			peak = max(peak, v)
		}
		for k, v := range z {
			dz[k] = float32(math.Exp(float64(v - peak)))
			norm += dz[k]
		}
		for k := range dz {
			dz[k] = (dz[k]/norm - t[k]) * inverse
		}
	}
	for i := len(n.layers) - 1; i >= 0; i-- {
		l := n.layers[i]
		dz := rowsOf(l.dz, m)
		in := blas32.General{Rows: m, Cols: n.Inputs, Stride: n.Inputs, Data: x[first*n.Inputs:]}
		if i > 0 {
			in = rowsOf(n.layers[i-1].a, m)
		}
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, in, dz, 0, l.dw)
		clear(l.db)
		for r := range m {
			for k, v := range dz.Data[r*l.n : (r+1)*l.n] {
				l.db[k] += v
			}
		}
		if i == 0 {
			break
		}
		below := rowsOf(n.layers[i-1].dz, m)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, dz, l.w, 0, below)
		for k, a := range in.Data[:m*l.nPrev] {
			switch {
			case l.activation != "relu":
				below.Data[k] *= 1 - a*a
			case a <= 0:
				below.Data[k] = 0
			}
		}
	}
	n.step++
	for _, l := range n.layers {
		n.update(l.w.Data, l.dw.Data, l.wu, l.wv)
		n.update(l.b, l.db, l.bu, l.bv)
	}
}

func (n *net) update(p, g, u, v []float32) {
	if n.Optimizer == "gd" {
		rate := float32(n.Rate)
		for i, d := range g {
			p[i] -= rate * d
		}
		return
	}
	rate := float32(n.Rate / (1 - math.Pow(0.9, float64(n.step))))
	c2 := float32(1 / (1 - math.Pow(0.999, float64(n.step))))
	for i, d := range g {
		u[i] = 0.9*u[i] + 0.1*d
		v[i] = 0.999*v[i] + 0.001*d*d
		p[i] -= rate * u[i] / (float32(math.Sqrt(float64(v[i]*c2))) + 1e-8)
	}
}
