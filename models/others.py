"""Models that are no sequence-to-sequence model: what refuses them must say what it found."""

import numpy as np

from fixture import Fixture
from seq2seq import producer


class Plain:
    """A model with one input, x."""

    def __init__(self, keras, build, steps, features):
        self.keras, self.steps, self.features = keras, steps, features
        x = keras.Input((steps, features), name="x")
        self.model = keras.Model(x, build(keras.layers, x))
        name = "output_0" if keras.__name__ == "keras" else self.model.output_names[0]
        self.outputs = [name]

    def randomize(self, seed):
        rng = np.random.default_rng(seed)
        self.model.set_weights([rng.normal(0, 0.4, size=w.shape).astype(w.dtype) for w in self.model.get_weights()])

    def predict_all(self, inputs):
        return {self.outputs[0]: np.asarray(self.model(inputs["x"], training=False))}

    def random_inputs(self, seed, batch):
        rng = np.random.default_rng(seed)
        return {"x": rng.normal(size=(batch, self.steps, self.features)).astype(np.float32)}

    def save(self, path):
        if self.keras.__name__ == "tf_keras":
            self.model.save(path, save_format="tf")
        else:
            self.model.export(path, verbose=False)


def plain_model(name, keras, about, build, steps=6, features=2, seed=13):
    def recipe(out):
        keras.utils.set_random_seed(seed)
        model = Plain(keras, build, steps, features)
        model.randomize(seed)
        cases = {"": model.random_inputs(seed + 1, 3)}
        probes = [model.random_inputs(2, b) for b in (1, 7)]
        Fixture(name, producer(keras), seed, about).write(out, model, cases, probes, None, model.save)

    return name, recipe


def three_lstms(k, x):
    y = k.LSTM(3, return_sequences=True)(x)
    y = k.LSTM(3, return_sequences=True)(y)
    return k.Dense(1)(k.LSTM(3)(y))


def gru_classifier(k, x):
    return k.Dense(2, activation="softmax")(k.GRU(3)(x))


def recipes():
    import keras
    import tf_keras

    return [
        plain_model("not_lstm_classifier", keras, "One LSTM and a softmax.", lambda k, x: k.Dense(2, activation="softmax")(k.LSTM(3)(x))),
        plain_model("not_three_lstms", tf_keras, "Three LSTMs in a row.", three_lstms),
        plain_model("not_gru", keras, "A GRU.", gru_classifier),
        plain_model("not_recurrent", keras, "No recurrence at all.", lambda k, x: k.Dense(1)(k.Flatten()(x))),
    ]
