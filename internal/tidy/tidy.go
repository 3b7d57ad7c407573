// Package tidy holds the rules of the house as tests: who may import whom, what
// a light program links, that no compiler fuses what reaches a weight, that
// every exported name is documented. A failure is a sentence that says what to
// do.
package tidy
