"""Writes the models of Keras that the tests import, through tf2onnx. Run here,
with tensorflow-cpu 2.21.0, keras 3.15.1, tf2onnx 1.17.0, numpy 2.4.6 and onnx
1.23.2, after make_models.py: python make_keras_models.py
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

random = np.random.default_rng(1)
X = random.normal(size=(200, 4)).astype(np.float32)
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
keras.utils.set_random_seed(1)
Dense = keras.layers.Dense

for name, layers, target, loss in [
    ("softmax", [Dense(6, activation="relu"), Dense(5, activation="tanh"), Dense(3, activation="softmax")], y, "sparse_categorical_crossentropy"),
    ("sigmoid", [Dense(6, activation="elu"), Dense(1, activation="sigmoid")], y > 0, "binary_crossentropy"),
    ("regression", [Dense(6, activation="softplus"), keras.layers.Dropout(0.3), Dense(6, activation="silu"), Dense(2)], X[:, :2] * 2, "mse"),
    ("leaky", [Dense(6, activation="leaky_relu"), Dense(6, activation="relu"), Dense(1)], X[:, 2], "mae"),
    ("batch_norm", [Dense(6), keras.layers.BatchNormalization(), keras.layers.ReLU(), Dense(1)], X[:, 3], "mse"),
]:
    model = keras.Sequential([keras.layers.Input((4,))] + layers)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss)
    model.fit(X, target.astype(np.float32), epochs=3, verbose=0)
    signature = [tf.TensorSpec((None, 4), tf.float32, name="x")]
    call = tf.function(lambda x: model(x, training=False), input_signature=signature)
    proto, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=17)
    onnx.save(proto, f"models/keras_{name}.onnx")
