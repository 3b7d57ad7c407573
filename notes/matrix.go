package notes

// Matrix is a matrix, row by row: M[i][j] is in row i and column j. The column
// b1 of the notes is Matrix{{1}, {2}}, an example with two features also.
type Matrix [][]float64

// Rows and Cols are the shape (Rows, Cols) of a matrix. The rows of a matrix
// must have one length.
func (M Matrix) Rows() int { return len(M) }

// Cols is the length of a row; 0 if there is none.
func (M Matrix) Cols() int {
	if len(M) == 0 {
		return 0
	}
	return len(M[0])
}

// T is the transpose: T(M)[j][i] = M[i][j], (m, n) from (n, m). The rows of M
// must have one length.
func T(M Matrix) Matrix {
	Mt := zeros(M.Cols(), M.Rows())
	for i := range M {
		for j := range M[i] {
			Mt[j][i] = M[i][j]
		}
	}
	return Mt
}

// The functions below rely on the shapes, which Forward and Backward check, and
// give a new matrix.

func zeros(rows, cols int) Matrix {
	M, all := make(Matrix, rows), make([]float64, rows*cols)
	for i := range M {
		M[i] = all[i*cols : (i+1)*cols]
	}
	return M
}

// mul is A·B, the matrix product: (n, m) = (n, k)·(k, m).
func mul(A, B Matrix) Matrix {
	C := zeros(A.Rows(), B.Cols())
	for i := range C {
		for k := range B {
			for j := range C[i] {
				C[i][j] += A[i][k] * B[k][j]
			}
		}
	}
	return C
}

// plus adds the column b to every column of A: (n, m) = (n, m) + (n, 1).
func plus(A, b Matrix) Matrix {
	C := zeros(A.Rows(), A.Cols())
	for i := range C {
		for j := range C[i] {
			C[i][j] = A[i][j] + b[i][0]
		}
	}
	return C
}

// minus is A − B.
func minus(A, B Matrix) Matrix {
	C := zeros(A.Rows(), A.Cols())
	for i := range C {
		for j := range C[i] {
			C[i][j] = A[i][j] - B[i][j]
		}
	}
	return C
}

// times is A ∘ B, element by element.
func times(A, B Matrix) Matrix {
	C := zeros(A.Rows(), A.Cols())
	for i := range C {
		for j := range C[i] {
			C[i][j] = A[i][j] * B[i][j]
		}
	}
	return C
}

// scale is c·A.
func scale(c float64, A Matrix) Matrix {
	return apply(func(a float64) float64 { return c * a }, A)
}

// over is A / m.
func over(m float64, A Matrix) Matrix {
	return apply(func(a float64) float64 { return a / m }, A)
}

// apply is f of every element.
func apply(f func(float64) float64, A Matrix) Matrix {
	C := zeros(A.Rows(), A.Cols())
	for i := range C {
		for j := range C[i] {
			C[i][j] = f(A[i][j])
		}
	}
	return C
}

// sum is Σ A, each row's sum: (n, 1) from (n, m).
func sum(A Matrix) Matrix {
	s := zeros(A.Rows(), 1)
	for i := range A {
		for j := range A[i] {
			s[i][0] += A[i][j]
		}
	}
	return s
}

// columns is f of every column.
func columns(f func([]float64) []float64, A Matrix) Matrix {
	C := T(A)
	for j := range C {
		C[j] = f(C[j])
	}
	return T(C)
}
