package nn

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"sync/atomic"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Trainer is TrainerOf in float32.
type Trainer = TrainerOf[float32]

// TrainerOf improves a network, a batch at a time. Set its fields before the
// first step. It belongs to one goroutine.
type TrainerOf[T Float] struct {
	Net       *NetworkOf[T]
	Loss      Loss
	Optimizer Optimizer

	Schedule Schedule // of the learning rate; needs Steps unless constant
	Steps    int      // how many steps the training will have, for the schedule
	L2       float64  // λ: the cost has ½·λ·ΣW² added; biases are free
	Clip     float64  // largest Euclidean norm of the whole gradient; 0 is no limit
	Threads  int      // goroutines at most, up to 16; 0 means GOMAXPROCS
	Seed     uint64   // of dropout
	Epoch    int      // for error messages

	step int
	err  error

	loss    lossFunction[T]
	paired  bool
	grad    []T // dW row by row, then db, of each layer: the layout of params
	moments [2][]T
	search  *lbfgs[T]
	space   []workspace[T] // one a strip of a group
	blocks  []block
	near    [][]T // of each worker: a block's sums, nearSize for each tile of a group
	threads int
	totals  [maxGroup]total // of the group's tiles
	group   int             // tiles of a group
	strip   int             // tiles of a strip
	stack   []partial[T]    // stack[i]: the sum of 2ⁱ groups
	pool    *workers
	trace   *TraceOf[T]

	// The step at work, for the workers.
	x, y      MatrixOf[T]
	w         []T
	firstTile int
	tiles     int
	penalty   float64 // ½·λ·ΣW², a part of the last cost
	weight    float64 // Σw of the examples
	dropping  bool
	inGroup   int         // tiles of the group at work
	perTile   int         // numbers of near: nearSize
	faulty    atomic.Bool // a number of grad, or then of the parameters, isn't finite
	scale     T           // of its gradient: 1/Σw where it is the only group
	stripJob  func(worker, i int)
	blockJob  func(worker, i int)
	updateJob func(worker, i int)
	now       update[T]
	lossOnly  bool
}

// maxGroup is the most tiles whose values are held at once, as many as a group
// has: a power of two, so that groups are nodes of the tree of all tiles.
const maxGroup = kernel.MostTiles

// minWork is the number of multiply-adds in a tile below which a second thread
// costs more than it brings.
const minWork = 1 << 16

// partial is the sum of some groups of tiles; full says that it holds one.
type partial[T Float] struct {
	full  bool
	grad  []T
	total total
}

// total adds up over examples: Σ w·L and Σ w.
type total struct{ loss, weight float64 }

func (a *total) add(b total) {
	a.loss += b.loss
	a.weight += b.weight
}

// NumericError says that a number of a step is NaN or infinite.
type NumericError struct {
	Epoch, Step int
	Layer       int    // 1 is the first; 0 for the cost and the data
	Tensor      string // "X", "Z", "A", "J", "dW", "db", "W", "b"
	Value       float64
}

func (e *NumericError) Error() string {
	where := ""
	if e.Layer > 0 {
		where = fmt.Sprintf(" of layer %d", e.Layer)
	}
	advice := "a smaller learning rate, scaled inputs or gradient clipping may help"
	if e.Tensor == "X" || e.Tensor == "Y" {
		advice = "the data must be finite numbers"
	}
	return fmt.Sprintf("nn: epoch %d, step %d: %s%s is %v: %s", e.Epoch, e.Step, e.Tensor, where, e.Value, advice)
}

// Trainer returns a trainer of the network. An optimizer or a loss that can't
// work is reported by the first step's Err.
func (n *NetworkOf[T]) Trainer(loss Loss, o Optimizer) *TrainerOf[T] {
	return &TrainerOf[T]{Net: n, Loss: loss, Optimizer: o}
}

// On makes one step: forward, backward and update on the m examples of X
// (nx, m) and Y (c, m). It returns the cost J before the update. After an
// error, which Err tells, it does nothing and returns NaN.
func (t *TrainerOf[T]) On(x, y MatrixOf[T]) float64 { return t.OnWeighted(x, y, nil) }

