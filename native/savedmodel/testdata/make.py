"""Makes the small SavedModels that native/savedmodel's tests read, with TensorFlow itself.

    python make.py DIR            DIR is this folder

Each lies in a folder of its own, beside NAME.json with the values that TensorFlow
reads from the checkpoint: the element type, the shape and the bytes in hexadecimal
(of strings: each string), by the checkpoint's keys.

    dtypes      tf.Module with a variable of every element type, a scalar and an empty one
    signatures  tf.saved_model.save with two signatures, neither of them serving_default
    own         tf.saved_model.save with one signature, under a name of its own
    sharded     the TensorFlow 1 builder: variables on two devices, so two data files;
                two meta graphs, tagged serve and train+gpu
"""

import json
import os
import platform
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


class Dtypes(tf.Module):
    def __init__(self):
        super().__init__()
        half = np.array([[0, 1, -1.5], [65504, 6e-8, np.inf]])
        self.float16 = tf.Variable(half, dtype=tf.float16)
        self.bfloat16 = tf.Variable([[0, 1, -1.5], [3e38, 1e-40, np.nan]], dtype=tf.bfloat16)
        self.float32 = tf.Variable([[1 / 3, -0.0, np.nan], [np.inf, 1e-45, 3.4e38]], dtype=tf.float32)
        self.float64 = tf.Variable([[1 / 3, -0.0, np.nan], [-np.inf, 5e-324, 1.7e308]], dtype=tf.float64)
        self.int32 = tf.Variable([0, 1, -1, 2**31 - 1, -(2**31)], dtype=tf.int32)
        self.int64 = tf.Variable([0, 1, -1, 2**63 - 1, -(2**63)], dtype=tf.int64)
        for name in ("int8", "int16", "uint8", "uint16", "uint32", "uint64"):
            ends = np.iinfo(name)
            setattr(self, name, tf.Variable(np.array([ends.min, ends.max, 1], name)))
        self.bool = tf.Variable([[True], [False], [True]], dtype=tf.bool)
        self.string = tf.Variable([["", "a", "Zürich"], ["\0nul", "x" * 300, b"\xff\xfe"]], dtype=tf.string)
        self.scalar = tf.Variable(2.5, dtype=tf.float32)
        self.empty = tf.Variable(np.zeros((3, 0, 2)), dtype=tf.float32)
        self.no_string = tf.Variable(np.zeros((0,), dtype=object), dtype=tf.string, shape=(0,))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def __call__(self, x):
        return {"y": x * self.scalar}


class Linear(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[2.0], [3.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def once(self, x):
        return {"y": x @ self.w}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def twice(self, x):
        return {"y": 2.0 * (x @ self.w)}


def write_sharded(path):
    with v1.Graph().as_default(), v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        with tf.device("/cpu:0"):
            a = v1.get_variable("a", initializer=np.array([[1.5], [-2.5]], np.float32), use_resource=True)
        with tf.device("/cpu:1"):
            b = v1.get_variable("b", initializer=np.array([0.25, 4.0, 1e-3], np.float64), use_resource=True)
            c = v1.get_variable("c", initializer=np.array(7, np.int64), use_resource=True)
        y = tf.matmul(x, a, name="y")
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": x}, {"y": y})
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.add_meta_graph(["train", "gpu"], {"learn": signature})
        builder.save()
        del b, c


def values(path):
    reader = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    out = {}
    for key in sorted(reader.get_variable_to_dtype_map()):
        if key == "_CHECKPOINTABLE_OBJECT_GRAPH":
            continue
        dtype = reader.get_variable_to_dtype_map()[key]
        array = np.asarray(reader.get_tensor(key))
        # The checkpoint's own shape: an empty array of strings comes back flat.
        entry = {"dtype": dtype.name, "shape": reader.get_variable_to_shape_map()[key]}
        if dtype == tf.string:
            entry["strings"] = [s.hex() for s in array.ravel().tolist()]
        else:
            entry["bytes"] = array.tobytes().hex()
        out[key] = entry
    return out


def main(folder):
    def finish(name):
        versions = {"python": platform.python_version(), "numpy": np.__version__, "tensorflow": tf.__version__}
        with open(os.path.join(folder, name + ".json"), "w", encoding="ascii") as f:
            json.dump({"versions": versions, "values": values(os.path.join(folder, name))}, f, indent=1)
            f.write("\n")

    for name, write in {
        "dtypes": lambda p: (lambda m: tf.saved_model.save(m, p, signatures=m.__call__))(Dtypes()),
        "signatures": lambda p: (lambda m: tf.saved_model.save(m, p, signatures={"one": m.once, "two": m.twice}))(Linear()),
        "own": lambda p: (lambda m: tf.saved_model.save(m, p, signatures={"mine": m.once}))(Linear()),
        "sharded": write_sharded,
    }.items():
        path = os.path.join(folder, name)
        shutil.rmtree(path, ignore_errors=True)
        write(path)
        for extra in ("assets", "fingerprint.pb"):
            target = os.path.join(path, extra)
            shutil.rmtree(target) if os.path.isdir(target) else os.path.exists(target) and os.remove(target)
        finish(name)


if __name__ == "__main__":
    main(sys.argv[1])
