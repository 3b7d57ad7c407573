package nn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Activation is a function g applied to every element of Z, with its
// derivative. Linear, Sigmoid, Tanh, ReLU, LeakyReLU(α), ELU, Softplus, GELU,
// SiLU and Exp are the known ones, and Softmax for an output layer.
type Activation struct {
	Name       string
	Alpha      float64 // α: the slope of leaky ReLU, the depth of ELU; unused by others
	Formula    string  // a = g(z)
	Derivative string  // g'(z), from a where that is possible
	Range      string  // of a
	Use        string  // when to use which, in the notes' words

	single functions[float32]
	double functions[float64]
	he     bool // of the ReLU family: initialised by He
	usesZ  bool // g' needs z, not a alone
}

type functions[T Float] struct {
	forward  func(a, z []T, alpha T)     // a = g(z)
	backward func(dz, z, a []T, alpha T) // dz *= g'(z)
}

// activation builds the entry of a function that both precisions have.
func activation(name, formula, derivative, span, use string, f32 functions[float32], f64 functions[float64]) Activation {
	return Activation{Name: name, Formula: formula, Derivative: derivative, Range: span, Use: use, single: f32, double: f64}
}

// The activations. Derivatives at a kink are those of the notes: relu'(0) = 0,
// leaky'(0) = α.
var (
	Linear = activation("linear", "z", "1", "(−∞, ∞)", "output of a regression; hidden layers of it collapse to one linear map",
		functions[float32]{kernel.LinearForward[float32], kernel.LinearBackward[float32]},
		functions[float64]{kernel.LinearForward[float64], kernel.LinearBackward[float64]})
	Sigmoid = activation("sigmoid", "1 / (1 + e⁻ᶻ)", "a·(1 − a)", "(0, 1)", "output of a yes-or-no classification; seldom in hidden layers",
		functions[float32]{kernel.SigmoidForward[float32], kernel.SigmoidBackward[float32]},
		functions[float64]{kernel.SigmoidForward[float64], kernel.SigmoidBackward[float64]})
	Tanh = activation("tanh", "(eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)", "1 − a²", "(−1, 1)", "hidden layers: its mean is near 0, so it beats sigmoid there",
		functions[float32]{kernel.TanhForward[float32], kernel.TanhBackward[float32]},
		functions[float64]{kernel.TanhForward[float64], kernel.TanhBackward[float64]})
	ReLU = activation("relu", "max(0, z)", "1[z > 0]", "[0, ∞)", "hidden layers, the default: its slope does not vanish for large z",
		functions[float32]{kernel.ReLUForward[float32], kernel.ReLUBackward[float32]},
		functions[float64]{kernel.ReLUForward[float64], kernel.ReLUBackward[float64]}).family(0)
	leakyReLU = activation("leaky_relu", "max(α·z, z)", "1 if z > 0, else α", "(−∞, ∞)", "hidden layers where ReLU units die",
		functions[float32]{kernel.LeakyReLUForward[float32], kernel.LeakyReLUBackward[float32]},
		functions[float64]{kernel.LeakyReLUForward[float64], kernel.LeakyReLUBackward[float64]}).family(0.01)
	elu = activation("elu", "z if z > 0, else α·(eᶻ − 1)", "1 if z > 0, else a + α", "(−α, ∞)", "hidden layers: smooth below 0, mean nearer 0 than ReLU's",
		functions[float32]{kernel.ELUForward[float32], kernel.ELUBackward[float32]},
		functions[float64]{kernel.ELUForward[float64], kernel.ELUBackward[float64]}).family(1)
	Softplus = activation("softplus", "log(1 + eᶻ)", "1 − e⁻ᵃ", "(0, ∞)", "a smooth ReLU; outputs that must be positive",
		functions[float32]{kernel.SoftplusForward[float32], kernel.SoftplusBackward[float32]},
		functions[float64]{kernel.SoftplusForward[float64], kernel.SoftplusBackward[float64]}).family(0)
	GELU = activation("gelu", "z·Φ(z)", "Φ(z) + z·φ(z)", "[−0.17, ∞)", "hidden layers: ReLU with a smooth kink",
		functions[float32]{kernel.GELUForward[float32], kernel.GELUBackward[float32]},
		functions[float64]{kernel.GELUForward[float64], kernel.GELUBackward[float64]}).family(0).fromZ()
	SiLU = activation("silu", "z·σ(z)", "σ(z)·(1 + z·(1 − σ(z)))", "[−0.28, ∞)", "hidden layers: ReLU with a smooth kink",
		functions[float32]{kernel.SiLUForward[float32], kernel.SiLUBackward[float32]},
		functions[float64]{kernel.SiLUForward[float64], kernel.SiLUBackward[float64]}).family(0).fromZ()
	Exp = activation("exp", "eᶻ", "a", "(0, ∞)", "output of a count, with the Poisson loss",
		functions[float32]{kernel.ExpForward[float32], kernel.ExpBackward[float32]},
		functions[float64]{kernel.ExpForward[float64], kernel.ExpBackward[float64]})

	// Softmax turns the c outputs of an example into probabilities.
	Softmax = Activation{
		Name: "softmax", Formula: "eᶻ / Σ eᶻ", Derivative: "with cross-entropy: dZ = A − Y", Range: "(0, 1), sums to 1",
		Use: "output of a classification with more than two classes",
	}
)

