package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/shoal-nn/shoal/nn"
)

// reference is an entry of networks.json in the notes' testdata: one network, one batch,
// everything that PyTorch computes for it.
type reference struct {
	Sizes  []int         `json:"sizes"`
	Hidden string        `json:"hidden"`
	Output string        `json:"output"`
	X      [][]float64   `json:"X"`
	Y      [][]float64   `json:"Y"`
	W      [][][]float64 `json:"W"`
	B      [][][]float64 `json:"b"`
	Z      [][][]float64 `json:"Z"`
	A      [][][]float64 `json:"A"`
	J      float64       `json:"J"`
	DZ     [][][]float64 `json:"dZ"`
	DW     [][][]float64 `json:"dW"`
	DB     [][][]float64 `json:"db"`
	Steps  []float64     `json:"J_before_each_step"`
	WAfter [][][]float64 `json:"W_after_5"`
	BAfter [][][]float64 `json:"b_after_5"`
}

func readJSON(t testing.TB, file string, to any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func matrix[T nn.Float](rows [][]float64) nn.MatrixOf[T] {
	m := nn.NewMatrix[T](len(rows), len(rows[0]))
	for i, r := range rows {
		for j, v := range r {
			m.Set(i, j, T(v))
		}
	}
	return m
}

// build makes the reference's network with its initial parameters.
func build[T nn.Float](t testing.TB, r reference) *nn.NetworkOf[T] {
	t.Helper()
	var layers []nn.Layer
	for i, n := range r.Sizes[1:] {
		name := r.Hidden
		if i == len(r.Sizes)-2 {
			name = r.Output
		}
		g, err := nn.ActivationNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, nn.Dense(n, g))
	}
	net := nn.NewOf[T](r.Sizes[0], layers...)
	for l := range layers {
		if err := net.SetParameters(l, matrix[T](r.W[l]), matrix[T](r.B[l]).Data); err != nil {
			t.Fatal(err)
		}
	}
	return net
}

func lossFor(output string) nn.Loss {
	if output == "linear" {
		return nn.HalfSquared
	}
	return nn.CrossEntropy
}

// apart is the largest |got − want| over the largest |want| of the tensor, or
// over 1 if that is less.
func apart[T nn.Float](got []T, want nn.MatrixOf[float64]) float64 {
	worst, largest := 0.0, 1.0
	for i, w := range want.Data {
		worst, largest = max(worst, math.Abs(float64(got[i])-w)), max(largest, math.Abs(w))
	}
	return worst / largest
}

func TestEveryQuantityOfAStepEqualsPyTorch(t *testing.T) {
	var file struct{ Nets map[string]reference }
	readJSON(t, "../notes/testdata/networks.json", &file)
	if len(file.Nets) < 18 {
		t.Fatalf("%d reference networks, want 18", len(file.Nets))
	}
	for name, r := range file.Nets {
		t.Run(name+"/float64", func(t *testing.T) { compare[float64](t, r, 1e-12) })
		t.Run(name+"/float32", func(t *testing.T) { compare[float32](t, r, 1e-5) })
	}
}

func compare[T nn.Float](t *testing.T, r reference, within float64) {
	net := build[T](t, r)
	step := net.Trainer(lossFor(r.Output), &nn.GradientDescent{Rate: 0.5})
	X, Y := matrix[T](r.X), matrix[T](r.Y)
	trace, err := step.Trace(X, Y, nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, got []T, want [][]float64) {
		t.Helper()
		if d := apart(got, matrix[float64](want)); d > within {
			t.Errorf("%s is off by %.2g, want at most %.0g", name, d, within)
		}
	}
	for l := range net.Layers {
		layer := fmt.Sprint(l + 1)
		check("Z"+layer, trace.Z[l].Data, r.Z[l])
		check("A"+layer, trace.A[l].Data, r.A[l])
		check("dZ"+layer, trace.DZ[l].Data, r.DZ[l])
		check("dW"+layer, trace.DW[l].Data, r.DW[l])
		check("db"+layer, trace.DB[l], r.DB[l])
	}
	check("J", []T{T(trace.J)}, [][]float64{{r.J}})
	if r.Steps[4] > 5*r.Steps[0] && within > 1e-12 {
		within *= 10 // the run diverges (linear_linear): each step multiplies the rounding of the last
	}
	for k, want := range r.Steps {
		check(fmt.Sprintf("J before step %d", k+1), []T{T(step.On(X, Y))}, [][]float64{{want}})
	}
	if err := step.Err(); err != nil {
		t.Fatal(err)
	}
	for l := range net.Layers {
		check(fmt.Sprintf("W%d after 5 steps", l+1), net.Layers[l].W.Data, r.WAfter[l])
		check(fmt.Sprintf("b%d after 5 steps", l+1), net.Layers[l].B, r.BAfter[l])
	}
}

func TestTheFlowerOfTheCourse(t *testing.T) {
	type parameters struct{ W1, B1, W2, B2 [][]float64 }
	var file struct {
		X, Y [][]float64
		Runs []struct {
			Units, Steps int
			Rate         float64
			Initial      parameters
			Costs        []float64 `json:"cost_every_1000"`
			Final        parameters
		}
	}
	readJSON(t, "../notes/testdata/planar.json", &file)
	X, Y := matrix[float64](file.X), matrix[float64](file.Y)
	for _, run := range file.Runs {
		t.Run(fmt.Sprintf("%d units, %d steps", run.Units, run.Steps), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && run.Units > 4 {
				t.Skip("short: the smaller ones show it")
			}
			steps := run.Steps
			if run.Units == 20 {
				steps = 4000 // after it the run amplifies the last bit of a tanh
			}
			net := nn.NewOf[float64](2, nn.Dense(run.Units, nn.Tanh), nn.Dense(1, nn.Sigmoid))
			set := func(l int, w, b [][]float64) {
				if err := net.SetParameters(l, matrix[float64](w), matrix[float64](b).Data); err != nil {
					t.Fatal(err)
				}
			}
			set(0, run.Initial.W1, run.Initial.B1)
			set(1, run.Initial.W2, run.Initial.B2)
			step := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{Rate: run.Rate})
			step.Threads = 1
			for k := 0; k <= steps; k++ {
				J, err := 0.0, error(nil)
				if k == steps {
					J, err = step.Cost(X, Y, nil)
				} else {
					J, err = step.On(X, Y), step.Err()
				}
				if err != nil {
					t.Fatal(err)
				}
				if k%1000 == 0 {
					if want := run.Costs[k/1000]; !(math.Abs(J-want) <= 1e-6) {
						t.Errorf("cost at step %d is %.9f, the course has %.9f", k, J, want)
					}
				}
			}
			if steps < run.Steps {
				return
			}
			for _, p := range []struct {
				name string
				got  []float64
				want [][]float64
			}{
				{"W1", net.Layers[0].W.Data, run.Final.W1},
				{"b1", net.Layers[0].B, run.Final.B1},
				{"W2", net.Layers[1].W.Data, run.Final.W2},
				{"b2", net.Layers[1].B, run.Final.B2},
			} {
				if d := apart(p.got, matrix[float64](p.want)); d > 1e-4 {
					t.Errorf("%s is off by %.2g at the end, want at most 1e-4", p.name, d)
				}
			}
		})
	}
}
