"""Blocks of rows, bands and diagonals of matrices, and the bits of elements."""

import numpy as np
import tensorflow as tf

from ops_tensors import DTYPES, f32, i32, i64, ints, label, make


def blocks(c):
    for dtype in DTYPES:
        if dtype not in ("bool", "string"):  # which TensorFlow has no kernel for
            c.add(f"SpaceToBatchND/type/{dtype}", "SpaceToBatchND", [make(dtype, 1, 4, 2), i32(2), i32([1, 1])], shapes=True)
            c.add(f"BatchToSpaceND/type/{dtype}", "BatchToSpaceND", [make(dtype, 2, 3, 2), i32(2), i32([1, 1])], shapes=True)
    for i, (s, block, pads) in enumerate([
        ((2, 6, 3), [2], [[0, 0]]), ((2, 5, 3), [3], [[4, 0]]), ((1, 6, 4, 2), [2, 2], [[0, 0], [1, 1]]), ((1, 6, 4, 2), [3, 1], [[0, 0], [0, 0]]), ((2, 6, 3), [1], [[1, 2]]), ((2, 6), [2], [[0, 0]]), ((1, 2, 3, 4, 1), [2, 3, 2], [[0, 0], [3, 0], [0, 2]]),
        ((2, 5, 3), [2], [[0, 0]]), ((2, 6, 3), [0], [[0, 0]]), ((2, 6, 3), [2], [[-1, 1]]), ((0, 4, 2), [2], [[0, 0]]), ((2, 0, 2), [2], [[0, 0]]), ((2, 0, 2), [2], [[2, 0]]), ((2, 4, 0), [2], [[0, 0]]), ((2, 6, 3), [4000], [[3994, 0]]),
    ]):
        kind = (np.int32, np.int64)[i % 2]
        c.add(f"SpaceToBatchND/{label(s)}/{block}/{pads}", "SpaceToBatchND", [f32(*s), ints(block, kind), ints(pads, kind)], shapes=True)
    for i, (s, block, crops) in enumerate([
        ((4, 3, 2), [2], [[0, 0]]), ((6, 3, 2), [3], [[4, 0]]), ((4, 3, 2, 2), [2, 2], [[0, 0], [1, 1]]), ((6, 2, 3), [3, 1], [[1, 2], [0, 0]]), ((2, 6, 3), [1], [[1, 2]]), ((4, 3), [2], [[0, 1]]), ((12, 1, 2, 2, 1), [2, 3, 2], [[0, 0], [3, 0], [0, 2]]),
        ((3, 3, 2), [2], [[0, 0]]), ((4, 3, 2), [0], [[0, 0]]), ((4, 3, 2), [2], [[-1, 1]]), ((4, 3, 2), [2], [[3, 3]]), ((4, 3, 2), [2], [[3, 4]]), ((0, 4, 2), [2], [[0, 0]]), ((2, 0, 2), [2], [[0, 0]]), ((2, 4, 0), [2], [[0, 1]]), ((2, 6, 3), [4000], [[0, 0]]),
    ]):
        kind = (np.int32, np.int64)[i % 2]
        c.add(f"BatchToSpaceND/{label(s)}/{block}/{crops}", "BatchToSpaceND", [f32(*s), ints(block, kind), ints(crops, kind)], shapes=True)


def bands(c):
    for dtype in DTYPES:
        if dtype != "string":
            c.add(f"MatrixBandPart/type/{dtype}", "MatrixBandPart", [make(dtype, 3, 4), np.int64(1), np.int64(0)])
    for s in [(3, 3), (2, 4), (4, 2), (2, 3, 3), (1, 1), (0, 3), (3, 0), (0, 3, 3), (2, 0, 0)]:
        for i, (low, high) in enumerate([(-1, 0), (0, -1), (0, 0), (1, 1), (-1, -1), (2, 0)]):
            kind = (np.int32, np.int64)[i % 2]
            c.add(f"MatrixBandPart/{label(s)}/{low},{high}", "MatrixBandPart", [f32(*s), kind(low), kind(high)])
    for name, s, low, high in [("vector", (3,), np.int64(0), np.int64(0)), ("many below", (2, 3), np.int64(3), np.int64(0)), ("many above", (2, 3), np.int64(0), np.int64(4)), ("lists", (3, 3), i64(1), i64(1))]:
        c.add(f"MatrixBandPart/{name}", "MatrixBandPart", [f32(*s), low, high])


