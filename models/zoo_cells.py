"""The zoo's recurrent layers: every kind, with every option that a loop may have."""

from zoo import entry
from zoo_inputs import In, fixed, ids, seq

KINDS = {"LSTM": 5, "GRU": 4, "SimpleRNN": 3}  # and their units

OPTIONS = [
    ("last", "returns its last output alone", {}),
    ("no_bias", "no bias", dict(use_bias=False, return_sequences=True)),
    ("states", "returns all outputs and its final states", dict(return_sequences=True, return_state=True)),
    ("backwards", "runs backwards", dict(go_backwards=True, return_sequences=True, return_state=True)),
    ("dropout", "dropout and recurrent dropout, which inference leaves out", dict(dropout=0.3, recurrent_dropout=0.2)),
]

# Short name: activation, recurrent activation. hard_sigmoid has another slope in Keras 3 than in Keras 2.
ACTIVATIONS = [
    ("relu", "relu", "sigmoid"),
    ("sigmoid_tanh", "sigmoid", "tanh"),
    ("hard_sigmoid", "tanh", "hard_sigmoid"),
    ("all_hard_sigmoid", "hard_sigmoid", "hard_sigmoid"),
    ("linear", "linear", "sigmoid"),
    ("recurrent_linear", "tanh", "linear"),
    ("elu", "elu", "hard_sigmoid"),
    ("selu", "selu", "sigmoid"),
    ("softplus", "softplus", "softsign"),
    ("softsign", "softsign", "sigmoid"),
    ("gelu", "gelu", "sigmoid"),
    ("swish", "swish", "swish"),
    ("recurrent_relu", "tanh", "relu"),
]


def layer(kind, units=None, **options):
    return lambda k, x, **call: getattr(k, kind)(units or KINDS[kind], **options)(x, **call)


def many(kind, pairs, **options):
    """As many layers beside each other as there are pairs of activations."""

    def build(k, x):
        outputs = []
        for _, activation, recurrent in pairs:
            more = {} if kind == "SimpleRNN" else {"recurrent_activation": recurrent}
            outputs.append(getattr(k, kind)(KINDS[kind], activation=activation, **more, **options)(x))
        return outputs

    return build


def entries():
    for kind in KINDS:
        name = kind.lower()
        for option, about, settings in OPTIONS:
            yield entry(f"{name}_{option}", f"{kind}: {about}.", seq(), layer(kind, **settings))
        yield from loop_options(kind, name)
        yield from masked(kind, name)
    yield from gru_reset()
    for name, activation, recurrent in ACTIVATIONS:
        about = f"LSTM with activation {activation} and recurrent activation {recurrent}."
        options = dict(activation=activation, recurrent_activation=recurrent, return_sequences=True)
        yield entry(f"lstm_{name}", about, seq(2), layer("LSTM", 4, **options))
    # A gate without a bound lets a GRU's state grow beyond all measure.
    bounded = [p for p in ACTIVATIONS if p[2] not in ("linear", "relu", "swish")]
    yield entry("gru_activations", "GRUs of many pairs of activations.", seq(2), many("GRU", bounded))
    yield entry("gru_before_activations", "GRUs of many pairs of activations, reset_after=False.", seq(2), many("GRU", bounded[::2], reset_after=False))
    every = list({p[1]: p for p in ACTIVATIONS}.values())
    yield entry("simplernn_activations", "SimpleRNNs of every activation.", seq(2), many("SimpleRNN", every, return_sequences=True))
    yield from odd_activations()
    yield from bidirectional()
    yield from stacked()
    yield from more_masks()


def loop_options(kind, name):
    units = KINDS[kind]

    def initial(k, x, *states):
        return getattr(k, kind)(units, return_sequences=True, return_state=True)(x, initial_state=list(states))

    states = {"h": In(units), "c": In(units)} if kind == "LSTM" else {"h": In(units)}
    yield entry(f"{name}_initial_state", f"{kind}: the initial states are inputs.", {**seq(2), **states}, initial)
    # Keras 3 has no time_major.
    options = dict(time_major=True, return_sequences=True, return_state=True)
    yield entry(f"{name}_time_major", f"{kind}: time before batch.", {"x": In("T", "B", 3)}, layer(kind, **options), by=["tfkeras"])
    options = dict(unroll=True, return_sequences=True, return_state=True)
    yield entry(f"{name}_unrolled", f"{kind}: unrolled over five steps.", fixed(5, 2), layer(kind, **options))
    options = dict(stateful=True, return_sequences=True)
    yield entry(f"{name}_stateful", f"{kind}: keeps its states between calls, in variables.", seq(2), layer(kind, **options), batch=2, again=True)


