"""A pytest plugin that exports what Keras's own tests call: each layer, and each function of keras.ops.

    pip install pytest
    PYTHONPATH=models LOCKSTEP_CALLS=DIR python -m pytest -p record_calls --pyargs keras.src.layers keras.src.ops

Keras's wheel brings its tests. Every outermost call of them with tensors becomes a folder of DIR: saved_model (with
random weights), inputs.npz, expected.npz with what Keras computes eagerly, and call.json. coverage.py runs lockstep
on them. A call is exported once for its settings, ranks and types, and no more than MOST times for one name; one that
Keras cannot export is counted in DIR/failed.txt. The tests' own results do not matter here.
"""

import functools
import hashlib
import json
import os
import shutil
import sys
import types

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf

OUT = os.environ.get("LOCKSTEP_CALLS", "calls")
MOST = int(os.environ.get("LOCKSTEP_MOST_CALLS", "24"))  # of one name
MOST_TYPES = 4  # of one name with the same settings and ranks

counts, busy = {}, False


def pytest_configure(config):
    """Registers the marks of Keras's repository and what its tests import of it, and wraps what is recorded."""
    conftest = sys.modules.setdefault("conftest", types.ModuleType("conftest"))
    conftest.skip_if_backend = lambda *_: lambda test: test
    for mark in ("large", "requires_trainable_backend", "requires_tpu", "multi_device", "uses_tpu"):
        config.addinivalue_line("markers", mark + ": of Keras's repository")
    os.makedirs(OUT, exist_ok=True)
    keras.Model.fit = lambda *args, **kwargs: None  # training is not what is recorded
    call = keras.layers.Layer.__call__

    @functools.wraps(call)
    def recorded(layer, *args, **kwargs):
        return once(lambda: call(layer, *args, **kwargs), lambda: record_layer(call, layer, args, kwargs))

    keras.layers.Layer.__call__ = recorded
    wrap_functions()


