package train

import (
	"fmt"
	"math"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/prep"
)

// batches holds rows ready for the network: features an example after the
// other, targets likewise.
type batches[T nn.Float] struct {
	x, y    []T // (rows, nx), (rows, c)
	w       []T // (rows); nil is 1 each
	rows    int
	nx, c   int
	bx, by  nn.MatrixOf[T]
	weights []T
}

// mostTarget is how far from 0 a target may lie in the network's units, so that
// the sum of its batch's squared errors stays below what float32 holds.
const mostTarget = 1e15

// pack makes the rows ready for the networks of a fit.
func pack[T nn.Float](j *job, f *fitted, rows []int) (*batches[T], error) {
	view := f.mix.Views[0]
	features, err := view.Features.Apply(j.table, rows)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	b := &batches[T]{rows: len(rows), nx: view.Features.Width(), c: f.mix.Outputs()}
	b.x = convert[T](features)
	b.y = make([]T, len(rows)*b.c)
	for i, r := range rows {
		y := b.y[i*b.c : (i+1)*b.c]
		switch {
		case j.task == prep.Regression:
			for k := range y {
				v := j.targets[k].Numbers[r]
				s := f.mix.Targets[k].Standardise(v)
				if math.Abs(s) > mostTarget {
					return nil, fmt.Errorf("train: target %q, row %d: %v is too far from the rows to learn from, whose mean is %.4g and standard deviation %.4g: mend the value, or leave the row out", j.targets[k].Name, r+1, v, f.mix.Targets[k].Mean, f.mix.Targets[k].SD)
				}
				y[k] = T(s)
			}
		case b.c == 1:
			y[0] = T(j.classes[r])
		default:
			y[j.classes[r]] = 1
		}
	}
	if j.weights != nil {
		b.w = make([]T, len(rows))
		for i, r := range rows {
			b.w[i] = T(j.weights[r])
		}
	}
	return b, nil
}

func convert[T nn.Float](x []float32) []T {
	if same, ok := any(x).([]T); ok {
		return same
	}
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// take returns the batch of these rows as columns. It is used again by the
// next call.
func (b *batches[T]) take(rows []int) (x, y nn.MatrixOf[T], w []T) {
	gather(&b.bx, b.x, b.nx, rows)
	gather(&b.by, b.y, b.c, rows)
	if b.w == nil {
		return b.bx, b.by, nil
	}
	b.weights = b.weights[:0]
	for _, r := range rows {
		b.weights = append(b.weights, b.w[r])
	}
	return b.bx, b.by, b.weights
}

// gather copies rows of a (rows, n) slice to the columns of an (n, m) matrix.
func gather[T nn.Float](to *nn.MatrixOf[T], from []T, n int, rows []int) {
	m := len(rows)
	if cap(to.Data) < n*m {
		to.Data = make([]T, n*m)
	}
	to.Rows, to.Cols, to.Data = n, m, to.Data[:n*m]
	for k, r := range rows {
		for i, v := range from[r*n : (r+1)*n] {
			to.Data[i*m+k] = v
		}
	}
}

// all lists the numbers below n.
func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
