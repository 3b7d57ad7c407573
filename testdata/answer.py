"""Answers models in other runtimes: a JSON object a line on standard input,

    {"model": path, "columns": {name: [value, or null where missing]}}

and for each on standard output what they say, or an error:

    {"runtime": {output: [...]}, "reference": {output: [...]}}

runtime is ONNX Runtime, reference onnx's own evaluator. The model is checked
first, with the shapes of all its values.
"""

import json
import sys

import numpy
import onnx
import onnx.reference
import onnxruntime

DTYPES = {onnx.TensorProto.FLOAT: numpy.float32, onnx.TensorProto.DOUBLE: numpy.float64}


def feed(value, column):
    if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
        return numpy.array(["" if x is None else x for x in column], dtype=object).reshape(len(column), 1)
    dtype = DTYPES[value.type.tensor_type.elem_type]
    with numpy.errstate(over="ignore"):
        return numpy.array([numpy.nan if x is None else x for x in column], dtype=numpy.float64).reshape(len(column), 1).astype(dtype)


def answer(path, columns):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    feeds = {value.name: feed(value, columns[value.name]) for value in model.graph.input}
    names = [value.name for value in model.graph.output]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers = {"runtime": session.run(names, feeds)}
    with numpy.errstate(all="ignore"):
        if all(x.size for x in feeds.values()):  # the reference's Flatten takes no zero rows
            answers["reference"] = onnx.reference.ReferenceEvaluator(model).run(names, feeds)
    return {by: {name: numpy.asarray(x).tolist() for name, x in zip(names, out)} for by, out in answers.items()}


for line in sys.stdin:
    question = json.loads(line)
    try:
        reply = answer(question["model"], question["columns"])
    except Exception as e:
        reply = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(reply), flush=True)
