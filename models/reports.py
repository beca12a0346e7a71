"""Small models after public reports of people who run Keras models outside Python: each once showed a fault of ours.

They are committed in testdata/reports. Those whose checks must not depend on Keras's initial weights have
random ones; default keeps Keras's own, which the fault needed.
"""

import importlib
import os
import subprocess
import sys
import tempfile

import numpy as np

from fixture import Fixture
from seq2seq import producer, seed_model

SCALE = 0.4  # the deviation of random weights


class Report:
    """A model of one input, x."""

    def __init__(self, model, x, save=None):
        self.model, self.x, self.keep = model, x, save
        self.outputs = ["output_0" if "tf_keras" not in type(model).__module__ else model.output_names[0]]

    def predict_all(self, inputs):
        y = self.model.predict(inputs["x"], verbose=0)
        self.reset()
        return {self.outputs[0]: np.asarray(y)}

    def reset(self):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False) is True:
                layer.reset_state()

    def save(self, path):
        if "tf_keras" in type(self.model).__module__:
            self.model.save(path, save_format="tf")
        else:
            self.model.export(path, verbose=False)


def randomize(model, rng):
    """Random values that are not zero; gammas lie around 1, variances are positive, seeds and states stay."""
    for w in model.weights:
        name = getattr(w, "path", w.name)
        kept = "seed" in name or "lstm/state" in name or not np.issubdtype(np.dtype(getattr(w.dtype, "name", w.dtype)), np.floating)
        if kept or getattr(w, "trainable", True) is False and "moving" not in name:
            continue
        v = rng.normal(0, SCALE, size=tuple(w.shape))
        if "variance" in name:
            v = 0.5 + np.abs(v)
        w.assign((1 + v if "gamma" in name else v).astype(np.float32))
    return model


def normal(*shape):
    return lambda rng: rng.normal(size=shape).astype(np.float32)


def report(name, about, build, draw, keras="keras", random=True, seed=7, quantize=None):
    """The recipe of one report: build(keras) returns the model, draw(rng) its input."""

    def recipe(out):
        k = importlib.import_module(keras)
        k.backend.clear_session()
        k.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        model = build(k)
        x = draw(rng)
        if not getattr(model, "built", True):
            model(x)
        if random:
            randomize(model, rng)
        if quantize:
            model.quantize(quantize)
        r = Report(model, x)
        Fixture(f"reports/{name}", producer(k), seed, about).write(out, r, {"": {"x": x}}, (), None, r.save)

    return f"reports/{name}", recipe


def ln_stack(k):
    L = k.layers
    i = k.Input((6, 3), name="x")
    y = L.LSTM(16, return_sequences=True)(i)
    for _ in range(7):
        y = L.LayerNormalization()(L.Dense(16)(y))
    return k.Model(i, L.Dense(2)(y))


def transformer(blocks):
    def build(k):
        L = k.layers
        i = k.Input((6, 3), name="x")
        y = L.LSTM(16, return_sequences=True)(i)
        for _ in range(blocks):
            normed = L.LayerNormalization()(y)
            y = L.Add()([y, L.MultiHeadAttention(2, 8)(normed, normed)])
            y = L.Add()([y, L.Dense(16)(L.Dense(32, activation="gelu")(L.LayerNormalization()(y)))])
        return k.Model(i, L.Dense(2)(y))

    return build


def ln_cell(k):
    import tensorflow as tf

    class NormalizedCell(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units
            self.norm = k.layers.LayerNormalization(epsilon=1e-3)

        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
            self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")
            self.norm.build((None, self.units))
            self.built = True

        def call(self, x, states):
            h = tf.tanh(self.norm(tf.matmul(x, self.kernel) + tf.matmul(states[0], self.recurrent_kernel)))
            return h, [h]

    i = k.Input((None, 3), name="x")
    return k.Model(i, k.layers.Dense(2)(k.layers.RNN(NormalizedCell(4))(i)))


def channels_first(k):
    L = k.layers
    i = k.Input((3, 6), name="x")
    y = L.Permute((2, 1))(L.Conv1D(4, 3, data_format="channels_first")(i))
    return k.Model(i, L.LSTM(5)(y))


def stateful(k):
    i = k.Input((6, 3), batch_size=2, name="x")
    return k.Model(i, k.layers.LSTM(4, stateful=True)(i))


def lstm_dense(k):
    i = k.Input((6, 3), name="x")
    return k.Model(i, k.layers.Dense(2)(k.layers.LSTM(4)(i)))


def uint8(k):
    i = k.Input((6, 3), dtype="uint8", name="x")
    return k.Model(i, k.layers.LSTM(4)(k.layers.Rescaling(1 / 255.0)(i)))


def near_constant_rows(k):
    i = k.Input((2,), name="x")
    return k.Model(i, k.layers.LayerNormalization()(i))


def rows(_):
    return np.tile(np.array([[13.221409, 13.22382]], np.float32), (8, 1))


def seed_keras313():
    """The seed model as Keras 3.13 exports it: right, with a loop in front of the dense layer (3.14 and later get it wrong).

    It is made in a process of its own, in which that Keras stands before the pinned one.
    """
    name, version = "reports/seed_keras313", "3.13.2"

    def recipe(out):
        import keras

        if keras.__version__ == version:
            return seed_model(name, keras, 4, "time_distributed")[1](out)
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", home, f"keras=={version}"], check=True)
            make = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make.py")
            subprocess.run([sys.executable, make, "--here", "--out", out, name], check=True, env={**os.environ, "PYTHONPATH": home})

    return name, recipe


def recipes():
    x = normal(2, 6, 3)
    return [
        seed_keras313(),
        report("ln_stack", "Seven Dense and LayerNormalization behind an LSTM.", ln_stack, x),
        report("transformer", "Four blocks of attention behind an LSTM.", transformer(4), x),
        report("default", "Two blocks of attention with Keras's own initial weights.", transformer(2), x, random=False),
        report("ln_cell_keras3", "A cell of its user's own, with a LayerNormalization, over 12 steps.", ln_cell, normal(3, 12, 3)),
        report("ln_cell_tfkeras", "The same cell in Keras 2.", ln_cell, normal(3, 12, 3), keras="tf_keras"),
        report("channels_first", "A channels-first Conv1D, whose bias TensorFlow's optimizer adds along another axis.", channels_first, normal(2, 3, 6)),
        report("stateful", "A stateful LSTM: the graph fixes the batch.", stateful, x),
        report("int8", "An LSTM and a Dense layer quantized to int8.", lstm_dense, x, quantize="int8"),
        report("uint8", "Bytes, rescaled, into an LSTM.", uint8, lambda rng: rng.integers(0, 255, (2, 6, 3)).astype(np.uint8)),
        report("near_constant_rows", "LayerNormalization of rows that are nearly constant: rounding is large there.", near_constant_rows, rows),
    ]
