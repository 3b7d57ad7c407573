package explain

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/shoal-nn/shoal/nn"
)

// Linearity is the same network trained with linear and with tanh hidden
// units: on four clouds of which opposite ones belong together, and on a
// parabola.
type Linearity struct {
	Seed      uint64   `json:"seed"`
	Steps     int      `json:"steps"`
	Linear    Trained  `json:"linear"`
	Tanh      Trained  `json:"tanh"`
	Collapsed Collapse `json:"collapsed"` // what the linear one comes to
	Parabola  struct {
		Linear float64 `json:"linear_cost"`
		Tanh   float64 `json:"tanh_cost"`
	} `json:"parabola"`

	clouds, classes Matrix   // X and Y of the classification
	line, bend      *Network // trained on it: linear, tanh
	straight, bowl  *Network // trained on the parabola: linear, tanh
}

// Trained is how well a network did on the rows that it was trained on.
type Trained struct {
	Network  string  `json:"network"`
	Cost     float64 `json:"cost"`
	Accuracy float64 `json:"accuracy"`
}

// Collapse is W′ and b′ with W2·(W1·x + b1) + b2 = W′·x + b′.
type Collapse struct {
	W     [][]float64 `json:"W"`     // W2·W1, (n2, nx)
	B     [][]float64 `json:"b"`     // W2·b1 + b2, (n2, 1)
	Apart float64     `json:"apart"` // the largest |Z2 − (W′·x + b′)| over the rows
}

// linearitySteps are enough for both networks to come to rest.
const linearitySteps = 3000

// ShowLinearity trains the networks from the same first weights. Notes, part 2.
func ShowLinearity(seed uint64) (*Linearity, error) {
	r := &Linearity{Seed: seed, Steps: linearitySteps}
	r.clouds, r.classes = fourClouds()
	const units = 4
	var err error
	train := func(g, output nn.Activation, loss nn.Loss, x, y Matrix, rate float64) (n *Network, cost float64) {
		if err != nil {
			return nil, 0
		}
		n = nn.NewOf[float64](x.Rows, nn.Dense(units, g), nn.Dense(1, output))
		n.Init(nn.Normal(0.5), seed)
		cost, err = descend(n, loss, x, y, rate, linearitySteps)
		return n, cost
	}
	var linearCost, tanhCost float64
	r.line, linearCost = train(nn.Linear, nn.Sigmoid, nn.CrossEntropy, r.clouds, r.classes, 0.5)
	r.bend, tanhCost = train(nn.Tanh, nn.Sigmoid, nn.CrossEntropy, r.clouds, r.classes, 0.5)
	x, y := parabola()
	r.straight, r.Parabola.Linear = train(nn.Linear, nn.Linear, nn.HalfSquared, x, y, 0.1)
	r.bowl, r.Parabola.Tanh = train(nn.Tanh, nn.Linear, nn.HalfSquared, x, y, 0.1)
	if err != nil {
		return nil, err
	}
	for _, side := range []struct {
		to   *Trained
		net  *Network
		cost float64
	}{{&r.Linear, r.line, linearCost}, {&r.Tanh, r.bend, tanhCost}} {
		right, err := accuracy(side.net, r.clouds, r.classes)
		if err != nil {
			return nil, err
		}
		*side.to = Trained{network(side.net), side.cost, right}
	}
	return r, r.collapse()
}

// descend trains a network with gradient descent on all examples at a time, and
// returns the last cost.
func descend(n *Network, loss nn.Loss, x, y Matrix, rate float64, steps int) (cost float64, err error) {
	t := n.Trainer(loss, &nn.GradientDescent{Rate: rate})
	t.Threads = 1
	defer t.Close()
	for range steps {
		t.On(x, y)
	}
	if err := t.Err(); err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	cost, err = t.Cost(x, y, nil)
	if err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	return cost, nil
}

func accuracy(n *Network, x, y Matrix) (float64, error) {
	a, err := n.Predict(x)
	if err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	right := 0
	for j, v := range a.Row(0) {
		if (v > 0.5) == (y.At(0, j) > 0.5) {
			right++
		}
	}
	return float64(right) / float64(x.Cols), nil
}

// fourClouds are 40 points around the corners of a square; opposite corners
// have the same class: X (2, 40), Y (1, 40).
func fourClouds() (x, y Matrix) {
	const points = 40
	x, y = nn.NewMatrix[float64](2, points), nn.NewMatrix[float64](1, points)
	for j := range points {
		// Multiples of irrational numbers, modulo 1, lie evenly (Weyl, 1916).
		k := float64(j/4 + 7*(j%4))
		u, v := fraction(k*0.7548776662466927), fraction(k*0.5698402909980532)
		right, up := float64(j%2), float64(j/2%2)
		x.Set(0, j, 2*right-1+1.4*(u-0.5))
		x.Set(1, j, 2*up-1+1.4*(v-0.5))
		if right != up {
			y.Set(0, j, 1)
		}
	}
	return x, y
}

func fraction(x float64) float64 { return x - math.Floor(x) }

// parabola is y = x² at 21 points, −1 ≤ x ≤ 1.
func parabola() (x, y Matrix) {
	const points = 21
	x, y = nn.NewMatrix[float64](1, points), nn.NewMatrix[float64](1, points)
	for j := range points {
		v := float64(j)/10 - 1
		x.Set(0, j, v)
		y.Set(0, j, v*v)
	}
	return x, y
}

