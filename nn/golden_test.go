package nn_test

// Weights after a known training: the first 8 bytes of their SHA-256.
const (
	goldenGD    = "0cd625502e4a748f"
	goldenAdam  = "2ee39ec5a3d23af1"
	goldenLBFGS = "b5e980ce0dd69508"
)
