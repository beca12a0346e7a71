"""Runs operations of TensorFlow 1 in TensorFlow's own kernels, and writes the cases down.

    python ops_tf1.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_tensors import DTYPES, f32, make


def passing(c):
    for dtype in DTYPES:
        c.add(f"PlaceholderWithDefault/{dtype}", "PlaceholderWithDefault", [make(dtype, 2, 3)], shape=(None, 3))
    c.add("PlaceholderWithDefault/scalar", "PlaceholderWithDefault", [np.float32(0.5)], shape=())
    c.add("PlaceholderWithDefault/empty", "PlaceholderWithDefault", [f32(0, 3)], shape=None)


CLOSE = 2e-6  # sums of products, and functions


def lstm(steps, rows, features=3, units=4):
    """The inputs of an LSTM, but for the number of steps: of all steps, or of one if steps is None."""
    x = f32(rows, features) if steps is None else f32(steps, rows, features)
    return [x, f32(rows, units), f32(rows, units), f32(features + units, 4 * units), f32(units), f32(units), f32(units), f32(4 * units)]


OPTIONS = [
    {}, {"use_peephole": True}, {"forget_bias": 0.0}, {"forget_bias": -0.5, "cell_clip": 0.25}, {"cell_clip": -1.0},
    {"use_peephole": True, "cell_clip": 0.5, "forget_bias": 2.0},
]  # fmt: skip


def lstms(c):
    for options in OPTIONS:
        name = ",".join(f"{k}={v}" for k, v in options.items()) or "default"
        c.add(f"LSTMBlockCell/{name}", "LSTMBlockCell", lstm(None, 2), tolerance=CLOSE, **options)
        c.add(f"BlockLSTM/{name}", "BlockLSTM", [np.int64(5), *lstm(5, 2)], tolerance=CLOSE, **options)
        second = {k: v for k, v in options.items() if k != "forget_bias"}
        c.add(f"BlockLSTMV2/{name}", "BlockLSTMV2", [np.int64(5), *lstm(5, 2)], tolerance=CLOSE, **second)
    for rows, features, units in ((1, 1, 1), (3, 5, 9), (0, 3, 4), (2, 7, 17)):
        c.add(f"LSTMBlockCell/{rows},{features},{units}", "LSTMBlockCell", lstm(None, rows, features, units), tolerance=CLOSE)
        c.add(f"BlockLSTM/{rows},{features},{units}", "BlockLSTM", [np.int64(3), *lstm(3, rows, features, units)], tolerance=CLOSE)
        c.add(f"BlockLSTMV2/{rows},{features},{units}", "BlockLSTMV2", [np.int64(3), *lstm(3, rows, features, units)], tolerance=CLOSE)
    # Of steps that are not run, TensorFlow clears the states alone.
    for until in (0, 2):
        for op in (tf.raw_ops.BlockLSTM, tf.raw_ops.BlockLSTMV2):

            def states(xs, op=op):
                names = ("seq_len_max", "x", "cs_prev", "h_prev", "w", "wci", "wcf", "wco", "b")
                out = op(**dict(zip(names, xs)))
                return [out.cs, out.h]

            c.graph(f"{op.__name__}/{until} of 4 steps", states, [np.int64(until), *lstm(4, 2)], tolerance=CLOSE)
    wrong = lstm(None, 2)
    for i in (0, 1, 2, 3, 7):
        inputs = list(wrong)
        inputs[i] = f32(*(n + 1 for n in inputs[i].shape))
        c.add(f"LSTMBlockCell/another shape of {i}", "LSTMBlockCell", inputs)


def grus(c):
    for rows, features, units in ((2, 3, 4), (1, 1, 1), (3, 5, 9), (0, 3, 4), (2, 7, 17)):
        n = features + units
        inputs = [f32(rows, features), f32(rows, units), f32(n, 2 * units), f32(n, units), f32(2 * units), f32(units)]
        c.add(f"GRUBlockCell/{rows},{features},{units}", "GRUBlockCell", inputs, tolerance=CLOSE)
        for i in range(1, 6):
            wrong = list(inputs)
            wrong[i] = f32(*(n + 1 for n in wrong[i].shape))
            c.add(f"GRUBlockCell/{rows},{features},{units}/another shape of {i}", "GRUBlockCell", wrong)


def main(folder):
    cases = Cases()
    for part in (passing, lstms, grus):
        part(cases)
    cases.write(folder, "ops_tf1")


if __name__ == "__main__":
    main(sys.argv[1])
