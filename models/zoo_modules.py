"""The zoo's SavedModels without a Keras model, or with signatures of their own."""

import numpy as np

from zoo import module
from zoo_inputs import In

RANDOM = 0.4  # the deviation of the weights


def entries():
    yield from loops()
    yield from signatures()


def variables(tf, rng, **shapes):
    return {n: tf.Variable(rng.normal(0, RANDOM, size=s).astype(np.float32), name=n) for n, s in shapes.items()}


def gru_step(tf, w, x, h):
    """The GRU of the textbooks: reset before the matrix, three matrices for three gates."""
    xh = tf.concat([x, h], 1)
    r = tf.sigmoid(xh @ w["reset"] + w["reset_bias"])
    z = tf.sigmoid(xh @ w["update"] + w["update_bias"])
    g = tf.tanh(tf.concat([x, r * h], 1) @ w["candidate"] + w["candidate_bias"])
    return z * h + (1 - z) * g


def gru_variables(tf, rng):
    gates = {n: (3 + 4, 4) for n in ("reset", "update", "candidate")}
    return variables(tf, rng, **gates, **{n + "_bias": (4,) for n in gates})


def make(tf, w, functions):
    """A module with these variables, its signatures, and its variables in order."""
    m = tf.Module()
    m.w = w
    m.functions = list(functions.values())
    return m, functions, list(w.values())


def concrete(tf, call, *specs):
    return tf.function(call).get_concrete_function(*[tf.TensorSpec(shape, dtype, name=name) for name, shape, dtype in specs])


def archive(model, **endpoints):
    """A Keras 3 model with signatures of its own, each a call and its specs."""
    import keras

    made = keras.export.ExportArchive()
    made.track(model)
    for name, (call, *specs) in endpoints.items():
        made.add_endpoint(name, call, input_signature=specs)
    return made


X = ("x", (None, None, 3), "float32")


def loops():
    def while_gru(rng):
        import tensorflow as tf

        w = gru_variables(tf, rng)

        def call(x):
            steps, batch = tf.shape(x)[1], tf.shape(x)[0]
            outputs = tf.TensorArray(tf.float32, steps, element_shape=(None, 4))

            def body(t, h, outputs):
                h = gru_step(tf, w, x[:, t], h)
                return t + 1, h, outputs.write(t, h)

            start = (0, tf.zeros((batch, 4)), outputs)
            _, h, outputs = tf.while_loop(lambda t, *_: t < steps, body, start)
            return {"all": tf.transpose(outputs.stack(), (1, 0, 2)), "last": h}

        return make(tf, w, {"serving_default": concrete(tf, call, X)})

    cases = {c: ("serving_default", {"x": In("T", 3)}) for c in ("", "long", "one")}
    by = "tf.saved_model.save of a tf.Module"
    yield module("module_while_gru", "A GRU by hand in tf.while_loop.", while_gru, by, cases, {"hand": 1})

    def scan_gru(rng):
        import tensorflow as tf

        w = gru_variables(tf, rng)

        def call(x):
            start = tf.zeros((tf.shape(x)[0], 4))
            h = tf.scan(lambda h, x: gru_step(tf, w, x, h), tf.transpose(x, (1, 0, 2)), start)
            return {"all": tf.transpose(h, (1, 0, 2))}

        return make(tf, w, {"serving_default": concrete(tf, call, X)})

    yield module("module_scan_gru", "A GRU by hand in tf.scan.", scan_gru, by, cases, {"hand": 1})

    def autograph_lstm(rng):
        import tensorflow as tf

        w = variables(tf, rng, kernel=(3 + 5, 20), bias=(20,), out=(5, 2))

        def call(x):
            h = c = tf.zeros((tf.shape(x)[0], 5))
            for t in tf.range(tf.shape(x)[1]):
                # The order of TensorFlow 1's LSTMCell: i, g, f, o, and a forget bias of one.
                i, g, f, o = tf.split(tf.concat([x[:, t], h], 1) @ w["kernel"] + w["bias"], 4, 1)
                c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(g)
                h = tf.sigmoid(o) * tf.tanh(c)
            return {"y": h @ w["out"], "state_h": h, "state_c": c}

        return make(tf, w, {"serving_default": concrete(tf, call, X)})

    yield module("module_autograph_lstm", "An LSTM by hand, gates in TensorFlow 1's order, in a Python loop that AutoGraph turns.",
                 autograph_lstm, by, cases, {"hand": 1})  # fmt: skip

    def until(rng):
        import tensorflow as tf

        w = variables(tf, rng, kernel=(4, 4), bias=(4,))

        def call(x):
            def body(n, h):
                return n + 1, tf.tanh(h @ w["kernel"] + w["bias"])

            n, h = tf.while_loop(lambda n, h: (n < 12) & (tf.reduce_max(tf.abs(h)) > 0.35), body, (0, x))
            return {"steps": n, "h": h}

        return make(tf, w, {"serving_default": concrete(tf, call, ("x", (None, 4), "float32"))})

    some = {c: ("serving_default", {"x": In(4)}) for c in ("", "long", "one")}
    yield module("module_until", "A loop whose length depends on the values.", until, by, some)

    def branch(rng):
        import tensorflow as tf

        w = gru_variables(tf, rng)

        def call(x):
            h = tf.zeros((tf.shape(x)[0], 4))
            return {"h": tf.cond(tf.reduce_sum(x[:, 0]) > 0, lambda: gru_step(tf, w, x[:, 0], h), lambda: h - x[:, 0, :1])}

        return make(tf, w, {"serving_default": concrete(tf, call, X)})

    yield module("module_branch", "A branch (tf.cond) around a step.", branch, by, cases)