// OnWeighted is On with a weight ≥ 0 for each example, (m): J is then the
// weighted mean of the losses. nil weighs all alike.
func (t *TrainerOf[T]) OnWeighted(x, y MatrixOf[T], weights []T) float64 {
	if t.err == nil {
		t.err = t.begin(x, y, weights)
	}
	if t.err != nil {
		return math.NaN()
	}
	if t.search != nil {
		j := t.search.iterate(t)
		t.step++
		t.faulty.Store(true) // of the parameters it is not known
		return t.end(j)
	}
	j := t.gradient()
	t.step++
	if t.err = t.checkGradient(j); t.err != nil {
		return math.NaN()
	}
	t.clip()
	t.update()
	return t.end(j)
}

// Gradient computes the cost and its gradient without an update; dropout is
// off. Grad then returns the gradient.
func (t *TrainerOf[T]) Gradient(x, y MatrixOf[T], weights []T) (float64, error) {
	if t.err == nil {
		t.err = t.begin(x, y, weights)
	}
	if t.err != nil {
		return math.NaN(), t.err
	}
	t.dropping = false
	j := t.gradient()
	return j, t.checkGradient(j)
}

// Cost returns J of these examples without a step; dropout is off.
func (t *TrainerOf[T]) Cost(x, y MatrixOf[T], weights []T) (float64, error) {
	if t.err == nil {
		t.err = t.begin(x, y, weights)
	}
	if t.err != nil {
		return math.NaN(), t.err
	}
	t.dropping, t.lossOnly = false, true
	j := t.gradient()
	t.lossOnly = false
	return j, nil
}

// Grad returns dW and db of layer l (0 is the first) where the last step, or
// Gradient, computed them: after clipping, and for LBFGS at the point where its
// line search ended. They share the trainer's memory until the next step, and are
// empty before the first.
func (t *TrainerOf[T]) Grad(l int) (dw MatrixOf[T], db []T) {
	if t.grad == nil {
		return MatrixOf[T]{}, nil
	}
	at := 0
	for i := range t.Net.Layers {
		w := t.Net.Layers[i].W
		size := w.Rows * w.Cols
		if i == l {
			return MatrixOf[T]{Rows: w.Rows, Cols: w.Cols, Data: t.grad[at : at+size : at+size]}, t.grad[at+size : at+size+w.Rows]
		}
		at += size + w.Rows
	}
	return MatrixOf[T]{}, nil
}

// Penalty is the L2 penalty ½·λ·ΣW² that the last cost has in it.
func (t *TrainerOf[T]) Penalty() float64 { return t.penalty }

// Weight is the sum of the weights of the last cost's examples, or their number:
// what their losses' sum was divided by.
func (t *TrainerOf[T]) Weight() float64 { return t.weight }

// Err is the first error of any step, or nil.
func (t *TrainerOf[T]) Err() error { return t.err }

// Step is the number of steps made.
func (t *TrainerOf[T]) Step() int { return t.step }

// Close ends the trainer's goroutines. A trainer that is forgotten without it
// is cleaned up too, only later.
func (t *TrainerOf[T]) Close() {
	if t.pool != nil {
		t.pool.close()
		t.pool = nil
	}
}

// begin checks a batch and makes room for it.
func (t *TrainerOf[T]) begin(x, y MatrixOf[T], weights []T) error {
	if err := t.Net.checkInput(x); err != nil {
		return err
	}
	if err := t.Net.checkTarget(x, y, weights); err != nil {
		return err
	}
	if t.grad == nil {
		if err := t.prepare(); err != nil {
			return err
		}
	}
	t.x, t.y, t.w = x, y, weights
	t.tiles = (x.Cols + kernel.Tile - 1) / kernel.Tile
	t.dropping = true
	t.reserve()
	return nil
}

