"""Exports one call or more of each layer of a Keras, tf_keras or Keras 3, as record_calls.py does with what tests call.

    LOCKSTEP_CALLS=DIR python models/record_layers.py --keras tf_keras

The wheel of tf_keras brings no tests, so that the calls stand here, in a table. It must name every layer of that Keras: a
layer without a row is an error. coverage.py checks the calls beside the others.
"""

import argparse
import importlib
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # parts of tf_keras ask for tf.keras and mean themselves

import numpy as np
import record_calls

WORDS = ["the", "cat", "sat"]

# No layers to call: what others are derived from or made of, or what needs another framework or file.
NO_CALL = {
    "AbstractRNNCell", "InputLayer", "InputSpec", "Layer", "Wrapper", "PreprocessingLayer", "DynamicEmbedding", "DynamicLookup", "TFSMLayer",
    "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "MaxNumBoundingBoxes", "Pipeline", "CutMix", "MixUp",
}  # fmt: skip

RNG = np.random.default_rng(5)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def ids(*shape, below=9):
    return RNG.integers(0, below, shape).astype(np.int32)


def words(*shape):
    return RNG.choice([*WORDS, "dog"], shape)


LINE, SEQ, IMAGE, VOLUME = floats(3, 4), floats(3, 6, 4), floats(3, 8, 8, 3), floats(2, 6, 6, 6, 2)
PIXELS = (255 * RNG.random((2, 8, 8, 3))).astype(np.float32)


def table(k, keras3):
    """The layers by name, each with what it is called with."""
    yield from plain(k)
    yield from convolutions(k)
    yield from recurrent(k)
    yield from merging(k)
    yield from preprocessing(k, keras3)


def plain(k):
    yield "Activation", k.Activation("gelu"), SEQ
    yield "ActivityRegularization", k.ActivityRegularization(0.1), LINE
    for name in ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D"):
        yield name, getattr(k, name)(0.3), SEQ
    yield "SpatialDropout2D", k.SpatialDropout2D(0.3), IMAGE
    yield "SpatialDropout3D", k.SpatialDropout3D(0.3), VOLUME
    yield "AdditiveAttention", k.AdditiveAttention(), [SEQ, floats(3, 5, 4)]
    yield "Attention", k.Attention(use_scale=True), [SEQ, floats(3, 5, 4), floats(3, 5, 4)]
    yield "BatchNormalization", k.BatchNormalization(), SEQ
    yield "BatchNormalization", k.BatchNormalization(), IMAGE
    yield "BatchNormalization", k.BatchNormalization(axis=1), IMAGE
    yield "BatchNormalization", k.BatchNormalization(), VOLUME
    yield "Dense", k.Dense(3, activation="elu"), LINE
    yield "Dense", k.Dense(3), SEQ
    yield "ELU", k.ELU(), LINE
    yield "EinsumDense", k.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d"), SEQ
    yield "Embedding", k.Embedding(9, 4), ids(3, 5)
    yield "Flatten", k.Flatten(), IMAGE
    yield "GroupNormalization", k.GroupNormalization(2), SEQ
    yield "Identity", k.Identity(), LINE
    yield "Lambda", k.Lambda(lambda x: 2 * x + 1), LINE
    yield "LayerNormalization", k.LayerNormalization(), SEQ
    yield "LayerNormalization", k.LayerNormalization(axis=[1, 2]), IMAGE
    yield "LeakyReLU", k.LeakyReLU(), LINE
    yield "Masking", k.Masking(), SEQ
    yield "MultiHeadAttention", k.MultiHeadAttention(2, 3), (SEQ, floats(3, 5, 4))
    yield "PReLU", k.PReLU(shared_axes=[1]), SEQ
    yield "Permute", k.Permute((2, 1)), SEQ
    yield "ReLU", k.ReLU(6.0, negative_slope=0.1, threshold=0.2), LINE
    yield "RepeatVector", k.RepeatVector(3), LINE
    yield "Reshape", k.Reshape((2, -1)), SEQ
    yield "Softmax", k.Softmax(axis=1), SEQ
    yield "SpectralNormalization", k.SpectralNormalization(k.Dense(3)), LINE
    yield "TimeDistributed", k.TimeDistributed(k.Dense(3)), SEQ
    yield "UnitNormalization", k.UnitNormalization(), LINE
    if hasattr(k, "ThresholdedReLU"):
        yield "ThresholdedReLU", k.ThresholdedReLU(), LINE
        yield "LocallyConnected1D", k.LocallyConnected1D(3, 2), SEQ
        for implementation in (1, 2, 3):
            yield "LocallyConnected2D", k.LocallyConnected2D(2, 3, implementation=implementation), IMAGE
        yield "RandomFourierFeatures", k.experimental.RandomFourierFeatures(4), LINE
        yield "SyncBatchNormalization", k.experimental.SyncBatchNormalization(), LINE
    else:
        yield "RMSNormalization", k.RMSNormalization(), SEQ
        yield "ReversibleEmbedding", k.ReversibleEmbedding(9, 4), ids(3, 5)
        yield "GroupQueryAttention", k.GroupQueryAttention(4, 4, 2), (SEQ, floats(3, 5, 4))


