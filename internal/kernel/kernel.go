// Package kernel is the arithmetic of the engine: the three matrix products of
// a dense layer, activations, losses and the optimisers' updates, a batch at a
// time.
//
// A matrix is a slice, row after row; a row holds one unit's values for all
// examples of the batch, so examples are contiguous:
//
//	          m examples →
//	A  =  | a[0] a[1] … a[m−1] |   unit 0
//	      | a[m] …             |   unit 1        n units ↓
//
// Legend of the dimensions: n units of the layer, k units of the layer before
// (or features), m examples, c outputs. The destination comes first. Slices
// have the stated lengths: callers check, kernels don't.
//
// The code here is the specification. Every output of a product adds its terms
// in order of the summed index with one fused multiply-add each, so that any
// blocking, vector width or number of threads gives the same bits; any other
// product that is added to something stands in a conversion, T(x*y) + z, so
// that no compiler fuses it.
package kernel

// Tile is the number of examples that are summed as one: sums over more are
// added tile by tile along a fixed binary tree. It divides every batch in the
// same way for any number of threads or processes.
const Tile = 64
