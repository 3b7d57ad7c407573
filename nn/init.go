package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/shoal-nn/shoal/internal/kernel"
)

// Initialiser sets the weights before training. Biases start at 0. Weights
// must differ, or the units of a layer stay alike for ever (notes, part 6).
type Initialiser struct {
	Name    string
	Scale   float64 // of constant and normal; unused by others
	Formula string  // of one weight; randn is the standard normal distribution
	Source  string

	deviation func(i Initialiser, l Layer, nPrev int) float64
	constant  bool
}

// The initialisers.
var (
	// Auto is He for layers of the ReLU family and Xavier for others.
	Auto = Initialiser{
		Name: "auto", Formula: "he for the ReLU family, xavier otherwise",
		deviation: func(i Initialiser, l Layer, nPrev int) float64 {
			if l.Activation.he {
				return He.deviation(i, l, nPrev)
			}
			return Xavier.deviation(i, l, nPrev)
		},
	}
	Zeros    = Initialiser{Name: "zeros", Formula: "0", constant: true}
	constant = Initialiser{Name: "constant", Scale: 0.01, Formula: "scale", constant: true}
	normal   = Initialiser{
		Name: "normal", Scale: 0.01, Formula: "randn·scale", Source: "the notes, with scale = 0.01",
		deviation: func(i Initialiser, _ Layer, _ int) float64 { return i.Scale },
	}
	Xavier = Initialiser{
		Name: "xavier", Formula: "randn·√(2 / (nPrev + n))", Source: "Glorot and Bengio, 2010",
		deviation: func(_ Initialiser, l Layer, nPrev int) float64 { return math.Sqrt(2 / float64(nPrev+l.Units)) },
	}
	He = Initialiser{
		Name: "he", Formula: "randn·√(2 / nPrev)", Source: "He, Zhang, Ren and Sun, 2015",
		deviation: func(_ Initialiser, _ Layer, nPrev int) float64 { return math.Sqrt(2 / float64(nPrev)) },
	}
)

// Constant sets every weight to c.
func Constant(c float64) Initialiser {
	i := constant
	i.Scale = c
	return i
}

// Normal draws weights from randn·scale.
func Normal(scale float64) Initialiser {
	i := normal
	i.Scale = scale
	return i
}

// Initialisers lists every initialiser.
func Initialisers() []Initialiser { return []Initialiser{Auto, Zeros, constant, normal, Xavier, He} }

// InitialiserNamed returns the initialiser of that name; "normal:0.1" and
// "constant:0.5" set the scale.
func InitialiserNamed(name string) (Initialiser, error) {
	base, param, given, err := splitParameter(name)
	if err != nil {
		return Initialiser{}, fmt.Errorf("nn: initialiser %q: %w", name, err)
	}
	var names []string
	for _, i := range Initialisers() {
		names = append(names, i.Name)
		if i.Name != base {
			continue
		}
		if given {
			if i.Scale == 0 {
				return Initialiser{}, fmt.Errorf("nn: initialiser %q: %s takes no scale", name, base)
			}
			i.Scale = param
		}
		return i, nil
	}
	return Initialiser{}, fmt.Errorf("nn: there is no initialiser %q; there are %s", name, strings.Join(names, ", "))
}

// known returns the initialiser of this name and scale, complete: a caller may
// have given a name alone. No name is Auto.
func (i Initialiser) known() (Initialiser, error) {
	if i.Name == "" {
		return Auto, nil
	}
	if i.constant || i.deviation != nil {
		return i, nil
	}
	k, err := InitialiserNamed(i.Name)
	if err == nil && i.Scale != 0 {
		k.Scale = i.Scale
	}
	return k, err
}

// String is the name as InitialiserNamed takes it.
func (i Initialiser) String() string {
	if i.Name == constant.Name || i.Name == normal.Name {
		return fmt.Sprintf("%s:%v", i.Name, i.Scale)
	}
	return i.Name
}

// Init sets every weight as i says and every bias to 0. The weights of a seed
// are the same in both precisions, but for rounding, and a layer's don't
// depend on the layers after it. An initialiser that there isn't makes Err
// return an error.
func (n *NetworkOf[T]) Init(i Initialiser, seed uint64) {
	i, err := i.known()
	if err != nil {
		n.err = errors.Join(n.err, err)
		return
	}
	for k := range n.Layers {
		l := &n.Layers[k]
		clear(l.B)
		if i.constant {
			for j := range l.W.Data {
				l.W.Data[j] = T(i.Scale)
			}
			continue
		}
		sd := i.deviation(i, l.Layer, l.W.Cols)
		random := normals{source: rand.NewPCG(seed, uint64(k))}
		for j := range l.W.Data {
			l.W.Data[j] = T(float64(random.next() * sd))
		}
	}
}

// normals draws from the standard normal distribution by Marsaglia's polar
// method, in operations that are the same on every processor.
type normals struct {
	source rand.Source
	spare  float64
	have   bool
}

func (r *normals) next() float64 {
	if r.have {
		r.have = false
		return r.spare
	}
	for {
		x, y := float64(2*r.unit())-1, float64(2*r.unit())-1
		s := float64(x*x) + float64(y*y)
		if s >= 1 || s == 0 {
			continue
		}
		f := math.Sqrt(-2 * kernel.Log(s) / s)
		r.spare, r.have = float64(y*f), true
		return float64(x * f)
	}
}

// unit draws from [0, 1), 53 bits.
func (r *normals) unit() float64 { return float64(float64(r.source.Uint64()>>11) / (1 << 53)) }
