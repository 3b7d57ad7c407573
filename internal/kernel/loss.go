package kernel

// A loss kernel takes the c outputs of m ≤ Tile examples, writes the gradient
// and returns the sum over the examples of weight × loss.
//
//	dz, z, a (c, m) with a row every ld, y (c, m) with a row every ldy,
//	w (m) or nil for weights of 1
//
// The three that are paired with an output activation (SigmoidCrossEntropy,
// SoftmaxCrossEntropy, PoissonExp) compute a from z and write w·∂L/∂z to dz;
// the others take a and write w·∂L/∂a. dz is nil when only the loss is wanted.
//
// Losses are computed an element at a time in T and added in float64: over the
// outputs of an example in order, then over the examples along a fixed tree.

// farLogit is how far below the others a logit counts: a probability is e^−69 =
// 1e-30 at least, or of c classes 1e-30/c. What is smaller makes no difference to
// training, but a fully fitted network would be full of subnormals, for which some
// processors take a hundred cycles each.
const farLogit = 69

// SigmoidCrossEntropy: a = σ(z), L = −Σ y·log a + (1−y)·log(1−a), dz = a − y.
// L is computed from z as max(z, 0) − z·y + log(1 + e^−|z|), which is stable; z
// is held within ±farLogit in a and in the exponential.
func SigmoidCrossEntropy[T Float](dz, z, a, y []T, ld, ldy int, w []T, c, m int, _ T) float64 {
	var sum examples
	for i := range c {
		zi, ai, yi := z[i*ld:i*ld+m], a[i*ld:i*ld+m], y[i*ldy:i*ldy+m]
		var dzi []T
		if dz != nil {
			dzi = dz[i*ld : i*ld+m]
		}
		logistic(&sum, dzi, zi, ai, yi)
		weigh(dzi, w)
	}
	return total(&sum, w)
}

// logistic computes a = σ(z), dz = a − y unless dz is nil, and adds
// max(z, 0) − z·y + log(1 + e^−|z|) to the examples' losses.
func logistic[T Float](sum *examples, dz, z, a, y []T) {
	if vector[T]() {
		var l, scratch [Tile]float32
		to := at(dz)
		if dz == nil {
			to = at(scratch[:])
		}
		logisticVector(len(z), at(a[:len(z)]), to, at(l[:len(z)]), at(z), at(y[:len(z)]))
		addWideAVX2(len(z), &sum[0], at(l[:len(z)]))
		return
	}
	for j, v := range z {
		held := clamp(v, -farLogit, farLogit)
		a[j] = Sigmoid(held)
		sum[j] += float64((max(v, 0) - T(v*y[j])) + Softplus(-Abs(held)))
		if dz != nil {
			dz[j] = a[j] - y[j]
		}
	}
}

// SoftmaxCrossEntropy: a = e^z / Σ e^z over the outputs, L = −Σ y·log a,
// dz = a·Σy − y, which is a − y for labels that sum to 1.
func SoftmaxCrossEntropy[T Float](dz, z, a, y []T, ld, ldy int, w []T, c, m int, _ T) float64 {
	var peak, norm, label [Tile]T
	softmax(&peak, &norm, z, a, ld, c, m)
	var sum examples
	labelled(&sum, &label, z, &peak, y, ld, ldy, c, m)
	addLog(&sum, &label, &norm, m)
	if dz != nil {
		softmaxSlope(dz, a, &label, y, ld, ldy, c, m)
		for i := range c {
			weigh(dz[i*ld:i*ld+m], w)
		}
	}
	return total(&sum, w)
}

// labelled adds up the y of each example's outputs in label, and −y·(z − peak) in
// the examples' losses where y isn't 0.
func labelled[T Float](sum *examples, label *[Tile]T, z []T, peak *[Tile]T, y []T, ld, ldy, c, m int) {
	if vector[T]() {
		checkLengths(len(z) >= (c-1)*ld+m && len(y) >= (c-1)*ldy+m)
		for i := 0; i < c; i += stretchRows {
			labelledRowsVector(min(stretchRows, c-i), m, ld, ldy, at(y[i*ldy:]), at(z[i*ld:]), at(label[:]), at(peak[:]), &sum[0])
		}
		return
	}
	for i := range c {
		zi := z[i*ld : i*ld+m]
		for j, t := range y[i*ldy : i*ldy+m] {
			label[j] += t
			if t != 0 {
				sum[j] -= float64(T(t * (zi[j] - peak[j])))
			}
		}
	}
}

