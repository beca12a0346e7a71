"""The zoo's ways to make a SavedModel other than one model's export: parts that are exported again, several endpoints,
low-rank adapters, modules of modules, and states of Keras 2 that a layer is also given."""

import os
import tempfile

import numpy as np

from zoo import entry, module
from zoo_inputs import In, fixed, ids, seq
from zoo_modules import RANDOM, archive, concrete, make, variables


def entries():
    yield from adapters()
    yield from endpoints()
    yield from modules()
    yield entry("producer_stateful_initial", "A stateful layer of Keras 2 that is also given its initial states.", fixed_states(),
                stateful_initial, by=("tfkeras",), batch=2, again=True)  # fmt: skip


def adapters():
    def lora(k, x):
        embedding, hidden, out = k.Embedding(11, 6), k.EinsumDense("bte,ef->btf", output_shape=(None, 5), bias_axes="f"), k.Dense(2)
        y = out(k.LSTM(4)(hidden(embedding(x))))
        for layer in (embedding, hidden, out):
            layer.enable_lora(2)
        return y

    yield entry("producer_lora", "Low-rank adapters of Embedding, EinsumDense and Dense.", ids(), lora, by=("keras3",))

    def reloaded(k, x):
        import keras

        inner = keras.Sequential([keras.Input((None, 3)), k.GRU(4, return_sequences=True, name="inner_gru"), k.Dense(3)])
        inner.set_weights([np.random.default_rng(3).normal(0, RANDOM, w.shape).astype(np.float32) for w in inner.get_weights()])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "inner")
            inner.export(path, verbose=False)
            part = k.TFSMLayer(path, call_endpoint="serve")
        return k.LSTM(2)(part(x))

    yield entry("producer_tfsm", "A SavedModel inside a model, by TFSMLayer, in front of a layer.", seq(), reloaded, by=("keras3",), layers={"GRU": 1, "LSTM": 1})


def endpoints():
    def three(rng):
        import keras
        import tensorflow as tf

        k = keras.layers
        x, code = keras.Input((None, 3), name="x"), keras.Input((4,), name="code")
        encoder = keras.Model(x, k.LSTM(4, name="encoding")(x))
        decoder = keras.Model(code, k.Dense(3, activation="tanh", name="decoding")(code))
        both = keras.Sequential([encoder, decoder])
        both.set_weights([rng.normal(0, RANDOM, w.shape).astype(np.float32) for w in both.get_weights()])
        code_spec = ("code", (None, 4), "float32")
        specs = [tf.TensorSpec(shape, dtype, name) for name, shape, dtype in (("x", (None, None, 3), "float32"), code_spec)]
        calls = {
            "encode": (lambda x: {"code": encoder(x)}, specs[0]),
            "decode": (lambda code: {"y": decoder(code)}, specs[1]),
            "serving_default": (lambda x: {"y": decoder(encoder(x))}, specs[0]),
        }
        functions = {n: concrete(tf, call, (spec.name, spec.shape, spec.dtype)) for n, (call, spec) in calls.items()}
        return archive(both, **calls), functions, both.weights

    cases = {"": ("serving_default", {"x": In("T", 3)}), "long": ("encode", {"x": In("T", 3)}), "one": ("encode", {"x": In("T", 3)})}
    yield module("producer_endpoints", "Three endpoints of one archive: both models, and each alone.", three, "keras ExportArchive", cases, {"LSTM": 1})


def modules():
    def tree(rng):
        import tensorflow as tf

        class Block(tf.Module):
            def __init__(self, name):
                super().__init__(name=name)
                self.w = variables(tf, rng, kernel=(4, 4), bias=(4,))

            def __call__(self, x):
                return tf.nn.gelu(x @ self.w["kernel"] + self.w["bias"]) + x

        class Net(tf.Module):
            def __init__(self):
                super().__init__()
                self.blocks = [Block("first"), Block("second")]
                self.heads = {"a": Block("a"), "b": Block("b")}

            def __call__(self, x):
                for block in self.blocks:
                    x = block(x)
                return {"a": self.heads["a"](x), "b": self.heads["b"](x)}

        net = Net()
        functions = {"serving_default": concrete(tf, net, ("x", (None, 4), "float32"))}
        m, functions, _ = make(tf, {}, functions)
        m.net = net
        return m, functions, list(net.variables)

    some = {c: ("serving_default", {"x": In(4)}) for c in ("", "long", "one")}
    yield module("producer_module_tree", "Modules in lists and dictionaries of modules.", tree, "tf.saved_model.save of a tf.Module", some)


def fixed_states():
    return fixed(4, 3) | {"s0": In(5), "s1": In(5)}


def stateful_initial(k, x, s0, s1):
    return k.LSTM(5, stateful=True)(x, initial_state=[s0, s1])