def masked(kind, name):
    def masking(**options):
        return lambda k, x: getattr(k, kind)(KINDS[kind], **options)(k.Masking(0.0)(x))

    x = seq(2, kind="masked")
    all_out = dict(return_sequences=True, return_state=True)
    yield entry(f"{name}_masked", f"{kind}: masked steps carry the states, and the last output is of the last step kept.", x, masking())
    yield entry(f"{name}_masked_states", f"{kind}: masked steps repeat the output before.", x, masking(**all_out))
    yield entry(f"{name}_masked_zero", f"{kind}: zero_output_for_mask: masked steps give zero.", x, masking(zero_output_for_mask=True, **all_out))
    if kind != "SimpleRNN":
        about = f"{kind}: masked, backwards."
        yield entry(f"{name}_masked_backwards", about, x, masking(go_backwards=True, **all_out))
    about = f"{kind}: masked, unrolled over seven steps."
    yield entry(f"{name}_masked_unrolled", about, fixed(7, 2, kind="masked"), masking(unroll=True, **all_out))


def gru_reset():
    for option, about, settings in OPTIONS[:4]:
        about = f"GRU with reset_after=False: {about}."
        yield entry(f"gru_before_{option}", about, seq(), layer("GRU", reset_after=False, **settings))
    yield entry(
        "gru_before_masked", "GRU with reset_after=False: masked.", seq(2, kind="masked"),
        lambda k, x: k.GRU(4, reset_after=False, return_sequences=True)(k.Masking()(x)),
    )  # fmt: skip
    yield entry("gru_before_unrolled", "GRU with reset_after=False: unrolled.", fixed(5, 2), layer("GRU", reset_after=False, unroll=True))
    yield entry("gru_relu_hard_sigmoid", "GRU with relu and hard_sigmoid.", seq(2), layer("GRU", activation="relu", recurrent_activation="hard_sigmoid"))


def odd_activations():
    """Activations that only one Keras knows by name, and the float64 models."""
    of_three = ["mish", "hard_swish", "leaky_relu", "relu6", "celu", "hard_tanh", "log_sigmoid", "tanh_shrink", "soft_shrink",
                "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid"]  # fmt: skip
    pairs = [(a, a, "sigmoid") for a in of_three]
    yield entry("simplernn_rare_activations", "SimpleRNNs with the activations of Keras 3.", seq(2), many("SimpleRNN", pairs), by=["keras3"])
    pairs = [(a, a, "sigmoid") for a in ("mish", "exponential")]
    yield entry("lstm_rare_activations", "LSTMs with the rarer activations of Keras 2.", seq(2), many("LSTM", pairs), by=["tfkeras"], scale=0.2)
    yield entry("lstm_no_activation", "LSTM with activation=None.", seq(2), layer("LSTM", activation=None, return_sequences=True))
    x = seq(3, dtype="float64")
    yield entry("float64_lstm", "Everything in float64.", x, lambda k, x: k.Dense(2)(k.LSTM(4, return_sequences=True)(x)), floatx="float64")
    yield entry("float64_gru", "A float64 model by dtype.", x, lambda k, x: k.Dense(2, dtype="float64")(k.GRU(4, dtype="float64")(x)))
    yield entry("cast_lstm", "A float64 input into a float32 model.", x, lambda k, x: k.LSTM(4)(x))


def bidirectional():
    def both(kind, merge, **options):
        return lambda k, x: k.Bidirectional(getattr(k, kind)(KINDS[kind], **options), merge_mode=merge)(x)

    for merge, kind in (("concat", "LSTM"), (None, "LSTM"), ("sum", "GRU"), ("mul", "SimpleRNN"), ("ave", "SimpleRNN")):
        about = f"Bidirectional {kind}, merge_mode={merge}."
        yield entry(f"bidirectional_{merge}".lower(), about, seq(), both(kind, merge, return_sequences=True))
    yield entry("bidirectional_last", "Bidirectional LSTM, last outputs.", seq(), both("LSTM", "concat"))
    yield entry("bidirectional_states", "Bidirectional LSTM with states.", seq(), both("LSTM", "concat", return_sequences=True, return_state=True))
    about = "Bidirectional SimpleRNN, summed, with states."
    yield entry("bidirectional_sum_states", about, seq(), both("SimpleRNN", "sum", return_sequences=True, return_state=True))
    yield entry("bidirectional_simplernn", "Bidirectional SimpleRNN, no bias.", seq(), both("SimpleRNN", "concat", use_bias=False))
    yield entry(
        "bidirectional_two_kinds", "An LSTM forwards, a GRU backwards.", seq(),
        lambda k, x: k.Bidirectional(
            k.LSTM(4, return_sequences=True), backward_layer=k.GRU(3, return_sequences=True, go_backwards=True)
        )(x),
    )  # fmt: skip
    yield entry("bidirectional_masked", "Bidirectional LSTM, masked.", seq(2, kind="masked"), lambda k, x: k.Bidirectional(k.LSTM(3))(k.Masking()(x)))
    yield entry(
        "bidirectional_masked_sequences", "Bidirectional GRU, masked: masked outputs are zero.", seq(2, kind="masked"),
        lambda k, x: k.Bidirectional(k.GRU(3, return_sequences=True))(k.Masking()(x)),
    )  # fmt: skip
    states = {n: In(3) for n in ("fh", "fc", "bh", "bc")}
    yield entry(
        "bidirectional_initial_state", "Bidirectional LSTM whose initial states are inputs.", {**seq(2), **states},
        lambda k, x, *s: k.Bidirectional(k.LSTM(3, return_sequences=True, return_state=True))(x, initial_state=list(s)),
    )  # fmt: skip
    yield entry("bidirectional_unrolled", "Bidirectional LSTM, unrolled.", fixed(4, 2), both("LSTM", "concat", unroll=True, return_sequences=True))


