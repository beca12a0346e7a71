"""LiteRT as a contender, timed from Python.

    python litert_peer.py KERAS CASE

KERAS is the Python that litert_export.py runs in, where its files are not there yet.
"""

import os
import subprocess
import sys

from contender import Case, serve

keras, case = sys.argv[1], Case(sys.argv[2])
paths = [case.beside(end) for end in ("first.tflite", "next.tflite", "nothing.tflite")]
if not all(os.path.exists(p) for p in paths):
    parts = [p + ".part" for p in paths]
    export = os.path.join(os.path.dirname(os.path.abspath(__file__)), "litert_export.py")
    done = subprocess.run([keras, export, case.path, *parts], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout[-2000:])
    for part, path in zip(parts, paths):
        os.replace(part, path)

import numpy as np  # noqa: E402
from ai_edge_litert import interpreter as litert  # noqa: E402
from importlib.metadata import version  # noqa: E402


class Model:
    """A model whose inputs and outputs are looked into where they lie."""

    def __init__(self, path):
        self.interpreter = litert.Interpreter(path, num_threads=1)
        self.interpreter.allocate_tensors()
        i = self.interpreter
        self.inputs = [i.tensor(d["index"]) for d in sorted(i.get_input_details(), key=lambda d: d["name"])]
        signature = next(iter(i.get_signature_list()), None)
        details = i.get_output_details()
        names = signature and i.get_signature_list()[signature]["outputs"]
        if names:
            runner = i.get_signature_runner(signature).get_output_details()
            details = [runner[n] for n in sorted(names)]
        self.outputs = [i.tensor(d["index"]) for d in details]
        self.call = i.invoke


first, nothing = Model(paths[0]), Model(paths[2])
steps = first.outputs[0]().shape[1]
output = np.empty((case.batch, case.decoder_steps, case.outputs), np.float32)
following = Model(paths[1]) if steps < case.decoder_steps else None


def begin(model):
    model.inputs[0]()[:] = case.encoder_input
    model.inputs[1]()[:] = case.decoder_input[:, :steps]


def call():
    first.call()
    if following is None:
        return
    last = first
    for t in range(steps, case.decoder_steps, steps):
        output[:, t - steps : t] = last.outputs[0]()
        following.inputs[1]()[:] = last.outputs[1]()
        following.inputs[2]()[:] = last.outputs[2]()
        following.inputs[0]()[:] = case.decoder_input[:, t : t + steps]
        following.call()
        last = following
    output[:, -steps:] = last.outputs[0]()


def answer():
    if following is None:
        return first.outputs[0]().copy()
    return output


begin(first)
begin(nothing)
serve(call, answer, ["LiteRT " + version("ai-edge-litert")], nothing.call)
