package kernel

import "time"

// Peak measures the rate of fused multiply-adds that one core reaches with the
// instructions in use, in floating-point operations a second: the most that
// any product could. It takes some 50 ms; 0 where there is no assembly to
// measure.
func Peak() float64 {
	if !vector[float32]() {
		return 0
	}
	const turns = 20_000
	lanes := 0
	best := time.Duration(1 << 62)
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		start := time.Now()
		lanes = peakVector(turns)
		best = min(best, time.Since(start))
	}
	return float64(2*14*turns*lanes) / best.Seconds()
}
