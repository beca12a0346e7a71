"""Convolutions, poolings and normalizations of images."""

import numpy as np
import tensorflow as tf

from ops_numbers import F32, F64, FLOATS, I32, INTS, NUMBERS, close, data, inf, label, nan


def images(cases):
    def conv(name, x, f, dtype=F32, op="Conv2D", **attrs):
        attrs = {"strides": [1, 1, 1, 1], "padding": "VALID"} | attrs
        cases.add(label(op, name, dtype, x, f), op, [data(x, dtype, 1), data(f, dtype, 0.5)], tolerance=close(dtype, 6e-7, 1e-15), **attrs)

    for padding in ("SAME", "VALID"):
        for s in (1, 2, 3):
            for d in (1, 2):
                conv(f"{padding}_s{s}_d{d}", (2, 7, 1, 3), (3, 1, 3, 2), strides=[1, s, s, 1], dilations=[1, d, 1, 1], padding=padding)
        conv(f"{padding}_1d", (2, 1, 9, 3), (1, 4, 3, 2), strides=[1, 1, 2, 1], padding=padding)
        conv(f"{padding}_2d", (2, 5, 6, 2), (3, 2, 2, 3), strides=[1, 2, 1, 1], dilations=[1, 1, 2, 1], padding=padding)
        conv(f"{padding}_2d", (2, 5, 6, 2), (3, 2, 2, 3), F64, strides=[1, 1, 2, 1], padding=padding)
        conv(f"{padding}_groups", (1, 4, 3, 4), (3, 2, 2, 6), padding=padding)
        conv(f"{padding}_wide", (1, 2, 1, 2), (5, 1, 2, 3), strides=[1, 1, 1, 1], padding=padding) if padding == "SAME" else None
    conv("dot", (2, 4, 3, 2), (1, 1, 2, 3))
    conv("explicit", (1, 6, 2, 2), (3, 2, 2, 1), padding="EXPLICIT", explicit_paddings=[0, 0, 3, 1, 0, 2, 0, 0])
    conv("causal", (1, 6, 1, 2), (3, 1, 2, 1), padding="EXPLICIT", explicit_paddings=[0, 0, 4, 0, 0, 0, 0, 0], dilations=[1, 2, 1, 1])
    for name, x, f, s in (("none", (1, 2, 1, 1), (3, 1, 1, 1), 1), ("short", (1, 1, 1, 1), (3, 1, 1, 1), 1), ("step", (1, 1, 1, 1), (3, 1, 1, 1), 2), ("nothing", (1, 0, 1, 1), (3, 1, 1, 1), 1), ("no_batch", (0, 4, 1, 1), (3, 1, 1, 1), 1),
                          ("no_channels", (1, 4, 1, 0), (3, 1, 0, 2), 1), ("no_results", (1, 4, 1, 2), (3, 1, 2, 0), 1), ("groups_results", (1, 4, 1, 4), (3, 1, 2, 3), 1), ("depth", (1, 4, 1, 4), (3, 1, 3, 3), 1), ("no_filter", (1, 4, 1, 4), (0, 1, 4, 3), 1), ("rank", (1, 6, 1), (3, 1, 1), 1)):
        conv(name, x, f, strides=[1, s, s, 1])
    depthwise = "DepthwiseConv2dNative"
    for padding in ("SAME", "VALID"):
        for s in (1, 2):
            for m in (1, 3):
                conv(f"{padding}_{s}", (2, 5, 6, 2), (3, 2, 2, m), op=depthwise, strides=[1, s, s, 1], padding=padding)
    conv("f64", (2, 5, 4, 2), (3, 2, 2, 2), F64, op=depthwise)
    conv("explicit", (1, 6, 1, 2), (3, 1, 2, 1), op=depthwise, padding="EXPLICIT", explicit_paddings=[0, 0, 3, 1, 0, 0, 0, 0])
    for name, x, f in (("depth", (1, 4, 1, 2), (3, 1, 1, 2)), ("no_batch", (0, 4, 1, 1), (3, 1, 1, 1)), ("short", (1, 1, 1, 1), (3, 1, 1, 1))):
        conv(name, x, f, op=depthwise)

    def pool(name, x, k, s, padding, dtype=F32, array=None):
        array = data(x, dtype) if array is None else array
        for op in ("MaxPool", "AvgPool"):
            if op == "AvgPool" and dtype in INTS:
                continue
            cases.add(label(op, name, dtype, x, k, s, padding), op, [array], tolerance=0 if op == "MaxPool" else close(dtype, 1.3e-7, 3e-16), ksize=[1, *k, 1], strides=[1, *s, 1], padding=padding)

    for padding in ("SAME", "VALID"):
        for k, s in (((2, 1), (2, 1)), ((3, 1), (2, 1)), ((3, 1), (1, 1)), ((2, 2), (2, 2)), ((2, 3), (1, 2)), ((1, 1), (2, 2))):
            pool("p", (2, 7, 5, 3), k, s, padding)
        for dtype in NUMBERS[1:]:
            pool("p", (1, 5, 4, 2), (2, 2), (2, 1), padding, dtype)
        pool("no_batch", (0, 4, 1, 2), (2, 1), (2, 1), padding)
    x = np.array([nan, 1, nan, nan, -inf, -inf, inf, 2, -inf, nan, 0, -1], F32).reshape(1, 12, 1, 1)
    pool("corners", x.shape, (2, 1), (2, 1), "VALID", array=x)
    pool("corners", x.shape, (2, 1), (2, 1), "VALID", F64, array=x.astype(F64))
    pool("wide", (1, 2, 1, 1), (3, 1), (1, 1), "VALID")
    pool("wide", (1, 2, 1, 1), (4, 1), (1, 1), "VALID")
    pool("wide", (1, 2, 1, 1), (4, 1), (1, 1), "SAME")

    def norm(name, shape, c, training=False, results=3, op="FusedBatchNormV3", stats=None, **attrs):
        inputs = [data(shape, F32) + F32(1), data((c,), F32), data((c,), F32)]
        inputs += [data((c,), F32), abs(data((c,), F32))] if not training or stats else [np.zeros(0, F32)] * 2
        keys = ("x", "scale", "offset", "mean", "variance")
        cases.graph(label(op, name, shape), lambda xs: list(getattr(tf.raw_ops, op)(**dict(zip(keys, xs)), is_training=training, **attrs))[:results], inputs, tolerance=6e-7)

    norm("plain", (2, 3, 4, 3), 3)
    norm("epsilon", (2, 1, 4, 2), 2, epsilon=1e-3)
    norm("NCHW", (2, 3, 4, 2), 3, data_format="NCHW", results=1)
    norm("V2", (2, 3, 4, 3), 3, op="FusedBatchNormV2")
    norm("V1", (2, 3, 4, 3), 3, op="FusedBatchNorm")
    norm("empty", (0, 3, 4, 3), 3, results=1)
    norm("channels", (2, 3, 4, 3), 2)
    norm("rank", (3, 4, 3), 3)
    # Keras 2's LayerNormalization trains on rows that are channels.
    norm("training", (2, 3, 4, 3), 3, True, 5, epsilon=1e-3)
    norm("training_one", (1, 1, 1, 3), 3, True, 5)
    norm("training_NCHW", (1, 6, 4, 1), 6, True, 5, data_format="NCHW", epsilon=1e-3)
    norm("training_stats", (2, 3, 4, 3), 3, True, 5, stats=True)
    norm("training_moving", (2, 3, 4, 3), 3, True, 5, stats=True, exponential_avg_factor=0.1)
    channels_first(cases)
    transposed(cases)


