"""The tensors that the cases of ops_shape.py and ops_lists.py are made of."""

import ml_dtypes
import numpy as np

DTYPES = {
    "float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16,
    "int32": np.int32, "int64": np.int64, "bool": np.bool_, "string": np.str_,
}
rng = np.random.default_rng(20240611)


def make(dtype, *shape):
    """Distinct values where the type has enough of them."""
    n = int(np.prod(shape))
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(bool).reshape(shape)
    if dtype == "string":
        return np.array([f"s{i}" for i in rng.permutation(n)], dtype="<U4").reshape(shape)
    return (rng.permutation(n) - n // 3).astype(DTYPES[dtype]).reshape(shape)


made = {}


def f32(*shape):
    """One of three tensors of a shape, each after the other: few different ones keep the file small."""
    tensors, at = made.setdefault(shape, ([], [0]))
    if len(tensors) < 3:
        tensors.append(make("float32", *shape))
    at[0] += 1
    return tensors[at[0] % len(tensors)]


def i32(*v):
    return np.array(v, np.int32)


def i64(*v):
    return np.array(v, np.int64)


def ints(v, kind):
    return np.array(v, kind)


# Shapes of rank 0 to 5, some of them empty.
SHAPES = [(), (1,), (4,), (0,), (2, 3), (0, 3), (2, 1, 3), (2, 3, 0), (1, 2, 1, 3), (2, 3, 2, 2), (2, 1, 2, 3, 2)]


def index_types():
    """int32 and int64 in turn."""
    turn[0] += 1
    return [(np.int32, np.int64)[turn[0] % 2]]


turn = [0]


def label(shape):
    return "x".join(map(str, shape)) or "scalar"


def for_types(cases, op, build):
    """The same case in every element type: build(dtype) returns inputs and attributes."""
    for dtype in DTYPES:
        inputs, attrs = build(dtype)
        cases.add(f"{op}/type/{dtype}", op, inputs, **attrs)
