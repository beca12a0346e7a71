"""The zoo's whole models, as the guides of Keras and TensorFlow build them, at a small size."""

import importlib

import numpy as np

from zoo import entry, module
from zoo_inputs import In, fixed, ids, seq
from zoo_modules import archive


def keras_of(k):
    """The Keras whose layers these are."""
    return importlib.import_module(k.__name__.split(".")[0])


def entries():
    yield from sequence_to_sequence()
    yield from classification()
    yield from series()
    yield from attention()
    yield from subclassed()
    yield from own_cells()


def sequence_to_sequence():
    def characters(k, source, target):
        _, h, c = k.LSTM(6, return_state=True, name="encoder_lstm")(source)
        y, _, _ = k.LSTM(6, return_sequences=True, return_state=True, name="decoder_lstm")(target, initial_state=[h, c])
        return k.Dense(9, activation="softmax", name="characters")(y)

    yield entry("guide_seq2seq_characters", "Character-level translation: one-hot encoder and decoder.",
                {"encoder": In("T", 7, kind="onehot"), "decoder": In("S", 9, kind="onehot")}, characters)  # fmt: skip

    def gru_decoder(k, source, target):
        _, h = k.GRU(5, return_state=True)(k.Embedding(11, 4, mask_zero=True)(source))
        y = k.GRU(5, return_sequences=True)(k.Embedding(8, 3, mask_zero=True)(target), initial_state=h)
        return k.Dense(8)(y)

    tokens = {"source": In("T", kind="ids_masked", dtype="int32", high=11), "target": In("S", kind="ids_masked", dtype="int64", high=8)}
    yield entry("guide_seq2seq_tokens", "Translation of padded tokens by two GRUs.", tokens, gru_decoder)

    def bidirectional_encoder(k, source, target):
        _, fh, fc, bh, bc = k.Bidirectional(k.LSTM(3, return_state=True))(source)
        states = [k.Concatenate()([fh, bh]), k.Concatenate()([fc, bc])]
        return k.Dense(2)(k.LSTM(6, return_sequences=True)(target, initial_state=states))

    yield entry("guide_seq2seq_bidirectional", "A bidirectional encoder's joined states begin the decoder.",
                {"encoder": In("T", 3), "decoder": In("S", 2)}, bidirectional_encoder)  # fmt: skip

    def encoder_model(k, x):
        return list(k.LSTM(5, return_sequences=True, return_state=True)(x))

    yield entry("guide_seq2seq_encoder", "An inference encoder: its outputs and states.", seq(2), encoder_model)

    def decoder_model(k, x, h, c):
        y, h, c = k.LSTM(5, return_sequences=True, return_state=True)(x, initial_state=[h, c])
        return [k.Dense(4, activation="softmax")(y), h, c]

    yield entry("guide_seq2seq_decoder", "An inference decoder: one step, states in and out.",
                {"x": In(1, 4, kind="onehot"), "state_h": In(5), "state_c": In(5)}, decoder_model)  # fmt: skip

    def addition(k, x):
        y = k.RepeatVector(4)(k.LSTM(6)(x))
        return k.Dense(12, activation="softmax")(k.LSTM(6, return_sequences=True)(y))

    yield entry("guide_addition", "The addition RNN: an LSTM, RepeatVector, an LSTM, softmax.", {"x": In(7, 12, kind="onehot")}, addition)

    def autoencoder(k, x):
        y = k.RepeatVector(6)(k.LSTM(4, activation="relu")(x))
        return k.TimeDistributed(k.Dense(2))(k.LSTM(4, activation="relu", return_sequences=True)(y))

    yield entry("guide_autoencoder", "An LSTM autoencoder with relu.", fixed(6, 2), autoencoder)


