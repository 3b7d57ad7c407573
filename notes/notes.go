// Package notes is the textbook: a network with one hidden layer, written as
// its equations are: float64, plain loops, a line of code an equation, no
// dependencies. It isn't fast, and its last bits are those of the processor's
// exp and tanh. Package nn is fast and the same everywhere, and is held against
// this one by its tests.
//
// An example is a column, and m of them stand side by side in X. There are nx
// features, n1 hidden units and n2 outputs; ∘ multiplies element by element, and
// Σ adds over the examples.
//
//	forward                          backward
//	Z1 = W1·X + b1                   dZ2 = A2 − Y
//	A1 = g(Z1)                       dW2 = dZ2·A1ᵀ / m
//	Z2 = W2·A1 + b2                  db2 = Σ dZ2 / m
//	A2 = output(Z2)                  dA1 = W2ᵀ·dZ2
//	                                 dZ1 = dA1 ∘ g′(Z1)
//	cost                             dW1 = dZ1·Xᵀ / m
//	J = Σ loss(A2, Y) / m            db1 = Σ dZ1 / m
//
//	update                           W = W − rate·dW      b = b − rate·db
//
// Every derivative has the shape of what it is the derivative of:
//
//	X                (nx, m)         Y, Z2, A2, dZ2   (n2, m)
//	W1, dW1          (n1, nx)        W2, dW2          (n2, n1)
//	b1, db1          (n1, 1)         b2, db2          (n2, 1)
//	Z1, A1, dA1, dZ1 (n1, m)         J                a number
//
// dZ, and dA with it, is the derivative of an example's own loss, in its own
// column. J is the mean over the examples, so the 1/m stands in dW and db.
//
// The output is a sigmoid, a softmax or linear; each has the loss for which
// dZ2 = A2 − Y (see Output).
//
//	net := notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}
//	err := net.Init(2, 4, 1, seed)
//	for range 10_000 {
//		J, err = net.Step(X, Y, 1.2)
//	}
package notes

import (
	"fmt"
	"math/rand/v2"
)

// Network is a network with one hidden layer: A2 = output(W2·g(W1·X + b1) + b2).
type Network struct {
	Hidden Activation // g
	Output Output     // A2 from Z2, and the loss

	W1 Matrix // (n1, nx): row i holds what hidden unit i makes of each feature
	B1 Matrix // (n1, 1)
	W2 Matrix // (n2, n1)
	B2 Matrix // (n2, 1)
}

// Pass is what a forward pass computes, and the backward pass needs.
type Pass struct {
	X      Matrix // (nx, m)
	Z1, A1 Matrix // (n1, m)
	Z2, A2 Matrix // (n2, m)
}

// Gradient is what a backward pass computes: the derivatives of J by the
// parameters, and those on the way to them.
type Gradient struct {
	DZ2 Matrix // (n2, m)
	DW2 Matrix // (n2, n1)
	DB2 Matrix // (n2, 1)

	DA1, DZ1 Matrix // (n1, m)
	DW1      Matrix // (n1, nx)
	DB1      Matrix // (n1, 1)
}

