"""Small models after public reports of people who run Keras models outside Python: each once showed a fault of ours.

They are committed in testdata/reports. Those whose checks must not depend on Keras's initial weights have
random ones; default keeps Keras's own, which the fault needed.
"""

import importlib
import inspect
import os
import subprocess
import sys
import tempfile

import numpy as np

from fixture import Fixture
from seq2seq import producer, seed_model

SCALE = 0.4  # the deviation of random weights


class Report:
    """A model of one input, x, or of several by their names."""

    def __init__(self, model):
        self.model = model
        self.outputs = ["output_0" if "tf_keras" not in type(model).__module__ else model.output_names[0]]

    def predict_all(self, inputs):
        y = self.model.predict(inputs["x"] if list(inputs) == ["x"] else inputs, verbose=0)
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
            silent = "verbose" in inspect.signature(self.model.export).parameters  # of Keras 3.5 and later
            self.model.export(path, **({"verbose": False} if silent else {}))


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
        w.assign((1 + v if "gamma" in name else v).astype(getattr(w.dtype, "name", w.dtype)))
    return model


def normal(*shape):
    return lambda rng: rng.normal(size=shape).astype(np.float32)


def report(name, about, build, draw, keras="keras", random=True, seed=7, quantize=None, floatx="float32"):
    """The recipe of one report: build(keras) returns the model, draw(rng) its input, or its inputs by name; floatx is
    Keras's own setting."""

    def recipe(out):
        k = importlib.import_module(keras)
        k.backend.clear_session()
        k.utils.set_random_seed(seed)
        k.backend.set_floatx(floatx)
        rng = np.random.default_rng(seed)
        model = build(k)
        x = draw(rng)
        inputs = x if isinstance(x, dict) else {"x": x}
        if random:
            randomize(model, rng)
        if quantize:
            model.quantize(quantize)
        r = Report(model)
        Fixture(f"reports/{name}", producer(k), seed, about).write(out, r, {"": inputs}, (), None, r.save)
        k.backend.set_floatx("float32")

    return f"reports/{name}", recipe


def with_keras(version, made):
    """The recipe of a report that only an older Keras shows: it runs in a process that has that version.

    The version is installed for the process alone, into a folder that is removed again; recipe.json says which it was.
    """
    name, recipe = made

    def run(out):
        import keras

        if keras.__version__ == version:  # this is the process
            return recipe(out)
        with tempfile.TemporaryDirectory() as folder:
            pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder]
            subprocess.run([sys.executable, *pip, f"keras=={version}"], check=True)
            make = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make.py")
            env = os.environ | {"PYTHONPATH": folder}
            subprocess.run([sys.executable, make, "--out", os.path.abspath(out), "--here", name], check=True, env=env)

    return name, run


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


def mixed(k):
    i = k.Input((6, 3), name="x")
    y = k.layers.LSTM(4, dtype="mixed_float16")(i)
    return k.Model(i, k.layers.Dense(2)(y))


def uint8(k):
    i = k.Input((6, 3), dtype="uint8", name="x")
    return k.Model(i, k.layers.LSTM(4)(k.layers.Rescaling(1 / 255.0)(i)))


def near_constant_rows(k):
    i = k.Input((2,), name="x")
    return k.Model(i, k.layers.LayerNormalization()(i))


def rows(_):
    return np.tile(np.array([[13.221409, 13.22382]], np.float32), (8, 1))


def calling(k, function):
    """A layer that calls a function."""

    class Calling(k.layers.Layer):
        def call(self, *inputs):
            return function(*inputs)

    return Calling()


def float_tokens(k):
    i = k.Input((7,), name="x")
    return k.Model(i, k.layers.LSTM(4)(k.layers.Embedding(11, 3)(i)))


def float_feature(k):
    i = k.Input((7, 3), name="x")
    token = k.layers.Embedding(5, 3)(i[:, :, 0])
    return k.Model(i, k.layers.LSTM(4)(k.layers.Concatenate()([token, i[:, :, 1:]])))


