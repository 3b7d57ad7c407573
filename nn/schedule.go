package nn

import (
	"fmt"
	"math"
	"strings"
)

// Schedule says how the learning rate changes: the rate at a step is the
// optimiser's times a factor. The zero value is a constant rate.
type Schedule struct {
	Name   string  // "constant" (also ""), "step" or "cosine"
	WarmUp float64 // share of all steps in which the factor first rises from 0 to 1, linearly; 0 ≤ WarmUp < 1
	Drops  int     // of step: how often the rate drops, at equal distances; 0 means 3
	Gamma  float64 // of step: factor of each drop; 0 means 0.1
}

// ScheduleNames lists the schedules.
func ScheduleNames() []string { return []string{"constant", "step", "cosine"} }

func (s Schedule) check() error {
	switch {
	case s.Name != "" && s.Name != "constant" && s.Name != "step" && s.Name != "cosine":
		return fmt.Errorf("nn: there is no schedule %q; there are %s", s.Name, strings.Join(ScheduleNames(), ", "))
	case !(s.WarmUp >= 0 && s.WarmUp < 1):
		return fmt.Errorf("nn: schedule: warm-up %v is outside 0 ≤ share < 1", s.WarmUp)
	case s.Drops < 0 || !(s.Gamma >= 0) || !finite(s.Gamma):
		return fmt.Errorf("nn: schedule: %d drops by %v; both must be at least 0", s.Drops, s.Gamma)
	}
	return nil
}

func (s Schedule) isConstant() bool {
	return (s.Name == "" || s.Name == "constant") && s.WarmUp == 0
}

// Factor is the rate's factor at a step (0 is the first) of total:
//
//	warm-up   (step + 1) / (warm + 1)      for step < warm
//	step      γ^⌊(drops + 1)·p⌋            p: share of the steps after warm-up
//	cosine    ½·(1 + cos(π·p))             Loshchilov and Hutter, 2017
func (s Schedule) Factor(step, total int) float64 {
	warm := int(math.Floor(float64(s.WarmUp * float64(total))))
	if step < warm {
		return float64(step+1) / float64(warm+1)
	}
	p := 0.0
	if total > warm {
		p = min(1, float64(step-warm)/float64(total-warm))
	}
	switch s.Name {
	case "step":
		drops, gamma := s.Drops, s.Gamma
		if drops == 0 {
			drops = 3
		}
		if gamma == 0 {
			gamma = 0.1
		}
		return power(gamma, min(drops, int(float64(float64(drops+1)*p))))
	case "cosine":
		return 0.5 * (1 + cosPi(p))
	}
	return 1
}

// power returns xⁿ, 0 ≤ x, by repeated squaring: the same on every processor. It
// is 0 where it would be below 1e-300, as subnormals are slow.
func power(x float64, n int) float64 {
	y := 1.0
	for ; n > 0; n >>= 1 {
		if y < 1e-300 || x < 1e-150 && n > 1 {
			return 0
		}
		if n&1 == 1 {
			y = float64(y * x)
		}
		x = float64(x * x)
	}
	if y < 1e-300 {
		return 0
	}
	return y
}

// cosPi returns cos(π·p) for 0 ≤ p ≤ 1, within 1e-15, by its Taylor series
// around ½, where it is odd.
func cosPi(p float64) float64 {
	x := float64(math.Pi * (0.5 - p)) // cos(π·p) = sin(x), |x| ≤ π/2
	term, sum := x, x
	for k := 2.0; k < 24; k += 2 {
		term = -float64(float64(term*x)*x) / float64(k*(k+1))
		sum += term
	}
	return sum
}
