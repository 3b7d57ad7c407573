package kernel

import "unsafe"

// Affine computes Z = W·A + b: the sum starts from the bias and adds the terms
// in order of k.
//
//	z (n, m), w (n, k), b (n), a (k, m) with a row every lda
//
// z must not overlap the others.
func Affine[T Float](z, w, b, a []T, lda, n, k, m int) {
	if products[T]() {
		affineVector(cast[float32](z), cast[float32](w), cast[float32](b), cast[float32](a), lda, n, k, m, false)
		return
	}
	var c [4]T
	for i := range n {
		wi, zi, bi := w[i*k:(i+1)*k], z[i*m:(i+1)*m], b[i]
		j := 0
		for ; j+4 <= m; j += 4 {
			c = [4]T{bi, bi, bi, bi}
			multiply4(&c, k, wi, 1, a[j:], lda)
			copy(zi[j:], c[:])
		}
		for ; j < m; j++ {
			s := bi
			for q, o := 0, j; q < k; q, o = q+1, o+lda {
				s = FMA(wi[q], a[o], s)
			}
			zi[j] = s
		}
	}
}

// AffineReLU is Affine and then ReLU: A = max(0, W·A + b).
func AffineReLU[T Float](z, w, b, a []T, lda, n, k, m int) {
	if products[T]() {
		affineVector(cast[float32](z), cast[float32](w), cast[float32](b), cast[float32](a), lda, n, k, m, true)
		return
	}
	Affine(z, w, b, a, lda, n, k, m)
	ReLUForward(z[:n*m], z[:n*m], 0)
}

// Long says whether Z of a layer with n units and k inputs is AffineLong's: a
// sum in order of k makes each term wait for the one before, and so few units
// leave nothing else to do meanwhile.
func Long(n, k int) bool { return n <= 4 && k >= 2*Lanes && k <= 1<<14 }

// AffineLong computes Z = W·A + b, the terms of each number dealt over Lanes
// sums, term q to sum q mod 8; the sums are added in pairs, then b.
//
//	z (n, m), w (n, k), b (n), a (k, m) with a row every lda
func AffineLong[T Float](z, w, b, a []T, lda, n, k, m int) {
	if vector[T]() {
		affineLongVector(cast[float32](z), cast[float32](w), cast[float32](b), cast[float32](a), lda, n, k, m)
		return
	}
	for i := range n {
		wi := w[i*k : (i+1)*k]
		for j := range m {
			var s [Lanes]T
			for q, u := range wi {
				s[q%Lanes] = FMA(u, a[q*lda+j], s[q%Lanes])
			}
			z[i*m+j] = sumLanes(&s) + b[i]
		}
	}
}

// UnitPanel is how many units stand together when W is laid out for one example.
const UnitPanel = 64

// Panelled is the length of W (n, k) laid out for one example.
func Panelled(n, k int) int { return (n + Lanes - 1) / Lanes * Lanes * k }

// PanelUnits lays W (n, k) out for one example: the weights of 64 units to an
// input stand together, input after input, then those of the next units. The
// last panel is as narrow as its units allow, in whole vectors.
func PanelUnits[T Float](panels, w []T, n, k int) {
	for first := 0; first < n; first += UnitPanel {
		units := min(UnitPanel, n-first)
		width := (units + Lanes - 1) / Lanes * Lanes
		to := panels[first*k:]
		for i := range units {
			for q, u := range w[(first+i)*k : (first+i+1)*k] {
				to[q*width+i] = u
			}
		}
	}
}

// AffineOne is Affine for one example, or with relu AffineReLU, with W as
// PanelUnits laid it out: the same bits. What z and b have beyond n, up to whole
// vectors, stands for no unit.
//
//	z, b (Panelled(n, 1)), panels: Panelled(n, k), x (k)
func AffineOne[T Float](z, panels, b, x []T, n, k int, relu bool) {
	if products[T]() {
		affineOneVector(cast[float32](z), cast[float32](panels), cast[float32](b), cast[float32](x), n, k, relu)
		return
	}
	copy(z, b[:n])
	for first := 0; first < n; first += UnitPanel {
		units := min(UnitPanel, n-first)
		width := (units + Lanes - 1) / Lanes * Lanes
		panel, to := panels[first*k:], z[first:first+units]
		for q, v := range x[:k] {
			for i, w := range panel[q*width : q*width+units] {
				to[i] = FMA(w, v, to[i])
			}
		}
	}
	if relu {
		ReLUForward(z[:n], z[:n], 0)
	}
}

