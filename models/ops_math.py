"""Runs the operations that compute in TensorFlow's own kernels, and writes the cases down.

    python ops_math.py DIR

Subnormal inputs are used only where TensorFlow keeps them: on its own threads it
takes them for zero elsewhere. oneDNN is off: what is wanted is TensorFlow's
own definition, and oneDNN fails, or aborts, on some empty images.
"""

import os
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_half import halves
from ops_images import images
from ops_numbers import F32, F64, FLOATS, HALVES, I32, I64, INTS, NUMBERS, close, data, inf, label, nan, rng

cases = Cases()

# Values at which functions have corners; -0 where the sign of the result is
# the same in all of TensorFlow's paths.
SPECIAL = [nan, inf, -inf, 0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 6.0, 7.0, -7.0, 30.0, -30.0, 100.0, -100.0, 1e30, -1e30, 1e-30, -1e-30, 0.1, 3.0]

PAIRS = [((), ()), ((7,), (7,)), ((2, 3), ()), ((), (2, 3)), ((4, 3), (3,)), ((3,), (2, 4, 3)), ((2, 1, 3), (4, 1)), ((2, 3, 1, 2), (3, 4, 1)), ((1,), (5,)), ((0, 3), (3,)), ((2, 0), (1, 1)), ((2, 9), (2, 9))]
UNEQUAL = [((2,), (3,)), ((2, 3), (2,)), ((0,), (2,))]


def binary():
    for op, dtypes in {
        "AddV2": NUMBERS, "Add": FLOATS, "Sub": NUMBERS, "Mul": NUMBERS, "RealDiv": FLOATS, "Div": FLOATS, "DivNoNan": FLOATS, "MulNoNan": FLOATS,
        "Maximum": NUMBERS, "Minimum": NUMBERS, "SquaredDifference": NUMBERS, "FloorDiv": FLOATS, "FloorMod": FLOATS, "TruncateDiv": FLOATS, "TruncateMod": FLOATS, "Mod": FLOATS,
        "Pow": FLOATS, "Atan2": FLOATS, "Xdivy": FLOATS, "Xlogy": FLOATS,
        "Less": NUMBERS, "LessEqual": NUMBERS, "Greater": NUMBERS, "GreaterEqual": NUMBERS, "Equal": NUMBERS + (np.bool_,), "NotEqual": NUMBERS + (np.bool_,),
        "BitwiseAnd": INTS, "BitwiseOr": INTS, "BitwiseXor": INTS, "Xlog1py": FLOATS, "NextAfter": FLOATS,
    }.items():
        rough = op in ("Pow", "Atan2", "Xlogy", "Xlog1py")
        for dtype in dtypes:
            pairs = PAIRS if op in ("AddV2", "Less") and dtype == F32 else PAIRS[6:8] if dtype == dtypes[0] else PAIRS[5:6]
            for a, b in pairs:
                cases.add(label(op, dtype, a, b), op, [data(a, dtype), data(b, dtype)], tolerance=close(dtype, 2.5e-7, 6e-16) if rough else 0)
        for a, b in UNEQUAL if op == "AddV2" else UNEQUAL[:1]:
            cases.add(label(op, "unequal", a, b), op, [data(a, dtypes[0]), data(b, dtypes[0])])
        if not set(dtypes) & set(FLOATS):
            continue
        for dtype in FLOATS:  # every corner with every other
            s = np.array([nan, inf, -inf, 0.0, 1.0, -1.0, 0.5, -2.0, 3.0, -5.0, 1e20, -7.5], dtype)
            x, y = (g.ravel() for g in np.meshgrid(s, s))
            if op == "Pow":
                y = np.where(y == 1e20, 2, y)
            cases.add(label(op, dtype, "corners"), op, [x, y], tolerance=close(dtype, 2.5e-7, 6e-16) if rough else 0)
    for dtype in INTS:
        for op in ("LeftShift", "RightShift"):
            x, y = (g.ravel().astype(dtype) for g in np.meshgrid([1, -1, 77, -77, 2**31 - 1], [0, 1, 5, 31, 32, 63, 64, -3]))
            cases.add(label(op, dtype), op, [x, y])
    big = np.array([2**31 - 1, -(2**31), 2**30, -7, 7, 0, 5], I32)
    for op in ("AddV2", "Sub", "Mul", "SquaredDifference"):  # integers that overflow
        cases.add(label(op, "overflow"), op, [big, big[::-1].copy()])
    for op in ("Div", "FloorDiv", "FloorMod", "TruncateDiv", "Mod", "TruncateMod"):
        for dtype in INTS:
            x, y = (g.ravel().astype(dtype) for g in np.meshgrid([7, -7, 0, 6, -6, 1, 100], [2, -2, 3, -3, 1, -7]))
            cases.add(label(op, dtype, "signs"), op, [x, y])
            cases.add(label(op, dtype, "none_by_zero"), op, [np.zeros((0, 2), dtype), np.zeros((2,), dtype)])
            if not op.startswith("Truncate"):  # which raises too, as an internal error
                cases.add(label(op, dtype, "by_zero"), op, [x, np.where(np.arange(len(y)) == 5, 0, y)])
    for dtype in INTS:
        x, y = (g.ravel().astype(dtype) for g in np.meshgrid([2, -2, 0, 1, -1, 3, 10], [0, 1, 2, 3, 31, 33, 64]))
        cases.add(label("Pow", dtype), "Pow", [x, y])
        cases.add(label("Pow", dtype, "negative"), "Pow", [x, np.where(np.arange(len(y)) == 5, -1, y)])
    for dtype in HALVES:
        for op in ("Less", "GreaterEqual", "Equal", "NotEqual"):
            x, y = (g.ravel().astype(dtype) for g in np.meshgrid([nan, inf, -inf, 0, -0.0, 1.5, -2], [nan, inf, -inf, 0, 1.5, 3]))
            cases.add(label(op, dtype), op, [x, y])
    for op in ("Equal", "NotEqual"):
        cases.add(label(op, "strings"), op, [np.array(["a", "b", "ä"]), np.array(["a", "c", "ä"])])
        cases.add(label(op, "incompatible"), op, [data((2,), F32), data((3,), F32)], incompatible_shape_error=False)
        cases.add(label(op, "compatible"), op, [np.ones((2,), F32), np.ones((1,), F32)], incompatible_shape_error=False)
    for op in ("LogicalAnd", "LogicalOr"):
        for a, b in PAIRS[5:8]:
            cases.add(label(op, a, b), op, [data(a, np.bool_), data(b, np.bool_)])
    cases.add("LogicalNot", "LogicalNot", [data((2, 3), np.bool_)])


