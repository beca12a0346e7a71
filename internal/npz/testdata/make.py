"""Makes the numpy files that the tests read, with numpy itself.

    python make.py DIR            DIR is this folder

Numbers count from 0 in row-major order, whatever the order in the file. What
numpy wrote is also what our writer must write, byte for byte: golden.zip.
Made with numpy 2.4.6 and ml_dtypes 0.6.0.
"""

import os
import sys
import zipfile

import ml_dtypes
import numpy as np

os.chdir(sys.argv[1])


def count(shape, dtype):
    return np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)


def versioned(name, array, version):
    with open(name, "wb") as f:
        np.lib.format.write_array(f, array, version=version)


shape = (2, 3, 4)
numbers = {"f2": "<f2", "f4": "<f4", "f8": "<f8", "i4": "<i4", "i8": "<i8", "bf16": ml_dtypes.bfloat16}
numbers |= {"i1": "|i1", "i2": "<i2", "u1": "|u1", "u2": "<u2", "u4": "<u4", "u8": "<u8"}
arrays = {}
for name, dtype in numbers.items():
    arrays["c/" + name] = count(shape, dtype)
    arrays["fortran/" + name] = np.asfortranarray(count(shape, dtype))
    if name != "bf16":
        arrays["big/" + name] = count(shape, np.dtype(dtype).newbyteorder(">"))
        arrays["big_fortran/" + name] = np.asfortranarray(count(shape, np.dtype(dtype).newbyteorder(">")))
arrays["c/b1"] = count(shape, "i4") % 3 == 1
arrays["fortran/b1"] = np.asfortranarray(arrays["c/b1"])
np.savez("numpy.npz", **arrays)
np.savez_compressed("compressed.npz", **arrays)

texts = np.array([["", "a", "Zürich"], ["日本", "a\0b", "\U0001f600"]])
np.savez(
    "text.npz",
    unicode=texts,
    fortran=np.asfortranarray(texts),
    big=texts.astype(texts.dtype.newbyteorder(">")),
    bytes=np.array([[b"", b"a", b"bcd"], [b"\xff", b"a\0b", b"z"]]),
    scalar=np.array("one"),
    none=np.array([], dtype="U7"),
)

for version in (1, 0), (2, 0), (3, 0):
    versioned(f"version{version[0]}.npy", count(shape, "<f4"), version)
np.save("scalar.npy", np.float64(-2.5))
np.save("empty.npy", np.zeros((3, 0, 2), "f4"))

# What is refused.
np.save("object.npy", np.array([1, "a", None], dtype=object), allow_pickle=True)
np.save("records.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i8")]))
np.save("subarrays.npy", np.zeros(2, dtype=[("a", "<f4", (3,))]))
np.save("complex.npy", count((3,), "c32"))
np.save("timedelta.npy", count((3,), "m8[s]"))
np.save("dates.npy", np.array(["2020-01-01"], dtype="M8[D]"))
np.save("long.npy", count((3,), "g"))
np.save("void3.npy", np.zeros(3, "V3"))
np.save("surrogate.npy", np.array(["\ud800"]))

# What numpy.save writes of the tensors that the test writes.
golden = {f"{name}/{len(s)}": count(s, dtype) for name, dtype in numbers.items() for s in [(), (7,), (2, 3), (1, 2, 3, 2, 1)]}
golden |= {f"{d}/ends": np.array([np.iinfo(d).min, np.iinfo(d).max, 1], d) for d in ("i1", "i2", "u1", "u2", "u4", "u8")}
golden["b1"] = np.array([True, False, True])
golden["wide"] = np.zeros((1,) * 14 + (1000000007, 0), "f4")
golden["wider"] = np.zeros((1,) * 25, "f4")
golden["text"] = texts
golden["text/empty"] = np.array([], dtype=str)
golden["text/none"] = np.array([""])
with zipfile.ZipFile("golden.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name, array in golden.items():
        with z.open(zipfile.ZipInfo(name + ".npy"), "w") as f:
            np.lib.format.write_array(f, np.asarray(array))
