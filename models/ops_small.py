"""Runs the operations on small types in TensorFlow's own kernels, and writes the cases down.

    python ops_small.py DIR

Integers of 8, 16, 32 and 64 bits with and without a sign, numbers of 8 bits, and the operations that quantize.
"""

import os
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import ml_dtypes
import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_numbers import F32, F64, HALVES, I32, I64, inf, label, nan

cases = Cases()
rng = np.random.default_rng(20250711)

SIGNED = (np.int8, np.int16, np.int32, np.int64)
UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
SMALL = (np.int8, np.int16, *UNSIGNED)
EIGHT = (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)


def spread(shape, dtype):
    """Numbers over the whole range of an integer's type, its ends among them."""
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    x.ravel()[: min(x.size, 4)] = [info.min, info.max, 0, 1][: min(x.size, 4)]
    return x


def pairs(dtype):
    """Each of some corners with each other."""
    info = np.iinfo(dtype)
    some = sorted({info.min, info.min + 1, 0, 1, 2, 3, 7, 100, info.max // 2, info.max - 1, info.max} | ({-1, -2, -7} if info.min else set()))
    return [g.ravel().astype(dtype) for g in np.meshgrid(some, some)]


def arithmetic():
    ops = ("AddV2", "Add", "Sub", "Mul", "Maximum", "Minimum", "Div", "FloorDiv", "FloorMod", "TruncateDiv", "Less", "LessEqual", "Greater", "GreaterEqual",
           "Equal", "NotEqual", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "LeftShift", "RightShift", "SquaredDifference", "Pow", "Mod", "TruncateMod")  # fmt: skip
    for op in ops:
        for dtype in SMALL:
            x, y = pairs(dtype)
            if op in ("Div", "FloorDiv", "FloorMod", "TruncateDiv", "Mod", "TruncateMod"):
                cases.add(label(op, dtype, "by_zero"), op, [x[:3], np.array([1, 0, 1], dtype)])
                x, y = x[y != 0], y[y != 0]
            if op == "Pow":
                y = np.abs(y % 9).astype(dtype)
            cases.add(label(op, dtype), op, [x, y])
            cases.add(label(op, dtype, "broadcast"), op, [spread((2, 1, 5), dtype), np.maximum(spread((3, 1), dtype) % 7, 1).astype(dtype)])
    for op in ("Neg", "Abs", "Sign", "Square", "Invert", "Relu", "Relu6", "OnesLike", "ZerosLike", "Round", "Rint", "Floor"):
        for dtype in SMALL:
            cases.add(label(op, dtype), op, [spread((3, 7), dtype)])
    for dtype in SMALL:
        cases.add(label("AddN", dtype), "AddN", [[spread((2, 5), dtype) for _ in range(3)]])
        cases.add(label("BiasAdd", dtype), "BiasAdd", [spread((2, 3, 5), dtype), spread((5,), dtype)])
        cases.add(label("ClipByValue", dtype), "ClipByValue", [spread((3, 7), dtype), dtype(3), dtype(90)])
        for op in ("SelectV2", "Select"):
            cases.add(label(op, dtype), op, [rng.random((3, 4)) < 0.5, spread((3, 4), dtype), spread((3, 4), dtype)])
        cases.add(label("Where", dtype), "Where", [spread((3, 4), dtype) * (rng.random((3, 4)) < 0.5).astype(dtype)])


def along_axes():
    for dtype in SMALL:
        x = spread((3, 4, 5), dtype)
        for op in ("Sum", "Mean", "Prod", "Max", "Min"):
            for axes in ([], [0], [1], [2], [0, 2], [0, 1, 2]):
                cases.add(label(op, dtype, *axes), op, [x, np.array(axes, I32)])
            cases.add(label(op, dtype, "kept"), op, [x, np.array([1], I32)], keep_dims=True)
        for op in ("Max", "Min", "Sum", "Prod"):
            cases.add(label(op, dtype, "empty"), op, [np.zeros((0, 2), dtype), np.array([0], I32)])
        for op in ("Cumsum", "Cumprod"):
            for exclusive, reverse in ((False, False), (True, False), (False, True)):
                cases.add(label(op, dtype, exclusive, reverse), op, [x, I32(1)], exclusive=exclusive, reverse=reverse)
        for op in ("ArgMax", "ArgMin"):
            for axis in (0, 2):
                cases.add(label(op, dtype, axis), op, [x, I32(axis)])
            cases.add(label(op, dtype, "lowest"), op, [np.full((2, 3), np.iinfo(dtype).min, dtype), I32(1)])
        cases.add(label("TopKV2", dtype), "TopKV2", [x, I32(3)])
        window = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
        cases.add(label("MaxPool", dtype), "MaxPool", [spread((2, 5, 4, 2), dtype)], **window)


def products():
    for dtype in SMALL:
        for ta, tb in ((False, False), (True, False), (False, True)):
            a, b = spread((9, 3) if ta else (3, 9), dtype), spread((4, 9) if tb else (9, 4), dtype)
            cases.add(label("MatMul", dtype, ta, tb), "MatMul", [a, b], transpose_a=ta, transpose_b=tb)
        cases.add(label("BatchMatMulV2", dtype), "BatchMatMulV2", [spread((2, 3, 5), dtype), spread((5, 4), dtype)])
        cases.add(label("BatchMatMul", dtype), "BatchMatMul", [spread((2, 3, 5), dtype), spread((2, 5, 4), dtype)])
        cases.add(label("Einsum", dtype), "Einsum", [[spread((2, 3, 5), dtype), spread((5, 4), dtype)]], equation="abc,cd->abd")
    bytes = (np.int8, np.uint8)
    for x in bytes:
        for y in bytes:
            for a, b, adj_x, adj_y in (((3, 9), (9, 4), False, False), ((2, 9, 3), (9, 4), True, False), ((2, 3, 9), (2, 4, 9), False, True), ((1, 1300), (1300, 5), False, False), ((3, 0), (0, 2), False, False)):
                cases.add(label("BatchMatMulV3", x, y, a, b), "BatchMatMulV3", [spread(a, x), spread(b, y)], Tout=tf.int32, adj_x=adj_x, adj_y=adj_y)
            # The largest magnitudes, in sums that float32 does not hold.
            ends = [np.full((2, 1100), np.iinfo(x).min or 255, x), np.full((1100, 3), np.iinfo(y).min or 255, y)]
            cases.add(label("BatchMatMulV3", x, y, "largest"), "BatchMatMulV3", ends, Tout=tf.int32)
    cases.add("BatchMatMulV3_unlike", "BatchMatMulV3", [spread((3, 9), np.int8), spread((8, 4), np.int8)], Tout=tf.int32)
    for dtype, t in ((F32, 1e-6), (F64, 1e-14), (I32, 0)):
        cases.add(label("BatchMatMulV3", dtype), "BatchMatMulV3", [rng.integers(-9, 9, (3, 9)).astype(dtype), rng.integers(-9, 9, (9, 4)).astype(dtype)], tolerance=t, Tout=tf.as_dtype(dtype))


# Integers that every type holds at least in part, and fractions on both sides of a half.
WHOLE = [0, 1, 2, 3, 5, 7, 100, 127, 128, 129, 200, 255, 256, 257, 300, 447, 448, 449, 1000, 32767, 32768, 65535, 65536, 2**24 + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1]
FRACTIONS = [0.5, 0.75, 1.5, 2.5, 3.49, 17.0, 18.0, 19.0, 20.0, 126.5, 127.5, 254.5, 255.4, 0.1, 2**-9, 2**-10, 3 * 2**-11, 2**-16, 2**-17, 3 * 2**-18, 1e-7, 240.0, 464.0, 465.0, 480.0, 57344.0, 61440.0, 61439.0, 65504.0]


def casts():
    types = SIGNED + UNSIGNED + (np.bool_, F32, F64) + HALVES + EIGHT
    for src in types:
        if src == np.bool_:
            x = np.array([False, True, True])
        elif np.issubdtype(src, np.integer):
            info = np.iinfo(src)
            x = np.array([v for v in WHOLE + [-v for v in WHOLE] + [-(2**63)] if info.min <= v <= info.max] + [info.min, info.max], src)
        else:
            largest = float(ml_dtypes.finfo(src).max)
            v = np.array([v for v in WHOLE + FRACTIONS if v <= largest], F64)
            x = np.concatenate([v, -v]).astype(src)
        for dst in types:
            if src == dst or dst in EIGHT and np.issubdtype(src, np.integer) or dst in EIGHT and src == np.bool_:
                continue  # for the last, TensorFlow has no kernel
            y = x
            if np.issubdtype(dst, np.integer) and not np.issubdtype(src, np.integer) and src != np.bool_:
                # Where C++ defines the result; see outside().
                info = np.iinfo(dst)
                v = np.trunc(x.astype(F64))
                y = x[(v >= info.min) & (v <= (info.max if info.bits < 64 else info.max - 2**11))]
            cast(label("Cast", src, dst), y, dst)
    for src in (F32, F64) + HALVES:
        for dst in EIGHT:
            cast(label("Cast", src, dst, "nan"), np.array([nan, inf, -inf, 0.0, -0.0], src), dst)
            v = rng.normal(0, 1, 300) * 2.0 ** rng.integers(-12, 9, 300)
            cast(label("Cast", src, dst, "random"), v.astype(src), dst)
    for src in EIGHT:  # every number that there is
        x = np.arange(256, dtype=np.uint8).view(src)
        for dst in (F32, F64) + HALVES + tuple(t for t in EIGHT if t != src):
            cast(label("Cast", src, dst, "all"), x, dst)


def cast(name, x, dst):
    """A cast. Numbers of 8 bits, which numpy's files do not have, come from float32 and go there."""
    eight = [x.dtype in EIGHT, dst in EIGHT]
    if not any(eight):
        cases.add(name, "Cast", [x], DstT=tf.as_dtype(dst))
        return

    def build(xs):
        y = tf.cast(xs[0], x.dtype.name) if eight[0] else xs[0]
        y = tf.cast(y, np.dtype(dst).name)
        return tf.cast(y, tf.float32) if eight[1] else y

    cases.graph(name, build, [x.astype(F32) if eight[0] else x])


RANGES = [(-6.0, 6.0), (-1.0, 2.0), (0.0, 3.0), (-2.5, 0.0), (0.5, 3.0), (-3.0, -0.5), (-1e-3, 5e-3)]


def quantizers():
    corners = np.array([nan, inf, -inf, 0.0, -0.0, 0.5, -0.5, 1e30, -1e30], F32)
    x = np.concatenate([rng.normal(0, 3, 111).astype(F32), corners]).reshape(5, 4, 6)
    for bits, narrow in ((8, False), (8, True), (4, False), (2, True), (16, False)):
        for least, most in RANGES:
            options = {"num_bits": bits, "narrow_range": narrow}
            cases.add(label("FakeQuantWithMinMaxArgs", bits, narrow, least, most), "FakeQuantWithMinMaxArgs", [x], min=least, max=most, **options)
            cases.add(label("FakeQuantWithMinMaxVars", bits, narrow, least, most), "FakeQuantWithMinMaxVars", [x, F32(least), F32(most)], **options)
        ends = np.array(RANGES[:6], F32)
        cases.add(label("FakeQuantWithMinMaxVarsPerChannel", bits, narrow), "FakeQuantWithMinMaxVarsPerChannel", [x, ends[:, 0], ends[:, 1]], **options)
    cases.add("FakeQuantWithMinMaxArgs_default", "FakeQuantWithMinMaxArgs", [x])
    cases.add("FakeQuantWithMinMaxVars_zero", "FakeQuantWithMinMaxVars", [x, F32(0), F32(0)])
    cases.add("FakeQuantWithMinMaxVars_list", "FakeQuantWithMinMaxVars", [x, np.zeros(2, F32), np.ones(2, F32)])
    cases.add("FakeQuantWithMinMaxVarsPerChannel_zero", "FakeQuantWithMinMaxVarsPerChannel", [x, np.zeros(6, F32), np.array([0, 1, 0, 2, 0, 3], F32)])
    cases.add("FakeQuantWithMinMaxVarsPerChannel_five", "FakeQuantWithMinMaxVarsPerChannel", [x, np.zeros(5, F32), np.ones(5, F32)])
    cases.add("FakeQuantWithMinMaxVars_empty", "FakeQuantWithMinMaxVars", [np.zeros((0, 3), F32), F32(0), F32(1)])
    for dtype in (F32, F64):
        x = np.concatenate([rng.normal(0, 3, 112), [0.5, -0.5, 1.5, 2.5, -1.5, 0, 4, -4]]).astype(dtype).reshape(5, 4, 6)
        for op in ("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4"):
            for bits, signed, narrow, up in ((8, True, False, False), (8, True, True, True), (8, False, False, False), (4, True, True, False), (3, False, False, True), (30, True, False, False)):
                three = op == "QuantizeAndDequantizeV3"
                if three and up:
                    continue
                options = {"signed_input": signed, "narrow_range": narrow} | ({} if three else {"num_bits": bits, "round_mode": "HALF_UP" if up else "HALF_TO_EVEN"})
                last = [I32(bits)] if three else []
                for least, most in RANGES[:5]:
                    cases.add(label(op, dtype, bits, signed, narrow, least, most), op, [x, dtype(least), dtype(most), *last], range_given=True, **options)
                cases.add(label(op, dtype, bits, signed, narrow, "own"), op, [x, dtype(0), dtype(0), *last], range_given=False, **options)
                for axis in (0, 1, 2):
                    n = x.shape[axis]
                    ends = [-np.arange(1, n + 1).astype(dtype) / dtype(2), np.arange(n)[::-1].astype(dtype)]
                    cases.add(label(op, dtype, bits, signed, narrow, "axis", axis), op, [x, *ends, *last], range_given=True, axis=axis, **options)
                    cases.add(label(op, dtype, bits, signed, narrow, "axis", axis, "own"), op, [x, *ends, *last], range_given=False, axis=axis, **options)
        cases.add(label("QuantizeAndDequantizeV2", dtype, "zeros"), "QuantizeAndDequantizeV2", [np.zeros((2, 3), dtype), dtype(0), dtype(0)])
        cases.add(label("QuantizeAndDequantizeV2", dtype, "backwards"), "QuantizeAndDequantizeV2", [x, dtype(1), dtype(0)], range_given=True)
        cases.add(label("QuantizeAndDequantizeV2", dtype, "axis", 3), "QuantizeAndDequantizeV2", [x, dtype(0), dtype(1)], axis=3)
        cases.add(label("QuantizeAndDequantizeV3", dtype, "bits"), "QuantizeAndDequantizeV3", [x, dtype(0), dtype(1), I32(63)])


def sums_of_halves():
    """Sums of float16, whose order is TensorFlow's own: they are rounded at every step."""
    x = rng.normal(0, 1, (4, 17)).astype(np.float16)
    for op in ("Sum", "Mean"):
        for axis in (0, 1):
            cases.add(label(op, np.float16, axis), op, [x, I32(axis)], tolerance=4e-3)
    pool = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    cases.add(label("AvgPool", np.float16), "AvgPool", [rng.normal(0, 1, (2, 7, 5, 2)).astype(np.float16)], tolerance=2e-3, **pool)


def main():
    arithmetic()
    quantizers()
    sums_of_halves()
    along_axes()
    products()
    casts()
    cases.write(sys.argv[1], "ops_small")


main()
