package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/shoal-nn/shoal/internal/workload"
)

// A target is what we set out to reach on each workload: the ratio of the fastest
// of some peers' time to ours.
type target struct {
	name          string
	mode          string
	peers         []string
	ratios        map[string]float64
	onFastMachine map[string]float64 // where the peak is fastPeak or above; nil is the same
}

// fastPeak is the rate of fused multiply-adds of one core, a second, from which
// more is asked.
const fastPeak = 150e9

// byWorkload takes ratios in the order of workload.All.
func byWorkload(ratios ...float64) map[string]float64 {
	m := map[string]float64{}
	for i, w := range workload.All() {
		m[w.Name] = ratios[i]
	}
	return m
}

var targets = []target{
	{
		name: "JAX", mode: train, peers: []string{"JAX, jit + scan"},
		ratios: byWorkload(20, 6, 1.8, 1.3, 1.1, 1.15, 1.15), onFastMachine: byWorkload(20, 6, 2.2, 1.7, 1.25, 1.4, 1.6),
	},
	{name: "PyTorch, the faster", mode: train, peers: []string{"PyTorch, eager", "PyTorch, compiled"}, ratios: byWorkload(150, 120, 9, 2.7, 1.5, 1.7, 1.2)},
	{name: "scikit-learn", mode: train, peers: []string{"scikit-learn"}, ratios: byWorkload(60, 50, 6, 6, 2, 2, 1.5)},
	{name: "ONNX Runtime, bound, one row", mode: one, peers: []string{"ONNX Runtime, bound inputs"}, ratios: map[string]float64{"cancer": 10, "letter": 10}},
	{name: "ONNX Runtime, 10,000 rows", mode: many, peers: []string{"ONNX Runtime", "ONNX Runtime, bound inputs"}, ratios: map[string]float64{"cancer": 1, "letter": 1, "higgs": 1, "mnist": 1}},
}

// oneRowTargets are µs a call, on a core of 3 GHz; mnist's weights come from the
// second cache on a slow machine.
var oneRowTargets = map[string][2]float64{"cancer": {0.15, 0.15}, "letter": {0.5, 0.5}, "higgs": {0.8, 0.8}, "mnist": {5, 3}}

// shareOfPeak is that of a step of wide.
var shareOfPeak = [2]float64{0.87, 0.80}

// targetTable says which targets were reached.
func (r *results) targetTable(b *strings.Builder, peak float64) {
	fast := 0
	if peak >= fastPeak {
		fast = 1
	}
	var lines []string
	line := func(name string, cell func(w string) string) {
		cells, some := "", false
		for _, w := range workload.All() {
			c := cell(w.Name)
			some = some || c != ""
			cells += " " + c + " |"
		}
		if some {
			lines = append(lines, fmt.Sprintf("| %s |%s", name, cells))
		}
	}
	mark := func(ok bool) string {
		if ok {
			return "✓"
		}
		return "not reached"
	}
	for _, t := range targets {
		line(t.name, func(w string) string {
			row := r.row(w, t.mode)
			want := t.ratios[w]
			if fast == 1 && t.onFastMachine != nil {
				want = t.onFastMachine[w]
			}
			if row == nil || want == 0 {
				return ""
			}
			best := math.Inf(1)
			for _, p := range t.peers {
				if run := row.peers[p]; run != nil && row.sameLoss(run) {
					best = min(best, run.median()/row.peers["Shoal"].median())
				}
			}
			if math.IsInf(best, 1) {
				return ""
			}
			return fmt.Sprintf("%s × of %v: %s", figure(best), want, mark(best >= want))
		})
	}
	line("one row, µs", func(w string) string {
		row, want := r.row(w, one), oneRowTargets[w][fast]
		if row == nil {
			return ""
		}
		t := row.peers["Shoal"].median()
		return fmt.Sprintf("%s, at most %v: %s", figure(t), want, mark(t <= want))
	})
	line("share of the peak", func(w string) string {
		row := r.row(w, train)
		if w != "wide" || row == nil || row.peak == 0 {
			return ""
		}
		share := row.rate() / (row.peak * float64(r.threads))
		return fmt.Sprintf("%.0f %% of %.0f: %s", 100*share, 100*shareOfPeak[fast], mark(share >= shareOfPeak[fast]))
	})
	if lines == nil || r.threads > 1 {
		return
	}
	b.WriteString("\n## What we set out to reach\n\nHow many times our time a peer's is, and at least should be; for one row, our time as measured here beside what is asked of a core of 3 GHz.\n\n|  |")
	for _, w := range workload.All() {
		fmt.Fprintf(b, " %s |", w.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(workload.All())) + "\n" + strings.Join(lines, "\n") + "\n")
}

// row is the results of a workload in a mode, or nil.
func (r *results) row(workload, mode string) *row {
	for _, row := range r.rows {
		if row.workload.Name == workload && row.mode == mode {
			return row
		}
	}
	return nil
}
