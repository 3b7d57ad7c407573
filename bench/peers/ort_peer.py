"""ONNX Runtime: the network as Gemm and activations; with --bound, inputs and outputs are bound once."""

import sys

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from common import serve


def model(s):
    nodes, constants, last = [], [], "X"
    for i, (W, b) in enumerate(zip(s.W, s.b)):
        constants += [numpy_helper.from_array(W, f"W{i}"), numpy_helper.from_array(b, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [last, f"W{i}", f"b{i}"], [f"Z{i}"], transB=1))
        if i < len(s.W) - 1:
            nodes.append(helper.make_node({"tanh": "Tanh", "relu": "Relu"}[s.activation], [f"Z{i}"], [f"A{i}"]))
        elif s.outputs == 1:
            nodes.append(helper.make_node("Sigmoid", [f"Z{i}"], ["A"]))
        else:
            nodes.append(helper.make_node("Softmax", [f"Z{i}"], ["A"], axis=1))
        last = f"A{i}"
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", s.inputs])],
        [helper.make_tensor_value_info("A", TensorProto.FLOAT, ["N", s.outputs])], constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


def prepare(s):
    o = ort.SessionOptions()
    o.intra_op_num_threads = s.threads
    o.inter_op_num_threads = 1
    session = ort.InferenceSession(model(s), o, providers=["CPUExecutionProvider"])
    x = s.X[:1].copy() if s.mode == "one" else s.many()
    if "--bound" in sys.argv:
        out = np.zeros((len(x), s.outputs), np.float32)
        io = session.io_binding()
        io.bind_cpu_input("X", x)
        io.bind_output("A", "cpu", 0, np.float32, out.shape, out.ctypes.data)

        def work(n, bound=(x, out)):  # which must stay alive
            for _ in range(n):
                session.run_with_iobinding(io)
            return n

    else:

        def work(n):
            for _ in range(n):
                session.run(None, {"X": x})
            return n

    return work, {"version": ort.__version__}


serve(prepare)
