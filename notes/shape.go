package notes

import (
	"errors"
	"fmt"
)

// The checks at the door. Inside, shapes are relied on, so that an equation
// stays a line.

// place is where a matrix stands in an equation, and the shape it has to have
// there. W2 alone decides how many rows it has, X how many columns: open.
type place struct {
	equation   string
	name       string
	M          Matrix
	rows, cols int
}

const open = 0

// checkNetwork says what of the network isn't set, or doesn't fit.
func (n *Network) checkNetwork() error {
	if n.Hidden.G == nil || n.Hidden.Prime == nil {
		return errors.New("notes: Network.Hidden isn't set; take one of Activations, such as notes.Tanh")
	}
	if n.Output.A == nil || n.Output.Loss == nil {
		return errors.New("notes: Network.Output isn't set; take one of Outputs, such as notes.SigmoidOutput")
	}
	if n.W1.Cols() == 0 || n.W2.Rows() == 0 {
		return errors.New("notes: the network has no weights; Init gives it some")
	}
	nx, n1, n2 := n.W1.Cols(), n.W1.Rows(), n.W2.Rows()
	first := n.firstEquation()
	second := fmt.Sprintf("Z2 = W2·A1 + b2: (n2, m) = (n2, %d)·(%d, m) + (n2, 1)", n1, n1)
	return fit(
		place{first, "W1", n.W1, n1, nx},
		place{first, "b1", n.B1, n1, 1},
		place{second, "W2", n.W2, open, n1},
		place{second, "b2", n.B2, n2, 1},
	)
}

// checkInput says whether X is for this network.
func (n *Network) checkInput(X Matrix) error {
	if err := n.checkNetwork(); err != nil {
		return err
	}
	return fit(place{n.firstEquation(), "X", X, n.W1.Cols(), open})
}

// checkPass says whether p is of this network, and Y of p's examples.
func (n *Network) checkPass(p *Pass, Y Matrix) error {
	if p == nil {
		return errors.New("notes: there is no pass; Forward gives one")
	}
	if err := n.checkInput(p.X); err != nil {
		return err
	}
	m, n1, n2 := p.X.Cols(), n.W1.Rows(), n.W2.Rows()
	forward := "the forward pass, which must be of this network"
	error2 := fmt.Sprintf("dZ2 = A2 − Y: (%d, %d) = (%d, %d) − (%d, %d)", n2, m, n2, m, n2, m)
	return fit(
		place{forward, "Z1", p.Z1, n1, m},
		place{forward, "A1", p.A1, n1, m},
		place{forward, "Z2", p.Z2, n2, m},
		place{forward, "A2", p.A2, n2, m},
		place{error2, "Y", Y, n2, m},
	)
}

// checkGradient says whether d is of this network.
func (n *Network) checkGradient(d *Gradient) error {
	if d == nil {
		return errors.New("notes: there is no gradient; Backward gives one")
	}
	if err := n.checkNetwork(); err != nil {
		return err
	}
	return fit(
		place{"W1 = W1 − rate·dW1", "dW1", d.DW1, n.W1.Rows(), n.W1.Cols()},
		place{"b1 = b1 − rate·db1", "db1", d.DB1, n.B1.Rows(), n.B1.Cols()},
		place{"W2 = W2 − rate·dW2", "dW2", d.DW2, n.W2.Rows(), n.W2.Cols()},
		place{"b2 = b2 − rate·db2", "db2", d.DB2, n.B2.Rows(), n.B2.Cols()},
	)
}

func (n *Network) firstEquation() string {
	nx, n1 := n.W1.Cols(), n.W1.Rows()
	return fmt.Sprintf("Z1 = W1·X + b1: (%d, m) = (%d, %d)·(%d, m) + (%d, 1)", n1, n1, nx, nx, n1)
}

// fit returns an error for the first matrix that doesn't fit in its place.
func fit(places ...place) error {
	for _, p := range places {
		rows, cols := p.M.Rows(), p.M.Cols()
		for i, row := range p.M {
			if len(row) != cols {
				return fmt.Errorf("notes: %s: row %d of %s has %d numbers and row 1 has %d; all rows need the same number",
					p.equation, i+1, p.name, len(row), cols)
			}
		}
		if rows > 0 && cols > 0 && p.fits(rows, cols) {
			continue
		}
		hint := ""
		if rows > 0 && cols > 0 && p.fits(cols, rows) {
			hint = fmt.Sprintf("; %sᵀ has shape (%d, %d) and would fit", p.name, cols, rows)
		}
		return fmt.Errorf("notes: %s: %s is (%d, %d) and needs to be %s%s", p.equation, p.name, rows, cols, p.shape(), hint)
	}
	return nil
}

func (p place) fits(rows, cols int) bool {
	return (p.rows == open || rows == p.rows) && (p.cols == open || cols == p.cols)
}

func (p place) shape() string {
	switch {
	case p.rows == open:
		return fmt.Sprintf("(n2, %d)", p.cols)
	case p.cols == open:
		return fmt.Sprintf("(%d, m)", p.rows)
	}
	return fmt.Sprintf("(%d, %d)", p.rows, p.cols)
}
