"""Exports the structures that make false-alarms fills with random weights: one
SavedModel each, sizes and lengths as their names say, (batch, any steps, features)
to (batch, steps or 1, 2).

    python faults/models.py OUT
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402

L = keras.layers
KINDS = {
    "lstm": lambda units, **o: L.LSTM(units, **o),
    "gru": lambda units, **o: L.GRU(units, **o),
    "gru_before": lambda units, **o: L.GRU(units, reset_after=False, **o),
    "simplernn": lambda units, **o: L.SimpleRNN(units, **o),
}
UNITS = [1, 2, 3, 5, 8, 13, 24, 32, 47, 64, 100, 128, 200, 256]


def structures():
    for kind, layer in KINDS.items():
        for n, units in enumerate(UNITS):
            yield f"{kind}_{units}", 1 + (n * 5) % 9, [layer(units, return_sequences=n % 3 != 2)]
        yield f"{kind}_7_stacked", 3, [layer(7, return_sequences=True), layer(5, return_sequences=True)]
        yield f"{kind}_16_bidirectional", 2, [L.Bidirectional(layer(16, return_sequences=True))]


def main(out):
    os.makedirs(out)
    for seed, (name, features, layers) in enumerate(structures()):
        keras.utils.set_random_seed(seed)
        x = keras.Input((None, features), name="x")
        y = x
        for layer in [*layers, L.Dense(2)]:
            y = layer(y)
        model = keras.Model(x, y)
        rng = np.random.default_rng(seed)
        model.set_weights([rng.normal(size=w.shape).astype(np.float32) for w in model.get_weights()])
        model.export(os.path.join(out, name), verbose=False)
    with open(os.path.join(out, "complete"), "w") as f:
        json.dump({"keras": keras.__version__}, f)


if __name__ == "__main__":
    main(sys.argv[1])
