"""Decodes with TensorFlow's own kernels of connectionist temporal classification, and writes the cases down.

    python ops_ctc.py DIR
"""

import sys

import numpy as np

from ops_cases import Cases
from ops_numbers import F32, F64, FLOATS, I32, close, inf, label, nan

rng = np.random.default_rng(20240615)


def logits(steps, batch, classes, dtype=F32, scale=2.0):
    return rng.normal(0, scale, (steps, batch, classes)).astype(dtype)


def lengths(*n):
    return np.array(n, I32)


def refused(cases, op, **attrs):
    x = logits(3, 2, 4)
    for name, x, n in (("rank", x[0], lengths(1, 1)), ("lengths", x, lengths(1)), ("matrix", x, lengths(1, 1)[None]), ("long", x, lengths(4, 1)), ("no_steps", x[:0], lengths(0, 0)), ("no_sequences", x[:, :0], lengths()), ("no_classes", x[:, :, :0], lengths(1, 1))):
        cases.add(label(op, name), op, [x, n], **attrs)


def greedy(cases):
    op = "CTCGreedyDecoder"
    for dtype in FLOATS:
        for merge in (False, True):
            for blank in (-1, 0, 2):
                cases.add(label(op, dtype, merge, blank), op, [logits(9, 3, 4, dtype), lengths(9, 4, 0)], tolerance=close(dtype, 3e-7, 1e-15), merge_repeated=merge, blank_index=blank)
    for blank in (-5, 4, -4):
        cases.add(label(op, "blank", blank), op, [logits(2, 1, 4), lengths(2)], tolerance=3e-7, blank_index=blank)
    ties = np.round(logits(8, 2, 3, scale=1))
    cases.add(label(op, "ties"), op, [ties, lengths(8, 8)], tolerance=3e-7, merge_repeated=True)
    cases.add(label(op, "negative_length"), op, [ties, lengths(-1, 8)], tolerance=3e-7)
    cases.add(label(op, "one_class"), op, [logits(3, 1, 1), lengths(3)], tolerance=3e-7)
    odd = np.array([[nan, 1, 0], [0, nan, 1], [-inf, -inf, -inf], [0, inf, 1]], F32)[:, None]
    cases.add(label(op, "odd"), op, [odd, lengths(4)])
    refused(cases, op)


def beams(cases):
    op = "CTCBeamSearchDecoder"
    for dtype in FLOATS:
        for merge in (False, True):
            for width, paths, shape in ((1, 1, (6, 2, 4)), (3, 2, (7, 2, 5)), (10, 3, (12, 2, 6)), (100, 2, (9, 1, 8))):
                n = lengths(*[shape[0] - i for i in range(shape[1])])
                cases.add(label(op, dtype, merge, width), op, [logits(*shape, dtype), n], tolerance=close(dtype, 3e-6, 1e-6), beam_width=width, top_paths=paths, merge_repeated=merge)
    # As a trained model has them: one class far above the others, often the blank.
    peaks = logits(30, 1, 7, scale=1)
    peaks[np.arange(30), 0, np.where(rng.random(30) < 0.6, 6, rng.integers(0, 6, 30))] += 9
    for merge in (False, True):
        cases.add(label(op, "peaks", merge), op, [peaks, lengths(30)], tolerance=3e-6, beam_width=12, top_paths=3, merge_repeated=merge)
    for width, paths in ((4, 4), (2, 1), (7, 3), (40, 4)):  # equally likely ones, of which the order of the search decides
        cases.add(label(op, "ties", width), op, [np.zeros((4, 1, 4), F32), lengths(4)], tolerance=3e-6, beam_width=width, top_paths=paths)
        cases.add(label(op, "few", width), op, [np.round(logits(5, 1, 3, scale=1)), lengths(5)], tolerance=3e-6, beam_width=width, top_paths=paths)
    for width, shape in ((60, (5, 1, 4)), (100, (3, 1, 7)), (90, (3, 1, 24))):  # more than a sort orders by insertion
        cases.add(label(op, "many_ties", width), op, [np.round(logits(*shape, scale=0.6)), lengths(shape[0])], tolerance=3e-6, beam_width=width, top_paths=width // 2)
    cases.add(label(op, "one_step"), op, [logits(1, 40, 2), lengths(*[1] * 40)], tolerance=3e-6, beam_width=2, top_paths=2)
    x = logits(3, 2, 4)
    cases.add(label(op, "no_steps_used"), op, [x, lengths(0, -2)], tolerance=3e-6, beam_width=5, top_paths=1)
    cases.add(label(op, "few_leaves"), op, [x, lengths(0, 3)], tolerance=3e-6, beam_width=5, top_paths=2)
    cases.add(label(op, "few_paths"), op, [x, lengths(3, 3)], beam_width=2, top_paths=3)
    cases.add(label(op, "one_class"), op, [logits(3, 1, 1), lengths(3)], tolerance=3e-6, beam_width=2, top_paths=1)
    impossible = logits(4, 1, 4)
    impossible[1:3, 0, :2] = -inf
    cases.add(label(op, "impossible"), op, [impossible, lengths(4)], tolerance=3e-6, beam_width=4, top_paths=2)
    refused(cases, op, beam_width=3, top_paths=1)


def main(folder):
    cases = Cases()
    greedy(cases)
    beams(cases)
    cases.write(folder, "ops_ctc")


if __name__ == "__main__":
    main(sys.argv[1])
