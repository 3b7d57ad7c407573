package kernel

// What the activations are made of, alone: these have exact values to compare
// with where the activations hide a mistake.

// NormCDF returns Φ(x), the standard normal distribution function, within
// 0.6 ulp, at float64 1.5.
func NormCDF[T Float](x T) T {
	if single[T]() {
		tail, _ := tailWide(clamp(float64(x), -15, 15))
		if x > 0 {
			tail = 1 - tail
		}
		return T(tail)
	}
	h, l, n := normDouble(clamp(float64(x), -39, 39))
	return T(scaleDouble(h+l, n))
}

// Log1p returns log(1 + x), exact to the last places near 0 too, within 1 ulp.
func Log1p[T Float](x T) T {
	v := float64(x)
	if v == 0 {
		return x // −0
	}
	u := 1 + v
	t := u - v
	ul := (1 - t) + (v - (u - t)) // u + ul is exactly 1 + v
	m, k := splitDouble(u)
	y, yl := logDouble(k, m-1, float64(ul*powerDouble(-min(max(k, -1000), 1000))))
	return T(logLimits(u, y+yl))
}
