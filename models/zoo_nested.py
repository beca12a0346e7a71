"""The zoo's recurrent layers inside a loop or a branch that the user wrote."""

from zoo import entry
from zoo_inputs import In


def entries():
    series = {"x": In("S", "T", 2)}
    about = "A layer for each sentence of a document, in tf.map_fn, and one over the sentences"
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        yield entry(f"nested_map_{kind.lower()}", f"{about}: {kind}.", series,
                    lambda k, x, kind=kind: getattr(k, kind)(3)(map_over(k, getattr(k, kind)(4, name="inner"))(x)), layers={kind: 2})  # fmt: skip
    yield entry("nested_map_masked", "A masked LSTM, all its steps returned, in tf.map_fn.", series, masked, layers={"LSTM": 1})
    yield entry("nested_map_map", "A GRU in a tf.map_fn in a tf.map_fn.", {"x": In("S", 2, "T", 2)},
                lambda k, x: map_over(k, map_over(k, k.GRU(3, name="inner")))(x), layers={"GRU": 1})  # fmt: skip
    yield entry("nested_decoder", "A loop that runs an LSTM and a dense layer on their own results, its states carried on.", {"x": In("T", 2)},
                lambda k, x: decoder(k, "LSTM")(x), layers={"LSTM": 1})  # fmt: skip
    yield entry("nested_decoder_gru", "The same with a GRU.", {"x": In("T", 2)}, lambda k, x: decoder(k, "GRU")(x), layers={"GRU": 1})
    yield entry("nested_branch", "An LSTM or a GRU, by the values of the input, in tf.cond.", {"x": In("T", 2)}, branch, layers={"LSTM": 1, "GRU": 1})
    yield entry("nested_switch", "One of three layers, by the length of the input, in tf.switch_case.", {"x": In("T", 2)}, switch,
                layers={"LSTM": 1, "GRU": 1, "SimpleRNN": 1})  # fmt: skip
    yield entry("nested_embedding", "Tokens that are looked up in a loop, before its GRU.", {"x": In("S", "T", kind="ids", dtype="int32", high=11)},
                lambda k, x: map_over(k, k.Embedding(11, 3, name="words"), k.GRU(4, name="inner"))(x), layers={"GRU": 1})  # fmt: skip


def map_over(k, *inner):
    """A layer that calls others on x[:, i] for each i, in a loop."""
    import tensorflow as tf

    class MapOver(k.Layer):
        def __init__(self, *inner):
            super().__init__()
            self.inner = list(inner)

        def build(self, shape):
            shape = (shape[0], *shape[2:])
            for layer in self.inner:
                layer.build(shape)
                shape = tuple(layer.compute_output_shape(shape))
            self.built = True

        def each(self, x):
            for layer in self.inner:
                x = layer(x)
            return x

        def call(self, x):
            made = tf.map_fn(self.each, tf.transpose(x, (1, 0, *range(2, len(x.shape)))), fn_output_signature=tf.float32)
            made = tf.transpose(made, (1, 0, *range(2, len(made.shape))))
            return tf.ensure_shape(made, self.compute_output_shape(x.shape))

        def compute_output_shape(self, shape):
            out = (shape[0], *shape[2:])
            for layer in self.inner:
                out = tuple(layer.compute_output_shape(out))
            return (out[0], shape[1], *out[1:])

    return MapOver(*inner)


def masked(k, x):
    import tensorflow as tf

    class Masked(k.Layer):
        def __init__(self):
            super().__init__()
            self.inner = k.LSTM(4, return_sequences=True, name="inner")

        def build(self, shape):
            self.inner.build((shape[0], *shape[2:]))
            self.built = True

        def call(self, x):
            made = tf.map_fn(lambda y: self.inner(y, mask=y[:, :, 0] > -0.5), tf.transpose(x, (1, 0, 2, 3)), fn_output_signature=tf.float32)
            return tf.ensure_shape(tf.transpose(made, (1, 0, 2, 3)), self.compute_output_shape(x.shape))

        def compute_output_shape(self, shape):
            return (*shape[:-1], 4)

    return Masked()(x)


def decoder(k, kind):
    import tensorflow as tf

    class Decoder(k.Layer):
        def __init__(self):
            super().__init__()
            self.inner = getattr(k, kind)(4, return_sequences=True, return_state=True, name="inner")
            self.out = k.Dense(3, name="out")

        def build(self, shape):
            self.inner.build((shape[0], shape[1], shape[2] + 3))
            self.out.build((shape[0], shape[1], 4))
            self.built = True

        def call(self, x):
            def body(i, said, *states):
                y, *states = self.inner(tf.concat((x, said), 2), initial_state=list(states))
                states = [tf.ensure_shape(s, (None, 4)) for s in states]
                return (i + 1, tf.ensure_shape(tf.tanh(self.out(y)), (None, None, 3)), *states)

            batch, steps = tf.shape(x)[0], tf.shape(x)[1]
            start = (0, tf.zeros((batch, steps, 3)), *[tf.zeros((batch, 4))] * (2 if kind == "LSTM" else 1))
            return tf.ensure_shape(tf.while_loop(lambda i, *_: i < 3, body, start)[1], self.compute_output_shape(x.shape))

        def compute_output_shape(self, shape):
            return (*shape[:-1], 3)

    return Decoder()


def chosen(k, layers, call):
    """A layer that runs one of some layers."""

    class Chosen(k.Layer):
        def __init__(self):
            super().__init__()
            self.layers = layers

        def build(self, shape):
            for layer in self.layers:
                layer.build(shape)
            self.built = True

        def call(self, x):
            return call(x, self.layers)

        def compute_output_shape(self, shape):
            return (*shape[:-1], 4)

    return Chosen()


def branch(k, x):
    import tensorflow as tf

    both = [k.LSTM(4, return_sequences=True, name="yes"), k.GRU(4, return_sequences=True, name="no")]
    return chosen(k, both, lambda x, layers: tf.cond(tf.reduce_sum(x) > 0, lambda: layers[0](x), lambda: layers[1](x)))(x)


def switch(k, x):
    import tensorflow as tf

    three = [k.LSTM(4, return_sequences=True, name="first"), k.GRU(4, return_sequences=True, name="second"),
             k.SimpleRNN(4, return_sequences=True, name="third")]  # fmt: skip
    return chosen(k, three, lambda x, layers: tf.switch_case(tf.shape(x)[1] % 3, [lambda i=i: layers[i](x) for i in range(3)]))(x)
