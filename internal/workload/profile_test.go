package workload_test

import (
	"testing"

	"github.com/shoal-nn/shoal/internal/workload"
)

// BenchmarkStep is a step of each net, for profiles:
//
//	go test ./internal/workload -run - -bench Step/flower -cpuprofile cpu.prof
func BenchmarkStep(b *testing.B) {
	for _, w := range workload.All() {
		b.Run(w.Name, func(b *testing.B) {
			batches := w.Batches()
			batches = batches[:w.Rows/w.Batch]
			t := w.Trainer(1)
			defer t.Close()
			i := 0
			for b.Loop() {
				t.On(batches[i%len(batches)].X, batches[i%len(batches)].Y)
				i++
			}
			b.ReportMetric(w.Flops(w.Batch)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
