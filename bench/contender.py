"""A contender of `lockstep bench` in Python: reads its case, and answers. internal/bench describes both."""

import gc
import os
import sys
import time
import zlib

# Every contender has one thread; the libraries look here when they are loaded.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402


class Case:
    """The sizes, weights and inputs of one call of the sequence-to-sequence model."""

    def __init__(self, path):
        values = np.fromfile(path, "<f4")
        self.path, self.checksum = path, zlib.crc32(values)
        f, d, u, o, self.batch, self.encoder_steps, self.decoder_steps = (int(v) for v in values[:7])
        self.units, self.outputs, self.decoder_features = u, o, d
        at = 7

        def take(*shape):
            nonlocal at
            n = int(np.prod(shape))
            if at + n > len(values):
                sys.exit(f"{path} is cut short")
            at += n
            return values[at - n : at].reshape(shape)

        self.encoder = [take(f, 4 * u), take(u, 4 * u), take(4 * u)]
        self.decoder = [take(d, 4 * u), take(u, 4 * u), take(4 * u)]
        self.dense = [take(u, o), take(o)]
        self.encoder_input = take(self.batch, self.encoder_steps, f)
        self.decoder_input = take(self.batch, self.decoder_steps, d)

    def beside(self, end):
        """The name of a file made of this case alone, beside it."""
        return f"{self.path}.{self.checksum:08x}.{end}"


def written(path, write):
    """Writes a file that is not there yet, whole or not at all."""
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}"
        write(part)
        os.replace(part, path)
    return path


def median(call, calls, samples):
    clock, took = time.perf_counter_ns, []
    for _ in range(min(3, calls)):
        call()
    for _ in range(samples):
        start = clock()
        for _ in range(calls):
            call()
        took.append(clock() - start)
    return sorted(took)[samples // 2]


def serve(call, answer, versions, nothing=None):
    """Answers, and times call as often as it is asked to; nothing is a call that computes nothing."""
    call()
    lines = [f"version {v}" for v in [*versions, "Python " + sys.version.split()[0]]]
    lines.append("answer " + " ".join(format(float(v), ".9g") for v in np.ravel(answer())))
    print("\n".join(lines), flush=True)
    gc.disable()
    for line in sys.stdin:
        word, calls, samples = line.split()
        if word != "run":
            sys.exit(f"asked {line!r}, want run CALLS SAMPLES")
        calls, samples = int(calls), int(samples)
        took = f"took {median(call, calls, samples)}"
        if nothing:
            took += f" overhead={median(nothing, calls, min(samples, 200))}"
        print(took, flush=True)
        gc.collect()
