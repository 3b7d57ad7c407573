"""Writes the models of other programs that the tests import: PyTorch's two
exporters and skl2onnx. Run here, with these versions (requirements.txt beside
this file): python make_models.py
"""

import os
import shutil
import warnings

import numpy as np
import onnx
import pandas
import torch
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler
from torch import nn

warnings.filterwarnings("ignore")
random = np.random.default_rng(1)
torch.manual_seed(1)
shutil.rmtree("models", ignore_errors=True)
os.mkdir("models")


def save(name, model):
    onnx.save(model, f"models/{name}.onnx")


# scikit-learn: 120 rows of four numbers, three classes.
X = random.normal(size=(120, 4)).astype(np.float32) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
X = X.astype(np.float32)
y = (X[:, 0] * 2 + X[:, 3] > 0).astype(int) + (X[:, 1] > 8)
binary = (y > 0).astype(int)
text = np.array(["ape", "bee", "cat"])[y]
small = dict(hidden_layer_sizes=(6, 5), max_iter=30, random_state=1)


def sk(name, model, target, zipmap=True, **kw):
    model.fit(X, target)
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    options = None if zipmap else {id(last): {"zipmap": False}}
    save("sklearn_" + name, to_onnx(model, X[:1], options=options, **kw))


for activation in ["identity", "logistic", "tanh", "relu"]:
    sk(f"classifier_{activation}", MLPClassifier(activation=activation, **small), y)
    sk(f"regressor_{activation}", MLPRegressor(activation=activation, **small), X[:, 0] + X[:, 1])
sk("binary", MLPClassifier(**small), binary)
sk("binary_no_zipmap", MLPClassifier(**small), binary, zipmap=False)
sk("binary_text", MLPClassifier(**small), np.array(["no", "yes"])[binary])
sk("text_no_zipmap", MLPClassifier(**small), text, zipmap=False)
sk("opset_11", MLPClassifier(**small), y, target_opset={"": 11, "ai.onnx.ml": 1})
for name, scaler in dict(standard=StandardScaler(), minmax=MinMaxScaler(), maxabs=MaxAbsScaler(), robust=RobustScaler()).items():
    sk(f"pipeline_{name}", make_pipeline(scaler, MLPClassifier(**small)), y)
sk("pipeline_impute", make_pipeline(SimpleImputer(), StandardScaler(), MLPClassifier(**small)), text)
sk("pipeline_regressor", make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), MLPRegressor(**small)), X[:, 1])

# Columns of several kinds.
frame = pandas.DataFrame({"area": X[:, 0], "rooms": X[:, 1], "town": np.array(["Delft", "Gouda", "Leiden"])[random.integers(0, 3, 120)],
                          "size": np.array(["s", "m", "l"])[random.integers(0, 3, 120)], "zone": random.integers(1, 4, 120)})
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
types = [("area", FloatTensorType([None, 1])), ("rooms", FloatTensorType([None, 1])), ("town", StringTensorType([None, 1])),
         ("size", StringTensorType([None, 1])), ("zone", Int64TensorType([None, 1]))]
hot = OneHotEncoder(handle_unknown="ignore")
for name, columns, used in [
    ("columns_hot", [("n", numbers, ["area", "rooms"]), ("t", hot, ["town", "size"])], 4),
    ("columns_ordinal", [("n", numbers, ["area", "rooms"]), ("o", OrdinalEncoder(categories=[["s", "m", "l"]], handle_unknown="use_encoded_value", unknown_value=-1), ["size"])], 4),
    ("columns_integer", [("n", StandardScaler(), ["area"]), ("z", hot, ["zone"])], 5),
    ("columns_scaled_hot", [("t", make_pipeline(hot, StandardScaler(with_mean=False)), ["town"]), ("n", "passthrough", ["rooms"])], 4),
]:
    model = make_pipeline(ColumnTransformer(columns), MLPClassifier(**small)).fit(frame, text)
    wanted = {c for _, _, names in columns for c in names}
    save("sklearn_" + name, convert_sklearn(model, initial_types=[t for t in types if t[0] in wanted]))


# PyTorch.
class Standardised(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor([0.5, -1.0, 2.0, 0.1]))
        self.register_buffer("std", torch.tensor([1.5, 2.0, 0.5, 3.0]))

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


class TwoColumns(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1))

    def forward(self, age, income):
        return self.net(torch.cat([age, income / 1000], dim=1))


def net(*middle, out=3, last=None, bias=True):
    layers = [nn.Linear(4, 6, bias=bias)]
    for m in middle:
        layers += [m, nn.Linear(6, 6)]
    layers += [nn.ReLU(), nn.Linear(6, out)] + ([last] if last else [])
    return nn.Sequential(*layers).eval()


NETS = {
    "regression": net(nn.Tanh(), out=1),
    "outputs": net(nn.ReLU(), out=3),
    "softmax": net(nn.ELU(), last=nn.Softmax(dim=1)),
    "two_of_softmax": net(nn.ReLU(), out=2, last=nn.Softmax(dim=-1)),
    "sigmoid": net(nn.LeakyReLU(0.2), out=1, last=nn.Sigmoid()),
    "gelu": net(nn.GELU(), nn.GELU()),
    "silu": net(nn.SiLU(), nn.SiLU()),
    "softplus": net(nn.Softplus(), out=1, last=nn.Softplus()),
    "no_bias": net(nn.Tanh(), bias=False),
    "dropout": net(nn.Dropout(0.5), nn.Tanh()),
    "linear": nn.Sequential(nn.Linear(4, 2)).eval(),
    "linear_layers": nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)).eval(),
    "standardised": Standardised(net(nn.ReLU(), last=nn.Softmax(dim=1))).eval(),
}
for name, module in NETS.items():
    for dynamo in [True, False]:
        path = f"models/torch_{name}_{'dynamo' if dynamo else 'script'}.onnx"
        if dynamo:
            torch.onnx.export(module, (torch.zeros(2, 4),), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("N")},),
                              external_data=False, input_names=["x"], output_names=["y"])
        else:
            torch.onnx.export(module, (torch.zeros(2, 4),), path, dynamo=False, dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
                              opset_version=13 if name == "gelu" else 18, input_names=["x"], output_names=["y"])
torch.onnx.export(TwoColumns().eval(), (torch.zeros(2, 1), torch.zeros(2, 1)), "models/torch_columns.onnx", dynamo=False,
                  dynamic_axes={"age": {0: "N"}, "income": {0: "N"}}, input_names=["age", "income"], output_names=["price"])
onnx.save_model(onnx.load("models/torch_softmax_dynamo.onnx"), "models/torch_external.onnx", save_as_external_data=True, location="torch_external.data",
                size_threshold=0)
