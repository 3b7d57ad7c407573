package main

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/shoal-nn/shoal/train"
)

// Size of the loss curve in characters; a character has 2 × 4 dots of Braille.
const (
	chartWidth  = 50
	chartHeight = 8
)

// lossChart draws the training loss as a line of dots and the validation loss
// as circles, over the epochs. It has at most 62 columns and chartHeight + 2
// lines; "" if there is nothing to draw.
func lossChart(history []train.Epoch) string {
	if len(history) < 2 {
		return ""
	}
	training, validation := make([]float64, len(history)), make([]float64, len(history))
	validated := false
	for i, e := range history {
		training[i], validation[i] = e.TrainLoss, e.ValidLoss
		validated = validated || e.ValidLoss != 0
	}
	line := resample(training, 2*chartWidth)
	low, high := widen(line, math.Inf(1), math.Inf(-1))
	var circles []float64
	if validated {
		circles = resample(validation, chartWidth)
		low, high = widen(circles, low, high)
	}
	// A loss that falls to a tenth is seen better by its logarithm.
	log := low > 0 && high > 10*low
	y := func(v float64) float64 { // 0 at the bottom … 1 at the top
		switch {
		case high == low:
			return 0.5
		case log:
			return math.Log(v/low) / math.Log(high/low)
		}
		return (v - low) / (high - low)
	}
	middle := (low + high) / 2
	if log {
		middle = math.Sqrt(low) * math.Sqrt(high)
	}

	const dots = 4 * chartHeight
	var cells [chartHeight][chartWidth]rune
	dot := func(v float64) int { return dots - 1 - int(math.Round(y(v)*(dots-1))) } // 0 is the top
	last := dot(line[0])
	for x, v := range line {
		at := dot(v)
		for d := min(at, last); d <= max(at, last); d++ {
			cells[d/4][x/2] |= braille[d%4][x%2]
		}
		last = at
	}
	for x, v := range circles {
		if x%2 == 0 {
			cells[dot(v)/4][x] = '○' - blank
		}
	}

	labels := map[int]string{0: figure(high), chartHeight / 2: figure(middle), chartHeight - 1: figure(low)}
	margin := 0
	for _, l := range labels {
		margin = max(margin, utf8.RuneCountInString(l))
	}
	var s sheet
	for i, row := range cells {
		text := make([]rune, chartWidth)
		for j, c := range row {
			if text[j] = blank + c; c == 0 {
				text[j] = ' '
			}
		}
		s.linef("%s", strings.TrimRight(strings.Repeat(" ", margin-utf8.RuneCountInString(labels[i]))+labels[i]+" ┤"+string(text), " "))
	}
	s.linef("%*s └%s", margin, "", strings.Repeat("─", chartWidth))
	from, to := count(history[0].Epoch), "epoch "+count(history[len(history)-1].Epoch)
	s.linef("%*s  %s%*s", margin, "", from, chartWidth-len(from), to)
	legend := "loss: ⠤⠤ training"
	if validated {
		legend += "  ○ validation"
	}
	if log {
		legend += "  (logarithmic)"
	}
	return legend + "\n" + s.String()
}

// blank is the Braille character without dots; braille[row][column] are the
// bits of its dots.
const blank = '\u2800'

var braille = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// resample makes n values of some: means of neighbours where there are more
// than n, points on the lines between them where there are fewer.
func resample(values []float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		if len(values) >= n {
			from, to := i*len(values)/n, (i+1)*len(values)/n
			for _, v := range values[from:to] {
				out[i] += v / float64(to-from)
			}
			continue
		}
		at := float64(i) / float64(n-1) * float64(len(values)-1)
		k := min(int(at), len(values)-2)
		out[i] = values[k] + (at-float64(k))*(values[k+1]-values[k])
	}
	return out
}

// widen moves low and high apart until they hold the values.
func widen(values []float64, low, high float64) (float64, float64) {
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
