"""Runs operations of TensorFlow 1 in TensorFlow's own kernels, and writes the cases down.

    python ops_tf1.py DIR
"""

import sys

import numpy as np

from ops_cases import Cases
from ops_tensors import DTYPES, f32, make


def passing(c):
    for dtype in DTYPES:
        c.add(f"PlaceholderWithDefault/{dtype}", "PlaceholderWithDefault", [make(dtype, 2, 3)], shape=(None, 3))
    c.add("PlaceholderWithDefault/scalar", "PlaceholderWithDefault", [np.float32(0.5)], shape=())
    c.add("PlaceholderWithDefault/empty", "PlaceholderWithDefault", [f32(0, 3)], shape=None)


def main(folder):
    cases = Cases()
    for part in (passing,):
        part(cases)
    cases.write(folder, "ops_tf1")


if __name__ == "__main__":
    main(sys.argv[1])
