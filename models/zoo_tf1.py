"""The zoo's SavedModels of TensorFlow 1: of sessions, with variables by name and control flow in the graph itself."""

import zlib

import numpy as np

from fixture import Fixture
from zoo_checks import check, check_names, check_values
from zoo_inputs import SIZES, In

RANDOM = 0.4  # the deviation of the weights
BY = "tf.compat.v1.Session"


def session(name, about, build, cases, layers=None, tags=("serve",), signature="serving_default", frozen=False, signatures=None):
    """Makes the recipe of a SavedModel that a session wrote.

    build(tf, rng) makes the graph and returns its inputs and outputs by name. frozen makes constants of its
    variables before it is saved; signatures(inputs, outputs) returns others beside it.
    """

    def recipe(out):
        import tensorflow

        tf = tensorflow.compat.v1
        tf.disable_v2_behavior()
        seed = zlib.crc32(name.encode()) % 9973
        rng = np.random.default_rng(seed)
        graph = tf.Graph()
        with graph.as_default(), tf.Session(graph=graph) as sess:
            tf.set_random_seed(seed)  # of the initial values, which are replaced
            inputs, outputs = build(tf, rng)
            variables = sorted(tf.global_variables(), key=lambda v: v.name)
            sess.run(tf.global_variables_initializer())
            for v in variables:
                v.load(rng.normal(0, RANDOM, size=v.shape.as_list()).astype(v.dtype.base_dtype.as_numpy_dtype), sess)
            sess.run(tf.tables_initializer())
            drawn = {c: {n: x.draw(rng, SIZES[c or ""]) for n, x in given.items()} for c, given in cases.items()}
            model = Session(sess, inputs, outputs)
            for x in drawn.values():
                model.predict_all(x)
            weights = {str(i): sess.run(v) for i, v in enumerate(variables) if not frozen}

            settings = {"layers": layers or {}, "unrolled": 0}
            if signature != "serving_default":
                settings["signature"] = signature
            made = Fixture(name, BY, seed, about, **settings)
            made.settings["loops"] = len({n.attr["frame_name"].s for n in graph.as_graph_def().node if n.op in ("Enter", "RefEnter")})

            def save(path):
                where = (sess, inputs, outputs)
                if frozen:
                    where = freeze(tf, sess, inputs, outputs)
                write(tf, path, *where, tags, signature, signatures)
                check_names(name, sorted(inputs), sorted(outputs), drawn[""], model.predict_all(drawn[""]))
                load_back(name, path, tags, signature, [(x, model.predict_all(x)) for x in drawn.values()])

            made.write(out, model, drawn, (), weights, save)
        import os

        check_values(name, os.path.join(out, name))

    recipe.process = "tf1"  # its switches are for all of a process
    return [(name, recipe)]


class Session:
    """A graph in a session; the same inputs are computed once."""

    outputs = ()  # Fixture.write is not to check once more

    def __init__(self, sess, inputs, outputs):
        self.sess, self.inputs, self.results, self.known = sess, inputs, outputs, {}

    def predict_all(self, inputs):
        if id(inputs) not in self.known:
            fed = {self.inputs[n]: x for n, x in inputs.items()}
            self.known[id(inputs)] = {n: np.asarray(x) for n, x in self.sess.run(self.results, fed).items()}
        return self.known[id(inputs)]


def freeze(tf, sess, inputs, outputs):
    """A session of the same graph with constants for variables."""
    names = [t.op.name for t in outputs.values()]
    frozen = tf.graph_util.convert_variables_to_constants(sess, sess.graph.as_graph_def(), names)
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(frozen, name="")
    there = [{n: graph.get_tensor_by_name(t.name) for n, t in of.items()} for of in (inputs, outputs)]
    return tf.Session(graph=graph), *there


def write(tf, path, sess, inputs, outputs, tags, signature, signatures):
    with sess.graph.as_default():
        builder = tf.saved_model.Builder(path)
        define = tf.saved_model.predict_signature_def
        every = {signature: define(inputs, outputs)}
        for other, (of, to) in (signatures(inputs, outputs) if signatures else {}).items():
            every[other] = define(of, to)
        builder.add_meta_graph_and_variables(sess, list(tags), every, strip_default_attrs=True)
        builder.save()