// AffineLongOne is AffineLong for one example: the same bits.
//
//	z (n), w (n, k), b (n), x (k)
func AffineLongOne[T Float](z, w, b, x []T, n, k int) {
	if vector[T]() && Long(n, k) {
		checkLengths(len(z) >= n && len(w) >= n*k && len(x) >= k)
		dotsAVX2(at(z), 1, at(w), k, n, at(x), k, 1, k)
	} else {
		GradWeightsFew(z, 1, w, k, x, k, n, 1, k)
	}
	for i, v := range b[:n] {
		z[i] += v
	}
}

// GradInputs computes some rows of dA = Wᵀ·dZ, the terms in order of n. w begins
// at the first row's column of W, which has k columns.
//
//	da (rows, m), w (n, rows) with a row every k, dz (n, m)
func GradInputs[T Float](da, w, dz []T, n, k, rows, m int) {
	if products[T]() {
		gradInputsVector(cast[float32](da), cast[float32](w), cast[float32](dz), n, k, rows, m, nil)
		return
	}
	var c [4]T
	for q := range rows {
		row := da[q*m : (q+1)*m]
		j := 0
		for ; j+4 <= m; j += 4 {
			c = [4]T{}
			multiply4(&c, n, w[q:], k, dz[j:], m)
			copy(row[j:], c[:])
		}
		for ; j < m; j++ {
			var s T
			for i := range n {
				s = FMA(w[i*k+q], dz[i*m+j], s)
			}
			row[j] = s
		}
	}
}

// GradInputsReLU is GradInputs and then ReLU's slope, of the values a (rows, m)
// that the layer below passed on: dA ∗ 1[a > 0]. a must not be da.
func GradInputsReLU[T Float](da, w, dz, a []T, n, k, rows, m int) {
	if products[T]() {
		gradInputsVector(cast[float32](da), cast[float32](w), cast[float32](dz), n, k, rows, m, cast[float32](a))
		return
	}
	GradInputs(da, w, dz, n, k, rows, m)
	ReLUBackward(da[:rows*m], nil, a[:rows*m], 0)
}

// Panel is how many rows of A stand together when they are turned over.
const Panel = 16

// Turned is the length of k rows of m examples turned over.
func Turned(k, m int) int { return (k + Panel - 1) / Panel * Panel * m }

// Turn turns A over, so that the products of one example with sixteen rows of A
// are contiguous: panel p holds rows 16·p to 16·p + 15.
//
//	turned[(p·m + j)·16 + r] = a[(16·p + r)·lda + j]        turned: Turned(k, m)
//
// Of the last panel, what stands for rows that A doesn't have is anything; it is
// multiplied, and left out of the result.
func Turn[T Float](turned, a []T, lda, k, m int) {
	if vector[T]() {
		turnVector(cast[float32](turned), cast[float32](a), lda, k, m)
		return
	}
	for q := range k {
		to := turned[q/Panel*Panel*m+q%Panel:]
		for j, x := range a[q*lda : q*lda+m] {
			to[j*Panel] = x
		}
	}
}

// GradWeights computes a block of dW = dZ·Aᵀ over the m ≤ Tile examples of one
// tile, in their order: some rows, for cols columns of which the first is a
// panel's.
//
//	dw (rows, cols) with a row every ldw, dz (rows, m) with a row every lddz,
//	turned: the columns' panels
func GradWeights[T Float](dw []T, ldw int, dz []T, lddz int, turned []T, rows, cols, m int) {
	if products[T]() {
		gradWeightsVector(cast[float32](dw), ldw, cast[float32](dz), lddz, cast[float32](turned), rows, cols, m)
		return
	}
	var c [4]T
	for i := range rows {
		dzi, dwi := dz[i*lddz:i*lddz+m], dw[i*ldw:i*ldw+cols]
		q := 0
		for ; q+4 <= cols; q += 4 {
			c = [4]T{}
			multiply4(&c, m, dzi, 1, turned[q/Panel*Panel*m+q%Panel:], Panel)
			copy(dwi[q:], c[:])
		}
		for ; q < cols; q++ {
			panel := turned[q/Panel*Panel*m+q%Panel:]
			var s T
			for j, v := range dzi {
				s = FMA(v, panel[j*Panel], s)
			}
			dwi[q] = s
		}
	}
}

