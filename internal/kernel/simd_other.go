//go:build (!amd64 && !arm64) || noasm

package kernel

import (
	"fmt"
	"os"
)

// Level names the vector instructions in use. The error says that SHOAL_SIMD
// asks for some that aren't there.
func Level() (string, error) {
	if name := os.Getenv("SHOAL_SIMD"); name != "" && name != "generic" {
		return "generic", fmt.Errorf("kernel: SHOAL_SIMD=%s: this program has no such kernels; it has generic ones", name)
	}
	return "generic", nil
}

// vector says whether float32 goes through assembly: there is none.
func vector[T Float]() bool { return false }

// products says whether the matrix products of float32 do.
func products[T Float]() bool { return false }

const mostTimes = 1

func affineRows(int, *float32, int, *float32, int, *float32, int, *float32, int, int, int, int, int) {
	panic("kernel: no assembly")
}

func gradInputsRows(int, *float32, int, int, *float32, int, *float32, int, int, int, *float32, int) {
	panic("kernel: no assembly")
}

func panels(int, *float32, int, *float32, int, *float32, int, int, int) { panic("kernel: no assembly") }
