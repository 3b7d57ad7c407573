package notes

import "math"

// Activation is what a hidden unit does to its z. Notes, parts 1 and 3.
type Activation struct {
	Name  string
	G     func(z float64) float64 // a = g(z)
	Prime func(a float64) float64 // g′(z), from a = g(z): the forward pass has it at hand
}

// The activations. Without one that bends, the two layers would be one:
// W2·(W1·x + b1) + b2 is W′·x + b′ (notes, part 2).
var (
	Sigmoid   = Activation{"sigmoid", sigmoid, sigmoidPrime}    // 0 to 1
	Tanh      = Activation{"tanh", math.Tanh, tanhPrime}        // −1 to 1
	ReLU      = Activation{"relu", relu, reluPrime}             // 0 and up
	LeakyReLU = Activation{"leaky_relu", leakyReLU, leakyPrime} // any number
	Linear    = Activation{"linear", linear, linearPrime}       // any number

	// Activations is all of them.
	Activations = []Activation{Sigmoid, Tanh, ReLU, LeakyReLU, Linear}
)

// alpha is the slope of the leaky ReLU below 0.
const alpha = 0.01

// a = 1 / (1 + e⁻ᶻ)
//
// Below 0 that is eᶻ / (1 + eᶻ), which can't overflow.
func sigmoid(z float64) float64 {
	if z < 0 {
		e := math.Exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-z))
}

// g′ = a·(1 − a)
func sigmoidPrime(a float64) float64 { return a * (1 - a) }

// a = tanh(z), g′ = 1 − a²
func tanhPrime(a float64) float64 { return 1 - a*a }

// a = max(0, z)
func relu(z float64) float64 { return max(0, z) }

// g′ = 1 if z > 0, else 0. At 0 there is no derivative; the notes take 0.
func reluPrime(a float64) float64 {
	if a > 0 {
		return 1
	}
	return 0
}

// a = z if z > 0, else α·z
func leakyReLU(z float64) float64 {
	if z > 0 {
		return z
	}
	return alpha * z
}

// g′ = 1 if z > 0, else α, at 0 too. a > 0 just where z > 0.
func leakyPrime(a float64) float64 {
	if a > 0 {
		return 1
	}
	return alpha
}

// a = z
func linear(z float64) float64 { return z }

// g′ = 1
func linearPrime(float64) float64 { return 1 }
