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
import tensorflow as tf  # noqa: E402

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
    yield from nested()


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


class Loop(L.Layer):
    """A layer with a loop of its own, and weights that are made when they are asked for."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        for name, wanted in self.shapes(shape[-1], self.units).items():
            recurrent = "recurrent_kernel" if name in ("h", "moves") else f"kernel_{name}"
            setattr(self, name, self.add_weight(shape=wanted, name=recurrent))
        self.built = True

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def scan(self, step, first, x):
        """Runs step(state, item) over the time steps of x (batch, steps, features)."""
        last, out = keras.ops.scan(step, first, keras.ops.transpose(x, (1, 0, 2)))
        return last, keras.ops.transpose(out, (1, 0, 2))

    def zeros(self, x):
        return keras.ops.zeros((keras.ops.shape(x)[0], self.units))


class AttentionDecoder(Loop):
    """Each step attends to all items, with the state before it as the query."""

    def shapes(self, features, units):
        return {"keys": (features, units), "query": (units, units), "score": (units, 1), "x": (2 * features, units), "h": (units, units)}

    def call(self, x):
        keys = keras.ops.matmul(x, self.keys)

        def step(h, item):
            query = keras.ops.expand_dims(keras.ops.matmul(h, self.query), 1)
            weights = keras.ops.softmax(keras.ops.matmul(keras.ops.tanh(keys + query), self.score), axis=1)
            seen = keras.ops.sum(weights * x, axis=1)
            z = keras.ops.matmul(keras.ops.concatenate([item, seen], axis=-1), self.x)
            h = keras.ops.tanh(z + keras.ops.matmul(h, self.h))
            return h, h

        return self.scan(step, self.zeros(x), x)[1]


class CRF(Loop):
    """The forward algorithm, and the best path by Viterbi's."""

    def shapes(self, features, units):
        return {"emit": (features, units), "moves": (units, units)}

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2 * self.units)

    def call(self, x):
        emitted = keras.ops.matmul(x, self.emit)

        def forward(before, item):
            now = keras.ops.logsumexp(keras.ops.expand_dims(before, 2) + self.moves, axis=1) + item
            return now, now

        def best(before, item):
            scores = keras.ops.expand_dims(before, 2) + self.moves
            came_from = keras.ops.cast(keras.ops.argmax(scores, axis=1), "float32")
            return keras.ops.max(scores, axis=1) + item, came_from

        def back(at, pointers):
            tag = tf.gather(pointers, keras.ops.argmax(at, axis=1), batch_dims=1)
            at = keras.ops.one_hot(keras.ops.cast(tag, "int32"), self.units)
            return at, at

        last, pointers = self.scan(best, self.zeros(x), emitted)
        path = self.scan(back, keras.ops.one_hot(keras.ops.argmax(last, axis=1), self.units), keras.ops.flip(pointers, axis=1))[1]
        return keras.ops.concatenate([self.scan(forward, self.zeros(x), emitted)[1], keras.ops.flip(path, axis=1)], axis=-1)


class BeamSearch(Loop):
    """Three beams of five symbols, until as many steps as the input has or all are done."""

    def shapes(self, features, units):
        return {"x": (features, units), "h": (units, units), "symbols": (5, units), "logits": (units, 5)}

    def compute_output_shape(self, shape):
        return (shape[0], 3, self.units + 1)

    def call(self, x):
        ops, beams = keras.ops, 3
        batch, steps = ops.shape(x)[0], ops.shape(x)[1]
        h = ops.repeat(ops.expand_dims(ops.tanh(ops.matmul(ops.mean(x, axis=1), self.x)), 1), beams, axis=1)
        scores = ops.repeat(ops.expand_dims(ops.convert_to_tensor([0.0, -1e3, -1e3]), 0), batch, axis=0)
        done = ops.zeros((batch, beams), "bool")

        def on(k, h, scores, done):
            return ops.logical_and(ops.less(k, steps), ops.logical_not(ops.all(done)))

        def step(k, h, scores, done):
            p = ops.log_softmax(ops.matmul(h, self.logits))
            p = ops.where(ops.expand_dims(done, -1), ops.zeros_like(p), p)
            scores, best = ops.top_k(ops.reshape(ops.expand_dims(scores, -1) + p, (-1, 5 * beams)), beams)
            beam, symbol = ops.floor_divide(best, 5), ops.mod(best, 5)
            h = ops.tanh(ops.matmul(tf.gather(h, beam, batch_dims=1), self.h) + ops.take(self.symbols, symbol, axis=0))
            done = ops.logical_or(tf.gather(done, beam, batch_dims=1), ops.equal(symbol, 4))
            return k + 1, h, scores, done

        _, h, scores, _ = ops.while_loop(on, step, (0, h, scores, done))
        return ops.concatenate([h, ops.expand_dims(scores, -1)], axis=-1)


class Until(Loop):
    """As many steps as it takes until the state hardly changes."""

    def shapes(self, features, units):
        return {"x": (features, units), "h": (units, units)}

    def compute_output_shape(self, shape):
        return (shape[0], self.units)

    def call(self, x):
        ops = keras.ops
        z = ops.matmul(ops.mean(x, axis=1), self.x)

        def on(k, h, change):
            return ops.logical_and(ops.less(k, 60), ops.greater(ops.max(ops.abs(change)), 1e-2))

        def step(k, h, change):
            new = ops.tanh(z + 0.3 * ops.matmul(h, self.h))
            return k + 1, new, new - h

        return ops.while_loop(on, step, (0, ops.zeros_like(z), ops.ones_like(z)))[1]


