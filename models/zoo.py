"""The zoo: one small model for every option that a Keras user may turn, by both producers where both exist.

The tables are in the files zoo_SUBJECT.py; an option is an entry
there, and this file makes the entry a recipe: zoo_inputs.py draws its inputs, zoo_checks.py says what must
hold before it is written. NAME becomes NAME_keras3 (Keras 3, model.export) and NAME_tfkeras (tf_keras,
model.save).

expected.npz holds the signature's outputs, and weights.npz all of get_weights() in order, under "0", "1", ...
A signature that returns states has them among its outputs. recipe.json's settings say
    layers       recurrent cells by kind: a Bidirectional counts two, RNN([LSTMCell, LSTMCell]) two LSTM
    unrolled     layers with unroll=True, which have no loop and are not in layers
    loops        While operations that the signature's graph reaches, of whatever origin
    signature    the signature to call, where it is not serving_default
    cases        the signature of each case, where there are several
    again        that the model keeps its states: expected_again.npz is a second call with the same inputs
"""

import os
import zlib

import numpy as np

from fixture import Fixture
from seq2seq import producer
from zoo_checks import arguments, as_text, check, check_names, check_values, signature, tensors
from zoo_inputs import SIZES, cases_of

# Those that are committed in testdata too, so that the tests cover their kinds where no Keras is installed.
COMMITTED = [
    "gru_states_keras3", "gru_masked_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "simplernn_last_tfkeras",
    "simplernn_masked_zero_keras3", "lstm_masked_states_tfkeras", "lstm_masked_unrolled_keras3", "lstm_hard_sigmoid_tfkeras",
    "cells_mixed_keras3", "bidirectional_last_keras3", "embedding_mask_zero_keras3", "guide_series_conv_lstm_keras3",
    "guide_attention_seq2seq_keras3", "module_autograph_lstm", "signature_two", "nested_map_gru_keras3", "nested_map_masked_keras3",
    "nested_decoder_keras3", "nested_branch_keras3", "tf1_stacked", "tf1_while_nested", "tf1_partitioned",
    "cudnn_seq2seq_keras3", "cudnn_gru_masked_sequences_keras3", "cudnn_layer_lstm_tfkeras", "module_cudnn_gru_bidirectional",
]  # fmt: skip


def random_weights(weights, rng, scale):
    """Random values that are not zero for every variable, in order; a variance is positive."""
    values = []
    for w in weights:
        name = getattr(w, "path", w.name)
        value = rng.normal(0, scale, size=w.shape)
        if "variance" in name:
            value = rng.uniform(0.5, 1.5, size=w.shape)
        values.append(value.astype(np.dtype(getattr(w.dtype, "name", w.dtype))))
    return values


def numeric(weights):
    """The weights that a call reads: Keras 2 lists what adapted text layers counted among them, and what has no shape yet."""
    return [w for w in weights if hasattr(w, "name") and all(d is not None for d in w.shape) and "num_documents" not in w.name]


def recurrent_layers(keras, layer, found=None):
    """Counts recurrent cells by kind, and unrolled layers."""
    found = found or {"layers": {}, "unrolled": 0}
    k = keras.layers
    if isinstance(layer, k.Bidirectional):
        recurrent_layers(keras, layer.forward_layer, found)
        recurrent_layers(keras, layer.backward_layer, found)
    elif isinstance(layer, k.RNN):
        if layer.unroll:
            found["unrolled"] += 1
            return found
        for cell in layer.cell.cells if isinstance(layer.cell, k.StackedRNNCells) else [layer.cell]:
            kind = type(cell).__name__.removesuffix("Cell")
            found["layers"][kind] = found["layers"].get(kind, 0) + 1
    elif isinstance(layer, k.Wrapper):
        recurrent_layers(keras, layer.layer, found)
    elif isinstance(layer, keras.Model):
        for inner in layer.layers:
            recurrent_layers(keras, inner, found)
    return found


