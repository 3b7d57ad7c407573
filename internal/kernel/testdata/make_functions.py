#!/usr/bin/env python3
"""Makes functions.txt: reference values of the elementary functions and activations, by mpmath in 70 to 400 digits.

One line a point, one column a function, named in the first line. A value is the bits of the nearest float64 in hexadecimal
and, after a sign, what the exact value has more, in 1/100 of the last place (of a subnormal: 2⁻¹⁰⁷⁴), so that errors can be
measured to 0.01 ulp; "-" where the function isn't defined. Needs mpmath.

    python3 make_functions.py [points] > functions.txt
"""
import random
import struct
import sys
import mpmath as mp


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def number(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def phi(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def Phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def sigma(x):
    return 1 / (1 + mp.exp(-x))


FUNCTIONS = {
    "exp": mp.exp, "expm1": mp.expm1, "log": lambda x: mp.log(abs(x)), "log1p": lambda x: mp.log1p(x) if x > -1 else None,
    "tanh": mp.tanh, "sigmoid": sigma, "softplus": lambda x: mp.log1p(mp.exp(x)), "normcdf": Phi,
    "gelu": lambda x: x * Phi(x), "silu": lambda x: x * sigma(x),
    "tanh'": lambda x: mp.sech(x) ** 2, "sigmoid'": lambda x: sigma(x) * sigma(-x), "gelu'": lambda x: Phi(x) + x * phi(x),
    "silu'": lambda x: sigma(x) + x * sigma(x) * sigma(-x),
}


def written(v):
    if v is None:
        return "-"
    if abs(v) >= mp.mpf(2) ** 1024 * (1 - mp.mpf(2) ** -54):
        return "%016x+0" % bits(float("inf") if v > 0 else -float("inf"))
    if abs(v) < mp.mpf(2) ** -1080:
        return "%016x+0" % bits(0.0)
    # mpmath's own conversion rounds subnormals twice.
    e = max(int(mp.floor(mp.log(abs(v), 2))), -1022) - 52
    k = int(mp.nint(mp.ldexp(v, -e)))
    near = mp.ldexp(mp.mpf(k), e)
    f = float(k) * 2.0 ** max(e, -1000) * 2.0 ** (e - max(e, -1000))
    assert mp.mpf(f) == near, (v, f)
    return "%016x%+d" % (bits(f), int(mp.nint(100 * mp.ldexp(v - near, -e))))


def points(n):
    r = random.Random(10)
    sign = lambda: r.choice((-1, 1))
    fixed = [0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e300, 1.7976931348623157e308, 709.78, 709.8, 745.2, 36.7, 37.5, 38.5, 39.5]
    fixed += [0.6931471805599453 * k / 2 for k in range(1, 12)] + [2.0 ** -k for k in range(1, 60, 4)]
    yield from (s * x for x in fixed for s in (1, -1))
    yield from (1 + s * 2.0 ** -k for k in range(1, 53, 3) for s in (1, -1))
    for _ in range(n):
        u = r.random()
        if u < 0.15:
            yield sign() * 10 ** r.uniform(-320, 308)
        elif u < 0.3:
            yield sign() * 10 ** r.uniform(-12, 1)
        elif u < 0.4:
            yield sign() * r.uniform(0, 1)
        elif u < 0.65:
            yield r.uniform(-10, 10)
        elif u < 0.8:
            yield r.uniform(-41, 41)
        elif u < 0.9:
            yield r.uniform(-760, 760)
        else:
            yield r.uniform(-760, -690)


print("x", *FUNCTIONS)
for x in points(int(sys.argv[1]) if len(sys.argv) > 1 else 1150):
    mp.mp.dps = 400 if abs(x) < 1e-30 or abs(x) > 700 else 70
    v = mp.mpf(x)
    if abs(x) > 1e5:  # as far as it matters; e^(1e300) has too many digits
        far = mp.mpf(1e5) * mp.sign(v)
        values = [f(v) if k in ("log", "log1p") else f(far) if abs(f(far)) < 2 or abs(f(far)) > 1e6 else v for k, f in FUNCTIONS.items()]
        values = [v if k in ("softplus", "gelu", "silu") and x > 0 else w for k, w in zip(FUNCTIONS, values)]
    elif abs(x) < 1e-200:  # 400 digits don't hold 1 + x: the first terms do
        first = {"expm1": v, "log1p": v, "tanh": v, "gelu": v / 2 + v * v / mp.sqrt(2 * mp.pi), "silu": v / 2 + v * v / 4}
        values = [first[k] if k in first else f(v) for k, f in FUNCTIONS.items()]
    else:
        values = [f(v) for f in FUNCTIONS.values()]
    print("%016x" % bits(x), *map(written, values))
