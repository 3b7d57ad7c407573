"""What the Python peers share: the protocol and the tensors.

A peer reads a spec, one JSON object on a line, prepares, and answers with its version, the time it took to compile and
the loss of all rows after the spec's steps. Then it answers each line "go" with the microseconds of a step.
"""

import json
import sys
import time

import numpy as np
from safetensors.numpy import load_file

PASS = 0.06  # seconds that it works at one go, at least


class Spec:
    def __init__(self, text):
        self.__dict__.update(json.loads(text))
        t = load_file(self.file)
        self.X, self.Y = t["X"], t["Y"]
        self.W = [t[f"W{i + 1}"] for i in range(len(self.hidden) + 1)]  # (n, nPrev)
        self.b = [t[f"b{i + 1}"] for i in range(len(self.hidden) + 1)]
        cuts = range(0, self.rows, self.batch)
        self.batches = [(self.X[i : i + self.batch], self.Y[i : i + self.batch]) for i in cuts]
        self.whole = self.rows // self.batch

    def many(self, n=10_000):
        return np.ascontiguousarray(self.X[np.arange(n) % self.rows])


def serve(prepare):
    """prepare(spec) returns a function that makes n steps, or some more, and returns how many; and what to answer first."""
    spec = Spec(sys.stdin.readline())
    work, answer = prepare(spec)
    print(json.dumps(answer), flush=True)
    n = 1
    for _ in sys.stdin:
        while True:
            start = time.perf_counter()
            done = work(n)
            took = time.perf_counter() - start
            if took >= PASS:
                break
            n *= 2
        print(json.dumps({"us": took / done * 1e6}), flush=True)


def log_loss(logits, Y):
    """The mean cross-entropy, in float64."""
    z = logits.astype(np.float64)
    if z.shape[1] == 1:
        return float(np.mean(np.maximum(z, 0) - z * Y + np.log1p(np.exp(-np.abs(z)))))
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - (z * Y).sum(axis=1)))
