"""Writes forecasts.json: what TensorFlow, in Python, forecasts with the model. The decoder is run over its own
outputs so far, again for each step."""

import json
import os

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
call = tf.saved_model.load(os.path.join(HERE, "..", "model")).signatures["serving_default"]
rng = np.random.default_rng(1)
cases = []
for _ in range(4):
    past = np.cumsum(rng.normal(5, 1, size=10) * rng.choice([1, -1])).astype(np.float32)
    fed = past[-1:]
    for _ in range(12):
        y = call(encoder_input=past.reshape(1, 10, 1), decoder_input=fed.reshape(1, -1, 1))["output_0"].numpy().ravel()
        fed = np.concatenate([past[-1:], y])
    cases.append({"past": past.tolist(), "forecast": y.tolist()})
with open(os.path.join(HERE, "forecasts.json"), "w", encoding="utf-8") as f:
    json.dump(cases, f, indent=1)
    f.write("\n")