class Branch(Loop):
    """A loop whose steps take one of two branches."""

    def shapes(self, features, units):
        return {"x": (features, units), "h": (units, units)}

    def call(self, x):
        def step(h, item):
            z = keras.ops.matmul(item, self.x)
            h = keras.ops.cond(keras.ops.sum(item) > 0, lambda: keras.ops.tanh(z + keras.ops.matmul(h, self.h)), lambda: h * keras.ops.sigmoid(z))
            return h, h

        return self.scan(step, self.zeros(x), x)[1]


class Nested(Loop):
    """A loop in a loop."""

    def shapes(self, features, units):
        return {"x": (features, units), "h": (units, units)}

    def call(self, x):
        def step(h, item):
            z = keras.ops.matmul(item, self.x)
            inner = lambda k, y: (k + 1, keras.ops.tanh(z + keras.ops.matmul(y, self.h)))
            h = keras.ops.while_loop(lambda k, y: keras.ops.less(k, 3), inner, (0, h))[1]
            return h, h

        return self.scan(step, self.zeros(x), x)[1]


LOOPS = {"attention_decoder": AttentionDecoder, "crf": CRF, "beam_search": BeamSearch, "until": Until}


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
    for name, units in [("attention_decoder", 4), ("attention_decoder", 12), ("crf", 3), ("crf", 9), ("beam_search", 5), ("until", 6)]:
        yield f"loop_{name}_{units}", (None, 3), chain(LOOPS[name](units))
    yield "loop_branch_5", (None, 3), chain(Branch(5))
    yield "loop_nested_4", (None, 3), chain(Nested(4))
    yield "loop_own_cell_lstm", (None, 3), chain(L.RNN(NormalizedCell(6, False), return_sequences=True), L.LSTM(5, return_sequences=True))


class MapOver(L.Layer):
    """Calls a layer for each part of an axis, in a loop."""

    def __init__(self, inner, axis):
        super().__init__()
        self.inner, self.axis = inner, axis

    def part(self, shape):
        return tuple(shape[: self.axis]) + tuple(shape[self.axis + 1 :])

    def build(self, shape):
        self.inner.build(self.part(shape))
        self.built = True

    def call(self, x):
        axes = [self.axis] + [i for i in range(len(x.shape)) if i != self.axis]
        y = tf.map_fn(self.inner, tf.transpose(x, axes), fn_output_signature=tf.float32)
        return tf.ensure_shape(tf.reduce_mean(y, 0), self.compute_output_shape(x.shape))

    def compute_output_shape(self, shape):
        return tuple(self.inner.compute_output_shape(self.part(shape)))


class Decoder(L.Layer):
    """Runs a layer and a dense one a few times on their own results, and carries the states on."""

    def __init__(self, kind, units, times):
        super().__init__()
        self.inner, self.out = KINDS[kind](units, return_sequences=True, return_state=True), L.Dense(2)
        self.units, self.times, self.states = units, times, 2 if kind == "lstm" else 1

    def build(self, shape):
        self.inner.build((shape[0], shape[1], shape[2] + 2))
        self.out.build((shape[0], shape[1], self.units))
        self.built = True

    def call(self, x):
        def body(i, said, *states):
            y, *states = self.inner(tf.concat((x, said), 2), initial_state=list(states))
            return (i + 1, tf.ensure_shape(tf.tanh(self.out(y)), (None, None, 2)), *[tf.ensure_shape(s, (None, self.units)) for s in states])

        batch, steps = tf.shape(x)[0], tf.shape(x)[1]
        start = (0, tf.zeros((batch, steps, 2)), *[tf.zeros((batch, self.units))] * self.states)
        said = tf.while_loop(lambda i, *_: i < self.times, body, start)[1]
        return tf.ensure_shape(said, self.compute_output_shape(x.shape))

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)


class Branch(L.Layer):
    """Runs one of two layers, by the values of the input."""

    def __init__(self, one, other):
        super().__init__()
        self.one, self.other = one, other

    def build(self, shape):
        self.one.build(shape)
        self.other.build(shape)
        self.built = True

    def call(self, x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: self.one(x), lambda: self.other(x))

    def compute_output_shape(self, shape):
        return self.one.compute_output_shape(shape)


def nested():
    """Layers inside loops and branches: over the steps, over another axis, on their own results, in a branch."""
    for kind, units in [("lstm", 4), ("lstm", 32), ("gru", 9), ("gru_before", 6), ("simplernn", 12)]:
        yield f"nested_map_{kind}_{units}", (None, 4, 3), chain(MapOver(KINDS[kind](units, return_sequences=units % 2 == 0), 2))
        yield f"nested_steps_{kind}_{units}", (None, 5, 2), chain(MapOver(KINDS[kind](units), 1), L.RepeatVector(2))
        yield f"nested_decoder_{kind}_{units}", (None, 3), chain(Decoder(kind, units, 2 + units % 3))
    for one, other in [("lstm", "gru"), ("simplernn", "lstm")]:
        yield f"nested_branch_{one}_{other}", (None, 3), chain(Branch(KINDS[one](8, return_sequences=True), KINDS[other](8, return_sequences=True)))
    yield "nested_map_map_gru_5", (None, 2, 3, 2), chain(MapOver(MapOver(L.GRU(5, return_sequences=True), 2), 2))


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
