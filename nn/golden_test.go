package nn_test

// Weights after a known training: the first 8 bytes of their SHA-256.
const (
	goldenGD    = ""
	goldenAdam  = ""
	goldenLBFGS = ""
)
