"""Runs special functions in TensorFlow's own kernels, and writes the cases down.

    python ops_special.py DIR [N]

N random arguments, or pairs of them, for each function and type: 60 are committed; the bounds were measured with 20,000.
"""

import sys

import numpy as np

from ops_cases import Cases
from ops_numbers import F32, F64, FLOATS, HALVES, close, inf, label, nan

rng = np.random.default_rng(20240618)
CORNERS = [nan, inf, -inf, 0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, -1.5, 1e-30, -1e-30, 1e-10, 3.0, 10.0, 30.0, 87.0, 89.0, 100.0, 1e10, 1e30, -1e30, 1e-37, 0.25, 0.999, -0.999]
BESSEL = ("BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselJ0", "BesselJ1", "BesselY0", "BesselY1")


def sizes(n, low, high):
    """Positive numbers of all sizes."""
    return 10 ** rng.uniform(low, high, n)


def signed(n, low, high):
    return sizes(n, low, high) * rng.choice([-1, 1], n)


def alone(cases, n):
    arguments = {
        "Digamma": lambda: np.concatenate([signed(n, -6, 3), rng.uniform(-12, 12, n), rng.uniform(1.4, 1.5, n // 4), -np.arange(n // 8) - 1e-3]),
        "Lgamma": lambda: np.concatenate([signed(n, -6, 6), rng.uniform(-12, 12, n), 1 + signed(n // 4, -5, -1), 2 + signed(n // 4, -5, -1)]),
        "Ndtri": lambda: np.concatenate([rng.uniform(0, 1, n), sizes(n, -37, 0), 1 - sizes(n // 2, -7, -0.5), rng.uniform(-1, 2, n // 8)]),
        "Erfinv": lambda: np.concatenate([rng.uniform(-1, 1, n), signed(n, -7, -0.1), 1 - sizes(n // 2, -7 if n > 1000 else -4, -0.5)]),
        **{op: lambda: np.concatenate([signed(n, -8, 1), rng.uniform(0, 30, n), signed(n // 2, 1, 3)]) for op in BESSEL},
    }
    for op, make in arguments.items():
        for dtype in FLOATS:
            t = close(dtype, 2e-4 if op in BESSEL[8:] or op == "Erfinv" else 4e-6, 1e-11 if op in BESSEL[8:] else 4e-14)
            special = np.array(CORNERS, dtype)
            if op in BESSEL[8:]:  # the reduction of huge angles is its own subject
                special = special[~(abs(special) > 1000)]
            x = make().astype(dtype)
            if op in ("BesselI0", "BesselI1"):  # where a power is infinite before they are
                special, x = (v[~((abs(v) > 88) & (abs(v) < 94))] for v in (special, x))
            cases.add(label(op, dtype, "corners"), op, [special], tolerance=t)
            cases.add(label(op, dtype, "random"), op, [x], tolerance=t)
        for dtype in HALVES:
            cases.add(label(op, dtype), op, [np.array([0.5, 0.25, 0.75, 0.125], dtype)], tolerance=1e-2)
    cases.add("Digamma_none", "Digamma", [np.zeros((2, 0), F32)])
    cases.add("Ndtri_scalar", "Ndtri", [F32(0.3)], tolerance=4e-6)


def pairs(cases, n):
    some = np.array([nan, inf, -inf, 0.0, 1.0, -1.0, 2.0, 0.5, -0.5, -1.5, 5.0, 1e-10, 30.0, 1000.0], F64)
    x, y = (g.ravel() for g in np.meshgrid(some, some))
    arguments = {
        "Zeta": lambda: (np.concatenate([1 + sizes(n, -3, 1.5), rng.integers(2, 9, n)]), np.concatenate([sizes(n, -3, 4), rng.uniform(-2.9, 9, n)])),
        "Polygamma": lambda: (rng.integers(0, 8, 2 * n), np.concatenate([sizes(n, -2, 3), rng.uniform(-2.9, 9, n)])),
        "Igamma": lambda: (np.concatenate([sizes(n, -3, 2), sizes(n, -1, 3)]), np.concatenate([sizes(n, -3, 2), np.zeros(n)])),
        "Igammac": lambda: (np.concatenate([sizes(n, -3, 2), sizes(n, -1, 3)]), np.concatenate([sizes(n, -3, 2), np.zeros(n)])),
    }
    for op, make in arguments.items():
        for dtype in FLOATS:
            a, b = make()
            if op.startswith("Ig"):  # near the middle, where they are neither 0 nor 1
                b = np.where(b == 0, a * np.exp(rng.normal(0, 1, len(a)) / np.sqrt(a + 1)), b)
            t = close(dtype, 2e-4, 2e-11)
            keep = ~(np.isinf(x) | np.isinf(y)) if op == "Polygamma" else np.full(len(x), True)
            keep &= ~((op == "Polygamma") & (x >= 30))  # whose factorial overflows in float32
            cases.add(label(op, dtype, "corners"), op, [x[keep].astype(dtype), y[keep].astype(dtype)], tolerance=t)
            cases.add(label(op, dtype, "random"), op, [a.astype(dtype), b.astype(dtype)], tolerance=t)
        cases.add(label(op, "broadcast"), op, [np.array([[2], [3]], F32), np.array([1.5, 2.5, 7], F32)], tolerance=2e-4)
        cases.add(label(op, "unequal"), op, [np.ones(2, F32), np.ones(3, F32)])


def betainc(cases, n):
    some = np.array([nan, inf, 0.0, 1.0, -1.0, 0.5, 3.0, 40.0], F64)
    a, b, x = (g.ravel() for g in np.meshgrid(some[some != inf], some[some != inf], [nan, 0.0, 1.0, -0.5, 1.5, 0.25, 0.9]))
    for dtype in FLOATS:
        t = close(dtype, 2e-4, 2e-11)
        cases.add(label("Betainc", dtype, "corners"), "Betainc", [v.astype(dtype) for v in (a, b, x)], tolerance=t)
        p, q = sizes(2 * n, -2, 2.3), sizes(2 * n, -2, 2.3)
        at = np.where(rng.random(2 * n) < 0.5, rng.random(2 * n), np.clip(p / (p + q) * np.exp(rng.normal(0, 1, 2 * n) / np.sqrt(p + q + 1)), 0, 1))
        cases.add(label("Betainc", dtype, "random"), "Betainc", [v.astype(dtype) for v in (p, q, at)], tolerance=t)
    cases.add("Betainc_scalars", "Betainc", [F32(2), np.array([[1, 2], [3, 4]], F32), F32(0.3)], tolerance=2e-5)
    cases.add("Betainc_broadcast", "Betainc", [np.ones((2, 1), F32), np.ones((2, 2), F32), F32(0.3)])
    cases.add("Betainc_all_scalars", "Betainc", [F32(2), F32(5), F32(0.3)], tolerance=2e-5)


def main(folder, n=60):
    cases = Cases()
    for part in (alone, pairs, betainc):
        part(cases, int(n))
    cases.write(folder, "ops_special")


if __name__ == "__main__":
    main(*sys.argv[1:])
