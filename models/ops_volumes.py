"""Resizing and cutting of images, and convolutions, poolings and normalizations of volumes.

    python ops_volumes.py DIR
"""

import os
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_numbers import F32, F64, FLOATS, HALVES, I32, I64, INTS, close, data, inf, label, nan

KERNELS = ["lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"]
SIZES = [((2, 3, 4, 2), (6, 8)), ((1, 5, 4, 3), (3, 2)), ((1, 4, 5, 1), (7, 3)), ((1, 1, 1, 2), (3, 2)), ((2, 4, 3, 1), (4, 3)), ((1, 6, 7, 2), (1, 1)), ((1, 2, 3, 2), (9, 10))]


def resizes(cases):
    for op in ("ResizeNearestNeighbor", "ResizeBilinear", "ResizeBicubic", "ResizeArea"):
        exact = op == "ResizeNearestNeighbor"
        for align in ({}, {"align_corners": True}, {"half_pixel_centers": True}):
            if op == "ResizeArea" and "half_pixel_centers" in align:
                continue
            for shape, size in SIZES:
                if op == "ResizeArea" and "align_corners" in align and (1 in shape[1:3]):
                    continue  # a pixel's area is 0 there
                cases.add(label(op, shape, size, *align), op, [data(shape, F32), np.array(size, I32)], tolerance=0 if exact else 1e-6, **align)
        for dtype in (F64, *INTS, *HALVES):
            cases.add(label(op, dtype), op, [data((1, 3, 4, 2), F32).astype(dtype) if dtype in HALVES else data((1, 3, 4, 2), dtype), np.array([5, 7], I32)], tolerance=0 if exact else 1e-6)
        x = np.array([1, inf, 2, nan, -inf, 3, 4, 5], F32).reshape(1, 2, 4, 1)
        cases.add(label(op, "corners"), op, [x, np.array([4, 6], I32)], tolerance=0 if exact else 1e-6)
        for name, shape, size in (("no_batch", (0, 3, 4, 2), [5, 6]), ("no_height", (1, 0, 4, 2), [5, 6]), ("no_channels", (1, 3, 4, 0), [5, 6]), ("nothing", (1, 3, 4, 2), [0, 6]), ("negative", (1, 3, 4, 2), [5, -6]), ("rank", (3, 4, 2), [5, 6]), ("numbers", (1, 3, 4, 2), [5]), ("scalar", (1, 3, 4, 2), 5)):
            cases.add(label(op, name), op, [data(shape, F32), np.array(size, I32)], tolerance=0 if exact else 1e-6)
        if op != "ResizeArea":
            cases.add(label(op, "both"), op, [data((1, 3, 4, 2), F32), np.array([5, 6], I32)], align_corners=True, half_pixel_centers=True)


def scales(cases):
    op = "ScaleAndTranslate"

    def add(name, shape, size, scale, translation, dtype=F32, **attrs):
        cases.add(label(op, name, dtype), op, [data(shape, dtype), np.array(size, I32), np.array(scale, F32), np.array(translation, F32)], tolerance=2e-6, **attrs)

    for kernel in KERNELS:
        for antialias in (True, False):
            add(f"{kernel}_{antialias}_up", (2, 3, 4, 2), [7, 9], [7 / 3, 9 / 4], [0, 0], kernel_type=kernel, antialias=antialias)
            add(f"{kernel}_{antialias}_down", (1, 9, 8, 2), [4, 3], [4 / 9, 3 / 8], [0, 0], kernel_type=kernel, antialias=antialias)
    add("moved", (1, 5, 5, 1), [6, 7], [1.5, 0.7], [1.2, -0.8])
    add("far", (1, 3, 3, 1), [4, 4], [1, 1], [20, -20])
    add("f64", (1, 3, 3, 1), [4, 5], [4 / 3, 5 / 3], [0, 0], F64, kernel_type="triangle")
    add("i32", (1, 3, 3, 1), [4, 5], [4 / 3, 5 / 3], [0, 0], I32, kernel_type="keyscubic")
    for name, shape, size, scale, translation in (("no_batch", (0, 3, 3, 1), [4, 5], [1, 1], [0, 0]), ("no_scale", (1, 3, 3, 1), [4, 5], [0, 1], [0, 0]), ("negative", (1, 3, 3, 1), [4, 5], [1, -1], [0, 0]), ("nothing", (1, 3, 3, 1), [0, 5], [1, 1], [0, 0]), ("rank", (3, 3, 1), [4, 5], [1, 1], [0, 0]), ("no_channels", (1, 3, 3, 0), [4, 5], [1, 1], [0, 0])):
        add(name, shape, size, scale, translation)


