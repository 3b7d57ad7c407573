package nn

import "fmt"

// Matrix is a matrix of float32.
type Matrix = MatrixOf[float32]

// MatrixOf is a matrix, row after row: element (i, j) is Data[i·Cols + j].
type MatrixOf[T Float] struct {
	Rows, Cols int
	Data       []T
}

// NewMatrix returns a (rows, cols) matrix of zeros.
func NewMatrix[T Float](rows, cols int) MatrixOf[T] {
	return MatrixOf[T]{Rows: rows, Cols: cols, Data: make([]T, rows*cols)}
}

// FromRows returns the matrix with these rows, copied. Rows of different
// lengths give a matrix whose first use is an error.
func FromRows[T Float](rows [][]T) MatrixOf[T] {
	m := MatrixOf[T]{Rows: len(rows)}
	for i, r := range rows {
		if i == 0 {
			m.Cols = len(r)
		}
		if len(r) != m.Cols {
			return MatrixOf[T]{Rows: len(rows), Cols: len(r)} // no data: see check
		}
		m.Data = append(m.Data, r...)
	}
	return m
}

// At returns element (i, j).
func (m MatrixOf[T]) At(i, j int) T { return m.Data[i*m.Cols+j] }

// Set sets element (i, j).
func (m MatrixOf[T]) Set(i, j int, v T) { m.Data[i*m.Cols+j] = v }

// Row returns row i; it shares the matrix's memory.
func (m MatrixOf[T]) Row(i int) []T { return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }

// RowSlices returns the rows; they share the matrix's memory.
func (m MatrixOf[T]) RowSlices() [][]T {
	rows := make([][]T, m.Rows)
	for i := range rows {
		rows[i] = m.Row(i)
	}
	return rows
}

// T returns the transpose, a copy.
func (m MatrixOf[T]) T() MatrixOf[T] {
	t := NewMatrix[T](m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Data[j*m.Rows+i] = v
		}
	}
	return t
}

// check says what is wrong with a matrix from outside.
func (m MatrixOf[T]) check(name string) error {
	if m.Rows < 1 || m.Cols < 1 {
		return fmt.Errorf("nn: %s is (%d, %d): a matrix needs at least one row and one column", name, m.Rows, m.Cols)
	}
	if m.Rows > len(m.Data)/m.Cols || m.Rows*m.Cols != len(m.Data) {
		return fmt.Errorf("nn: %s is (%d, %d) but has %d values: rows of one length make %d", name, m.Rows, m.Cols, len(m.Data), m.Rows*m.Cols)
	}
	return nil
}
