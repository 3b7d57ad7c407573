#!/usr/bin/env python3
"""Finds the coefficients of the polynomials in exp.go, log.go and normal.go.

Each is the minimax polynomial of its remainder function, by Remez exchange in 50 digits, weighted so that the error of the
whole result is levelled. Needs mpmath (and gmpy2, for patience). Prints the coefficients, constant first, with the greatest weighted error before
they are rounded.
"""
import struct
import mpmath as mp

mp.mp.dps = 50
HALF_LN2 = mp.log(2) / 2 + mp.mpf("1e-5")  # the multiple of ln 2 is found with rounding


def single(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def double(x):
    return mp.mpf(float(x))


def remez(f, weight, lo, hi, degree):
    """Coefficients c that minimise max |weight(x)·(Σ c[i]·xⁱ − f(x))| over lo ≤ x ≤ hi, and that maximum."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    n = degree + 1
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * k / (24 * n)) for k in range(24 * n + 1)]
    grid = [x for x in grid if abs(x) > mp.mpf("1e-12")]  # where the remainder is 0/0
    fs, ws = [f(x) for x in grid], [weight(x) for x in grid]
    ref = [round((len(grid) - 1) * (1 - mp.cos(mp.pi * k / n)) / 2) for k in range(n + 1)]
    for _ in range(30):
        a, b = mp.matrix(n + 1, n + 1), mp.matrix(n + 1, 1)
        for r, i in enumerate(ref):
            for c in range(n):
                a[r, c] = grid[i] ** c
            a[r, n] = (-1) ** r / ws[i]
            b[r] = fs[i]
        s = mp.lu_solve(a, b)
        coef = [s[c] for c in range(n)]
        err = [w * (mp.polyval(coef[::-1], x) - v) for x, v, w in zip(grid, fs, ws)]
        peaks = []  # the greatest of every run of equal sign
        for i, e in enumerate(err):
            if peaks and (err[peaks[-1]] > 0) == (e > 0):
                if abs(e) > abs(err[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(err[peaks[0]]) < abs(err[peaks[-1]]) else -1)
        if len(peaks) < n + 1 or peaks == ref:
            break
        ref = peaks
    return coef, max(abs(e) for e in err)


def fit(name, f, weight, lo, hi, degree, rounding):
    coef, worst = remez(f, weight, lo, hi, degree)
    print(f"// {name}: degree {degree}, error 2^{mp.nstr(mp.log(worst, 2), 4)}")
    print("\n".join(("%.9g" if rounding is single else "%r") % float(rounding(c)) for c in coef))
    if rounding is double:
        print("// the first is", mp.nstr(coef[0] - double(coef[0]), 5), "more")


def exp_rest(x):  # (eˣ − 1 − x) / x²
    return mp.nsum(lambda k: x ** k / mp.factorial(k + 2), [0, mp.inf]) if abs(x) < mp.mpf("1e-3") else (mp.expm1(x) - x) / x**2


def exp_rest3(x):  # (eˣ − 1 − x − x²/2) / x³
    return (mp.expm1(x) - x - x * x / 2) / x**3 if abs(x) > mp.mpf("1e-3") else sum(x**k / mp.factorial(k + 3) for k in range(16))


def expm1_ratio(x):  # (eˣ − 1) / x
    return mp.expm1(x) / x


def log_rest(x):  # (log(1 + x) − x + x²/2) / x³
    return sum((-1) ** k * x**k / (k + 3) for k in range(24)) if abs(x) < mp.mpf("1e-2") else (mp.log1p(x) - x + x * x / 2) / x**3


def atanh_rest(z):  # log((1 + s)/(1 − s)) = 2·s + s·z·rest(z), z = s²
    return sum(2 * z**k / (2 * k + 3) for k in range(40)) if z < mp.mpf("0.02") else (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z


def softplus_rest(v):  # log((1 + s)/(1 − s)) = w + w·v·rest(v), w = 2·s, v = w²
    return atanh_rest(v / 4) / 8


def mills(k):  # (t + k)·Φ(−t)·e^(t²/2) as a function of y = (t − k)/(t + k)
    def f(y):
        t = k * (1 + y) / (1 - y)
        return (t + k) * mp.erfc(t / mp.sqrt(2)) / 2 * mp.exp(t * t / 2)
    return f


def place(t, k):
    return (mp.mpf(t) - k) / (mp.mpf(t) + k)


root, half = mp.sqrt(2), mp.sqrt(mp.mpf(1) / 2)
third = place(root, 1) ** 2  # s² at f = √2 − 1
fit("expSingle", exp_rest, lambda x: x * x, -HALF_LN2, HALF_LN2, 4, single)
fit("logSingle", log_rest, lambda x: x**3 / mp.log1p(x), half - 1, root - 1, 8, single)
fit("expWide", expm1_ratio, lambda x: 1 / expm1_ratio(x), -HALF_LN2, HALF_LN2, 8, double)
fit("log1pSingle", softplus_rest, lambda v: v, 0, mp.mpf(4) / 9, 3, single)
fit("normalWide", mills(3), lambda y: 1 / mills(3)(y), -1, place(15, 3), 12, double)
fit("expDouble", exp_rest3, lambda x: x**3, -HALF_LN2, HALF_LN2, 9, double)
fit("logDouble", atanh_rest, lambda z: z / 2, 0, third, 6, double)
fit("normalDouble", mills(4), lambda y: 1 / mills(4)(y), -1, place(39, 4), 24, double)
fit("normalSlope", lambda y: mp.diff(mills(4), y), lambda y: 1 / mills(4)(y), -1 + mp.mpf("1e-9"), place(39, 4), 3, double)
