"""Computes with other engines what the random models of false-alarms compute.

    python faults/predict.py ENGINE FOLDER LIST

ENGINE is keras (Keras's predict, on TensorFlow), torch (the same on PyTorch), onnxruntime or litert. LIST, in JSON, has
numbers and structures; FOLDER/NUMBER has inputs.npz, and weights.npz by the checksums of the structure's own
weights. ENGINE.npz is written beside them, or ENGINE.txt, which says why not. LOCKSTEP_PEERS lists the folders of
the packages that Keras does not need.
"""

import itertools
import json
import os
import sys
import tempfile
import zlib

engine, folder, models_list = sys.argv[1:]
sys.path += filter(None, os.environ.get("LOCKSTEP_PEERS", "").split(os.pathsep))
if engine == "torch":
    sys.setdlopenflags(os.RTLD_LAZY)  # bench/without_cuda.py
    sys.modules["tensorflow"] = None  # the two do not load together
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="torch" if engine == "torch" else "tensorflow")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from models import build  # noqa: E402


def onnxruntime(model, x):
    """What ONNX Runtime computes with the model that tf2onnx makes by Keras's export."""
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "model.onnx")
        specs = [keras.InputSpec(shape=a.shape, dtype=a.dtype.name, name=key) for key, a in x.items()]
        model.export(path, format="onnx", verbose=False, input_signature=specs if len(specs) == 1 else [specs])
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(None, {i.name: named(i.name, x) for i in session.get_inputs()})[0]


def litert(model, x):
    """What LiteRT computes with the model that TensorFlow's converter makes of the graph with its weights as constants."""
    import tensorflow as tf
    from ai_edge_litert import interpreter
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec(a.shape, a.dtype, name=key) for key, a in x.items()]
    function = tf.function(lambda *a: model(list(a) if len(a) > 1 else a[0], training=False))
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(*specs), lower_control_flow=False)
    made = tf.lite.TFLiteConverter.from_concrete_functions([frozen], model).convert()
    run = interpreter.Interpreter(model_content=made, num_threads=1)
    run.allocate_tensors()
    for d in run.get_input_details():
        run.set_tensor(d["index"], named(d["name"], x))
    run.invoke()
    return run.get_tensor(run.get_output_details()[0]["index"])


def named(name, x):
    """The array of an input by its name, without what converters add to it."""
    key = name.removeprefix("serving_default_").split(":")[0]
    if key not in x:
        sys.exit(f"{engine} has an input {name}: none of {list(x)}")  # no refusal of the engine's
    return x[key]


def predict(model, x):
    arrays = list(x.values())
    return model.predict(arrays if len(arrays) > 1 else arrays[0], batch_size=len(arrays[0]), verbose=0)


ENGINES = {"keras": predict, "torch": predict, "onnxruntime": onnxruntime, "litert": litert}


def main():
    with open(models_list, encoding="utf-8") as f:
        listed = sorted(json.load(f), key=lambda m: m["structure"])
    for structure, models in itertools.groupby(listed, key=lambda m: m["structure"]):
        models = [os.path.join(folder, m["number"]) for m in models]
        try:
            model, inputs = build(structure)
        except Exception as e:
            for beside in models:
                refuse(beside, e)
            continue
        keys = [f"{zlib.crc32(np.ascontiguousarray(w).tobytes()):08x}" for w in model.get_weights()]
        for beside in models:
            weights, given = (np.load(os.path.join(beside, name)) for name in ("weights.npz", "inputs.npz"))
            model.set_weights([weights[key] for key in keys])
            try:
                y = ENGINES[engine](model, {key: given[key] for key in inputs})
            except Exception as e:
                refuse(beside, e)
                continue
            np.savez(os.path.join(beside, engine + ".npz"), output_0=np.asarray(y))
        keras.backend.clear_session()


def refuse(beside, e):
    """Writes why a model was not computed: errors are of many kinds, and what a converter or an engine refuses is counted."""
    with open(os.path.join(beside, engine + ".txt"), "w", encoding="utf-8") as f:
        f.write(f"{type(e).__name__}: {e}"[:2000])


main()
