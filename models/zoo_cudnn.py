"""The zoo's models as they are exported where TensorFlow sees a GPU: recurrent layers are one operation of cuDNN each.

TensorFlow has these operations for GPUs alone, so nothing here runs them. Keras 3 is told while it exports that there
is a GPU; tf_keras's CuDNNLSTM and CuDNNGRU, and tf.raw_ops in a tf.Module, need no telling. Expected values are what
Keras computes on a CPU from a plain model of the same weights: the same Keras 3 model; layers of tf_keras with the
weights that its own code converts (_convert_rnn_weights, by which it loads a CuDNNLSTM's file into an LSTM); Keras 3
layers whose weights its own code packs (_standardize_cudnn_weights).

Where a step is padded, the output of cuDNN is zero, and that of Keras's CPU path is the last one before it. Layers whose
whole sequence is an output have zero_output_for_mask=True, which has Keras compute the zeros on a CPU too.
"""

import contextlib
import os
import sys
import zlib

import numpy as np

from fixture import Fixture
from seq2seq import producer
from zoo import Model, fresh, random_weights, recurrent_layers
from zoo_checks import check_names, check_values, signature
from zoo_inputs import SIZES, In, cases_of, seq

RANDOM = 0.4  # the deviation of the weights
PADDED = {"x": In("T", 3), "keep": In("T", kind="padded", dtype="bool")}


def entries():
    yield from exported()
    yield from cudnn_layers()
    yield from modules()


def exported():
    for kind in ("LSTM", "GRU"):
        low = kind.lower()
        yield export(f"cudnn_{low}_last", f"{kind}, its last output.", seq(), lambda k, x, c=kind: getattr(k, c)(4)(x))
        yield export(f"cudnn_{low}_states", f"{kind}, all its outputs and its states.", seq(),
                     lambda k, x, c=kind: getattr(k, c)(4, return_sequences=True, return_state=True)(x))  # fmt: skip
        yield export(f"cudnn_{low}_backwards", f"{kind}, backwards.", seq(),
                     lambda k, x, c=kind: getattr(k, c)(4, return_sequences=True, return_state=True, go_backwards=True)(x))  # fmt: skip
        yield export(f"cudnn_{low}_masked", f"{kind}, its last output and states, padded on the right.", PADDED,
                     lambda k, x, keep, c=kind: getattr(k, c)(4, return_state=True)(x, mask=keep))  # fmt: skip
        yield export(f"cudnn_{low}_masked_sequences", f"{kind}, all its outputs, padded on the right.", PADDED,
                     lambda k, x, keep, c=kind: getattr(k, c)(4, return_sequences=True, return_state=True, zero_output_for_mask=True)(x, mask=keep))  # fmt: skip
        yield export(f"cudnn_{low}_masked_backwards", f"{kind}, backwards, padded on the right.", PADDED,
                     lambda k, x, keep, c=kind: getattr(k, c)(4, return_sequences=True, return_state=True, go_backwards=True, zero_output_for_mask=True)(x, mask=keep))  # fmt: skip
        yield export(f"cudnn_{low}_initial_state", f"{kind} that begins with given states.", {"x": In("T", 3), "h": In(4), "c": In(4)}, given(kind))
        yield export(f"cudnn_{low}_stateful", f"{kind} that keeps its states.", seq(),
                     lambda k, x, c=kind: getattr(k, c)(4, return_sequences=True, stateful=True)(x), batch=2, again=True)  # fmt: skip
    yield export("cudnn_bidirectional", "Bidirectional LSTM and GRU.", seq(),
                 lambda k, x: k.Bidirectional(k.GRU(3))(k.Bidirectional(k.LSTM(4, return_sequences=True))(x)))  # fmt: skip
    yield export("cudnn_bidirectional_masked", "Bidirectional LSTM, its last outputs, padded on the right.", PADDED,
                 lambda k, x, keep: k.Bidirectional(k.LSTM(4))(x, mask=keep))  # fmt: skip
    yield export("cudnn_stacked", "LSTM, Dense, GRU, SimpleRNN, which cuDNN is not asked for, and LayerNormalization.", seq(),
                 lambda k, x: k.SimpleRNN(3)(k.LayerNormalization()(k.GRU(5, return_sequences=True)(
                     k.Dense(2)(k.LSTM(4, return_sequences=True)(x))))))  # fmt: skip
    yield export("cudnn_embedding", "Embedding of token numbers before a GRU.", {"x": In("T", kind="ids", dtype="int32", high=11)},
                 lambda k, x: k.GRU(4)(k.Embedding(11, 3)(x)))  # fmt: skip
    yield export("cudnn_seq2seq", "Sequence to sequence: an encoder's states begin a decoder, with a dense layer.",
                 {"encoder": In("T", 2), "decoder": In("S", 2)}, seq2seq)  # fmt: skip
    yield export("cudnn_no_cudnn", "One layer with cuDNN, and some that Keras does not give it: without bias, another activation, reset_after=False.",
                 seq(), lambda k, x: k.GRU(2, reset_after=False)(k.LSTM(3, activation="relu", return_sequences=True)(
                     k.LSTM(4, use_bias=False, return_sequences=True)(k.LSTM(5, return_sequences=True)(x)))))  # fmt: skip
    yield export("cudnn_float64", "LSTM and GRU of float64.", {"x": In("T", 3, dtype="float64")},
                 lambda k, x: k.GRU(3)(k.LSTM(4, return_sequences=True)(x)), floatx="float64")  # fmt: skip


