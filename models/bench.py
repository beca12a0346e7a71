"""What make bench and make bench-models time beside the seed models: their architecture in other sizes, and other models."""

import numpy as np

import bench_nets
from fixture import Fixture
from seq2seq import Seq2Seq, producer


def sized(name, keras, units, seed=17):
    def recipe(out):
        model = Seq2Seq(keras, units)
        rng = np.random.default_rng(seed)
        for layer in (model.encoder, model.decoder, model.dense):
            # As large as keeps the gates off their ends, where a step would be easier than in a trained model.
            layer.set_weights([rng.normal(0, w.shape[0] ** -0.5 if w.ndim > 1 else 0.1, size=w.shape).astype(np.float32) for w in layer.get_weights()])
        cases = {"": model.random_inputs(seed + 1, 3, 10, 10)}
        probes = [model.random_inputs(2, b, 10, t) for b, t in ((1, 10), (32, 10))]
        about = f"The seed's architecture with {units} units and random weights."
        Fixture(name, producer(keras), seed, about, units=units).write(out, model, cases, probes, model.weights(), model.save)

    return name, recipe


def recipes():
    import keras

    return [sized("bench_units256", keras, 256), *bench_nets.recipes()]
