"""Decompositions of matrices, and what is solved by them.

    python ops_linalg.py DIR

The vectors of singular values are known up to their signs alone: the cases hold what is made of them.
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_numbers import F32, F64, FLOATS, I32, I64, close, data, label

SQUARE = [(1, 1), (3, 3), (2, 4, 4), (2, 1, 5, 5)]
ODD = [(0, 0), (0, 3, 3), (2, 0, 0), (2, 3), (3,), ()]


def square(shape, dtype):
    """Well conditioned matrices."""
    return (data(shape, dtype) + 3 * np.eye(shape[-1])).astype(dtype) if len(shape) > 1 and shape[-1] == shape[-2] else data(shape, dtype)


def positive(shape, dtype):
    x = data(shape, dtype)
    return (x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1])).astype(dtype) if len(shape) > 1 and shape[-1] == shape[-2] else x


def alone(cases):
    for op, make in (("Cholesky", positive), ("MatrixInverse", square), ("MatrixDeterminant", square), ("LogMatrixDeterminant", square), ("Lu", square)):
        for dtype in FLOATS:
            for shape in SQUARE:
                cases.add(label(op, dtype, shape), op, [make(shape, dtype)], tolerance=close(dtype, 3e-5, 1e-12))
        for shape in ODD:
            cases.add(label(op, "odd", shape), op, [make(shape, F32)], tolerance=3e-5)
        if op != "Cholesky":  # whose result is not defined then
            cases.add(label(op, "singular"), op, [np.zeros((2, 2), F32)])
    cases.add("Cholesky_lower", "Cholesky", [np.array([[4, 99], [2, 3]], F32)], tolerance=1e-6)
    cases.add("MatrixInverse_adjoint", "MatrixInverse", [square((2, 3, 3), F32)], tolerance=3e-5, adjoint=True)
    cases.add("Lu_int64", "Lu", [square((3, 3), F32)], tolerance=3e-5, output_idx_type=tf.int64)


def systems(cases):
    for dtype in FLOATS:
        for a, b in (((3, 3), (3, 2)), ((2, 4, 4), (2, 4, 1)), ((1, 1), (1, 3)), ((3, 3), (3, 0))):
            for adjoint in (False, True):
                cases.add(label("MatrixSolve", dtype, a, b, adjoint), "MatrixSolve", [square(a, dtype), data(b, dtype)], tolerance=close(dtype, 3e-5, 1e-12), adjoint=adjoint)
                for lower in (False, True):
                    cases.add(label("MatrixTriangularSolve", dtype, a, b, adjoint, lower), "MatrixTriangularSolve", [square(a, dtype), data(b, dtype)], tolerance=close(dtype, 3e-5, 1e-12), adjoint=adjoint, lower=lower)
    for op in ("MatrixSolve", "MatrixTriangularSolve"):
        for name, a, b in (("rows", (3, 3), (2, 2)), ("batch", (2, 3, 3), (3, 2)), ("batches", (2, 3, 3), (3, 3, 2)), ("no_batch", (0, 3, 3), (0, 3, 2)), ("rectangle", (3, 2), (3, 2)), ("none", (0, 0), (0, 2)), ("vector", (3, 3), (3,))):
            cases.add(label(op, name), op, [square(a, F32), data(b, F32)], tolerance=3e-5)
        cases.add(label(op, "singular"), op, [np.zeros((2, 2), F32), data((2, 1), F32)])
    for a, b in (((3, 3), (4, 3, 2)), ((2, 1, 3, 3), (4, 3, 2))):
        cases.add(label("MatrixTriangularSolve", "broadcast", a, b), "MatrixTriangularSolve", [square(a, F32), data(b, F32)], tolerance=3e-5)


def decompositions(cases):
    for dtype in FLOATS:
        for shape in ((3, 3), (2, 5, 3), (2, 4), (1, 1), (4, 1)):
            for full in (False, True):
                if not (full and shape[-2] > shape[-1] + 1):  # columns that are anyone's choice
                    cases.add(label("Qr", dtype, shape, full), "Qr", [square(shape, dtype)], tolerance=close(dtype, 3e-5, 1e-12), full_matrices=full)
                cases.graph(label("Svd", dtype, shape, full), lambda xs, full=full: rebuilt(xs[0], full), [data(shape, dtype)], tolerance=close(dtype, 3e-5, 1e-12))
            cases.graph(label("Svd", dtype, shape, "values"), lambda xs: tf.raw_ops.Svd(input=xs[0], compute_uv=False).s, [data(shape, dtype)], tolerance=close(dtype, 1e-5, 1e-12))
        for shape in SQUARE:
            cases.graph(label("SelfAdjointEigV2", dtype, shape), lambda xs: spectral(xs[0]), [positive(shape, dtype)], tolerance=close(dtype, 1e-4, 1e-11))
            cases.graph(label("SelfAdjointEigV2", dtype, shape, "values"), lambda xs: tf.raw_ops.SelfAdjointEigV2(input=xs[0], compute_v=False).e, [positive(shape, dtype)], tolerance=close(dtype, 1e-4, 1e-11))


def rebuilt(x, full):
    """The singular values, and, without signs, what the vectors are."""
    svd = tf.raw_ops.Svd(input=x, full_matrices=full)
    rank = tf.raw_ops.BatchMatMulV2
    return [svd.s, rank(x=svd.u, y=svd.u, adj_y=True), rank(x=svd.v, y=svd.v, adj_y=True)] if full else [svd.s, tf.raw_ops.Abs(x=svd.u), tf.raw_ops.Abs(x=svd.v)]


def spectral(x):
    """The eigenvalues and their vectors, whose signs follow from how they are computed."""
    found = tf.raw_ops.SelfAdjointEigV2(input=x)
    return [found.e, found.v]


def main(folder):
    cases = Cases()
    for part in (alone, systems, decompositions):
        part(cases)
    cases.write(folder, "ops_linalg")


if __name__ == "__main__":
    main(sys.argv[1])
