"""Operations that coverage.py found missing: rows by segments, colours, products of matrices said to be sparse.

    python ops_coverage.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_numbers import F32, F64, I32, I64, NUMBERS, close, data, label


def segments(cases):
    for op in ("SegmentSum", "SegmentProd", "SegmentMax", "SegmentMin"):
        for i, dtype in enumerate(NUMBERS):
            kind = (I32, I64)[i % 2]
            cases.add(label(op, dtype), op, [data((5, 3), dtype), np.array([0, 0, 2, 3, 3], kind)], tolerance=close(dtype, 2e-7, 3e-16))
        cases.add(label(op, "first"), op, [data((3, 2, 2), F32), np.array([2, 2, 4], I32)], tolerance=2e-7)
        for name, x, ids in (("falling", (2,), [1, 0]), ("negative", (2,), [-1, 0]), ("few", (3, 2), [0, 1]), ("matrix", (2, 2), [[0, 1], [1, 2]]), ("none", (0, 2), np.zeros(0)), ("scalar", (), [0])):
            cases.add(label(op, name), op, [data(x, F32), np.array(ids, I32)])


def colours(cases):
    for dtype, tolerance in ((F32, 3e-7), (F64, 4e-16)):
        x = abs(data((4, 5, 3), dtype)).astype(dtype)
        cases.add(label("RGBToHSV", dtype), "RGBToHSV", [x / x.max()], tolerance=tolerance)
        cases.add(label("HSVToRGB", dtype), "HSVToRGB", [x / x.max()], tolerance=tolerance)
    corners = np.array([[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [0.5, 0.25, 0.5], [0.25, 0.5, 0.5], [0.5, 0.5, 0.25], [2, -1, 3], [-1, -2, -3], [255, 3, 90]], F32)
    for op in ("RGBToHSV", "HSVToRGB"):
        cases.add(label(op, "corners"), op, [corners], tolerance=3e-7)
        for name, shape in (("none", (0, 3)), ("four", (2, 4)), ("vector", (3,)), ("scalar", ())):
            cases.add(label(op, name), op, [abs(data(shape, F32))], tolerance=3e-7)


def products(cases):
    for a, b in ((False, False), (False, True), (True, False), (True, True)):
        left, right = data((4, 3) if a else (3, 4), F32), data((5, 4) if b else (4, 5), F32)
        for sparse in (False, True):
            cases.add(label("SparseMatMul", a, b, sparse), "SparseMatMul", [np.where(left > 0, left, 0), right], tolerance=1e-6, transpose_a=a, transpose_b=b, a_is_sparse=sparse, b_is_sparse=not sparse)
    inf = np.array([[0, np.inf], [1, 2], [0, -1]], F32)
    cases.add(label("SparseMatMul", "inf"), "SparseMatMul", [inf, np.array([[np.inf, 1, 0], [2, 0, np.nan]], F32)])
    cases.add(label("SparseMatMul", "inf_and_zeros"), "SparseMatMul", [inf, np.array([[0, 1, 0], [2, 0, -1]], F32)], a_is_sparse=True)
    for name, left, right in (("none", (0, 4), (4, 2)), ("no_terms", (2, 0), (0, 3)), ("inner", (2, 3), (4, 2)), ("vector", (3,), (3, 2)), ("batch", (2, 2, 3), (2, 3, 2))):
        cases.add(label("SparseMatMul", name), "SparseMatMul", [data(left, F32), data(right, F32)], tolerance=1e-6)


def main(folder):
    cases = Cases()
    for part in (segments, colours, products):
        part(cases)
    cases.write(folder, "ops_coverage")


if __name__ == "__main__":
    main(sys.argv[1])