func (n *NetworkOf[T]) checkTarget(x, y MatrixOf[T], weights []T) error {
	if err := y.check("Y"); err != nil {
		return err
	}
	if c := n.Outputs(); y.Rows != c || y.Cols != x.Cols {
		hint := ""
		if y.Cols == c && y.Rows == x.Cols {
			hint = fmt.Sprintf("; Yᵀ has shape (%d, %d) and would fit", y.Cols, y.Rows)
		}
		return fmt.Errorf("nn: layer %d: dZ = A − Y: A is (%d, %d), Y is (%d, %d)%s", len(n.Layers), c, x.Cols, y.Rows, y.Cols, hint)
	}
	if weights != nil && len(weights) != x.Cols {
		return fmt.Errorf("nn: J = Σ w·L / Σ w: %d weights for %d examples", len(weights), x.Cols)
	}
	var sum float64
	for j, w := range weights {
		if !(w >= 0) || !finite(float64(w)) {
			return fmt.Errorf("nn: weight %v of example %d must be a finite number, at least 0", w, j)
		}
		sum += float64(w)
	}
	if weights != nil && sum == 0 {
		return fmt.Errorf("nn: J = Σ w·L / Σ w: all weights are 0")
	}
	return nil
}

// prepare checks the settings and makes the memory that every step uses.
func (t *TrainerOf[T]) prepare() error {
	output := t.Net.last().Activation
	var err error
	if t.Loss, err = t.Loss.known(); err != nil {
		return err
	}
	switch {
	case t.Optimizer == nil || reflect.ValueOf(t.Optimizer).IsNil():
		return fmt.Errorf("nn: a trainer needs an optimizer")
	case !(t.L2 >= 0 && finite(t.L2)):
		return fmt.Errorf("nn: L2 penalty %v must be a number, at least 0", t.L2)
	case !(t.Clip >= 0 && finite(t.Clip)):
		return fmt.Errorf("nn: clipping at %v: must be a number, at least 0", t.Clip)
	case t.Steps == 0 && !t.Schedule.isConstant():
		return fmt.Errorf("nn: schedule %q needs Steps, the number of steps", t.Schedule.Name)
	}
	for _, err := range []error{t.Loss.check(), t.Loss.checkOutput(output), t.Optimizer.check(), t.Schedule.check()} {
		if err != nil {
			return err
		}
	}
	t.loss, t.paired = lossOf[T](&t.Loss, output.Name)
	t.grad = make([]T, len(t.Net.params))
	t.blocks = t.Net.blocks()
	t.perTile = t.nearSize()
	switch o := t.Optimizer.(type) {
	case *LBFGS:
		if err := t.checkSearch(); err != nil {
			return err
		}
		t.search = newLBFGS[T](o, len(t.grad), t.Steps)
	case elementwise:
		for i := range o.moments() {
			t.moments[i] = make([]T, len(t.grad))
		}
	}
	t.stripJob, t.blockJob, t.updateJob = t.throughNet, t.block, t.updatePart
	return nil
}

// checkSearch refuses what a line search leaves no place for.
func (t *TrainerOf[T]) checkSearch() error {
	switch {
	case t.Clip > 0:
		return fmt.Errorf("nn: optimizer lbfgs: its line search finds the length of a step: leave clipping out")
	case !t.Schedule.isConstant():
		return fmt.Errorf("nn: optimizer lbfgs has no learning rate: leave the schedule out")
	}
	for i, l := range t.Net.Layers {
		if l.Dropout > 0 {
			return fmt.Errorf("nn: layer %d: optimizer lbfgs needs the same cost at each evaluation: leave dropout out", i+1)
		}
	}
	return nil
}

// reserve makes room for as many tiles as this batch has, once.
func (t *TrainerOf[T]) reserve() {
	mt := min(t.x.Cols, kernel.Tile)
	threads := t.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if t.tiles == 1 || len(t.grad)*mt < minWork {
		threads = 1
	}
	t.threads = min(threads, maxGroup)
	t.strip = t.stripSize()
	t.group = max(t.groupSize(), t.strip)
	if t.threads > 1 && t.pool == nil {
		t.pool = newWorkers(t.threads)
		runtime.AddCleanup(t, (*workers).close, t.pool)
	}
	tiles := min(t.tiles, t.group)
	for len(t.space) < (tiles+t.strip-1)/t.strip {
		t.space = append(t.space, workspace[T]{})
	}
	for i := range t.space {
		t.space[i].fit(t.Net, min(t.x.Cols, t.strip*kernel.Tile), true, t.trace != nil)
	}
	for len(t.near) < t.threads {
		t.near = append(t.near, nil)
	}
	for i := range t.near {
		if need := tiles * t.perTile; len(t.near[i]) < need {
			t.near[i] = make([]T, need)
		}
	}
}

