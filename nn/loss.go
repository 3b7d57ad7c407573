package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Loss is what training makes small: the cost J is the mean over the examples
// of their losses L (weighted, if there are weights), plus the L2 penalty.
// A is the output layer's, Y the target, both (c, m); L adds up over outputs.
type Loss struct {
	Name    string
	Param   float64 // δ of Huber, τ of quantile; unused by others
	Formula string  // L of one output
	Slope   string  // ∂L/∂a, or dZ for a loss that is paired with its output
	Use     string

	output []string // activations that the output layer may have; nil is any but softmax
	single lossFunctions[float32]
	double lossFunctions[float64]
}

// lossFunctions are the loss kernels of one precision, by output activation;
// "" is the one for every other.
type lossFunctions[T Float] map[string]lossFunction[T]

type lossFunction[T Float] func(dz, z, a, y []T, ld, ldy int, w []T, c, m int, param T) float64

// The losses. Cross-entropy, half squared error (with linear outputs) and
// Poisson (with exp) have dZ = A − Y.
var (
	CrossEntropy = Loss{
		Name: "cross_entropy", Formula: "−(y·log a + (1−y)·log(1−a)); with softmax −Σ y·log a", Slope: "dZ = A − Y",
		Use:    "classification; computed from Z, so that it never takes the logarithm of 0",
		output: []string{"sigmoid", "softmax"},
		single: lossFunctions[float32]{"sigmoid": kernel.SigmoidCrossEntropy[float32], "softmax": kernel.SoftmaxCrossEntropy[float32]},
		double: lossFunctions[float64]{"sigmoid": kernel.SigmoidCrossEntropy[float64], "softmax": kernel.SoftmaxCrossEntropy[float64]},
	}
	HalfSquared = Loss{
		Name: "half_squared", Formula: "½·(a − y)²", Slope: "a − y", Use: "regression: the mean",
		single: lossFunctions[float32]{"": kernel.HalfSquared[float32]},
		double: lossFunctions[float64]{"": kernel.HalfSquared[float64]},
	}
	Absolute = Loss{
		Name: "absolute", Formula: "|a − y|", Slope: "sign(a − y)", Use: "regression: the median; outliers count less",
		single: lossFunctions[float32]{"": kernel.Absolute[float32]},
		double: lossFunctions[float64]{"": kernel.Absolute[float64]},
	}
	huber = Loss{
		Name: "huber", Param: 1, Formula: "½·e² if |e| ≤ δ, else δ·(|e| − ½·δ); e = a − y", Slope: "e held within ±δ",
		Use:    "regression with outliers (Huber, 1964)",
		single: lossFunctions[float32]{"": kernel.Huber[float32]},
		double: lossFunctions[float64]{"": kernel.Huber[float64]},
	}
	Poisson = Loss{
		Name: "poisson", Formula: "a − y·log a", Slope: "dZ = A − Y", Use: "counts; the output layer is exp",
		output: []string{"exp"},
		single: lossFunctions[float32]{"exp": kernel.PoissonExp[float32]},
		double: lossFunctions[float64]{"exp": kernel.PoissonExp[float64]},
	}
	quantile = Loss{
		Name: "quantile", Param: 0.5, Formula: "τ·(y − a) if y > a, else (1 − τ)·(a − y)", Slope: "−τ or 1 − τ",
		Use:    "regression: the τ-quantile (Koenker and Bassett, 1978)",
		single: lossFunctions[float32]{"": kernel.Quantile[float32]},
		double: lossFunctions[float64]{"": kernel.Quantile[float64]},
	}
)

// Huber is the half squared error up to δ > 0, linear beyond.
func Huber(delta float64) Loss {
	l := huber
	l.Param = delta
	return l
}

// Quantile is the loss whose minimum is the τ-quantile, 0 < τ < 1.
func Quantile(tau float64) Loss {
	l := quantile
	l.Param = tau
	return l
}

// Losses lists every loss.
func Losses() []Loss { return []Loss{CrossEntropy, HalfSquared, Absolute, huber, Poisson, quantile} }