def sums():
    for dtype in NUMBERS:
        for n in (1, 5) if dtype == F32 else (3,):
            cases.add(label("AddN", dtype, n), "AddN", [[data((2, 3), dtype) for _ in range(n)]])
        cases.add(label("BiasAdd", dtype), "BiasAdd", [data((2, 3), dtype), data((3,), dtype)])
    cases.add("AddN_unequal", "AddN", [[data((2, 3), F32), data((3,), F32)]])
    for shape in ((2, 3), (2, 4, 3), (2, 3, 4, 3), (0, 3), (2, 3, 1, 2, 3)):
        cases.add(label("BiasAdd", shape), "BiasAdd", [data(shape, F32), data((3,), F32)])
    for shape in ((2, 3), (2, 3, 4), (2, 3, 4, 2)):
        cases.add(label("BiasAdd_NCHW", shape), "BiasAdd", [data(shape, F32), data((3,), F32)], data_format="NCHW")
    for name, value, bias in (("short", (2, 3), (2,)), ("vector", (3,), (3,)), ("matrix", (2, 3), (1, 3)), ("one", (2, 3), (1,))):
        cases.add(label("BiasAdd", "bad", name), "BiasAdd", [data(value, F32), data(bias, F32)])


def select():
    for dtype in NUMBERS + HALVES + (np.bool_,):
        cases.add(label("SelectV2", dtype), "SelectV2", [data((2, 1), np.bool_), data((2, 3), dtype), data((3,), dtype)])
        cases.add(label("Select", dtype), "Select", [data((2,), np.bool_), data((2, 3), dtype), data((2, 3), dtype)])
    shapes = [((2, 3), (2, 3), (2, 3)), ((2,), (2, 3), (2, 3)), ((), (2, 3), (2, 3)), ((3,), (2, 3), (2, 3)), ((2, 1), (2, 3), (2, 3)), ((2, 3), (2, 3), (3,)), ((1,), (2, 3), (2, 3)),
              ((1,), (2,), (2,)), ((2, 2), (2,), (2,)), ((), (), ()), ((0,), (0, 3), (0, 3)), ((2,), (2, 3, 2), (2, 3, 2)), ((3,), (), ()), ((2, 1, 1), (3, 1), (4,)), ((0, 1), (3,), ()), ((2, 3, 1), (2, 3, 4), (1, 1, 4))]
    for op in ("SelectV2", "Select"):
        for c, x, y in shapes:
            cases.add(label(op, c, x, y), op, [data(c, np.bool_), data(x, F32), data(y, F32)])
    t = np.array(SPECIAL[:16], F32)
    for dtype in NUMBERS:
        cases.add(label("ClipByValue", dtype), "ClipByValue", [data((3, 4), dtype), np.asarray(-1, dtype), np.asarray(2, dtype)])
    for name, low, high in (("scalars", F32(0), F32(6)), ("nan_low", F32(nan), F32(6)), ("nan_high", np.full(16, 3, F32), np.full(16, nan, F32)), ("crossed", F32(3), F32(-3)), ("same", data((16,), F32), F32(2)), ("row", np.zeros(1, F32), F32(2)), ("short", np.zeros(15, F32), F32(2))):
        cases.add(label("ClipByValue", name), "ClipByValue", [t, low, high])
    cases.add("ClipByValue_widens", "ClipByValue", [F32(1), np.zeros(2, F32), F32(3)])