def stacked():
    def cells(*kinds, **options):
        return lambda k, x: k.RNN([getattr(k, kind + "Cell")(units) for kind, units in kinds], **options)(x)

    all_out = dict(return_sequences=True, return_state=True)
    yield entry("cells_lstm", "RNN(LSTMCell).", seq(), lambda k, x: k.RNN(k.LSTMCell(4), return_sequences=True)(x))
    yield entry("cells_gru", "RNN(GRUCell).", seq(), lambda k, x: k.RNN(k.GRUCell(4))(x))
    yield entry("cells_two_lstm", "RNN of two LSTM cells.", seq(), cells(("LSTM", 4), ("LSTM", 3)))
    # By Keras 3 a layer of stacked cells returns its states as nested lists, which the export flattens.
    yield entry("cells_two_lstm_sequences", "RNN of two LSTM cells, all outputs.", seq(), cells(("LSTM", 4), ("LSTM", 3), return_sequences=True))
    yield entry("cells_mixed", "RNN of an LSTM, a GRU and a simple cell.", seq(), cells(("LSTM", 4), ("GRU", 3), ("SimpleRNN", 5), return_sequences=True))
    yield entry("cells_gru_states", "RNN of two GRU cells with their states.", seq(), cells(("GRU", 4), ("GRU", 3), **all_out))
    yield entry("cells_bidirectional", "Bidirectional RNN(LSTMCell).", seq(), lambda k, x: k.Bidirectional(k.RNN(k.LSTMCell(3)))(x))
    yield entry(
        "cells_masked", "RNN of two LSTM cells, masked.", seq(2, kind="masked"),
        lambda k, x: k.RNN([k.LSTMCell(4), k.LSTMCell(3)], return_sequences=True)(k.Masking()(x)),
    )  # fmt: skip
    yield entry(
        "stacked_lstm", "Two LSTMs in a row.", seq(2),
        lambda k, x: k.LSTM(5)(k.LSTM(3, return_sequences=True)(x)),
    )  # fmt: skip
    yield entry(
        "stacked_kinds", "An LSTM, a GRU and a SimpleRNN in a row.", seq(2),
        lambda k, x: k.SimpleRNN(5)(k.GRU(3, return_sequences=True)(k.LSTM(4, return_sequences=True)(x))),
    )  # fmt: skip
    yield entry(
        "stacked_masked", "A mask that goes through two LSTMs.", seq(2, kind="masked"),
        lambda k, x: k.LSTM(3)(k.LSTM(4, return_sequences=True)(k.Masking()(x))),
    )  # fmt: skip

    def shared(k, x, y):
        lstm = k.LSTM(4)
        return k.Concatenate()([lstm(x), lstm(y)])

    yield entry("shared_lstm", "One LSTM called twice.", {"x": In("T", 3), "y": In("S", 3)}, shared, layers={"LSTM": 2})


def more_masks():
    for kind in ("LSTM", "GRU"):
        about = f"{kind} whose mask is an input."
        inputs = {**seq(2), "mask": In("T", kind="kept", dtype="bool")}
        yield entry(
            f"{kind.lower()}_mask_input", about, inputs,
            lambda k, x, mask, kind=kind: getattr(k, kind)(KINDS[kind], return_sequences=True)(x, mask=mask),
        )  # fmt: skip
    tokens = ids(9, kind="ids_masked")
    yield entry("embedding_mask_zero", "Embedding(mask_zero=True) into an LSTM.", tokens, lambda k, x: k.LSTM(4)(k.Embedding(9, 3, mask_zero=True)(x)))
    yield entry(
        "embedding_mask_zero_sequences", "Embedding(mask_zero=True) into a GRU and a Dense.", tokens,
        lambda k, x: k.Dense(2)(k.GRU(4, return_sequences=True)(k.Embedding(9, 3, mask_zero=True)(x))),
    )  # fmt: skip
    yield entry(
        "embedding_mask_zero_bidirectional", "Embedding(mask_zero=True) into a Bidirectional LSTM and a Bidirectional SimpleRNN.", tokens,
        lambda k, x: k.Bidirectional(k.SimpleRNN(3))(
            k.Bidirectional(k.LSTM(4, return_sequences=True))(k.Embedding(9, 3, mask_zero=True)(x))
        ),
    )  # fmt: skip

    def masked_value(k, x):
        return k.LSTM(4, return_sequences=True)(k.Masking(mask_value=-1.5)(x))

    yield entry("masking_value", "A mask value that the input does not have.", seq(2), masked_value)
    yield entry("masked_pooling", "A mask that reaches GlobalAveragePooling1D.", seq(2, kind="masked_some"),
                lambda k, x: k.GlobalAveragePooling1D()(k.LSTM(4, return_sequences=True)(k.Masking()(x))))  # fmt: skip
