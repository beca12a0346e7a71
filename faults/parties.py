"""Makes parties that show answers alone: models, and what Keras predicts from others that
have a mistake. Each folder holds the SavedModel, inputs.npz, sound.npz of the same model,
faulty.npz of the one with the mistake, and kinds.json, which names it.

    python faults/parties.py OUT
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402

L = keras.layers


def blocks(order, own):
    """Reads the columns of gates in another order."""

    def change(w):
        parts = np.split(w, len(own), axis=-1)
        return np.concatenate([parts[order.index(gate)] for gate in own], axis=-1)

    return change


def zeros(w):
    return np.zeros_like(w)


def half(w):
    return w.astype(np.float16).astype(np.float32)


def int8(w, axis=None):
    scale = np.abs(w).max(axis=axis, keepdims=axis is not None) / 127
    return (np.round(w / scale) * scale).astype(np.float32)


def only(*at, change):
    """Changes some of the weights."""
    return lambda ws: [change(w) if i in at else w for i, w in enumerate(ws)]


def approximate(y):
    return keras.activations.gelu(y, approximate=True)


def seq2seq(x, change=lambda h, c: [h, c]):
    _, h, c = L.LSTM(7, return_state=True)(x)
    return L.Dense(2)(L.LSTM(7, return_sequences=True)(x, initial_state=change(h, c)))


def stacked(x, skip=False):
    first = L.LSTM(5, return_sequences=True)(x)
    second = L.LSTM(5, return_sequences=True)(first)
    return L.Dense(2)(first * 1.0 if skip else second * 1.0) + 0 * L.Dense(1)(second)


def two_outputs(x):
    h = L.GRU(6)(x)
    return [L.Dense(3)(h), L.Dense(3)(h)]


def after(layer, *rest):
    def call(x):
        y = layer(x)
        for r in rest:
            y = r(y)
        return y

    return call


def cases():
    """Yields a name, the kinds of the mistakes, the sound and the faulty model's calls, and how the weights and
    the inputs of the faulty one differ."""
    lstm, gru, rnn = (lambda **o: L.LSTM(6, **o)), (lambda **o: L.GRU(6, **o)), (lambda **o: L.SimpleRNN(6, **o))
    for name, layer in [("lstm", lstm), ("gru", gru)]:
        for activation in ("hard_sigmoid",):
            yield f"{name}_{activation}", ["activation"], layer(), layer(recurrent_activation=activation), None, None
        yield f"{name}_relu", ["activation"], layer(), layer(activation="relu"), None, None
        order, own = ("iofg", "ifgo") if name == "lstm" else ("rzg", "zrg")
        yield f"{name}_gates", ["gate order"], layer(), layer(), only(0, 1, 2, change=blocks(order, own)), None
        yield f"{name}_gates_of_one", ["gate order"], layer(), layer(), only(1, change=blocks(order, own)), None
        yield f"{name}_int8", ["int8 weights"], layer(), layer(), only(0, 1, change=lambda w: int8(w, 0)), None
        yield f"{name}_half", ["float16 weights"], layer(), layer(), only(0, 1, 2, change=half), None
        yield f"{name}_twice", ["bias twice"], layer(), layer(), only(2, change=lambda w: 2 * w), None
    yield "rnn_relu", ["activation"], rnn(), rnn(activation="relu"), None, None
    yield "rnn_backwards", ["direction"], rnn(), rnn(go_backwards=True), None, None
    yield "rnn_no_bias", ["bias missing"], rnn(), rnn(), only(2, change=zeros), None
    yield "lstm_no_bias", ["bias missing"], lstm(), lstm(), only(2, change=zeros), None
    yield "lstm_forget", ["forget bias twice"], lstm(), lstm(), only(2, change=lambda w: w + np.repeat([0, 1, 0, 0], 6).astype(np.float32)), None
    yield "lstm_scaled", ["input scaling"], lstm(), lstm(), None, lambda x: x / 255
    yield "gru_late", ["input off by a step"], gru(), gru(), None, lambda x: np.concatenate([0 * x[:, :1], x[:, :-1]], axis=1)
    yield "gru_reset", ["reset_after"], gru(), gru(reset_after=False), only(2, change=lambda w: w.sum(axis=0)), None
    for row in (0, 1):
        yield f"gru_row_{row}", ["bias row missing"], gru(), gru(), only(2, change=lambda w, row=row: w * [[row], [1 - row]]), None
    yield "gru_rows", ["bias rows swapped"], gru(), gru(), only(2, change=lambda w: w[::-1]), None
    square = L.LSTM(4)
    yield "kernels", ["kernel and recurrent kernel exchanged"], square, L.LSTM(4), lambda ws: [ws[1], ws[0], ws[2]], None
    yield "masked", ["mask ignored"], after(L.Masking(), lstm()), lstm(), None, None
    both = lambda: L.Bidirectional(L.GRU(5))  # noqa: E731
    yield "both_ways", ["weights swapped"], both(), both(), lambda ws: ws[3:] + ws[:3], None
    yield "both_ways_kernels", ["kernels swapped"], both(), both(), lambda ws: [ws[3], *ws[1:3], ws[0], *ws[4:]], None
    for to in ("same", "valid"):
        yield f"conv_{to}", ["padding"], after(L.Conv1D(4, 3, padding="causal"), L.LSTM(5)), after(L.Conv1D(4, 3, padding=to), L.LSTM(5)), None, None
    norm = lambda **o: after(L.LSTM(5), L.BatchNormalization(**o), L.Dense(2))  # noqa: E731
    yield "batch_epsilon", ["epsilon"], norm(), norm(epsilon=1e-5), None, None
    yield "batch_training", ["statistics of the batch"], norm(), norm(), None, None
    yield "batch_variance", ["variance read as standard deviation"], norm(), norm(), only(6, change=np.square), None
    layer_norm = lambda **o: after(L.GRU(5), L.LayerNormalization(**o), L.Dense(2))  # noqa: E731
    yield "layer_epsilon", ["epsilon"], layer_norm(), layer_norm(epsilon=1e-6), None, None
    yield "gelu", ["activation"], after(L.Dense(8, activation="gelu"), L.GRU(4)), after(L.Dense(8, activation=approximate), L.GRU(4)), None, None
    yield "dense_sigmoid", ["activation"], after(L.GRU(4), L.Dense(3, activation="sigmoid")), after(L.GRU(4), L.Dense(3, activation="hard_sigmoid")), None, None
    dense = lambda: after(L.LSTM(5), L.Dense(3))  # noqa: E731
    yield "dense_no_bias", ["bias missing"], dense(), dense(), only(4, change=zeros), None
    yield "dense_int8", ["int8 weights"], dense(), dense(), only(3, change=int8), None
    words = lambda: after(lambda x: L.Embedding(9, 4)(keras.ops.cast(abs(x[..., 0]) * 3, "int32")), L.LSTM(5))  # noqa: E731
    yield "embedding", ["embedding row off by one"], words(), words(), only(0, change=lambda w: np.concatenate([w[1:], w[-1:]])), None
    yield "states_swapped", ["states swapped"], seq2seq, lambda x: seq2seq(x, lambda h, c: [c, h]), None, None
    yield "states_ignored", ["initial state ignored"], seq2seq, lambda x: seq2seq(x, lambda h, c: [0 * h, 0 * c]), None, None
    state = lambda i: lambda x: L.LSTM(5, return_state=True)(x)[i]  # noqa: E731
    yield "other_state", ["another state returned"], state(1), state(2), None, None
    yield "other_layer", ["another layer's output"], stacked, lambda x: stacked(x, True), None, None
    yield "outputs", ["outputs swapped"], two_outputs, two_outputs, None, None
    yield "two", ["activation", "direction"], dense(), after(L.LSTM(5, recurrent_activation="hard_sigmoid", go_backwards=True), L.Dense(3)), None, None


def drawn(model, rng):
    """Random weights, none of which is zero."""
    out = []
    for w in model.weights:
        a = rng.normal(size=w.shape).astype(np.float32)
        if "variance" in w.path:
            a = np.abs(a) + 0.2
        elif len(w.shape) > 1:
            a /= np.sqrt(w.shape[0])
        out.append(a.astype(np.float32))
    return out


def answers_of(name, model, x):
    """What a faulty model answers."""
    if name == "batch_training":
        return model(x, training=True)
    answers = model.predict(x, verbose=0)
    return answers[::-1] if name == "outputs" else answers


def named(answers):
    answers = answers if isinstance(answers, list) else [answers]
    return {f"output_{i}": np.asarray(a) for i, a in enumerate(answers)}


def main(out):
    os.makedirs(out)
    for seed, (name, kinds, sound, faulty, change, scale) in enumerate(cases()):
        keras.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(5, 11, 4)).astype(np.float32)
        if name == "masked":
            x[1, 7:], x[3, 4:] = 0, 0
        inputs = [keras.Input((None, 4), name="x") for _ in range(2)]
        model, other = keras.Model(inputs[0], sound(inputs[0])), keras.Model(inputs[1], faulty(inputs[1]))
        weights = drawn(model, rng)
        model.set_weights(weights)
        other.set_weights(change(weights) if change else weights)
        home = os.path.join(out, name)
        model.export(os.path.join(home, "model"), verbose=False)
        np.savez(os.path.join(home, "inputs.npz"), x=x)
        np.savez(os.path.join(home, "sound.npz"), **named(model.predict(x, verbose=0)))
        np.savez(os.path.join(home, "faulty.npz"), **named(answers_of(name, other, scale(x) if scale else x)))
        with open(os.path.join(home, "kinds.json"), "w") as f:
            json.dump(kinds, f)
    with open(os.path.join(out, "complete"), "w") as f:
        json.dump({"keras": keras.__version__}, f)


if __name__ == "__main__":
    main(sys.argv[1])