def classification():
    def imdb(k, x):
        y = k.Embedding(13, 5)(x)
        y = k.Bidirectional(k.LSTM(4, return_sequences=True))(y)
        return k.Dense(1, activation="sigmoid")(k.Bidirectional(k.LSTM(3))(y))

    yield entry("guide_text_bidirectional", "Text classification by two bidirectional LSTMs.", ids(13), imdb)

    def masked(k, x):
        y = k.Bidirectional(k.LSTM(4))(k.Embedding(13, 5, mask_zero=True)(x))
        return k.Dense(1)(k.Dense(6, activation="relu")(y))

    yield entry("guide_text_masked", "Text classification over a masked embedding.", ids(13, kind="ids_masked", dtype="int64"), masked)

    def cnn_lstm(k, x):
        y = k.Dropout(0.25)(k.Embedding(13, 4)(x))
        y = k.MaxPooling1D(2)(k.Conv1D(5, 3, activation="relu")(y))
        return k.Dense(1, activation="sigmoid")(k.LSTM(4)(y))

    yield entry("guide_text_cnn_lstm", "Text classification: embedding, convolution, pooling, LSTM.", ids(13), cnn_lstm, shortest=5)

    def tagger(k, x):
        y = k.Bidirectional(k.LSTM(4, return_sequences=True))(k.Embedding(13, 5, mask_zero=True)(x))
        return k.Dense(6, activation="softmax")(y)

    yield entry("guide_tagger", "A tagger: a label for every token.", ids(13, kind="ids_masked"), tagger)

    def rows(k, x):
        return k.Dense(10)(k.BatchNormalization()(k.LSTM(6)(x)))

    yield entry("guide_digits", "The rows of a picture as a series, with BatchNormalization.", {"x": In("T", 8)}, rows)


def series():
    yield entry("guide_weather", "Weather forecast: one LSTM, many to one.", fixed(12, 4), lambda k, x: k.Dense(1)(k.LSTM(6)(x)))

    def multi_step(k, x):
        y = k.Dense(4 * 3)(k.LSTM(6)(x))
        return k.Reshape((4, 3))(y)

    yield entry("guide_weather_steps", "Weather forecast: all steps at once, by Reshape.", seq(3), multi_step)
    yield entry("guide_weather_residual", "Weather forecast: the LSTM predicts the change.", seq(3),
                lambda k, x: k.Add()([x, k.Dense(3)(k.LSTM(5, return_sequences=True)(x))]))  # fmt: skip

    def conv_lstm(k, x):
        y = k.Conv1D(5, 3, strides=1, activation="elu", padding="causal")(x)
        y = k.LSTM(4, return_sequences=True)(k.LSTM(6, return_sequences=True)(y))
        return k.Dense(1)(k.Dense(5, activation="elu")(y))

    yield entry("guide_series_conv_lstm", "Series forecast: causal convolution, two LSTMs, two Dense.", seq(1), conv_lstm)

    def wavenet(k, x):
        y = x
        for rate in (1, 2, 4):
            y = k.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="relu")(y)
        return k.Conv1D(1, 1)(y)

    yield entry("guide_series_wavenet", "Series forecast: dilated causal convolutions.", seq(1), wavenet)

    def gated(k, x):
        y = k.GRU(5, return_sequences=True)(k.LayerNormalization()(x))
        return k.Dense(2)(k.Concatenate()([k.GlobalMaxPooling1D()(y), k.GlobalAveragePooling1D()(y)]))

    yield entry("guide_series_gru_pools", "A GRU between LayerNormalization and two pools.", seq(3), gated)


def attention():
    def seq2seq(k, source, target):
        encoded, h, c = k.LSTM(5, return_sequences=True, return_state=True)(source)
        decoded = k.LSTM(5, return_sequences=True)(target, initial_state=[h, c])
        context = k.Attention()([decoded, encoded])
        return k.Dense(4, activation="softmax")(k.Concatenate()([decoded, context]))

    two = {"encoder": In("T", 3), "decoder": In("S", 2)}
    yield entry("guide_attention_seq2seq", "Decoder LSTM with Attention over the encoder's outputs.", two, seq2seq)

    def additive(k, source, target):
        embedded = k.Embedding(11, 4, mask_zero=True)(source)
        encoded = k.Bidirectional(k.GRU(4, return_sequences=True), merge_mode="sum")(embedded)
        decoded = k.GRU(4, return_sequences=True)(k.Embedding(9, 3)(target))
        context = k.AdditiveAttention()([decoded, encoded])
        return k.Dense(9)(k.LayerNormalization()(k.Add()([decoded, context])))

    tokens = {"source": In("T", kind="ids_masked", dtype="int32", high=11), "target": In("S", kind="ids", dtype="int32", high=9)}
    yield entry("guide_attention_additive", "Translation with additive attention over a masked source.", tokens, additive)

    def transformer(k, x):
        y = k.LayerNormalization(epsilon=1e-6)(k.Add()([x, k.MultiHeadAttention(2, 3)(x, x)]))
        z = k.Dense(4)(k.Dense(6, activation="relu")(y))
        return k.Dense(2, activation="softmax")(k.GlobalAveragePooling1D()(k.LayerNormalization(epsilon=1e-6)(k.Add()([y, z]))))

    yield entry("guide_transformer", "A transformer block for classification.", seq(4), transformer)

    def pooled(k, x):
        y = k.LSTM(5, return_sequences=True)(x)
        weights = k.Softmax(axis=1)(k.Dense(1, activation="tanh")(y))
        return k.Dot(axes=1)([weights, y])

    yield entry("guide_attention_pool", "Attention pooling: Dense, Softmax along time, Dot.", seq(3), pooled)


