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

    yield session("tf1_scan", "tf.scan and tf.map_fn: arrays of tensors.", scan, STEPS)

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