def signatures():
    def keras_model(rng, tf_keras):
        if tf_keras:
            import tf_keras as keras
        else:
            import keras

        k = keras.layers
        x, h, c = keras.Input((None, 3), name="x"), keras.Input((4,), name="h"), keras.Input((4,), name="c")
        y = k.LSTM(4, return_sequences=True, return_state=True)(x, initial_state=[h, c])
        model = keras.Model([x, h, c], [k.Dense(2)(y[0]), *y[1:]])
        model.set_weights([rng.normal(0, RANDOM, w.shape).astype(np.float32) for w in model.get_weights()])
        return model

    def one(tf_keras):
        def build(rng):
            import tensorflow as tf

            model = keras_model(rng, tf_keras)

            def call(x):
                zeros = tf.zeros((tf.shape(x)[0], 4))
                y, h, c = model([x, zeros, zeros], training=False)
                return {"y": y, "h": h, "c": c}

            return model, {"forecast": concrete(tf, call, X)}, model.weights

        return build

    cases = {c: ("forecast", {"x": In("T", 3)}) for c in ("", "long", "one")}
    # Of a Keras 3 model, this leaves the variables out of what TensorFlow restores: only Python can use what it saves.
    for tf_keras, name in ((False, "keras3"), (True, "tfkeras")):
        by = f"tf.saved_model.save of a {'tf_keras' if tf_keras else 'Keras 3'} model"
        yield module(f"signature_own_{name}", "One signature, which is not called serving_default.", one(tf_keras), by, cases, {"LSTM": 1})

    def two(rng):
        import tensorflow as tf

        model = keras_model(rng, False)

        def begin(x):
            zeros = tf.zeros((tf.shape(x)[0], 4))
            y, h, c = model([x, zeros, zeros], training=False)
            return {"y": y, "h": h, "c": c}

        def go_on(x, h, c):
            y, h, c = model([x, h, c], training=False)
            return {"y": y, "next-h": h, "next-c": c}

        state = [(n, (None, 4), "float32") for n in ("h", "c")]
        functions = {"serving_default": concrete(tf, begin, X), "go_on": concrete(tf, go_on, X, *state)}
        specs = [tf.TensorSpec(shape, dtype, name) for name, shape, dtype in (X, *state)]
        return archive(model, serving_default=(begin, specs[0]), go_on=(go_on, *specs)), functions, model.weights

    more = {"x": In("T", 3), "h": In(4), "c": In(4)}
    cases = {"": ("serving_default", {"x": In("T", 3)}), "long": ("go_on", more), "one": ("go_on", more)}
    yield module("signature_two", "Two signatures over one set of weights: begin, and go on from given states.", two,
                 "keras ExportArchive", cases, {"LSTM": 1})  # fmt: skip

    def names(rng):
        import tensorflow as tf

        w = variables(tf, rng, kernel=(3, 2))

        def call(**x):
            (x,) = x.values()
            return {"m.out": x @ w["kernel"], "a/out": tf.reduce_sum(x, 1)}

        spec = {"a_in": tf.TensorSpec((None, 3), name="a-in")}
        return make(tf, w, {"serving_default": tf.function(call).get_concrete_function(**spec)})

    yield module("signature_names", "Names of an input and of outputs that Python does not take.", names, "tf.saved_model.save of a tf.Module",
                 {c: ("serving_default", {"a-in": In(3)}) for c in ("", "long")})  # fmt: skip