class Model:
    """A model of a table: functional from its inputs, or what build returns if that is a model."""

    def __init__(self, keras, inputs, build, batch=None):
        self.keras, self.inputs, self.known = keras, inputs, {}
        tensors = [i.tensor(keras, name, batch) for name, i in inputs.items()]
        made = build(keras.layers, *tensors)
        if isinstance(made, keras.Model):
            self.model = made
            self.call({name: i.draw(np.random.default_rng(0), SIZES[""]) for name, i in inputs.items()})
        else:
            self.model = keras.Model(tensors if len(tensors) > 1 else tensors[0], made)
        self.outputs = []  # Fixture.write is not to check once more

    def call(self, inputs):
        arrays = tensors([inputs[name] for name in self.inputs])
        return self.model(arrays if len(arrays) > 1 else arrays[0], training=False)

    def reset(self):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()

    def predict_all(self, inputs):
        """What Keras computes; the same inputs are computed once."""
        if id(inputs) not in self.known:
            self.reset()
            self.known[id(inputs)] = self.name_outputs(self.call(inputs))
        return self.known[id(inputs)]

    def name_outputs(self, got):
        """Names outputs as the producer's SignatureDef does: Keras 2 names a dict's by the layers, in the order of its keys."""
        tf_keras = self.keras.__name__ == "tf_keras"
        if isinstance(got, dict):
            subclassed = tf_keras and not self.model.output_names
            names = sorted(got) if subclassed or not tf_keras else self.model.output_names
            got = [got[key] for key in sorted(got)]
        else:
            got = list(got) if isinstance(got, (list, tuple)) else [got]
            names = self.model.output_names if tf_keras else [f"output_{i}" for i in range(len(got))]
        return {name: as_text(np.asarray(x)) for name, x in zip(names, got, strict=True)}

    def save(self, path):
        self.reset()
        if self.keras.__name__ == "tf_keras":
            self.model.save(path, save_format="tf")
        else:
            self.model.export(path, verbose=False)


def entry(name, about, inputs, build, by=("keras3", "tfkeras"), wrong=(), shortest=1, batch=None, scale=0.4,
          floatx="float32", layers=None, again=False, then=None):  # fmt: skip
    """Makes the recipes of one entry.

    build(layers, *inputs) returns the outputs, or a model.  by lists the producers, wrong those whose export is
    known to be wrong.  shortest is the least length, batch a fixed batch, scale the deviation of the weights,
    floatx Keras's own setting, layers the count where the model does not show it.  again adds a second call of
    the same model (expected_again.npz), for one that keeps its states between calls.  then(model) changes the
    model once it has its weights.
    """

    def make(by_producer):
        def recipe(out):
            keras = fresh(by_producer)
            seed = zlib.crc32(name.encode()) % 9973
            keras.utils.set_random_seed(seed)
            keras.backend.set_floatx(floatx)
            try:
                write(out, keras, seed)
            finally:
                keras.backend.set_floatx("float32")

        def write(out, keras, seed):
            model = Model(keras, inputs, build, batch)
            plain = numeric(model.model.weights)
            for w, value in zip(plain, random_weights(plain, np.random.default_rng(seed), scale)):
                w.assign(value)
            if then:
                then(model.model)
            model.reset()
            sizes = {c: {**s, "B": batch or s["B"], "T": max(s["T"], shortest)} for c, s in SIZES.items()}
            cases = cases_of(inputs, sizes, seed)
            settings = recurrent_layers(keras, model.model)
            settings["layers"] = settings["layers"] if layers is None else layers
            fixture = Fixture(f"{name}_{by_producer}", producer(keras), seed, about, **settings)

            def save(path):
                model.save(path)
                names, outputs, fixture.settings["loops"] = signature(path)
                check_names(fixture.name, names, outputs, cases[""], model.predict_all(cases[""]))
                expected = [("serving_default", x, model.predict_all(x)) for x in cases.values()]
                check(fixture.name, path, expected, wrong=by_producer in wrong, keeps_state=again)

            others = {}
            if again:
                model.reset()
                model.call(cases[""])
                others["expected_again.npz"] = model.name_outputs(model.call(cases[""]))
                fixture.settings["again"] = "expected_again.npz is a second call with the same inputs"
            numbered = {str(i): np.asarray(w) for i, w in enumerate(plain)}
            fixture.write(out, model, cases, (), numbered, save, by_producer in wrong, others)
            check_values(fixture.name, os.path.join(out, fixture.name))

        # Keras 2 takes by far the longest: it gets two processes.
        recipe.process = by_producer if by_producer == "keras3" else f"tfkeras{zlib.crc32(name.encode()) % 2}"
        return f"{name}_{by_producer}", recipe

    return [make(p) for p in by]


