"""What must hold of a model of the zoo before it is written."""

import os

import numpy as np

from fixture import TOLERANCE

load_back = True  # whether check does: a fifth of the time of a recipe


def signature(path, name="serving_default"):
    """The SignatureDef's input names, its output names, and the number of While operations it reaches."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as f:
        saved.ParseFromString(f.read())
    meta = saved.meta_graphs[0]
    functions = {f.signature.name: f.node_def for f in meta.graph_def.library.function}

    def loops(nodes):
        total = 0
        for n in nodes:
            total += n.op in ("While", "StatelessWhile")
            total += sum(loops(functions[a.func.name]) for a in n.attr.values() if a.func.name in functions)
        return total

    found = meta.signature_def[name]
    called = {t.name.split(":")[0] for t in found.outputs.values()}
    return sorted(found.inputs), sorted(found.outputs), loops(n for n in meta.graph_def.node if n.name in called)


def check(name, path, expected, wrong=False, keeps_state=False):
    """Calls the SavedModel, loaded back, with every (signature, inputs, expected outputs).

    fixture.check_export does the same, but loads it anew for each, which takes most of the time of
    a Keras 2 recipe; here only a model that keeps its states is.
    """
    if not load_back:
        return
    import tensorflow as tf

    loaded, faults = None, []
    for which, inputs, outputs in expected:
        if loaded is None or keeps_state:
            loaded = tf.saved_model.load(path)
        shapes = {n: list(x.shape) for n, x in inputs.items()}
        try:
            got = loaded.signatures[which](**arguments(inputs))
        except tf.errors.InvalidArgumentError as e:
            faults.append(f"inputs {shapes}: {' '.join(str(e.message).split())[:400]}")
            continue
        for n, want in outputs.items():
            have = as_text(got[n].numpy())
            if want.dtype.kind == "U":
                if have.shape != want.shape or np.any(have != want):
                    faults.append(f"inputs {shapes}: {n} is {have}, Keras predicts {want}")
            elif have.shape != want.shape or have.dtype != want.dtype:
                faults.append(f"inputs {shapes}: {n} is {have.dtype}{have.shape}, Keras predicts {want.dtype}{want.shape}")
            elif want.size and np.max(np.abs(have - want)) > TOLERANCE * (1 + np.max(np.abs(want))):
                faults.append(f"inputs {shapes}: {n} is off by {np.max(np.abs(have - want))}")
    if faults and not wrong:
        raise SystemExit(f"{name}: the SavedModel does not compute what Keras predicts:\n  " + "\n  ".join(faults))
    if wrong and not faults:
        raise SystemExit(f"{name}: this producer's export is right now; it is not to be listed as wrong")


def as_text(array):
    """Strings as numpy's fixed-length text, which needs no pickle; other arrays as they are."""
    if array.dtype != object:
        return array
    flat = [s.decode() if isinstance(s, bytes) else s for s in array.ravel()]
    return np.array(flat, dtype=f"<U{max([len(s) for s in flat] + [1])}").reshape(array.shape)


def tensors(arrays):
    """What a model is called with: tensors if there is a text among them, which Keras does not take from numpy."""
    import tensorflow as tf

    return [tf.constant(x) for x in arrays] if any(x.dtype.kind == "U" for x in arrays) else arrays


def arguments(inputs):
    """Inputs as TensorFlow's Python takes them: a-in of the SignatureDef is a_in there."""
    import tensorflow as tf

    return {n.replace("-", "_"): tf.constant(x) for n, x in inputs.items()}


def check_names(name, inputs, outputs, given, expected):
    if sorted(given) != inputs or sorted(expected) != outputs:
        raise SystemExit(
            f"{name}: the SignatureDef has the inputs {inputs} and outputs {outputs}, the recipe {sorted(given)} and {sorted(expected)}"
        )


def check_values(name, folder):
    """Expected values must prove something: finite, of moderate size, and not all the same."""
    for file in sorted(os.listdir(folder)):
        if file.startswith("expected"):
            for key, x in np.load(os.path.join(folder, file)).items():
                if x.dtype.kind == "U":
                    if x.size > 1 and "one" not in file and np.all(x == x.flat[0]):
                        raise SystemExit(f"{name}: {file}: {key} is {x.flat[0]} everywhere")
                    continue
                if not np.all(np.isfinite(x)) or np.max(np.abs(x)) > 1000:
                    raise SystemExit(f"{name}: {file}: {key} is not finite or too large: {np.max(np.abs(x))}")
                if x.size > 1 and "one" not in file and np.ptp(x) == 0:
                    raise SystemExit(f"{name}: {file}: {key} is {x.flat[0]} everywhere")
