"""Runs the operations that move or shape data in TensorFlow's own kernels, and writes the cases down.

    python ops_shape.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_blocks import bands, bits, blocks, diagonals
from ops_cases import Cases
from ops_lists import lists
from ops_tensors import DTYPES, SHAPES, f32, for_types, i32, i64, index_types, ints, label, make, rng


def shapes(c):
    for i, s in enumerate(SHAPES):
        out = (tf.int32, tf.int64)[i % 2]
        c.add(f"Shape/{label(s)}/{out.name}", "Shape", [f32(*s)], out_type=out)
        c.add(f"Size/{label(s)}/{out.name}", "Size", [f32(*s)], out_type=out)
        c.add(f"Rank/{label(s)}", "Rank", [f32(*s)])
    c.add("ShapeN", "ShapeN", [[f32(2, 3), f32(), f32(0, 1)]], out_type=tf.int64)
    for dtype in DTYPES:
        c.add(f"Shape/type/{dtype}", "Shape", [make(dtype, 2, 3)])
        c.add(f"Size/type/{dtype}", "Size", [make(dtype, 2, 3)])
        c.add(f"Rank/type/{dtype}", "Rank", [make(dtype, 2, 3)])
    c.add("VariableShape", "VariableShape", [f32(2, 0, 3)], variables=[0], out_type=tf.int64)


def reshapes(c):
    for_types(c, "Reshape", lambda d: ([make(d, 2, 6), i32(3, -1)], {}))
    for s, to in [
        ((2, 3), (6,)), ((2, 3), (3, 2)), ((2, 3), (-1,)), ((2, 3), (1, -1, 1)), ((2, 3), (-1, 6, 1, 1, 1)), ((), ()), ((), (1,)), ((1,), ()),
        ((), (-1,)), ((1, 1), ()), ((0, 3), (3, 0)), ((0, 3), (-1,)), ((0, 3), (-1, 3)), ((0, 3), (0, -1)), ((2, 0, 3), (-1, 0)), ((2, 0, 3), (0, -1)),
        ((2, 0, 3), (0, -1, 3)), ((2, 3), (0, -1)), ((2, 3), (4,)), ((2, 3), (4, -1)), ((2, 3), (-1, -1)), ((2, 3), (-2, 3)), ((2, 3), (2, 3, 0)),
        ((0, 3), (0,)), ((0, 3), (1,)), ((0,), (-1, 2, 2)), ((0, 5), (-1, 0, 5)), ((0, 5), (-1, 0, 3)), ((2, 3), ()), ((4,), (-1, 0)), ((0, 4), (2, -1, 0)),
        ((6,), (2147483647, 2147483647, 4))
    ]:
        for kind in index_types():
            c.add(f"Reshape/{label(s)}/to{list(to)}/{kind.__name__}", "Reshape", [f32(*s), ints(to, kind)])
    c.add("Reshape/scalar shape", "Reshape", [f32(4), np.int32(4)])
    c.add("Reshape/matrix shape", "Reshape", [f32(4), i32(4).reshape(1, 1)])
    c.add("Reshape/huge", "Reshape", [f32(0), i64(2**62, 2**62, 2**62)])

    for_types(c, "ExpandDims", lambda d: ([make(d, 2, 3), np.int32(1)], {}))
    for s in [(), (3,), (2, 3), (0, 2), (2, 1, 2, 3)]:
        for axis in range(-len(s) - 2, len(s) + 2):
            c.add(f"ExpandDims/{label(s)}/{axis}", "ExpandDims", [f32(*s), np.int64(axis) if axis % 2 else np.int32(axis)])
    c.add("ExpandDims/vector axis", "ExpandDims", [f32(3), i32(0)])
    c.add("ExpandDims/two axes", "ExpandDims", [f32(3), i32(0, 1)])
    c.add("ExpandDims/no axis", "ExpandDims", [f32(3), i32()])

    for_types(c, "Squeeze", lambda d: ([make(d, 1, 3, 1)], {"axis": [0]}))
    for s, axes in [
        ((1, 3, 1), []), ((1, 3, 1), [-1]), ((1, 3, 1), [0, 2]), ((1, 3, 1), [0, -3]), ((1, 3, 1), [1]), ((1, 3, 1), [3]), ((1, 3, 1), [-4]),
        ((), []), ((), [0]), ((1,), []), ((1,), [0]), ((0, 1), []), ((0, 1), [1]), ((0, 1), [0]), ((2, 3), []), ((1, 1, 1), []), ((1, 2, 1, 3, 1), [2, -1]),
    ]:
        c.add(f"Squeeze/{label(s)}/{axes}", "Squeeze", [f32(*s)], axis=axes)


def passing(c):
    for op in ("Identity", "StopGradient", "PreventGradient"):
        for_types(c, op, lambda d: ([make(d, 2, 3)], {}))
        c.add(f"{op}/empty", op, [f32(0, 3)])
    for x in (f32(2, 3), f32(), f32(0, 3), i64(4, 5)):
        c.add(f"Snapshot/{x.dtype}/{label(x.shape)}", "Snapshot", [x])
    c.add("IdentityN", "IdentityN", [[f32(2, 3), i64(4, 5), f32()]])
    c.add("CheckNumerics", "CheckNumerics", [f32(2, 3)], message="finite, please")
    c.add("CheckNumerics/float64", "CheckNumerics", [f32(2, 3).astype(np.float64)], message="finite, please")
    for bad in (np.nan, np.inf, -np.inf):
        c.add(f"CheckNumerics/{bad}", "CheckNumerics", [np.array([1, bad, 2], np.float32)], message="finite, please")


def broadcasts(c):
    for_types(c, "BroadcastTo", lambda d: ([make(d, 3, 1), i32(2, 3, 2)], {}))
    for s, to in [
        ((), ()), ((), (2, 3)), ((), (0,)), ((1,), (4,)), ((3,), (2, 3)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((1, 3), (2, 3)), ((2, 1), (2, 0)), ((2, 1), (0, 0)),
        ((3,), (0,)), ((3,), (0, 3)), ((0,), (0,)), ((0,), (2, 0)), ((0,), (2,)), ((0,), (1,)), ((2, 1, 3), (4, 2, 5, 3)), ((1, 1), (2, 2)), ((2, 3), (-1, 3)), ((1,), ()),
        ((2, 1, 2, 1, 3), (2, 2, 2, 2, 3)), ((1,), (100000, 100000, 100000)), ((1,), (2147483647, 2147483647, 2147483647)),
    ]:
        if np.prod([max(d, 1) for d in to], dtype=float) > 1e9:
            continue  # TensorFlow may try, and take the memory; a Go test has these
        for kind in index_types():
            c.add(f"BroadcastTo/{label(s)}/to{list(to)}/{kind.__name__}", "BroadcastTo", [f32(*s), ints(to, kind)])
    c.add("BroadcastTo/matrix shape", "BroadcastTo", [f32(3), i32(2, 3).reshape(1, 2)])
    c.add("BroadcastTo/scalar shape", "BroadcastTo", [f32(), np.int32(3)])
    for i, (a, b) in enumerate([((2, 3), (3,)), ((1, 3), (2, 1)), ((), (2,)), ((), ()), ((2,), (3,)), ((0, 1), (1, 5)), ((0,), (2,)), ((0,), (1,)), ((4, 1, 2), (3, 1)), ((1,), (1, 1, 1))]):
        kind = np.int32 if i % 2 else np.int64
        c.add(f"BroadcastArgs/{list(a)}/{list(b)}", "BroadcastArgs", [ints(a, kind), ints(b, kind)])
    c.add("BroadcastArgs/scalar", "BroadcastArgs", [np.int32(2), i32(2)])
    for_types(c, "EnsureShape", lambda d: ([make(d, 2, 3)], {"shape": [None, 3]}))
    for i, shape in enumerate([[2, 3], [None, None], None, [2, 4], [2], [2, 3, 1], [], [None, 3, None]]):
        c.add(f"EnsureShape/{i}", "EnsureShape", [f32(2, 3)], shape=tf.TensorShape(shape))


def strided(c):
    def add(name, s, begin, end, strides, kind=np.int32, x=None, **masks):
        x = f32(*s) if x is None else x
        c.add(f"StridedSlice/{name}", "StridedSlice", [x, ints(begin, kind), ints(end, kind), ints(strides, kind)], **masks)

    for dtype in DTYPES:
        add(f"type/{dtype}", None, [0, 1], [2, 3], [1, 2], x=make(dtype, 3, 4), begin_mask=1)
    n = 0
    for s in [(5,), (0,), (1,)]:
        for b in (-7, -5, -2, 0, 1, 4, 5) if s == (5,) else (-2, 0, 1):
            for e in (-7, -1, 0, 3, 9) if s == (5,) else (-7, 0, 9):
                stride = [1, -1, 2, -2, 3, -4, 7, -7][n % 8]
                n += 1
                add(f"{label(s)}/{b}:{e}:{stride}", s, [b], [e], [stride], kind=np.int64 if n % 3 else np.int32, begin_mask=n // 3 % 5 == 0, end_mask=n // 2 % 4 == 0)
        for b in range(-s[0] - 1, s[0] + 2):
            add(f"{label(s)}/[{b}]", s, [b], [b + 1], [1], shrink_axis_mask=1)
    add("zero stride", (3,), [0], [3], [0])
    add("negative shrink", (3,), [0], [1], [-1], shrink_axis_mask=1)
    add("shrink by stride 2", (3,), [1], [2], [2], shrink_axis_mask=1)
    add("shrink with masks", (3, 2), [1], [2], [1], shrink_axis_mask=1, begin_mask=1, end_mask=1)
    add("shrink and new axis", (3, 2), [1, 0], [2, 2], [1, 1], shrink_axis_mask=1, new_axis_mask=1)
    add("shrink and ellipsis", (3, 2), [1, 0], [2, 2], [1, 1], shrink_axis_mask=1, ellipsis_mask=1)
    add("new axis and ellipsis", (3, 2), [0, 0], [2, 2], [1, 1], new_axis_mask=3, ellipsis_mask=1)
    add("two ellipses", (3, 2), [0, 0], [0, 0], [1, 1], ellipsis_mask=3)
    add("too many", (3,), [0, 0], [1, 1], [1, 1])
    add("too many with ellipsis", (3,), [0, 0, 0], [1, 1, 1], [1, 1, 1], ellipsis_mask=2)
    add("ellipsis for nothing", (3, 2), [0, 0, 0], [1, 1, 1], [1, 1, 1], ellipsis_mask=2)
    add("unequal lengths", (3,), [0], [1, 1], [1])
    add("scalar", (), [0], [1], [1])
    add("scalar, nothing", (), [], [], [])
    add("scalar, new axis", (), [0], [1], [1], new_axis_mask=1)
    add("scalar, ellipsis", (), [0], [1], [1], ellipsis_mask=1)
    add("nothing", (2, 3), [], [], [])
    add("[:, -1, :]", (2, 4, 3), [0, -1, 0], [0, 0, 0], [1, 1, 1], begin_mask=5, end_mask=5, shrink_axis_mask=2)
    add("[..., newaxis]", (2, 3), [0, 0], [0, 0], [1, 1], ellipsis_mask=1, new_axis_mask=2)
    add("[newaxis, ..., 0]", (2, 3), [0, 0, 0], [0, 0, 1], [1, 1, 1], new_axis_mask=1, ellipsis_mask=2, shrink_axis_mask=4)
    add("[::-1, ::-2]", (3, 5), [0, 0], [0, 0], [-1, -2], begin_mask=3, end_mask=3)
    add("int32 limits", (5,), [-(2**31)], [2**31 - 1], [2])
    add("int64 limits", (5,), [-(2**63)], [2**63 - 1], [2], kind=np.int64)
    add("huge stride", (5,), [1], [2**31 - 1], [2**31 - 1])
    add("huge negative stride", (5,), [4], [-(2**31)], [-(2**31)])
    for i in range(110):  # anything at all
        rank = int(rng.integers(0, 5))
        s = tuple(int(d) for d in rng.integers(0 if i % 9 == 0 else 1, 5, rank))
        m = int(rng.integers(0, rank + 3))
        bits = lambda p: sum(1 << k for k in range(m) if rng.random() < p)
        ellipsis = 1 << int(rng.integers(0, m)) if m and rng.random() < 0.5 else 0
        add(
            f"random/{i}", s, rng.integers(-5, 6, m), rng.integers(-5, 6, m), rng.choice([1, 1, 1, 1, 2, -1, -2, 3], m),
            begin_mask=bits(0.4), end_mask=bits(0.4), ellipsis_mask=ellipsis, new_axis_mask=bits(0.25), shrink_axis_mask=bits(0.1),
        )


def cuts(c):
    for_types(c, "Slice", lambda d: ([make(d, 3, 4), i32(1, 0), i32(2, -1)], {}))
    for s, begin, size in [
        ((3, 4), (0, 0), (3, 4)), ((3, 4), (1, 2), (-1, 2)), ((3, 4), (3, 4), (0, 0)), ((3, 4), (3, 0), (-1, 4)), ((3, 4), (2, 0), (2, 4)), ((3, 4), (4, 0), (0, 4)), ((3, 4), (0, 0), (4, 4)),
        ((3, 4), (-1, 0), (1, 1)), ((3, 4), (0, 0), (-2, 1)), ((3, 4), (0,), (1,)), ((3, 4), (0, 0), (1,)), ((), (), ()), ((0, 2), (0, 0), (0, 1)), ((0, 2), (0, 1), (-1, -1)),
        ((0, 2), (1, 0), (0, 1)), ((2, 3, 2, 2), (1, 1, 0, 1), (1, 2, 2, 1)), ((2, 1, 2, 3, 2), (0, 0, 1, 1, 0), (-1, -1, -1, -1, -1)), ((4,), (2,), (2**31 - 1,)),
    ]:
        for kind in index_types():
            c.add(f"Slice/{label(s)}/{list(begin)}/{list(size)}/{kind.__name__}", "Slice", [f32(*s), ints(begin, kind), ints(size, kind)])

    for_types(c, "Split", lambda d: ([np.int32(1), make(d, 2, 6)], {"num_split": 3}))
    for s, axis, n in [
        ((6,), 0, 2), ((6,), -1, 6), ((6,), 0, 1), ((6,), 0, 4), ((2, 4, 3), 1, 2), ((2, 4, 3), -2, 4), ((2, 4, 3), -3, 2), ((2, 4, 3), 3, 1), ((2, 4, 3), -4, 1), ((0, 2), 0, 3),
        ((0, 2), 1, 2), ((), 0, 1), ((2, 3, 2, 4), 3, 4), ((2, 2, 2, 2, 2), 2, 2),
    ]:
        c.add(f"Split/{label(s)}/{axis}/{n}", "Split", [np.int32(axis), f32(*s)], num_split=n)
    c.add("Split/vector axis", "Split", [i32(0), f32(4)], num_split=2)

    for_types(c, "SplitV", lambda d: ([make(d, 2, 6), i32(1, -1, 2), np.int32(1)], {"num_split": 3}))
    for i, (s, sizes, axis) in enumerate([
        ((6,), (2, 4), 0), ((6,), (2, -1), 0), ((6,), (-1,), 0), ((6,), (6,), 0), ((6,), (5,), 0), ((6,), (-1, -1), 0), ((6,), (4, 4), 0), ((6,), (4, 4, -1), 0), ((6,), (4, -2, 4), 0),
        ((6,), (0, 6, 0), 0), ((6,), (1, 2), 0), ((2, 4, 3), (1, 3), 1), ((2, 4, 3), (1, 2), -1), ((2, 4, 3), (1, 2), 3), ((2, 4, 3), (1, 1), -3), ((0, 2), (0, 0), 0), ((0, 2), (1, -1), 1), ((0, 2), (-1, 0), 0),
        ((), (1,), 0), ((6,), (7, -1), 0), ((6,), (-2, 8), 0), ((6,), (6, -1), 0),
    ]):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"SplitV/{label(s)}/{list(sizes)}/{axis}", "SplitV", [f32(*s), ints(sizes, kind), np.int32(axis)], num_split=len(sizes))
    c.add("SplitV/vector axis", "SplitV", [f32(4), i32(2, 2), i32(0)], num_split=2)
    c.add("SplitV/other number", "SplitV", [f32(4), i32(2, 2), np.int32(0)], num_split=3)

    for_types(c, "Unpack", lambda d: ([make(d, 2, 3)], {"num": 3, "axis": 1}))
    for s, axis, n in [((3,), 0, 3), ((3,), -1, 3), ((3,), 0, 2), ((2, 3), -2, 2), ((2, 3, 2), 1, 3), ((2, 3, 2), 2, 2), ((2, 3, 2), 3, 2), ((2, 3, 2), -4, 2), ((0, 2), 1, 2), ((), 0, 1), ((2, 0, 3), 2, 3), ((2, 3, 2, 2), -3, 3)]:
        c.add(f"Unpack/{label(s)}/{axis}/{n}", "Unpack", [f32(*s)], num=n, axis=axis)


def joins(c):
    for_types(c, "Pack", lambda d: ([[make(d, 2, 3), make(d, 2, 3)]], {"axis": 1}))
    for s in [(), (3,), (2, 3), (0, 2), (2, 1, 2)]:
        for axis in range(-len(s) - 2, len(s) + 2):
            c.add(f"Pack/{label(s)}/{axis}", "Pack", [[f32(*s), f32(*s), f32(*s)]], axis=axis)
    c.add("Pack/one", "Pack", [[f32(2)]], axis=0)
    c.add("Pack/unequal", "Pack", [[f32(2), f32(3)]], axis=0)
    c.add("Pack/unequal ranks", "Pack", [[f32(2), f32(2, 1)]], axis=0)

    for_types(c, "ConcatV2", lambda d: ([[make(d, 2, 3), make(d, 2, 1)], np.int32(1)], {}))
    for i, (list_of, axis) in enumerate([
        ([(2,), (3,)], 0), ([(2,), (3,)], -1), ([(2,), (0,)], 0), ([(0,), (0,)], 0), ([(2, 3), (1, 3), (3, 3)], 0), ([(2, 3), (2, 1)], -1), ([(2, 3), (2, 1)], 0), ([(2, 3), (2, 3)], 2),
        ([(2, 3), (2, 3)], -3), ([(2, 0), (2, 3)], 1), ([(0, 3), (2, 3)], 0), ([(0, 3), (0, 2)], 1), ([(0,), (2, 3)], 0), ([(2, 3), (0,)], 0), ([(), ()], 0), ([(2, 1, 3), (2, 2, 3), (2, 3, 3)], 1), ([(2, 1, 2, 3, 2), (2, 1, 2, 3, 1)], 4),
        ([(2, 3), (2, 3, 1)], 0), ([(0, 3), (2, 2)], 0), ([(1,), ()], 0),
    ]):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"ConcatV2/{'+'.join(label(s) for s in list_of)}/{axis}", "ConcatV2", [[f32(*s) for s in list_of], kind(axis)])
    c.add("ConcatV2/vector axis", "ConcatV2", [[f32(2), f32(3)], i32(0)])
    c.add("ConcatV2/two axes", "ConcatV2", [[f32(2), f32(3)], i32(0, 0)])
    c.add("Concat", "Concat", [np.int32(1), [f32(2, 1), f32(2, 2)]])


def turns(c):
    for_types(c, "ReverseV2", lambda d: ([make(d, 2, 3), i32(-1)], {}))
    for s, axes in [((4,), (0,)), ((4,), ()), ((4,), (1,)), ((4,), (-2,)), ((4,), (0, 0)), ((2, 3), (0, 1)), ((2, 3), (0, -2)), ((2, 3, 2), (0, 2)), ((2, 3, 2, 2), (1, -1)), ((2, 1, 2, 3, 2), (4, 2, 0)), ((0, 2), (1,)), ((0, 2), (2,)), ((0, 2), (1, 1)), ((), ()), ((), (0,))]:
        for kind in index_types():
            c.add(f"ReverseV2/{label(s)}/{list(axes)}/{kind.__name__}", "ReverseV2", [f32(*s), ints(axes, kind)])
    c.add("ReverseV2/scalar axis", "ReverseV2", [f32(3), np.int32(0)])
    c.add("ReverseV2/matrix of axes", "ReverseV2", [f32(3), i32(0).reshape(1, 1)])

    for_types(c, "Roll", lambda d: ([make(d, 2, 5), i32(2), i32(1)], {}))
    for i, (s, shift, axis) in enumerate([((5,), 2, 0), ((5,), -2, -1), ((5,), 12, 0), ((5,), -13, 0), ((2, 3), (1, 1), (0, 1)), ((2, 3), (1, 1), (1, 1)), ((2, 3, 2), (1, -4), (-1, 1)), ((0, 2), 1, 0), ((0, 2), 1, 1), ((), 1, 0), ((5,), 1, 1), ((5,), 1, -2), ((5,), (1, 2), (0,)), ((5,), (), ())]):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"Roll/{label(s)}/{shift}/{axis}", "Roll", [f32(*s), ints(shift, kind), ints(axis, kind)])
    c.add("Roll/matrix", "Roll", [f32(5), i32(1).reshape(1, 1), i32(0)])

    for_types(c, "Transpose", lambda d: ([make(d, 2, 3, 2), i32(2, 0, 1)], {}))
    for s, perm in [((), ()), ((3,), (0,)), ((2, 3), (1, 0)), ((2, 3), (0, 1)), ((2, 3), (-1, 0)), ((2, 3), (-1, -2)), ((2, 3), (0, 0)), ((2, 3), (0, 2)), ((2, 3), (-3, 0)), ((2, 3), (0,)), ((2, 3), (1, 0, 2)), ((0, 3), (1, 0)), ((2, 3, 2, 2), (0, 2, 1, 3)), ((2, 3, 2, 2), (3, 2, 1, 0)), ((2, 1, 2, 3, 2), (4, 0, 3, 1, 2)), ((2, 3, 0), (2, 1, 0)), ((1, 2, 1), (2, 1, 0))]:
        for kind in index_types():
            c.add(f"Transpose/{label(s)}/{list(perm)}/{kind.__name__}", "Transpose", [f32(*s), ints(perm, kind)])
    c.add("Transpose/matrix", "Transpose", [f32(2, 2), i32(0, 1).reshape(1, 2)])
    c.add("Transpose/scalar", "Transpose", [f32(2), np.int32(0)])

    for_types(c, "Tile", lambda d: ([make(d, 2, 3), i32(2, 2)], {}))
    for s, m in [((3,), (2,)), ((3,), (0,)), ((3,), (1,)), ((3,), (-1,)), ((2, 3), (1, 3)), ((2, 3), (3, 1)), ((2, 3), (2,)), ((2, 3), (1, 1, 1)), ((), ()), ((0, 2), (3, 2)), ((0, 2), (3, -2)), ((0, 2), (1000000, 3)), ((2, 1, 3), (2, 4, 1)), ((1, 2, 1, 3), (2, 1, 2, 1)), ((2, 1, 2, 3, 2), (1, 2, 1, 2, 1))]:
        for kind in index_types():
            c.add(f"Tile/{label(s)}/{list(m)}/{kind.__name__}", "Tile", [f32(*s), ints(m, kind)])
    c.add("Tile/matrix", "Tile", [f32(2, 2), i32(2, 2).reshape(1, 2)])


PADS = [((4,), [[1, 2]]), ((4,), [[0, 0]]), ((4,), [[-1, 2]]), ((4,), [[0, -1]]), ((2, 3), [[1, 0], [0, 2]]), ((2, 3), [[0, 0], [2, 2]]), ((2, 3), [[1, 1]]), ((2, 3), [[1], [1]]), ((2, 3), [[1, 1, 1], [1, 1, 1]]), ((0, 2), [[0, 0], [1, 1]]), ((0, 2), [[2, 1], [0, 0]]), ((2, 1, 3), [[0, 0], [2, 1], [0, 0]]), ((2, 1, 3), [[1, 1], [0, 0], [2, 2]]), ((2, 3, 2, 2), [[0, 0], [1, 1], [1, 1], [0, 0]]), ((2, 1, 2, 3, 2), [[0, 1], [0, 0], [1, 0], [1, 1], [0, 1]]), ((4,), [[3, 3]]), ((4,), [[4, 4]]), ((4,), [[5, 0]]), ((4,), [[0, 4]]), ((1,), [[1, 1]]), ((1,), [[0, 0]])]


def pads(c):
    for_types(c, "Pad", lambda d: ([make(d, 2, 2), i32([1, 0], [0, 2])], {}))
    for_types(c, "PadV2", lambda d: ([make(d, 2, 2), i32([1, 0], [0, 2]), make(d, 1).reshape(())], {}))
    for_types(c, "MirrorPad", lambda d: ([make(d, 2, 3), i32([1, 0], [0, 2])], {"mode": "REFLECT"}))
    for i, (s, p) in enumerate(PADS):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"Pad/{label(s)}/{p}", "Pad", [f32(*s), ints(p, kind)])
        c.add(f"PadV2/{label(s)}/{p}", "PadV2", [f32(*s), ints(p, kind), np.float32(7.5)])
        for mode in ("REFLECT", "SYMMETRIC"):
            c.add(f"MirrorPad/{label(s)}/{p}/{mode}", "MirrorPad", [f32(*s), ints(p, kind)], mode=mode)
    c.add("Pad/scalar", "Pad", [f32(), np.zeros((0, 2), np.int32)])
    c.add("Pad/scalar, one", "Pad", [f32(), np.zeros((1, 2), np.int32)])
    c.add("PadV2/vector value", "PadV2", [f32(2), i32([1, 1]), f32(1)])


def gathers(c):
    for_types(c, "GatherV2", lambda d: ([make(d, 3, 4), i32(2, 0, 2), np.int32(1)], {}))
    i = 0
    for s, idx, axis, batch in [
        ((4,), [1, 3, 0], 0, 0), ((4,), 2, 0, 0), ((4,), [[0, 1], [2, 3]], 0, 0), ((4,), [], 0, 0), ((4,), [4], 0, 0), ((4,), [-1], 0, 0), ((3, 4), [2, 1], 0, 0), ((3, 4), [2, 1], -1, 0), ((3, 4), [2, 1], 2, 0), ((3, 4), [2, 1], -3, 0),
        ((3, 4), [[0, 1, 2], [3, 3, 0]], 1, 0), ((2, 3, 4), [1, 0], 1, 0), ((2, 3, 4), 1, 1, 0), ((2, 3, 4), [[0], [2]], -2, 0), ((), [0], 0, 0), ((0, 3), [0], 0, 0), ((0, 3), [], 0, 0), ((0, 3), [1, 2], 1, 0), ((3, 0), [2, 0], 0, 0), ((3, 0), [3], 0, 0), ((3, 0), [0], 1, 0),
        ((2, 4), [[0, 3], [1, 1]], 1, 1), ((2, 4), [[0, 3], [1, 1]], -1, -1), ((2, 4), [0, 3], 1, 1), ((2, 3, 4), [[0, 2], [1, 1]], 2, 1), ((2, 3, 4), [[0, 2], [1, 1]], 1, 1), ((2, 3, 4), [[0, 2, 1], [1, 1, 0]], 2, 2), ((2, 4), [[0, 3], [1, 1]], 0, 1), ((2, 4), [[0, 3], [1, 1], [0, 0]], 1, 1),
        ((2, 4), [[0, 3], [1, 1]], 1, 2), ((2, 4), [[0, 3], [1, 1]], 1, -2), ((2, 4), [[0, 3], [1, 1]], 1, -3), ((2, 4), [[0, 3], [1, 1]], 1, 3), ((2, 4), [[0, 4], [1, 1]], 1, 1), ((2, 3, 2, 2), [[[1], [0], [2]], [[0], [0], [1]]], 1, 0), ((2, 3, 2, 2), [[[1], [0], [1]], [[0], [0], [1]]], 2, 2),
        ((2, 3, 2, 2), [[[1], [0], [1]], [[0], [0], [1]]], 3, 2), ((0, 4), np.zeros((0, 2)), 1, 1), ((2, 0), np.zeros((2, 0)), 1, 1), ((2, 3, 4), [[0, 1, 2]] * 2, -1, -1), ((2, 3, 0), [[3], [1]], 1, 1), ((2, 3, 0), [[2], [1]], 1, 1),
    ]:
        kind = np.int64 if i % 2 else np.int32
        c.add(f"GatherV2/{i}/{label(s)}/axis{axis}/batch{batch}", "GatherV2", [f32(*s), np.array(idx).astype(kind), (np.int32 if i % 3 else np.int64)(axis)], batch_dims=batch)
        i += 1
    c.add("GatherV2/vector axis", "GatherV2", [f32(3), i32(0), i32(0)])
    c.add("Gather", "Gather", [f32(3, 2), i32(2, 0)])
    c.add("Gather/out of range", "Gather", [f32(3, 2), i32(3, 0)])

    for dtype in DTYPES:
        if dtype != "string":
            c.add(f"ResourceGather/type/{dtype}", "ResourceGather", [make(dtype, 3, 4), i32(2, 0, 2)], variables=[0], dtype=tf.as_dtype(dtype))
    for i, (s, idx, batch) in enumerate([
        ((4,), [1, 3, 0], 0), ((5, 3), [[0, 4], [2, 2]], 0), ((5, 3), 4, 0), ((5, 3), [], 0), ((5, 3), [5], 0), ((5, 3), [-1], 0), ((2, 4), [[0, 3], [1, 1]], 1), ((2, 4, 3), [[0, 3], [1, 1]], 1), ((2, 2, 3), [[[0], [2]], [[1], [1]]], 2), ((2, 2, 3), [[0, 2], [1, 1]], 2),
        # Not with batch axes and a row number out of range: this kernel then reads the next row of the batch.
        ((5, 0), [1], 0), ((5, 0), [5], 0), ((2, 4, 3), [[1, 3, 0], [2, 2, 2]], 1), ((2, 3, 4), [[1, 2], [0, 1]], 1),
    ]):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"ResourceGather/{i}", "ResourceGather", [f32(*s), np.array(idx).astype(kind)], variables=[0], dtype=tf.float32, batch_dims=batch)

    for_types(c, "GatherNd", lambda d: ([make(d, 3, 4), i32([2, 3], [0, 1])], {}))
    nd = [
        ((4,), [[1], [3]]), ((3, 4), [[1], [2]]), ((3, 4), [1, 2]), ((3, 4), [[[0, 1]], [[2, 3]]]), ((3, 4), [[3, 0]]), ((3, 4), [[0, -1]]), ((3, 4), [[0, 0, 0]]), ((3, 4), np.zeros((2, 0))), ((3, 4), np.zeros((0, 2))), ((2, 3, 2), [[1, 2], [0, 0]]),
        ((2, 3, 2), [[1], [0]]), ((2, 3, 2), [[1, 2, 1]]), ((0, 3), [[0]]), ((0, 3), np.zeros((0, 1))), ((), [[0]]), ((3,), 0), ((2, 0), [[1]]), ((2, 0), [[2]]), ((2, 3, 2, 2), [[[1, 2], [0, 1]]]), ((2, 1, 2, 3, 2), [[1, 0, 1, 2, 1], [0, 0, 0, 0, 0]]),
    ]
    for i, (s, idx) in enumerate(nd):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"GatherNd/{i}", "GatherNd", [f32(*s), np.array(idx).astype(kind)])
    c.add("ResourceGatherNd", "ResourceGatherNd", [f32(3, 4), i32([2], [0])], variables=[0], dtype=tf.float32)


def sequences(c):
    for i, p in enumerate([(2, 0, 1), (), (0,), (1, 1, 0), (0, 3, 1), (0, -1, 1), (4, 3, 2, 1, 0)]):
        c.add(f"InvertPermutation/{i}", "InvertPermutation", [ints(p, np.int64 if i % 2 else np.int32)])
    c.add("InvertPermutation/matrix", "InvertPermutation", [i32([0, 1])])
    for_types(c, "ReverseSequence", lambda d: ([make(d, 2, 4), i32(3, 2)], {"seq_dim": 1}))
    for i, (s, lengths, seq, batch) in enumerate([
        ((3, 4), (0, 4, 2), 1, 0), ((3, 4), (0, 1, 3, 2), 0, 1), ((3, 4), (5, 1, 1), 1, 0), ((3, 4), (-1, 1, 1), 1, 0), ((3, 4), (1, 1), 1, 0), ((3, 4), (1, 1, 1), 0, 0), ((2, 4, 3), (3, 2), 1, 0), ((2, 4, 3), (3, 2, 1), 1, 2), ((2, 4, 3), (3, 2, 1, 0), 2, 1), ((2, 4), (1, 1), 2, 0),
        ((2, 4), (1, 1), 1, 2), ((0, 4), (), 1, 0), ((2, 0), (0, 0), 1, 0), ((2, 3, 2, 2), (2, 1), 1, 3),
    ]):
        c.add(f"ReverseSequence/{i}", "ReverseSequence", [f32(*s), ints(lengths, np.int64 if i % 2 else np.int32)], seq_dim=seq, batch_dim=batch)


def fills(c):
    for_types(c, "Fill", lambda d: ([i32(2, 3), make(d, 1).reshape(())], {}))
    for s in [(), (0,), (3,), (2, 0, 3), (-1,), (2, -3), (1, 2, 1, 2, 1)]:
        for kind in index_types():
            c.add(f"Fill/{list(s)}/{kind.__name__}", "Fill", [ints(s, kind), np.float32(-2.5)])
    c.add("Fill/vector value", "Fill", [i32(2), f32(1)])
    c.add("Fill/scalar shape", "Fill", [np.int32(2), f32()])
    for dtype in DTYPES:
        c.add(f"ZerosLike/type/{dtype}", "ZerosLike", [make(dtype, 2, 3)])
        if dtype != "string":
            c.add(f"OnesLike/type/{dtype}", "OnesLike", [make(dtype, 2, 3)])
    for s in [(), (0, 3), (2, 1, 2)]:
        c.add(f"ZerosLike/{label(s)}", "ZerosLike", [f32(*s)])
        c.add(f"OnesLike/{label(s)}", "OnesLike", [f32(*s)])
    for kind in (np.int32, np.int64, np.float32, np.float64):
        for a, b, d in [(0, 5, 1), (2, 2, 1), (5, 0, -1), (5, 0, -2), (0, 5, 2), (0, 6, 2), (-3, 3, 4), (0, 5, 0), (0, 5, -1), (5, 0, 1), (3, 3, -2), (3, 3, 0)]:
            c.add(f"Range/{kind.__name__}/{a},{b},{d}", "Range", [kind(a), kind(b), kind(d)])
    for kind in (np.float32, np.float64):
        for a, b, d in [(0, 1, 0.1), (0.5, 3.25, 0.3), (1, -1, -0.07), (0, 1, 3), (np.nan, 1, 1), (0, np.nan, 1), (0, 1, np.nan)]:
            c.add(f"Range/{kind.__name__}/{a},{b},{d}", "Range", [kind(a), kind(b), kind(d)])
    c.add("Range/vector", "Range", [i32(0), np.int32(3), np.int32(1)])
    c.add("Range/int32 limits", "Range", [np.int32(-(2**31)), np.int32(2**31 - 1), np.int32(2**30)])
    c.add("Range/int64 limits", "Range", [np.int64(-(2**62)), np.int64(2**62), np.int64(2**61 + 1)])
    for kind in (np.float32, np.float64):
        for a, b, n in [(0, 1, 5), (0, 1, 1), (1, 0, 7), (-2.5, 3.1, 10), (0, 1, 0), (0, 1, -1), (2, 2, 3), (0, 1, 2)]:
            c.add(f"LinSpace/{kind.__name__}/{a},{b},{n}", "LinSpace", [kind(a), kind(b), (np.int64 if n % 2 else np.int32)(n)])
    c.add("LinSpace/vector", "LinSpace", [f32(1), np.float32(1), np.int32(3)])


def hots(c):
    values = {"bool": (True, False), "string": ("on", "off")}
    for dtype in DTYPES:
        on, off = values.get(dtype, (3, -1))
        c.add(f"OneHot/type/{dtype}", "OneHot", [i32(0, 2, -1, 3), np.int32(3), np.array(on, DTYPES[dtype]), np.array(off, DTYPES[dtype])], axis=-1)
    for s in [(), (4,), (0,), (2, 3), (2, 0), (2, 2, 2)]:
        for axis in range(-1, len(s) + 2):
            for depth in (3, 0) if axis == 0 else (3,):
                idx = rng.integers(-1, 4, s).astype(np.int64 if axis % 2 else np.int32)
                c.add(f"OneHot/{label(s)}/axis{axis}/{depth}", "OneHot", [idx, np.int32(depth), np.float32(1), np.float32(0)], axis=axis)
    c.add("OneHot/negative depth", "OneHot", [i32(0), np.int32(-1), np.float32(1), np.float32(0)], axis=-1)
    c.add("OneHot/vector depth", "OneHot", [i32(0), i32(2), np.float32(1), np.float32(0)], axis=-1)
    c.add("OneHot/vector value", "OneHot", [i32(0), np.int32(2), f32(1), np.float32(0)], axis=-1)

    for dtype in DTYPES:
        if dtype != "string":
            c.add(f"Where/type/{dtype}", "Where", [make(dtype, 2, 3)])
    for s in SHAPES:
        c.add(f"Where/{label(s)}", "Where", [make("bool", *s)])
    c.add("Where/scalar true", "Where", [np.array(True)])
    c.add("Where/floats", "Where", [np.array([0.0, -0.0, np.nan, 1e-30, np.inf], np.float32)])
    c.add("Where/large", "Where", [i64(2**62, 0, -(2**63), 1)])


def scatters(c):
    nd = [
        ([[1], [3]], (2,), (5,)), ([[1], [1]], (2,), (5,)), ([[1], [0]], (2, 3), (2, 3)), ([[1, 2], [0, 0]], (2,), (2, 3)), ([[1, 2], [1, 2]], (2,), (2, 3)), ([[5]], (1,), (5,)), ([[-1]], (1,), (5,)), ([1], (), (5,)), ([[0, 0, 0]], (1,), (2, 3)),
        ([[1]], (2,), (5,)), ([[1]], (1, 2), (2, 3)), (np.zeros((0, 1)), (0,), (3,)), (np.zeros((0, 1)), (0, 2), (3, 2)), (np.zeros((2, 0)), (2, 3), (3,)), ([[0]], (1,), (0,)), (np.zeros((0, 1)), (0,), (0,)), ([[[0], [1]], [[2], [1]]], (2, 2, 2), (3, 2)), ([[0]], (1, 0), (2, 0)), (1, (), (3,)), ([[1]], (1,), (-1,)),
    ]
    for i, (idx, u, s) in enumerate(nd):
        kind = np.int64 if i % 2 else np.int32
        c.add(f"ScatterNd/{i}", "ScatterNd", [np.array(idx).astype(kind), f32(*u), ints(s, kind)])
        if min(s, default=0) >= 0:
            c.add(f"TensorScatterUpdate/{i}", "TensorScatterUpdate", [f32(*s), np.array(idx).astype(kind), f32(*u)])
    for dtype in DTYPES:
        c.add(f"TensorScatterUpdate/type/{dtype}", "TensorScatterUpdate", [make(dtype, 3, 2), i32([2], [0]), make(dtype, 2, 2)])
        if dtype != "string":
            c.add(f"ScatterNd/type/{dtype}", "ScatterNd", [i32([2], [0], [2]), make(dtype, 3, 2), i32(3, 2)])
    for dtype in ("float16", "bfloat16"):
        c.add(f"ScatterNd/sum/{dtype}", "ScatterNd", [i32([0], [0], [0], [0]), np.array([2049, 1.5, 0.001, 300], DTYPES[dtype]), i32(1)])
    c.add("ScatterNd/sum/bool", "ScatterNd", [i32([0], [0], [1]), np.array([True, True, False]), i32(2)])


def main(folder):
    c = Cases()
    for part in (shapes, reshapes, broadcasts, strided, cuts, joins, turns, pads, gathers, sequences, fills, hots, scatters, lists, blocks, bands,
                 diagonals, bits, passing):
        part(c)
    c.write(folder, "ops_shape")


if __name__ == "__main__":
    main(sys.argv[1])