// addLog adds label·log(norm) to the losses of m examples.
func addLog[T Float](sum *examples, label, norm *[Tile]T, m int) {
	if vector[T]() {
		var l [Tile]float32
		logVector(m, at(l[:]), at(norm[:]))
		multiplyVector(m, at(l[:]), at(label[:]))
		addWideAVX2(m, &sum[0], at(l[:]))
		return
	}
	for j := range m {
		sum[j] += float64(T(label[j] * Log(norm[j])))
	}
}

// softmaxSlope: dz = a·label − y.
func softmaxSlope[T Float](dz, a []T, label *[Tile]T, y []T, ld, ldy, c, m int) {
	if vector[T]() {
		checkLengths(len(dz) >= (c-1)*ld+m && len(a) >= (c-1)*ld+m && len(y) >= (c-1)*ldy+m)
		for i := 0; i < c; i += stretchRows {
			softmaxSlopeRowsVector(min(stretchRows, c-i), m, ld, ldy, at(a[i*ld:]), at(dz[i*ld:]), at(y[i*ldy:]), at(label[:]))
		}
		return
	}
	for i := range c {
		ai, dzi := a[i*ld:i*ld+m], dz[i*ld:i*ld+m]
		for j, t := range y[i*ldy : i*ldy+m] {
			dzi[j] = T(ai[j]*label[j]) - t
		}
	}
}

// Softmax computes a = e^(z − peak) / Σ e^(z − peak) over the c outputs of
// m ≤ Tile examples; peak is the largest z of the example, and z counts as peak −
// farLogit at least. a and z have a row every ld.
func Softmax[T Float](a, z []T, ld, c, m int) {
	var peak, norm [Tile]T
	softmax(&peak, &norm, z, a, ld, c, m)
}

// stretchRows is a stretch in rows of a tile.
const stretchRows = stretch / Tile

func softmax[T Float](peak, norm *[Tile]T, z, a []T, ld, c, m int) {
	copy(peak[:m], z[:m])
	if vector[T]() {
		checkLengths(len(z) >= (c-1)*ld+m && len(a) >= (c-1)*ld+m)
		for i := 1; i < c; i += stretchRows {
			largestRowsVector(min(stretchRows, c-i), m, ld, at(z[i*ld:]), at(peak[:]))
		}
		for i := 0; i < c; i += stretchRows {
			expRowsVector(min(stretchRows, c-i), m, ld, at(a[i*ld:]), at(z[i*ld:]), at(norm[:]), at(peak[:]))
		}
		for i := 0; i < c; i += stretchRows {
			divideRowsVector(min(stretchRows, c-i), m, ld, at(a[i*ld:]), at(norm[:]))
		}
		return
	}
	for i := 1; i < c; i++ {
		for j, v := range z[i*ld : i*ld+m] {
			if v > peak[j] || v != v {
				peak[j] = v
			}
		}
	}
	for i := range c {
		for j, v := range z[i*ld : i*ld+m] {
			e := Exp(clamp(v-peak[j], -farLogit, 0))
			a[i*ld+j] = e
			norm[j] += e
		}
	}
	for i := range c {
		ai := a[i*ld : i*ld+m]
		for j := range ai {
			ai[j] /= norm[j]
		}
	}
}

// SoftmaxOne is Softmax of one example, in place. What z has beyond c, up to whole
// vectors, is used up.
func SoftmaxOne[T Float](z []T, c int) {
	if !vector[T]() {
		Softmax(z[:c], z[:c], 1, c, 1)
		return
	}
	all := cast[float32](z)
	x, n := all[:c], Panelled(c, 1)
	checkLengths(len(all) >= n)
	top := x[0]
	for _, v := range x[1:] {
		if v > top || v != v {
			top = v
		}
	}
	for lo, hi := range stretches(n) {
		expBelowVector(hi-lo, at(all[lo:hi]), at(all[lo:hi]), top)
	}
	var sum float32
	for _, e := range x {
		sum += e
	}
	for lo, hi := range stretches(n) {
		divideByVector(hi-lo, at(all[lo:hi]), sum)
	}
}