def with_lengths(k, head, unmasked=False):
    """An LSTM over sequences whose lengths are an input; head(tf, y, n) returns the model's output from the LSTM's."""
    import tensorflow as tf

    x, n = k.Input((None, 3), name="x"), k.Input((), dtype="int32", name="lengths")
    mask = None if unmasked else calling(k, lambda x, n: tf.sequence_mask(n, tf.shape(x)[1]))(x, n)
    y = k.layers.LSTM(4, return_sequences=True)(x, mask=mask)
    return k.Model([x, n], k.layers.Dense(2)(calling(k, lambda y, n: head(tf, y, n))(y, n)))


def lengths(k):
    return with_lengths(k, lambda tf, y, n: tf.gather(y, n - 1, batch_dims=1))


def last_nd(k):
    return with_lengths(k, lambda tf, y, n: tf.gather_nd(y, tf.stack([tf.range(tf.shape(y)[0]), n - 1], axis=1)))


def max_length(k):
    return with_lengths(k, lambda tf, y, n: tf.reduce_sum(y * tf.sequence_mask(n, dtype=tf.float32)[:, :, None], axis=1), True)


def mean_length(k):
    def mean(tf, y, n):
        kept = tf.sequence_mask(n, tf.shape(y)[1], dtype=tf.float32)
        return tf.reduce_sum(y * kept[:, :, None], axis=1) / tf.cast(n, tf.float32)[:, None]

    return with_lengths(k, mean)


def table(clip, offset=0):
    def build(k):
        import tensorflow as tf

        values = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)

        def look_up(i):
            i = tf.cast(i, tf.int32) + offset
            return tf.gather(values, tf.clip_by_value(i, 0, 5) if clip else i)

        i = k.Input((7,), dtype="int32" if offset else "float32", name="x")
        return k.Model(i, k.layers.LSTM(4)(calling(k, look_up)(i)))

    return build


def one_hot(dtype):
    def build(k):
        i = k.Input((7,), dtype=dtype, name="x")
        return k.Model(i, k.layers.LSTM(4)(k.ops.one_hot(k.ops.cast(i, "int32"), 5)))

    return build


def gaps(k):
    x, gap = k.Input((6, 3), name="x"), k.Input((6, 1), name="gap")
    return k.Model([x, gap], k.layers.LSTM(4)(k.layers.Concatenate()([x, k.ops.log(gap)])))


def gap_buckets(k):
    import tensorflow as tf

    x, gap = k.Input((6, 3), name="x"), k.Input((6,), name="gap")
    bucket = calling(k, lambda gap: tf.cast(tf.math.floor(tf.math.log(gap + 1.0) / tf.math.log(2.0)), tf.int32))(gap)
    return k.Model([x, gap], k.layers.LSTM(4)(k.layers.Concatenate()([x, k.layers.Embedding(8, 2)(bucket)])))


def mask_constant(k):
    import tensorflow as tf

    mask = np.array([[True, True, False, True, True, True], [True, False, True, True, False, True]])
    i = k.Input((6, 3), name="x")
    return k.Model(i, k.layers.LSTM(4)(calling(k, lambda x: tf.where(mask[:, :, None], x, tf.zeros_like(x)))(i)))


def flat_length(k):
    import tensorflow as tf

    i = k.Input((None, 3), name="x")
    y = calling(k, lambda y: tf.reshape(y, (-1, 28)))(k.layers.LSTM(4, return_sequences=True)(i))
    return k.Model(i, k.layers.Dense(2)(y))


def projected(k, *features):
    """A layer with a kernel for the features of each input; of the second, it leaves out the first step."""

    class Projected(k.layers.Layer):
        def build(self, *_):
            self.kernels = [self.add_weight(shape=(f, 3), name=f"kernel_{f}") for f in features]
            self.built = True

        def call(self, *inputs):
            out = [k.ops.matmul(x, kernel) for x, kernel in zip(inputs, self.kernels)]
            return out[0] + out[1][:, 1:] if len(out) == 2 else out[0]

    return Projected()


def open_feature(k):
    i = k.Input((None, None), name="x")
    return k.Model(i, k.layers.LSTM(4)(projected(k, 5)(i)))


def two_features(k):
    a, b = k.Input((None, None), name="a"), k.Input((None, None), name="b")
    return k.Model([a, b], k.layers.LSTM(4)(projected(k, 5, 7)(a, b)))


