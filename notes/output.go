package notes

import "math"

// Output is what the last layer does to its z, and the loss that goes with it.
// Of an example it gets the column: z, a and y have n2 numbers.
//
// In each pair the derivative of the loss by z is a − y: what the output's own
// derivative brings in, the loss's takes out again. For the sigmoid
//
//	loss = −y·log a − (1−y)·log(1−a)
//	∂loss/∂a = (a − y) / (a·(1−a))    ∂a/∂z = a·(1−a)    ∂loss/∂z = a − y
type Output struct {
	Name string
	A    func(z []float64) []float64
	Loss func(z, y []float64) float64
}

// The outputs.
var (
	// SigmoidOutput is for yes or no: a is the probability of yes, y is 1 or 0.
	// The loss is the cross-entropy −y·log a − (1−y)·log(1−a), summed over the
	// outputs.
	SigmoidOutput = Output{"sigmoid", sigmoids, crossEntropy}

	// SoftmaxOutput is for one of n2 classes: a[k] is the probability of class k,
	// y is 1 for the class of the example and 0 for the others; in any case y must
	// sum to 1. The loss is the cross-entropy −Σ y·log a.
	SoftmaxOutput = Output{"softmax", softmax, softmaxCrossEntropy}

	// LinearOutput is for numbers: a is z. The loss is half the squared error,
	// ½·Σ (a−y)².
	LinearOutput = Output{"linear", linears, halfSquaredError}

	// Outputs is all of them.
	Outputs = []Output{SigmoidOutput, SoftmaxOutput, LinearOutput}
)

// a = 1 / (1 + e⁻ᶻ), each
func sigmoids(z []float64) []float64 {
	a := make([]float64, len(z))
	for k := range z {
		a[k] = sigmoid(z[k])
	}
	return a
}

// loss = −y·log a − (1−y)·log(1−a) = log(1 + eᶻ) − y·z, where a = sigmoid(z)
//
// log(1 + eᶻ) is max(z, 0) + log(1 + e^−|z|), whose power can't overflow.
func crossEntropy(z, y []float64) float64 {
	loss := 0.0
	for k := range z {
		loss += max(z[k], 0) - y[k]*z[k] + math.Log1p(math.Exp(-math.Abs(z[k])))
	}
	return loss
}

// a[k] = e^z[k] / Σ e^z[i]
//
// Taking the largest z off all of them leaves a as it is, and no power overflows.
func softmax(z []float64) []float64 {
	largest := maxOf(z)
	a, total := make([]float64, len(z)), 0.0
	for k := range z {
		a[k] = math.Exp(z[k] - largest)
		total += a[k]
	}
	for k := range a {
		a[k] /= total
	}
	return a
}

// loss = −Σ y[k]·log a[k] = Σ y[k]·(log Σ e^z[i] − z[k]), where a = softmax(z)
func softmaxCrossEntropy(z, y []float64) float64 {
	largest, total := maxOf(z), 0.0
	for k := range z {
		total += math.Exp(z[k] - largest)
	}
	loss := 0.0
	for k := range z {
		loss += y[k] * (math.Log(total) + largest - z[k])
	}
	return loss
}

// a = z
func linears(z []float64) []float64 { return z }

// loss = ½·Σ (a[k] − y[k])², where a = z
func halfSquaredError(z, y []float64) float64 {
	loss := 0.0
	for k := range z {
		loss += (z[k] - y[k]) * (z[k] - y[k]) / 2
	}
	return loss
}

func maxOf(z []float64) float64 {
	largest := math.Inf(-1)
	for _, v := range z {
		largest = max(largest, v)
	}
	return largest
}