def crops(cases):
    op = "CropAndResize"
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [0.9, 0.8, 0.2, 0.1], [-0.3, 0.1, 0.5, 1.4]], F32)
    for method in ("bilinear", "nearest"):
        for size in ([3, 4], [1, 1], [6, 2], [1, 5]):
            cases.add(label(op, method, size), op, [data((2, 5, 6, 2), F32), boxes, np.array([0, 1, 1, 0], I32), np.array(size, I32)], tolerance=1e-6, method=method, extrapolation_value=-2.5)
        cases.add(label(op, method, "one pixel"), op, [data((1, 1, 1, 2), F32), boxes[:2], np.zeros(2, I32), np.array([2, 2], I32)], tolerance=1e-6, method=method)
    for dtype in (F64, I32, I64, HALVES[0]):
        x = data((1, 4, 3, 1), F32).astype(dtype) if dtype in HALVES else data((1, 4, 3, 1), dtype)
        cases.add(label(op, dtype), op, [x, boxes[:2], np.zeros(2, I32), np.array([3, 3], I32)], tolerance=1e-6)
    for name, x, b, of, size in (("no_boxes", (1, 3, 3, 1), np.zeros((0, 4)), [], [2, 2]), ("image", (1, 3, 3, 1), boxes[:1], [1], [2, 2]), ("negative", (1, 3, 3, 1), boxes[:1], [-1], [2, 2]), ("columns", (1, 3, 3, 1), boxes[:1, :3], [0], [2, 2]), ("number", (1, 3, 3, 1), boxes[:2], [0], [2, 2]), ("nothing", (1, 3, 3, 1), boxes[:1], [0], [0, 2]), ("no_height", (1, 0, 3, 1), boxes[:1], [0], [2, 2]), ("no_channels", (1, 3, 3, 0), boxes[:1], [0], [2, 2])):
        cases.add(label(op, name), op, [data(x, F32), np.array(b, F32), np.array(of, I32), np.array(size, I32)], tolerance=1e-6)


def blocks(cases):
    for dtype in (*FLOATS, *INTS, np.bool_, np.str_):
        make = (lambda shape: np.array([f"s{i}" for i in range(int(np.prod(shape)))]).reshape(shape)) if dtype == np.str_ else (lambda shape: data(shape, dtype))
        cases.add(label("DepthToSpace", dtype), "DepthToSpace", [make((2, 3, 2, 8))], block_size=2)
        cases.add(label("SpaceToDepth", dtype), "SpaceToDepth", [make((2, 4, 6, 2))], block_size=2)
    for name, shape, size in (("3", (1, 2, 1, 18), 3), ("no_batch", (0, 2, 1, 8), 2), ("channels", (1, 2, 1, 6), 2), ("rank", (2, 1, 8), 2)):
        cases.add(label("DepthToSpace", name), "DepthToSpace", [data(shape, F32)], block_size=size)
    for name, shape, size in (("3", (1, 6, 3, 2), 3), ("no_batch", (0, 2, 2, 8), 2), ("height", (1, 3, 2, 6), 2), ("width", (1, 2, 3, 6), 2), ("rank", (2, 2, 8), 2)):
        cases.add(label("SpaceToDepth", name), "SpaceToDepth", [data(shape, F32)], block_size=size)


