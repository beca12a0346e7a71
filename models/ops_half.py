"""Numbers of 16 bits: what TensorFlow computes in float32 and rounds, and what it rounds at every step."""

import ml_dtypes
import numpy as np
import tensorflow as tf

from ops_numbers import F32, I32, data, inf, label, nan

# Where a sum in another order, or a function that is off in the last bit of
# float32, may round to the number beside: half a unit in the last place.
ONE_UNIT = {np.float16: 1e-3, ml_dtypes.bfloat16: 8e-3}
ELEMENTS = [nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 6.0, 7.0, -7.0, 12.0, -12.0, 30.0, -30.0, 100.0, -100.0, 6e4, -6e4, 0.1, 3.0]


def halves(cases):
    for dtype in ONE_UNIT:
        unary(cases, dtype)
        binary(cases, dtype)
        along_axes(cases, dtype)
        products(cases, dtype)
        images(cases, dtype)


def unary(cases, dtype):
    exact = ("Neg", "Abs", "Sign", "Square", "Sqrt", "Relu", "Relu6", "LeakyRelu", "Floor", "Ceil", "Round", "Softsign")
    close = ("Exp", "Expm1", "Tanh", "Sigmoid", "Erf", "Erfc", "Elu", "Selu", "Softplus", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Rsqrt", "Log", "Log1p", "Reciprocal", "Inv")
    x = np.array(ELEMENTS, dtype)
    for op in exact + close:
        t = 0 if op in exact else ONE_UNIT[dtype]
        corners = x[np.isnan(x) | np.isinf(x) | (abs(x.astype(F32)) < 1000)] if op in ("Sin", "Cos", "Tan") else x
        cases.add(label(op, dtype, "corners"), op, [corners], tolerance=t)
        v = data((3, 17), dtype, 3)
        cases.add(label(op, dtype), op, [abs(v) + dtype(0.01) if op in ("Sqrt", "Rsqrt", "Log", "Log1p") else v], tolerance=t)
    for alpha in (0.0, 0.3, 1.5):
        cases.add(label("LeakyRelu", dtype, alpha), "LeakyRelu", [data((3, 17), dtype)], alpha=alpha)
    cases.add(label("Softmax", dtype), "Softmax", [data((3, 17), dtype)], tolerance=ONE_UNIT[dtype])
    cases.add(label("ClipByValue", dtype), "ClipByValue", [data((3, 17), dtype), dtype(-1), dtype(2)])


def binary(cases, dtype):
    for op in ("AddV2", "Add", "Sub", "Mul", "RealDiv", "DivNoNan", "MulNoNan", "Maximum", "Minimum", "SquaredDifference", "FloorMod", "Pow"):
        t = ONE_UNIT[dtype] if op == "Pow" else 0
        x, y = (g.ravel().astype(dtype) for g in np.meshgrid([nan, inf, -inf, 0.0, 1.0, -1.5, 0.1, 300], [nan, inf, -inf, 0.0, 1.0, -1.5, 0.3, 7]))
        cases.add(label(op, dtype, "corners"), op, [x, y], tolerance=t)
        cases.add(label(op, dtype), op, [data((2, 1, 17), dtype), data((3, 1), dtype)], tolerance=t)
    cases.add(label("AddN", dtype), "AddN", [[data((2, 3), dtype) for _ in range(4)]])
    cases.add(label("BiasAdd", dtype), "BiasAdd", [data((2, 3), dtype), data((3,), dtype)])


def along_axes(cases, dtype):
    x = data((4, 17), dtype)
    for op in ("Max", "Min") + (("Sum", "Mean") if dtype == ml_dtypes.bfloat16 else ()):  # TensorFlow sums float16 in its own order
        for axis in (0, 1):
            cases.add(label(op, dtype, axis), op, [x, I32(axis)], tolerance=0 if op in ("Max", "Min") else ONE_UNIT[dtype])
    for op in ("Cumsum", "Cumprod"):
        for exclusive, reverse in ((False, False), (True, False), (False, True)):
            cases.add(label(op, dtype, exclusive, reverse), op, [x, I32(1)], exclusive=exclusive, reverse=reverse)
    for op in ("ArgMax", "ArgMin"):
        cases.add(label(op, dtype), op, [x, I32(1)])
    cases.add(label("TopKV2", dtype), "TopKV2", [x, I32(5)])


def products(cases, dtype):
    t = ONE_UNIT[dtype]
    for ta, tb in ((False, False), (True, False), (False, True)):
        a, b = data((17, 3) if ta else (3, 17), dtype, 1), data((4, 17) if tb else (17, 4), dtype, 1)
        cases.add(label("MatMul", dtype, ta, tb), "MatMul", [a, b], tolerance=t, transpose_a=ta, transpose_b=tb)
    cases.add(label("BatchMatMulV2", dtype), "BatchMatMulV2", [data((2, 3, 5), dtype, 1), data((5, 4), dtype, 1)], tolerance=t)
    cases.add(label("Einsum", dtype), "Einsum", [[data((2, 3, 2, 4), dtype, 1), data((2, 5, 2, 4), dtype, 1)]], tolerance=t, equation="aecd,abcd->acbe")


def images(cases, dtype):
    t = ONE_UNIT[dtype]
    window = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    x = data((2, 7, 5, 2), dtype, 1)
    cases.add(label("Conv2D", dtype), "Conv2D", [x, data((3, 2, 2, 3), dtype, 0.5)], tolerance=t, **window)
    cases.add(label("DepthwiseConv2dNative", dtype), "DepthwiseConv2dNative", [x, data((3, 2, 2, 2), dtype, 0.5)], tolerance=t, **window)
    # Without oneDNN, TensorFlow adds in 16 bits here.
    cases.add(label("Conv2DBackpropInput", dtype), "Conv2DBackpropInput", [np.array([2, 7, 5, 2], I32), data((3, 2, 2, 3), dtype, 0.5), data((2, 7, 5, 3), dtype, 1)], tolerance=8 * t, **window)
    pool = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    cases.add(label("MaxPool", dtype), "MaxPool", [x], **pool)
    cases.add(label("MaxPool", dtype, "lowest"), "MaxPool", [np.full((1, 2, 2, 1), -inf, dtype)], **pool)
    if dtype == ml_dtypes.bfloat16:
        cases.add(label("AvgPool", dtype), "AvgPool", [x], tolerance=t, **pool)
    for training in (False, True):
        stats = [np.zeros(0, F32)] * 2 if training else [data((2,), F32), abs(data((2,), F32))]
        cases.graph(label("FusedBatchNormV3", dtype, training), lambda v: list(tf.raw_ops.FusedBatchNormV3(x=v[0], scale=v[1], offset=v[2], mean=v[3], variance=v[4], is_training=training))[:3], [x, data((2,), F32), data((2,), F32), *stats], tolerance=t)