// nearSize is the most numbers that a block's gradient has at a time, in whole
// panels.
func (t *TrainerOf[T]) nearSize() int {
	size := 0
	for i := range t.blocks {
		size = max(size, t.blocks[i].size())
	}
	return (size + kernel.Panel - 1) / kernel.Panel * kernel.Panel
}

// stripSize is how many tiles go through the network at a time: more than one
// where their values fill the first cache only together, so that a tiny network
// has fewer calls. It changes no result.
func (t *TrainerOf[T]) stripSize() int {
	const near = 1 << 13 // numbers that the first cache holds
	values := t.Net.Inputs * kernel.Tile
	for i := range t.Net.Layers {
		l := &t.Net.Layers[i]
		if l.Dropout > 0 {
			return 1
		}
		values += 3*l.Units*kernel.Tile + kernel.Turned(l.W.Cols, kernel.Tile)
		if kernel.Few(l.Units, l.W.Cols) {
			values -= kernel.Turned(l.W.Cols, kernel.Tile)
		}
	}
	size := 1
	for size < maxGroup && 2*size*values <= near {
		size *= 2
	}
	return size
}

// groupSize is how many tiles are worked on before their gradients are added
// up. It changes no result. As many as stay near are; else each group passes
// over all parameters, so that the more of those there are beside a tile's
// values, the more tiles it takes; and threads want some each.
func (t *TrainerOf[T]) groupSize() int {
	const near = 1 << 15 // numbers that the second cache keeps easily
	values := 0
	for i := range t.Net.Layers {
		values += (4*t.Net.Layers[i].Units + t.Net.Layers[i].W.Cols) * kernel.Tile
	}
	size := 1
	for size < maxGroup && (2*size*values <= near || size*values < 4*len(t.grad) || t.threads > 1 && size < 4*t.threads) {
		size *= 2
	}
	return size
}

// each runs job for every i below parts, on all threads if there are several.
func (t *TrainerOf[T]) each(parts int, job func(worker, i int)) {
	if t.pool != nil && parts > 1 && t.threads > 1 {
		t.pool.run(parts, job)
		return
	}
	for i := range parts {
		job(0, i)
	}
}

// gradient computes J and, in grad, its gradient: the tiles' sums, added along
// the tree, over the sum of weights, and the penalty's part.
//
// Tiles go in groups; stack holds the sums of earlier groups and joins equals
// as a binary counter carries: the same tree as over all tiles at once, in
// memory that hardly grows with m.
func (t *TrainerOf[T]) gradient() float64 {
	t.faulty.Store(false)
	var sum total
	for t.firstTile = 0; t.firstTile < t.tiles; t.firstTile += t.group {
		n := min(t.group, t.tiles-t.firstTile)
		t.inGroup = n
		t.each((n+t.strip-1)/t.strip, t.stripJob)
		sum = treeSum(t.totals[:n])
		t.scale = 1
		if t.tiles <= t.group {
			t.scale = T(1 / sum.weight)
		}
		if !t.lossOnly {
			t.each(len(t.blocks), t.blockJob)
		}
		if t.tiles > t.group {
			t.push(sum)
		}
	}
	if t.tiles > t.group {
		sum = t.collapse()
	}
	cost := sum.loss / sum.weight
	t.penalty, t.weight = 0, sum.weight
	at := 0
	for i := range t.Net.Layers {
		l := &t.Net.Layers[i]
		w := l.W.Data
		if t.L2 > 0 {
			t.penalty += float64(0.5 * t.L2 * kernel.Dot(w, w))
		}
		if !t.lossOnly {
			g := t.grad[at : at+len(w)+len(l.B)]
			if t.tiles > t.group {
				kernel.Scale(g, T(1/sum.weight))
			}
			if t.L2 > 0 {
				kernel.AddScaled(g[:len(w)], w, T(t.L2))
			}
		}
		at += len(w) + len(l.B)
	}
	if (t.L2 > 0 || t.tiles == 1 || t.tiles > t.group) && !t.lossOnly {
		t.faulty.Store(kernel.NotFinite(t.grad) >= 0)
	}
	return cost + t.penalty
}

