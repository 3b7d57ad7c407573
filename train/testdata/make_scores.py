"""Writes scores.json: predictions and what scikit-learn says of them.

    pip install scikit-learn==1.9.1 numpy==2.4.6
    python make_scores.py > scores.json

log_loss gets probabilities clipped to 1e-15 … 1 - 1e-15, which scikit-learn
itself did until 1.2; auc is null where a class is absent, r2 where there are
fewer than two rows.
"""

import json
import sys
import warnings

import numpy as np
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)


def classes(name, prob, y, w=None):
    prob, y = np.asarray(prob, float), np.asarray(y)
    c = prob.shape[1]
    answer = prob.argmax(axis=1)
    labels = list(range(c))
    auc = None
    if len(set(y)) == c:
        auc = (metrics.roc_auc_score(y, prob[:, 1], sample_weight=w) if c == 2 else
               metrics.roc_auc_score(y, prob, multi_class="ovr", average="macro", sample_weight=w))
    f1 = (metrics.f1_score(y, answer, average="binary", labels=labels, zero_division=0, sample_weight=w) if c == 2 else
          metrics.f1_score(y, answer, average="macro", zero_division=0, sample_weight=w))
    return {
        "name": name, "classes": c, "prob": prob.ravel().tolist(), "y": y.tolist(),
        "w": None if w is None else list(map(float, w)),
        "scores": {
            "accuracy": metrics.accuracy_score(y, answer, sample_weight=w),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, answer, sample_weight=w),
            "log_loss": metrics.log_loss(y, np.clip(prob, 1e-15, 1 - 1e-15), labels=labels, sample_weight=w),
            "auc": auc,
            "f1": f1,
        },
        "confusion": metrics.confusion_matrix(y, answer, labels=labels, sample_weight=w).astype(float).tolist(),
    }


def numbers(name, pred, y, w=None):
    pred, y = np.asarray(pred, float), np.asarray(y, float)
    return {
        "name": name, "pred": pred.tolist(), "y": y.tolist(), "w": None if w is None else list(map(float, w)),
        "scores": {
            "r2": metrics.r2_score(y, pred, sample_weight=w) if len(y) > 1 else None,
            "rmse": metrics.root_mean_squared_error(y, pred, sample_weight=w),
            "mae": metrics.mean_absolute_error(y, pred, sample_weight=w),
        },
    }


def random_prob(m, c, digits=None):
    """Rows that add up to 1; with digits = k, multiples of 1/2^k, so that there are ties."""
    if digits is None:
        return rng.dirichlet(np.ones(c), m)
    return rng.multinomial(2**digits, np.ones(c) / c, m) / 2**digits


def truth(prob):
    """Classes that the probabilities tell something about, each of them present."""
    y = np.array([rng.choice(len(p), p=p) for p in prob])
    y[: prob.shape[1]] = range(prob.shape[1])
    return y


def main():
    two, ties = random_prob(40, 2), random_prob(60, 2, 2)
    four, four_ties = random_prob(50, 4), random_prob(50, 4, 2)
    w = lambda m: rng.exponential(size=m)
    some_zero = w(50)
    some_zero[::3] = 0
    y4 = truth(four)
    out = {"classes": [
        classes("two classes", two, truth(two)),
        classes("two classes, weighted", two, truth(two), w(40)),
        classes("two classes, ties", ties, truth(ties)),
        classes("two classes, ties, weighted", ties, truth(ties), w(60)),
        classes("all tied", [[0.5, 0.5]] * 6, [0, 1, 0, 1, 1, 1]),
        classes("all right", [[1, 0], [0, 1], [1, 0]], [0, 1, 0]),
        classes("all wrong and sure of it", [[1, 0], [0, 1], [1, 0]], [1, 0, 1]),
        classes("never the second class", [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]], [0, 1, 0]),
        classes("one class only", [[0.9, 0.1], [0.4, 0.6]], [0, 0]),
        classes("one row", [[0.25, 0.75]], [1]),
        classes("four classes", four, y4),
        classes("four classes, weighted", four, y4, w(50)),
        classes("four classes, weights of 0", four, y4, some_zero),
        classes("four classes, ties, weighted", four_ties, truth(four_ties), w(50)),
        classes("a class without rows", four, np.minimum(y4, 2)),
        classes("a class without rows and answers", np.c_[random_prob(20, 3), np.zeros(20)], rng.integers(0, 3, 20)),
    ]}
    y = rng.normal(size=30) * 100 + 1000
    pred = y + rng.normal(size=30) * 30
    out["numbers"] = [
        numbers("numbers", pred, y),
        numbers("numbers, weighted", pred, y, w(30)),
        numbers("worse than the mean", -pred, y),
        numbers("exact", y, y),
        numbers("constant", [3, 3.5, 2], [3, 3, 3]),
        numbers("constant and exact", [3, 3, 3], [3, 3, 3]),
        numbers("one row", [2], [3]),
        numbers("large beside their spread", [1e9 + 1, 1e9 + 2, 1e9 + 4], [1e9 + 1.5, 1e9 + 2.5, 1e9 + 3]),
    ]
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
