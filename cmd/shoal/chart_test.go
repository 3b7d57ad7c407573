package main

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shoal-nn/shoal/train"
)

func TestLossChartFitsItsPlace(t *testing.T) {
	for _, n := range []int{2, 3, 30, 49, 50, 99, 100, 101, 5000} {
		for name, loss := range map[string]func(i int) float64{
			"falling":  func(i int) float64 { return math.Exp(-float64(i) / 10) },
			"constant": func(int) float64 { return 0.5 },
			"zero":     func(int) float64 { return 0 },
			"negative": func(i int) float64 { return -float64(i) }, // a Poisson loss may be
			"huge":     func(i int) float64 { return 1e300 * float64(i) },
		} {
			var history []train.Epoch
			for i := range n {
				history = append(history, train.Epoch{Epoch: i + 1, TrainLoss: loss(i), ValidLoss: loss(i) * 1.1})
			}
			chart := lossChart(history)
			lines := strings.Split(strings.TrimSuffix(chart, "\n"), "\n")
			if len(lines) != chartHeight+3 {
				t.Errorf("%s, %d epochs: %d lines", name, n, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > 64 {
					t.Errorf("%s, %d epochs: %q is too wide", name, n, line)
				}
			}
		}
	}
	if got := lossChart([]train.Epoch{{Epoch: 1, TrainLoss: 1}}); got != "" {
		t.Errorf("a chart of one epoch: %s", got)
	}
}

func TestLossChartFalls(t *testing.T) {
	var history []train.Epoch
	for i := range 20 {
		history = append(history, train.Epoch{Epoch: i + 1, TrainLoss: 30 - float64(i), ValidLoss: 31})
	}
	want := `
loss: ⠤⠤ training  ○ validation
31.00 ┤○⠤○⣀○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○ ○
      ┤   ⠈⠉⠓⠒⠦⢤⣀⣀
      ┤          ⠈⠉⠓⠲⠤⢤⣀⡀
      ┤                 ⠉⠙⠒⠲⠤⣄⣀
21.00 ┤                       ⠈⠉⠙⠒⠦⢤⣀⣀
      ┤                              ⠈⠉⠓⠒⠦⢤⣀⡀
      ┤                                     ⠉⠉⠓⠲⠤⣄⣀⡀
11.00 ┤                                            ⠉⠙⠒⠦⠤⣄
      └──────────────────────────────────────────────────
       1                                         epoch 20
`[1:]
	if got := lossChart(history); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
