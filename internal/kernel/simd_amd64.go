//go:build !noasm

package kernel

import (
	"fmt"
	"os"

	"golang.org/x/sys/cpu"
)

// level is the vector instructions in use: the best that the processor has, or
// those that SHOAL_SIMD names.
var level, levelErr = chooseLevel(os.Getenv("SHOAL_SIMD"))

// The levels, from the plain one up.
const (
	generic = iota
	avx2
)

var levelNames = []string{"generic", "avx2"}

func chooseLevel(name string) (int, error) {
	best := generic
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		best = avx2
	}
	if name == "" {
		return best, nil
	}
	for l, n := range levelNames {
		if n != name {
			continue
		}
		if l > best {
			return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: this processor has no such instructions; it has %s", name, levelNames[best])
		}
		return l, nil
	}
	return generic, fmt.Errorf("kernel: SHOAL_SIMD=%s: there is no such level; there are generic and avx2", name)
}

// Level names the vector instructions in use. The error says that SHOAL_SIMD
// asks for some that aren't there.
func Level() (string, error) { return levelNames[level], levelErr }

// vector says whether float32 goes through the assembly.
func vector[T Float]() bool { return single[T]() && level >= avx2 }