def casts():
    f = [nan, inf, -inf, 3e9, -3e9, 1e19, -1e19, 1.9, -1.9, 0.99, -0.99, 2147483647, 2147483520, -2147483648, -0.0, 0.0, 65504, 65519.9, 65520, 65536, 2049, 2051, 1e-7, 6e-8, 2e-8, 3.1e-5, 6.1e-5, 1.0009765, 1.00146484375, 256.5, 257, 259, 3.4e38, 0.1, -0.1]
    i = [0, 1, -1, 255, 256, 257, 2049, 2051, 65519, 65520, 2**24 + 1, -(2**24) - 3, 2**31 - 1, -(2**31), 77777]
    types = {tf.float32: f, tf.float64: f + [1e300, 1 + 2**-25, 1e-50, 1 + 2**-11 + 2**-40], tf.float16: f, tf.bfloat16: f, tf.int32: i, tf.int64: i + [2**31, 2**33 + 5, -(2**40), 2**62 + 2**38 + 1, 2**53 + 1, 2**24 * 257 + 1], tf.bool: [True, False, True]}
    for src, values in types.items():
        with np.errstate(all="ignore"):
            x = np.array(values).astype(src.as_numpy_dtype) if src != tf.bool else np.array(values)
        for dst in types:
            cases.add(label("Cast", src.name, dst.name), "Cast", [x], DstT=dst)
            if src in (tf.float32, tf.float64) and dst.is_floating:
                cases.add(label("Cast", src.name, dst.name, "truncate"), "Cast", [x], DstT=dst, Truncate=True)
    for shape in ((), (0, 2), (2, 1, 2)):
        cases.add(label("Cast", "shape", shape), "Cast", [data(shape, F32, 50)], DstT=tf.int32)
    small = np.array([1e-40, -1e-40, 1.4e-45, 5e-42], F32)  # which a cast to bfloat16 keeps
    cases.add("Cast_small_bfloat16", "Cast", [small], DstT=tf.bfloat16)


