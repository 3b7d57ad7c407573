// Package workload is the nets that the benchmark trains: sizes, data and
// optimiser, the same for `shoal bench` and for the programs of others that are
// timed beside it.
package workload

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shoal-nn/shoal/internal/kernel"
	"github.com/shoal-nn/shoal/nn"
)

// Workload is a net and the rows that it is trained on, in order, batch after
// batch.
type Workload struct {
	Name      string
	Inputs    int
	Layers    []nn.Layer // hidden ones, then the output
	Rows      int
	Batch     int
	Optimizer func() nn.Optimizer // a new one
	Steps     int                 // after which the loss is told

	flower bool
}

func adam() nn.Optimizer { return &nn.Adam{Rate: 1e-3} }

// All lists the workloads, from the smallest net to the largest.
func All() []Workload {
	hidden := func(n, units int, g nn.Activation, output nn.Layer) []nn.Layer {
		return append(slices.Repeat([]nn.Layer{nn.Dense(units, g)}, n), output)
	}
	yesOrNo := nn.Dense(1, nn.Sigmoid)
	return []Workload{
		{
			Name: "flower", Inputs: 2, Layers: hidden(1, 4, nn.Tanh, yesOrNo), Rows: 400, Batch: 400, Steps: 1000,
			Optimizer: func() nn.Optimizer { return &nn.GradientDescent{Rate: 1.2} }, flower: true,
		},
		{Name: "cancer", Inputs: 30, Layers: hidden(1, 16, nn.ReLU, yesOrNo), Rows: 569, Batch: 32, Optimizer: adam, Steps: 1000},
		{Name: "letter", Inputs: 16, Layers: hidden(1, 128, nn.ReLU, nn.Dense(26, nn.Softmax)), Rows: 16_000, Batch: 128, Optimizer: adam, Steps: 500},
		{Name: "higgs", Inputs: 28, Layers: hidden(1, 300, nn.ReLU, yesOrNo), Rows: 102_400, Batch: 1024, Optimizer: adam, Steps: 100},
		{Name: "higgs5", Inputs: 28, Layers: hidden(5, 300, nn.Tanh, yesOrNo), Rows: 20_000, Batch: 100, Optimizer: adam, Steps: 100},
		{Name: "mnist", Inputs: 784, Layers: hidden(1, 128, nn.ReLU, nn.Dense(10, nn.Softmax)), Rows: 12_800, Batch: 128, Optimizer: adam, Steps: 100},
		{Name: "wide", Inputs: 784, Layers: hidden(1, 1024, nn.ReLU, nn.Dense(10, nn.Softmax)), Rows: 5_120, Batch: 512, Optimizer: adam, Steps: 20},
	}
}

// Named returns the workload of that name.
func Named(name string) (Workload, error) {
	var names []string
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Workload{}, fmt.Errorf("workload: there is no workload %q; there are %s", name, strings.Join(names, ", "))
}

// Outputs is c.
func (w *Workload) Outputs() int { return w.Layers[len(w.Layers)-1].Units }

// Net writes the net in a line: "30 → 16 relu → 1 sigmoid".
func (w *Workload) Net() string {
	text := fmt.Sprint(w.Inputs)
	for i := 0; i < len(w.Layers); {
		l := w.Layers[i]
		n := 1
		for i+n < len(w.Layers) && w.Layers[i+n].Units == l.Units && w.Layers[i+n].Activation.Name == l.Activation.Name {
			n++
		}
		times := ""
		if n > 1 {
			times = fmt.Sprintf("%d × ", n)
		}
		text += fmt.Sprintf(" → %s%d %s", times, l.Units, l.Activation)
		i += n
	}
	return text
}

// Flops is the number of floating-point operations of the matrix products of a
// step with m examples: Z = W·A and dW = dZ·Aᵀ of every layer, dA = Wᵀ·dZ of
// all but the first. A multiply-add is two.
func (w *Workload) Flops(m int) float64 {
	products, prev := 0.0, w.Inputs
	for i, l := range w.Layers {
		times := 3.0
		if i == 0 {
			times = 2
		}
		products += times * float64(l.Units) * float64(prev)
		prev = l.Units
	}
	return 2 * products * float64(m)
}

// Batch is examples in columns: X (nx, m) and Y (c, m).
type Batch struct{ X, Y nn.Matrix }

// Batches makes the rows, the same at every call, cut into batches; the last may
// be shorter. The targets are the answers of a random net, so that there is
// something to learn; flower's are its two petals.
func (w *Workload) Batches() []Batch {
	random := rand.New(rand.NewPCG(1, uint64(w.Inputs)))
	teacher := nn.New(w.Inputs, nn.Dense(8, nn.Tanh), nn.Dense(w.Outputs(), nn.Linear))
	teacher.Init(nn.Xavier, 2)
	var batches []Batch
	for first := 0; first < w.Rows; first += w.Batch {
		m := min(w.Batch, w.Rows-first)
		b := Batch{nn.NewMatrix[float32](w.Inputs, m), nn.NewMatrix[float32](w.Outputs(), m)}
		if w.flower {
			petals(random, b)
		} else {
			for i := range b.X.Data {
				b.X.Data[i] = float32(random.NormFloat64())
			}
			label(teacher, b)
		}
		batches = append(batches, b)
	}
	return batches
}

