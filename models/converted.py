"""Runs converted models in Python's TensorFlow, and compares with what Keras computes.

    python converted.py FIXTURE MODEL [FIXTURE MODEL ...]

FIXTURE is a folder that make.py wrote, and MODEL what `lockstep convert` made of its SavedModel. Each case is called by the
signature serving_default. It prints what differs, and exits 1 then.
"""

import glob
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np  # noqa: E402

from fixture import TOLERANCE  # noqa: E402


def check(fixture, model):
    """Yields what differs."""
    import tensorflow as tf

    for path in sorted(glob.glob(os.path.join(fixture, "inputs*.npz"))):
        loaded = tf.saved_model.load(model)  # a model that keeps its states begins again
        case = os.path.basename(path).removeprefix("inputs")
        inputs, expected = np.load(path), np.load(os.path.join(fixture, "expected" + case))
        got = loaded.signatures["serving_default"](**{name: tf.constant(x) for name, x in inputs.items()})
        for name, want in expected.items():
            have = got[name].numpy()
            if have.shape != want.shape or have.dtype != want.dtype:
                yield f"{model}: case {case!r}: {name} is {have.dtype}{have.shape}, want {want.dtype}{want.shape}"
            elif want.size and np.max(np.abs(have - want)) > TOLERANCE * (1 + np.max(np.abs(want))):
                yield f"{model}: case {case!r}: {name} is off by {np.max(np.abs(have - want))}"


def main(pairs):
    faults = [f for fixture, model in zip(pairs[::2], pairs[1::2], strict=True) for f in check(fixture, model)]
    print("\n".join(faults) if faults else f"{len(pairs) // 2} models compute what Keras does")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
