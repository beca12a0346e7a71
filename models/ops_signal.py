"""Fourier transforms, and the parts of complex numbers.

    python ops_signal.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_numbers import F32, F64, I32, data, inf, label, nan

C64, C128 = np.complex64, np.complex128
LENGTHS = [1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 35, 67, 128, 134, 169, 240]


def numbers(shape, dtype):
    real = F32 if dtype == C64 else F64
    return (data(shape, real) + 1j * data(shape, real)).astype(dtype)


def close(dtype):
    return 4e-6 if dtype in (C64, F32) else 1e-13


def parts(cases):
    for dtype, real in ((C64, F32), (C128, F64)):
        z = np.array([1 + 2j, -3 + 0.5j, 0, -1, 1j, -2j, complex(inf, 1), complex(2, -inf), complex(nan, 1), -1e20 + 1e20j, 1e-30 - 1e-30j], dtype)
        for x in (z, numbers((2, 3), dtype), numbers((0, 2), dtype), numbers((), dtype)):
            for op in ("Real", "Imag", "ComplexAbs", "Angle"):
                cases.add(label(op, dtype, x.shape), op, [x], tolerance=3e-7 if op in ("ComplexAbs", "Angle") else 0, Tout=real)
            cases.add(label("Conj", dtype, x.shape), "Conj", [x])
        for a, b in (((3,), (3,)), ((2, 1), (3,)), ((), (2, 2)), ((0, 2), (2,)), ((2,), (3,))):
            cases.add(label("Complex", dtype, a, b), "Complex", [data(a, real), data(b, real)], Tout=dtype)
        cases.add(label("Reshape", dtype), "Reshape", [numbers((2, 3), dtype), np.array([3, 2], I32)])
        cases.add(label("Transpose", dtype), "Transpose", [numbers((2, 3), dtype), np.array([1, 0], I32)])
        cases.add(label("StridedSlice", dtype), "StridedSlice", [numbers((4, 3), dtype), np.array([1], I32), np.array([4], I32), np.array([2], I32)])
        cases.add(label("Pad", dtype), "Pad", [numbers((2,), dtype), np.array([[1, 2]], I32)])


def transforms(cases):
    for dtype in (C64, C128):
        for op in ("FFT", "IFFT"):
            for n in LENGTHS if dtype == C64 else LENGTHS[4:12:3]:
                cases.add(label(op, dtype, n), op, [numbers((2, n), dtype)], tolerance=close(dtype))
            for axes, shape in ((2, (2, 4, 6)), (2, (3, 5)), (3, (2, 3, 4)), (3, (2, 2, 1, 5))):
                cases.add(label(op, axes, dtype, shape), f"{op}{axes}D", [numbers(shape, dtype)], tolerance=close(dtype))
            cases.add(label(op, dtype, "vector"), op, [numbers((7,), dtype)], tolerance=close(dtype))
            for shape in ((0, 4), (2, 0), ()):
                cases.add(label(op, dtype, shape), op, [numbers(shape, dtype)], tolerance=close(dtype))
            cases.add(label(op, "2D", dtype, "rank"), op + "2D", [numbers((3,), dtype)])
    for real, dtype in ((F32, C64), (F64, C128)):
        for n in LENGTHS if real == F32 else LENGTHS[4:12:3]:
            half = n // 2 + 1
            cases.add(label("RFFT", real, n), "RFFT", [data((2, n), real), np.array([n], I32)], tolerance=close(dtype), Tcomplex=dtype)
            cases.add(label("IRFFT", real, n), "IRFFT", [numbers((2, half), dtype), np.array([n], I32)], tolerance=close(dtype), Treal=real)
        for axes, shape in ((2, (2, 4, 6)), (2, (3, 5)), (3, (2, 3, 4)), (3, (2, 2, 1, 5))):
            size = np.array(shape[-axes:], I32)
            cases.add(label("RFFT", axes, real, shape), f"RFFT{axes}D", [data(shape, real), size], tolerance=close(dtype), Tcomplex=dtype)
            cases.add(label("IRFFT", axes, real, shape), f"IRFFT{axes}D", [numbers((*shape[:-1], shape[-1] // 2 + 1), dtype), size], tolerance=close(dtype), Treal=real)
    for name, shape, n in (("cut", (2, 9), [6]), ("short", (2, 5), [6]), ("negative", (2, 5), [-2]), ("no_batch", (0, 6), [6]), ("numbers", (2, 6), [6, 6]), ("scalar", (2, 6), 6), ("rank", (), [1])):
        cases.add(label("RFFT", name), "RFFT", [data(shape, F32), np.array(n, I32)], tolerance=close(C64))
    for name, shape, n in (("cut", (2, 9), [6]), ("odd", (2, 4), [7]), ("short", (2, 3), [6]), ("negative", (2, 5), [-2]), ("no_batch", (0, 4), [6]), ("numbers", (2, 6), [6, 6])):
        cases.add(label("IRFFT", name), "IRFFT", [numbers(shape, C64), np.array(n, I32)], tolerance=close(C64))
    for name, shape, n in (("cut", (5, 9), [4, 6]), ("short", (3, 9), [4, 6])):
        cases.add(label("RFFT", "2D", name), "RFFT2D", [data(shape, F32), np.array(n, I32)], tolerance=close(C64))
        if name != "cut":  # which aborts TensorFlow
            cases.add(label("IRFFT", "2D", name), "IRFFT2D", [numbers(shape, C64), np.array(n, I32)], tolerance=close(C64))


def arithmetic(cases):
    for dtype in (C64, C128):
        for op in ("AddV2", "Add", "Sub", "Mul", "RealDiv"):
            for a, b in (((3, 4), (3, 4)), ((3, 1), (4,)), ((), (5,))):
                cases.add(label(op, dtype, a, b), op, [numbers(a, dtype), numbers(b, dtype)], tolerance=close(dtype))
            cases.add(label(op, dtype, "none"), op, [numbers((0, 2), dtype), numbers((2,), dtype)])
            cases.add(label(op, dtype, "unequal"), op, [numbers((3,), dtype), numbers((2,), dtype)])
        x = numbers((6,), dtype)
        cases.add(label("Mul", dtype, "cancels"), "Mul", [x, np.conj(x) * dtype(1j)], tolerance=close(dtype) * 10)
        cases.add(label("RealDiv", dtype, "sizes"), "RealDiv", [numbers((7,), dtype), (numbers((7,), dtype) * 10.0 ** np.arange(-6, 8, 2)).astype(dtype)], tolerance=close(dtype) * 10)


def casts(cases):
    real = {"float32": data((2, 3), F32), "float64": data((2, 3), F64) * 1.1, "complex64": numbers((2, 3), C64), "complex128": numbers((2, 3), C128) * 1.1}
    for src, x in real.items():
        for dst in ("complex64", "complex128") + (("float32",) if src == "complex64" else ("float64",) if src == "complex128" else ()):
            if src != dst:
                cases.add(label("Cast", src, dst), "Cast", [x], DstT=tf.as_dtype(dst))


def main(folder):
    cases = Cases()
    for part in (parts, transforms, arithmetic, casts):
        part(cases)
    cases.write(folder, "ops_signal")


if __name__ == "__main__":
    main(sys.argv[1])