// label gives each example the class whose output the teacher has largest, or
// whether its one output is positive.
func label(teacher *nn.Network, b Batch) {
	z, err := teacher.Predict(b.X)
	if err != nil {
		panic(err) // shapes of our own
	}
	for j := range z.Cols {
		best := 0
		for i := range z.Rows {
			if z.At(i, j) > z.At(best, j) {
				best = i
			}
		}
		if z.Rows > 1 {
			b.Y.Set(best, j, 1)
		} else if z.At(0, j) > 0 {
			b.Y.Set(0, j, 1)
		}
	}
}

// petals draws the flower of the course behind the notes: r = 4·sin 4θ, with
// noise, and a petal a class.
func petals(random *rand.Rand, b Batch) {
	m := b.X.Cols
	for j := range m {
		class := j * 2 / m
		along := float64(j%(m/2)) / float64(m/2)
		theta := float64(class)*3.12 + 3.12*along + 0.2*random.NormFloat64()
		r := 4*math.Sin(4*theta) + 0.2*random.NormFloat64()
		b.X.Set(0, j, float32(r*math.Sin(theta)))
		b.X.Set(1, j, float32(r*math.Cos(theta)))
		b.Y.Set(0, j, float32(class))
	}
}

// Trainer returns a trainer of a new net, its weights by He's or Xavier's rule.
func (w *Workload) Trainer(threads int) *nn.Trainer {
	net := nn.New(w.Inputs, w.Layers...)
	net.Init(nn.Auto, 1)
	t := net.Trainer(nn.CrossEntropy, w.Optimizer())
	t.Threads = threads
	return t
}

// Result is what a workload came to.
type Result struct {
	Workload  string  `json:"workload"`
	Net       string  `json:"net"`
	Kernels   string  `json:"kernels"` // Level
	Threads   int     `json:"threads"`
	USPerStep float64 `json:"us_per_step"`           // median over the repeats
	GFLOPS    float64 `json:"gflops"`                // of the matrix products alone
	Peak      float64 `json:"peak_gflops,omitempty"` // of one core, by FMA on registers; 0 where it can't be measured
	PeakShare float64 `json:"peak_share,omitempty"`  // of Peak × threads, or processors if there are fewer
	Loss      float64 `json:"loss"`                  // of the whole data after Workload.Steps steps
	Repeats   int     `json:"repeats"`
}

// leastRepeats and leastTime are how long a workload is timed.
const (
	leastRepeats = 11
	leastTime    = 400 * time.Millisecond
)

// Run trains for w.Steps steps, tells the loss, and then times passes over the
// data: the median of at least eleven, each at least a step. peak is
// kernel.Peak's, measured in the same run.
func (w *Workload) Run(threads int, peak float64) (Result, error) {
	batches := w.Batches()
	t := w.Trainer(threads)
	defer t.Close()
	for step := range w.Steps {
		b := &batches[step%len(batches)]
		t.On(b.X, b.Y)
	}
	level, err := Level()
	if err != nil {
		return Result{}, err
	}
	r := Result{Workload: w.Name, Net: w.Net(), Kernels: level, Threads: threads, Peak: peak / 1e9}
	for i := range batches {
		j, err := t.Cost(batches[i].X, batches[i].Y, nil)
		if err != nil {
			return r, fmt.Errorf("workload: %s: %w", w.Name, err)
		}
		r.Loss += j * float64(batches[i].X.Cols) / float64(w.Rows)
	}

	// Only whole batches are timed, in as many steps as take some 10 ms.
	whole := batches[:w.Rows/w.Batch]
	steps, next := 1, 0
	pass := func() time.Duration {
		start := time.Now()
		for range steps {
			b := &whole[next%len(whole)]
			next++
			t.On(b.X, b.Y)
		}
		return time.Since(start)
	}
	for pass() < 10*time.Millisecond {
		steps *= 2
	}
	var times []float64
	for total := time.Duration(0); len(times) < leastRepeats || total < leastTime; {
		d := pass()
		total += d
		times = append(times, float64(d.Nanoseconds())/1e3/float64(steps))
	}
	if err := t.Err(); err != nil {
		return r, fmt.Errorf("workload: %s: %w", w.Name, err)
	}
	slices.Sort(times)
	r.Repeats, r.USPerStep = len(times), times[len(times)/2]
	r.GFLOPS = w.Flops(w.Batch) / r.USPerStep / 1e3
	if peak > 0 {
		r.PeakShare = r.GFLOPS * 1e9 / (peak * float64(min(threads, runtime.NumCPU())))
	}
	return r, nil
}

// Peak is the rate of fused multiply-adds of one core, in operations a second;
// 0 where it can't be measured.
func Peak() float64 { return kernel.Peak() }

// Level names the vector instructions in use.
func Level() (string, error) { return kernel.Level() }
