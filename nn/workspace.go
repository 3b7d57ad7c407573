package nn

import (
	"math/rand/v2"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// workspace holds one tile of examples on its way through the network.
type workspace[T Float] struct {
	layers []layerSpace[T]
	x      []T      // the tile's columns of X, side by side
	mt     int      // examples of the tile
	keepZ  bool     // Z of hidden layers is looked at afterwards
	random rand.PCG // of the dropout masks
}

// layerSpace holds one layer's values for the mt examples of a tile, (n, mt).
type layerSpace[T Float] struct {
	z, a []T // of a hidden layer one and the same, unless g' or keepZ asks for Z
	dz   []T // of the cost; nil in a workspace that only predicts
	drop []T // a after dropout; a itself where there is none
	mask []T // what dropout multiplies by: 0 or 1/(1 − p)

	// The layer's input, for dW: as it came, a row every ld, and turned over if
	// the layer isn't one of few units.
	in     []T
	ld     int
	few    bool
	turned []T

	name     string // of the activation
	alpha    T
	forward  func(a, z []T, alpha T)
	backward func(dz, z, a []T, alpha T)
}

// fit makes room for tiles of up to mt examples of this network.
func (s *workspace[T]) fit(n *NetworkOf[T], mt int, gradients, keepZ bool) {
	if s.fits(n, mt, gradients, keepZ) {
		return
	}
	s.keepZ = keepZ
	s.x = make([]T, n.Inputs*mt)
	s.layers = make([]layerSpace[T], len(n.Layers))
	for i := range n.Layers {
		l := &n.Layers[i]
		size := l.Units * mt
		to := layerSpace[T]{
			z: make([]T, size), few: kernel.Few(l.Units, l.W.Cols), name: l.Activation.Name, alpha: T(l.Activation.Alpha),
		}
		if to.a = to.z; keepZ || l.Activation.usesZ || i == len(n.Layers)-1 {
			to.a = make([]T, size)
		}
		if f := functionsOf[T](&l.Activation); f.forward != nil {
			to.forward, to.backward = f.forward, f.backward
		}
		if gradients {
			to.dz = make([]T, size)
			if !to.few {
				to.turned = make([]T, kernel.Turned(l.W.Cols, mt))
			}
			if l.Dropout > 0 {
				to.drop, to.mask = make([]T, size), make([]T, size)
			}
		}
		s.layers[i] = to
	}
}

// fits says whether there is room: layers may have changed since it was made.
func (s *workspace[T]) fits(n *NetworkOf[T], mt int, gradients, keepZ bool) bool {
	if len(s.layers) != len(n.Layers) || len(s.x) < n.Inputs*mt || s.keepZ != keepZ {
		return false
	}
	for i := range n.Layers {
		l, have := &n.Layers[i], &s.layers[i]
		if cap(have.z) < l.Units*mt || have.name != l.Activation.Name || have.alpha != T(l.Activation.Alpha) {
			return false
		}
		if !gradients {
			continue
		}
		if cap(have.dz) < l.Units*mt || have.few != kernel.Few(l.Units, l.W.Cols) || !have.few && len(have.turned) < kernel.Turned(l.W.Cols, mt) {
			return false
		}
		if l.Dropout > 0 && cap(have.mask) < l.Units*mt {
			return false
		}
	}
	return true
}

// dropout says which masks to draw: they depend on seed, step, layer and tile
// alone.
type dropout struct{ seed, step, tile uint64 }

// nearUnits is how many units of a layer are computed at a time, so that what is
// done next to their values finds them in the first cache: a multiple of the
// kernels' rows, 6.
const nearUnits = 24

// forward computes Z and A of every layer for the mt examples of x from column
// first on; of the last layer only Z, since its loss may compute A with it.
// With drop, hidden layers pass on A after dropout.
func (s *workspace[T]) forward(n *NetworkOf[T], x MatrixOf[T], first, mt int, drop *dropout) *layerSpace[T] {
	in, ld := s.columns(n, x, first, mt)
	var l *layerSpace[T]
	for i := range n.Layers {
		w := &n.Layers[i]
		l = &s.layers[i]
		l.resize(w.Units * mt)
		l.in, l.ld = in, ld
		k := w.W.Cols
		for u := 0; u < w.Units; u += nearUnits {
			units := min(nearUnits, w.Units-u)
			z := l.z[u*mt : (u+units)*mt]
			kernel.Affine(z, w.W.Data[u*k:], w.B[u:], in, ld, units, k, mt)
			if i < len(n.Layers)-1 {
				l.forward(l.a[u*mt:(u+units)*mt], z, l.alpha)
			}
		}
		in, ld = l.a, mt
		if drop != nil && w.Dropout > 0 {
			s.drop(l, w.Dropout, drop, i)
			in = l.drop
		}
	}
	return l
}

// columns returns mt columns of x, and the length of a row. Where the batch is
// wider they are copied, unless the first layer hardly reads them: rows that lie
// a power of two apart fall on each other in a cache.
func (s *workspace[T]) columns(n *NetworkOf[T], x MatrixOf[T], first, mt int) (in []T, ld int) {
	if x.Cols == mt || n.Layers[0].Units < nearUnits {
		return x.Data[first:], x.Cols
	}
	for q := range x.Rows {
		copy(s.x[q*mt:(q+1)*mt], x.Data[q*x.Cols+first:])
	}
	return s.x[:x.Rows*mt], mt
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
func (s *workspace[T]) backward(n *NetworkOf[T], mt int, dropped bool) {
	s.mt = mt
	for i := len(n.Layers) - 1; i >= 0; i-- {
		w, l := &n.Layers[i], &s.layers[i]
		if !l.few {
			kernel.Turn(l.turned, l.in, l.ld, w.W.Cols, mt)
		}
		if i == 0 {
			break
		}
		below, k := &s.layers[i-1], w.W.Cols
		for u := 0; u < k; u += nearUnits {
			units := min(nearUnits, k-u)
			at, end := u*mt, (u+units)*mt
			kernel.GradInputs(below.dz[at:end], w.W.Data[u:], l.dz, w.Units, k, units, mt)
			if dropped && n.Layers[i-1].Dropout > 0 {
				kernel.Multiply(below.dz[at:end], below.mask[at:end])
			}
			below.backward(below.dz[at:end], below.z[at:end], below.a[at:end], below.alpha)
		}
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
	blockWeights = nearUnits * 128 // at most
)

// blocks cuts a network's gradient.
func (n *NetworkOf[T]) blocks() []block {
	var all []block
	at := 0
	for l := range n.Layers {
		w := &n.Layers[l]
		units := max(nearUnits, blockWeights/min(w.W.Cols, blockCols)/nearUnits*nearUnits)
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
			weightsOf(b, dw[q:], prev, &tiles[0], q, cols)
			continue
		}
		for t := range tiles {
			weightsOf(b, near[t], cols, &tiles[t], q, cols)
		}
		kernel.SumTree(near[:len(tiles)], 0, b.units*cols)
		for i := range b.units {
			copy(dw[i*prev+q:i*prev+q+cols], near[0][i*cols:])
		}
	}
	if len(tiles) == 1 {
		s := &tiles[0]
		kernel.GradBiases(db, s.layers[b.layer].dz[b.first*s.mt:], b.units, s.mt)
		return
	}
	for t := range tiles {
		s := &tiles[t]
		kernel.GradBiases(near[t], s.layers[b.layer].dz[b.first*s.mt:], b.units, s.mt)
	}
	kernel.SumTree(near[:len(tiles)], 0, b.units)
	copy(db[:b.units], near[0])
}

// weightsOf writes a tile's part of a block's dW, for cols columns from q on.
func weightsOf[T Float](b *block, to []T, ldTo int, s *workspace[T], q, cols int) {
	l := &s.layers[b.layer]
	dz := l.dz[b.first*s.mt:]
	if l.few {
		kernel.GradWeightsFew(to, ldTo, dz, l.in[q*l.ld:], l.ld, b.units, cols, s.mt)
	} else {
		kernel.GradWeights(to, ldTo, dz, l.turned[q*s.mt:], b.units, cols, s.mt)
	}
}
