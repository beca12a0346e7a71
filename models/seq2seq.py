"""The seed model and its relatives: an encoder LSTM, a decoder LSTM that begins
with its states, and a dense head."""

import numpy as np

from fixture import Fixture

ROUNDS, STEPS = 100, 10


def series(seed):
    """100 rounds of 10 steps up and 10 down, each step N(5, 1), cumulative, as windows of 10."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(5, 1, size=(ROUNDS, 2, STEPS))
    steps[:, 1] *= -1
    return np.cumsum(steps.ravel()).reshape(-1, STEPS, 1).astype(np.float32)


class Seq2Seq:
    """One model of the family, in either Keras."""

    def __init__(self, keras, units, features=1, decoder_features=1, out=1, encoder_steps=10, decoder_steps=None,
                 names=("encoder_lstm", "decoder_lstm"), inputs=("encoder_input", "decoder_input"), head="dense",
                 decoder_first=False, use_bias=True, dense_bias=True, activation=None, states=lambda h, c: [h, c],
                 with_states=False):  # fmt: skip
        k = keras.layers
        self.keras, self.inputs = keras, inputs
        encoder_input = keras.Input((encoder_steps, features), name=inputs[0])
        decoder_input = keras.Input((decoder_steps, decoder_features), name=inputs[1])

        def make_encoder():
            return k.LSTM(units, return_state=True, use_bias=use_bias, name=names[0])

        def make_decoder():
            return k.LSTM(units, return_sequences=True, return_state=True, use_bias=use_bias, name=names[1])

        if decoder_first:
            decoder, encoder = make_decoder(), make_encoder()
        else:
            encoder, decoder = make_encoder(), make_decoder()
        dense = k.Dense(out, use_bias=dense_bias, activation=activation, name="output" if head == "dense" else None)
        _, h, c = encoder(encoder_input)
        y, dh, dc = decoder(decoder_input, initial_state=states(h, c))
        y = dense(y) if head == "dense" else k.TimeDistributed(dense, name="output")(y)
        self.encoder, self.decoder, self.dense = encoder, decoder, dense
        self.model = keras.Model([encoder_input, decoder_input], [y, h, c] if with_states else y)
        self.inner = keras.Model([encoder_input, decoder_input], [y, h, c, dh, dc])
        self.outputs = ["output_0", "output_1", "output_2"] if with_states else ["output_0"]
        if keras.__name__ == "tf_keras":
            self.outputs = ["output", names[0], names[0] + "_1"] if with_states else ["output"]

    def randomize(self, seed):
        """Gives every weight a random value; no bias is zero, so that none can be mistaken for another."""
        rng = np.random.default_rng(seed)
        for layer in (self.encoder, self.decoder, self.dense):
            layer.set_weights([rng.normal(0, 0.4, size=w.shape).astype(np.float32) for w in layer.get_weights()])

    def train(self, data, epochs):
        self.model.compile("adam", "mse")
        self.model.fit([data[:-1], data[1:]], data[1:], epochs=epochs, shuffle=True, verbose=0)

    def predict_all(self, inputs):
        arrays = [inputs[name] for name in self.inputs]
        out, h, c, dh, dc = [np.asarray(x) for x in self.inner(arrays, training=False)]
        expected = dict(zip(self.outputs, [out, h, c]))
        expected.update({"encoder/state_h": h, "encoder/state_c": c, "decoder/state_h": dh, "decoder/state_c": dc})
        return expected

    def forecast(self, inputs, steps):
        """Feeds the decoder its own output: Keras predicts over the outputs so far, again for each step."""
        encoder_input, fed = inputs[self.inputs[0]], inputs[self.inputs[1]][:, :1]
        for _ in range(steps):
            y = np.asarray(self.inner([encoder_input, fed], training=False)[0])
            fed = np.concatenate([fed[:, :1], y], axis=1)
        return {"first": fed[:, 0], "outputs": y}

    def weights(self):
        """get_weights() by role, in its order."""
        roles = {}
        for layer, role in ((self.encoder, "encoder"), (self.decoder, "decoder"), (self.dense, "dense")):
            for variable, value in zip(layer.weights, layer.get_weights()):
                roles[id(variable)] = (role + "/" + variable.name.split("/")[-1].split(":")[0], value)
        return {roles[id(v)][0]: roles[id(v)][1] for v in self.model.weights}

    def save(self, path):
        if self.keras.__name__ == "tf_keras":
            self.model.save(path, save_format="tf")
        else:
            self.model.export(path, verbose=False)

    def random_inputs(self, seed, batch, encoder_steps, decoder_steps):
        rng = np.random.default_rng(seed)
        steps = (encoder_steps, decoder_steps)
        return {
            name: rng.normal(size=(batch, steps[i], self.model.inputs[i].shape[-1])).astype(np.float32)
            for i, name in enumerate(self.inputs)
        }


def producer(keras):
    return "tf_keras model.save(save_format='tf')" if keras.__name__ == "tf_keras" else "keras model.export"


def seed_model(name, keras, units, head, exports_wrong=False):
    def recipe(out):
        seed = 7
        keras.utils.set_random_seed(seed)
        data = series(seed)
        model = Seq2Seq(keras, units, head=head)
        model.train(data, epochs=10)
        # Eight of the 199 windows, spread over the series.
        rows = np.arange(8) * 25
        ones = np.ones((1, 10, 1), np.float32)
        cases = {
            "": {"encoder_input": data[rows], "decoder_input": data[rows + 1]},
            "ones": {"encoder_input": ones, "decoder_input": ones},
            "short": {"encoder_input": data[rows[:3]], "decoder_input": data[rows[:3] + 1][:, :4]},
        }
        probes = [model.random_inputs(1, b, 10, t) for b, t in ((1, 1), (1, 25), (33, 10), (5, 5))]
        about = f"The seed model: {units} units, trained 10 epochs on the series of 100 rounds."
        if exports_wrong:
            about += " Its SavedModel is wrong: it loops over the batch where it should over time. expected.npz is Keras's prediction."
        Fixture(name, producer(keras), seed, about, units=units, head=head, epochs=10).write(
            out, model, cases, probes, model.weights(), model.save, exports_wrong,
            others={} if exports_wrong else {"forecast.npz": model.forecast(cases["short"], 12)},
        )  # fmt: skip

    return name, recipe


def random_model(name, keras, about, seed=11, batch=3, steps=(10, 6), save=None, outputs=True, **settings):
    def recipe(out):
        keras.utils.set_random_seed(seed)
        model = Seq2Seq(keras, **settings)
        model.randomize(seed)
        if not outputs:
            model.outputs = []
        encoder_steps = settings.get("encoder_steps", 10) or steps[0]
        decoder_steps = settings.get("decoder_steps") or steps[1]
        cases = {"": model.random_inputs(seed + 1, batch, encoder_steps, decoder_steps)}
        lengths = [(1, decoder_steps), (7, decoder_steps)]
        if settings.get("decoder_steps") is None:
            lengths += [(1, 1), (2, 9)]
        probes = [model.random_inputs(2, b, encoder_steps, t) for b, t in lengths]
        plain = {k: v for k, v in settings.items() if not callable(v)}
        Fixture(name, producer(keras), seed, about, **plain).write(
            out, model, cases, probes, model.weights(), save and (lambda path: save(model, path)) or model.save
        )

    return name, recipe


def recipes():
    import keras
    import tf_keras

    misleading = dict(
        units=4, features=4, decoder_features=4, out=4, encoder_steps=None, decoder_first=True,
        names=("lstm_1", "lstm"), inputs=("z_source", "a_target"),
    )  # fmt: skip
    misled = "Names, order of creation, alphabetical order of the inputs and shapes all mislead about which layer is the encoder."
    return [
        seed_model("seed_keras3", keras, 64, "dense"),
        seed_model("seed_tfkeras", tf_keras, 64, "time_distributed"),
        seed_model("seed_units1_keras3", keras, 1, "dense"),
        seed_model("seed_units1_tfkeras", tf_keras, 1, "time_distributed"),
        seed_model("seed_keras3_broken", keras, 4, "time_distributed", exports_wrong=True),
        random_model("misleading_keras3", keras, misled, dense_bias=False, **misleading),
        random_model("misleading_tfkeras", tf_keras, misled, dense_bias=False, **misleading),
        random_model("no_bias_keras3", keras, "LSTMs made with use_bias=False.", units=3, features=2, out=2, use_bias=False),
        random_model("no_bias_tfkeras", tf_keras, "LSTMs made with use_bias=False.", units=3, features=2, out=2, use_bias=False),
        random_model("states_out_keras3", keras, "The encoder's states are outputs as well.", units=5, features=3, decoder_features=2, out=2, with_states=True),
        random_model("states_out_tfkeras", tf_keras, "The encoder's states are outputs as well.", units=5, features=3, decoder_features=2, out=2, with_states=True),
        random_model("fixed_steps_keras3", keras, "A decoder of fixed length, with TimeDistributed, which exports right.", units=3, out=2, decoder_steps=6, head="time_distributed"),
        random_model("not_tanh_head", keras, "No seq2seq: the head has an activation.", units=3, activation="tanh"),
        random_model("not_states_swapped", keras, "No seq2seq: the decoder begins with c as h and h as c.", units=3, states=lambda h, c: [c, h]),
        random_model("not_h_twice", tf_keras, "No seq2seq: the decoder begins with h as h and h as c.", units=3, states=lambda h, c: [h, h]),
        random_model("not_callable", tf_keras, "A SavedModel without signatures (save_traces=False).", units=3, outputs=False,
                     save=lambda m, path: m.model.save(path, save_format="tf", save_traces=False)),
    ]  # fmt: skip