// LossNamed returns the loss of that name; "huber:2" and "quantile:0.9" set
// the parameter.
func LossNamed(name string) (Loss, error) {
	base, param, given, err := splitParameter(name)
	if err != nil {
		return Loss{}, fmt.Errorf("nn: loss %q: %w", name, err)
	}
	var names []string
	for _, l := range Losses() {
		names = append(names, l.Name)
		if l.Name != base {
			continue
		}
		if given {
			if l.Param == 0 {
				return Loss{}, fmt.Errorf("nn: loss %q: %s takes no parameter", name, base)
			}
			l.Param = param
		}
		return l, l.check()
	}
	return Loss{}, fmt.Errorf("nn: there is no loss %q; there are %s", name, strings.Join(names, ", "))
}

// String is the name as LossNamed takes it.
func (l Loss) String() string {
	if l.Name == huber.Name || l.Name == quantile.Name {
		return fmt.Sprintf("%s:%v", l.Name, l.Param)
	}
	return l.Name
}

// Output is the activation that the output layer has by default.
func (l Loss) Output(c int) Activation {
	switch {
	case l.Name == CrossEntropy.Name && c > 1:
		return Softmax
	case l.Name == CrossEntropy.Name:
		return Sigmoid
	case l.Name == Poisson.Name:
		return Exp
	}
	return Linear
}

// Of is L of one output a for the target y, without the cost's mean over the
// examples. A probability of 0 or 1 may make cross-entropy infinite.
func (l Loss) Of(a, y float64) float64 {
	switch l.Name {
	case CrossEntropy.Name:
		sum := 0.0
		if y != 0 {
			sum -= float64(y * kernel.Log(a))
		}
		if y != 1 {
			sum -= float64((1 - y) * kernel.Log(1-a))
		}
		return sum
	case Poisson.Name:
		if y == 0 {
			return a
		}
		return a - float64(y*kernel.Log(a))
	}
	l, err := l.known()
	if err != nil {
		return math.NaN()
	}
	return l.double[""](nil, nil, []float64{a}, []float64{y}, 1, 1, nil, 1, 1, l.Param)
}

// known returns the loss of this name and parameter, complete: a caller may have
// given a name alone.
func (l Loss) known() (Loss, error) {
	if l.Name == "" {
		return l, fmt.Errorf("nn: no loss given")
	}
	if l.single != nil {
		return l, nil
	}
	k, err := LossNamed(l.Name)
	if err == nil && l.Param != 0 {
		k.Param = l.Param
	}
	return k, err
}

// Paired says whether the loss and this output activation are a pair: dZ is
// then A − Y.
func (l Loss) Paired(output Activation) bool {
	return l.output != nil || l.Name == HalfSquared.Name && output.Name == Linear.Name
}

func (l Loss) check() error {
	switch {
	case l.Name == huber.Name && !(l.Param > 0 && finite(l.Param)):
		return fmt.Errorf("nn: loss huber: δ = %v, which must be above 0", l.Param)
	case l.Name == quantile.Name && !(l.Param > 0 && l.Param < 1):
		return fmt.Errorf("nn: loss quantile: τ = %v, which must lie between 0 and 1", l.Param)
	}
	return nil
}

// checkOutput says whether the loss can follow this output activation.
func (l Loss) checkOutput(g Activation) error {
	if l.output == nil {
		if g.Name == Softmax.Name {
			return fmt.Errorf("nn: loss %s can't follow a softmax output; cross_entropy does", l.Name)
		}
		return nil
	}
	for _, name := range l.output {
		if name == g.Name {
			return nil
		}
	}
	return fmt.Errorf("nn: loss %s needs an output layer of %s, not %s", l.Name, strings.Join(l.output, " or "), g.Name)
}

// lossOf returns the loss's kernel for an output activation, and whether that
// kernel computes a and dZ itself.
func lossOf[T Float](l *Loss, output string) (f lossFunction[T], paired bool) {
	var functions any = l.single
	if _, double := any(T(0)).(float64); double {
		functions = l.double
	}
	m := functions.(lossFunctions[T])
	if f, ok := m[output]; ok {
		return f, true
	}
	return m[""], false
}