def channels_first(cases):
    """Images with their channels before their height, which TensorFlow's own kernels do not take: between transpositions they do."""

    def inner(v):
        return [v[0], v[2], v[3], v[1]]

    def between(run, at):
        return lambda xs: tf.transpose(run([tf.transpose(x, [0, 2, 3, 1]) if i in at else x for i, x in enumerate(xs)]), [0, 3, 1, 2])

    def conv(op, name, x, f, strides=(1, 1), dilations=(1, 1), padding="SAME", explicit=()):
        attrs = {"strides": [1, 1, *strides], "dilations": [1, 1, *dilations], "padding": padding}
        last = {"strides": inner(attrs["strides"]), "dilations": inner(attrs["dilations"]), "padding": padding}
        if explicit:
            attrs["explicit_paddings"], last["explicit_paddings"] = [0, 0, 0, 0, *explicit], [0, 0, *explicit, 0, 0]
        call = getattr(tf.raw_ops, op)
        cases.add(label(op, "NCHW", name, x, f), op, [data(x, F32, 1), data(f, F32, 0.5)], tolerance=6e-7, data_format="NCHW", **attrs,
                  instead=between(lambda xs: call(input=xs[0], filter=xs[1], **last), [0]))

    conv("Conv2D", "same", (2, 3, 7, 1), (3, 1, 3, 2))
    conv("Conv2D", "steps", (2, 3, 7, 4), (3, 2, 3, 2), (2, 1), padding="VALID")
    conv("Conv2D", "dilated", (1, 2, 5, 6), (2, 3, 2, 1), dilations=(1, 2))
    conv("Conv2D", "groups", (1, 4, 4, 3), (3, 2, 2, 6))
    conv("Conv2D", "explicit", (1, 2, 6, 2), (3, 2, 2, 1), padding="EXPLICIT", explicit=(3, 1, 0, 2))
    conv("Conv2D", "empty", (0, 2, 6, 2), (3, 2, 2, 1))
    conv("DepthwiseConv2dNative", "same", (2, 2, 5, 6), (3, 2, 2, 3))
    for op, arg in (("MaxPool", "input"), ("AvgPool", "value")):
        for padding in ("SAME", "VALID"):
            call = getattr(tf.raw_ops, op)
            cases.add(label(op, "NCHW", padding), op, [data((2, 3, 7, 5), F32)], tolerance=0 if op == "MaxPool" else 1.3e-7, data_format="NCHW", ksize=[1, 1, 2, 3], strides=[1, 1, 1, 2], padding=padding,
                      instead=between(lambda xs: call(**{arg: xs[0]}, ksize=[1, 2, 3, 1], strides=[1, 1, 2, 1], padding=padding), [0]))
    shape = np.array([2, 3, 9, 4], I32)
    for name, steps, padding in (("same", 2, "SAME"), ("valid", 1, "VALID")):
        y = data((2, 2, 5, 2) if steps == 2 else (2, 2, 7, 3), F32, 1)
        cases.add(label("Conv2DBackpropInput", "NCHW", name), "Conv2DBackpropInput", [shape, data((3, 2, 3, 2), F32, 0.5), y], tolerance=6e-7, data_format="NCHW", strides=[1, 1, steps, steps], padding=padding,
                  instead=between(lambda xs: tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.gather(xs[0], [0, 2, 3, 1]), filter=xs[1], out_backprop=xs[2], strides=[1, steps, steps, 1], padding=padding), [2]))


