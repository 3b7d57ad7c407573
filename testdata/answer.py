"""Answers models in other runtimes: a JSON object a line on standard input,

    {"model": path, "columns": {name: [value, or null where missing]}, "names": [name]}

and for each on standard output what they say, or an error:

    {"runtime": {output: [...]}, "reference": {output: [...]}}

runtime is ONNX Runtime, reference onnx's own evaluator. The model is checked
first, with the shapes of all its values. Where it has one input for all columns,
names says their order.
"""

import json
import sys

import numpy
import onnx
import onnx.reference
import onnxruntime

DTYPES = {onnx.TensorProto.FLOAT: numpy.float32, onnx.TensorProto.DOUBLE: numpy.float64, onnx.TensorProto.INT64: numpy.int64}


def feed(value, column):
    if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
        return numpy.array(["" if x is None else x for x in column], dtype=object).reshape(len(column), 1)
    dtype = DTYPES[value.type.tensor_type.elem_type]
    with numpy.errstate(over="ignore"):
        return numpy.array([numpy.nan if x is None else x for x in column], dtype=numpy.float64).reshape(len(column), 1).astype(dtype)


def plain(x):
    """x as JSON has it; ZipMap gives a list of maps, whose numbers are numpy's."""
    if isinstance(x, list) and x and isinstance(x[0], dict):
        return [{str(k): float(v) for k, v in row.items()} for row in x]
    return numpy.asarray(x).tolist()


def answer(path, columns, order):
    model = onnx.load(path)
    onnx.checker.check_model(path, full_check=True)
    if len(model.graph.input) == 1 and len(columns) > 1:
        (value,) = model.graph.input
        feeds = {value.name: numpy.hstack([feed(value, columns[name]) for name in order])}
    else:
        feeds = {value.name: feed(value, columns[value.name]) for value in model.graph.input}
    names = [value.name for value in model.graph.output]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers = {"runtime": session.run(names, feeds)}
    with numpy.errstate(all="ignore"):
        # The reference has no ZipMap, and its Flatten takes no zero rows.
        if all(x.size for x in feeds.values()) and not any(node.op_type == "ZipMap" for node in model.graph.node):
            answers["reference"] = onnx.reference.ReferenceEvaluator(model).run(names, feeds)
    return {by: {name: plain(x) for name, x in zip(names, out)} for by, out in answers.items()}


for line in sys.stdin:
    question = json.loads(line)
    try:
        reply = answer(question["model"], question["columns"], question.get("names"))
    except Exception as e:
        reply = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(reply), flush=True)
