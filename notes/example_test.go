package notes_test

import (
	"fmt"

	"github.com/shoal-nn/shoal/notes"
)

// A network of two features, two hidden units and one output sees three
// examples, the columns of X.
func ExampleNetwork_Forward() {
	net := notes.Network{
		Hidden: notes.ReLU,
		Output: notes.LinearOutput,
		W1:     notes.Matrix{{1, -1}, {0.5, 0.5}},
		B1:     notes.Matrix{{0}, {-1}},
		W2:     notes.Matrix{{2, 4}},
		B2:     notes.Matrix{{0.5}},
	}
	p, err := net.Forward(notes.Matrix{
		{3, 1, 0}, // the first feature
		{1, 2, 1}, // the second
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Z1 =", p.Z1)
	fmt.Println("A1 =", p.A1)
	fmt.Println("A2 =", p.A2)
	// Output:
	// Z1 = [[2 -1 -1] [1 0.5 -0.5]]
	// A1 = [[2 0 0] [1 0.5 0]]
	// A2 = [[8.5 2.5 0.5]]
}

// The derivatives of the mean loss: each has the shape of its parameter.
func ExampleNetwork_Backward() {
	net := notes.Network{
		Hidden: notes.ReLU,
		Output: notes.LinearOutput,
		W1:     notes.Matrix{{1, -1}, {0.5, 0.5}},
		B1:     notes.Matrix{{0}, {-1}},
		W2:     notes.Matrix{{2, 4}},
		B2:     notes.Matrix{{0.5}},
	}
	X := notes.Matrix{{3, 1}, {1, 2}}
	Y := notes.Matrix{{8, 2}}

	p, _ := net.Forward(X) // errors are about shapes; see the test of them
	d, _ := net.Backward(p, Y)
	fmt.Println("dZ2 =", d.DZ2) // A2 − Y
	fmt.Println("dW2 =", d.DW2, "db2 =", d.DB2)
	fmt.Println("dZ1 =", d.DZ1) // the first unit is off for the second example
	fmt.Println("dW1 =", d.DW1, "db1 =", d.DB1)
	// Output:
	// dZ2 = [[0.5 0.5]]
	// dW2 = [[0.5 0.375]] db2 = [[0.5]]
	// dZ1 = [[1 0] [2 2]]
	// dW1 = [[1.5 0.5] [4 3]] db1 = [[0.5] [2]]
}

// Too cold or too warm: no single threshold parts the yes from the no, so one
// unit alone can't learn it; two hidden units take a threshold each.
func ExampleNetwork_Step() {
	X := notes.Matrix{{-4, -3, -2, -1, 0, 1, 2, 3}}
	Y := notes.Matrix{{1, 1, 1, 0, 0, 0, 1, 1}}

	net := notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}
	if err := net.Init(1, 2, 1, 1); err != nil {
		fmt.Println(err)
		return
	}
	for step := range 3001 {
		J, err := net.Step(X, Y, 1.2)
		if err != nil {
			fmt.Println(err)
			return
		}
		if step%1000 == 0 {
			fmt.Printf("step %4d: J = %.3f\n", step, J)
		}
	}
	p, err := net.Forward(X)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("A2 = %.0f\n", p.A2)
	// Output:
	// step    0: J = 0.693
	// step 1000: J = 0.003
	// step 2000: J = 0.001
	// step 3000: J = 0.001
	// A2 = [[1 1 1 0 0 0 1 1]]
}

// An example is a column. Whoever has them as rows is told.
func ExampleT() {
	net := notes.Network{Hidden: notes.Tanh, Output: notes.SigmoidOutput}
	if err := net.Init(2, 4, 1, 1); err != nil {
		fmt.Println(err)
		return
	}
	rows := notes.Matrix{{0, 0}, {0, 1}, {1, 0}}

	_, err := net.Forward(rows)
	fmt.Println(err)
	_, err = net.Forward(notes.T(rows))
	fmt.Println(err)
	// Output:
	// notes: Z1 = W1·X + b1: (4, m) = (4, 2)·(2, m) + (4, 1): X is (3, 2) and needs to be (2, m); Xᵀ has shape (2, 3) and would fit
	// <nil>
}
