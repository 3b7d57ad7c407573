package workload_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/shoal-nn/shoal/internal/workload"
)

func ExampleWorkload_Net() {
	for _, w := range workload.All() {
		fmt.Printf("%-7s %s, %d rows a step: %.0f operations\n", w.Name, w.Net(), w.Batch, w.Flops(w.Batch))
	}
	// Output:
	// flower  2 → 4 tanh → 1 sigmoid, 400 rows a step: 22400 operations
	// cancer  30 → 16 relu → 1 sigmoid, 32 rows a step: 64512 operations
	// letter  16 → 128 relu → 26 softmax, 128 rows a step: 3604480 operations
	// higgs   28 → 300 relu → 1 sigmoid, 1024 rows a step: 36249600 operations
	// higgs5  28 → 5 × 300 tanh → 1 sigmoid, 100 rows a step: 219540000 operations
	// mnist   784 → 128 relu → 10 softmax, 128 rows a step: 52363264 operations
	// wide    784 → 1024 relu → 10 softmax, 512 rows a step: 1675624448 operations
}

func TestTheDataIsWhatTheWorkloadSays(t *testing.T) {
	for _, w := range workload.All() {
		rows, last := 0, 0
		classes := map[int]int{}
		batches := w.Batches()
		for i, b := range batches {
			if b.X.Rows != w.Inputs || b.Y.Rows != w.Outputs() || b.X.Cols != b.Y.Cols {
				t.Fatalf("%s: X (%d, %d), Y (%d, %d)", w.Name, b.X.Rows, b.X.Cols, b.Y.Rows, b.Y.Cols)
			}
			if last = b.X.Cols; last != w.Batch && i < len(batches)-1 {
				t.Errorf("%s: batch %d has %d rows", w.Name, i, last)
			}
			rows += last
			for j := range b.Y.Cols {
				class := 0
				for k := range b.Y.Rows {
					if b.Y.At(k, j) == 1 {
						class = k + 1
					}
				}
				classes[class]++
			}
		}
		if rows != w.Rows {
			t.Errorf("%s: %d rows, want %d", w.Name, rows, w.Rows)
		}
		if len(classes) < 2 {
			t.Errorf("%s: one class", w.Name)
		}
	}
}

func TestAWorkloadLearnsAndIsTimed(t *testing.T) {
	for _, name := range []string{"flower", "cancer"} {
		w, err := workload.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Run(1, 1e9)
		if err != nil {
			t.Fatal(err)
		}
		if !(r.Loss < 0.6) || !(r.USPerStep > 0) || r.Repeats < 11 || math.Abs(r.PeakShare-r.GFLOPS) > 1e-9*r.GFLOPS {
			t.Errorf("%+v", r)
		}
		again, err := w.Run(2, 0)
		if err != nil || again.Loss != r.Loss || again.PeakShare != 0 {
			t.Errorf("%v; loss %v on two threads, %v on one; share of no peak %v", err, again.Loss, r.Loss, again.PeakShare)
		}
	}
	if _, err := workload.Named("none"); err == nil {
		t.Error("a workload that isn't there")
	}
}
