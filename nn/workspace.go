package nn

import (
	"math/rand/v2"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// workspace holds one tile of examples on its way through the network.
type workspace[T Float] struct {
	layers []layerSpace[T]
	mt     int      // examples of the tile
	random rand.PCG // of the dropout masks
}

// layerSpace holds one layer's values for the mt examples of a tile, (n, mt).
type layerSpace[T Float] struct {
	z, a []T
	dz   []T // of the cost; nil in a workspace that only predicts
	drop []T // a after dropout; a itself where there is none
	mask []T // what dropout multiplies by: 0 or 1/(1 − p)

	// The layer's input turned over, for dW; nil in a workspace that only predicts.
	turned []T

	name     string // of the activation
	alpha    T
	forward  func(a, z []T, alpha T)
	backward func(dz, z, a []T, alpha T)
}

// fit makes room for tiles of up to mt examples of this network.
func (s *workspace[T]) fit(n *NetworkOf[T], mt int, gradients bool) {
	if s.fits(n, mt, gradients) {
		return
	}
	s.layers = make([]layerSpace[T], len(n.Layers))
	for i := range n.Layers {
		l := &n.Layers[i]
		size := l.Units * mt
		to := layerSpace[T]{z: make([]T, size), a: make([]T, size), name: l.Activation.Name, alpha: T(l.Activation.Alpha)}
		if f := functionsOf[T](&l.Activation); f.forward != nil {
			to.forward, to.backward = f.forward, f.backward
		}
		if gradients {
			to.dz, to.turned = make([]T, size), make([]T, kernel.Turned(l.W.Cols, mt))
			if l.Dropout > 0 {
				to.drop, to.mask = make([]T, size), make([]T, size)
			}
		}
		s.layers[i] = to
	}
}

// fits says whether there is room: layers may have changed since it was made.
func (s *workspace[T]) fits(n *NetworkOf[T], mt int, gradients bool) bool {
	if len(s.layers) != len(n.Layers) {
		return false
	}
	for i := range n.Layers {
		l, have := &n.Layers[i], &s.layers[i]
		if cap(have.z) < l.Units*mt || have.name != l.Activation.Name || have.alpha != T(l.Activation.Alpha) {
			return false
		}
		if gradients && (len(have.turned) < kernel.Turned(l.W.Cols, mt) || cap(have.dz) < l.Units*mt || l.Dropout > 0 && cap(have.mask) < l.Units*mt) {
			return false
		}
	}
	return true
}

// dropout says which masks to draw: they depend on seed, step, layer and tile
// alone.
type dropout struct{ seed, step, tile uint64 }

// forward computes Z and A of every layer for the mt examples of x from column
// first on; of the last layer only Z, since its loss may compute A with it.
// With drop, hidden layers pass on A after dropout.
func (s *workspace[T]) forward(n *NetworkOf[T], x MatrixOf[T], first, mt int, drop *dropout) *layerSpace[T] {
	in, ld := x.Data[first:], x.Cols
	var l *layerSpace[T]
	for i := range n.Layers {
		w := &n.Layers[i]
		l = &s.layers[i]
		l.resize(w.Units * mt)
		kernel.Affine(l.z, w.W.Data, w.B, in, ld, w.Units, w.W.Cols, mt)
		if i == len(n.Layers)-1 {
			break
		}
		l.forward(l.a, l.z, l.alpha)
		in, ld = l.a, mt
		if drop != nil && w.Dropout > 0 {
			s.drop(l, w.Dropout, drop, i)
			in = l.drop
		}
	}
	return l
}

func (l *layerSpace[T]) resize(size int) {
	l.z, l.a = l.z[:size], l.a[:size]
	if l.dz != nil {
		l.dz = l.dz[:size]
	}
	if l.drop != nil {
		l.drop, l.mask = l.drop[:size], l.mask[:size]
	}
}

// drop sets a share p of A to 0 and multiplies the rest by 1/(1 − p), so that
// the mean stays (Srivastava et al., 2014).
func (s *workspace[T]) drop(l *layerSpace[T], p float64, d *dropout, layer int) {
	s.random.Seed(d.seed^0xd509, d.step<<32|uint64(layer)<<24|d.tile)
	least := uint64(float64(p * (1 << 32)))
	keep := T(1 / (1 - p))
	var bits uint64
	for j := range l.mask {
		if j&1 == 0 {
			bits = s.random.Uint64()
		}
		l.mask[j] = 0
		if bits&0xffffffff >= least {
			l.mask[j] = keep
		}
		bits >>= 32
	}
	copy(l.drop, l.a)
	kernel.Multiply(l.drop, l.mask)
}

// backward computes dZ of every layer from the last one's, and turns over what
// the layers' dW need.
//
//	dZₗ₋₁ = Wₗᵀ·dZₗ ∗ g'(Zₗ₋₁)
func (s *workspace[T]) backward(n *NetworkOf[T], x MatrixOf[T], first, mt int, dropped bool) {
	s.mt = mt
	for i := len(n.Layers) - 1; i >= 0; i-- {
		w, l := &n.Layers[i], &s.layers[i]
		in, ld := x.Data[first:], x.Cols
		if i > 0 {
			in, ld = s.layers[i-1].a, mt
			if dropped && n.Layers[i-1].Dropout > 0 {
				in = s.layers[i-1].drop
			}
		}
		kernel.Turn(l.turned, in, ld, w.W.Cols, mt)
		if i == 0 {
			break
		}
		below := &s.layers[i-1]
		kernel.GradInputs(below.dz, w.W.Data, l.dz, w.Units, w.W.Cols, mt)
		if dropped && n.Layers[i-1].Dropout > 0 {
			kernel.Multiply(below.dz, below.mask)
		}
		below.backward(below.dz, below.z, below.a, below.alpha)
	}
}

// A block is some units of a layer, of which the gradient is computed at a time,
// over all tiles of a group and so many columns that the tiles' sums stay near.
type block struct {
	layer, first, units int
	at                  int // of the layer's parameters in grad
}

const (
	blockCols    = 8 * kernel.Panel
	leastUnits   = 24               // a multiple of the kernels' rows, 6
	blockWeights = leastUnits * 128 // at most
)

// blocks cuts a network's gradient.
func (n *NetworkOf[T]) blocks() []block {
	var all []block
	at := 0
	for l := range n.Layers {
		w := &n.Layers[l]
		units := max(leastUnits, blockWeights/min(w.W.Cols, blockCols)/leastUnits*leastUnits)
		for first := 0; first < w.Units; first += units {
			all = append(all, block{l, first, min(units, w.Units-first), at})
		}
		at += w.Units * (w.W.Cols + 1)
	}
	return all
}

// blockGradient writes a block's dW and db, summed over the tiles along the tree,
// to grad. near holds the tiles' sums on the way.
//
//	dWₗ = dZₗ·Aₗ₋₁ᵀ    dbₗ = Σ dZₗ
func blockGradient[T Float](b *block, n *NetworkOf[T], grad []T, tiles []workspace[T], near [][]T) {
	w := &n.Layers[b.layer]
	prev := w.W.Cols
	dw, db := grad[b.at+b.first*prev:], grad[b.at+w.Units*prev+b.first:]
	for q := 0; q < prev; q += blockCols {
		cols := min(blockCols, prev-q)
		if len(tiles) == 1 {
			s := &tiles[0]
			l := &s.layers[b.layer]
			kernel.GradWeights(dw[q:], prev, l.dz[b.first*s.mt:], l.turned[q*s.mt:], b.units, cols, s.mt)
			continue
		}
		for t := range tiles {
			s := &tiles[t]
			l := &s.layers[b.layer]
			kernel.GradWeights(near[t], cols, l.dz[b.first*s.mt:], l.turned[q*s.mt:], b.units, cols, s.mt)
		}
		kernel.SumTree(near[:len(tiles)], 0, b.units*cols)
		for i := range b.units {
			copy(dw[i*prev+q:i*prev+q+cols], near[0][i*cols:])
		}
	}
	for t := range tiles {
		s := &tiles[t]
		kernel.GradBiases(near[t], s.layers[b.layer].dz[b.first*s.mt:], b.units, s.mt)
	}
	kernel.SumTree(near[:len(tiles)], 0, b.units)
	copy(db[:b.units], near[0])
}
