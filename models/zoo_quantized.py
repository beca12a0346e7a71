"""The zoo's quantized models: Keras 3's quantize(), fake quantization, and inputs of small types."""

import numpy as np

from zoo import entry, module
from zoo_inputs import In, fixed, ids, seq
from zoo_modules import concrete, make, variables


def entries():
    yield from keras_modes()
    yield from fake()
    yield from small_inputs()


def quantized(mode, **config):
    """Quantizes a model's layers as Keras 3 does, and gives what it adds values that are not 1."""

    def then(model):
        import keras

        options = {}
        if config:
            options["config"] = keras.quantizers.Int4QuantizationConfig(**config)
        model.quantize(mode, **options)
        rng = np.random.default_rng(7)
        for w in model.weights:
            if mode == "float8" and w.path.endswith(("inputs_scale", "kernel_scale", "outputs_grad_scale")):
                w.assign(rng.uniform(0.01, 0.03))

    return then


def dense(k, x):
    return k.Dense(3)(k.Dense(5, activation="relu")(x))


def einsum(k, x):
    return k.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")(k.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(x))


def embedding(k, x):
    return k.Dense(3)(k.GlobalAveragePooling1D()(k.Embedding(11, 5)(x)))


def transformer(k, x):
    y = k.Embedding(11, 8)(x)
    y = k.LayerNormalization()(k.Add()([y, k.MultiHeadAttention(2, 4)(y, y)]))
    z = k.Dense(8)(k.Dense(16, activation="gelu")(y))
    return k.Dense(3, activation="softmax")(k.LayerNormalization()(k.Add()([y, z])))


def recurrent(k, x):
    return k.Dense(2)(k.Dense(6, activation="tanh")(k.LSTM(5)(x)))


def convolutional(k, x):
    return k.Dense(3)(k.Flatten()(k.Conv2D(4, 3, strides=2, activation="relu")(x)))


MODELS = {
    "dense": (dense, fixed(4, 7), "Two Dense layers"), "einsum": (einsum, fixed(4, 6), "Two EinsumDense layers"),
    "embedding": (embedding, ids(11), "An Embedding, pooled, and a Dense layer"), "transformer": (transformer, ids(11), "A small transformer"),
    "lstm": (recurrent, seq(3), "An LSTM and Dense layers"), "conv": (convolutional, {"x": In(7, 7, 2)}, "A Conv2D and a Dense layer"),
}  # fmt: skip


def keras_modes():
    for name, (build, inputs, about) in MODELS.items():
        for mode in ("int8", "int4", "float8"):
            yield entry(f"quantized_{mode}_{name}", f"{about}, quantized to {mode}.", inputs, build, by=["keras3"], then=quantized(mode))
    # Groups of the kernel's rows with scales and zeros of their own.
    for name in ("dense", "einsum", "embedding"):
        build, inputs, about = MODELS[name]
        yield entry(f"quantized_int4_groups_{name}", f"{about}, quantized to int4 in groups.", inputs, build, by=["keras3"], then=quantized("int4", block_size=2))


