"""Runs the operations on sparse tensors and on segments in TensorFlow's own kernels, and writes the cases down.

    python ops_sparse.py DIR
"""

import sys

import numpy as np

from ops_cases import Cases
from ops_numbers import F32, F64, I32, I64, NUMBERS, data, inf, label, nan

rng = np.random.default_rng(20240617)


def sparse(shape, n, dtype=F32, ordered=True):
    """Positions, elements and shape, each position once."""
    size = int(np.prod(shape))
    flat = rng.permutation(size)[:n]
    flat = np.sort(flat) if ordered else flat
    at = np.stack(np.unravel_index(flat, shape), -1).astype(I64).reshape(-1, len(shape))
    return [at, data((len(at),), dtype), np.array(shape, I64)]


def close(dtype):
    return {F32: 2e-6, F64: 1e-14}.get(dtype, 0)


def products(cases):
    op = "SparseTensorDenseMatMul"
    for dtype in (F32, F64, I32):
        for a in (False, True):
            for b in (False, True):
                s = sparse((4, 5), 7, dtype, ordered=False)
                cases.add(label(op, dtype, a, b), op, [*s, data((3, 4 if a else 5) if b else (4 if a else 5, 3), dtype)], tolerance=close(dtype), adjoint_a=a, adjoint_b=b)
    at, x, shape = sparse((4, 5), 6)
    y = data((5, 3), F32)
    cases.add(label(op, "int32"), op, [at.astype(I32), x, shape, y], tolerance=2e-6)
    cases.add(label(op, "twice"), op, [at[[0, 0, 1, 1, 0, 2]], x, shape, y], tolerance=2e-6)
    cases.add(label(op, "none"), op, [at[:0], x[:0], shape, y])
    cases.add(label(op, "no_columns"), op, [at, x, shape, y[:, :0]])
    for name, inputs in (("outside", [at + 1, x, shape, y]), ("negative", [at - 1, x, shape, y]), ("inner", [at, x, shape, y[:4]]), ("count", [at[:3], x, shape, y]), ("rank", [at, x, shape, y[0]]), ("shape", [at, x, shape[:1], y]), ("cube", [*sparse((2, 3, 4), 5), y])):
        cases.add(label(op, name), op, inputs)


def placed(cases):
    for shape in ((4, 5), (3, 2, 4), (9,)):
        cases.add(label("SparseReorder", shape), "SparseReorder", sparse(shape, 6, ordered=False))
        cases.add(label("SparseReorder", "in_order", shape), "SparseReorder", sparse(shape, 6))
    cases.add("SparseReorder_strings", "SparseReorder", [np.array([[1, 0], [0, 1]], I64), np.array(["a", "b"]), np.array([2, 2], I64)])
    cases.add("SparseReorder_none", "SparseReorder", sparse((3, 2), 0))
    at, _, shape = sparse((4, 6), 7)
    for name, to in (("same", (4, 6)), ("flat", (24,)), ("open", (-1, 3)), ("cube", (2, -1, 2)), ("other", (6, 4)), ("more", (5, 5)), ("two_open", (-1, -1)), ("uneven", (-1, 7)), ("negative", (-2, 12))):
        cases.add(label("SparseReshape", name), "SparseReshape", [at, shape, np.array(to, I64)])
    cases.add("SparseReshape_none", "SparseReshape", [at[:0], shape, np.array([3, -1], I64)])
    for axis in (0, 1, -1, 2, -3):
        parts = [sparse((3, 4), 5), sparse((3, 4), 4), sparse((3, 4), 0)]
        cases.add(label("SparseConcat", axis), "SparseConcat", [[p[i] for p in parts] for i in range(3)], concat_dim=axis)
    parts = [sparse((3, 4), 5, I64), sparse((3, 2), 4, I64)]
    for axis in (0, 1):
        cases.add(label("SparseConcat", "unequal", axis), "SparseConcat", [[p[i] for p in parts] for i in range(3)], concat_dim=axis)
    for n in (0, 2, 5, 9):
        for default in (F32(7), F32(0)):
            cases.add(label("SparseFillEmptyRows", n, default), "SparseFillEmptyRows", [*sparse((6, 3), n), default])
    cases.add("SparseFillEmptyRows_unordered", "SparseFillEmptyRows", [np.array([[3, 0], [0, 1], [3, 2], [0, 0]], I64), np.array([1, 2, 3, 4], I64), np.array([5, 3], I64), I64(-1)])
    cases.add("SparseFillEmptyRows_cube", "SparseFillEmptyRows", [*sparse((4, 2, 3), 3), F32(1)])
    for name, at, shape in (("outside", [[5, 0]], [5, 2]), ("no_rows", [[0, 0]], [0, 2]), ("negative", [[-1, 0]], [5, 2])):
        cases.add(label("SparseFillEmptyRows", name), "SparseFillEmptyRows", [np.array(at, I64), np.ones(1, F32), np.array(shape, I64), F32(1)])
    cases.add("SparseFillEmptyRows_default", "SparseFillEmptyRows", [*sparse((4, 2), 3), np.ones(1, F32)])


