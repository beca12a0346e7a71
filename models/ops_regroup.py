"""Runs the operations that pick elements and regroup them in TensorFlow's own kernels, and writes the cases down.

    python ops_regroup.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_tensors import DTYPES, f32, i32, i64, make


def patches(c):
    op = "ExtractImagePatches"

    def add(name, x, size, stride=(1, 1), rate=(1, 1), padding="VALID"):
        c.add(f"{op}/{name}/{padding}", op, [x], ksizes=[1, *size, 1], strides=[1, *stride, 1], rates=[1, *rate, 1], padding=padding)

    for padding in ("SAME", "VALID"):
        for size in ((1, 1), (2, 3), (3, 2)):
            for stride in ((1, 1), (2, 1), (3, 2)):
                for rate in ((1, 1), (2, 1), (1, 3)):
                    add(f"{size}_{stride}_{rate}", f32(2, 7, 8, 3), size, stride, rate, padding)
        for dtype in ("float32", "float64", "float16", "bfloat16", "int32", "int64"):
            add(f"type/{dtype}", make(dtype, 1, 4, 3, 2), (2, 2), (1, 2), padding=padding)
        add("wide", f32(1, 2, 2, 1), (3, 4), padding=padding)
        add("no_batch", f32(0, 4, 4, 1), (2, 2), padding=padding)
        add("no_channels", f32(1, 4, 4, 0), (2, 2), padding=padding)
        add("rank", f32(4, 4, 1), (2, 2), padding=padding)


def largest(c):
    def argmax(name, x, size, stride=(1, 1), padding="VALID", **attrs):
        c.add(f"MaxPoolWithArgmax/{name}/{padding}", "MaxPoolWithArgmax", [x], tolerance=0, ksize=[1, *size, 1], strides=[1, *stride, 1], padding=padding, **attrs)

    def dilation(name, x, f, stride=(1, 1), rate=(1, 1), padding="VALID"):
        c.add(f"Dilation2D/{name}/{padding}", "Dilation2D", [x, f], strides=[1, *stride, 1], rates=[1, *rate, 1], padding=padding)

    rng = np.random.default_rng(20240616)
    some = lambda *shape: rng.normal(0, 2, shape).astype(np.float32)
    nan = some(1, 4, 5, 1)
    nan[0, 0, 0], nan[0, 1, 2], nan[0, 3, 3] = np.nan, np.nan, -np.inf
    for padding in ("SAME", "VALID"):
        for size, stride in (((2, 2), (2, 2)), ((2, 3), (1, 2)), ((3, 1), (2, 1)), ((1, 1), (3, 2))):
            for index in (tf.int32, tf.int64):
                argmax(f"{size}_{stride}_{index.name}", some(2, 5, 6, 3), size, stride, padding, Targmax=index, include_batch_in_index=index == tf.int32)
        for dtype in ("float32", "float64", "int32", "int64", "int8", "uint8", "int16", "uint16"):
            argmax(f"type/{dtype}", rng.integers(0, 9, (2, 4, 5, 2)).astype(dtype), (2, 2), padding=padding)
            dilation(f"type/{dtype}", rng.integers(0, 9, (2, 4, 5, 2)).astype(dtype), rng.integers(0, 5, (2, 2, 2)).astype(dtype), padding=padding)
        argmax("nan", nan, (2, 2), padding=padding)
        argmax("infinite", np.full((1, 3, 3, 1), -np.inf, np.float32), (2, 2), padding=padding)
        argmax("wide", some(1, 2, 2, 1), (3, 4), padding=padding)
        argmax("rank", some(4, 4, 1), (2, 2), padding=padding)
        argmax("no_batch", some(0, 4, 4, 1), (2, 2), padding=padding)
        for size, stride, rate in (((2, 2), (1, 1), (1, 1)), ((3, 2), (2, 1), (1, 2)), ((2, 3), (1, 3), (3, 1)), ((1, 1), (2, 2), (1, 1))):
            dilation(f"{size}_{stride}_{rate}", some(2, 7, 6, 3), some(*size, 3), stride, rate, padding)
        dilation("nan", nan, some(2, 2, 1), padding=padding)
        dilation("infinite", np.full((1, 3, 3, 1), -np.inf, np.float32), some(2, 2, 1), padding=padding)
        dilation("wide", some(1, 2, 2, 1), some(3, 4, 1), padding=padding)
        dilation("channels", some(1, 4, 4, 2), some(2, 2, 1), padding=padding)
        dilation("rank", some(4, 4, 1), some(2, 2, 1), padding=padding)
        dilation("no_batch", some(0, 4, 4, 1), some(2, 2, 1), padding=padding)
    c.add("Print/one", "Print", [f32(2, 3), [f32(4), i32(1, 2)]], message="printed: ")
    c.add("Print/ints", "Print", [i64(4, 5), [f32(4)]])


def distinct(c):
    nan = np.nan
    vectors = {
        "few": np.array([3, 1, 3, 2, 1, 1, 7], np.float32), "zeros": np.array([0.0, -0.0, 0.0], np.float32), "nans": np.array([nan, 1, nan, 1, nan], np.float32),
        "none": np.zeros(0, np.float32), "one": np.array([5], np.float32), "large": np.array([2**53, 2**53 + 1, 2**53], np.int64), "text": np.array([b"b", b"", b"a", b"b", b""], object),
    }  # fmt: skip
    for name, x in vectors.items():
        for index in (tf.int32, tf.int64):
            c.add(f"UniqueV2/{name}/{index.name}", "UniqueV2", [x, np.zeros(0, np.int32)], out_idx=index)
            c.add(f"UniqueWithCountsV2/{name}/{index.name}", "UniqueWithCountsV2", [x, np.zeros(0, np.int64)], out_idx=index)
        c.add(f"ListDiff/{name}", "ListDiff", [x, x[1:2]], out_idx=tf.int32)
        c.add(f"ListDiff/{name}/all", "ListDiff", [x, x], out_idx=tf.int64)
        c.add(f"ListDiff/{name}/none", "ListDiff", [x, x[:0]], out_idx=tf.int64)
    for dtype in DTYPES:
        x = np.concatenate([make(dtype, 3), make(dtype, 2)])
        c.add(f"UniqueV2/type/{dtype}", "UniqueV2", [x, np.zeros(0, np.int32)], out_idx=tf.int32)
        if dtype != "bool":
            c.add(f"ListDiff/type/{dtype}", "ListDiff", [x, x[:1]], out_idx=tf.int32)
    rows = np.array([[1, 2, 1], [3, 4, 3], [1, 2, 1], [nan, 0, nan]], np.float32)
    for axis in (0, 1, -1):
        for op in ("UniqueV2", "UniqueWithCountsV2"):
            c.add(f"{op}/axis/{axis}", op, [rows, i64(axis).reshape(1)], out_idx=tf.int32)
            c.add(f"{op}/cube/{axis}", op, [np.round(f32(2, 3, 2)), i64(axis).reshape(1)], out_idx=tf.int64)
    for name, x, axis in (("rank", f32(2, 2), np.zeros(0, np.int32)), ("axis", f32(2, 2), np.array([2], np.int32)), ("axes", f32(2, 2), np.array([0, 1], np.int32)), ("scalar", f32(), np.zeros(0, np.int32)), ("empty", f32(0, 2), np.array([0], np.int32))):
        c.add(f"UniqueV2/{name}", "UniqueV2", [x, axis], out_idx=tf.int32)
    c.add("ListDiff/rank", "ListDiff", [f32(2, 2), f32(2)], out_idx=tf.int32)


def main(folder):
    c = Cases()
    patches(c)
    distinct(c)
    largest(c)
    c.write(folder, "ops_regroup")


if __name__ == "__main__":
    main(sys.argv[1])
