package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/shoal-nn/shoal/internal/workload"
	"github.com/shoal-nn/shoal/nn"
)

// A curve is how the time of a step grows with one size of a net.
type curve struct {
	title, size string
	sizes       []int
	net         func(size int) (w workload.Workload, threads int)

	micros, least []float64 // a step; and its arithmetic at the peak of as many cores
}

// curves start from 28 → 300 ReLU → 1 with 1,024 rows a step, on one thread.
func curves() []*curve {
	net := func(hidden, rows int) workload.Workload {
		return workload.Workload{
			Inputs: 28, Layers: []nn.Layer{nn.Dense(hidden, nn.ReLU), nn.Dense(1, nn.Sigmoid)}, Rows: rows, Batch: rows,
			Optimizer: func() nn.Optimizer { return &nn.Adam{Rate: 1e-3} },
		}
	}
	powers := func(first, last int) []int {
		var all []int
		for n := first; n <= last; n *= 2 {
			all = append(all, n)
		}
		return all
	}
	wide, _ := workload.Named("wide")
	threads := powers(1, runtime.NumCPU())
	if last := runtime.NumCPU(); !slices.Contains(threads, last) {
		threads = append(threads, last)
	}
	all := []*curve{
		{title: "28 → 300 → 1", size: "rows a step", sizes: powers(16, 16384), net: func(n int) (workload.Workload, int) { return net(300, n), 1 }},
		{title: "28 → hidden → 1, 1,024 rows", size: "hidden units", sizes: powers(4, 4096), net: func(n int) (workload.Workload, int) { return net(n, 1024), 1 }},
		{title: "wide: 784 → 1,024 → 10, 512 rows", size: "threads", sizes: threads, net: func(n int) (workload.Workload, int) { return wide, n }},
	}
	for _, c := range all {
		c.micros, c.least = slices.Repeat([]float64{math.Inf(1)}, len(c.sizes)), make([]float64, len(c.sizes))
	}
	return all
}

// scaling measures the curves and draws them side by side.
func scaling(path string) error {
	all, peak := curves(), 0.0
	for turn := range 3 { // the best of three, so that one bad moment shows nowhere
		for _, c := range all {
			fmt.Fprintf(os.Stderr, "%s, turn %d\n", c.size, turn+1)
			peak = max(peak, workload.Peak())
			if err := c.measure(); err != nil {
				return fmt.Errorf("%s: %w", c.title, err)
			}
		}
	}
	for _, c := range all {
		for i, size := range c.sizes {
			w, threads := c.net(size)
			c.least[i] = w.Flops(w.Batch) / (peak * float64(threads)) * 1e6
		}
	}
	return drawCurves(path, all)
}

// measure keeps the best time of each size.
func (c *curve) measure() error {
	for i, size := range c.sizes {
		w, threads := c.net(size)
		micros, err := stepTime(&w, threads)
		if err != nil {
			return err
		}
		c.micros[i] = min(c.micros[i], micros)
	}
	return nil
}

// stepTime is the median over passes of some milliseconds.
func stepTime(w *workload.Workload, threads int) (float64, error) {
	batches := w.Batches()
	t := w.Trainer(threads)
	defer t.Close()
	steps := 1
	pass := func() time.Duration {
		start := time.Now()
		for i := range steps {
			b := &batches[i%len(batches)]
			t.On(b.X, b.Y)
		}
		return time.Since(start)
	}
	for pass() < 10*time.Millisecond {
		steps *= 2
	}
	var times []float64
	for range 9 {
		times = append(times, float64(pass().Nanoseconds())/1e3/float64(steps))
	}
	slices.Sort(times)
	return times[len(times)/2], t.Err()
}

func drawCurves(path string, all []*curve) error {
	ink, pale := color.RGBA{0x0b, 0x5c, 0x8a, 255}, color.RGBA{0x99, 0x99, 0x99, 255}
	plots := make([]*plot.Plot, len(all))
	for i, c := range all {
		p := plot.New()
		p.Title.Text, p.X.Label.Text = c.title, c.size
		if i == 0 {
			p.Y.Label.Text = "µs a step"
		}
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = sizesAsTicks(c.sizes), timeTicks{}
		p.Add(plotter.NewGrid())
		line, points, err := plotter.NewLinePoints(pairs(c.sizes, c.micros))
		if err != nil {
			return err
		}
		line.Color, line.Width, points.Color, points.Shape = ink, vg.Points(2), ink, draw.CircleGlyph{}
		floor, err := plotter.NewLine(pairs(c.sizes, c.least))
		if err != nil {
			return err
		}
		floor.Color, floor.Dashes = pale, []vg.Length{vg.Points(4), vg.Points(3)}
		p.Add(floor, line, points)
		if i == 0 {
			p.Legend.Add("Shoal", line, points)
			p.Legend.Add("its arithmetic at the peak", floor)
			p.Legend.Top, p.Legend.Left = true, true
		}
		plots[i] = p
	}
	canvas := vgsvg.New(vg.Points(340*float64(len(all))), vg.Points(320))
	tiles := draw.Tiles{Rows: 1, Cols: len(all), PadX: vg.Points(18), PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12)}
	canvases := plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))
	for i, p := range plots {
		p.Draw(canvases[0][i])
	}
	var text strings.Builder
	if _, err := canvas.WriteTo(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(path), []byte(text.String()), 0o644)
}

func pairs(sizes []int, values []float64) plotter.XYs {
	var xy plotter.XYs
	for i, v := range values {
		xy = append(xy, plotter.XY{X: float64(sizes[i]), Y: v})
	}
	return xy
}

// timeTicks stand at 1, 2 and 5 of each power of ten, or at the powers alone where
// there are many.
type timeTicks struct{}

func (timeTicks) Ticks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	digits := []float64{1, 2, 5}
	few := most/least < 30
	if most/least < 4 {
		digits = []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}
	}
	for power := math.Pow(10, math.Floor(math.Log10(least))); power <= most; power *= 10 {
		for _, n := range digits {
			if v := n * power; v >= least && v <= most {
				t := plot.Tick{Value: v}
				if few || n == 1 {
					t.Label = fmt.Sprint(v)
				}
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

// sizesAsTicks labels every other size, or all of a few.
func sizesAsTicks(sizes []int) plot.ConstantTicks {
	var ticks []plot.Tick
	for i, n := range sizes {
		t := plot.Tick{Value: float64(n)}
		if len(sizes) < 7 || i%2 == 0 {
			t.Label = fmt.Sprint(n)
		}
		ticks = append(ticks, t)
	}
	return ticks
}
