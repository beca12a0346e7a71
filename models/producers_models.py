"""Exports the models of producers.py, by whatever Keras and TensorFlow run this: Keras 2.12 and later, or Keras 3.

    python producers_models.py --keras keras|tf_keras|tf.keras --form export|save|module PREFIX [MODEL ...]

Each model becomes a folder, PREFIX and its name, as record_calls.py writes them: saved_model, inputs.npz, expected.npz and call.json.
A model that this Keras cannot export so leaves a folder with failed.txt alone.
"""

import argparse
import importlib
import json
import os
import shutil
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np

VOCABULARY = ["the", "cat", "sat", "on", "mat"]
TEXTS = ["the cat sat", "on the mat", "a dog sat on the mat!"]


def series(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def seed(keras, rng):
    k = keras.layers
    x, y = keras.Input((10, 1), name="encoder_input"), keras.Input((10, 1), name="decoder_input")
    _, h, c = k.LSTM(8, return_state=True, name="encoder_lstm")(x)
    all_steps, _, _ = k.LSTM(8, return_sequences=True, return_state=True, name="decoder_lstm")(y, initial_state=[h, c])
    out = k.TimeDistributed(k.Dense(1), name="output")(all_steps)
    return keras.Model([x, y], out), {"encoder_input": series(rng, 3, 10, 1), "decoder_input": series(rng, 3, 10, 1)}


def gru(keras, rng):
    k = keras.layers
    x = keras.Input((None, 3), name="x")
    y = k.GRU(5, return_sequences=True)(x)
    return keras.Model(x, k.Dense(2)(k.GRU(4, reset_after=False)(y))), {"x": series(rng, 3, 7, 3)}


def bidirectional(keras, rng):
    k = keras.layers
    x = keras.Input((6,), name="tokens", dtype="int32")
    y = k.Embedding(11, 4, mask_zero=True)(x)
    y = k.Bidirectional(k.LSTM(3))(y)
    tokens = rng.integers(1, 11, (3, 6)).astype(np.int32)
    tokens[0, 4:], tokens[1, 2:] = 0, 0
    return keras.Model(x, k.Dense(2)(y)), {"tokens": tokens}


def conv_lstm(keras, rng):
    k = keras.layers
    x = keras.Input((12, 3), name="x")
    y = k.MaxPooling1D(2)(k.Conv1D(6, 3, padding="causal", activation="relu")(x))
    return keras.Model(x, k.Dense(1)(k.LSTM(4)(y))), {"x": series(rng, 3, 12, 3)}


def transformer(keras, rng):
    k = keras.layers
    x = keras.Input((6, 8), name="x")
    y = k.LayerNormalization()(k.Add()([x, k.MultiHeadAttention(2, 4)(x, x)]))
    y = k.LayerNormalization()(k.Add()([y, k.Dense(8)(k.Dense(16, activation="gelu")(y))]))
    return keras.Model(x, k.GlobalAveragePooling1D()(y)), {"x": series(rng, 3, 6, 8)}


def attention(keras, rng):
    k = keras.layers
    x, y = keras.Input((7, 3), name="encoder_input"), keras.Input((5, 2), name="decoder_input")
    encoded, state = k.GRU(4, return_sequences=True, return_state=True)(x)
    decoded = k.GRU(4, return_sequences=True)(y, initial_state=state)
    seen = k.Concatenate()([decoded, k.Attention()([decoded, encoded])])
    return keras.Model([x, y], k.Dense(2)(seen)), {"encoder_input": series(rng, 3, 7, 3), "decoder_input": series(rng, 3, 5, 2)}


def text(keras, rng):
    k = keras.layers
    x = keras.Input((1,), name="text", dtype="string")
    y = k.TextVectorization(vocabulary=VOCABULARY, output_sequence_length=6)(x)
    y = k.Embedding(len(VOCABULARY) + 2, 4, mask_zero=True)(y)
    return keras.Model(x, k.Dense(2, activation="softmax")(k.LSTM(3)(y))), {"text": np.array(TEXTS)[:, None]}


def image(keras, rng):
    k = keras.layers
    x = keras.Input((8, 8, 3), name="x")
    y = k.ReLU()(k.BatchNormalization()(k.Conv2D(4, 3, strides=2, padding="same")(x)))
    y = k.BatchNormalization()(k.DepthwiseConv2D(3, padding="same")(y))
    return keras.Model(x, k.Dense(2)(k.Flatten()(k.MaxPooling2D()(y)))), {"x": series(rng, 3, 8, 8, 3)}


def embedding(keras, rng):
    k = keras.layers
    x = keras.Input((5,), name="tokens", dtype="int32")
    y = k.Dropout(0.3)(k.Embedding(11, 4)(x))
    return keras.Model(x, k.Dense(3)(k.GlobalMaxPooling1D()(y))), {"tokens": rng.integers(0, 11, (3, 5)).astype(np.int32)}


# What is exported, and the recurrent layers that lockstep must recognise in it.
MODELS = {
    "seed": (seed, ["LSTM", "LSTM"]),
    "gru": (gru, ["GRU", "GRU"]),
    "bidirectional masked": (bidirectional, ["LSTM", "LSTM"]),
    "conv and LSTM": (conv_lstm, ["LSTM"]),
    "transformer": (transformer, []),
    "attention seq2seq": (attention, ["GRU", "GRU"]),
    "text": (text, ["LSTM"]),
    "image": (image, []),
    "embedding": (embedding, []),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras", default="keras")
    parser.add_argument("--form", required=True, choices=["export", "save", "module"])
    parser.add_argument("prefix")
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    import tensorflow as tf

    keras = tf.keras if args.keras == "tf.keras" else importlib.import_module(args.keras)
    print(tf.__version__, getattr(keras, "__version__", ""))
    for name in args.models or MODELS:
        folder = args.prefix + name.replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        keras.backend.clear_session()
        try:
            write(tf, keras, args.form, name, folder)
        except Exception as e:  # the next one
            shutil.rmtree(folder)
            os.makedirs(folder)
            with open(os.path.join(folder, "failed.txt"), "w", encoding="utf-8") as f:
                f.write(f"{type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else ''}")
            print(name, type(e).__name__, str(e)[:500], file=sys.stderr)


def write(tf, keras, form, name, folder):
    rng = np.random.default_rng(sorted(MODELS).index(name))
    model, inputs = MODELS[name][0](keras, rng)
    for w in model.weights:
        if np.issubdtype(np.asarray(w).dtype, np.floating):
            drawn = 0.4 * rng.normal(size=w.shape)
            w.assign(0.5 + abs(drawn) if "variance" in w.name else drawn)
    given = [tf.constant(x) for x in inputs.values()]
    expected = model(given if len(given) > 1 else given[0], training=False).numpy()
    path = os.path.join(folder, "saved_model")
    if form == "export":
        model.export(path)
    elif form == "save":
        model.save(path, save_format="tf")
    else:
        tf.saved_model.save(model, path)
    signature = tf.saved_model.load(path).signatures["serving_default"]
    names = sorted(signature.structured_input_signature[1])
    if set(names) != set(inputs):  # Keras's own, in the order of the inputs
        inputs = dict(zip(sorted(names, key=lambda n: (len(n), n)), inputs.values()))
    (output,) = signature.structured_outputs
    np.savez(os.path.join(folder, "inputs.npz"), **inputs)
    np.savez(os.path.join(folder, "expected.npz"), **{output: expected})
    with open(os.path.join(folder, "call.json"), "w", encoding="utf-8") as f:
        json.dump({"name": name, "layers": MODELS[name][1]}, f)


if __name__ == "__main__":
    main()