// PoissonExp: a = e^z, L = a − y·z (the terms without z left out), dz = a − y.
func PoissonExp[T Float](dz, z, a, y []T, ld, ldy int, w []T, c, m int, _ T) float64 {
	var sum examples
	for i := range c {
		zi, ai, yi := z[i*ld:i*ld+m], a[i*ld:i*ld+m], y[i*ldy:i*ldy+m]
		ExpForward(ai, zi, 0)
		for j, v := range zi {
			sum[j] += float64(ai[j] - T(v*yi[j]))
		}
		if dz != nil {
			difference(dz[i*ld:i*ld+m], ai, yi, w)
		}
	}
	return total(&sum, w)
}

// HalfSquared: L = ½·Σ (a − y)², da = a − y.
func HalfSquared[T Float](da, _, a, y []T, ld, ldy int, w []T, c, m int, _ T) float64 {
	if !vector[T]() {
		return elementwise(da, a, y, ld, ldy, w, c, m, func(e T) (T, T) { return T(0.5*e) * e, e })
	}
	var sum examples
	var l, e [Tile]float32
	for i := range c {
		halfSquaredVector(m, at(l[:m]), at(e[:m]), at(a[i*ld:i*ld+m]), at(y[i*ldy:i*ldy+m]))
		addWideAVX2(m, &sum[0], at(l[:]))
		if da != nil {
			copy(cast[float32](da[i*ld:i*ld+m]), e[:m])
			weigh(da[i*ld:i*ld+m], w)
		}
	}
	return total(&sum, w)
}

// Absolute: L = Σ |a − y|, da = sign(a − y), 0 at 0.
func Absolute[T Float](da, _, a, y []T, ld, ldy int, w []T, c, m int, _ T) float64 {
	return elementwise(da, a, y, ld, ldy, w, c, m, func(e T) (T, T) { return Abs(e), sign(e) })
}

// Huber: L = ½e² for |e| ≤ δ, else δ·(|e| − ½δ); da = e held within ±δ;
// e = a − y.
func Huber[T Float](da, _, a, y []T, ld, ldy int, w []T, c, m int, delta T) float64 {
	return elementwise(da, a, y, ld, ldy, w, c, m, func(e T) (T, T) {
		if r := Abs(e); r > delta {
			return delta * (r - T(0.5*delta)), T(sign(e) * delta)
		}
		return T(0.5*e) * e, e
	})
}

// Quantile: L = Σ τ·(y − a) where y > a, (1 − τ)·(a − y) where a > y (the
// pinball loss); da = −τ or 1 − τ, 0 where they are equal.
func Quantile[T Float](da, _, a, y []T, ld, ldy int, w []T, c, m int, tau T) float64 {
	return elementwise(da, a, y, ld, ldy, w, c, m, func(e T) (T, T) {
		switch {
		case e > 0:
			return (1 - tau) * e, 1 - tau
		case e < 0:
			return -(tau * e), -tau
		}
		return e, 0
	})
}

// elementwise sums f's loss of e = a − y, and writes f's slope.
func elementwise[T Float](da, a, y []T, ld, ldy int, w []T, c, m int, f func(e T) (loss, slope T)) float64 {
	var sum examples
	for i := range c {
		ai, yi := a[i*ld:i*ld+m], y[i*ldy:i*ldy+m]
		for j, v := range ai {
			l, slope := f(v - yi[j])
			sum[j] += float64(l)
			if da != nil {
				da[i*ld+j] = slope
			}
		}
		if da != nil {
			weigh(da[i*ld:i*ld+m], w)
		}
	}
	return total(&sum, w)
}

func sign[T Float](e T) T {
	switch {
	case e > 0:
		return 1
	case e < 0:
		return -1
	}
	return e // 0 or NaN
}

// difference computes dz = w·(a − y).
func difference[T Float](dz, a, y, w []T) {
	if vector[T]() {
		differenceVector(len(a), at(dz[:len(a)]), at(a), at(y[:len(a)]))
	} else {
		for j, v := range a {
			dz[j] = v - y[j]
		}
	}
	weigh(dz, w)
}

// weigh multiplies dz by w, unless one of them is nil.
func weigh[T Float](dz, w []T) {
	if w != nil && dz != nil {
		Multiply(dz, w)
	}
}

// examples holds a value for each example of a tile.
type examples [Tile]float64

// total returns Σ wⱼ·sumⱼ along a fixed tree.
func total[T Float](sum *examples, w []T) float64 {
	for j, v := range w {
		sum[j] = float64(sum[j] * float64(v))
	}
	if vector[T]() {
		return totalAVX2(&sum[0])
	}
	for half := Tile / 2; half > 0; half /= 2 {
		for j := range half {
			sum[j] += sum[j+half]
		}
	}
	return sum[0]
}
