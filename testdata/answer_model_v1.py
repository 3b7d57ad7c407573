"""Answers the rows of model_v1.csv with model_v1.onnx, by onnx's own evaluator:
no code of Shoal's. Run here, with the packages of scripts/requirements.txt:

    ../.venv/bin/python answer_model_v1.py > new && mv new model_v1.csv
"""

import csv
import sys

import numpy
import onnx
import onnx.reference

model = onnx.load("model_v1.onnx")
rows = list(csv.DictReader(open("model_v1.csv", encoding="utf-8")))


def number(text):
    return {"": numpy.nan, "true": 1, "false": 0}[text] if text in ("", "true", "false") else float(text)


feeds = {}
for value in model.graph.input:
    column = [row[value.name] for row in rows]
    if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
        feeds[value.name] = numpy.array(column, dtype=object).reshape(-1, 1)
    else:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        feeds[value.name] = numpy.array([number(x) for x in column]).astype(dtype).reshape(-1, 1)

_, probabilities = onnx.reference.ReferenceEvaluator(model).run(["label", "probabilities"], feeds)
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(rows[0].keys())
for row, p in zip(rows, probabilities):
    out.writerow([row[c] for c in row if not c.startswith("probability:")] + ["%.9f" % x for x in p])
