package nn

// Trace is TraceOf in float32.
type Trace = TraceOf[float32]

// TraceOf is every quantity of one step, in the names and shapes of the notes;
// index l is layer l+1.
type TraceOf[T Float] struct {
	Z, A, DZ []MatrixOf[T] // (n, m); DZ is of an example's own loss: dW and db have the 1/m
	J        float64
	DW       []MatrixOf[T] // (n, nPrev)
	DB       [][]T         // (n)

	m int
}

// Trace computes the cost and the gradient as Gradient does, and keeps all that
// was computed on the way.
func (t *TrainerOf[T]) Trace(x, y MatrixOf[T], weights []T) (*TraceOf[T], error) {
	if t.err != nil {
		return nil, t.err
	}
	trace := &TraceOf[T]{m: x.Cols}
	for i := range t.Net.Layers {
		n := t.Net.Layers[i].Units
		trace.Z = append(trace.Z, NewMatrix[T](n, x.Cols))
		trace.A = append(trace.A, NewMatrix[T](n, x.Cols))
		trace.DZ = append(trace.DZ, NewMatrix[T](n, x.Cols))
	}
	t.trace = trace
	j, err := t.Gradient(x, y, weights)
	t.trace = nil
	if err != nil {
		return nil, err
	}
	trace.J = j
	for i := range t.Net.Layers {
		dw, db := t.Grad(i)
		dw.Data = append([]T(nil), dw.Data...)
		trace.DW = append(trace.DW, dw)
		trace.DB = append(trace.DB, append([]T(nil), db...))
	}
	return trace, nil
}

// take copies a strip's values; strips write different columns.
func (t *TraceOf[T]) take(s *workspace[T], first, mt int) {
	for i := range s.layers {
		l := &s.layers[i]
		for _, c := range []struct {
			to   MatrixOf[T]
			from []T
		}{{t.Z[i], l.z}, {t.A[i], l.a}, {t.DZ[i], l.dz}} {
			for r := range c.to.Rows {
				copy(c.to.Data[r*t.m+first:r*t.m+first+mt], c.from[r*s.ld:])
			}
		}
	}
}
