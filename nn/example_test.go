package nn_test

import (
	"fmt"

	"github.com/shoal-nn/shoal/nn"
)

// A network learns exclusive or, is frozen, and answers one example at a time.
func ExampleNetworkOf_Freeze() {
	x := nn.FromRows([][]float32{{0, 0, 1, 1}, {0, 1, 0, 1}}) // four examples, as columns
	y := nn.FromRows([][]float32{{0, 1, 1, 0}})
	net := nn.New(2, nn.Dense(4, nn.Tanh), nn.Dense(1, nn.Sigmoid))
	net.Init(nn.Xavier, 1)
	step := net.Trainer(nn.CrossEntropy, &nn.Adam{Rate: 0.1})
	for range 500 {
		step.On(x, y)
	}
	if err := step.Err(); err != nil {
		fmt.Println(err)
		return
	}
	p := nn.Predictor{Net: net, Frozen: net.Freeze()}
	one := nn.FromRows([][]float32{{1}, {0}})
	a, err := p.Predict(one)
	fmt.Printf("%.2f %v\n", a.At(0, 0), err)
	// Output: 1.00 <nil>
}
