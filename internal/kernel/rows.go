package kernel

// BlockRows is how many rows of a table are summed in order before sums are
// joined along a tree: the same whether a table is held, streamed or spread.
const BlockRows = 1 << 16

// SumRows is Σ term(i) over the rows from … to−1: over blocks of BlockRows, and
// then along a binary tree that depends on the number of rows alone.
func SumRows(from, to int, term func(i int) float64) float64 {
	if to-from > BlockRows {
		half := from + LeftHalf(to-from)
		return SumRows(from, half, term) + SumRows(half, to, term)
	}
	sum := 0.0
	for i := from; i < to; i++ {
		sum += term(i)
	}
	return sum
}

// LeftHalf is how many of m > BlockRows rows are in the tree's left half: the
// largest power of two times BlockRows below m.
func LeftHalf(m int) int {
	half := BlockRows
	for 2*half < m {
		half *= 2
	}
	return half
}
