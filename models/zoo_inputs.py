"""The zoo's inputs: their shapes, their types, and how they are drawn."""

import numpy as np

# The sizes of the cases: B is the batch, T and S are lengths, where they are free.
SIZES = {"": {"B": 3, "T": 6, "S": 4}, "long": {"B": 5, "T": 9, "S": 2}, "one": {"B": 1, "T": 1, "S": 7}}

# Masked steps of one sample: at the head, how many in the middle, at the tail.
GAPS = [(1, 1, 0), (0, 1, 2), (2, 1, 1), (99, 0, 0), (0, 0, 0)]


def steps_kept(batch, steps, nothing=True):
    """A mask of a batch: gaps at both ends and in the middle, a sample with nothing (if asked), one with everything."""
    keep = np.ones((batch, steps), bool)
    for i in range(batch):
        if not nothing and (steps == 1 or i % len(GAPS) == 3):
            continue
        head, middle, tail = GAPS[i % len(GAPS)]
        keep[i, :head] = False
        keep[i, steps // 2 : steps // 2 + middle] = False
        keep[i, max(0, steps - tail) :] = False
    return keep


class In:
    """An input: its dimensions (after the batch, unless "B" is among them), its type and how it is drawn."""

    def __init__(self, *dims, kind="normal", dtype="float32", high=0):
        self.dims = dims if "B" in dims else ("B",) + dims
        self.kind, self.dtype, self.high = kind, dtype, high

    def tensor(self, keras, name, batch):
        shape = [d if isinstance(d, int) else batch if d == "B" else None for d in self.dims]
        return keras.Input(batch_shape=tuple(shape), dtype=self.dtype, name=name)

    def draw(self, rng, sizes):
        shape = tuple(sizes.get(d, d) for d in self.dims)
        if self.kind == "kept":
            return steps_kept(*shape)
        if self.kind == "padded":  # every sample keeps its first step
            return np.arange(shape[1]) < rng.integers(1, shape[1] + 1, size=(shape[0], 1))
        if self.kind == "lengths":  # of sequences of up to T steps
            return rng.integers(1, sizes["T"] + 1, size=shape).astype(self.dtype)
        if self.kind == "kept_all":  # no row without anything kept
            return (rng.random(shape) < 0.6) | (np.arange(shape[-1]) == 1)
        if self.kind == "ids":
            return rng.integers(0, self.high, size=shape).astype(self.dtype)
        if self.kind == "ids_masked":
            return (rng.integers(1, self.high, size=shape) * steps_kept(*shape)).astype(self.dtype)
        if self.kind == "onehot":
            return np.eye(shape[-1], dtype=self.dtype)[rng.integers(0, shape[-1], size=shape[:-1])]
        x = rng.normal(size=shape).astype(self.dtype)
        if self.kind in ("masked", "masked_some"):
            x *= steps_kept(*shape[:2], nothing=self.kind == "masked")[..., None]
        return x


def seq(features=3, **kwargs):
    """One input x of a free length."""
    return {"x": In("T", features, **kwargs)}


def fixed(steps=6, features=3, **kwargs):
    """One input x of a fixed length."""
    return {"x": In(steps, features, **kwargs)}


def ids(high=11, kind="ids", dtype="int32"):
    """One input x of token numbers, of a free length."""
    return {"x": In("T", kind=kind, dtype=dtype, high=high)}


def cases_of(inputs, sizes, seed):
    """The inputs of every case; sizes that come to the same shapes as an earlier case are left out."""
    cases, seen = {}, []
    for i, (case, s) in enumerate(sizes.items()):
        rng = np.random.default_rng(seed + 1 + i)
        cases[case] = {name: x.draw(rng, s) for name, x in inputs.items()}
        shapes = [x.shape for x in cases[case].values()]
        if shapes in seen:
            del cases[case]
        seen.append(shapes)
    return cases
