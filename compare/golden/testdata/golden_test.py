"""A golden is numpy's to read, and to write: run by make test with the pinned Keras's Python."""

import hashlib
import json
import os
import sys
import tempfile
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "models"))

from golden import golden


class GoldenTest(unittest.TestCase):
    def test_numpy_alone_reads_what_was_recorded(self):
        g = np.load(os.path.join(HERE, "tensorflow.golden"))
        header = json.loads(str(g["golden"]))
        self.assertEqual(header["format"], 1)
        self.assertEqual(header["engine"], "tensorflow")
        self.assertEqual(set(header["files"]) >= {"saved_model.pb", "variables/variables.index"}, True)
        inputs = {name: g["inputs/" + name] for name in ("encoder_input", "decoder_input")}
        self.assertEqual({x.dtype for x in inputs.values()}, {np.dtype(np.float32)})
        self.assertEqual(g["outputs/output"].shape, inputs["decoder_input"].shape)
        self.assertEqual(g["states/encoder/state_h"].shape, (len(inputs["encoder_input"]), 4))

    def test_a_trace_is_an_lstm_step_by_step(self):
        g = np.load(os.path.join(HERE, "trace.golden"))
        sigmoid = lambda x: 1 / (1 + np.exp(-x))
        checked = 0
        for layer in json.loads(str(g["golden"]))["layers"]:
            q = {name: g[f"steps/{layer}/{name}"].astype(np.float64) for name in ("sum_i", "sum_f", "sum_g", "sum_o", "i", "f", "g", "o", "h", "c", "initial_h", "initial_c")}
            before = np.concatenate([q["initial_c"][:, None], q["c"][:, :-1]], axis=1)
            for name, want in {
                "i": sigmoid(q["sum_i"]), "f": sigmoid(q["sum_f"]), "g": np.tanh(q["sum_g"]), "o": sigmoid(q["sum_o"]),
                "c": q["f"] * before + q["i"] * q["g"], "h": q["o"] * np.tanh(q["c"]),
            }.items():  # fmt: skip
                bound = g[f"bounds/{layer}/{name}"]
                self.assertEqual(bound.shape, q[name].shape)
                self.assertTrue((np.abs(q[name] - want) <= bound).all(), f"{layer}/{name}")
                self.assertTrue((bound < 1e-4).all() and bound.any(), f"{layer}/{name}")
                checked += 1
            np.testing.assert_array_equal(q["h"][:, -1], g[f"states/{layer}/state_h"])
        self.assertEqual(checked, 12)

    def test_it_comes_back(self):
        with tempfile.TemporaryDirectory() as tmp:
            model, path = os.path.join(tmp, "model"), os.path.join(tmp, "g.golden")
            os.makedirs(os.path.join(model, "variables"))
            with open(os.path.join(model, "variables", "x"), "wb") as f:
                f.write(b"abc")
            x, y = np.ones((2, 3), np.float32), np.zeros((2, 1), np.float32)
            golden(path, {"x": x}, {"y": y}, {"lstm/state_h": y}, saved_model=model, keras="3")
            g = np.load(path)
            self.assertEqual(sorted(g), ["golden", "inputs/x", "outputs/y", "states/lstm/state_h"])
            np.testing.assert_array_equal(g["inputs/x"], x)
            header = json.loads(str(g["golden"]))
            self.assertEqual(header["versions"], {"keras": "3"})
            self.assertEqual(header["files"], {"variables/x": hashlib.sha256(b"abc").hexdigest()})


if __name__ == "__main__":
    unittest.main()
