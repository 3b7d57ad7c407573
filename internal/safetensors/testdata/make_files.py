"""Writes the .safetensors files of this folder with the reference implementation.

    pip install safetensors==0.8.0 numpy==2.4.6
    python make_files.py FOLDER          # write them
    python make_files.py --check FILE    # read FILE; print its tensors, as the test expects them

Values are exact in binary, so that the test can state them as numbers: the
element of index i (row after row) of the n-th tensor by name is n + i/4.
"""

import json
import os
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def tensors(spec):
    out = {}
    for n, name in enumerate(sorted(spec)):
        dtype, shape = spec[name]
        size = int(np.prod(shape, dtype=np.int64))
        out[name] = (n + np.arange(size) / 4).astype(dtype).reshape(shape)
    return out


FILES = {
    # name: (tensors, metadata)
    "network": ({"W1": ("f4", (4, 2)), "b1": ("f4", (4, 1)), "W2": ("f4", (1, 4)), "b2": ("f4", (1, 1))}, {"seed": "7"}),
    "mixed": ({"a": ("f4", (3,)), "b": ("f8", (2, 2)), "c": ("f4", (1,)), "d": ("f8", (5,))}, None),
    "scalar_and_empty": ({"scalar": ("f8", ()), "none": ("f4", (0, 3)), "nothing": ("f8", (2, 0))}, None),
    "names": ({"": ("f4", (1,)), "größe/ß": ("f4", (2,)), 'quote " and \\': ("f4", (1,)), "line\nbreak": ("f4", (1,))}, {"ключ": "значение \t\" \\ </>&"}),
    "no_tensors": ({}, {"only": "metadata"}),
    "half": ({"h": ("f2", (2,))}, None),  # a type that we don't read
    "integers": ({"i": ("i8", (2,)), "w": ("f4", (1,))}, None),  # the same
}


def check(path):
    with safe_open(path, framework="numpy") as f:
        out = {
            "metadata": f.metadata() or {},
            "tensors": {
                k: {"dtype": str(f.get_tensor(k).dtype), "shape": list(f.get_tensor(k).shape),
                    "hex": f.get_tensor(k).tobytes().hex()}
                for k in f.keys()
            },
        }
    json.dump(out, sys.stdout)


def main():
    if sys.argv[1] == "--check":
        check(sys.argv[2])
        return
    for name, (spec, metadata) in FILES.items():
        save_file(tensors(spec), os.path.join(sys.argv[1], name + ".safetensors"), metadata)


main()