def load_back(name, path, tags, signature, expected):
    """Calls the SavedModel in a session that knows nothing of the graph before."""
    import tensorflow

    tf = tensorflow.compat.v1
    with tf.Graph().as_default(), tf.Session() as sess:
        meta = tf.saved_model.load(sess, list(tags), path)
        found = meta.signature_def[signature]
        for inputs, outputs in expected:
            fed = {found.inputs[n].name: x for n, x in inputs.items()}
            got = sess.run({n: t.name for n, t in found.outputs.items()}, fed)
            for n, want in outputs.items():
                if got[n].shape != want.shape or np.max(np.abs(got[n] - want), initial=0) > 1e-5 * (1 + np.max(np.abs(want), initial=0)):
                    raise SystemExit(f"{name}: the SavedModel does not compute what the session did: {n}")


def entries():
    yield from plain()
    yield from branches()
    yield from loops()
    yield from cells()


def dense(tf, x, units, name, resource=False, **kwargs):
    with tf.variable_scope(name, use_resource=resource, **kwargs):
        w = tf.get_variable("kernel", (x.shape[-1], units))
        b = tf.get_variable("bias", (units,))
        return tf.nn.bias_add(tf.matmul(x, w), b)


def matrix(tf, features=3, name="x"):
    return tf.placeholder(tf.float32, (None, features), name=name)


def sequence(tf, features=3):
    return tf.placeholder(tf.float32, (None, None, features), name="x")


ROWS = {c: {"x": In(3)} for c in ("", "long", "one")}
STEPS = {c: {"x": In("T", 3)} for c in ("", "long", "one")}


def plain():
    def two_layers(resource):
        def build(tf, rng):
            x = matrix(tf)
            scale = tf.placeholder_with_default(np.float32(0.7), (), name="scale")
            h = tf.tanh(dense(tf, x, 5, "hidden", resource)) * scale
            return {"x": x}, {"y": dense(tf, h, 2, "out", resource), "h": h}

        return build

    yield session("tf1_dense", "Two dense layers of reference variables, and a placeholder with a default.", two_layers(False), ROWS)
    yield session("tf1_dense_resource", "The same of resource variables.", two_layers(True), ROWS)
    yield session("tf1_frozen", "The same, its variables made constants: no folder of variables.", two_layers(False), ROWS, frozen=True)
    yield session("tf1_tags", "The same under tags of its own.", two_layers(False), ROWS, tags=("train", "own"))

    def others(inputs, outputs):
        return {"hidden": (inputs, {"h": outputs["h"]}), "from_hidden": ({"h": outputs["h"]}, {"y": outputs["y"]})}

    yield session("tf1_signatures", "Several signatures, of which one feeds what another computes.", two_layers(False), ROWS,
                  signature="predict", signatures=others)  # fmt: skip

    def fed(tf, rng):
        x = tf.identity(matrix(tf, name="raw") * 2.0, name="scaled")
        a, b = tf.split(tf.placeholder(tf.float32, (None, 4), name="pair"), 2, 1)
        scale = tf.placeholder_with_default(np.float32(0.7), (), name="scale")
        h = tf.concat([dense(tf, x, 3, "one"), a * scale, b], 1)
        return {"x": x, "a": a, "b": b, "scale": scale}, {"y": dense(tf, h, 2, "out")}

    scalar = In("B", kind="normal")
    scalar.dims = ()
    some = {"x": In(3), "a": In(2), "b": In(2), "scale": scalar}
    yield session("tf1_fed", "Inputs that are fed to results of operations and to a placeholder with a default.", fed,
                  {c: some for c in ("", "long", "one")})  # fmt: skip

    def partitioned(tf, rng):
        x = matrix(tf, 7)
        with tf.variable_scope("parts", partitioner=tf.fixed_size_partitioner(3)):
            w = tf.get_variable("kernel", (7, 4), use_resource=False)
        with tf.variable_scope("columns", partitioner=tf.fixed_size_partitioner(2, axis=1)):
            v = tf.get_variable("kernel", (4, 5), use_resource=False)
        return {"x": x}, {"y": tf.tanh(x @ tf.convert_to_tensor(w)) @ tf.convert_to_tensor(v)}

    yield session("tf1_partitioned", "Variables in parts, by rows and by columns.", partitioned, {c: {"x": In(7)} for c in ("", "long", "one")})