// throughNet takes strip i of the group through the network, and its dZ back.
func (t *TrainerOf[T]) throughNet(_, i int) {
	n, s := t.Net, &t.space[i]
	first := (t.firstTile + i*t.strip) * kernel.Tile
	mt := min(t.strip*kernel.Tile, t.x.Cols-first)
	var drop *dropout
	if t.dropping {
		drop = &dropout{seed: t.Seed, step: uint64(t.step), tile: uint64(first / kernel.Tile)}
	}
	last := s.forward(n, t.x, first, mt, drop)
	if !t.paired {
		last.forward(last.a, last.z, last.alpha)
	}
	for j := 0; j < mt; j += kernel.Tile {
		t.totals[i*t.strip+j/kernel.Tile] = t.lossOf(last, first, j, min(kernel.Tile, mt-j), s.ld)
	}
	if t.lossOnly {
		return
	}
	if !t.paired {
		last.backward(last.dz, last.z, last.a, last.alpha)
	}
	s.backward(n, t.dropping)
	if t.trace != nil {
		t.trace.take(s, first, mt)
	}
}

// lossOf computes the loss of m examples, a tile, from j on in a strip that
// begins at example first, and unless it alone is asked for its dZ.
func (t *TrainerOf[T]) lossOf(last *layerSpace[T], first, j, m, ld int) total {
	var w []T
	sum := total{weight: float64(m)}
	if t.w != nil {
		w = t.w[first+j : first+j+m]
		sum.weight = 0
		for _, x := range w {
			sum.weight += float64(x)
		}
	}
	var dz []T
	if !t.lossOnly {
		dz = last.dz[j:]
	}
	sum.loss = t.loss(dz, last.z[j:], last.a[j:], t.y.Data[first+j:], ld, t.y.Cols, w, t.Net.Outputs(), m, T(t.Loss.Param))
	return sum
}

// block computes the gradient of block i over the tiles of the group.
func (t *TrainerOf[T]) block(worker, i int) {
	finite := blockGradient(&t.blocks[i], t.Net, t.grad, t.space, t.strip, t.inGroup, t.near[worker], t.perTile, t.scale)
	if !finite {
		t.faulty.Store(true)
	}
}

func treeSum(x []total) total {
	for step := 1; step < len(x); step *= 2 {
		for i := 0; i+step < len(x); i += 2 * step {
			x[i].add(x[i+step])
		}
	}
	return x[0]
}

// push adds the sum of one more group, with its gradient in grad, to the counter.
func (t *TrainerOf[T]) push(sum total) {
	level := 0
	for ; level < len(t.stack) && t.stack[level].full; level++ {
		p := &t.stack[level]
		if !t.lossOnly {
			kernel.Add(t.grad, p.grad)
		}
		sum.add(p.total)
		p.full = false
	}
	if level == len(t.stack) {
		t.stack = append(t.stack, partial[T]{grad: make([]T, len(t.grad))})
	}
	p := &t.stack[level]
	if !t.lossOnly {
		p.grad, t.grad = t.grad, p.grad
	}
	p.full, p.total = true, sum
}

// collapse adds up what the counter holds, the latest groups first; the gradient
// in grad.
func (t *TrainerOf[T]) collapse() (sum total) {
	first := true
	for i := range t.stack {
		p := &t.stack[i]
		if !p.full {
			continue
		}
		switch {
		case t.lossOnly:
		case first:
			p.grad, t.grad = t.grad, p.grad
		default:
			kernel.Add(t.grad, p.grad)
		}
		if first {
			sum, first = p.total, false
		} else {
			sum.add(p.total)
		}
		p.full = false
	}
	return sum
}

// clip scales the gradient down to the norm Clip, if it is longer.
func (t *TrainerOf[T]) clip() {
	if t.Clip == 0 {
		return
	}
	if norm := math.Sqrt(kernel.Dot(t.grad, t.grad)); norm > t.Clip {
		kernel.Scale(t.grad, T(t.Clip/norm))
	}
}