def same_length(k):
    a, b = k.Input((None, 2), name="a"), k.Input((None, 3), name="b")
    return k.Model([a, b], k.layers.LSTM(4)(k.layers.Concatenate()([a, b])))


def other_length(k):
    a, b = k.Input((None, 3), name="a"), k.Input((None, 3), name="b")
    return k.Model([a, b], k.layers.LSTM(4)(calling(k, lambda a, b: a[:, 2:] + b)(a, b)))


def integers(high, *shape, low=0, dtype=np.int32):
    return lambda rng: rng.integers(low, high, shape).astype(dtype)


def together(**draws):
    return lambda rng: {name: draw(rng) for name, draw in draws.items()}


def mixed(rng):
    x = rng.normal(size=(2, 7, 3))
    x[:, :, 0] = rng.integers(0, 5, (2, 7))
    return x.astype(np.float32)


def made():
    """Models whose graphs fix what made inputs must be."""
    x, floats = normal(3, 6, 3), np.float32
    long = together(x=x, lengths=lambda rng: np.array([6, 2, 4], np.int32))
    gap = lambda *shape: lambda rng: (rng.exponential(2, shape) + 0.01).astype(floats)
    return [
        report("float_tokens", "Tokens that come as floats, into an Embedding.", float_tokens, integers(11, 2, 7, dtype=floats)),
        report("float_feature", "The first of the features is a token.", float_feature, mixed),
        report("lengths", "The last step of each sequence, by its length.", lengths, long),
        report("last_nd", "The same by row and step.", last_nd, long),
        report("max_length", "A mask that is as long as the longest sequence says.", max_length, long),
        report("mean_length", "A mean over the steps of each sequence, by its length.", mean_length, long),
        report("table", "Indices of a table, as floats.", table(False), integers(6, 2, 7, dtype=floats)),
        report("table_clip", "Indices of a table, as floats, that are clipped.", table(True), integers(6, 2, 7, dtype=floats)),
        report("table_shifted", "Indices of a table that begin with 1.", table(False, -1), integers(7, 2, 7, low=1)),
        report("one_hot", "One-hot of tokens.", one_hot("int32"), integers(5, 2, 7)),
        report("one_hot_floats", "One-hot of tokens that come as floats.", one_hot("float32"), integers(5, 2, 7, dtype=floats)),
        report("gaps", "The logarithm of a gap in time.", gaps, together(x=x, gap=gap(3, 6, 1))),
        report("gap_buckets", "An Embedding of a gap in time, by its logarithm.", gap_buckets, together(x=x, gap=gap(3, 6))),
        report("mask_constant", "A mask that is a constant for a batch of 2.", mask_constant, normal(2, 6, 3)),
        report("flat_length", "A length that is open in the signature, and fixed by a Reshape to 7.", flat_length, normal(2, 7, 3)),
        report("open_feature", "Features that are open in the signature, and fixed by a kernel to 5.", open_feature, normal(2, 6, 5)),
        report("same_length", "Two inputs that must have the same length.", same_length, together(a=normal(2, 6, 2), b=normal(2, 6, 3))),
        report("other_length", "Two inputs, one of them longer by 2.", other_length, together(a=normal(2, 8, 3), b=normal(2, 6, 3))),
        report("two_features", "Two inputs whose features are open and differ, one of them longer by 1.", two_features, together(a=normal(2, 5, 5), b=normal(2, 6, 7))),
    ]


def seed_keras313():
    """The seed model as Keras 3.13 exports it: right, with a loop in front of the dense layer (3.14 and later get it wrong).

    It is made in a separate process, in which that Keras comes before the pinned one.
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
        report("float16", "An LSTM and a Dense layer in float16 throughout.", lstm_dense, lambda rng: x(rng).astype(np.float16), floatx="float16"),
        report("mixed_float16", "The same in a mixed policy, with a Dense layer in float32 at the end.", mixed, x),
        with_keras("3.3.3", report("seed_uint32", "An LSTM of Keras 3.0 to 3.4: a uint32 seed that no signature reads.", lstm_dense, x)),
        report("near_constant_rows", "LayerNormalization of rows that are nearly constant: rounding is large there.", near_constant_rows, rows),
        *made(),
    ]
