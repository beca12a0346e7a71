"""What make bench-models times: models of Keras 3 as services have them, with random weights."""

import numpy as np

from fixture import Fixture
from seq2seq import producer
from zoo import Model
from zoo_inputs import In

CASE, PROBE = {"B": 2, "T": 20, "S": 20}, {"B": 3, "T": 20, "S": 20}


def net(name, about, inputs, build, seed=23):
    def recipe(out):
        import keras

        model = Model(keras, inputs, build)
        rng = np.random.default_rng(seed)
        for w in model.model.weights:
            if np.issubdtype(w.dtype, np.floating):
                w.assign(weight(w.path, w.shape, rng))
        draws = np.random.default_rng(seed + 1)
        case, probe = ({key: i.draw(draws, sizes) for key, i in inputs.items()} for sizes in (CASE, PROBE))
        model.outputs = list(model.predict_all(case))
        Fixture(name, producer(keras), seed, about).write(out, model, {"": case}, [probe], None, model.save)

    return name, recipe


def weight(path, shape, rng):
    """As large as keeps the values between layers near one, however many the layers are."""
    kind = path.rsplit("/", 1)[-1]
    if kind in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.2, size=shape)
    if len(shape) < 2:
        return rng.normal(0, 0.1, size=shape)
    terms = np.prod(shape[:2]) if "depthwise" in path else np.prod(shape[:-1])
    return rng.normal(0, (1.5 / terms) ** 0.5, size=shape)


def crnn(k, x):
    x = k.MaxPooling2D(2)(k.Conv2D(32, 3, padding="same", activation="relu")(x))
    x = k.MaxPooling2D(2)(k.Conv2D(64, 3, padding="same", activation="relu")(x))
    x = k.Reshape((32, 8 * 64))(k.Permute((2, 1, 3))(x))
    return k.Dense(40, activation="softmax")(k.Bidirectional(k.LSTM(64, return_sequences=True))(x))


def conv_lstm(k, x):
    x = k.ConvLSTM2D(16, 3, padding="same", return_sequences=True)(x)
    return k.Conv2D(1, 3, padding="same")(k.ConvLSTM2D(16, 3, padding="same")(x))


def conv1d_lstm(k, x):
    x = k.MaxPooling1D(2)(k.Conv1D(32, 5, padding="same", activation="relu")(x))
    return k.Dense(3)(k.LSTM(64)(k.Conv1D(64, 3, activation="relu")(x)))


def attention(k, x, y):
    encoded, h, c = k.LSTM(64, return_sequences=True, return_state=True)(x)
    decoded = k.LSTM(64, return_sequences=True)(y, initial_state=[h, c])
    return k.Dense(8)(k.Concatenate()([decoded, k.Attention()([decoded, encoded])]))


def transformer(k, x):
    x = k.Dense(64)(x)
    for _ in range(2):
        x = k.LayerNormalization()(x + k.MultiHeadAttention(4, 16)(x, x))
        x = k.LayerNormalization()(x + k.Dense(64)(k.Dense(256, activation="gelu")(x)))
    return k.Dense(1)(k.GlobalAveragePooling1D()(x))


def heads(k, x):
    return k.MultiHeadAttention(8, 32)(x, x)


def gated(k, x, units=32):
    """The gated residual network of a temporal fusion transformer."""
    h = k.Dense(units)(k.Dense(units, activation="elu")(x))
    gate = k.Dense(units, activation="sigmoid")(h) * k.Dense(units)(h)
    return k.LayerNormalization()((x if x.shape[-1] == units else k.Dense(units)(x)) + gate)


def fusion(k, past, known):
    """A temporal fusion transformer: chosen variables, an encoder, a decoder, attention over both."""

    def chosen(x):
        weights = k.Softmax()(k.Dense(x.shape[-1])(gated(k, x)))
        return k.Dense(32)(x * weights)

    encoded, h, c = k.LSTM(32, return_sequences=True, return_state=True)(chosen(past))
    decoded = k.LSTM(32, return_sequences=True)(chosen(known), initial_state=[h, c])
    both = gated(k, k.Concatenate(axis=1)([encoded, decoded]))
    seen = k.LayerNormalization()(both + k.MultiHeadAttention(4, 8)(both, both, use_causal_mask=True))
    return k.Dense(3)(gated(k, gated(k, seen))[:, -12:])


def application(name):
    def build(k, x):
        import keras

        return getattr(keras.applications, name)(weights=None, input_tensor=x)

    return build


def recipes():
    photo = {"x": In(224, 224, 3)}
    return [
        net("bench_crnn", "Two Conv2D with poolings, and a bidirectional LSTM over the columns.", {"x": In(32, 128, 1)}, crnn),
        net("bench_conv1d_lstm", "Two Conv1D and an LSTM.", {"x": In(100, 4)}, conv1d_lstm),
        net("bench_attention", "LSTM encoder and decoder with attention.", {"x": In("T", 8), "y": In("S", 8)}, attention),
        net("bench_transformer", "Two blocks of a transformer's encoder.", {"x": In(50, 8)}, transformer),
        net("bench_fusion", "A small temporal fusion transformer.", {"known": In(12, 4), "past": In(48, 6)}, lambda k, known, past: fusion(k, past, known)),
        net("bench_heads", "MultiHeadAttention of 8 heads.", {"x": In(32, 64)}, heads),
        net("bench_conv_lstm", "Two ConvLSTM2D.", {"x": In(10, 32, 32, 1)}, conv_lstm),
        net("bench_mobilenet_v2", "keras.applications.MobileNetV2.", photo, application("MobileNetV2")),
        net("bench_resnet50", "keras.applications.ResNet50.", photo, application("ResNet50")),
    ]