def volumes(cases):
    def conv(name, x, f, dtype=F32, strides=(1, 1, 1), dilations=(1, 1, 1), padding="VALID", **more):
        cases.add(label("Conv3D", name, dtype, x, f, padding), "Conv3D", [data(x, dtype, 1), data(f, dtype, 0.5)], tolerance=close(dtype, 1e-6, 2e-15), strides=[1, *strides, 1], dilations=[1, *dilations, 1], padding=padding, **more)

    for padding in ("SAME", "VALID"):
        for dtype in FLOATS:
            conv("plain", (2, 4, 5, 3, 2), (2, 3, 2, 2, 3), dtype, padding=padding)
        conv("strides", (1, 5, 7, 6, 2), (3, 2, 3, 2, 2), strides=(2, 3, 1), padding=padding)
        conv("deep", (1, 3, 3, 3, 2), (3, 1, 1, 2, 4), padding=padding)
        conv("wide", (1, 2, 2, 2, 1), (3, 3, 3, 1, 1), padding=padding)
    conv("dot", (2, 3, 2, 2, 3), (1, 1, 1, 3, 4))
    for name, x, f in (("no_batch", (0, 3, 3, 3, 1), (2, 2, 2, 1, 1)), ("depth", (1, 3, 3, 3, 2), (2, 2, 2, 3, 1)), ("no_filter", (1, 3, 3, 3, 1), (0, 2, 2, 1, 1)), ("rank", (1, 3, 3, 3), (2, 2, 2, 1)), ("short", (1, 1, 3, 3, 1), (2, 2, 2, 1, 1))):
        conv(name, x, f)
    op = "Conv3DBackpropInputV2"

    def transposed(name, size, f, y, dtype=F32, kind=I32, strides=(1, 1, 1), padding="VALID"):
        cases.add(label(op, name, dtype, size, f, y), op, [np.array(size, kind), data(f, dtype, 0.5), data(y, dtype, 1)], tolerance=close(dtype, 1e-6, 2e-15), strides=[1, *strides, 1], padding=padding)

    for dtype, kind in ((F32, I32), (F64, I64)):
        transposed("valid", (2, 4, 5, 3, 2), (2, 3, 2, 2, 3), (2, 3, 3, 2, 3), dtype, kind)
        transposed("same", (2, 4, 5, 3, 2), (2, 3, 2, 2, 3), (2, 4, 5, 3, 3), dtype, kind, padding="SAME")
    transposed("steps", (1, 5, 7, 6, 2), (3, 2, 3, 2, 2), (1, 3, 3, 6, 2), strides=(2, 3, 1), padding="SAME")
    transposed("longer", (1, 6, 4, 4, 1), (2, 2, 2, 1, 2), (1, 3, 2, 2, 2), strides=(2, 2, 2), padding="VALID")
    for name, size, f, y in (("batch", (1, 4, 5, 3, 2), (2, 3, 2, 2, 3), (2, 3, 3, 2, 3)), ("results", (2, 4, 5, 3, 2), (2, 3, 2, 2, 3), (2, 3, 3, 2, 2)), ("numbers", (4, 5, 3), (2, 3, 2, 2, 3), (2, 3, 3, 2, 3)), ("short", (2, 4, 5, 3, 2), (2, 3, 2, 2, 3), (2, 4, 3, 2, 3)), ("no_batch", (0, 4, 5, 3, 2), (2, 3, 2, 2, 3), (0, 3, 3, 2, 3))):
        transposed(name, size, f, y)

    def pool(name, x, k, s, padding, dtype=F32, array=None):
        array = data(x, dtype) if array is None else array
        for pooling in ("MaxPool3D", "AvgPool3D"):
            cases.add(label(pooling, name, dtype, x, k, s, padding), pooling, [array], tolerance=0 if pooling == "MaxPool3D" else close(dtype, 2e-7, 4e-16), ksize=[1, *k, 1], strides=[1, *s, 1], padding=padding)

    for padding in ("SAME", "VALID"):
        for k, s in (((2, 2, 2), (2, 2, 2)), ((3, 1, 2), (1, 2, 1)), ((1, 1, 1), (2, 2, 2)), ((2, 3, 1), (2, 1, 3))):
            pool("p", (2, 5, 6, 4, 3), k, s, padding)
        pool("no_batch", (0, 3, 4, 2, 2), (2, 2, 2), (1, 2, 1), padding)
        pool("rank", (3, 4, 2, 2), (2, 2, 2), (1, 2, 1), padding)
    pool("wide", (1, 2, 2, 2, 1), (3, 3, 3), (1, 1, 1), "VALID")

    def norm(name, shape, c, training=False, results=3, **attrs):
        inputs = [data(shape, F32) + F32(1), data((c,), F32), data((c,), F32)]
        inputs += [data((c,), F32), abs(data((c,), F32))] if not training else [np.zeros(0, F32)] * 2
        keys = ("x", "scale", "offset", "mean", "variance")
        cases.graph(label("FusedBatchNormV3", name, shape), lambda xs: list(tf.raw_ops.FusedBatchNormV3(**dict(zip(keys, xs)), is_training=training, **attrs))[:results], inputs, tolerance=6e-7)

    norm("volumes", (2, 2, 3, 2, 3), 3, data_format="NDHWC")
    norm("volumes_first", (2, 3, 2, 3, 2), 3, data_format="NCDHW", results=1, epsilon=1e-3)
    norm("volumes_training", (2, 2, 3, 2, 3), 3, True, 5, data_format="NDHWC", epsilon=1e-3)
    norm("volumes_rank", (2, 3, 2, 3), 3, data_format="NDHWC")
    norm("volumes_empty", (0, 3, 2, 3, 3), 3, data_format="NDHWC", results=1)
    first(cases)


def first(cases):
    """Volumes with their channels first, which TensorFlow's own kernels do not take: between transpositions they do."""

    def between(run):
        return lambda xs: tf.transpose(run([tf.transpose(xs[0], [0, 2, 3, 4, 1]), *xs[1:]]), [0, 4, 1, 2, 3])

    cases.add(label("Conv3D", "NCDHW"), "Conv3D", [data((2, 2, 4, 5, 3), F32, 1), data((2, 3, 2, 2, 3), F32, 0.5)], tolerance=1e-6, data_format="NCDHW", strides=[1, 1, 2, 1, 1], padding="SAME",
              instead=between(lambda xs: tf.raw_ops.Conv3D(input=xs[0], filter=xs[1], strides=[1, 2, 1, 1, 1], padding="SAME")))
    for op in ("MaxPool3D", "AvgPool3D"):
        call = getattr(tf.raw_ops, op)
        cases.add(label(op, "NCDHW"), op, [data((2, 3, 4, 5, 3), F32)], tolerance=0 if op == "MaxPool3D" else 2e-7, data_format="NCDHW", ksize=[1, 1, 2, 3, 1], strides=[1, 1, 1, 2, 1], padding="SAME",
                  instead=between(lambda xs: call(input=xs[0], ksize=[1, 2, 3, 1, 1], strides=[1, 1, 2, 1, 1], padding="SAME")))


def main(folder):
    cases = Cases()
    for part in (resizes, scales, crops, blocks, volumes):
        part(cases)
    cases.write(folder, "ops_volumes")


if __name__ == "__main__":
    main(sys.argv[1])
