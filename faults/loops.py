"""The families of loops: those that are no known layer, and those with layers inside."""

import keras
import tensorflow as tf
from families import KINDS, recurrent
from structure import In, chain, family

L = keras.layers


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


class BranchInLoop(Loop):
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


@family(steps=(1, 60), gain=1.0, loop=True)
def attention_decoder(r):
    return {"x": In(None, r.near(1, 6))}, chain(AttentionDecoder(r.near(2, 24)))


@family(steps=(1, 60), gain=1.0, loop=True, decided=True)
def crf(r):
    return {"x": In(None, r.near(1, 6))}, chain(CRF(r.near(2, 12)))


@family(steps=(1, 60), gain=1.0, loop=True, decided=True)
def beam_search(r):
    return {"x": In(None, r.near(1, 6))}, chain(BeamSearch(r.near(2, 16)))


@family(steps=(1, 60), gain=1.0, loop=True, decided=True)
def until(r):
    return {"x": In(None, r.near(1, 6))}, chain(Until(r.near(2, 24)))


@family(steps=(1, 60), gain=1.0, loop=True, decided=True)
def branch_in_loop(r):
    return {"x": In(None, r.near(1, 6))}, chain(BranchInLoop(r.near(2, 24)))


@family(steps=(1, 60), gain=1.0, loop=True)
def nested_loop(r):
    return {"x": In(None, r.near(1, 6))}, chain(Nested(r.near(2, 16)))


@family(steps=(1, 100))
def mapped_layer(r):
    return {"x": In(None, r.whole(2, 5), r.near(1, 4))}, chain(MapOver(recurrent(r, 16), 2))


@family(steps=(1, 60))
def layer_mapped_twice(r):
    return {"x": In(None, r.whole(2, 3), r.whole(2, 3), r.near(1, 3))}, chain(MapOver(MapOver(recurrent(r, 8), 2), 2))


@family(steps=(1, 60))
def layer_in_decoder(r):
    return {"x": In(None, r.near(1, 5))}, chain(Decoder(r.one(*KINDS), r.near(2, 24), r.whole(2, 4)))


@family(steps=(1, 100))
def layer_in_branch(r):
    units = r.near(2, 16)
    one, other = (KINDS[r.one(*KINDS)](units, return_sequences=True) for _ in range(2))
    return {"x": In(None, r.near(1, 5))}, chain(Branch(one, other))