def unions(cases):
    for dtype in NUMBERS:
        for op in ("SparseSparseMaximum", "SparseSparseMinimum"):
            cases.add(label(op, dtype), op, [*sparse((4, 5), 8, dtype), *sparse((4, 5), 9, dtype)])
        zero = np.asarray(0, dtype)
        cases.add(label("SparseAdd", dtype), "SparseAdd", [*sparse((4, 5), 8, dtype), *sparse((4, 5), 9, dtype), zero], tolerance=close(dtype))
        cases.add(label("SparseAdd", dtype, "threshold"), "SparseAdd", [*sparse((2, 3, 2), 8, dtype), *sparse((2, 3, 2), 7, dtype), np.asarray(2, dtype)], tolerance=close(dtype))
        cases.add(label("SparseTensorDenseAdd", dtype), "SparseTensorDenseAdd", [*sparse((4, 5), 8, dtype), data((4, 5), dtype)], tolerance=close(dtype))
        for op in ("SparseDenseCwiseAdd", "SparseDenseCwiseMul", "SparseDenseCwiseDiv"):
            if dtype in (F32, F64) or op != "SparseDenseCwiseDiv":
                for shape in ((3, 4), (4,), (1, 4), (3, 1), ()):
                    cases.add(label(op, dtype, shape), op, [*sparse((3, 4), 7, dtype), data(shape, dtype)], tolerance=close(dtype))
    at, x, shape = sparse((3, 4), 5)
    odd = np.array([nan, inf, -inf, 0, -1], F32)
    for op in ("SparseSparseMaximum", "SparseSparseMinimum"):
        cases.add(label(op, "none"), op, [at, x, shape, at[:0], x[:0], shape])
        cases.add(label(op, "shapes"), op, [at, x, shape, *sparse((4, 3), 5)])
    cases.add("SparseAdd_odd", "SparseAdd", [at, odd, shape, at[1:3], odd[1:3], shape, F32(0)])
    cases.add("SparseAdd_odd_sums", "SparseAdd", [at, odd, shape, at, odd, shape, F32(1)])
    cases.add("SparseAdd_none", "SparseAdd", [at[:0], x[:0], shape, at[:0], x[:0], shape, F32(0)])
    cases.add("SparseAdd_shapes", "SparseAdd", [at, x, shape, *sparse((4, 3), 5), F32(0)])
    cases.add("SparseTensorDenseAdd_small_indices", "SparseTensorDenseAdd", [at.astype(I32), x, shape.astype(I32), data((3, 4), F32)], tolerance=2e-6)
    cases.add("SparseTensorDenseAdd_twice", "SparseTensorDenseAdd", [at[[0, 0, 1, 1, 0]], x, shape, data((3, 4), F32)], tolerance=2e-6)
    cases.add("SparseTensorDenseAdd_shape", "SparseTensorDenseAdd", [at, x, shape, data((4, 4), F32)])
    cases.add("SparseTensorDenseAdd_outside", "SparseTensorDenseAdd", [at + 1, x, shape, data((3, 4), F32)])
    for name, dense in (("rank", (2, 3, 4)), ("width", (3, 3)), ("wide", (3, 8))):
        cases.add(label("SparseDenseCwiseMul", name), "SparseDenseCwiseMul", [at, x, shape, data(dense, F32)])
    cases.add("SparseDenseCwiseMul_outside", "SparseDenseCwiseMul", [at + 1, x, shape, data((3, 4), F32)])


def segments(cases):
    for dtype in NUMBERS:
        for i, op in enumerate(("SegmentSum", "SegmentMean", "SegmentMax", "SegmentMin")):
            if dtype in (F32, F64) or op != "SegmentMean":
                kind = (I32, I64)[i % 2]
                cases.add(label(op, dtype), op, [data((6, 3), dtype), np.array([0, 0, 2, 2, 2, 5], kind)], tolerance=close(dtype))
        for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"):
            if dtype in (F32, F64) or op == "SparseSegmentSum":
                cases.add(label(op, dtype), op, [data((6, 3), dtype), np.array([5, 0, 0, 3, 2, 4, 1], I32), np.array([0, 0, 0, 2, 2, 2, 4], I32)], tolerance=close(dtype))
    x = data((6, 3), F32)
    for op in ("SegmentSum", "SegmentMean", "SegmentMax", "SegmentMin"):
        for name, ids in (("falls", [0, 1, 0, 1, 2, 2]), ("negative", [-1, 0, 0, 1, 1, 1]), ("few", [0, 1])):
            cases.add(label(op, name), op, [x, np.array(ids, I32)])
        cases.add(label(op, "late"), op, [x, np.array([2, 2, 2, 2, 3, 3], I32)], tolerance=2e-6)
        cases.add(label(op, "vector"), op, [x[:, 0], np.array([0, 0, 0, 1, 1, 1], I32)], tolerance=2e-6)
        cases.add(label(op, "none"), op, [x[:0], np.zeros(0, I32)])
    for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"):
        for name, at, ids in (("falls", [0, 1, 2], [1, 0, 0]), ("outside", [0, 6], [0, 0]), ("negative", [0, -1], [0, 0]), ("few", [0, 1], [0])):
            cases.add(label(op, name), op, [x, np.array(at, I32), np.array(ids, I32)])
        cases.add(label(op, "late"), op, [x, np.array([3, 1], I64), np.array([2, 2], I64)], tolerance=2e-6)
        cases.add(label(op, "none"), op, [x, np.zeros(0, I32), np.zeros(0, I32)])


def main(folder):
    cases = Cases()
    for part in (products, placed, unions, segments):
        part(cases)
    cases.write(folder, "ops_sparse")


if __name__ == "__main__":
    main(sys.argv[1])
