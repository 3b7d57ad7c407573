package nn_test

// Weights after a known training: the first 8 bytes of their SHA-256.
const (
	goldenGD    = "a73eec6ff67cb9b9"
	goldenAdam  = "2ee39ec5a3d23af1"
	goldenLBFGS = "b5e980ce0dd69508"
)