def fake():
    def layer(call):
        """A layer without weights, in whichever Keras."""

        def build(k, x):
            made = type("Quantizing", (k.Layer,), {"call": lambda self, y: call(y), "compute_output_shape": lambda self, s: s})
            return k.Dense(3)(made()(k.Dense(5)(x)))

        return build

    def args(x):
        import tensorflow as tf

        return tf.quantization.fake_quant_with_min_max_args(x, -1.2, 1.5, num_bits=5)

    def variables_(x):
        import tensorflow as tf

        return tf.quantization.fake_quant_with_min_max_vars(x, -1.2, 1.5, narrow_range=True)

    def channels(x):
        import tensorflow as tf

        return tf.quantization.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -0.5, 0.0, -2.0, -0.1], [1.0, 1.5, 2.0, 0.5, 0.1])

    yield entry("fake_quant_args", "FakeQuantWithMinMaxArgs between Dense layers.", seq(4), layer(args))
    yield entry("fake_quant_vars", "FakeQuantWithMinMaxVars between Dense layers.", seq(4), layer(variables_))
    yield entry("fake_quant_channels", "FakeQuantWithMinMaxVarsPerChannel between Dense layers.", seq(4), layer(channels))

    def aware(rng):
        import tensorflow as tf

        w = variables(tf, rng, kernel=(4, 5), bias=(5,))

        def call(x):
            kernel = tf.quantization.quantize_and_dequantize_v2(w["kernel"], [0.0] * 5, [0.0] * 5, range_given=False, axis=1, narrow_range=True)
            y = tf.nn.relu(x @ kernel + w["bias"])
            y = tf.quantization.quantize_and_dequantize_v2(y, 0.0, 2.5, signed_input=False, range_given=True)
            return {"y": y, "scaled": tf.raw_ops.QuantizeAndDequantizeV3(input=x, input_min=0.0, input_max=0.0, num_bits=6, range_given=False)}

        return make(tf, w, {"serving_default": concrete(tf, call, ("x", (None, 4), "float32"))})

    yield module("fake_quant_there_and_back", "QuantizeAndDequantizeV2 to V4 of weights and activations.", aware, "tf.saved_model.save of a tf.Module",
                 {"": ("serving_default", {"x": In(4)})})  # fmt: skip


def small_inputs():
    # Pictures as cameras give them.
    yield entry("inputs_uint8_images", "Images of uint8 through Rescaling and Conv2D.", {"x": In(8, 8, 3, kind="ids", dtype="uint8", high=256)},
                lambda k, x: k.Dense(3)(k.GlobalAveragePooling2D()(k.Conv2D(4, 3, activation="relu")(k.Rescaling(1 / 255)(x)))))  # fmt: skip
    yield entry("inputs_int8_int16", "Inputs of int8, int16 and uint16.", {
        "a": In(5, kind="ids", dtype="int8", high=100), "b": In(5, kind="ids", dtype="int16", high=3000), "c": In(5, kind="ids", dtype="uint16", high=60000)},
                lambda k, a, b, c: k.Dense(3)(k.Concatenate()([k.Rescaling(0.01)(a), k.Rescaling(1e-3)(b), k.Rescaling(1e-5)(c)])))  # fmt: skip

    def integers(rng):
        import tensorflow as tf

        w = variables(tf, rng, kernel=(6, 3))

        def call(bytes, words):
            low, high = tf.bitwise.bitwise_and(bytes, 15), tf.bitwise.right_shift(bytes, tf.constant(4, tf.uint8))
            unpacked = tf.reshape(tf.stack([low, high], -1), (-1, 6))
            signed = tf.cast(tf.bitwise.bitwise_xor(tf.cast(unpacked, tf.int8), tf.constant(8, tf.int8)), tf.int8) - tf.constant(8, tf.int8)
            product = tf.matmul(signed, signed, transpose_b=True, output_type=tf.int32)
            return {
                "floats": tf.cast(signed, tf.float32) @ w["kernel"], "product": product, "wrapped": bytes * bytes + tf.constant(200, tf.uint8),
                "larger": tf.maximum(words, tf.constant(9, tf.uint16)), "sum": tf.reduce_sum(words, -1), "more": tf.cast(words > tf.constant(100, tf.uint16), tf.int8),
                "best": tf.argmax(words, -1), "signed": signed,
            }  # fmt: skip

        specs = (("bytes", (None, 3), "uint8"), ("words", (None, 4), "uint16"))
        return make(tf, w, {"serving_default": concrete(tf, call, *specs)})

    yield module("inputs_integers", "Integers of 8 and 16 bits: shifts, products, sums that wrap around.", integers, "tf.saved_model.save of a tf.Module", {
        "": ("serving_default", {"bytes": In(3, kind="ids", dtype="uint8", high=256), "words": In(4, kind="ids", dtype="uint16", high=200)})})  # fmt: skip
