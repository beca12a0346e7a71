"""Exports the structures that make false-alarms fills with random weights: SavedModels of every family of the zoo,
their sizes and options drawn at random from a fixed seed.

    python faults/models.py OUT EACH [FAMILY...]

EACH is how many structures there are of a family, of all families if none is named. structures.json says how the inputs of each are drawn.
"""

import json
import os
import sys
import zlib

import families  # noqa: F401
import keras
import loops  # noqa: F401
import numpy as np
from structure import FAMILIES, Random


def build(name):
    """A structure's model, with weights that are all different, and its inputs."""
    title, _, n = name.rpartition("_")
    of = FAMILIES[title]
    seed = [zlib.crc32(title.encode()), int(n)]
    keras.utils.set_random_seed(seed[0] ^ seed[1])
    keras.config.set_floatx("float64" if of.policy == "float64" else "float32")
    keras.config.set_dtype_policy(of.policy)
    inputs, call = of.draw(Random(np.random.PCG64(seed)))
    x = [i.tensor(key, keras.config.floatx()) for key, i in inputs.items()]
    model = keras.Model(x if len(x) > 1 else x[0], keras.layers.Dense(2, dtype=keras.config.floatx())(call(*x)))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model, inputs


def main(out, each, *only):
    os.makedirs(out)
    made = []
    for title, of in FAMILIES.items():
        for n in range(each if not only or title in only else 0):
            name = f"{title}_{n}"
            model, inputs = build(name)
            model.export(os.path.join(out, name), verbose=False)
            layers = [f"{type(layer).__name__}{keras.tree.flatten(layer.output)[0].shape[1:]}" for layer in model.layers]
            drawn = {key: {"high": i.high, "masked": i.masked} for key, i in inputs.items()}
            made.append({"name": name, "family": title, "layers": layers, "inputs": drawn, "steps": of.steps, "gain": of.gain, "half": of.policy.startswith("mixed"), "onednn": of.onednn, "loop": of.loop, "decided": of.decided})  # fmt: skip
            keras.backend.clear_session()
    with open(os.path.join(out, "structures.json"), "w", encoding="utf-8") as f:
        json.dump(made, f, indent=1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