def branches():
    def cond(tf, rng):
        x = matrix(tf)
        h = dense(tf, x, 4, "first")
        more = tf.reduce_sum(x) > 0
        a, b = tf.cond(more, lambda: (tf.tanh(h) * 2.0, h[:, :1]), lambda: (h - 1.0, tf.reduce_mean(h, 1, keepdims=True)))
        return {"x": x}, {"y": a + b, "b": b}

    yield session("tf1_cond", "A branch with two results.", cond, ROWS)

    def nested(tf, rng):
        x = matrix(tf)
        h = dense(tf, x, 4, "first")
        big, positive = tf.reduce_max(tf.abs(x)) > 1.0, tf.reduce_sum(x) > 0

        def inner(y):
            return tf.cond(positive, lambda: tf.sigmoid(y), lambda: tf.cond(big, lambda: y * 3.0, lambda: y - 2.0))

        y = tf.cond(big, lambda: inner(h * 0.5), lambda: inner(h) + 1.0)
        z = tf.cond(positive, lambda: y + 1.0, lambda: y * h)
        with tf.control_dependencies([tf.Assert(tf.reduce_all(x < 100.0), ["too large"])]):
            return {"x": x}, {"y": tf.identity(y), "z": z + 0.0}

    yield session("tf1_cond_nested", "Branches in branches, one after the other on one condition, and an assertion.", nested, ROWS)

    def case(tf, rng):
        x = matrix(tf)
        h = dense(tf, x, 4, "first")
        s = tf.reduce_sum(x)
        y = tf.case([(s > 1.0, lambda: tf.nn.relu(h)), (s > -1.0, lambda: h * h)], default=lambda: -h, exclusive=False)
        return {"x": x}, {"y": y}

    yield session("tf1_case", "A choice of three, as branches in branches.", case, ROWS)