def convolutions(k):
    inputs = {"1D": SEQ, "2D": IMAGE, "3D": VOLUME}
    for d, x in inputs.items():
        for name in ("Conv", "ConvLSTM"):
            of = {"padding": "same", "data_format": "channels_last"}
            yield name + d, getattr(k, name + d)(3, 2, **of), floats(2, 3, *x.shape[1:]) if "LSTM" in name else x
        for options in ({"strides": 2}, {"dilation_rate": 2}, {"activation": "relu", "use_bias": False}):
            yield "Conv" + d, getattr(k, "Conv" + d)(3, 2, **options), x
        for options in ({"strides": 2}, {"padding": "same"}):
            yield f"Conv{d}Transpose", getattr(k, f"Conv{d}Transpose")(3, 3, **options), x
        for kind in ("Average", "Max"):
            for options in ({"pool_size": 2}, {"pool_size": 3, "strides": 1, "padding": "same"}):
                yield f"{kind}Pooling{d}", getattr(k, f"{kind}Pooling{d}")(**options), x
            for keep in (False, True):
                yield f"Global{kind}Pooling{d}", getattr(k, f"Global{kind}Pooling{d}")(keepdims=keep), x
            if hasattr(k, f"Adaptive{kind}Pooling{d}"):
                yield f"Adaptive{kind}Pooling{d}", getattr(k, f"Adaptive{kind}Pooling{d}")(3), x
        for name in ("Cropping", "UpSampling", "ZeroPadding"):
            yield name + d, getattr(k, name + d)(2), x
        if d != "3D":
            yield "DepthwiseConv" + d, getattr(k, "DepthwiseConv" + d)(2, depth_multiplier=2), x
            yield "SeparableConv" + d, getattr(k, "SeparableConv" + d)(3, 2), x
    yield "Conv2D", k.Conv2D(4, 2, groups=2), floats(2, 6, 6, 4)
    for how in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area"):
        if not hasattr(k, "RMSNormalization") or how != "area":
            yield "UpSampling2D", k.UpSampling2D(2, interpolation=how), IMAGE


def recurrent(k):
    for name in ("GRU", "LSTM", "SimpleRNN"):
        for options in ({}, {"return_sequences": True, "return_state": True, "go_backwards": True}, {"unroll": True, "return_sequences": True}):
            yield name, getattr(k, name)(3, **options), SEQ
        cell = getattr(k, name + "Cell")
        yield name + "Cell", cell(3), (LINE, [floats(3, 3)] * (2 if name == "LSTM" else 1))
        yield "RNN", k.RNN(cell(3)), SEQ
        yield "Bidirectional", k.Bidirectional(getattr(k, name)(3, return_sequences=True)), SEQ
    yield "RNN", k.RNN([k.LSTMCell(3), k.GRUCell(4)], return_sequences=True), SEQ
    yield "StackedRNNCells", k.StackedRNNCells([k.GRUCell(3), k.SimpleRNNCell(4)]), (LINE, [floats(3, 3), floats(3, 4)])


def merging(k):
    for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"):
        yield name, getattr(k, name)(), [SEQ, floats(3, 6, 4)]
    yield "Dot", k.Dot(axes=2, normalize=True), [SEQ, floats(3, 5, 4)]