def given(kind):
    if kind == "LSTM":
        return lambda k, x, h, c: k.LSTM(4, return_sequences=True)(x, initial_state=[h, c])
    return lambda k, x, h, c: k.Concatenate()([k.GRU(4)(x, initial_state=h), c])


def seq2seq(k, encoder, decoder):
    _, h, c = k.LSTM(4, return_state=True, name="encoder_lstm")(encoder)
    y, *_ = k.LSTM(4, return_sequences=True, return_state=True, name="decoder_lstm")(decoder, initial_state=[h, c])
    return k.Dense(2)(y)


@contextlib.contextmanager
def gpu():
    """Has Keras 3 export as it does where TensorFlow has a GPU and was built for CUDA.

    Without the second, the gates of a GRU would be in the wrong order.
    """
    import tensorflow as tf

    rnn = sys.modules["keras.src.backend.tensorflow.rnn"]
    available, info = rnn._is_gpu_available, tf.sysconfig.get_build_info
    rnn._is_gpu_available = lambda: True
    tf.sysconfig.get_build_info = lambda: {**info(), "is_cuda_build": True, "is_rocm_build": False}
    try:
        yield
    finally:
        rnn._is_gpu_available, tf.sysconfig.get_build_info = available, info


def operations(path):
    """The operations of cuDNN in a SavedModel, with the functions that its graph reaches."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as f:
        saved.ParseFromString(f.read())
    graph = saved.meta_graphs[0].graph_def
    functions = {f.signature.name: f.node_def for f in graph.library.function}

    def found(nodes):
        for n in nodes:
            if n.op.startswith("CudnnRNN"):
                yield n.op
            for a in n.attr.values():
                yield from found(functions.get(a.func.name, []))

    called = {t.name.split(":")[0] for t in saved.meta_graphs[0].signature_def["serving_default"].outputs.values()}
    main = [n.op for n in graph.node if n.op.startswith("CudnnRNN")]
    return main + list(found(n for n in graph.node if n.name in called))


def write(out, fixture, model, cases, weights, save, want, others=None):
    """Writes a fixture whose SavedModel TensorFlow cannot run here, after checks of what can be checked."""

    def checked(path):
        save(path)
        names, outputs, loops = signature(path)
        check_names(fixture.name, names, outputs, cases[""], model.predict_all(cases[""]))
        ops = operations(path)
        if ops != want:
            raise SystemExit(f"{fixture.name}: the SavedModel has the operations {ops}, want {want}")
        # With a loop in the place of each, as it is run.
        fixture.settings["loops"] = loops + len(ops) * fixture.settings.pop("directions", 1)
        fixture.settings["cudnn"] = len(ops)

    numbered = {str(i): w for i, w in enumerate(weights)}
    fixture.write(out, model, cases, (), numbered, checked, False, others)
    check_values(fixture.name, os.path.join(out, fixture.name))


def seed_of(name):
    return zlib.crc32(name.encode()) % 9973


def export(name, about, inputs, build, batch=None, floatx="float32", again=False):
    """A Keras 3 model, exported as with a GPU."""
    name += "_keras3"

    def recipe(out):
        keras = fresh("keras3")
        seed = seed_of(name)
        keras.utils.set_random_seed(seed)
        keras.backend.set_floatx(floatx)
        try:
            model = Model(keras, inputs, build, batch)
            model.model.set_weights(random_weights(model.model.weights, np.random.default_rng(seed), RANDOM))
            model.reset()
            settings = recurrent_layers(keras, model.model)
            others = {}
            sizes = {c: {**s, "B": batch or s["B"]} for c, s in SIZES.items()}
            cases = cases_of(inputs, sizes, seed)
            if again:
                model.call(cases[""])
                others["expected_again.npz"] = model.name_outputs(model.call(cases[""]))
                settings["again"] = "expected_again.npz is a second call with the same inputs"
            for x in cases.values():
                model.predict_all(x)  # before Keras is told of a GPU

            def save(path):
                with gpu():
                    model.save(path)

            count = sum(cudnn_takes(keras, layer) for layer in model.model.layers)
            weights = model.model.get_weights()
            write(out, Fixture(name, producer(keras), seed, about, **settings), model, cases, weights, save, ["CudnnRNNV3"] * count, others)
        finally:
            keras.backend.set_floatx("float32")

    recipe.process = "keras3"
    return [(name, recipe)]


def cudnn_takes(keras, layer):
    """How many operations of cuDNN a layer becomes."""
    k = keras.layers
    if isinstance(layer, k.Bidirectional):
        return cudnn_takes(keras, layer.forward_layer) + cudnn_takes(keras, layer.backward_layer)
    if not isinstance(layer, (k.LSTM, k.GRU)):
        return 0
    return int(layer.use_bias and layer.activation is keras.activations.tanh and getattr(layer, "reset_after", True))


class Plain:
    """What a plain model computes, in the place of one that cannot be run."""

    outputs = ()  # Fixture.write is not to call the SavedModel

    def __init__(self, call):
        self.call = call

    def predict_all(self, inputs):
        return {n: np.asarray(x) for n, x in self.call(inputs).items()}


def cudnn_layers():
    for kind in ("LSTM", "GRU"):
        low = kind.lower()
        about = f"tf_keras's CuDNN{kind} of TensorFlow 1"
        yield layer_of_tf_keras(f"cudnn_layer_{low}", f"{about}, all its outputs and its states.", kind, return_sequences=True, return_state=True)
        yield layer_of_tf_keras(f"cudnn_layer_{low}_last", f"{about}, backwards, its last output.", kind, go_backwards=True)


def layer_of_tf_keras(name, about, kind, **settings):
    name += "_tfkeras"

    def recipe(out):
        keras = fresh("tfkeras")
        from tf_keras.src.layers.rnn import cudnn_gru, cudnn_lstm
        from tf_keras.src.saving.legacy import hdf5_format

        seed = seed_of(name)
        keras.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        cudnn = {"LSTM": cudnn_lstm.CuDNNLSTM, "GRU": cudnn_gru.CuDNNGRU}[kind]
        x = keras.Input((None, 3), name="x")
        model = keras.Model(x, cudnn(4, **settings)(x))
        y = keras.Input((None, 3), name="x")
        plain_layer = getattr(keras.layers, kind)(4, **settings)
        plain = keras.Model(y, plain_layer(y))
        model.set_weights(random_weights(model.weights, rng, RANDOM))
        plain.set_weights(hdf5_format._convert_rnn_weights(plain_layer, model.get_weights()))

        def call(inputs):
            made = plain(inputs["x"], training=False)
            return {f"output_{i}": x for i, x in enumerate(made if isinstance(made, (list, tuple)) else [made])}

        def save(path):
            model.export(path)  # model.save of this version knows these layers no more

        fixture = Fixture(name, "tf_keras model.export", seed, about, layers={kind: 1}, unrolled=0)
        write(out, fixture, Plain(call), cases_of(seq(), SIZES, seed), model.get_weights(), save, ["CudnnRNNV3"])

    recipe.process = f"tfkeras{zlib.crc32(name.encode()) % 2}"
    return [(name, recipe)]


def modules():
    for op, version in (("CudnnRNN", "v1"), ("CudnnRNNV2", "v2"), ("CudnnRNNV3", "v3")):
        for mode in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
            yield module(f"module_cudnn_{mode}_{version}", op, mode)
    for mode in ("lstm", "gru", "rnn_tanh"):
        yield module(f"module_cudnn_{mode}_lengths", "CudnnRNNV3", mode, lengths=True)
        yield module(f"module_cudnn_{mode}_batch_major", "CudnnRNNV3", mode, lengths=True, time_major=False)
        yield module(f"module_cudnn_{mode}_bidirectional", "CudnnRNNV3", mode, lengths=True, directions=2)
        yield module(f"module_cudnn_{mode}_bidirectional_v2", "CudnnRNNV2", mode, directions=2)
    yield module("module_cudnn_lstm_open", "CudnnRNNV3", "lstm", lengths=True, fixed=False)
    yield module("module_cudnn_gru_open", "CudnnRNNV2", "gru", fixed=False)
    yield module("module_cudnn_lstm_float16", "CudnnRNNV3", "lstm", lengths=True, dtype="float16")
    yield module("module_cudnn_gru_float64", "CudnnRNN", "gru", dtype="float64")
    yield frozen("session_cudnn_lstm", "lstm")


def module(name, op, mode, lengths=False, time_major=True, directions=1, fixed=True, dtype="float32"):
    """A raw operation in a tf.Module, its params a variable as cuDNN has them.

    fixed says whether the graph shows how many units and features there are.
    """

    def recipe(out):
        import keras
        import tensorflow as tf

        fresh("keras3")
        fresh("tfkeras")
        seed = seed_of(name)
        rng = np.random.default_rng(seed)
        units, features = 4, 3
        kind = {"lstm": "LSTM", "gru": "GRU"}.get(mode, "SimpleRNN")
        layers, params = drawn(keras, rng, kind, mode, units, features, directions, dtype)

        m = tf.Module()
        m.cell = tf.Module()
        m.cell.params = tf.Variable(params, name="cell/params")
        specs, inputs = signature_of(lengths, units, features, directions, kind, dtype)

        @tf.function
        def call(**given):
            x, h, c = given["x"], given["h"], given.get("c", tf.constant(0, dtype))
            if not fixed:  # the last axis becomes one of any length to TensorFlow
                x, h = (tf.reshape(t, tf.concat([tf.shape(t)[:2], [tf.reduce_max(tf.shape(t)[2:])]], 0)) for t in (x, h))
            if time_major:
                x = tf.transpose(x, (1, 0, 2))
                h, c = (tf.transpose(s, (1, 0, 2)) if len(s.shape) == 3 else s for s in (h, c))
            more = {"direction": "bidirectional"} if directions == 2 else {}
            if op == "CudnnRNNV3":
                steps = tf.shape(x)[0 if time_major else 1]
                batch = tf.shape(x)[1 if time_major else 0]
                more |= {"sequence_lengths": given.get("lengths", tf.fill([batch], steps)), "time_major": time_major}
            made = getattr(tf.raw_ops, op)(input=x, input_h=h, input_c=c, params=m.cell.params, rnn_mode=mode, is_training=False, **more)
            y, h, c = made[:3]
            if time_major:
                y, h, c = (tf.transpose(s, (1, 0, 2)) if len(s.shape) == 3 else s for s in (y, h, c))
            return {"y": y, "last_h": h} | ({"last_c": c} if kind == "LSTM" else {})

        def plain(inputs):
            return run_plain(layers, kind, dtype, inputs)

        def save(path):
            m.call = call
            tf.saved_model.save(m, path, signatures={"serving_default": call.get_concrete_function(**specs)})

        about = f"tf.raw_ops.{op} of {mode} in a tf.Module, {'two directions' if directions == 2 else 'one direction'}."
        fixture = Fixture(name, "tf.saved_model.save of a tf.Module", seed, about, layers={kind: directions} if fixed else {}, unrolled=0, directions=directions)
        write(out, fixture, Plain(plain), cases_of(inputs, SIZES, seed), [params], save, [op])

    recipe.process = "keras3"
    return [(name, recipe)]


def frozen(name, mode):
    """The same in the main graph of a session of TensorFlow 1, its params a constant."""

    def recipe(out):
        import keras
        import tensorflow as tf

        fresh("keras3")
        seed = seed_of(name)
        layers, params = drawn(keras, np.random.default_rng(seed), "LSTM", mode, 4, 3, 1, "float32")
        inputs = {"x": In("T", 3), "h": In(1, 4), "c": In(1, 4)}
        v1 = tf.compat.v1

        def save(path):
            with v1.Graph().as_default(), v1.Session() as session:
                x, h, c = (v1.placeholder(tf.float32, shape, name=n) for n, shape in (("x", (None, None, 3)), ("h", (None, 1, 4)), ("c", (None, 1, 4))))
                turned = [tf.transpose(t, (1, 0, 2)) for t in (x, h, c)]
                made = tf.raw_ops.CudnnRNN(input=turned[0], input_h=turned[1], input_c=turned[2], params=tf.constant(params), rnn_mode=mode, is_training=False)
                y, last_h, last_c = (tf.transpose(t, (1, 0, 2)) for t in made[:3])
                v1.saved_model.simple_save(session, path, {"x": x, "h": h, "c": c}, {"y": y, "last_h": last_h, "last_c": last_c})

        about = "tf.raw_ops.CudnnRNN in the main graph of a session of TensorFlow 1, without variables."
        fixture = Fixture(name, "tf.compat.v1 saved_model of a tf.Module's session", seed, about, layers={"LSTM": 1}, unrolled=0)
        model = Plain(lambda given: run_plain(layers, "LSTM", "float32", given))
        write(out, fixture, model, cases_of(inputs, SIZES, seed), [], save, ["CudnnRNN"])

    recipe.process = "keras3"
    return [(name, recipe)]


def drawn(keras, rng, kind, mode, units, features, directions, dtype):
    """Keras layers with random weights, one for each direction, and the params of the same weights."""
    import tensorflow as tf
    from keras.src.backend.tensorflow.rnn import _standardize_cudnn_weights as packed

    gates, order = {"lstm": (4, [0, 1, 2, 3]), "gru": (3, [1, 0, 2])}.get(mode, (1, [0]))
    layers, weights, biases = [], [], []
    for direction in range(directions):
        shapes = ((features, gates * units), (units, gates * units), (2, gates * units))
        kernel, recurrent, bias = (rng.normal(0, RANDOM, s).astype(dtype) for s in shapes)
        layer = plain_layer(keras, kind, mode, units, direction == 1, "float64" if dtype == "float64" else "float32")
        layer.build((None, None, features))
        rows = bias.astype(layer.dtype)
        layer.set_weights([kernel, recurrent, rows if kind == "GRU" else rows.sum(0)])
        layers.append(layer)
        for matrix in (kernel, recurrent):
            weights += [np.split(matrix, gates, 1)[g] for g in order]
        for row in bias:
            biases += [np.split(row, gates)[g] for g in order]
    return layers, packed(weights, biases, tf.constant([-1]), transpose_weights=True).numpy()


def signature_of(lengths, units, features, directions, kind, dtype):
    """The specs and the inputs of a module."""
    import tensorflow as tf

    inputs = {"x": In("T", features, dtype=dtype), "h": In(directions, units, dtype=dtype)}
    specs = {"x": tf.TensorSpec((None, None, features), dtype, name="x"), "h": tf.TensorSpec((None, directions, units), dtype, name="h")}
    if kind == "LSTM":
        inputs["c"], specs["c"] = In(directions, units, dtype=dtype), tf.TensorSpec((None, directions, units), dtype, name="c")
    if lengths:
        inputs["lengths"], specs["lengths"] = In("B", kind="lengths", dtype="int32"), tf.TensorSpec((None,), tf.int32, name="lengths")
    return specs, inputs


def plain_layer(keras, kind, mode, units, backwards, dtype):
    more = {"activation": mode.removeprefix("rnn_")} if kind == "SimpleRNN" else {}
    return getattr(keras.layers, kind)(
        units, return_sequences=True, return_state=True, go_backwards=backwards, zero_output_for_mask=True, dtype=dtype, **more
    )


def run_plain(layers, kind, dtype, inputs):
    """What Keras computes, the outputs in the order of the steps: of 16 bits in float32, and rounded."""
    import tensorflow as tf

    steps = inputs["x"].shape[1]
    keep = np.arange(steps) < inputs.get("lengths", np.full(len(inputs["x"]), steps))[:, None]
    made = []
    for d, layer in enumerate(layers):
        given = [tf.constant(inputs[n][:, d].astype(layer.dtype)) for n in (("h", "c") if kind == "LSTM" else ("h",))]
        x = tf.constant(inputs["x"].astype(layer.dtype))
        y, *last = layer(x, mask=tf.constant(keep), initial_state=given if len(given) > 1 else given[0])
        y = np.asarray(y)
        made.append([y[:, ::-1] if d == 1 else y, *(np.asarray(s) for s in last)])
    got = {"y": np.concatenate([y for y, *_ in made], -1)}
    for i, state in enumerate(["last_h", "last_c"][: len(made[0]) - 1]):
        got[state] = np.stack([s[1 + i] for s in made], 1)
    return {n: x.astype(dtype) for n, x in got.items()}
