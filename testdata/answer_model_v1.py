"""Answers the rows of model_v1.csv with model_v1.onnx, from the description in
the file alone: no code of Shoal's. Float64, but for the features, which are
float32. Run here: python3 answer_model_v1.py > new && mv new model_v1.csv
"""

import csv
import json
import math
import struct
import sys

data = open("model_v1.onnx", "rb").read()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + length])
model = json.loads(header["__metadata__"]["shoal"])


def tensor(name):
    begin, end = header[name]["data_offsets"]
    return struct.unpack("<%df" % ((end - begin) // 4), data[8 + length + begin : 8 + length + end])


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def elu(z, alpha):
    return z if z > 0 else alpha * math.expm1(z)


ACTIVATIONS = {
    "leaky_relu": lambda z, alpha: max(z, alpha * z),
    "elu": elu,
    "tanh": lambda z, _: math.tanh(z),
    "gelu": lambda z, _: z * 0.5 * math.erfc(-z / math.sqrt(2)),
    "silu": lambda z, _: z / (1 + math.exp(-z)),
    "softplus": lambda z, _: math.log1p(math.exp(z)),
    "softmax": lambda z, _: z,  # of all views' networks: see answer
}


def features(view, row):
    x = []
    for c in view["features"]["columns"]:
        cell = row[c["name"]]
        if c["kind"] == "category":
            x += [float(cell == level) for level in c["levels"]]
            continue
        cell = {"true": "1", "false": "0"}.get(cell, cell)
        v = float32(float(cell) - c.get("shift", 0)) if cell else c["fill"]
        z = float32(float32(v - c["mean"]) / c["sd"])
        x.append(min(max(z, c["low"]), c["high"]))
        if c.get("indicator"):
            x.append(float(cell == ""))
    return x


def logits(network, prefix, a):
    for i, layer in enumerate(network["layers"]):
        w, b = tensor(prefix + ".layer.%d.W" % i), tensor(prefix + ".layer.%d.b" % i)
        name, _, alpha = layer["activation"].partition(":")
        z = [sum(w[u * len(a) + k] * a[k] for k in range(len(a))) + b[u] for u in range(layer["units"])]
        a = [ACTIVATIONS[name](v, float(alpha or 0)) for v in z]
    return a


def answer(row):
    out = [0.0, 0.0, 0.0]
    for i, view in enumerate(model["views"]):
        x = features(view, row)
        z = [0.0, 0.0, 0.0]
        for k, network in enumerate(view["networks"]):
            for c, v in enumerate(logits(network, "view.%d.network.%d" % (i, k), x)):
                z[c] += v / len(view["networks"]) / view["temperature"]
        e = [math.exp(v) for v in z]
        for c in range(3):
            out[c] += view["weight"] * e[c] / sum(e)
    return out


rows = list(csv.DictReader(open("model_v1.csv", encoding="utf-8")))
out = csv.writer(sys.stdout, lineterminator="\n")
classes = model["targets"][0]["classes"]
out.writerow(["area", "sold", "town"] + ["probability:" + c for c in classes])
for row in rows:
    out.writerow([row["area"], row["sold"], row["town"]] + ["%.9f" % p for p in answer(row)])