def diagonals(c):
    zero = np.float32(-9)
    for dtype in DTYPES:
        if dtype != "string":
            pad = np.array(0, DTYPES[dtype])
            c.add(f"MatrixDiagPartV3/type/{dtype}", "MatrixDiagPartV3", [make(dtype, 2, 3), np.int32(0), pad])
            c.add(f"MatrixDiagV3/type/{dtype}", "MatrixDiagV3", [make(dtype, 3), np.int32(0), np.int32(-1), np.int32(-1), pad])
            c.add(f"MatrixSetDiagV3/type/{dtype}", "MatrixSetDiagV3", [make(dtype, 2, 3), make(dtype, 2), np.int32(0)])
    for dtype in ("float32", "float64", "int32", "int64"):
        c.add(f"Diag/type/{dtype}", "Diag", [make(dtype, 4)])
    for s in [(1,), (0,), (2, 3), (2, 1, 3), ()]:
        c.add(f"Diag/{label(s)}", "Diag", [make("float32", *s)])
    for s in [(3, 3), (2, 4), (4, 2), (2, 3, 4)]:
        for align in ("LEFT_LEFT", "LEFT_RIGHT", "RIGHT_LEFT", "RIGHT_RIGHT"):
            for k in [(0,), (1,), (-1,), (0, 0), (-1, 1), (0, 1), (-1, 0), (1, 1)] if align == "RIGHT_LEFT" else [(-1, 1)]:
                tag = f"{label(s)}/{align}/{list(k)}"
                diag = i32(*k) if len(k) > 1 else np.int32(k[0])
                c.add(f"MatrixDiagPartV3/{tag}", "MatrixDiagPartV3", [f32(*s), diag, zero], align=align)
                rows, cols, low, high = s[-2], s[-1], k[0], k[-1]
                packed = s[:-2] + ((high - low + 1,) if low != high else ()) + (min(rows + min(high, 0), cols - max(low, 0)),)
                c.add(f"MatrixSetDiagV3/{tag}", "MatrixSetDiagV3", [f32(*s), f32(*packed), diag], align=align)
                c.add(f"MatrixDiagV3/{tag}", "MatrixDiagV3", [f32(*packed), diag, np.int32(rows), np.int32(cols), zero], align=align)
                c.add(f"MatrixDiagV3/smallest/{tag}", "MatrixDiagV3", [f32(*packed), diag, np.int32(-1), np.int32(-1), zero], align=align)
    for name, s, k in [("vector", (3,), i32(0)), ("far", (3, 3), i32(3)), ("far below", (3, 3), i32(-3)), ("crossed", (3, 3), i32(1, 0)), ("three", (3, 3), i32(0, 1, 2)), ("none", (3, 3), i32()), ("empty", (2, 0, 3), i32(0)), ("no matrices", (0, 3, 3), i32(0)), ("no columns", (3, 0), i32(0))]:
        c.add(f"MatrixDiagPartV3/{name}", "MatrixDiagPartV3", [f32(*s), k, zero])
    for name, s, d, k in [("short", (3, 3), (2,), i32(0)), ("long", (3, 3), (4,), i32(0)), ("vector", (3,), (1,), i32(0)), ("far", (3, 3), (3,), i32(3)), ("batch", (2, 3, 3), (3,), i32(0)), ("empty", (0, 3, 3), (0, 3), i32(0))]:
        c.add(f"MatrixSetDiagV3/{name}", "MatrixSetDiagV3", [f32(*s), f32(*d), k])
    for name, d, k, rows, cols in [("scalar", (), [0], -1, -1), ("rows", (3,), [0], 5, -1), ("columns", (3,), [0], -1, 5), ("large", (3,), [0], 4, 4), ("small", (3,), [0], 2, 3), ("above", (3,), [1], -1, -1), ("above, rows", (3,), [1], 5, -1), ("below", (3,), [-2], -1, -1), ("bands", (3, 4), [-1, 1], 4, 4), ("bands, number", (2, 4), [-1, 1], 4, 4), ("batch", (2, 3), [0], -1, -1), ("empty", (0,), [0], -1, -1), ("negative", (3,), [0], -2, 3)]:
        c.add(f"MatrixDiagV3/{name}", "MatrixDiagV3", [f32(*d), i32(*k), np.int32(rows), np.int32(cols), zero])


def bits(c):
    for a in DTYPES:
        for b in DTYPES:
            if {a, b} & {"bool", "string"}:
                continue
            c.add(f"Bitcast/{a}/{b}", "Bitcast", [make(a, 3, 2)], type=tf.as_dtype(b))
    for s, a, b in [((), "float32", "int32"), ((), "float64", "int32"), ((), "float32", "int64"), ((2, 4), "float16", "float64"), ((2, 4), "float16", "float32"), ((0, 2), "float32", "int64"), ((2, 0), "float32", "int64"), ((0,), "float64", "int32"), ((2, 1), "float32", "int64")]:
        c.add(f"Bitcast/{label(s)}/{a}/{b}", "Bitcast", [make(a, *s)], type=tf.as_dtype(b))
    c.add("Bitcast/zeros", "Bitcast", [np.array([0.0, -0.0, np.inf, 1e-40], np.float32)], type=tf.int32)
