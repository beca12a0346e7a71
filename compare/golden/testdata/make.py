"""Makes the models that the tests of goldens distinguish: a seed model of 4 units and its variants.

    python make.py      writes NAME.zip beside this file, and keras.golden, by models/golden.py

tensorflow.golden is what `lockstep golden record` writes of the Keras 2 model, keras2.zip unpacked, and trace.golden
what it writes with --trace from the same inputs.
"""

import os
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "models"))

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from fixture import pack
from golden import golden
from seq2seq import Seq2Seq, series

DATA = series(7)


def write(name, save):
    with tempfile.TemporaryDirectory() as tmp:
        target = os.path.join(tmp, name)
        save(target)
        pack(target)
        shutil.move(target + ".zip", os.path.join(HERE, name + ".zip"))


def same_weights(model, base):
    for layer in ("encoder", "decoder", "dense"):
        getattr(model, layer).set_weights(getattr(base, layer).get_weights())
    return model


def main():
    keras.utils.set_random_seed(7)
    base = Seq2Seq(tf_keras, 4)
    base.train(DATA, epochs=2)

    def save_base(path):
        base.save(path)
        x = {"encoder_input": DATA[:3], "decoder_input": DATA[1:4]}
        expected = base.predict_all(x)
        golden(
            os.path.join(HERE, "keras.golden"), x, {"output": expected.pop("output")}, expected,
            saved_model=path, keras=tf_keras.__version__,
        )  # fmt: skip

    write("keras2", save_base)

    def same_names(path):  # an export of Keras 3 whose output is called as Keras 2 called it
        model = same_weights(Seq2Seq(keras, 4), base).model
        archive = keras.export.ExportArchive()
        archive.track(model)
        specs = [tf.TensorSpec(x.shape, "float32", name=x.name) for x in model.inputs]
        archive.add_endpoint("serving_default", lambda encoder_input, decoder_input: {"output": model([encoder_input, decoder_input])}, specs)
        archive.write_out(path, verbose=False)

    write("keras3_same_names", same_names)
    write("keras3", lambda path: same_weights(Seq2Seq(keras, 4), base).save(path))
    write("renamed_layers", lambda path: same_weights(Seq2Seq(keras, 4, names=("past", "future")), base).save(path))
    write("renamed_inputs", lambda path: same_weights(Seq2Seq(keras, 4, inputs=("past", "decoder_input")), base).save(path))
    write("other_head", lambda path: same_weights(Seq2Seq(keras, 4, activation="tanh"), base).save(path))
    write("other_head_renamed_layers", lambda path: same_weights(Seq2Seq(keras, 4, activation="tanh", names=("past", "future")), base).save(path))
    write("states_swapped", lambda path: same_weights(Seq2Seq(keras, 4, states=lambda h, c: [c, h]), base).save(path))

    def retrained(path):
        model = same_weights(Seq2Seq(keras, 4), base)
        model.train(DATA, epochs=1)
        model.save(path)

    write("retrained", retrained)

    def reshaped(path, **settings):
        model = Seq2Seq(keras, **settings)
        model.randomize(3)
        model.save(path)

    write("more_units", lambda path: reshaped(path, units=5))
    write("more_features", lambda path: reshaped(path, units=4, features=2))
    write("longer_window", lambda path: same_weights(Seq2Seq(keras, 4, encoder_steps=None), base).save(path))


if __name__ == "__main__":
    main()
