"""NumPy by hand, in place where that helps: what the notes' code becomes when it is written for speed."""

import numpy as np

from common import log_loss, serve


def prepare(s):
    W, b = [w.T.copy() for w in s.W], [v.copy() for v in s.b]
    parameters = W + b
    u, v = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    f = np.float32
    t = 0
    relu = s.activation == "relu"

    def forward(x):
        A = [x]
        for w, c in zip(W[:-1], b[:-1]):
            z = A[-1] @ w
            z += c
            A.append(np.maximum(z, 0, out=z) if relu else np.tanh(z, out=z))
        z = A[-1] @ W[-1]
        z += b[-1]
        return A, z

    def step(x, y):
        nonlocal t
        A, z = forward(x)
        if s.outputs == 1:
            dz = 1 / (1 + np.exp(-z)) - y
        else:
            z -= z.max(axis=1, keepdims=True)
            dz = np.exp(z, out=z)
            dz /= dz.sum(axis=1, keepdims=True)
            dz -= y
        dz /= f(len(x))
        dW, db = [None] * len(W), [None] * len(W)
        for i in range(len(W) - 1, -1, -1):
            dW[i], db[i] = A[i].T @ dz, dz.sum(axis=0)
            if i > 0:
                dz = dz @ W[i].T
                dz *= (A[i] > 0) if relu else 1 - A[i] * A[i]
        grad = dW + db
        t += 1
        if s.optimizer == "gd":
            for p, g in zip(parameters, grad):
                p -= f(s.rate) * g
            return
        rate, c2 = f(s.rate / (1 - 0.9**t)), f(1 / (1 - 0.999**t))
        for p, g, m, w in zip(parameters, grad, u, v):
            m *= f(0.9)
            m += f(0.1) * g
            w *= f(0.999)
            g *= g
            g *= f(0.001)
            w += g
            q = w * c2
            np.sqrt(q, out=q)
            q += f(1e-8)
            np.divide(m, q, out=q)
            q *= rate
            p -= q

    for i in range(s.steps):
        step(*s.batches[i % len(s.batches)])
    first = log_loss(forward(s.X)[1], s.Y)
    done = 0

    def work(n):
        nonlocal done
        for _ in range(n):
            step(*s.batches[done % s.whole])
            done += 1
        return n

    return work, {"version": np.__version__, "loss": first}


serve(prepare)
