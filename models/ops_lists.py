"""The operations on lists of tensors, with which a graph keeps the steps of a loop."""

import numpy as np
import tensorflow as tf

from ops_tensors import f32, i32, i64, ints


def lists(c):
    """Lists live between operations: every case begins with tensors and ends with them."""
    raw = tf.raw_ops
    x, any_shape = f32(3, 2), np.int32(-1)

    def from_tensor(v, shape=None):
        return raw.TensorListFromTensor(tensor=v[0], element_shape=v[1] if shape is None else shape)

    def both(v, handle):
        return [raw.TensorListStack(input_handle=handle, element_shape=v[1], element_dtype=tf.float32), raw.TensorListLength(input_handle=handle)]

    for shape in [any_shape, i32(2), i32(-1), i64(2), i32(3), i32(2, 1), i32(), np.int32(2)]:
        c.graph(f"TensorListFromTensor/{shape.tolist()}{shape.dtype}", lambda v: both([v[0], v[2]], from_tensor(v)), [x, shape, any_shape])
        c.graph(f"TensorListStack/{shape.tolist()}{shape.dtype}", lambda v: both([v[0], v[2]], from_tensor(v)), [x, any_shape, shape])
        c.graph(f"TensorListElementShape/{shape.tolist()}{shape.dtype}", lambda v: [raw.TensorListElementShape(input_handle=from_tensor(v), shape_type=tf.int64), raw.TensorListElementShape(input_handle=from_tensor(v), shape_type=tf.int32)], [x, shape])
    c.graph("TensorListFromTensor/empty", lambda v: both(v, from_tensor(v)), [f32(0, 2), i32(2)])
    c.graph("TensorListFromTensor/scalar", lambda v: both(v, from_tensor(v)), [f32(), any_shape])
    c.graph("TensorListStack/empty, unknown", lambda v: both([v[0], v[2]], from_tensor(v)), [f32(0, 2), any_shape, any_shape])
    c.graph("TensorListStack/wrong number", lambda v: raw.TensorListStack(input_handle=from_tensor(v), element_shape=v[1], element_dtype=tf.float32, num_elements=2), [x, any_shape])
    c.graph("TensorListStack/right number", lambda v: raw.TensorListStack(input_handle=from_tensor(v), element_shape=v[1], element_dtype=tf.float32, num_elements=3), [x, any_shape])
    c.graph("TensorListStack/wrong type", lambda v: raw.TensorListStack(input_handle=from_tensor(v), element_shape=v[1], element_dtype=tf.int32), [x, any_shape])

    def reserve(v):  # n, element shape
        return raw.TensorListReserve(element_shape=v[1], num_elements=v[0], element_dtype=tf.float32)

    for shape in [any_shape, i32(2), i32(-1), i32(2, -1), i32()]:
        for n in (0, 3, -1):
            c.graph(f"TensorListReserve/{n}/{shape.tolist()}", lambda v: raw.TensorListLength(input_handle=reserve(v)), [np.int32(n), shape])
        for want in [any_shape, i32(2), i32(3), i32(2, -1)] if shape.size == 1 else []:
            tag = f"{shape.tolist()}/{want.tolist()}"
            c.graph(f"TensorListStack/unset/{tag}", lambda v: both([None, v[2]], reserve(v)), [np.int32(3), shape, want])
            c.graph(f"TensorListGetItem/unset/{tag}", lambda v: raw.TensorListGetItem(input_handle=reserve(v), index=v[3], element_shape=v[2], element_dtype=tf.float32), [np.int32(3), shape, want, np.int32(1)])

            def set_then(v, op):
                return op(raw.TensorListSetItem(input_handle=reserve(v), index=v[3], item=v[4]))

            c.graph(f"TensorListStack/set one/{tag}", lambda v: set_then(v, lambda l: both([None, v[2]], l)), [np.int32(3), shape, want, np.int32(1), f32(2)])
            c.graph(f"TensorListGetItem/other set/{tag}", lambda v: set_then(v, lambda l: raw.TensorListGetItem(input_handle=l, index=v[5], element_shape=v[2], element_dtype=tf.float32)), [np.int32(3), shape, want, np.int32(1), f32(2), np.int32(0)])
            c.graph(f"TensorListGather/other set/{tag}", lambda v: set_then(v, lambda l: raw.TensorListGather(input_handle=l, indices=v[5], element_shape=v[2], element_dtype=tf.float32)), [np.int32(3), shape, want, np.int32(1), f32(2), i32(0, 1, 1)])
    for i in (-1, 0, 2, 3):
        c.graph(f"TensorListGetItem/{i}", lambda v: raw.TensorListGetItem(input_handle=from_tensor(v), index=v[2], element_shape=v[1], element_dtype=tf.float32), [x, any_shape, np.int32(i)])
        for resize in (True, False):
            if i < 0:
                continue  # TensorFlow crashes; a Go test has it
            c.graph(f"TensorListSetItem/{i}/{resize}", lambda v: both([None, v[1]], raw.TensorListSetItem(input_handle=from_tensor(v), index=v[2], item=v[3], resize_if_index_out_of_bounds=resize)), [x, any_shape, np.int32(i), f32(2)])
    c.graph("TensorListSetItem/shape", lambda v: both([None, v[1]], raw.TensorListSetItem(input_handle=from_tensor(v), index=v[2], item=v[3])), [x, i32(2), np.int32(0), f32(3)])
    c.graph("TensorListSetItem/type", lambda v: both([None, v[1]], raw.TensorListSetItem(input_handle=from_tensor(v), index=v[2], item=v[3])), [x, i32(2), np.int32(0), i32(1, 2)])

    def push(v, items, most=0):
        handle = raw.EmptyTensorList(element_shape=v[0], max_num_elements=v[1], element_dtype=tf.float32)
        for item in items:
            handle = raw.TensorListPushBack(input_handle=handle, tensor=item)
        return handle

    for most in (-2, -1, 0, 1, 2, 3):
        c.graph(f"TensorListPushBack/{most}", lambda v: both([None, v[0]], push(v, v[2:])), [any_shape, np.int32(most), f32(2), f32(2)])

    def fork(v):
        three = push(v, [v[2]] * 3)
        a, b = [raw.TensorListPushBack(input_handle=three, tensor=item) for item in v[2:]]
        return both([None, v[0]], a) + both([None, v[0]], b)

    c.graph("TensorListPushBack/one list twice", fork, [any_shape, np.int32(-1), f32(2), f32(2)])
    c.graph("TensorListPushBack/other shape", lambda v: raw.TensorListLength(input_handle=push(v, v[2:])), [any_shape, np.int32(-1), f32(2), f32(3)])
    c.graph("TensorListPushBack/wrong shape", lambda v: raw.TensorListLength(input_handle=push(v, v[2:])), [i32(2), np.int32(-1), f32(2), f32(3)])
    c.graph("TensorListPushBack/wrong type", lambda v: raw.TensorListLength(input_handle=push(v, v[2:])), [i32(2), np.int32(-1), i32(2, 3)])
    c.graph("EmptyTensorList", lambda v: both([None, v[0]], push(v, [])), [i32(2), np.int32(-1)])

    def pop(v, handle, shape):
        p = raw.TensorListPopBack(input_handle=handle, element_shape=shape, element_dtype=tf.float32)
        return [raw.TensorListLength(input_handle=p.output_handle), p.tensor]

    c.graph("TensorListPopBack", lambda v: pop(v, from_tensor(v), v[1]), [x, any_shape])
    c.graph("TensorListPopBack/wrong shape", lambda v: pop(v, from_tensor(v), v[2]), [x, any_shape, i32(5)])
    c.graph("TensorListPopBack/empty", lambda v: pop(v, from_tensor(v), v[1]), [f32(0, 2), any_shape])
    c.graph("TensorListPopBack/unset", lambda v: pop(v, reserve(v), v[2]), [np.int32(2), any_shape, i32(2)])
    c.graph("TensorListPopBack/unset, unknown", lambda v: pop(v, reserve(v), v[2]), [np.int32(2), any_shape, any_shape])

    for n in (-1, 0, 2, 5):
        c.graph(f"TensorListResize/{n}", lambda v: both([None, v[1]], raw.TensorListResize(input_handle=from_tensor(v), size=v[2])), [x, any_shape, np.int32(n)])
    for idx in [(0, 2), (2, 2, 1), (), (3,), (-1,)]:
        for shape in (any_shape, i32(2), i32(3)):
            c.graph(f"TensorListGather/{list(idx)}/{shape.tolist()}", lambda v: raw.TensorListGather(input_handle=from_tensor(v), indices=v[2], element_shape=v[3], element_dtype=tf.float32), [x, any_shape, ints(idx, np.int32), shape])

    for idx in [(0, 1, 2), (2, 0, 1), (4, 0, 2), (1, 1, 1), (0, 1), (0, -1, 2), (0, 1, 2, 3), ()]:
        for shape in (i32(2), i32(3)) if len(idx) == 3 else (i32(2),):
            tag = f"{list(idx)}/{shape.tolist()}"
            c.graph(f"TensorListScatter/{tag}", lambda v: both([None, v[2]], raw.TensorListScatter(tensor=v[0], indices=v[1], element_shape=v[2])), [x, ints(idx, np.int32), shape])
            for n in (-1, 6) if shape.tolist() == [2] else ():
                c.graph(f"TensorListScatterV2/{tag}/{n}", lambda v: both([None, v[2]], raw.TensorListScatterV2(tensor=v[0], indices=v[1], element_shape=v[2], num_elements=v[3])), [x, ints(idx, np.int32), shape, np.int32(n)])
        if min(idx, default=0) < 0:
            continue  # TensorFlow crashes
        c.graph(f"TensorListScatterIntoExistingList/{list(idx)}", lambda v: both(v, raw.TensorListScatterIntoExistingList(input_handle=from_tensor(v), tensor=v[2], indices=v[3])), [x, any_shape, f32(3, 2), ints(idx, np.int32)])

    for n in (3, 4, -2):
        c.graph(f"TensorListScatterV2/length {n}", lambda v: both([None, v[2]], raw.TensorListScatterV2(tensor=v[0], indices=v[1], element_shape=v[2], num_elements=v[3])), [x, i32(3, 0, 1), any_shape, np.int32(n)])

    def concat(v, handle, shape, leading):
        r = raw.TensorListConcatV2(input_handle=handle, element_shape=shape, leading_dims=leading, element_dtype=tf.float32)
        return [r.tensor, r.lengths]

    none = i64()
    for shape in [any_shape, i32(-1, 2), i32(2, 2), i32(-1, -1), i32(-1), i32()]:
        c.graph(f"TensorListConcatV2/{shape.tolist()}", lambda v: concat(v, from_tensor(v), v[2], v[3]), [f32(3, 2, 2), any_shape, shape, none])
        c.graph(f"TensorListConcatV2/empty/{shape.tolist()}", lambda v: concat(v, from_tensor(v), v[2], v[3]), [f32(0, 2, 2), any_shape, shape, none])
        c.graph(f"TensorListConcatV2/unequal/{shape.tolist()}", lambda v: concat(v, push(v, v[4:]), v[2], v[3]), [any_shape, np.int32(-1), shape, none, f32(1, 2), f32(3, 2)])
        for leading in (none, i64(1, 2, 3)):
            if shape.tolist() == [2, 2] and leading.size:
                continue  # TensorFlow mixes both lengths up
            c.graph(f"TensorListConcatV2/unset/{shape.tolist()}/{leading.tolist()}", lambda v: concat(v, reserve(v), v[2], v[3]), [np.int32(3), any_shape, shape, leading])
        for leading in (i64(1, 2, 3),):
            if shape.tolist() == [2, 2]:
                continue  # TensorFlow mixes both lengths up, or crashes
            c.graph(f"TensorListConcatV2/one set/{shape.tolist()}/{leading.tolist()}", lambda v: concat(v, raw.TensorListSetItem(input_handle=reserve(v), index=v[4], item=v[5]), v[2], v[3]), [np.int32(3), any_shape, shape, leading, np.int32(1), f32(2, 2)])
    c.graph("TensorListConcatV2/scalars", lambda v: concat(v, from_tensor(v), v[1], v[2]), [f32(3), any_shape, none])
    c.graph("TensorListConcatV2/contradiction", lambda v: concat(v, push(v, v[3:]), v[0], v[2]), [any_shape, np.int32(-1), none, f32(1, 2), f32(3, 3)])

    for lengths in [(1, 2), (3,), (0, 3, 0), (1, 1), (4,), (-1, 4), ()]:
        for shape in (any_shape,) + ((i32(-1, 2), i32(-1, 3), i32(), i32(2)) if len(lengths) == 2 else ()):
            c.graph(f"TensorListSplit/{list(lengths)}/{shape.tolist()}", lambda v: concat(v, raw.TensorListSplit(tensor=v[0], element_shape=v[1], lengths=v[2]), v[1], v[3]), [x, shape, ints(lengths, np.int64), none])
