"""Writes a fixture: a SavedModel, inputs, and what Keras itself computes from them.

A fixture is a folder with
    saved_model.zip    the directory that the producer wrote, packed: a Keras 2
                       SavedModel repeats itself, and 1.2 MB become 0.1
    inputs.npz         inputs by the names of the SignatureDef
    expected.npz       outputs by the names of the SignatureDef, and the recurrent
                       layers' final states as <layer>/state_h and <layer>/state_c
    inputs_CASE.npz, expected_CASE.npz   further cases
    weights.npz        get_weights(), in its order, by role
    forecast.npz       the decoder fed its own outputs, after inputs_short.npz:
                       first (batch, features), outputs (batch, steps, features)
    recipe.json        how it was made, and with which versions

Before anything is written, the SavedModel is loaded back and called at several
batch sizes and lengths, and must return what Keras predicts.
"""

import json
import os
import platform
import shutil
import zipfile

import numpy as np

# How TensorFlow starts, for whoever imports it after this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

TOLERANCE = 1e-5  # of the SavedModel against Keras's own prediction, both float32


class Fixture:
    def __init__(self, name, producer, seed, about, **settings):
        self.name, self.producer, self.seed, self.about, self.settings = name, producer, seed, about, settings

    def write(self, out, model, cases, probe_cases=(), weights=None, save=None, exports_wrong=False, others=None):
        """Saves the model and computes every case.

        cases maps a case's name ("" for the main one) to its inputs by name.
        model.predict_all(inputs) returns the expected tensors by name, outputs
        first; model.outputs lists which of them the signature returns.
        probe_cases are further inputs that the SavedModel must get right.
        exports_wrong says that the producer is known to get it wrong: then a
        SavedModel that is right is the error.
        """
        folder = os.path.join(out, self.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        target = os.path.join(folder, "saved_model")
        save(target)
        pack(target)
        if model.outputs:
            faults = [f for inputs in [*cases.values(), *probe_cases] for f in check_export(target, model, inputs)]
            if faults and not exports_wrong:
                raise SystemExit(f"{self.name}: the SavedModel does not compute what Keras predicts:\n  " + "\n  ".join(faults))
            if exports_wrong and not faults:
                raise SystemExit(f"{self.name}: this producer's export is right now; the fixture has lost its point")
        for case, inputs in cases.items():
            suffix = "_" + case if case else ""
            save_npz(os.path.join(folder, f"inputs{suffix}.npz"), inputs)
            save_npz(os.path.join(folder, f"expected{suffix}.npz"), model.predict_all(inputs))
        if weights is not None:
            save_npz(os.path.join(folder, "weights.npz"), weights)
        for name, arrays in (others or {}).items():
            save_npz(os.path.join(folder, name), arrays)
        shutil.rmtree(target)
        with open(os.path.join(folder, "recipe.json"), "w", encoding="utf-8") as f:
            json.dump(
                {
                    "name": self.name,
                    "about": self.about,
                    "producer": self.producer,
                    "seed": self.seed,
                    "settings": self.settings,
                    "exports_wrong": exports_wrong,
                    "versions": versions(),
                },
                f,
                indent=2,
            )
            f.write("\n")


def check_export(path, model, inputs):
    """Calls the SavedModel's default signature and lists where it differs from Keras."""
    import tensorflow as tf

    expected = model.predict_all(inputs)
    call = tf.saved_model.load(path).signatures["serving_default"]
    shapes = {name: list(x.shape) for name, x in inputs.items()}
    try:
        got = call(**{name: tf.constant(x) for name, x in inputs.items()})
    except tf.errors.InvalidArgumentError as e:
        return [f"inputs {shapes}: {str(e.message).splitlines()[0]}"]
    faults = []
    for name in model.outputs:
        want = expected[name]
        have = got[name].numpy()
        if have.shape != want.shape:
            faults.append(f"inputs {shapes}: {name} has the shape {have.shape}, Keras predicts {want.shape}")
        elif want.size and np.max(np.abs(have - want)) > TOLERANCE * (1 + np.max(np.abs(want))):
            faults.append(f"inputs {shapes}: {name} is off by {np.max(np.abs(have - want))}")
    return faults


def pack(folder):
    """Packs a folder into folder.zip, whose bytes depend on the files alone."""
    with zipfile.ZipFile(folder + ".zip", "w") as z:
        for where, inner, files in os.walk(folder):
            inner.sort()
            for name in sorted(files):
                path = os.path.join(where, name)
                with open(path, "rb") as f:
                    z.writestr(entry(os.path.relpath(path, folder)), f.read(), zipfile.ZIP_DEFLATED, 9)


def save_npz(path, arrays):
    """Writes an .npz whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        for name, array in arrays.items():
            with z.open(entry(name + ".npy"), "w") as f:
                np.lib.format.write_array(f, np.asarray(array, order="C"), allow_pickle=False)


def entry(name):
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def versions():
    import keras
    import tensorflow
    import tf_keras

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "tf_keras": tf_keras.__version__,
    }
