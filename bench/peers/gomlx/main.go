// Command gomlx is a peer: the same nets with GoMLX's backend in Go, a step as one
// compiled graph with the backward pass written by hand. It is a module of its own,
// built with GOEXPERIMENT=simd, which GoMLX's vector kernels need.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

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

type net struct {
	spec
	backend compute.Backend
	step    *Exec
	logits  *Exec
	state   []*tensors.Tensor // W (nPrev, n) and b (1, n) of each layer, then u and v of each if Adam
	x, y    []*tensors.Tensor // batches
	labels  []float32
	steps   int
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
	if err := n.load(); err != nil {
		return err
	}
	var err error
	if n.backend, err = gobackend.New(""); err != nil {
		return err
	}
	if n.step, err = NewExec(n.backend, n.stepGraph); err != nil {
		return err
	}
	if n.logits, err = NewExec(n.backend, func(in []*Node) []*Node {
		values := n.forward(in[1:], in[0])
		return values[len(values)-1:]
	}); err != nil {
		return err
	}
	for i := range n.Steps {
		if err := n.train(i % len(n.x)); err != nil {
			return err
		}
	}
	loss, err := n.loss()
	if err != nil {
		return err
	}
	fmt.Printf("{\"version\": %q, \"loss\": %.9f}\n", version(), loss)
	whole, done, steps := n.Rows/n.Batch, 0, 1
	for lines.Scan() {
		for {
			start := time.Now()
			for range steps {
				if err := n.train(done % whole); err != nil {
					return err
				}
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

// version names GoMLX's modules as they were built.
func version() string {
	text := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/gomlx/gomlx" {
				text += "gomlx " + m.Version
			} else if m.Path == "github.com/gomlx/compute" {
				text += "compute " + m.Version + ", "
			}
		}
	}
	return text
}

func (n *net) load() error {
	in, err := os.Open(n.File)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	f, err := safetensors.Read(bufio.NewReader(in), info.Size())
	if err != nil {
		return err
	}
	of := func(name string) []float32 {
		t, ok := f.Tensor(name)
		if !ok {
			err = fmt.Errorf("there is no tensor %s", name)
			return nil
		}
		return t.F32
	}
	var shapes [][2]int
	prev := n.Inputs
	for i, units := range append(append([]int(nil), n.Hidden...), n.Outputs) {
		from, w := of(fmt.Sprintf("W%d", i+1)), make([]float32, prev*units)
		b := of(fmt.Sprintf("b%d", i+1))
		if err != nil {
			return err
		}
		for r := range units {
			for c := range prev {
				w[c*units+r] = from[r*prev+c]
			}
		}
		n.state = append(n.state, tensors.FromFlatDataAndDimensions(w, prev, units), tensors.FromFlatDataAndDimensions(b, 1, units))
		shapes = append(shapes, [2]int{prev, units}, [2]int{1, units})
		prev = units
	}
	if n.Optimizer == "adam" {
		for range 2 {
			for _, s := range shapes {
				n.state = append(n.state, tensors.FromFlatDataAndDimensions(make([]float32, s[0]*s[1]), s[0], s[1]))
			}
		}
	}
	x, y := of("X"), of("Y")
	for first := 0; first < n.Rows; first += n.Batch {
		m := min(n.Batch, n.Rows-first)
		n.x = append(n.x, tensors.FromFlatDataAndDimensions(x[first*n.Inputs:(first+m)*n.Inputs], m, n.Inputs))
		n.y = append(n.y, tensors.FromFlatDataAndDimensions(y[first*n.Outputs:(first+m)*n.Outputs], m, n.Outputs))
	}
	n.labels = y
	return err
}

// forward returns X, A of the hidden layers, and Z of the last.
func (n *net) forward(params []*Node, x *Node) []*Node {
	values := []*Node{x}
	for l := 0; l <= len(n.Hidden); l++ {
		z := Add(MatMul(values[l], params[2*l]), params[2*l+1])
		switch {
		case l == len(n.Hidden):
		case n.Activation == "relu":
			z = Max(z, ZerosLike(z))
		default:
			z = Tanh(z)
		}
		values = append(values, z)
	}
	return values
}

// stepGraph takes X, Y, the rate and for Adam c2, then the state, and returns the
// new state.
func (n *net) stepGraph(in []*Node) []*Node {
	x, y, rate, c2, state := in[0], in[1], in[2], in[3], in[4:]
	count := 2 * (len(n.Hidden) + 1)
	params := state[:count]
	values := n.forward(params, x)
	a := values[len(values)-1]
	if n.Outputs == 1 {
		a = Sigmoid(a)
	} else {
		a = Softmax(a, -1)
	}
	dz := MulScalar(Sub(a, y), 1/float64(x.Shape().Dimensions[0]))
	grads := make([]*Node, count)
	for l := len(n.Hidden); l >= 0; l-- {
		grads[2*l] = Einsum("mi,mj->ij", values[l], dz)
		grads[2*l+1] = ExpandAxes(ReduceSum(dz, 0), 0)
		if l == 0 {
			break
		}
		dz = Einsum("mj,ij->mi", dz, params[2*l])
		if n.Activation == "relu" {
			dz = Where(GreaterThan(values[l], ZerosLike(values[l])), dz, ZerosLike(dz))
		} else {
			dz = Mul(dz, OneMinus(Mul(values[l], values[l])))
		}
	}
	next := make([]*Node, len(state))
	for i, p := range params {
		if len(state) == count {
			next[i] = Sub(p, Mul(grads[i], rate))
			continue
		}
		u := Add(MulScalar(state[count+i], 0.9), MulScalar(grads[i], 0.1))
		v := Add(MulScalar(state[2*count+i], 0.999), MulScalar(Mul(grads[i], grads[i]), 0.001))
		next[i] = Sub(p, Div(Mul(u, rate), AddScalar(Sqrt(Mul(v, c2)), 1e-8)))
		next[count+i], next[2*count+i] = u, v
	}
	return next
}

// train makes a step; the state's memory is given to the graph.
func (n *net) train(batch int) error {
	n.steps++
	rate, c2 := n.Rate, 1.0
	if n.Optimizer == "adam" {
		rate /= 1 - math.Pow(0.9, float64(n.steps))
		c2 = 1 / (1 - math.Pow(0.999, float64(n.steps)))
	}
	args := []any{n.x[batch], n.y[batch], tensors.FromScalar(float32(rate)), tensors.FromScalar(float32(c2))}
	for _, t := range n.state {
		given, err := DonateTensorBuffer(t, n.backend, 0)
		if err != nil {
			return err
		}
		args = append(args, given)
	}
	next, err := n.step.Call(args...)
	n.state = next
	return err
}

// loss is the mean over all rows.
func (n *net) loss() (float64, error) {
	sum, row := 0.0, 0
	for _, x := range n.x {
		args := []any{x}
		for _, t := range n.state[:2*(len(n.Hidden)+1)] {
			args = append(args, t)
		}
		out, err := n.logits.Call(args...)
		if err != nil {
			return 0, err
		}
		z := tensors.MustCopyFlatData[float32](out[0])
		for first := 0; first < len(z); first += n.Outputs {
			sum += loss(z[first:first+n.Outputs], n.labels[row*n.Outputs:])
			row++
		}
	}
	return sum / float64(n.Rows), nil
}

// loss is the cross-entropy of a row.
func loss(z, y []float32) float64 {
	if len(z) == 1 {
		v := float64(z[0])
		return max(v, 0) - v*float64(y[0]) + math.Log1p(math.Exp(-math.Abs(v)))
	}
	norm, sum := 0.0, 0.0
	for _, v := range z {
		norm += math.Exp(float64(v))
	}
	for k, v := range z {
		sum += float64(y[k]) * (math.Log(norm) - float64(v))
	}
	return sum
}
