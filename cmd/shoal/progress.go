package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/shoal-nn/shoal/train"
)

// progress shows how far a training is: on a terminal one line that is drawn
// again and again, elsewhere a line now and then.
type progress struct {
	to       io.Writer
	terminal bool
	width    int // columns of the terminal
	now      func() time.Time

	start  time.Time
	drawn  time.Time // when the line was drawn last
	length int       // characters of the line that stands there
	told   int       // of the lines that are told now and then
	fold   int       // at work; 0 while the model itself is
	folds  int       // models that each leave rows out, as far as is known
}

const (
	epochLines = 12 // at most, of the model's training away from a terminal
	foldLines  = 10 // at most, of those that leave rows out
	wordsWidth = 68 // what the words beside the bar take at most, but for very long counts
	redraw     = 50 * time.Millisecond
)

// newProgress returns the progress of a training with so many folds.
func newProgress(to io.Writer, folds int) *progress {
	p := &progress{to: to, now: time.Now, folds: folds}
	if f, ok := to.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.width = true, 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			p.width = w
		}
	}
	p.start = p.now()
	return p
}

func (p *progress) event(e train.Event) {
	switch {
	case e.Kind == train.FoldStart:
		p.fold, p.folds = e.Fold, e.Folds
	case e.Kind == train.EpochEnd && p.terminal:
		if now := p.now(); now.Sub(p.drawn) >= redraw {
			p.drawn = now
			p.draw(p.line(e))
		}
	case e.Kind == train.EpochEnd && p.fold == 0:
		if step := e.Epoch.Epoch * epochLines / e.Epochs; step > p.told || e.Epoch.Epoch == 1 {
			p.told = step
			fmt.Fprintln(p.to, p.words(e))
		}
	case e.Kind == train.FoldEnd && !p.terminal:
		if step := e.Fold * foldLines / e.Folds; step > (e.Fold-1)*foldLines/e.Folds {
			fmt.Fprintf(p.to, "fold %d/%d%s\n", e.Fold, e.Folds, scoresLine(e.Scores))
		}
	}
}

// scoresLine writes the first two metrics that there are.
func scoresLine(s train.Scores) string {
	text, n := "", 0
	for _, m := range train.Metrics() {
		if x, ok := s[m.Name]; ok && n < 2 {
			text += fmt.Sprintf("  %s %s", m.Name, scoreFigure(m, x))
			n++
		}
	}
	return text
}

// done is the share of the whole that is done: the model is trained first, then
// one for each fold.
func (p *progress) done(e train.Event) float64 {
	return (float64(p.fold) + float64(e.Epoch.Epoch)/float64(e.Epochs)) / float64(1+p.folds)
}

// line is the bar and the words.
func (p *progress) line(e train.Event) string {
	width := min(max(8, p.width-1-wordsWidth), 20)
	eighths := int(p.done(e) * float64(8*width))
	bar := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[eighths%8-1])
	}
	bar += strings.Repeat("░", width-utf8.RuneCountInString(bar))
	return bar + "  " + p.words(e)
}

func (p *progress) words(e train.Event) string {
	var b strings.Builder
	if p.fold > 0 {
		fmt.Fprintf(&b, "fold %d/%d  ", p.fold, p.folds)
	}
	fmt.Fprintf(&b, "epoch %d/%d  loss %s", e.Epoch.Epoch, e.Epochs, figure(e.Epoch.TrainLoss))
	if e.Epoch.ValidLoss != 0 {
		fmt.Fprintf(&b, "  valid. %s", figure(e.Epoch.ValidLoss))
	}
	if done := p.done(e); done < 1 {
		left := time.Duration(float64(p.now().Sub(p.start)) * (1 - done) / done)
		fmt.Fprintf(&b, "  ≤ %s left", clock(left))
	}
	return b.String()
}

// draw puts a line in the place of the last one.
func (p *progress) draw(line string) {
	if r := []rune(line); len(r) >= p.width {
		line = string(r[:p.width-1]) // a full line would wrap
	}
	n := utf8.RuneCountInString(line)
	fmt.Fprintf(p.to, "\r%s%s", line, strings.Repeat(" ", max(0, p.length-n)))
	p.length = n
}

// end takes the line away.
func (p *progress) end() {
	if p.length > 0 {
		p.length = p.width - 1 // with what a terminal shows of Ctrl-C
		p.draw("")
		fmt.Fprint(p.to, "\r")
		p.length = 0
	}
}

// clock writes a duration as a person would.
func clock(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
