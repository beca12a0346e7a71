"""What Keras's own cells say of the fixtures that explain's tests read.

    KERAS internal/explain/testdata/expected.py          (make models runs it)

Cells of Keras in float64 with the weights of a fixture walk its inputs and give
the states. From these and Keras's formulas numpy works out the gates, their
shares of time, and what a spike leaves: the same figures as package explain's,
none of its code. For each fixture NAME.npz has
    LAYER/GATE     (units, 4): mean (of a candidate that of its magnitude), open,
                   closed, saturated
    LAYER/half_S   (units + 1): half-lives of state S in a single cell, the whole
                   layer's last
    spike/LAYER/S  (steps): the difference in state S that a spike in the
                   encoder's input makes, root mean square over rows and units
and versions.json the versions that made them.
"""

import json
import os
import platform
import zipfile

import keras
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "testdata")
SPIKE, FOLLOW = 5, 200


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Layer:
    """A Keras cell with weights, and its gates by Keras's formulas."""

    def __init__(self, kind, weights, name):
        self.kernel, self.recurrent, self.bias = [weights[f"{name}/{w}"].astype(np.float64) for w in ("kernel", "recurrent_kernel", "bias")]
        self.units, self.kind = self.recurrent.shape[0], kind
        make = {"LSTM": keras.layers.LSTMCell, "GRU": keras.layers.GRUCell}[kind]
        self.cell = make(self.units, dtype="float64")
        self.cell.build((None, self.kernel.shape[0]))
        self.cell.set_weights([self.kernel, self.recurrent, self.bias])
        self.states = {"LSTM": ["h", "c"], "GRU": ["h"]}[kind]

    def zeros(self, rows):
        return [np.zeros((rows, self.units)) for _ in self.states]

    def step(self, x, states):
        return [np.asarray(s) for s in self.cell(x, states)[1]]

    def gates(self, x, states):
        h = states[0]
        if self.kind == "LSTM":
            i, f, g, o = np.split(x @ self.kernel + h @ self.recurrent + self.bias, 4, axis=1)
            return {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g), "o": sigmoid(o)}
        xz, xr, xh = np.split(x @ self.kernel + self.bias[0], 3, axis=1)
        hz, hr, hh = np.split(h @ self.recurrent + self.bias[1], 3, axis=1)
        r = sigmoid(xr + hr)
        return {"z": sigmoid(xz + hz), "r": r, "g": np.tanh(xh + r * hh)}

    def walk(self, x, states):
        """Gates and states at each step, stacked (rows, steps, units), and the last states."""
        gates, after = [], []
        for t in range(x.shape[1]):
            gates.append(self.gates(x[:, t], states))
            states = self.step(x[:, t], states)
            after.append(states)
        stacked = {n: np.stack([g[n] for g in gates], 1) for n in gates[0]}
        return stacked, {n: np.stack([a[i] for a in after], 1) for i, n in enumerate(self.states)}, states


def shares(name, values):
    """(units, 4) of values (rows, steps, units)."""
    flat = values.reshape(-1, values.shape[-1])
    if name == "g":
        flat = np.abs(flat)
        return np.stack([flat.mean(0), 0 * flat[0], 0 * flat[0], (flat > 0.99).mean(0)], 1)
    return np.stack([flat.mean(0), (flat > 0.9).mean(0), (flat < 0.1).mean(0), ((flat > 0.99) | (flat < 0.01)).mean(0)], 1)


def half_life(curve):
    at = int(np.argmax(curve))
    above = np.flatnonzero(curve > curve[at] / 2)[-1]
    if above == len(curve) - 1:
        return np.inf
    logs = np.log(curve[[above + 1, above]])  # rising, as np.interp wants them
    return np.interp(np.log(curve[at] / 2), logs, [above + 1, above]) - at


def memory(layer, x):
    """Half-lives of each state, of every unit and of all."""
    flat = x.reshape(-1, x.shape[-1])
    mean, spread = flat.mean(0), flat.std(0)
    states = layer.zeros(2)
    rows = np.stack([mean, mean])
    for _ in range(FOLLOW):
        states = layer.step(rows, states)
    curves = []
    for k in range(FOLLOW + 1):
        states = layer.step(np.stack([mean, mean + SPIKE * spread]) if k == 0 else rows, states)
        curves.append([np.abs(s[1] - s[0]) for s in states])
    out = {}
    for i, name in enumerate(layer.states):
        units = np.array([c[i] for c in curves])  # (steps, units)
        out[name] = np.array([half_life(u) for u in units.T] + [half_life(np.linalg.norm(units, axis=1))])
    return out


def spiked(x):
    out = x.copy()
    out[:, x.shape[1] // 4] += SPIKE * x.reshape(-1, x.shape[-1]).std(0)
    return out


def apart(a, b):
    return np.sqrt(((b - a) ** 2).mean((0, 2)))


def read(name, file):
    with np.load(os.path.join(FIXTURES, name, file)) as z:
        return {k: z[k] for k in z.files}


def save(name, tensors):
    """Writes an .npz whose bytes do not depend on when."""
    with zipfile.ZipFile(os.path.join(HERE, name + ".npz"), "w", zipfile.ZIP_DEFLATED) as z:
        for key, value in tensors.items():
            with z.open(zipfile.ZipInfo(key + ".npy"), "w", force_zip64=True) as f:
                np.lib.format.write_array(f, np.ascontiguousarray(value))


def of_layer(out, name, layer, x, gates):
    out.update({f"{name}/{g}": shares(g, v) for g, v in gates.items()})
    out.update({f"{name}/half_{s}": v for s, v in memory(layer, x).items()})


def seq2seq(name):
    weights, inputs, out = read(name, "weights.npz"), read(name, "inputs.npz"), {}
    x, d = inputs["encoder_input"].astype(np.float64), inputs["decoder_input"].astype(np.float64)
    encoder, decoder = Layer("LSTM", weights, "encoder"), Layer("LSTM", weights, "decoder")
    gates, encoded, last = encoder.walk(x, encoder.zeros(len(x)))
    of_layer(out, "encoder", encoder, x, gates)
    gates, decoded, _ = decoder.walk(d, last)
    of_layer(out, "decoder", decoder, d, gates)
    _, e2, last = encoder.walk(spiked(x), encoder.zeros(len(x)))
    _, d2, _ = decoder.walk(d, last)
    for s in "ch":
        out[f"spike/encoder/{s}"], out[f"spike/decoder/{s}"] = apart(encoded[s], e2[s]), apart(decoded[s], d2[s])
    save(name, out)


def gru(name):
    weights, x, out = read(name, "weights.npz"), read(name, "inputs.npz")["x"].astype(np.float64), {}
    names = ("kernel", "recurrent_kernel", "bias")  # in the order of get_weights()
    layer = Layer("GRU", {f"gru/{n}": weights[str(i)] for i, n in enumerate(names)}, "gru")
    gates, _, _ = layer.walk(x, layer.zeros(len(x)))
    of_layer(out, "gru", layer, x, gates)
    save(name, out)


seq2seq("seed_keras3")
gru("gru_states_keras3")
with open(os.path.join(HERE, "versions.json"), "w") as f:
    json.dump({"python": platform.python_version(), "numpy": np.__version__, "keras": keras.__version__, "backend": keras.backend.backend()}, f, indent=2)
    f.write("\n")