def module(name, about, build, made, cases, layers=None):
    """Makes the recipe of a tf.Module, or of a model saved with its own signatures.

    build() returns what to save (or a Keras 3 ExportArchive of the same), {signature: concrete function} and the
    variables; cases maps a case to (signature, inputs); made says how it was saved.
    """

    def recipe(out):
        import tensorflow as tf

        fresh("keras3")
        fresh("tfkeras")
        seed = zlib.crc32(name.encode()) % 9973
        tf.random.set_seed(seed)
        rng = np.random.default_rng(seed)
        saved, functions, variables = build(rng)
        drawn = {case: {n: x.draw(rng, SIZES.get(case, SIZES[""])) for n, x in inputs.items()} for case, (_, inputs) in cases.items()}
        used = {case: which for case, (which, _) in cases.items()}
        settings = {"layers": layers or {}, "unrolled": 0}
        if len(set(used.values())) > 1:
            settings["cases"] = used
        if used[""] != "serving_default":
            settings["signature"] = used[""]
        fixture = Fixture(name, made, seed, about, **settings)
        numbered = {str(i): v.numpy() for i, v in enumerate(variables)}
        model = Functions({id(drawn[c]): functions[w] for c, w in used.items()})

        def save(path):
            if hasattr(saved, "write_out"):
                saved.write_out(path, verbose=False)
            else:
                tf.saved_model.save(saved, path, signatures=functions)
            fixture.settings["loops"] = signature(path, used[""])[2]
            expected = []
            for case, inputs in drawn.items():
                expected.append((used[case], inputs, model.predict_all(inputs)))
                names, outputs, _ = signature(path, used[case])
                check_names(name, names, outputs, inputs, expected[-1][2])
            check(name, path, expected)

        fixture.write(out, model, drawn, (), numbered, save)
        check_values(name, os.path.join(out, name))

    recipe.process = "keras3"
    return [(name, recipe)]


class Functions:
    """The functions of a module, called with the inputs of a case."""

    outputs = ()  # Fixture.write is not to check once more: it knows serving_default alone

    def __init__(self, by_inputs):
        self.by_inputs = by_inputs

    def predict_all(self, inputs):
        got = self.by_inputs[id(inputs)](**arguments(inputs))
        return {n: as_text(x.numpy()) for n, x in got.items()}


def fresh(by_producer):
    """The Keras of a producer, its names counted from the beginning."""
    if by_producer == "tfkeras":
        import tf_keras as keras
    else:
        import keras
    keras.backend.clear_session()
    return keras


def recipes():
    import zoo_cells
    import zoo_cudnn
    import zoo_guides
    import zoo_layers
    import zoo_modules
    import zoo_nested
    import zoo_producers
    import zoo_quantized
    import zoo_stock
    import zoo_text
    import zoo_tf1

    tables = (zoo_cells, zoo_layers, zoo_guides, zoo_modules, zoo_nested, zoo_quantized, zoo_text, zoo_tf1, zoo_cudnn, zoo_producers, zoo_stock)
    found = []
    for table in tables:
        for name, recipe in (r for rows in table.entries() for r in rows):
            recipe.table = table.__name__  # which is what it is made from
            found.append((name, recipe))
    return found