def unary():
    exact = ("Neg", "Abs", "Square", "Sqrt", "Floor", "Ceil", "Round", "Rint", "Sign", "IsNan", "IsInf", "IsFinite", "Relu", "Relu6", "LeakyRelu", "Softsign")
    rough = ("Rsqrt", "Reciprocal", "Inv", "Exp", "Expm1", "Log", "Log1p", "Tanh", "Sigmoid", "Elu", "Selu", "Softplus", "Erf", "Erfc",
             "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Erfinv", "Lgamma")
    for op in exact + rough:
        arg = "features" if op in ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign") else "x"
        for dtype in FLOATS:
            t = 0 if op in exact else close(dtype, 2.5e-7, 0 if op in ("Rsqrt", "Reciprocal", "Inv") else 1e-15 if op == "Erfinv" else 6e-16)
            special = np.array(SPECIAL, dtype)
            if op == "Erf" and dtype == F64:
                special[1:3] = 0  # where TensorFlow has NaN for what is 1 and -1
            if op in ("Sin", "Cos", "Tan"):  # the reduction of huge angles is its own subject
                special = special[np.isnan(special) | np.isinf(special) | (abs(special) < 1000)]
            cases.add(label(op, dtype, "corners"), op, [special], tolerance=t)
            for shape in ((), (2, 0), (3, 17)) if op in ("Exp", "Relu") and dtype == F32 else ((3, 17),):
                x = data(shape, dtype, 1 if op in ("Asin", "Acos", "Atanh", "Erfinv") else 3)
                if op in ("Sqrt", "Rsqrt", "Log", "Log1p") and shape:
                    x = abs(x) + dtype(0.01)
                if op in ("Reciprocal", "Inv"):
                    x = x + np.sign(x) * dtype(0.1)
                cases.add(label(op, dtype, shape), op, [x], tolerance=t)
            if op in ("Neg", "Abs", "Floor", "Ceil", "Sqrt", "Tanh", "Sin", "LeakyRelu", "Rsqrt", "Elu"):
                cases.add(label(op, dtype, "zeros"), op, [np.array([0.0, -0.0], dtype)], tolerance=t)
    for op in ("Neg", "Abs"):  # the only ones whose kernels keep subnormal numbers
        cases.add(label(op, "small"), op, [np.array([1e-40, -1e-40, 1.4e-45], F32)])
    for dtype in INTS:
        for op in ("Neg", "Abs", "Sign", "Square", "Invert", "Relu", "Relu6"):
            cases.add(label(op, dtype), op, [np.array([0, 1, -1, 5, -7, 9, 70000, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)])
    for dtype in HALVES:
        for op in ("IsNan", "IsInf", "IsFinite"):
            cases.add(label(op, dtype), op, [np.array(SPECIAL, dtype)])
    for alpha in (0.0, 0.3, 1.0, 1.5, -0.5):
        cases.add(label("LeakyRelu", "alpha", alpha), "LeakyRelu", [data((3, 5), F32)], alpha=alpha)
    for op in ("Softmax", "LogSoftmax"):
        for dtype in FLOATS:
            t = close(dtype, 2.5e-7, 4e-16 if op == "Softmax" else 8e-16)
            for shape in ((5,), (2, 3), (2, 3, 4), (2, 1, 3, 40), (0, 3), (2, 0), (3, 1)):
                cases.add(label(op, dtype, shape), op, [data(shape, dtype)], tolerance=t)
            rows = [[nan, 1], [inf, 1], [-inf, 1], [-inf, -inf], [1000, 1], [-1e9, -1e9], [1e30, -1e30], [0, -1e9]]
            cases.add(label(op, dtype, "corners"), op, [np.array(rows, dtype)], tolerance=t)
        cases.add(label(op, "scalar"), op, [F32(1)])
    for dtype in FLOATS:
        for shape in ((), (7,), (2, 3, 4), (0,)):
            cases.add(label("L2Loss", dtype, shape), "L2Loss", [data(shape, dtype)], tolerance=close(dtype, 1e-7, 3e-16))


def reductions():
    for op, dtypes in {"Sum": NUMBERS, "Mean": NUMBERS, "Prod": NUMBERS, "Max": NUMBERS, "Min": NUMBERS, "EuclideanNorm": FLOATS, "All": (np.bool_,), "Any": (np.bool_,)}.items():
        for dtype in dtypes:
            t = 0 if op in ("Max", "Min") else close(dtype, 4e-7, 1e-15)
            shapes = {(): [[]], (5,): [[0], [-1], []], (2, 3): [[0], [1], [0, 1], [-1, 0], []], (2, 3, 4): [[1], [0, 2], [-1], [2, 1, 0]], (2, 3, 2, 3): [[1, 2], [0, 2], [1, 3], [0, -1]], (2, 0): [[0], [1]], (0, 3): [[1]], (3, 40): [[1]], (1, 3, 1): [[0], [1]]}
            for shape, all_axes in shapes.items():
                for k, axes in enumerate(all_axes):
                    if op != "Sum" and dtype == dtypes[0] and shape not in ((), (2, 3), (2, 0), (3, 40)):
                        continue
                    if dtype != dtypes[0] and shape not in ((2, 3, 4), (2, 0)):
                        continue
                    if op == "Mean" and dtype in INTS and 0 in shape:
                        continue  # aborts
                    x = data(shape, dtype, 1)
                    cases.add(label(op, dtype, shape, "axes", tuple(axes)), op, [x, np.array(axes, (I32, I64)[k % 2])], tolerance=t, keep_dims=(k + len(shape)) % 2 == 0)
        d = dtypes[0]
        cases.add(label(op, "scalar_axis"), op, [data((2, 3), d, 1), I32(1)], tolerance=0 if op in ("Max", "Min") else close(d, 4e-7, 0))
        for name, shape, axes in (("twice", (2, 3), [0, -2]), ("outside", (2, 3), [2]), ("before", (2, 3), [-3]), ("of_scalar", (), [0]))[:: 1 if op == "Sum" else 3]:
            cases.add(label(op, name), op, [data(shape, d), np.array(axes, I32)])
        if d != np.bool_:
            for dtype in FLOATS:
                x = data((4, 9), dtype)
                x[0, 3], x[1, 8], x[2, 0], x[2, 5] = nan, inf, inf, -inf
                for axis in (0, 1):
                    cases.add(label(op, dtype, "corners", axis), op, [x, I32(axis)], tolerance=0 if op in ("Max", "Min") else close(dtype, 4e-7, 1e-15))
    for op in ("ArgMax", "ArgMin"):
        for dtype in NUMBERS + (np.bool_,):
            for shape, axis in (((5,), 0), ((2, 3), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((3, 1, 2, 2), 0), ((2, 0), 0))[:: 1 if dtype == F32 else 2]:
                x = rng.integers(-2, 3, shape).astype(dtype) if dtype != np.bool_ else data(shape, dtype)
                cases.add(label(op, dtype, shape, axis), op, [x, I32(axis)], output_type=tf.int32 if axis else tf.int64)
        for k, row in enumerate(([nan, 1, 2], [1, nan, 2], [3, 1, nan], [nan, nan], [inf, inf], [-inf, -inf], [nan, -inf], [nan, inf], [nan, nan, -inf], [0.0, -0.0])):
            cases.add(label(op, "corner", k), op, [np.array(row, F32), I64(0)])
        for name, shape, axis in (("empty", (2, 0), 1), ("scalar", (), 0), ("outside", (2,), 1), ("vector", (2, 3), [0])):
            cases.add(label(op, name), op, [data(shape, F32), np.array(axis, I32)])
    for dtype in FLOATS:
        for exclusive in (False, True):
            for reverse in (False, True):
                cases.add(label("CumulativeLogsumexp", dtype, exclusive, reverse), "CumulativeLogsumexp", [data((2, 5, 3), dtype), I32(1)], tolerance=close(dtype, 4e-7, 1e-15), exclusive=exclusive, reverse=reverse)
    cases.add("CumulativeLogsumexp_corners", "CumulativeLogsumexp", [np.array([[-inf, -inf, 1, nan], [inf, inf, -inf, 1], [-inf, 2, 1e30, -1e30]], F32), I32(1)], tolerance=4e-7)
    for op in ("Cumsum", "Cumprod"):
        for dtype in NUMBERS:
            for exclusive in (False, True):
                for reverse in (False, True):
                    for shape, axis in (((5,), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((2, 0, 2), 1), ((3, 17), 0)):
                        if dtype == F32 and op == "Cumsum" or shape == (2, 3, 4) and axis == (1 if reverse else -1):
                            cases.add(label(op, dtype, shape, axis, exclusive, reverse), op, [data(shape, dtype, 1), I32(axis)], exclusive=exclusive, reverse=reverse)
        x = np.array([[1, nan, 2], [inf, 1, -inf]], F32)
        cases.add(label(op, "corners"), op, [x, I64(1)], exclusive=True)
        for name, shape, axis in (("scalar", (), 0), ("outside", (2,), 1), ("vector", (2, 3), [0])):
            cases.add(label(op, name), op, [data(shape, F32), np.array(axis, I32)])
    for dtype in NUMBERS:
        for shape, k in (((5,), 3), ((2, 6), 6), ((2, 3, 4), 1), ((3,), 0), ((0, 3), 2)):
            cases.add(label("TopKV2", dtype, shape, k), "TopKV2", [rng.integers(-3, 4, shape).astype(dtype), I32(k)])
    for name, shape, k in (("many", (2,), 3), ("negative", (2,), -1), ("scalar", (), 1), ("vector", (2,), [1])):
        cases.add(label("TopKV2", name), "TopKV2", [data(shape, F32), np.array(k, I32)])


def products():
    for dtype in NUMBERS:
        t = close(dtype, 8e-7, 4e-16)
        for ta in (False, True):
            for tb in (False, True):
                for m, k, n in ((1, 1, 1), (2, 3, 4), (5, 40, 3)) if dtype == F32 else ((2, 3, 4),):
                    a, b = data((k, m) if ta else (m, k), dtype, 1), data((n, k) if tb else (k, n), dtype, 1)
                    cases.add(label("MatMul", dtype, m, k, n, ta, tb), "MatMul", [a, b], tolerance=t, transpose_a=ta, transpose_b=tb)
                    if m == 2 and (dtype == F32 or ta != tb):
                        for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
                            extra = {"Tout": tf.as_dtype(dtype)} if op.endswith("3") else {}
                            a2, b2 = np.stack([a, a[::-1] * 2]), np.stack([b, b[:, ::-1] * 3])
                            cases.add(label(op, dtype, ta, tb), op, [a2, b2], tolerance=t / 2, adj_x=ta, adj_y=tb, **extra)
    for name, a, b in (("inf0", [[0, 1]], [[inf], [1]]), ("nan0", [[0, 1]], [[nan], [1]]), ("inf-inf", [[1, 1]], [[inf], [-inf]]), ("huge", [[1e30, 1]], [[1e30], [1]]), ("huge-", [[3e38, 3e38, -3e38]], [[0.5], [0.5], [0.9]])):
        cases.add(label("MatMul", name), "MatMul", [np.array(a, F32), np.array(b, F32)], tolerance=4e-7)
    cases.add("MatMul_overflow", "MatMul", [np.array([[2**30, 4]], I32), np.array([[4], [1]], I32)])
    for a, b in (((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 2), (2, 0)), ((2, 2), (3, 2)), ((1, 2, 2), (2, 2)), ((2,), (2, 2)), ((2, 2), ()), ((2, 2, 2), (2, 2, 2))):
        cases.add(label("MatMul", "shapes", a, b), "MatMul", [data(a, F32), data(b, F32)], tolerance=4e-7)
    for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        extra = {"Tout": tf.float32} if op.endswith("3") else {}
        for a, b in (((2, 2), (2, 3)), ((1, 2, 2), (4, 2, 3)), ((2, 2), (4, 2, 3)), ((4, 2, 2), (2, 3)), ((2, 2, 2), (4, 2, 3)), ((3, 2, 0), (3, 0, 2)), ((2,), (2, 2)), ((3, 2, 2), (3, 3, 2)), ((0, 2, 2), (1, 2, 2)), ((0, 2, 2), (3, 2, 2)), ((2, 1, 3, 2), (1, 3, 2, 2)), ((2, 3, 2, 2), (2, 3, 2, 2)), ((3, 1, 2), (2, 1, 2, 1))):
            cases.add(label(op, "shapes", a, b), op, [data(a, F32, 1), data(b, F32, 1)], tolerance=4e-7, **extra)


def einsums():
    for equation, *shapes in [
        ("ab,bc->ac", (2, 3), (3, 4)), ("ab,bc->ac", (2, 3), (1, 4)), ("...ab,bc->...ac", (5, 2, 3), (3, 4)), ("...a,...a->...", (2, 3), (1, 3)), ("ii->i", (3, 3)), ("ab->ba", (2, 3)), ("ab,cd->", (2, 3), (3, 2)),
        ("abc,cde->abde", (2, 3, 4), (4, 2, 3)), ("aecd,abcd->acbe", (2, 3, 2, 4), (2, 5, 2, 4)), ("acbe,aecd->abcd", (2, 2, 3, 5), (2, 5, 2, 4)), ("abcd,cde->abe", (2, 3, 2, 4), (2, 4, 5)), ("BTNH,BSNH->BNTS", (2, 3, 2, 4), (2, 5, 2, 4)), ("BNTS,BSNH->BTNH", (2, 2, 3, 5), (2, 5, 2, 4)),
        ("...x,xy->...y", (2, 3, 4), (4, 5)), ("...ab->ab", (4, 2, 3)), ("ab...->b...a", (2, 3, 4, 5)), ("ij,jk->ik", (2, 3), (3,)), ("...ij,...jk->...ik", (4, 1, 2, 3), (5, 3, 2)), ("...ij,...jk->...ik", (2, 3), (5, 3, 2)), ("aa,ab->b", (2, 2), (2, 3)), ("ab,c->c", (2, 2), (3,)), ("Ab,bC->AC", (2, 2), (2, 3)), ("ab->", (2, 2)), ("->", ()), (",->", (), ()),
        ("ab,->a", (2, 3), ()), ("aa->a", (2, 3)), ("a...,...a->...", (2, 3), (3, 2)), ("ab,bc->ac", (2, 0), (0, 3)), ("ab,bc->ac", (0, 2), (2, 3)), ("...->...", (2, 3)), ("a...->...", (2, 3, 2)), ("abc->b", (2, 3, 2)), ("ab,ab->ab", (2, 3), (2, 3)), ("...ab->...ba", (3, 2, 2)), ("ab,bc->ac", (3, 40), (40, 2)), ("...ij,...jk->...ik", (2, 2, 3), (3, 3, 2)),
    ]:
        cases.add(label("Einsum", equation.replace("...", "E"), *shapes), "Einsum", [[data(s, F32, 1) for s in shapes]], tolerance=6e-7, equation=equation)
    for dtype in (F64, I32, I64):
        cases.add(label("Einsum", dtype), "Einsum", [[data((2, 3, 4), dtype), data((4, 2, 3), dtype)]], tolerance=close(dtype, 0, 1e-15), equation="abc,cde->abde")
        cases.add(label("Einsum", dtype, "one"), "Einsum", [[data((2, 3, 4), dtype)]], tolerance=close(dtype, 0, 1e-15), equation="abc->ca")


def bins():
    edges = [-1.5, 0.0, 0.0, 1.0, 2.5]
    for dtype in NUMBERS:
        x = np.array([-2, -1.5, -1, 0, 0.5, 1, 2, 2.5, 3] + ([nan, inf, -inf] if dtype in FLOATS else []), dtype)
        cases.add(label("Bucketize", dtype), "Bucketize", [x], boundaries=edges)
    cases.add("Bucketize_float64_edges", "Bucketize", [np.array([0.1, np.float64(F32(0.1)), 0.11], F64)], boundaries=[0.1])
    cases.add("Bucketize_no_edges", "Bucketize", [data((2, 3), F32)], boundaries=[])
    cases.add("Bucketize_scalar", "Bucketize", [F32(0.5)], boundaries=edges)
    for op in ("LowerBound", "UpperBound"):
        for i, dtype in enumerate(NUMBERS):
            rows = np.sort(rng.integers(-4, 5, (2, 6)), axis=1).astype(dtype)
            cases.add(label(op, dtype), op, [rows, rng.integers(-6, 7, (2, 9)).astype(dtype)], out_type=(tf.int32, tf.int64)[i % 2])
        cases.add(label(op, "nan"), op, [np.array([[0, 1, 2]], F32), np.array([[nan, inf, -inf]], F32)])
        for rows, values in (((2, 3), (3, 2)), ((3,), (2,)), ((1, 0), (1, 2)), ((1, 3), (1, 0)), ((1, 1, 3), (1, 1, 2))):
            cases.add(label(op, rows, values), op, [np.zeros(rows, F32), data(values, F32)])
    none = np.zeros(0, I32)
    for name, x, size, weights, binary in (("vector", [0, 3, 3, 9], 4, none, False), ("matrix", [[0, 2, 2], [1, 1, 5]], 4, none, False), ("binary", [[0, 2, 2], [1, 1, 5]], 4, none, True), ("binary_vector", [0, 2, 2], 3, none, True),
                                           ("negative", [0, -1], 3, none, False), ("no_size", [0, 1], 0, none, False), ("negative_size", [0], -1, none, False), ("empty", np.zeros(0), 2, none, False), ("empty_rows", np.zeros((2, 0)), 2, none, False), ("deep", [[[0]]], 2, none, False), ("unequal", [0, 1], 3, data((3,), I32), False)):
        cases.add(label("DenseBincount", name), "DenseBincount", [np.array(x, I32), I32(size), weights], binary_output=binary)
    for dtype in NUMBERS:
        for x in (np.array([0, 3, 3, 9], I64), np.array([[0, 2, 2], [1, 1, 5]], I64)):
            for binary in (False, True):
                cases.add(label("DenseBincount", dtype, x.ndim, binary), "DenseBincount", [x, I64(4), data(x.shape, dtype)], binary_output=binary)
    for name, x in (("int32", np.array([3, 1, 3, 0, 1], I32)), ("int64", np.array([3, 1, 3], I64)), ("float32", np.array([0.5, 0.0, -0.0, 0.5, nan, nan, inf], F32)), ("float64", np.array([2.0, 1.0, 2.0])), ("bool", np.array([True, False, True])), ("string", np.array(["a", "b", "a"])), ("empty", none), ("matrix", np.zeros((2, 2), I32)), ("scalar", I32(1))):
        for op in ("Unique", "UniqueWithCounts"):
            cases.add(label(op, name), op, [x], out_idx=tf.int64 if name == "int64" else tf.int32)
    x = np.array([[1, 3, 2, 3], [5, nan, 1, 0], [1, 2, inf, 0], [0, 0, 0, 0], [4, 3, 2, 1]], F32)
    for i, (targets, k) in enumerate([([1, 0, 0, 3, 3], 1), ([2, 2, 1, 2, 1], 2), ([0, 1, 2, 0, 3], 4), ([4, -1, 0, 0, 0], 2), ([0, 0, 0, 0, 0], 0), ([0, 0, 0, 0, 0], -1), ([0, 0], 1)]):
        kind = (I32, I64)[i % 2]
        cases.add(label("InTopKV2", i), "InTopKV2", [x, np.array(targets, kind), kind(k)])


def crosses():
    for dtype in NUMBERS:
        cases.add(label("Cross", dtype), "Cross", [data((2, 2, 3), dtype), data((2, 2, 3), dtype)], tolerance=close(dtype, 3e-7, 4e-16))
    for a, b in (((3,), (3,)), ((0, 3), (0, 3)), ((2, 3), (3,)), ((2, 2), (2, 2)), ((), ())):
        cases.add(label("Cross", a, b), "Cross", [data(a, F32), data(b, F32)], tolerance=3e-7)


def segments():
    for op in ("UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin"):
        for i, dtype in enumerate(NUMBERS):
            kind = (I32, I64)[i % 2]
            cases.add(label(op, dtype), op, [data((4, 3), dtype), np.array([2, 0, -1, 2], kind), kind(4)], tolerance=close(dtype, 2e-7, 3e-16))
        cases.add(label(op, "matrix"), op, [data((2, 3, 2), F32), np.array([[1, 0, 1], [2, 2, 1]], I32), I32(3)], tolerance=2e-7)
        for name, x, ids, n in (("outside", (2,), [0, 3], 3), ("negative_number", (2,), [0, 0], -1), ("shape", (2, 3), [0, 0, 0], 2), ("rank", (), [0], 2), ("none", (0, 2), np.zeros(0), 2), ("scalar", (2,), 1, 3)):
            cases.add(label(op, name), op, [data(x, F32), np.array(ids, I32), I32(n)])
    for op in ("TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin"):
        for i, dtype in enumerate(NUMBERS):
            kind = (I32, I64)[i % 2]
            cases.add(label(op, dtype), op, [data((4, 3), dtype), np.array([[2], [0], [2]], kind), data((3, 3), dtype)], tolerance=close(dtype, 2e-7, 3e-16))
        for name, x, at, u in (("points", (2, 3), [[1, 2], [0, 0], [1, 2]], (3,)), ("outside", (2,), [[2]], (1,)), ("negative", (2,), [[-1]], (1,)), ("shape", (2, 3), [[0]], (1, 2)), ("none", (2,), np.zeros((0, 1)), (0,))):
            cases.add(label(op, name), op, [data(x, F32), np.array(at).astype(I32), data(u, F32)])


def main(folder):
    for part in (binary, sums, select, casts, unary, reductions, products, einsums, bins, segments, crosses):
        part()
    images(cases)
    halves(cases)
    cases.write(folder, "ops_math")


if __name__ == "__main__":
    main(sys.argv[1])