def preprocessing(k, keras3):
    for mode in ("one_hot", "multi_hot", "count"):
        yield "CategoryEncoding", k.CategoryEncoding(9, output_mode=mode), ids(3, 1) if mode == "one_hot" else ids(3, 4)
        yield "Hashing", k.Hashing(5, output_mode=mode), words(3, 1)
        yield "IntegerLookup", k.IntegerLookup(vocabulary=[4, 2, 7], output_mode=mode), ids(3, 1).astype(np.int64)
        yield "StringLookup", k.StringLookup(vocabulary=WORDS, output_mode=mode), words(3, 1)
        yield "TextVectorization", k.TextVectorization(vocabulary=WORDS, output_mode=mode if mode != "one_hot" else "int"), np.array([["The cat!"], ["a dog"], ["sat"]])
    yield "CenterCrop", k.CenterCrop(5, 4), PIXELS
    yield "Discretization", k.Discretization(bin_boundaries=[-0.5, 0.3, 0.9]), LINE
    yield "Hashing", k.Hashing(5, salt=[3, 4]), ids(3, 4)
    yield "HashedCrossing", k.HashedCrossing(7), ((words(3, 1), ids(3, 1)),)
    yield "Normalization", k.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 1, 3]), LINE
    yield "Rescaling", k.Rescaling(1 / 255.0, -0.5), PIXELS
    yield "StringLookup", k.StringLookup(vocabulary=WORDS, invert=True), ids(3, 4, below=4).astype(np.int64)
    for how in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5") + (() if keras3 else ("area", "gaussian", "mitchellcubic")):
        yield "Resizing", k.Resizing(5, 11, interpolation=how), PIXELS
    yield "Resizing", k.Resizing(5, 11, crop_to_aspect_ratio=True), PIXELS
    yield from augmenting(k, keras3)


def augmenting(k, keras3):
    """Layers that only change an image in training."""
    common = {
        "RandomBrightness": (0.2,), "RandomContrast": (0.2,), "RandomCrop": (5, 6), "RandomFlip": (), "RandomRotation": (0.1,),
        "RandomTranslation": (0.1, 0.1), "RandomZoom": (0.1,),
    }  # fmt: skip
    two = {"RandomHeight": (0.1,), "RandomWidth": (0.1,)}
    three = {
        "AugMix": (), "RandAugment": (), "RandomColorDegeneration": (0.2,), "RandomColorJitter": (), "RandomElasticTransform": (),
        "RandomErasing": (), "RandomGaussianBlur": (), "RandomGrayscale": (), "RandomHue": (0.2,), "RandomInvert": (),
        "RandomPerspective": (), "RandomPosterization": (4,), "RandomSaturation": (0.2,), "RandomSharpness": (0.2,), "RandomShear": (0.1, 0.1),
        "AutoContrast": (), "ContrastLimitedAdaptiveHistogramEqualization": (), "Equalization": (), "Solarization": (0.2,),
    }  # fmt: skip
    for name, args in (common | (three if keras3 else two)).items():
        yield name, getattr(k, name)(*args), PIXELS
    if keras3:
        yield "MelSpectrogram", k.MelSpectrogram(num_mel_bins=6, sequence_stride=16, fft_length=32), floats(2, 128)
        for mode in ("log", "magnitude", "real", "stft"):
            yield "STFTSpectrogram", k.STFTSpectrogram(mode=mode, frame_length=16, frame_step=8, fft_length=16), floats(2, 64, 1)


def dense_features(tf):
    columns = [tf.feature_column.numeric_column("a", (2,)), tf.feature_column.bucketized_column(tf.feature_column.numeric_column("b"), [0.0, 0.5])]
    return columns, {"a": floats(3, 2), "b": floats(3, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras", choices=["keras", "tf_keras"], required=True)
    args = parser.parse_args()
    os.makedirs(record_calls.OUT, exist_ok=True)
    import tensorflow as tf

    keras = importlib.import_module(args.keras)
    k, keras3 = keras.layers, args.keras == "keras"
    called = set()
    rows = list(table(k, keras3))
    if not keras3:
        columns, given = dense_features(tf)
        rows.append(("DenseFeatures", k.DenseFeatures(columns), given))
    for name, layer, given in rows:
        called.add(type(layer))
        arguments = tf.nest.map_structure(tf.constant, given if isinstance(given, tuple) else (given,))
        try:
            record_calls.record_layer(type(layer).__call__, layer, arguments, {}, f"{args.keras}.layers.{name}")
        except Exception as e:  # what cannot be exported is counted
            record_calls.note(f"{args.keras}.layers.{name}: {type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else ''}")
    spaces = [k] if keras3 else [k, k.experimental]
    missing = {n for s in spaces for n, v in vars(s).items() if isinstance(v, type) and v not in called and n not in NO_CALL}
    if missing:
        sys.exit(f"no call of {', '.join(sorted(missing))}: add a row to the table")


if __name__ == "__main__":
    main()
