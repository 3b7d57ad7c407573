package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"

	"github.com/shoal-nn/shoal/internal/workload"
)

// row is a workload in a mode, and how long each peer took.
type row struct {
	workload *workload.Workload
	mode     string
	peers    map[string]*running
	failed   map[string]string
	peak     float64 // operations a second of one core, the best that was measured
}

type results struct {
	machine          string
	threads, repeats int
	peers            []peer
	rows             []*row
}

// thisMachine names the processor.
func thisMachine() string {
	name := "unknown processor"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d processors, %s/%s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

// sameLoss is how near two losses must be for their times to be compared.
const sameLoss = 1e-3

func (r *row) sameLoss(p *running) bool {
	want := r.peers["Shoal"].ready.Loss
	return r.mode != train || math.Abs(p.ready.Loss-want) <= sameLoss*want
}

// markdown writes everything.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Shoal beside its peers\n\nWritten by `make bench`; [README.md](README.md) says how it is measured.\n\n")
	peak := 0.0
	for _, row := range r.rows {
		peak = max(peak, row.peak)
	}
	fmt.Fprintf(&b, "- machine: %s; peak: %.1f GFLOP/s a core, measured\n- %d thread(s), medians of %d turns\n", r.machine, peak/1e9, r.threads, r.repeats)
	for i := range r.peers {
		r.version(&b, &r.peers[i])
	}
	for _, mode := range []string{train, one, many} {
		var rows []*row
		for _, row := range r.rows {
			if row.mode == mode {
				rows = append(rows, row)
			}
		}
		if rows != nil {
			r.table(&b, mode, rows)
		}
	}
	r.targetTable(&b, peak)
	return b.String()
}

func (r *results) version(b *strings.Builder, p *peer) {
	compile := 0.0
	version := ""
	for _, row := range r.rows {
		if run := row.peers[p.name]; run != nil {
			version, compile = run.ready.Version, max(compile, run.ready.Compile)
		}
	}
	if version == "" {
		return
	}
	fmt.Fprintf(b, "- %s: %s", p.name, version)
	if compile > 0 {
		fmt.Fprintf(b, "; compiling takes up to %.1f s, which is not counted", compile)
	}
	b.WriteString("\n")
}

var headings = map[string]string{
	train: "Training, µs a step",
	one:   "One row, µs a call",
	many:  "10,000 rows, ns a row",
}

func (r *results) table(b *strings.Builder, mode string, rows []*row) {
	fmt.Fprintf(b, "\n## %s\n\n|  |", headings[mode])
	for _, row := range rows {
		fmt.Fprintf(b, " %s |", row.workload.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	line := func(name string, cell func(row *row) string) {
		cells, some := "", false
		for _, row := range rows {
			c := cell(row)
			some = some || c != ""
			cells += " " + c + " |"
		}
		if some {
			fmt.Fprintf(b, "| %s |%s\n", name, cells)
		}
	}
	for _, p := range r.peers {
		line(p.name, func(row *row) string { return row.cell(p.name) })
	}
	if mode == one {
		line("allocations of Shoal", func(row *row) string { return fmt.Sprintf("%.0f", row.peers["Shoal"].ready.Allocs) })
	}
	if mode != train {
		return
	}
	line("GFLOP/s of Shoal", func(row *row) string { return fmt.Sprintf("%.1f", row.rate()/1e9) })
	line("share of the peak", func(row *row) string {
		if row.peak == 0 {
			return "–"
		}
		return fmt.Sprintf("%.0f %%", 100*row.rate()/(row.peak*float64(r.threads)))
	})
	b.WriteString("\nLoss of all rows after the same steps from the same weights:\n\n|  |")
	for _, row := range rows {
		fmt.Fprintf(b, " %s, %d |", row.workload.Name, row.workload.Steps)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	for _, p := range r.peers {
		line(p.name, func(row *row) string {
			if run := row.peers[p.name]; run != nil {
				return fmt.Sprintf("%.6f", run.ready.Loss)
			}
			return ""
		})
	}
}

// cell is a time, and for others its ratio to ours.
func (r *row) cell(name string) string {
	run := r.peers[name]
	switch {
	case run == nil:
		return r.failed[name]
	case !r.sameLoss(run):
		return fmt.Sprintf("loss %.4f, not ours", run.ready.Loss)
	}
	t := run.median()
	if r.mode == many {
		t *= 1e3 / manyRows
	}
	text := figure(t)
	if name != "Shoal" {
		text += fmt.Sprintf(" (%.2f ×)", run.median()/r.peers["Shoal"].median())
	}
	return text
}

// rate is Shoal's, in floating-point operations of the products a second.
func (r *row) rate() float64 {
	return r.workload.Flops(r.workload.Batch) / r.peers["Shoal"].median() * 1e6
}

// figure writes three digits.
func figure(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}
