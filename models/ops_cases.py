"""Runs single operations in TensorFlow's own kernels and keeps the cases.

A case is one operation, or a few, with attributes, inputs and either the
outputs or the fact that TensorFlow raises:

    cases = Cases()
    cases.add("name", "Tile", [x, multiples])                       # bit for bit
    cases.add("name", "MatMul", [a, b], tolerance=1e-6, transpose_a=True)
    cases.write(folder, "ops_shape")                                # ops_shape.zip
"""

import inspect
import io
import json
import math
import os
import zipfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from fixture import entry

v1 = tf.compat.v1


class Cases:
    """Cases by name, and the arrays that are their inputs and outputs."""

    def __init__(self):
        self.cases, self.arrays, self.keys = [], {}, {}

    def key(self, array):
        """Stores an array once, however many cases use it."""
        array = np.asarray(array)
        if array.dtype == object:
            array = text(array)
        found = (array.dtype.str, array.dtype.name, array.shape, array.tobytes())
        if found not in self.keys:
            self.keys[found] = f"a{len(self.keys)}"
            self.arrays[self.keys[found]] = array
        return self.keys[found]

    def add(self, name, op, inputs, tolerance=0, variables=(), instead=None, shapes=False, **attrs):
        """Adds a case of one operation, called as tf.raw_ops calls it.

        An input that is a list of arrays stands for an argument that is a list
        of tensors. variables are the positions of the inputs that the
        operation reads through a variable's handle. instead(tensors) computes
        the same with other operations, where TensorFlow has no kernel for this
        one on a CPU. shapes gives the graph the inputs' shapes, without which
        some operations cannot be built.
        """
        call = getattr(tf.raw_ops, op)
        # In the order of the operation's definition, which raw_ops keeps.
        args = [p for p in inspect.signature(call).parameters if p not in attrs and p != "name"][: len(inputs)]
        flat, at = [], []
        for x in inputs:
            group = isinstance(x, list)
            at.append([len(flat) + i for i in range(len(x))] if group else len(flat))
            flat += x if group else [x]

        def build(xs):
            values = [[xs[i] for i in a] if isinstance(a, list) else xs[a] for a in at]
            return call(**dict(zip(args, values)), **attrs)

        self.graph(name, build, flat, tolerance, variables, single=op, instead=instead, shapes=shapes)

    def table(self, name, keys, values, *inputs):
        """Adds a case of a table that is looked up, or with no inputs of its size."""
        keys, values, inputs = np.asarray(keys), np.asarray(values), [np.asarray(x) for x in inputs]
        with tf.Graph().as_default() as g:
            handle = tf.raw_ops.HashTableV2(key_dtype=tf.as_dtype(keys.dtype), value_dtype=tf.as_dtype(values.dtype))
            init = tf.raw_ops.InitializeTableV2(table_handle=handle, keys=tf.constant(keys), values=tf.constant(values))
            xs = [v1.placeholder(tf.as_dtype(x.dtype), name=f"x{i + 1}") for i, x in enumerate(inputs)]
            out = tf.raw_ops.LookupTableFindV2(table_handle=handle, keys=xs[0], default_value=xs[1]) if xs else tf.raw_ops.LookupTableSizeV2(table_handle=handle)
            case = {"name": name, "inputs": [self.key(x) for x in [keys, *inputs]], "variables": [0], "tables": {"0": self.key(values)}}
            case |= {"op": out.op.type, "attrs": node(out.op, False).get("attrs", {})}
            with v1.Session() as session:
                session.run(init)
                try:
                    case["outputs"] = [self.key(session.run(out, dict(zip(xs, inputs))))]
                except tf.errors.InvalidArgumentError:
                    case["error"] = True
        self.cases.append(case)

    def graph(self, name, build, inputs, tolerance=0, variables=(), single=None, instead=None, shapes=False):
        """Adds a case of all the operations that build(tensors) makes; it must use no constants."""
        inputs = [np.asarray(x) for x in inputs]
        case = {"name": name, "inputs": [self.key(x) for x in inputs]}
        if variables:
            case["variables"] = list(variables)
        if tolerance:
            case["tolerance"] = tolerance
        with tf.Graph().as_default() as g:
            xs = []
            for i, x in enumerate(inputs):
                if i in variables:
                    xs.append(v1.get_variable(f"x{i}", initializer=v1.constant_initializer(x), shape=x.shape, dtype=x.dtype, use_resource=True).handle)
                else:
                    xs.append(v1.placeholder(tf.as_dtype(x.dtype), x.shape if shapes else None, name=f"x{i}"))
            before = {op.name for op in g.get_operations()}
            try:
                out = build(xs)
            except (ValueError, TypeError) as e:
                print(f"{name}: no graph can be made: {e}")
                return
            out = [t for group in (out if isinstance(out, (list, tuple)) else [out]) for t in (group if isinstance(group, (list, tuple)) else [group])]
            # A SavedModel leaves attributes out that have their default: so do most cases.
            strip = len(self.cases) % 8 != 0
            nodes = [node(op, strip) for op in g.get_operations() if op.name not in before]
            run = [instead(xs)] if instead else out
            config = v1.ConfigProto()
            config.graph_options.rewrite_options.disable_meta_optimizer = True
            config.graph_options.optimizer_options.opt_level = -1
            with v1.Session(config=config) as session:
                feed = {f"x{i}:0": x for i, x in enumerate(inputs) if i not in variables}
                try:
                    session.run(v1.global_variables_initializer())  # which fails where there is no kernel for a type
                    results = session.run(run, feed)
                    case["outputs"] = [self.key(r) for r in results]
                except tf.errors.OpError as e:
                    if not isinstance(e, (tf.errors.InvalidArgumentError, tf.errors.FailedPreconditionError, tf.errors.OutOfRangeError)):
                        print(f"{name}: no case: {type(e).__name__}: {e.message.splitlines()[-1]}")
                        return
                    case["error"] = True
        if single:
            if [n["op"] for n in nodes] != [single]:
                raise SystemExit(f"{name}: nodes {[n['op'] for n in nodes]}")
            case |= {"op": single, "attrs": nodes[0].get("attrs", {})}
        else:
            short = {n["name"]: f"n{i}" for i, n in enumerate(nodes)}
            rename = lambda t: ":".join([short.get(t.split(":")[0], t.split(":")[0])] + t.split(":")[1:])
            for n in nodes:
                n |= {"name": rename(n["name"]), "inputs": [rename(t) for t in n["inputs"]]}
            case |= {"nodes": nodes, "fetch": [rename(t.name) for t in out]}
        if any(c["name"] == name for c in self.cases):
            raise SystemExit(f"two cases {name}")
        self.cases.append(case)

    def write(self, folder, name):
        """Writes folder/name.zip, which holds the cases as name.json and their arrays as name.npz."""
        arrays = io.BytesIO()
        with zipfile.ZipFile(arrays, "w") as z:  # stored: the file around it is compressed as a whole
            for key, array in self.arrays.items():
                with z.open(entry(key + ".npy"), "w") as f:
                    np.lib.format.write_array(f, np.asarray(array, order="C"), allow_pickle=False)
        text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in self.cases) + "\n]\n"
        with zipfile.ZipFile(os.path.join(folder, name + ".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
            for member, content in ((name + ".json", text.encode()), (name + ".npz", arrays.getvalue())):
                info = entry(member)
                info.compress_type = zipfile.ZIP_DEFLATED
                z.writestr(info, content, compresslevel=9)
        raised = sum(1 for c in self.cases if c.get("error"))
        print(f"{name}: {len(self.cases)} cases, {raised} of them errors, TensorFlow {tf.__version__}")


def text(array):
    """An array of bytes as numpy's fixed-length text, or as its fixed-length bytes if they are no UTF-8."""
    flat = [s if isinstance(s, bytes) else str(s).encode() for s in array.ravel()]
    if any(s.endswith(b"\0") for s in flat):
        raise SystemExit("a string ends in a zero byte, which numpy takes for padding")
    try:
        flat = [s.decode() for s in flat]
    except UnicodeDecodeError:
        return np.array(flat, dtype=f"S{max(len(s) for s in flat)}").reshape(array.shape)
    return np.array(flat, dtype=f"<U{max([len(s) for s in flat] + [1])}").reshape(array.shape)


def node(op, strip):
    """A node as the .json holds it; strip leaves attributes out that have their default."""

    def tensor(t):
        return t.name if not t.name.endswith(":0") else t.name[:-2]

    attrs = {}
    for a in op.op_def.attr:
        if strip and a.HasField("default_value") and op.node_def.attr[a.name] == a.default_value:
            continue
        attrs[a.name] = [a.type, value(a.type, op.get_attr(a.name))]
    return {"name": op.name, "op": op.type, "inputs": [tensor(t) for t in op.inputs]} | ({"attrs": attrs} if attrs else {})


def value(kind, v):
    """An attribute's value as JSON can hold it."""
    if kind.startswith("list("):
        return [value(kind[5:-1], e) for e in v]
    if kind == "type":
        return tf.as_dtype(v).name
    if kind == "shape":
        if isinstance(v, tf.TensorShape):
            return None if v.rank is None else [-1 if d is None else d for d in v.as_list()]
        return None if v.unknown_rank else [d.size for d in v.dim]
    if kind == "string":
        return v.decode() if isinstance(v, bytes) else v
    if kind == "float" and not math.isfinite(v):
        return "nan" if math.isnan(v) else ("inf" if v > 0 else "-inf")
    return v
