"""scikit-learn's MLPClassifier: its fit, without shuffling and without its own stopping, from the same weights.

fit goes on only with rows of all classes; where the workload lacks one, partial_fit takes the batches.
"""

import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from common import log_loss, serve

warnings.filterwarnings("ignore")


def prepare(s):
    y = s.Y[:, 0].astype(int) if s.outputs == 1 else s.Y.argmax(axis=1)
    net = MLPClassifier(
        hidden_layer_sizes=tuple(s.hidden), activation=s.activation, alpha=0, shuffle=False, batch_size=s.batch,
        solver="sgd" if s.optimizer == "gd" else "adam", learning_rate_init=s.rate, momentum=0, nesterovs_momentum=False,
        tol=0, n_iter_no_change=10**9,
    )
    classes = np.arange(max(2, s.outputs))
    net.partial_fit(s.X[: s.batch], y[: s.batch], classes=classes)  # makes the arrays
    for i in range(len(s.W)):
        net.coefs_[i][...] = s.W[i].T
        net.intercepts_[i][...] = s.b[i]
    parameters = net.coefs_ + net.intercepts_
    if s.optimizer == "gd":
        net._optimizer = SGDOptimizer(parameters, s.rate, "constant", 0, False, 0.5)
    else:
        net._optimizer = AdamOptimizer(parameters, s.rate, 0.9, 0.999, 1e-8)
    cuts = list(range(0, s.rows, s.batch))
    for i in range(s.steps):
        at = cuts[i % len(cuts)]
        net.partial_fit(s.X[at : at + s.batch], y[at : at + s.batch])
    z = s.X
    for i in range(len(s.W) - 1):
        z = z @ net.coefs_[i] + net.intercepts_[i]
        z = np.tanh(z) if s.activation == "tanh" else np.maximum(z, 0)
    first = log_loss(z @ net.coefs_[-1] + net.intercepts_[-1], s.Y)
    rows = s.whole * s.batch
    X, y = s.X[:rows], y[:rows]

    if len(np.unique(y)) < len(classes):
        done = 0

        def work(n):
            nonlocal done
            for _ in range(n):
                at = done % s.whole * s.batch
                net.partial_fit(X[at : at + s.batch], y[at : at + s.batch])
                done += 1
            return n

        return work, {"version": sklearn.__version__ + ", partial_fit", "loss": first}

    net.warm_start = True

    def work(n):
        net.max_iter = max(1, n // s.whole)
        net.fit(X, y)
        return net.max_iter * s.whole

    return work, {"version": sklearn.__version__, "loss": first}


serve(prepare)
