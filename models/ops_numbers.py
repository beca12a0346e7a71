"""The tensors that the cases of ops_math.py and ops_images.py are made of."""

import ml_dtypes
import numpy as np

F32, F64, I32, I64 = np.float32, np.float64, np.int32, np.int64
FLOATS, INTS = (F32, F64), (I32, I64)
NUMBERS = FLOATS + INTS
HALVES = (np.float16, ml_dtypes.bfloat16)
nan, inf = np.nan, np.inf
rng = np.random.default_rng(20240607)

stock = {}


def data(shape, dtype, scale=2.0):
    """Random elements, from a stock of three arrays for each kind, so that the file stays small."""
    kind = stock.setdefault((shape, dtype, scale), [])
    if len(kind) < 3:
        kind.append(fresh(shape, dtype, scale))
        return kind[-1]
    kind.append(kind.pop(0))
    return kind[-1]


def fresh(shape, dtype, scale):
    if dtype == np.bool_:
        return rng.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        return rng.integers(-9, 10, shape).astype(dtype)
    return np.asarray(rng.normal(0, scale, shape)).astype(dtype)


def label(*parts):
    return "_".join(p.__name__ if isinstance(p, type) else "x".join(map(str, p)) or "scalar" if isinstance(p, tuple) else str(p) for p in parts)


def close(dtype, f32, f64):
    return {F32: f32, F64: f64}.get(dtype, 0)