// Init sets W1 (n1, nx) and W2 (n2, n1) to randn·0.01 and b1 (n1, 1) and
// b2 (n2, 1) to 0. The same seed gives the same weights.
//
// The weights are random so that the hidden units differ: units with equal
// weights have equal derivatives and stay equal for ever. They are small so that
// Z is near 0, where sigmoid and tanh are steep and learn fast. The biases may
// be 0, for the weights already tell the units apart. Notes, part 6.
func (n *Network) Init(nx, n1, n2 int, seed uint64) error {
	if nx < 1 || n1 < 1 || n2 < 1 {
		return fmt.Errorf("notes: Init: %d features, %d hidden units and %d outputs; there must be at least 1 of each", nx, n1, n2)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	randn := func(float64) float64 { return random.NormFloat64() }

	n.W1 = scale(0.01, apply(randn, zeros(n1, nx))) // W1 = randn·0.01   (n1, nx)
	n.B1 = zeros(n1, 1)                             // b1 = 0            (n1, 1)
	n.W2 = scale(0.01, apply(randn, zeros(n2, n1))) // W2 = randn·0.01   (n2, n1)
	n.B2 = zeros(n2, 1)                             // b2 = 0            (n2, 1)
	return nil
}

// Forward computes Z1, A1, Z2 and A2 for X (nx, m). Notes, part 4.
//
// It is an error if a shape doesn't fit.
func (n *Network) Forward(X Matrix) (*Pass, error) {
	if err := n.checkInput(X); err != nil {
		return nil, err
	}
	W1, b1, W2, b2 := n.W1, n.B1, n.W2, n.B2
	g, output := n.Hidden.G, n.Output.A

	Z1 := plus(mul(W1, X), b1)  // Z1 = W1·X + b1     (n1, m) = (n1, nx)·(nx, m) + (n1, 1)
	A1 := apply(g, Z1)          // A1 = g(Z1)         (n1, m)
	Z2 := plus(mul(W2, A1), b2) // Z2 = W2·A1 + b2    (n2, m) = (n2, n1)·(n1, m) + (n2, 1)
	A2 := columns(output, Z2)   // A2 = output(Z2)    (n2, m)

	return &Pass{X, Z1, A1, Z2, A2}, nil
}

// Cost is J, the mean of the examples' losses, for Y (n2, m). Notes, part 4.
//
// The loss is computed from Z2, not from A2: the logarithm of an A2 that has
// been rounded to 0 or 1 is lost.
func (n *Network) Cost(p *Pass, Y Matrix) (float64, error) {
	if err := n.checkPass(p, Y); err != nil {
		return 0, err
	}
	z, y := T(p.Z2), T(Y) // a row of a transpose is a column, an example
	m := float64(len(y))

	J := 0.0
	for i := range y {
		J += n.Output.Loss(z[i], y[i]) / m // J = Σ loss(z, y) / m
	}
	return J, nil
}

// Backward computes the derivatives of J, for Y (n2, m), from the last equation
// of the forward pass to the first. Notes, parts 4 and 5.
//
// The chain rule takes an equation at a time. Z2 = W2·A1 + b2 says that
// ∂z2[i]/∂W2[i,k] = a1[k], so an example's own dW2[i,k] is dz2[i]·a1[k], which is
// (n2, 1)·(1, n1); adding over the examples makes that dZ2·A1ᵀ. By the same
// equation a1[k] acts on every z2[i], with the weight W2[i,k]; adding over the
// outputs makes that W2ᵀ·dZ2. And b2[i] acts on z2[i] with the weight 1.
// A1 = g(Z1) acts element by element, hence the ∘. The first layer is then the
// second again, with X for A1.
//
// It is an error if a shape doesn't fit.
func (n *Network) Backward(p *Pass, Y Matrix) (*Gradient, error) {
	if err := n.checkPass(p, Y); err != nil {
		return nil, err
	}
	X, A1, A2, W2 := p.X, p.A1, p.A2, n.W2
	gPrime := n.Hidden.Prime
	m := float64(len(Y[0]))

	dZ2 := minus(A2, Y)                  // dZ2 = A2 − Y           (n2, m)
	dW2 := over(m, mul(dZ2, T(A1)))      // dW2 = dZ2·A1ᵀ / m      (n2, n1) = (n2, m)·(m, n1)
	db2 := over(m, sum(dZ2))             // db2 = Σ dZ2 / m        (n2, 1)
	dA1 := mul(T(W2), dZ2)               // dA1 = W2ᵀ·dZ2          (n1, m) = (n1, n2)·(n2, m)
	dZ1 := times(dA1, apply(gPrime, A1)) // dZ1 = dA1 ∘ g′(Z1)     (n1, m)
	dW1 := over(m, mul(dZ1, T(X)))       // dW1 = dZ1·Xᵀ / m       (n1, nx) = (n1, m)·(m, nx)
	db1 := over(m, sum(dZ1))             // db1 = Σ dZ1 / m        (n1, 1)

	return &Gradient{dZ2, dW2, db2, dA1, dZ1, dW1, db1}, nil
}

// Descend makes one step of gradient descent: each parameter goes down its
// slope, rate times as far as it is steep.
func (n *Network) Descend(d *Gradient, rate float64) error {
	if err := n.checkGradient(d); err != nil {
		return err
	}
	n.W1 = minus(n.W1, scale(rate, d.DW1)) // W1 = W1 − rate·dW1
	n.B1 = minus(n.B1, scale(rate, d.DB1)) // b1 = b1 − rate·db1
	n.W2 = minus(n.W2, scale(rate, d.DW2)) // W2 = W2 − rate·dW2
	n.B2 = minus(n.B2, scale(rate, d.DB2)) // b2 = b2 − rate·db2
	return nil
}

// Step is one step of training on X (nx, m) and Y (n2, m): forward, cost,
// backward, update. It returns the cost before the update.
func (n *Network) Step(X, Y Matrix, rate float64) (J float64, err error) {
	p, err := n.Forward(X)
	if err != nil {
		return 0, err
	}
	if J, err = n.Cost(p, Y); err != nil {
		return 0, err
	}
	d, err := n.Backward(p, Y)
	if err != nil {
		return 0, err
	}
	return J, n.Descend(d, rate)
}