def subclassed():
    def text_generation(k, x):
        class Generator(keras_of(k).Model):
            def __init__(self):
                super().__init__()
                self.embedding = k.Embedding(9, 4)
                self.gru = k.GRU(5, return_sequences=True, return_state=True)
                self.dense = k.Dense(9)

            def call(self, tokens, training=False):
                y, state = self.gru(self.embedding(tokens))
                return {"logits": self.dense(y), "state": state}

        return Generator()

    about = "A subclassed model: embedding, GRU with its state, logits."
    # Both save a subclassed model for the length of its first call, and Keras 3 for floats, whatever it was called with.
    yield entry("guide_text_generation", about, {"args_0": In(6, kind="ids", dtype="float32", high=9)}, text_generation, by=["keras3"])
    yield entry("guide_text_generation", about, {"input_1": In(6, kind="ids", dtype="int64", high=9)}, text_generation, by=["tfkeras"])

    def nested(k, x):
        inner = keras_of(k).Sequential([k.LSTM(4, return_sequences=True), k.Dense(3, activation="tanh")], name="inner")
        return k.GRU(4)(inner(x))

    yield entry("guide_nested_model", "A Sequential inside a functional model.", seq(2), nested)

    def sequential(k, x):
        keras = keras_of(k)
        return keras.Sequential([keras.Input((None, 2), name="x"), k.LSTM(4, return_sequences=True), k.LSTM(3), k.Dense(1)])

    yield entry("guide_sequential", "A Sequential model.", seq(2), sequential)

    def autoregressive(rng):
        import keras
        import tensorflow as tf

        k = keras.layers
        cell, dense = k.LSTMCell(5), k.Dense(3)
        rnn = k.RNN(cell, return_state=True)

        class FeedBack(keras.Model):
            def __init__(self):
                super().__init__()
                self.rnn, self.dense = rnn, dense

            def call(self, x):
                y, *states = self.rnn(x)
                outputs = [self.dense(y)]
                for _ in range(3):
                    y, states = cell(outputs[-1], states)
                    outputs.append(self.dense(y))
                return tf.stack(outputs, 1)

        model = FeedBack()
        model(np.zeros((2, 4, 3), np.float32))
        model.set_weights([rng.normal(0, 0.4, w.shape).astype(np.float32) for w in model.get_weights()])

        def call(x):
            return {"forecast": model(x)}

        x = tf.TensorSpec((None, None, 3), name="x")
        return archive(model, serving_default=(call, x)), {"serving_default": tf.function(call).get_concrete_function(x)}, model.variables

    # The cell in the three steps after the loop is not in a loop.
    yield module("guide_feedback", "The time series tutorial's FeedBack model: warm up, then its own outputs back in.", autoregressive,
                 "keras ExportArchive", {"": ("serving_default", seq()), "long": ("serving_default", seq())}, {"LSTM": 1})  # fmt: skip


def own_cells():
    def own(k, x):
        keras = keras_of(k)
        multiply = keras.ops.matmul if hasattr(keras, "ops") else keras.backend.dot

        class MinimalRNNCell(k.Layer):
            """The cell of Keras's guide to writing one."""

            def __init__(self, units):
                super().__init__()
                self.units = self.state_size = units

            def build(self, shape):
                self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
                self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")
                self.built = True

            def call(self, inputs, states):
                y = multiply(inputs, self.kernel) + multiply(states[0], self.recurrent_kernel)
                return y, [y]

        return k.RNN([MinimalRNNCell(4), MinimalRNNCell(3)], return_sequences=True)(x)

    yield entry("guide_own_cell", "RNN of two cells that the user wrote.", seq(), own)
