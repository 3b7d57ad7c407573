package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shoal-nn/shoal/internal/workload"
)

// benchCall is a call of shoal bench.
type benchCall struct {
	workloads []workload.Workload
	threads   int
	json      bool
}

func benchCommand() *cobra.Command {
	c := &benchCall{threads: 1}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Time the engine on nets of known size",
		Long: `Time training steps (forward, backward and update) on nets of known size, beside
the rate of fused multiply-adds that this processor reaches on registers alone,
measured in the same run. GFLOP/s are those of the matrix products alone, and
their share is of that rate times the threads. A time is the median of at least
eleven passes; the loss is that of all rows after a fixed number of steps, for
comparing with other programs. The data are made up; flower is trained by
gradient descent, the others by Adam. SHOAL_SIMD=generic times the plain
kernels.`,
		Example: `  shoal bench
  shoal bench --workload letter,mnist --threads 2 --json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.OutOrStdout()) },
	}
	f := &flags{cmd: cmd, group: "Flags"}
	names := namesOf(workload.All(), func(w workload.Workload) string { return w.Name })
	f.choice("workload", "`nets` to time, a,b (default all)", names, func(text string) (err error) {
		c.workloads, err = named(text, workload.Named)
		return err
	})
	f.whole(&c.threads, "threads", 1, fmt.Sprintf("`number` of goroutines at most (default 1; here are %d processors)", runtime.GOMAXPROCS(0)))
	f.bool(&c.json, "json", "print one JSON object a net, each on a line")
	return cmd
}

func (c *benchCall) run(w io.Writer) error {
	if c.workloads == nil {
		c.workloads = workload.All()
	}
	level, err := workload.Level()
	if err != nil {
		return err
	}
	peak := workload.Peak()
	rows := [][]string{{"net", "", "rows a step", "µs a step", "GFLOP/s", "of peak", "loss"}}
	for _, load := range c.workloads {
		r, err := load.Run(c.threads, peak)
		if err != nil {
			return err
		}
		if c.json {
			if err := printJSON(w, r); err != nil {
				return err
			}
			continue
		}
		share := "·"
		if peak > 0 {
			share = fmt.Sprintf("%.0f %%", 100*r.PeakShare)
		}
		rows = append(rows, []string{load.Name, load.Net(), count(load.Batch), fmt.Sprintf("%.1f", r.USPerStep), fmt.Sprintf("%.2f", r.GFLOPS), share, fmt.Sprintf("%.4f", r.Loss)})
	}
	if c.json {
		return nil
	}
	var s sheet
	at := "unknown"
	if peak > 0 {
		at = fmt.Sprintf("%.1f GFLOP/s a core on registers", peak/1e9)
	}
	s.fact("processor", fmt.Sprintf("%s kernels; %s; peak: %s", level, plural(c.threads, "thread"), at))
	s.linef("")
	s.grid(rows, 2)
	_, err = io.WriteString(w, strings.TrimRight(s.String(), "\n")+"\n")
	return err
}