def transposed(cases):
    op = "Conv2DBackpropInput"

    def add(name, size, f, y, dtype=F32, kind=I32, **attrs):
        attrs = {"strides": [1, 1, 1, 1], "padding": "VALID"} | attrs
        cases.add(label(op, name, dtype, tuple(size), f, y), op, [np.array(size, kind), data(f, dtype, 0.5), data(y, dtype, 1)], tolerance=close(dtype, 6e-7, 1e-15), **attrs)

    for dtype in FLOATS:
        add("valid", (2, 6, 1, 3), (3, 1, 3, 2), (2, 4, 1, 2), dtype)
        add("same", (2, 6, 1, 3), (3, 1, 3, 2), (2, 6, 1, 2), dtype, padding="SAME")
    add("steps", (2, 1, 9, 3), (1, 4, 3, 2), (2, 1, 3, 2), strides=[1, 1, 2, 1])
    add("longer", (2, 1, 10, 3), (1, 4, 3, 2), (2, 1, 4, 2), strides=[1, 1, 2, 1])
    add("steps_same", (2, 1, 9, 3), (1, 4, 3, 2), (2, 1, 5, 2), strides=[1, 1, 2, 1], padding="SAME")
    add("wide_steps", (1, 9, 8, 2), (2, 2, 2, 1), (1, 3, 3, 1), strides=[1, 3, 3, 1], padding="SAME")
    add("2d", (2, 5, 6, 2), (3, 2, 2, 3), (2, 3, 3, 3), strides=[1, 2, 2, 1], padding="SAME")
    add("explicit", (1, 6, 2, 2), (3, 2, 2, 1), (1, 8, 3, 1), padding="EXPLICIT", explicit_paddings=[0, 0, 3, 1, 0, 2, 0, 0])
    add("inner", (6, 2), (3, 2, 2, 1), (1, 4, 1, 1))
    add("short", (2, 5, 1, 3), (3, 1, 3, 2), (2, 4, 1, 2))
    add("batch", (1, 6, 1, 3), (3, 1, 3, 2), (2, 4, 1, 2))
    add("results", (2, 6, 1, 3), (3, 1, 3, 2), (2, 4, 1, 3))
    add("depth", (2, 6, 1, 2), (3, 1, 3, 2), (2, 4, 1, 2))
    add("numbers", (2, 6, 1), (3, 1, 3, 2), (2, 4, 1, 2))
    add("negative", (2, -6, 1, 3), (3, 1, 3, 2), (2, 4, 1, 2))
    add("no_batch", (0, 6, 1, 3), (3, 1, 3, 2), (0, 4, 1, 2))
    # A dilated filter is one with zeros between its elements, which is what TensorFlow's own kernel can take.
    for d in (2, 3):
        cases.add(label(op, "dilated", d), op, [np.array((2, 9, 1, 3), I32), data((3, 1, 3, 2), F32, 0.5), data((2, 9 - 2 * d, 1, 2), F32, 1)], tolerance=6e-7, strides=[1, 1, 1, 1], padding="VALID", dilations=[1, d, 1, 1],
                  instead=lambda xs: tf.raw_ops.Conv2DBackpropInput(input_sizes=xs[0], filter=tf.scatter_nd([[0], [d], [2 * d]], xs[1], [2 * d + 1, 1, 3, 2]), out_backprop=xs[2], strides=[1, 1, 1, 1], padding="VALID"))
