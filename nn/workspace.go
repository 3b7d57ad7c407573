package nn

import (
	"math/rand/v2"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// workspace holds a strip of examples on its way through the network: a tile, or
// of a tiny network several. Nothing but the sums over examples looks at tiles.
type workspace[T Float] struct {
	layers []layerSpace[T]
	x      []T      // the strip's columns of X, side by side
	mt     int      // examples of the strip
	ld     int      // between rows of the layers' values
	keepZ  bool     // Z of hidden layers is looked at afterwards
	random rand.PCG // of the dropout masks
}

// layerSpace holds one layer's values for the mt examples of a strip, (n, mt)
// with a row every ld: what lies between the rows is computed, too, and not
// looked at.
type layerSpace[T Float] struct {
	z, a []T // of a hidden layer one and the same, unless g' or keepZ asks for Z
	dz   []T // of the cost; nil in a workspace that only predicts
	drop []T // a after dropout; a itself where there is none
	mask []T // what dropout multiplies by: 0 or 1/(1 − p)

	// The layer's input, for dW: as it came, a row every inLd, and turned over
	// tile by tile, turnedTile numbers each, if the layer isn't one of few units.
	in         []T
	inLd       int
	few, long  bool // how the kernels add up: kernel.Few and kernel.Long
	turned     []T
	turnedTile int

	name     string // of the activation
	alpha    T
	relu     bool // is done by the products
	forward  func(a, z []T, alpha T)
	backward func(dz, z, a []T, alpha T)
}

// stride is the length of a row of mt examples: whole vectors, so that no kernel
// needs a mask.
func stride(mt int) int { return (mt + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

// tilesOf is the number of tiles of m examples.
func tilesOf(m int) int { return (m + kernel.Tile - 1) / kernel.Tile }

// fit makes room for strips of up to mt examples of this network.
func (s *workspace[T]) fit(n *NetworkOf[T], mt int, gradients, keepZ bool) {
	if s.fits(n, mt, gradients, keepZ) {
		return
	}
	s.keepZ = keepZ
	s.x = make([]T, n.Inputs*stride(mt))
	s.layers = make([]layerSpace[T], len(n.Layers))
	for i := range n.Layers {
		l := &n.Layers[i]
		size := l.Units * stride(mt)
		to := layerSpace[T]{
			z: make([]T, size), few: kernel.Few(l.Units, l.W.Cols), long: kernel.Long(l.Units, l.W.Cols), name: l.Activation.Name, alpha: T(l.Activation.Alpha),
		}
		if to.a = to.z; keepZ || l.Activation.usesZ || i == len(n.Layers)-1 {
			to.a = make([]T, size)
		} else {
			to.relu = to.name == ReLU.Name
		}
		if f := functionsOf[T](&l.Activation); f.forward != nil {
			to.forward, to.backward = f.forward, f.backward
		}
		if gradients {
			to.dz = make([]T, size)
			if !to.few {
				to.turnedTile = kernel.Turned(l.W.Cols, min(mt, kernel.Tile))
				to.turned = make([]T, tilesOf(mt)*to.turnedTile)
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
	if len(s.layers) != len(n.Layers) || len(s.x) < n.Inputs*stride(mt) || s.keepZ != keepZ {
		return false
	}
	for i := range n.Layers {
		l, have := &n.Layers[i], &s.layers[i]
		size := l.Units * stride(mt)
		if cap(have.z) < size || have.name != l.Activation.Name || have.alpha != T(l.Activation.Alpha) || have.long != kernel.Long(l.Units, l.W.Cols) {
			return false
		}
		if !gradients {
			continue
		}
		if cap(have.dz) < size || have.few != kernel.Few(l.Units, l.W.Cols) || !have.few && len(have.turned) < tilesOf(mt)*kernel.Turned(l.W.Cols, min(mt, kernel.Tile)) {
			return false
		}
		if l.Dropout > 0 && cap(have.mask) < size {
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
	s.mt, s.ld = mt, stride(mt)
	ld := s.ld
	in, inLd := s.columns(n, x, first, mt)
	var l *layerSpace[T]
	for i := range n.Layers {
		w := &n.Layers[i]
		l = &s.layers[i]
		l.resize(w.Units * ld)
		l.in, l.inLd = in, inLd
		k := w.W.Cols
		for u := 0; u < w.Units; u += nearUnits {
			units := min(nearUnits, w.Units-u)
			z, rows, b := l.z[u*ld:(u+units)*ld], w.W.Data[u*k:], w.B[u:]
			switch {
			case l.long:
				kernel.AffineLong(z, rows, b, in, inLd, units, k, ld)
				if i < len(n.Layers)-1 {
					l.forward(l.a[u*ld:(u+units)*ld], z, l.alpha)
				}
			case l.relu:
				kernel.AffineReLU(z, rows, b, in, inLd, units, k, ld)
			default:
				kernel.Affine(z, rows, b, in, inLd, units, k, ld)
				if i < len(n.Layers)-1 {
					l.forward(l.a[u*ld:(u+units)*ld], z, l.alpha)
				}
			}
		}
		in, inLd = l.a, ld
		if drop != nil && w.Dropout > 0 {
			s.drop(l, w.Dropout, drop, i)
			in = l.drop
		}
	}
	return l
}

// columns returns mt columns of x, and the length of a row. They are copied where
// rows aren't whole vectors, and where the batch is wider, unless the first layer
// hardly reads them: rows that lie a power of two apart fall on each other in a
// cache.
func (s *workspace[T]) columns(n *NetworkOf[T], x MatrixOf[T], first, mt int) (in []T, ld int) {
	if mt == s.ld && (x.Cols == mt || n.Layers[0].Units < nearUnits) {
		return x.Data[first:], x.Cols
	}
	kernel.CopyColumns(s.x, s.ld, x.Data[first:], x.Cols, x.Rows, mt)
	return s.x[:x.Rows*s.ld], s.ld
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
// the mean stays (Srivastava et al., 2014). The strip is one tile. Streams differ
// by step, layer and tile, of which there are fewer than 2³², 2⁸ and 2²⁴.
func (s *workspace[T]) drop(l *layerSpace[T], p float64, d *dropout, layer int) {
	s.random.Seed(d.seed^0xd509, d.step<<32|uint64(layer)<<24|d.tile)
	least := uint64(float64(p * (1 << 32)))
	keep := T(1 / (1 - p))
	var bits uint64
	drawn := 0
	for row := 0; row < len(l.mask); row += s.ld {
		for j := range s.mt {
			if drawn&1 == 0 {
				bits = s.random.Uint64()
			}
			drawn++
			l.mask[row+j] = 0
			if bits&0xffffffff >= least {
				l.mask[row+j] = keep
			}
			bits >>= 32
		}
	}
	copy(l.drop, l.a)
	kernel.Multiply(l.drop, l.mask)
}

// backward computes dZ of every layer from the last one's, and turns over what
// the layers' dW need.
//
//	dZₗ₋₁ = Wₗᵀ·dZₗ ∗ g'(Zₗ₋₁)
func (s *workspace[T]) backward(n *NetworkOf[T], dropped bool) {
	ld := s.ld
	for i := len(n.Layers) - 1; i >= 0; i-- {
		w, l := &n.Layers[i], &s.layers[i]
		if !l.few {
			for first := 0; first < s.mt; first += kernel.Tile {
				kernel.Turn(l.turned[first/kernel.Tile*l.turnedTile:], l.in[first:], l.inLd, w.W.Cols, min(kernel.Tile, s.mt-first))
			}
		}
		if i == 0 {
			break
		}
		below, k := &s.layers[i-1], w.W.Cols
		masked := dropped && n.Layers[i-1].Dropout > 0
		for u := 0; u < k; u += nearUnits {
			units := min(nearUnits, k-u)
			at, end := u*ld, (u+units)*ld
			dz, a, rows := below.dz[at:end], below.a[at:end], w.W.Data[u:]
			if below.relu && !masked {
				kernel.GradInputsReLU(dz, rows, l.dz, a, w.Units, k, units, ld)
				continue
			}
			kernel.GradInputs(dz, rows, l.dz, w.Units, k, units, ld)
			if masked {
				kernel.Multiply(dz, below.mask[at:end])
			}
			below.backward(dz, below.z[at:end], a, below.alpha)
		}
	}
}

// A block is some units of a layer and some of its inputs, of whose weights the
// gradient is computed at a time, over all tiles of a group: so few that the tiles'
// sums stay near. The last inputs' block has the biases, too.
type block struct {
	layer, first, units int
	q, cols             int // the inputs
	last                bool
	at                  int // of the layer's parameters in grad
}

const (
	blockCols    = 8 * kernel.Panel
	blockWeights = nearUnits * 128 // at most, beside the biases
)

// blocks cuts a network's gradient. Blocks of the same inputs follow each other, so
// that these are still near.
func (n *NetworkOf[T]) blocks() []block {
	var all []block
	at := 0
	for l := range n.Layers {
		w := &n.Layers[l]
		prev := w.W.Cols
		units := max(nearUnits, blockWeights/min(prev, blockCols)/nearUnits*nearUnits)
		for q := 0; q < prev; q += blockCols {
			cols := min(blockCols, prev-q)
			for first := 0; first < w.Units; first += units {
				all = append(all, block{l, first, min(units, w.Units-first), q, cols, q+cols == prev, at})
			}
		}
		at += w.Units * (prev + 1)
	}
	return all
}

// size is how many numbers the block's gradient has.
func (b *block) size() int {
	if b.last {
		return b.units * (b.cols + 1)
	}
	return b.units * b.cols
}

// A tileOf is one tile of a strip.
type tileOf[T Float] struct {
	s        *workspace[T]
	first, m int // examples of the strip
}

// tileAt is tile t of a group of strips with so many tiles each.
func tileAt[T Float](strips []workspace[T], tiles, t int) tileOf[T] {
	s, first := &strips[t/tiles], t%tiles*kernel.Tile
	return tileOf[T]{s, first, min(kernel.Tile, s.mt-first)}
}

// whole is the shape of the block's dW: one row where it has all the inputs.
func (b *block) whole(prev int) (rows, cols int) {
	if b.cols == prev {
		return 1, b.units * prev
	}
	return b.units, b.cols
}

// blockGradient writes a block's dW and db, summed along the tree over so many
// tiles of a group of strips and multiplied by scale, to grad. Of several tiles it
// says whether the sums are finite. near holds the tiles' sums on the way, stride
// apart.
//
//	dWₗ = scale·dZₗ·Aₗ₋₁ᵀ    dbₗ = scale·Σ dZₗ
func blockGradient[T Float](b *block, n *NetworkOf[T], grad []T, strips []workspace[T], perStrip, tiles int, near []T, stride int, scale T) (finite bool) {
	w := &n.Layers[b.layer]
	prev := w.W.Cols
	dw := grad[b.at+b.first*prev:][:b.units*prev][b.q:]
	var db []T
	if b.last {
		db = grad[b.at+w.Units*prev+b.first:][:b.units]
	}
	if tiles == 1 {
		t := tileAt(strips, perStrip, 0)
		t.gradient(b, dw, prev, db)
		if scale != 1 {
			rows, cols := b.whole(prev)
			for i := range rows {
				kernel.Scale(dw[i*prev:][:cols], scale)
			}
			kernel.Scale(db, scale)
		}
		return true
	}
	size := b.units * b.cols
	for i := range tiles {
		t, to := tileAt(strips, perStrip, i), near[i*stride:][:b.size()]
		t.gradient(b, to, b.cols, to[size:]) // db stands behind dW
	}
	rows, cols := b.whole(prev)
	finite = kernel.SumTiles(dw, prev, near, stride, tiles, rows, cols, scale)
	if b.last {
		finite = kernel.SumTiles(db, b.units, near[size:], stride, tiles, 1, b.units, scale) && finite
	}
	return finite
}

// gradient writes a tile's part of a block's dW, with a row every ld, and unless
// there is no place for it of its db.
func (t *tileOf[T]) gradient(b *block, dw []T, ld int, db []T) {
	s, l := t.s, &t.s.layers[b.layer]
	dz := l.dz[b.first*s.ld+t.first:]
	if len(db) > 0 {
		kernel.GradBiases(db, dz, s.ld, b.units, t.m)
	}
	if l.few {
		kernel.GradWeightsFew(dw, ld, dz, s.ld, l.in[b.q*l.inLd+t.first:], l.inLd, b.units, b.cols, t.m)
		return
	}
	turned := l.turned[t.first/kernel.Tile*l.turnedTile:]
	kernel.GradWeights(dw, ld, dz, s.ld, turned[b.q*t.m:], b.units, b.cols, t.m)
}
