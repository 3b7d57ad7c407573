// Flower trains the network of the course behind the notes on the course's
// two-petal flower, once with the textbook (package notes) and once with the
// engine (package nn), and draws what 1 to 20 hidden units make of it.
//
//	go run ./examples/flower [picture.png]
package main

import (
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/notes"
)

//go:embed flower.csv
var flowerCSV string

//go:embed course.json
var courseJSON []byte

// A course is a run that the course has published: from these weights, gradient
// descent on all points at once has cost this much every 1,000 steps.
type course struct {
	Units, Steps   int
	Rate           float64
	W1, B1, W2, B2 notes.Matrix
	Costs          []float64 `json:"cost_every_1000"`
	Accuracy       float64
}

func main() {
	log.SetFlags(0)
	picture := "flower.png"
	if len(os.Args) > 1 {
		picture = os.Args[1]
	}
	if err := run(os.Stdout, picture, 7000); err != nil {
		log.Fatal(err)
	}
}

// run trains all networks, none for more steps than most, and tells of them in
// words and in a picture.
func run(out io.Writer, picture string, most int) error {
	X, Y, courses, err := read()
	if err != nil {
		return err
	}
	for i := range courses {
		courses[i].shorten(most)
	}

	c := courses[0]
	textbook, err := trainNotes(c, X, Y)
	if err != nil {
		return err
	}
	_, engine, err := trainNN(c, X, Y)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "J of %d hidden units, rate %v\n\n", c.Units, c.Rate)
	fmt.Fprintf(out, "%6s%12s%12s%12s\n", "step", "course", "notes", "nn")
	for i := range c.Costs {
		fmt.Fprintf(out, "%6d%12.6f%12.6f%12.6f\n", 1000*i, c.Costs[i], textbook[i], engine[i])
	}

	var panels []panel
	fmt.Fprintf(out, "\nafter %d steps\n\n%6s%12s%12s%12s\n", courses[1].Steps, "units", "J, course", "J, nn", "accuracy")
	for _, c := range courses[1:] {
		net, costs, err := trainNN(c, X, Y)
		if err != nil {
			return err
		}
		right, err := accuracy(net, X, Y)
		if err != nil {
			return err
		}
		last := c.Steps / 1000
		fmt.Fprintf(out, "%6d%12.6f%12.6f%10.1f %%\n", c.Units, c.Costs[last], costs[last], 100*right)
		panels = append(panels, panel{net: net, title: title(c.Units, right)})
	}
	fmt.Fprintf(out, "\nWith 20 units, from step 4,000 on, the training amplifies the last bit of a tanh:\nno two programs agree on J.\n")

	img, err := draw(panels, X, Y)
	if err != nil {
		return err
	}
	f, err := os.Create(picture)
	if err != nil {
		return err
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", picture, err)
	}
	_, err = fmt.Fprintf(out, "\n%s shows what each network makes of the plane.\n", picture)
	return err
}

// shorten takes the steps beyond most off a run. Costs has every 1,000th.
func (c *course) shorten(most int) {
	c.Steps = min(c.Steps, most)
	c.Costs = c.Costs[:c.Steps/1000+1]
}

// trainNotes trains with the textbook, and gives J every 1,000 steps.
func trainNotes(c course, X, Y notes.Matrix) ([]float64, error) {
	net := notes.Network{
		Hidden: notes.Tanh, Output: notes.SigmoidOutput,
		W1: c.W1, B1: c.B1, W2: c.W2, B2: c.B2,
	}
	var costs []float64
	for step := range c.Steps + 1 {
		J, err := net.Step(X, Y, c.Rate)
		if err != nil {
			return nil, err
		}
		if step%1000 == 0 {
			costs = append(costs, J)
		}
	}
	return costs, nil
}

// trainNN trains with the engine, in float64, and gives J every 1,000 steps.
func trainNN(c course, X, Y notes.Matrix) (*nn.NetworkOf[float64], []float64, error) {
	net := nn.NewOf[float64](2, nn.Dense(c.Units, nn.Tanh), nn.Dense(1, nn.Sigmoid))
	if err := net.SetParameters(0, nn.FromRows(c.W1), notes.T(c.B1)[0]); err != nil {
		return nil, nil, err
	}
	if err := net.SetParameters(1, nn.FromRows(c.W2), notes.T(c.B2)[0]); err != nil {
		return nil, nil, err
	}
	x, y := nn.FromRows(X), nn.FromRows(Y)
	step := net.Trainer(nn.CrossEntropy, &nn.GradientDescent{Rate: c.Rate})
	defer step.Close()

	var costs []float64
	for i := range c.Steps {
		J := step.On(x, y)
		if i%1000 == 0 {
			costs = append(costs, J)
		}
	}
	J, err := step.Cost(x, y, nil)
	return net, append(costs, J), err
}

// accuracy is the share of points whose petal the network tells.
func accuracy(net *nn.NetworkOf[float64], X, Y notes.Matrix) (float64, error) {
	a, err := net.Predict(nn.FromRows(X))
	if err != nil {
		return 0, err
	}
	right := 0
	for j, p := range a.Row(0) {
		if (p > 0.5) == (Y[0][j] == 1) {
			right++
		}
	}
	return float64(right) / float64(a.Cols), nil
}

// read gives X (2, 400), a point a column, Y (1, 400), its petal, 0 or 1, and the
// course's runs: one of four units for 7,000 steps, then one of each size.
func read() (X, Y notes.Matrix, courses []course, err error) {
	records, err := csv.NewReader(strings.NewReader(flowerCSV)).ReadAll()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("flower.csv: %w", err)
	}
	var rows notes.Matrix
	for i, record := range records[1:] {
		row := make([]float64, len(record))
		for j, cell := range record {
			if row[j], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, nil, nil, fmt.Errorf("flower.csv:%d: %w", i+2, err)
			}
		}
		rows = append(rows, row)
	}
	if err := json.Unmarshal(courseJSON, &courses); err != nil {
		return nil, nil, nil, fmt.Errorf("course.json: %w", err)
	}
	columns := notes.T(rows)
	return columns[:2], columns[2:], courses, nil
}
