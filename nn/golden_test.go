package nn_test

// Weights after a known training: the first 8 bytes of their SHA-256.
const (
	goldenGD    = "01cff540e1499f41"
	goldenAdam  = "749d884a8f505723"
	goldenLBFGS = "6edcec864fde9889"
)
