package train_test

import (
	"testing"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/train"
)

// The fit hashes of some trainings, from the file to the last weight: every
// optimiser, both precisions, numbers and categories. They are the same on
// every processor (make arm64 runs them on another), and a change that moves
// one is a change of the arithmetic: say so in CHANGELOG.md.
func TestFitHashesStay(t *testing.T) {
	for _, c := range []struct {
		name, table string
		config      train.Config
		want        string
	}{
		{"defaults", "breast_cancer", train.Config{Target: "diagnosis", Epochs: 5}, "32835efe95f2c213"},
		{"categories, a regression", "diamonds", train.Config{Target: "price", Hidden: []int{8}, Steps: 100}, "e4523c4c9e10104f"},
		{"three classes", "iris", train.Config{Target: "species", Hidden: []int{4}, Epochs: 10}, "1eb97e3539a39922"},
		{"gradient descent", "boston_housing", train.Config{Target: "medv", Optimizer: &nn.GradientDescent{Rate: 0.1}, Hidden: []int{8, 5}, Activation: []nn.Activation{nn.GELU}, Epochs: 20}, "65a41f6bc8d213fb"},
		{"momentum", "boston_housing", train.Config{Target: "medv", Optimizer: &nn.Momentum{}, Hidden: []int{8}, Activation: []nn.Activation{nn.Tanh}, Epochs: 20}, "54579292b6ff5208"},
		{"nesterov", "boston_housing", train.Config{Target: "medv", Optimizer: &nn.Nesterov{}, Hidden: []int{8}, Activation: []nn.Activation{nn.SiLU}, Loss: nn.Huber(1), Epochs: 20}, "bbf5e818ae02fbab"},
		{"rmsprop", "boston_housing", train.Config{Target: "medv", Optimizer: &nn.RMSProp{Rate: 0.01}, Hidden: []int{8}, Activation: []nn.Activation{nn.Softplus}, Clip: 1, Epochs: 20}, "9214d18b161bf605"},
		{"adam in float64, dropout, poisson", "boston_housing", train.Config{Target: "medv", Optimizer: &nn.Adam{Rate: 0.01}, Hidden: []int{8}, Activation: []nn.Activation{nn.ELU(1)}, Loss: nn.Poisson, Dropout: 0.1, Precision: 64, Epochs: 20}, "596781628b4e725a"},
		{"l-bfgs", "diabetes", train.Config{Target: "target", Optimizer: &nn.LBFGS{}, Hidden: []int{4}, Activation: []nn.Activation{nn.Sigmoid}, L2: 0.01, Epochs: 30}, "7ce95230a132d140"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Test = 0.2
			r := fit(t, open(t, c.table), c.config)
			if r.BestEpoch == 0 {
				t.Error("the network learnt nothing, so its hash says nothing")
			}
			if got := r.FitHash[:16]; got != c.want {
				t.Errorf("fit hash %s, want %s", got, c.want)
			}
		})
	}
}