// update makes the optimiser's step on all parameters.
func (t *TrainerOf[T]) update() {
	o := t.Optimizer.(elementwise)
	u := update[T]{
		p: t.Net.params, g: t.grad, u: t.moments[0], v: t.moments[1], step: t.step,
		rate: T(float64(o.LearningRate() * t.Schedule.Factor(t.step-1, t.Steps))),
	}
	if w, ok := o.(*AdamW); ok {
		for i := range t.Net.Layers {
			kernel.Decay(t.Net.Layers[i].W.Data, T(w.shrinkage(float64(u.rate))))
		}
	}
	t.now = u
	t.each((len(u.p)+updateSize-1)/updateSize, t.updateJob)
	t.now = update[T]{}
}

// updateSize is how many parameters are updated at a time, and then looked at
// while they are near.
const updateSize = 1 << 12

// updatePart makes the optimiser's step on the parameters of part i.
func (t *TrainerOf[T]) updatePart(_, i int) {
	u := t.now.slice(i*updateSize, min((i+1)*updateSize, len(t.now.p)))
	o := t.Optimizer.(elementwise)
	switch u := any(&u).(type) {
	case *update[float32]:
		o.update32(*u)
	case *update[float64]:
		o.update64(*u)
	}
	if kernel.NotFinite(u.p) >= 0 {
		t.faulty.Store(true)
	}
}

// end checks the parameters after a step, and passes its cost on.
func (t *TrainerOf[T]) end(cost float64) float64 {
	if t.err == nil && t.faulty.Load() {
		t.err = t.locate(t.Net.params, "W", "b")
	}
	if t.err != nil {
		return math.NaN()
	}
	return cost
}

// checkGradient looks for a NaN or an infinity in a step, and says where the
// first one on its way came from.
func (t *TrainerOf[T]) checkGradient(cost float64) error {
	if finite(cost) && !t.faulty.Load() {
		return nil
	}
	if i := kernel.NotFinite(t.x.Data); i >= 0 {
		return t.numeric(0, "X", float64(t.x.Data[i]))
	}
	if i := kernel.NotFinite(t.y.Data); i >= 0 {
		return t.numeric(0, "Y", float64(t.y.Data[i]))
	}
	// Z and A, tile by tile, without dropout: a number that overflows does so
	// with and without it.
	var s workspace[T]
	s.fit(t.Net, min(t.x.Cols, kernel.Tile), false, true)
	for first := 0; first < t.x.Cols; first += kernel.Tile {
		s.forward(t.Net, t.x, first, min(kernel.Tile, t.x.Cols-first), nil)
		for l := range s.layers {
			if i := kernel.NotFinite(s.layers[l].z); i >= 0 {
				return t.numeric(l+1, "Z", float64(s.layers[l].z[i]))
			}
			if l == len(s.layers)-1 {
				break
			}
			if i := kernel.NotFinite(s.layers[l].a); i >= 0 {
				return t.numeric(l+1, "A", float64(s.layers[l].a[i]))
			}
		}
	}
	if !finite(cost) {
		return t.numeric(0, "J", cost)
	}
	return t.locate(t.grad, "dW", "db")
}

// locate names the first number of params' layout that isn't finite, from the
// last layer down: the way that gradients come.
func (t *TrainerOf[T]) locate(x []T, weights, biases string) error {
	end := len(x)
	for l := len(t.Net.Layers) - 1; l >= 0; l-- {
		b := len(t.Net.Layers[l].B)
		w := len(t.Net.Layers[l].W.Data)
		if i := kernel.NotFinite(x[end-b-w : end-b]); i >= 0 {
			return t.numeric(l+1, weights, float64(x[end-b-w+i]))
		}
		if i := kernel.NotFinite(x[end-b : end]); i >= 0 {
			return t.numeric(l+1, biases, float64(x[end-b+i]))
		}
		end -= b + w
	}
	return nil
}

func (t *TrainerOf[T]) numeric(layer int, tensor string, value float64) error {
	return &NumericError{Epoch: t.Epoch, Step: t.step, Layer: layer, Tensor: tensor, Value: value}
}
