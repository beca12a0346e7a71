"""Exports the structures that make false-alarms fills with random weights: one
SavedModel each, sizes as their names say, of inputs (batch, any steps, features) or
with more axes. Of those whose names begin with loop_ nothing isolates the steps: their
loops are no layer that is known, or compute in 16 bits.

    python faults/models.py OUT
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402

L = keras.layers
KINDS = {
    "lstm": lambda units, **o: L.LSTM(units, **o),
    "gru": lambda units, **o: L.GRU(units, **o),
    "gru_before": lambda units, **o: L.GRU(units, reset_after=False, **o),
    "simplernn": lambda units, **o: L.SimpleRNN(units, **o),
}
UNITS = [1, 2, 3, 5, 8, 13, 24, 32, 47, 64, 100, 128, 200, 256]


def structures():
    """Yields a name, the input's shape after the batch, and a call from the input to the output."""
    yield from recurrent()
    yield from around()
    yield from loops()


def chain(*layers):
    def call(y):
        for layer in layers:
            y = layer(y)
        return y

    return call


def recurrent():
    for kind, layer in KINDS.items():
        for n, units in enumerate(UNITS):
            yield f"{kind}_{units}", (None, 1 + (n * 5) % 9), chain(layer(units, return_sequences=n % 3 != 2))
        yield f"{kind}_7_stacked", (None, 3), chain(layer(7, return_sequences=True), layer(5, return_sequences=True))
        yield f"{kind}_16_bidirectional", (None, 2), chain(L.Bidirectional(layer(16, return_sequences=True)))


def attention(y, heads, size):
    n = L.LayerNormalization()(y)
    y = L.Add()([y, L.MultiHeadAttention(heads, size)(n, n)])
    n = L.LayerNormalization()(y)
    return L.Add()([y, L.Dense(y.shape[-1])(L.Dense(2 * y.shape[-1], activation="gelu")(n))])


def around():
    """The layers after a recurrent layer, or before one."""
    for kind, units, depth in [("lstm", 8, 1), ("gru", 16, 3), ("simplernn", 5, 2), ("lstm", 32, 7)]:
        layers = [KINDS[kind](units, return_sequences=True)]
        for _ in range(depth):
            layers += [L.Dense(units), L.LayerNormalization()]
        yield f"{kind}_{units}_norm_{depth}", (None, 3), chain(*layers)
    for kind, units, blocks in [("lstm", 8, 1), ("gru", 16, 2), ("lstm", 16, 4)]:
        layers = [KINDS[kind](units, return_sequences=True)] + [lambda y: attention(y, 2, 4)] * blocks
        yield f"{kind}_{units}_attention_{blocks}", (None, 3), chain(*layers)
    for kind, units, depth in [("lstm", 6, 5), ("gru", 5, 6), ("gru_before", 4, 4), ("simplernn", 7, 8)]:
        yield f"{kind}_{units}_deep_{depth}", (None, 3), chain(*[KINDS[kind](units, return_sequences=True) for _ in range(depth)])
    yield "lstm_5_batch_norm", (None, 3), chain(L.LSTM(5, return_sequences=True), L.BatchNormalization())
    # The convolution leaves another number of steps than of filters: else TensorFlow's optimizer adds the bias along
    # the other axis, and a check diverges with good reason.
    for filters, steps in [(4, 9), (3, 12)]:
        conv = L.Conv1D(filters, 3, data_format="channels_first")
        yield f"channels_first_{filters}_lstm_5", (2, steps), chain(conv, L.Permute((2, 1)), L.LSTM(5, return_sequences=True))
    yield "conv_6_gru_7", (None, 3), chain(L.Conv1D(6, 3, padding="causal", activation="relu"), L.GRU(7, return_sequences=True))


class NormalizedCell(L.Layer):
    """A cell of its user's own: tanh of a normalized sum, or of a plain one behind a gate."""

    def __init__(self, units, norm, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.norm = L.LayerNormalization(epsilon=1e-3) if norm else None

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")
        self.gate_kernel = self.add_weight(shape=(shape[-1], self.units), name="gate_kernel")
        if self.norm:
            self.norm.build((None, self.units))
        self.built = True

    def call(self, x, states):
        z = keras.ops.matmul(x, self.kernel) + keras.ops.matmul(states[0], self.recurrent_kernel)
        h = keras.ops.tanh(self.norm(z) if self.norm else z)
        gate = keras.ops.sigmoid(keras.ops.matmul(x, self.gate_kernel))
        h = gate * h + (1 - gate) * states[0]
        return h, [h]


def loops():
    for units in (3, 8, 24):
        yield f"loop_own_cell_{units}", (None, 3), chain(L.RNN(NormalizedCell(units, False), return_sequences=True))
        yield f"loop_norm_cell_{units}", (None, 2), chain(L.RNN(NormalizedCell(units, True), return_sequences=units != 8))
    yield "loop_conv_lstm_1d", (None, 5, 2), chain(L.ConvLSTM1D(3, 3, padding="same", return_sequences=True))
    yield "loop_conv_lstm_2d", (None, 4, 4, 1), chain(L.ConvLSTM2D(2, 3, padding="same"))
    for policy in ("mixed_float16", "mixed_bfloat16"):
        for kind, units in [("lstm", 8), ("gru", 5), ("simplernn", 6)]:
            yield f"loop_{policy}_{kind}_{units}", (None, 3), chain(KINDS[kind](units, return_sequences=True, dtype=policy))
        dense = [L.Dense(16, activation="gelu", dtype=policy), L.LayerNormalization(dtype=policy), L.Dense(8, dtype=policy)]
        yield f"loop_{policy}_dense", (None, 3), chain(*dense)
    yield "loop_own_cell_lstm", (None, 3), chain(L.RNN(NormalizedCell(6, False), return_sequences=True), L.LSTM(5, return_sequences=True))


def main(out):
    os.makedirs(out)
    for seed, (name, shape, call) in enumerate(structures()):
        keras.utils.set_random_seed(seed)
        x = keras.Input(shape, name="x")
        model = keras.Model(x, L.Dense(2)(call(x)))
        rng = np.random.default_rng(seed)
        model.set_weights([rng.normal(size=w.shape).astype(np.float32) for w in model.get_weights()])
        model.export(os.path.join(out, name), verbose=False)
    with open(os.path.join(out, "complete"), "w") as f:
        json.dump({"keras": keras.__version__}, f)


if __name__ == "__main__":
    main(sys.argv[1])