// collapse computes W′ and b′ of the linear network, and compares answers.
func (r *Linearity) collapse() error {
	first, second := r.line.Layers[0], r.line.Layers[1]
	w := product(second.W, first.W)
	b := product(second.W, columnOf(first.B))
	for i := range b.Data {
		b.Data[i] += second.B[i]
	}
	p := nn.PredictorOf[float64]{Net: r.line, Logits: true}
	z, err := p.Predict(r.clouds)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	collapsed := product(w, r.clouds)
	for i := range z.Rows {
		for j, v := range z.Row(i) {
			r.Collapsed.Apart = max(r.Collapsed.Apart, math.Abs(v-(collapsed.At(i, j)+b.Data[i])))
		}
	}
	r.Collapsed.W, r.Collapsed.B = w.RowSlices(), b.RowSlices()
	return nil
}

// WriteText writes the experiment.
func (r *Linearity) WriteText(w io.Writer, width int) error {
	p := newPage(width)
	p.title("Why hidden layers need a non-linear function")
	p.paragraph(0, fmt.Sprintf("The same network from the same first weights (seed %d), %d steps of gradient descent each; only the hidden units' function differs.", r.Seed, r.Steps))

	p.title("Four clouds, opposite ones alike")
	cells := [][]string{{"network", "cost", "right"}}
	for _, t := range []Trained{r.Linear, r.Tanh} {
		cells = append(cells, []string{t.Network, fmt.Sprintf("%.4f", t.Cost), fmt.Sprintf("%.0f %%", 100*t.Accuracy)})
	}
	p.table(0, cells)
	p.line("")
	line, bend := r.picture(r.line), r.picture(r.bend)
	p.line("%s%s", pad("linear units", mapCols+4), "tanh units")
	for i := range line {
		p.line("%s    %s", line[i], bend[i])
	}
	p.line("o and x: the two classes; shaded: where the network answers x")

	p.title("What the linear layers come to")
	p.line("Z2 = W2·(W1·x + b1) + b2 = (W2·W1)·x + (W2·b1 + b2) = W′·x + b′")
	p.line("")
	p.matrix(2, "W′ = W2·W1", nn.FromRows(r.Collapsed.W))
	p.matrix(2, "b′ = W2·b1 + b2", nn.FromRows(r.Collapsed.B))
	p.line("")
	p.paragraph(0, fmt.Sprintf("Over all points Z2 and W′·x + b′ are at most %s apart: the hidden layer adds nothing, however many units it has. The network can draw one straight line, and no straight line parts these clouds.", small(r.Collapsed.Apart)))

	p.title("A regression: y = x², with a linear output")
	cols := (p.width - 4) / 2
	cols = min(cols, 36)
	p.line("%s%s", pad(fmt.Sprintf("linear units: cost %s", short(r.Parabola.Linear)), cols+4), fmt.Sprintf("tanh units: cost %s", short(r.Parabola.Tanh)))
	left, right := answers(r.straight, cols), answers(r.bowl, cols)
	for i := range left {
		p.line("%s    %s", pad(left[i], cols), right[i])
	}
	p.paragraph(0, "The output layer is linear in both, so that it can give any number. That is where a linear function belongs; in hidden layers it makes a straight line of everything.")
	return p.to(w)
}

// mapCols and mapRows are the size of a picture of the plane.
const (
	mapCols = 34
	mapRows = 13
	mapEnd  = 2.0 // the plane from −mapEnd to mapEnd
)

// picture draws the plane: where a network says 1, and the points.
func (r *Linearity) picture(n *Network) []string {
	grid := nn.NewMatrix[float64](2, mapCols*mapRows)
	for k := range grid.Cols {
		grid.Set(0, k, mapEnd*(2*float64(k%mapCols)/(mapCols-1)-1))
		grid.Set(1, k, mapEnd*(1-2*float64(k/mapCols)/(mapRows-1)))
	}
	a, err := n.Predict(grid)
	if err != nil {
		panic(err) // the network was trained a moment ago
	}
	cells := []rune(strings.Repeat(" ", grid.Cols))
	for k, v := range a.Row(0) {
		if v > 0.5 {
			cells[k] = '░'
		}
	}
	for j := range r.clouds.Cols {
		col := int(math.Floor((r.clouds.At(0, j)/mapEnd+1)/2*(mapCols-1) + 0.5))
		row := int(math.Floor((1-r.clouds.At(1, j)/mapEnd)/2*(mapRows-1) + 0.5))
		cells[row*mapCols+col] = 'o'
		if r.classes.At(0, j) > 0.5 {
			cells[row*mapCols+col] = 'x'
		}
	}
	lines := make([]string, mapRows)
	for i := range lines {
		lines[i] = string(cells[i*mapCols : (i+1)*mapCols])
	}
	return lines
}

// answers draws a network's answer to −1 ≤ x ≤ 1.
func answers(n *Network, cols int) []string {
	return curve(func(x float64) float64 {
		a, err := n.Predict(nn.FromRows([][]float64{{x}}))
		if err != nil {
			panic(err) // the network was trained a moment ago
		}
		return a.At(0, 0)
	}, -1, 1, -0.1, 1.1, cols, 8)
}