def loops():
    def until(tf, rng):
        x = matrix(tf, 4)
        with tf.variable_scope("step", use_resource=False):
            w, b = tf.get_variable("kernel", (4, 4)), tf.get_variable("bias", (4,))

        def body(n, h, total):
            h = tf.tanh(h @ w + b)
            return n + 1, h, total + h

        n, h, total = tf.while_loop(lambda n, h, _: (n < 12) & (tf.reduce_max(tf.abs(h)) > 0.35), body, (0, x, tf.zeros_like(x)))
        return {"x": x}, {"steps": n, "h": h, "total": total}

    rows = {c: {"x": In(4)} for c in ("", "long", "one")}
    yield session("tf1_while", "A loop whose length depends on the values, with three results.", until, rows)

    def nested(tf, rng):
        x = matrix(tf, 4)
        with tf.variable_scope("step", use_resource=False):
            w = tf.get_variable("kernel", (4, 4))

        def outer(i, h):
            def inner(k, g):
                g = tf.cond(tf.equal(k, 1), lambda: tf.sin(g @ w), lambda: g * tf.cast(i + 1, tf.float32))
                return k + 1, tf.tanh(g + x)

            _, h = tf.while_loop(lambda k, _: k < i + 1, inner, (0, h))
            return i + 1, h * 0.9

        _, h = tf.while_loop(lambda i, _: i < 3, outer, (0, x))
        h = tf.cond(tf.reduce_sum(h) > 0, lambda: tf.while_loop(lambda i, _: i < 2, outer, (0, h))[1], lambda: h)
        return {"x": x}, {"h": h}

    yield session("tf1_while_nested", "A loop in a loop, a branch in both, and a loop in a branch.", nested, rows)

    def scan(tf, rng):
        x = sequence(tf)
        with tf.variable_scope("step", use_resource=False):
            w, b = tf.get_variable("kernel", (3 + 4, 4)), tf.get_variable("bias", (4,))
        start = tf.zeros((tf.shape(x)[0], 4))
        h = tf.scan(lambda h, x: tf.tanh(tf.concat([x, h], 1) @ w + b), tf.transpose(x, (1, 0, 2)), start)
        squares = tf.map_fn(lambda row: tf.reduce_sum(row * row, 0), x)
        return {"x": x}, {"h": tf.transpose(h, (1, 0, 2)), "squares": squares}

    yield session("tf1_scan", "tf.scan, which runs a SimpleRNN by hand, and tf.map_fn: arrays of tensors.", scan, STEPS, {"SimpleRNN": 1})

    def arrays(tf, rng):
        x = matrix(tf, 4)
        n = tf.shape(x)[0]
        a = tf.TensorArray(tf.float32, n, element_shape=(4,), clear_after_read=False).unstack(x)
        b = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=(4,), infer_shape=False)

        def body(i, b):
            return i + 1, b.write(i, tf.cumsum(a.read(n - 1 - i)))

        _, b = tf.while_loop(lambda i, _: i < n, body, (0, b))
        lengths = tf.stack([n - n // 2, n // 2])
        parts = tf.TensorArray(tf.float32, 2, infer_shape=False).split(x, lengths)
        joined = tf.TensorArray(tf.float32, 2, infer_shape=False, element_shape=(None, 4)).write(0, parts.read(1)).write(1, parts.read(0)).concat()
        return {"x": x}, {"sums": b.stack(), "n": b.size(), "joined": joined, "some": a.gather([n - 1, 0])}

    yield session("tf1_arrays", "Every operation on arrays of tensors.", arrays, rows)


def lengths(tf):
    return tf.placeholder(tf.int32, (None,), name="lengths")


class Lengths(In):
    """How many steps each row has: none, all, and between."""

    def __init__(self):
        super().__init__("B", dtype="int32")

    def draw(self, rng, sizes):
        n = rng.integers(1, sizes["T"] + 1, size=sizes["B"])
        n[:1], n[1:2] = sizes["T"] - sizes["T"] // 3, 0
        return n.astype(np.int32)


PADDED = {c: {"x": In("T", 3), "lengths": Lengths()} for c in ("", "long", "one")}


def cells():
    def of(make, given=(), resource=False, float64=False, **kwargs):
        """An RNN of cells over a sequence, with lengths if they are given; make(cells) makes the cell."""

        def build(tf, rng):
            from tf_keras.src.layers.rnn import legacy_cell_wrappers, legacy_cells

            legacy_cells.DropoutWrapper = legacy_cell_wrappers.DropoutWrapper
            x = tf.placeholder(tf.float64 if float64 else tf.float32, (None, None, 3), name="x")
            inputs = {"x": x}
            options = dict(kwargs)
            if "lengths" in given:
                inputs["lengths"] = options["sequence_length"] = lengths(tf)
            with references(not resource):
                cell = make(legacy_cells)
                if "state" in given:
                    inputs["c"], inputs["h"] = matrix(tf, 4, "c"), matrix(tf, 4, "h")
                    options["initial_state"] = legacy_cells.LSTMStateTuple(inputs["c"], inputs["h"])
                over = x
                if options.get("time_major"):
                    over = tf.transpose(x, (1, 0, 2))
                y, state = tf.nn.dynamic_rnn(cell, over, dtype=x.dtype, **options)
            flat = tf.nest.flatten(state)
            return inputs, {"y": y, **{f"state_{i}": t for i, t in enumerate(flat)}}

        return build

    def lstm(k):
        return k.BasicLSTMCell(4)

    yield session("tf1_basic_lstm", "BasicLSTMCell: gates i, j, f, o of one matrix, and a forget bias of one.", of(lstm), STEPS, {"LSTM": 1})
    yield session("tf1_basic_lstm_resource", "The same of resource variables.", of(lstm, resource=True), STEPS, {"LSTM": 1})
    yield session("tf1_basic_lstm_frozen", "The same of constants.", of(lstm), STEPS, {"LSTM": 1}, frozen=True)
    yield session("tf1_basic_lstm_float64", "The same in float64.", of(lstm, float64=True),
                  {c: {"x": In("T", 3, dtype="float64")} for c in ("", "long", "one")}, {"LSTM": 1})  # fmt: skip
    yield session("tf1_basic_lstm_lengths", "The same with lengths: zeros and the last state beyond them.", of(lstm, ["lengths"]), PADDED)
    state = {c: {"x": In("T", 3), "c": In(4), "h": In(4)} for c in ("", "long", "one")}
    yield session("tf1_basic_lstm_state", "The same with an initial state.", of(lstm, ["state"]), state, {"LSTM": 1})
    yield session("tf1_basic_lstm_time_major", "The same, time before batch.", of(lstm, time_major=True), STEPS, {"LSTM": 1})
    yield session("tf1_basic_lstm_joined_state", "The same with c and h in one tensor: no cell that is known.",
                  of(lambda k: k.BasicLSTMCell(4, state_is_tuple=False)), STEPS)  # fmt: skip
    yield session("tf1_lstm", "LSTMCell with another forget bias and another activation.", of(lambda k: k.LSTMCell(4, forget_bias=0.5, activation="relu")), STEPS,
                  {"LSTM": 1})  # fmt: skip
    yield session("tf1_lstm_peepholes", "LSTMCell with peepholes: no cell that is known.", of(lambda k: k.LSTMCell(4, use_peepholes=True)), STEPS)
    yield session("tf1_lstm_projection", "LSTMCell with a projection: no cell that is known.", of(lambda k: k.LSTMCell(4, num_proj=2)), STEPS)
    yield session("tf1_gru", "GRUCell: reset before the product.", of(lambda k: k.GRUCell(4)), STEPS, {"GRU": 1})
    yield session("tf1_gru_lengths", "The same with lengths.", of(lambda k: k.GRUCell(4), ["lengths"]), PADDED)
    yield session("tf1_rnn", "BasicRNNCell.", of(lambda k: k.BasicRNNCell(4)), STEPS, {"SimpleRNN": 1})
    yield session("tf1_rnn_lengths", "The same with lengths.", of(lambda k: k.BasicRNNCell(4), ["lengths"]), PADDED)

    def stack(k):
        return k.MultiRNNCell([k.BasicLSTMCell(4), k.GRUCell(5), k.BasicRNNCell(3)])

    yield session("tf1_stacked", "MultiRNNCell of three kinds.", of(stack), STEPS, {"LSTM": 1, "GRU": 1, "SimpleRNN": 1})
    yield session("tf1_stacked_lengths", "The same with lengths.", of(stack, ["lengths"]), PADDED)

    def bidirectional(given):
        def build(tf, rng):
            from tf_keras.src.layers.rnn import legacy_cells

            x = sequence(tf)
            inputs = {"x": x} | ({"lengths": lengths(tf)} if given else {})
            with references(True):
                both = [legacy_cells.GRUCell(4), legacy_cells.BasicLSTMCell(5)]
                y, states = tf.nn.bidirectional_dynamic_rnn(*both, x, inputs.get("lengths"), dtype=tf.float32)
            flat = tf.nest.flatten(states)
            return inputs, {"y": tf.concat(y, 2), **{f"state_{i}": t for i, t in enumerate(flat)}}

        return build

    yield session("tf1_bidirectional", "bidirectional_dynamic_rnn of two kinds.", bidirectional(False), STEPS, {"GRU": 1, "LSTM": 1})
    yield session("tf1_bidirectional_lengths", "The same with lengths: each row reversed by its own.", bidirectional(True), PADDED)

    def static(tf, rng):
        from tf_keras.src.layers.rnn import legacy_cells

        x = tf.placeholder(tf.float32, (None, 5, 3), name="x")
        with references(True):
            y, state = tf.nn.static_rnn(legacy_cells.BasicLSTMCell(4), tf.unstack(x, axis=1), dtype=tf.float32)
        return {"x": x}, {"y": tf.stack(y, 1), "c": state.c, "h": state.h}

    def block(name, cell):
        def build(tf, rng):
            x = sequence(tf)
            with tf.variable_scope("block", use_resource=False):
                sizes = {"w": (7, 16), "b": (16,), "wci": (4,), "wcf": (4,), "wco": (4,), "w_ru": (7, 8), "w_c": (7, 4), "b_ru": (8,), "b_c": (4,)}
                sizes = {k: s for k, s in sizes.items() if ("_" in k) == (name == "GRUBlockCell")}
                w = {k: tf.get_variable(k, s) for k, s in sizes.items()}
            steps, rows = tf.shape(x)[1], tf.shape(x)[0]
            return {"x": x}, cell(tf, w, tf.transpose(x, (1, 0, 2)), steps, tf.zeros((rows, 4)))

        return build

    def fused(tf, w, x, steps, zeros):
        out = tf.raw_ops.BlockLSTM(seq_len_max=tf.cast(steps, tf.int64), x=x, cs_prev=zeros, h_prev=zeros, **w, use_peephole=False, cell_clip=-1.0)
        return {"y": tf.transpose(out.h, (1, 0, 2)), "c": out.cs[-1], "h": out.h[-1]}

    def peepholes(tf, w, x, steps, zeros):
        out = tf.raw_ops.BlockLSTMV2(seq_len_max=tf.cast(steps, tf.int64), x=x, cs_prev=zeros, h_prev=zeros, **w, use_peephole=True, cell_clip=0.5)
        return {"y": tf.transpose(out.h, (1, 0, 2)), "c": out.cs[-1]}

    def loop(step, states):
        def cell(tf, w, x, steps, zeros):
            outputs = tf.TensorArray(tf.float32, steps, element_shape=(None, 4))
            items = tf.TensorArray(tf.float32, steps).unstack(x)

            def body(t, outputs, *state):
                state = step(tf, w, items.read(t), *state)
                return t + 1, outputs.write(t, state[-1]), *state

            _, outputs, *state = tf.while_loop(lambda t, *_: t < steps, body, (0, outputs) + (zeros,) * states)
            return {"y": tf.transpose(outputs.stack(), (1, 0, 2)), **{f"state_{i}": s for i, s in enumerate(state)}}

        return cell

    def lstm_step(tf, w, x, c, h):
        out = tf.raw_ops.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, **w)
        return out.cs, out.h

    def gru_step(tf, w, x, h):
        return (tf.raw_ops.GRUBlockCell(x=x, h_prev=h, **w).h,)

    yield session("tf1_block_lstm", "LSTMBlockFusedCell: BlockLSTM, all steps in one operation.", block("BlockLSTM", fused), STEPS)
    yield session("tf1_block_lstm_v2", "BlockLSTMV2 with peepholes, which clips its states.", block("BlockLSTMV2", peepholes), STEPS)
    yield session("tf1_lstm_block_cell", "LSTMBlockCell in a loop.", block("LSTMBlockCell", loop(lstm_step, 2)), STEPS)
    yield session("tf1_gru_block_cell", "GRUBlockCell in a loop.", block("GRUBlockCell", loop(gru_step, 1)), STEPS)
    yield session("tf1_static", "static_rnn: every step written out.", static, {c: {"x": In(5, 3)} for c in ("", "long", "one")})


class references:
    """Has Keras's cells make variables of references instead of resources, as TensorFlow 1's own did."""

    def __init__(self, on):
        self.on = on

    def __enter__(self):
        from tf_keras.src.engine import base_layer

        self.layer, self.before = base_layer.Layer, base_layer.Layer.add_weight
        if self.on:
            before = self.before
            self.layer.add_weight = lambda layer, *args, **kwargs: before(layer, *args, **{**kwargs, "use_resource": False})

    def __exit__(self, *_):
        self.layer.add_weight = self.before
