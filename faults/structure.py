"""What the families of structures are made of: how one is drawn, its inputs, and its layers in a row."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402

FAMILIES = {}  # by name, in order


class Family:
    """A function of a random generator that returns inputs by name, and a call from their tensors to the output.

    steps are the least and the most steps, where they are free, gain the largest of recurrent kernels. policy is
    Keras's dtype policy. onednn says that TensorFlow has no such operation on a CPU without oneDNN. loop is for a loop
    that is no known layer, and decided for one where rounding may decide which way it goes.
    """

    def __init__(self, draw, steps, gain, policy, onednn, loop, decided):
        self.draw, self.steps, self.gain, self.policy, self.onednn = draw, steps, gain, policy, onednn
        self.loop, self.decided = loop, decided


def family(steps=(1, 500), gain=5.0, policy="float32", onednn=False, loop=False, decided=False):
    def add(draw):
        FAMILIES[draw.__name__] = Family(draw, steps, gain, policy, onednn, loop, decided)
        return draw

    return add


class In:
    """An input: its shape after the batch; tokens below high, or numbers, some of whose steps are zero if masked."""

    def __init__(self, *shape, high=0, masked=False):
        self.shape, self.high, self.masked = shape, high, masked

    def tensor(self, name, dtype):
        return keras.Input(self.shape, name=name, dtype="int32" if self.high else dtype)


class Random(np.random.Generator):
    def near(self, low, high):
        """A whole number, small ones more often."""
        return round(low * (high / low) ** self.random())

    def whole(self, low, high):
        """A whole number of those from low to high."""
        return int(self.integers(low, high + 1))

    def one(self, *of):
        return of[self.whole(0, len(of) - 1)]

    def often(self, share):
        return bool(self.random() < share)

    def some(self, share, make):
        """What make makes, often, in a list, or nothing."""
        return [make()] if self.often(share) else []


def chain(*layers):
    def call(y):
        for layer in layers:
            y = layer(y)
        return y

    return call