// Lanes is over how many sums a tile's examples are dealt, example j to sum
// j mod 8, where a row is added up by itself: in the biases' gradient, and in
// the weights' of a layer with few units or inputs. The sums are then added in
// pairs, neighbours first.
const Lanes = 8

// Few says whether the weights' gradient of a layer with n units and k inputs is
// GradWeightsFew's: most lanes of GradWeights would have nothing to do, or too
// little to be worth turning A over.
func Few(n, k int) bool { return n <= 4 || k <= 4 }

// GradWeightsFew computes rows of dW = dZ·Aᵀ over the m ≤ Tile examples of one
// tile, each number as a dot product along the examples.
//
//	dw (rows, cols), dz (rows, m), a (cols, m) with a row every ldw, lddz, lda
func GradWeightsFew[T Float](dw []T, ldw int, dz []T, lddz int, a []T, lda, rows, cols, m int) {
	if vector[T]() {
		gradWeightsFewVector(cast[float32](dw), ldw, cast[float32](dz), lddz, cast[float32](a), lda, rows, cols, m)
		return
	}
	for i := range rows {
		dzi := dz[i*lddz : i*lddz+m]
		for q := range cols {
			var s [Lanes]T
			for j, x := range a[q*lda : q*lda+m] {
				s[j%Lanes] = FMA(dzi[j], x, s[j%Lanes])
			}
			dw[i*ldw+q] = sumLanes(&s)
		}
	}
}

// GradBiases computes rows of db = Σ dZ over the m ≤ Tile examples of one tile.
//
//	db (rows), dz (rows, m) with a row every lddz
func GradBiases[T Float](db, dz []T, lddz, rows, m int) {
	if vector[T]() {
		gradBiasesVector(cast[float32](db), cast[float32](dz), lddz, rows, m)
		return
	}
	for i := range rows {
		var s [Lanes]T
		for j, d := range dz[i*lddz : i*lddz+m] {
			s[j%Lanes] += d
		}
		db[i] = sumLanes(&s)
	}
}

func sumLanes[T Float](s *[Lanes]T) T {
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}

// multiply4 adds Σ w[q·ws]·a[q·as + j] over q < k to c[j], for four columns j.
func multiply4[T Float](c *[4]T, k int, w []T, ws int, a []T, as int) {
	if single[T]() {
		multiply4Single((*[4]float32)(unsafe.Pointer(c)), k, cast[float32](w), ws, cast[float32](a), as)
	} else {
		multiply4Double((*[4]float64)(unsafe.Pointer(c)), k, cast[float64](w), ws, cast[float64](a), as)
	}
}

// multiply4Single keeps the sums in float64 variables that hold float32 values:
// see fma32. One branch looks at all four.
func multiply4Single(c *[4]float32, k int, w []float32, ws int, a []float32, as int) {
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	for q, iw, ia := 0, 0, 0; q < k; q, iw, ia = q+1, iw+ws, ia+as {
		u, x := float64(w[iw]), a[ia:ia+4:ia+4]
		x0, x1, x2, x3 := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0, s1, s2, s3 := float64(u*x0)+c0, float64(u*x1)+c1, float64(u*x2)+c2, float64(u*x3)+c3
		if ambiguous(s0) || ambiguous(s1) || ambiguous(s2) || ambiguous(s3) {
			c0, c1 = float64(fmaExact(u, x0, c0)), float64(fmaExact(u, x1, c1))
			c2, c3 = float64(fmaExact(u, x2, c2)), float64(fmaExact(u, x3, c3))
		} else {
			c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
		}
	}
	*c = [4]float32{float32(c0), float32(c1), float32(c2), float32(c3)}
}

func multiply4Double(c *[4]float64, k int, w []float64, ws int, a []float64, as int) {
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for q, iw, ia := 0, 0, 0; q < k; q, iw, ia = q+1, iw+ws, ia+as {
		u, x := w[iw], a[ia:ia+4:ia+4]
		c0, c1, c2, c3 = FMA(u, x[0], c0), FMA(u, x[1], c1), FMA(u, x[2], c2), FMA(u, x[3], c3)
	}
	*c = [4]float64{c0, c1, c2, c3}
}

// cast gives s the element type S, which must be T.
func cast[S, T Float](s []T) []S {
	return unsafe.Slice((*S)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}
