"""Writes isclose.json: what numpy.isclose answers, element by element.

    python3 isclose.py > isclose.json      # made with numpy 2.4.6

A row is the candidate a, the reference b, and "close" or "apart"; floats are
the 16 hexadecimal digits of their bits, so that they return bit for bit. Many
pairs lie exactly on the bound, or one float beside it. numpy compares float32
arrays in float32, which is coarser than what lockstep does, so all arrays here
are float64. Pairs whose difference or bound lies beyond float64 are left out:
numpy finds that infinity equals infinity there, lockstep does not.
"""

import json
import struct
import sys

import numpy as np


def bits(x):
    return struct.pack(">d", x).hex()


def pairs(rng, rtol, atol):
    for b in [0.0, -0.0, 1.0, -1.0, 0.1, -3.5e-7, 1e-300, 5e-324, 1e300, *rng.normal(size=8), *rng.normal(size=4) * 1e5]:
        bound = atol + rtol * abs(b)
        for edge in (b + bound, b - bound):
            yield edge, b
            yield np.nextafter(edge, np.inf), b
            yield np.nextafter(edge, -np.inf), b
        yield b, b
        yield -b, b
        yield b * (1 + rng.normal() * 1e-4), b
    special = [np.nan, np.inf, -np.inf, 0.0, 1.0]
    for a in special:
        for b in special:
            yield a, b


def main():
    rng = np.random.default_rng(20240607)
    out = []
    for rtol, atol in [(1e-4, 1e-5), (1e-5, 1e-8), (0.0, 1e-3), (1e-2, 0.0), (0.0, 0.0), (2.0, 0.5)]:
        a, b = (np.array(x, np.float64) for x in zip(*pairs(rng, rtol, atol)))
        near = np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
        rows = [f"{bits(x)} {bits(y)} {'close' if c else 'apart'}" for x, y, c in zip(a, b, near)]
        out.append({"rtol": rtol, "atol": atol, "rows": rows})
    json.dump({"numpy": np.__version__, "cases": out}, sys.stdout, indent=0)
    print()


if __name__ == "__main__":
    main()
