"""Writes the models of litert_peer.py, with Keras and TensorFlow's converter.

    python litert_export.py CASE FIRST NEXT NOTHING

All loops are unrolled, the faster of the exports by far; a long decoder is cut into parts of `part` steps, of
which FIRST holds the encoder and one, and NEXT another, from the states that the one before it left. NOTHING
only copies.
"""

import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from contender import Case  # noqa: E402
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: E402


def part(steps):
    """The most steps of 20 or fewer that divide the decoder's."""
    return max(n for n in range(1, 21) if steps % n == 0)


def export(path, inputs, outputs):
    model = keras.Model(inputs, outputs)
    return model, path, [tf.TensorSpec(x.shape, tf.float32, name=x.name) for x in inputs]


def convert(model, path, specs):
    """The variables become constants first: the converter leaves Keras 3's out."""
    function = tf.function(lambda *x: model(list(x), training=False))
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(*specs), lower_control_flow=False)
    with open(path, "wb") as f:
        f.write(tf.lite.TFLiteConverter.from_concrete_functions([frozen], model).convert())


def main(case, first, following, nothing):
    k = keras.layers
    steps = part(case.decoder_steps)
    encoder = k.LSTM(case.units, return_state=True, unroll=True)
    decoder = k.LSTM(case.units, return_sequences=True, return_state=True, unroll=True)
    dense = k.Dense(case.outputs)
    x = keras.Input(case.encoder_input.shape[1:], batch_size=case.batch, name="a_encoder_input")
    y = keras.Input((steps, case.decoder_features), batch_size=case.batch, name="b_decoder_input")
    h, c = (keras.Input((case.units,), batch_size=case.batch, name=name) for name in ("c_state_h", "d_state_c"))

    def decode(states):
        out, *states = decoder(y, initial_state=states)
        return [dense(out), *states]

    models = [
        export(first, [x, y], decode(encoder(x)[1:])),
        export(following, [y, h, c], decode([h, c])),
        export(nothing, [x, y], [y * 1.0]),
    ]
    for layer, weights in ((encoder, case.encoder), (decoder, case.decoder), (dense, case.dense)):
        layer.set_weights(weights)
    for m in models:
        convert(*m)


if __name__ == "__main__":
    main(Case(sys.argv[1]), *sys.argv[2:])
