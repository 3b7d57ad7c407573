package main

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shoal-nn/shoal/train"
)

// On a terminal there is one line, drawn again and again, and gone at the end.
func TestProgressOnATerminalIsOneLine(t *testing.T) {
	var out strings.Builder
	var clock time.Time
	p := &progress{to: &out, terminal: true, width: 60, now: func() time.Time { return clock }, start: clock}
	const epochs = 200
	p.event(train.Event{Kind: train.Start, Epochs: epochs})
	for i := range epochs {
		clock = clock.Add(10 * time.Millisecond)
		p.event(train.Event{Kind: train.EpochEnd, Epochs: epochs, Epoch: train.Epoch{
			Epoch: i + 1, TrainLoss: 1 / float64(i+1), ValidLoss: 2 / float64(i+1), Best: true,
		}})
	}
	p.end()

	if strings.Contains(out.String(), "\n") {
		t.Errorf("there is a line feed in %q", out.String())
	}
	drawn := strings.Split(out.String(), "\r")
	if n := len(drawn); n > epochs/5+4 {
		t.Errorf("it was drawn %d times in 2 seconds", n)
	}
	for _, line := range drawn {
		if n := utf8.RuneCountInString(line); n >= p.width {
			t.Errorf("a line of %d columns on a terminal of %d: %q", n, p.width, line)
		}
	}
	if half := drawn[len(drawn)/2]; !strings.HasPrefix(half, "███") || !strings.Contains(half, "░  epoch ") {
		t.Errorf("half-way the line is %q", half)
	}
	if last := drawn[len(drawn)-2]; strings.TrimSpace(last) != "" {
		t.Errorf("at the end there stands %q", last)
	}
}

// The model comes first, then the folds' models; the bar never goes back, and is
// full at the end.
func TestProgressCountsFolds(t *testing.T) {
	const folds = 3
	p := &progress{to: io.Discard, folds: folds, now: time.Now}
	last := 0.0
	for fold := range folds + 1 {
		if fold > 0 {
			p.event(train.Event{Kind: train.FoldStart, Fold: fold, Folds: folds})
		}
		for epoch := 1; epoch <= 5; epoch++ {
			done := p.done(train.Event{Kind: train.EpochEnd, Epochs: 5, Epoch: train.Epoch{Epoch: epoch}})
			if done <= last || done > 1 {
				t.Fatalf("fold %d, epoch %d: %v after %v", fold, epoch, done, last)
			}
			last = done
		}
	}
	if last != 1 {
		t.Errorf("at the end %v is done", last)
	}
}