// Activations lists every element-wise activation, in the order in which the
// notes, and then this package, explain them.
func Activations() []Activation {
	return []Activation{Sigmoid, Tanh, ReLU, leakyReLU, Linear, elu, Softplus, GELU, SiLU, Exp}
}

// LeakyReLU is max(α·z, z); the notes take α = 0.01.
func LeakyReLU(alpha float64) Activation { return leakyReLU.withAlpha(alpha) }

// ELU is z above 0 and α·(eᶻ − 1) below.
func ELU(alpha float64) Activation { return elu.withAlpha(alpha) }

func (g Activation) withAlpha(alpha float64) Activation {
	g.Alpha = alpha
	return g
}

// family marks an activation of the ReLU family, with its usual α.
func (g Activation) family(alpha float64) Activation {
	g.he, g.Alpha = true, alpha
	return g
}

// fromZ marks an activation whose derivative needs z.
func (g Activation) fromZ() Activation {
	g.usesZ = true
	return g
}

// ActivationNamed returns the activation of that name; "leaky_relu:0.2" and
// "elu:0.5" set α.
func ActivationNamed(name string) (Activation, error) {
	base, param, given, err := splitParameter(name)
	if err != nil {
		return Activation{}, fmt.Errorf("nn: activation %q: %w", name, err)
	}
	for _, g := range append(Activations(), Softmax) {
		if g.Name != base {
			continue
		}
		if given {
			if g.Name != leakyReLU.Name && g.Name != elu.Name {
				return Activation{}, fmt.Errorf("nn: activation %q: %s takes no parameter", name, base)
			}
			g.Alpha = param
		}
		return g, nil
	}
	return Activation{}, fmt.Errorf("nn: there is no activation %q; there are %s, and softmax for the output", name, hiddenNames())
}

// known returns the activation of this name and α, complete: a caller may have
// given a name alone. No name is Linear.
func (g Activation) known() (Activation, error) {
	if g.Name == "" {
		return Linear, nil
	}
	if g.single.forward != nil || g.Name == Softmax.Name {
		return g, nil
	}
	k, err := ActivationNamed(g.Name)
	if err == nil && g.Alpha != 0 {
		k.Alpha = g.Alpha
	}
	return k, err
}

// String is the name as ActivationNamed takes it.
func (g Activation) String() string {
	if g.Name == leakyReLU.Name && g.Alpha != leakyReLU.Alpha || g.Name == elu.Name && g.Alpha != elu.Alpha {
		return fmt.Sprintf("%s:%v", g.Name, g.Alpha)
	}
	return g.Name
}

func hiddenNames() string {
	var names []string
	for _, g := range Activations() {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

// Forward computes a = g(z), element by element; a is no shorter than z.
// Softmax needs a whole column: Output computes it.
func Forward[T Float](g Activation, a, z []T) {
	g = g.elementwise()
	functionsOf[T](&g).forward(a[:len(z)], z, T(g.Alpha))
}

// Backward multiplies dz by g'(z), element by element; a is g(z). The three are
// of one length.
func Backward[T Float](g Activation, dz, z, a []T) {
	g = g.elementwise()
	functionsOf[T](&g).backward(dz, z[:len(dz)], a[:len(dz)], T(g.Alpha))
}

// elementwise is the complete activation; one that isn't element by element is a
// mistake of the caller's.
func (g Activation) elementwise() Activation {
	k, err := g.known()
	if err != nil || k.single.forward == nil {
		panic(fmt.Sprintf("nn: %q is no activation that is computed element by element", g.Name))
	}
	return k
}

func functionsOf[T Float](g *Activation) *functions[T] {
	var f any = &g.single
	if _, double := any(T(0)).(float64); double {
		f = &g.double
	}
	return f.(*functions[T])
}

// activate computes A of a layer, (n, m) with a row every ld, softmax included.
func activate[T Float](g *Activation, a, z []T, ld, n, m int) {
	if g.Name == Softmax.Name {
		for j := 0; j < m; j += kernel.Tile {
			kernel.Softmax(a[j:], z[j:], ld, n, min(kernel.Tile, m-j))
		}
		return
	}
	functionsOf[T](g).forward(a, z, T(g.Alpha))
}

// splitParameter takes "name:0.5" apart.
func splitParameter(s string) (name string, param float64, given bool, err error) {
	name, text, given := strings.Cut(s, ":")
	if !given {
		return name, 0, false, nil
	}
	param, err = strconv.ParseFloat(text, 64)
	if err != nil || !finite(param) {
		return name, 0, true, fmt.Errorf("%q is not a number", text)
	}
	return name, param, true, nil
}

// Output replaces the logits Z of an output layer, (c, m), by A = g(Z).
func Output[T Float](g Activation, z MatrixOf[T]) {
	if g.Name != Softmax.Name {
		Forward(g, z.Data, z.Data)
		return
	}
	activate(&g, z.Data, z.Data, z.Cols, z.Rows, z.Cols)
}
