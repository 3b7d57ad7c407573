package main

import (
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// steps is how far the tests train: so far that the networks differ, or all the
// way with SHOAL_SOAK=1. The tests of notes and nn go all the way themselves.
func steps() int {
	if os.Getenv("SHOAL_SOAK") != "" {
		return 7000
	}
	return 1000
}

// The textbook and the engine give the costs that the course publishes. With 20
// units this holds through step 4,000: after it the training amplifies the last
// bit of a tanh.
func TestCostsAreThoseOfTheCourse(t *testing.T) {
	X, Y, courses, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if X.Rows() != 2 || X.Cols() != 400 || Y.Rows() != 1 || Y.Cols() != 400 {
		t.Fatalf("X is (%d, %d) and Y (%d, %d), want (2, 400) and (1, 400)", X.Rows(), X.Cols(), Y.Rows(), Y.Cols())
	}
	for i, c := range courses {
		c.shorten(steps())
		if c.Units == 20 {
			c.shorten(4000)
		}
		t.Run(fmt.Sprintf("nn %d units %d steps", c.Units, c.Steps), func(t *testing.T) {
			t.Parallel()
			_, costs, err := trainNN(c, X, Y)
			if err != nil {
				t.Fatal(err)
			}
			near(t, costs, c.Costs)
		})
		if i > 0 {
			continue
		}
		t.Run(fmt.Sprintf("notes %d units %d steps", c.Units, c.Steps), func(t *testing.T) {
			t.Parallel()
			costs, err := trainNotes(c, X, Y)
			if err != nil {
				t.Fatal(err)
			}
			near(t, costs, c.Costs)
		})
	}
}

func TestPictureHasAPanelForEachNetwork(t *testing.T) {
	name := filepath.Join(t.TempDir(), "flower.png")
	if err := run(io.Discard, name, steps()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		corner := panelCorner(i)
		seen := map[color.Color]bool{}
		for y := range side {
			for x := range side {
				seen[color.RGBAModel.Convert(img.At(corner.X+x, corner.Y+y))] = true
			}
		}
		if !seen[orange] || !seen[blue] {
			t.Errorf("panel %d doesn't show the points of both petals", i+1)
		}
	}
}

func TestTitlesHaveOnlyLettersOfTheFont(t *testing.T) {
	for units := range 100 {
		text := title(units, float64(units)/99)
		for _, r := range text {
			if _, ok := font[r]; !ok && r != ' ' {
				t.Fatalf("%q of %q isn't in the font", r, text)
			}
		}
	}
}

// near compares costs, of every 1,000th step.
func near(t *testing.T, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d costs, want %d", len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= 1e-6) {
			t.Errorf("J at step %d is %.9f, want %.9f", 1000*i, got[i], want[i])
		}
	}
}