def wrap_functions():
    """Wraps the functions of keras.ops, in all modules that have them."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith(("keras.ops", "keras.src.ops", "keras._tf_keras.keras.ops"))]
    for name, function in functions():
        wrapped = wrap(name, function)
        for module in modules:
            for attribute, value in list(vars(module).items()):
                if value is function:
                    setattr(module, attribute, wrapped)


def functions():
    """Every function of keras.ops and of its modules by one of its names, the shortest."""
    found = {}
    for prefix, module in (("", keras.ops), ("image.", keras.ops.image), ("linalg.", keras.ops.linalg), ("nn.", keras.ops.nn), ("numpy.", keras.ops.numpy)):
        for name, function in vars(module).items():
            if isinstance(function, types.FunctionType):
                found.setdefault(function, prefix + name)
    return [(name, function) for function, name in found.items()]


def wrap(name, function):
    @functools.wraps(function)
    def recorded(*args, **kwargs):
        return once(lambda: function(*args, **kwargs), lambda: record_function("keras.ops." + name, function, args, kwargs))

    return recorded


def once(call, record):
    """Calls, and records the call if it is an outermost one that succeeds."""
    global busy
    if busy or not tf.executing_eagerly():
        return call()
    busy = True
    try:
        result = call()
        try:
            record()
        except Exception as e:  # the test goes on
            note(f"{type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else ''}")
        return result
    finally:
        busy = False


def note(what):
    with open(os.path.join(OUT, "failed.txt"), "a", encoding="utf-8") as f:
        f.write(what + "\n")


def record_function(name, function, args, kwargs):
    record(name, "", args, kwargs, function)


def record_layer(call, layer, args, kwargs, name=None):
    cls = type(layer)
    if not name:
        own = not cls.__module__.startswith("keras.src.layers") or cls.__module__.endswith("_test")
        name = ("own." if own else "keras.layers.") + cls.__name__
    if not layer.built:
        call(layer, *args, **kwargs)
    if layer._call_has_training_arg if isinstance(layer, keras.layers.Layer) else layer._expects_training_arg:
        kwargs = {**kwargs, "training": False}
    settings = json.dumps(layer.get_config(), default=repr, sort_keys=True)
    settings = settings.replace(layer.name, "")
    kept = [(w, w.numpy()) for w in layer.weights]
    rng = np.random.default_rng(len(kept))
    try:
        for w, value in kept:
            if np.issubdtype(value.dtype, np.floating) or value.dtype.name == "bfloat16":
                drawn = 0.4 * rng.standard_normal(value.shape)
                w.assign((0.5 + abs(drawn) if "variance" in path(w) else 1 + drawn if "gamma" in path(w) else drawn).astype(value.dtype))
        record(name, settings, args, kwargs, functools.partial(call, layer), layer)
    finally:
        for w, value in kept:
            w.assign(value)


def path(w):
    return w.path if hasattr(w, "path") else w.name


def record(name, settings, args, kwargs, function, layer=None):
    flat = tf.nest.flatten((args, kwargs), expand_composites=True)
    flat = [x.value if isinstance(x, keras.Variable) else x for x in flat]
    if any(getattr(x, "_keras_mask", None) is not None for x in flat):
        return  # which an exported signature does not take
    at = [i for i, x in enumerate(flat) if isinstance(x, (np.ndarray, np.generic, tf.Tensor, tf.Variable))]
    if not at or any(isinstance(x, keras.KerasTensor) for x in flat):
        return
    tensors = [tf.convert_to_tensor(flat[i]) for i in at]
    rest = [repr(x) if not callable(x) else getattr(x, "__name__", "") for i, x in enumerate(flat) if i not in at]
    form = json.dumps([name, settings, rest, [len(x.shape) for x in tensors], str(tf.nest.map_structure(lambda _: 0, kwargs))])
    key = form + str([x.dtype.name for x in tensors])
    if key in counts or counts.get(name, 0) >= MOST or counts.get(form, 0) >= MOST_TYPES:
        return
    for k in (key, name, form):
        counts[k] = counts.get(k, 0) + 1

    def call(*xs):
        given = list(flat)
        for i, x in zip(at, xs):
            given[i] = x
        args_, kwargs_ = tf.nest.pack_sequence_as((args, kwargs), given, expand_composites=True)
        out = [x.value if isinstance(x, keras.Variable) else x for x in tf.nest.flatten(function(*args_, **kwargs_), expand_composites=True)]
        return {f"y{i}": tf.convert_to_tensor(x) for i, x in enumerate(out) if x is not None}

    folder = os.path.join(OUT, name.replace("keras.", "").replace(".", "_") + "_" + hashlib.sha256(key.encode()).hexdigest()[:8])
    if os.path.exists(os.path.join(folder, "call.json")):
        return  # of an earlier run
    shutil.rmtree(folder, ignore_errors=True)
    expected = call(*tensors)
    why = None
    for open_batch in (True, False):
        try:
            save(os.path.join(folder, "saved_model"), call, tensors, expected, open_batch, layer)
            break
        except Exception as e:
            why = e
    else:
        shutil.rmtree(folder, ignore_errors=True)
        note(f"{name}: {type(why).__name__}: {str(why).splitlines()[0][:200] if str(why) else ''}")
        return
    arrays(folder, "inputs", {f"x{i}": x.numpy() for i, x in enumerate(tensors)})
    arrays(folder, "expected", {n: x.numpy() for n, x in expected.items()})
    with open(os.path.join(folder, "call.json"), "w", encoding="utf-8") as f:
        json.dump({"name": name, "settings": settings, "arguments": rest, "types": [f"{x.dtype.name}{x.shape}" for x in tensors]}, f)


def save(path, call, tensors, expected, open_batch, layer):
    """Exports a call, with the first axis left open where all tensors share it and nothing but lengths depends on it."""
    first = {x.shape[0] if x.shape.rank else None for x in tensors}
    if open_batch and (len(first) > 1 or None in first):
        raise ValueError("no batch")
    specs = [tf.TensorSpec([None, *x.shape[1:]] if open_batch else x.shape, x.dtype, name=f"x{i}") for i, x in enumerate(tensors)]
    if not isinstance(layer, keras.layers.Layer):
        module = tf.Module()
        module.layer = layer
        module.call = tf.function(call, input_signature=specs, autograph=False)
        got = module.call(*tensors)
        if {n: x.shape for n, x in got.items()} != {n: x.shape for n, x in expected.items()}:
            raise ValueError("it computes something else for an open batch")
        tf.saved_model.save(module, path, signatures=module.call)
        return
    archive = keras.export.ExportArchive()
    archive.track(layer)
    archive.add_endpoint("serve", call, input_signature=specs)
    archive.write_out(path, verbose=False)


def arrays(folder, name, all):
    """Writes an .npz, unless numpy has no type for one of the arrays."""
    all = {n: np.asarray(x) for n, x in all.items()}
    all = {n: np.char.decode(x.astype(np.bytes_), "utf-8") if x.dtype == object else x for n, x in all.items()}
    if all and all_plain(all.values()):
        np.savez(os.path.join(folder, name + ".npz"), **all)


def all_plain(values):
    return all(np.asarray(x).dtype.kind in "biufcU" for x in values)
