"""The families of structures, as the zoo has them: each draws sizes and options, and returns inputs and a call."""

import keras
from structure import In, chain, family

L = keras.layers

# Recurrent layers

KINDS = {
    "lstm": L.LSTM,
    "gru": L.GRU,
    "gru_before": lambda units, **o: L.GRU(units, reset_after=False, **o),
    "simplernn": L.SimpleRNN,
}


def options(r, kind):
    """Activations whose results are bounded: a long sequence overflows by others."""
    out = {"use_bias": r.often(0.85), "activation": r.one(*["tanh"] * 5, "sigmoid", "softsign", "hard_sigmoid")}
    if kind != "simplernn":
        out["recurrent_activation"] = r.one(*["sigmoid"] * 4, "hard_sigmoid")
    return out


def recurrent(r, most=24, **more):
    """A layer of any kind that returns all its outputs."""
    kind = r.one(*KINDS)
    return KINDS[kind](r.near(2, most), return_sequences=True, **{**options(r, kind), **more})


def one_layer(r, kind):
    more = {"return_sequences": r.often(0.7), "go_backwards": r.often(0.15)}
    return {"x": In(None, r.near(1, 9))}, chain(KINDS[kind](r.near(1, 256), **options(r, kind), **more))


@family()
def lstm(r):
    return one_layer(r, "lstm")


@family()
def gru(r):
    return one_layer(r, "gru")


@family()
def gru_before(r):
    return one_layer(r, "gru_before")


@family()
def simplernn(r):
    return one_layer(r, "simplernn")


@family()
def stacked_cells(r):
    cells = [r.one(L.LSTMCell, L.GRUCell, L.SimpleRNNCell)(r.near(2, 24)) for _ in range(r.whole(2, 3))]
    return {"x": In(None, r.near(1, 6))}, chain(L.RNN(cells, return_sequences=r.often(0.7)))


@family()
def bidirectional(r):
    both = [L.Bidirectional(recurrent(r), merge_mode=r.one("concat", "sum", "mul", "ave")) for _ in range(r.whole(1, 2))]
    return {"x": In(None, r.near(1, 6))}, chain(*both)


@family()
def deep(r):
    return {"x": In(None, r.near(1, 6))}, chain(*[recurrent(r, 12) for _ in range(r.whole(4, 8))])


@family()
def unrolled(r):
    return {"x": In(r.whole(2, 8), r.near(1, 6))}, chain(*[recurrent(r, unroll=True) for _ in range(r.whole(1, 2))])


@family()
def embeddings(r):
    high = r.near(3, 60)
    layers = [L.Embedding(high, r.near(2, 16), mask_zero=r.often(0.7))]
    layers += [r.one(L.Bidirectional, lambda layer: layer)(recurrent(r)) for _ in range(r.whole(1, 2))]
    if r.often(0.4):
        layers += [L.GlobalAveragePooling1D()]
    return {"x": In(None, high=high)}, chain(*layers, L.Dense(r.near(2, 12), activation="relu"))


@family()
def masked(r):
    layers = [L.Masking(0.0)] + [recurrent(r, zero_output_for_mask=r.often(0.3)) for _ in range(r.whole(1, 3))]
    return {"x": In(None, r.near(1, 6), masked=True)}, chain(*layers)


@family()
def time_distributed(r):
    inner = r.one(lambda: recurrent(r), lambda: L.Conv1D(r.near(2, 8), 2, padding="same"), lambda: L.Dense(r.near(2, 9), activation="tanh"))()
    layers = [L.TimeDistributed(inner), L.TimeDistributed(L.Flatten()), recurrent(r)]
    return {"x": In(r.whole(2, 7), r.whole(2, 6), r.near(1, 4))}, chain(*layers)


@family(steps=(1, 200))
def encoder_decoder(r):
    units, attention = r.near(2, 64), r.one(None, L.Attention, L.AdditiveAttention)
    kind = r.one("lstm", "gru", "simplernn")

    def call(source, target):
        encoded, *states = KINDS[kind](units, return_sequences=True, return_state=True)(source)
        y = KINDS[kind](units, return_sequences=True)(target, initial_state=states)
        return L.Concatenate()([y, attention()([y, encoded])]) if attention else y

    return {"encoder": In(None, r.near(1, 6)), "decoder": In(None, r.near(1, 6))}, call


def block(r, width, memory=None):
    """A block of a transformer, before or after its normalizations; with a memory that of a decoder."""
    heads, size, before, wide = r.one(1, 2, 4), r.near(2, 8), r.often(0.6), r.near(width, 4 * width)
    norm = r.one(L.LayerNormalization, lambda: L.LayerNormalization(epsilon=1e-6), L.RMSNormalization)
    activation, causal, grouped = r.one("gelu", "relu", "swish"), memory is not None or r.often(0.3), r.often(0.2)

    def around(y, inner):
        if before:
            return L.Add()([y, inner(norm()(y))])
        return norm()(L.Add()([y, inner(y)]))

    def call(y):
        own = L.GroupQueryAttention(size, 4, 2) if grouped else L.MultiHeadAttention(heads, size, use_bias=r.often(0.8))
        y = around(y, lambda n: own(n, n, use_causal_mask=causal))
        if memory is not None:
            y = around(y, lambda n: L.MultiHeadAttention(heads, size)(n, memory))
        return around(y, chain(L.Dense(wide, activation=activation), L.Dense(width)))

    return call


class Positions(L.Layer):
    """Adds a vector for each position."""

    supports_masking = True

    def build(self, shape):
        self.table = self.add_weight(shape=(64, shape[-1]), name="embeddings")

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return x + self.table[: keras.ops.shape(x)[1]]


def end(r):
    return r.one(L.GlobalAveragePooling1D, L.GlobalMaxPooling1D, L.LayerNormalization, L.Identity)()


@family(steps=(1, 60))
def transformer(r):
    width, high, tokens = r.near(4, 32), r.near(5, 60), r.often(0.5)
    first = [L.Embedding(high, width, mask_zero=r.often(0.3)) if tokens else L.Dense(width)] + r.some(0.6, Positions)
    blocks = [block(r, width) for _ in range(r.whole(1, 4))]
    return {"x": In(None, high=high) if tokens else In(None, r.near(1, 6))}, chain(*first, *blocks, end(r))


@family(steps=(1, 40))
def transformer_decoder(r):
    width = r.near(4, 24)

    def call(target, memory):
        memory = L.Dense(width)(memory)
        return chain(L.Dense(width), *[block(r, width, memory) for _ in range(r.whole(1, 3))])(target)

    return {"a_target": In(None, r.near(1, 6)), "b_memory": In(None, r.near(1, 6))}, call


@family(steps=(1, 200))
def recurrent_attention(r):
    layer = recurrent(r)
    return {"x": In(None, r.near(1, 6))}, chain(layer, *[block(r, layer.units) for _ in range(r.whole(1, 2))])


def norm_of(r, channels):
    groups = r.one(*[n for n in (1, 2, 3, 4) if channels % n == 0])
    kinds = [L.BatchNormalization, L.LayerNormalization, lambda: L.GroupNormalization(groups), L.UnitNormalization, L.RMSNormalization]
    return r.one(*kinds)()


def convolved(r, make, size, depth):
    """Convolutions that keep the length, or halve it, each with an activation or a normalization after it."""
    layers = []
    for _ in range(depth):
        filters = r.near(2, size)
        layers += [make(filters)] + r.some(0.4, lambda: norm_of(r, filters))
        layers += [L.Activation(r.one("relu", "elu", "relu6", "swish", "tanh", "gelu", "leaky_relu", "hard_swish"))]
    return layers


@family(steps=(24, 120))
def conv1d(r):
    def make(filters):
        more = r.one({}, {"strides": 2}, {"dilation_rate": r.whole(2, 3)})
        return L.Conv1D(filters, r.whole(1, 5), padding=r.one("same", "causal"), use_bias=r.often(0.8), **more)

    layers = convolved(r, make, 24, r.whole(1, 3)) + r.some(0.5, lambda: r.one(L.MaxPooling1D, L.AveragePooling1D)(2))
    return {"x": In(None, r.near(1, 6))}, chain(L.Conv1D(r.near(2, 12), r.whole(1, 5)), *layers, end(r))


def image(r):
    return In(r.whole(6, 16), r.whole(6, 16), r.whole(1, 4))


def end_of_image(r):
    return r.one(L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, L.Flatten, L.Identity)()


@family()
def conv2d(r):
    def make(filters):
        more = r.one({}, {"strides": 2}, {"dilation_rate": 2})
        return L.Conv2D(filters, (r.whole(1, 5), r.whole(1, 3)), padding="same", use_bias=r.often(0.8), **more)

    pool = r.some(0.5, lambda: r.one(L.MaxPooling2D, L.AveragePooling2D)(2, padding="same"))
    layers = convolved(r, make, 24, r.whole(1, 3)) + pool
    return {"x": image(r)}, chain(L.Conv2D(r.near(2, 12), 3), *layers, end_of_image(r))


@family()
def separable(r):
    """Depthwise and separable convolutions, and MobileNet's inverted residuals."""
    width = r.near(2, 12)

    def inverted(y):
        z = chain(L.Conv2D(4 * width, 1, use_bias=False), L.BatchNormalization(), L.ReLU(6.0))(y)
        z = chain(L.DepthwiseConv2D(3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0))(z)
        return L.Add()([y, chain(L.Conv2D(width, 1, use_bias=False), L.BatchNormalization())(z)])

    def one():
        kind = r.whole(0, 2)
        if kind == 0:
            return inverted
        if kind == 1:
            return chain(L.SeparableConv2D(width, 3, padding="same", depth_multiplier=r.whole(1, 2)), L.Activation(r.one("relu", "swish")))
        return L.DepthwiseConv2D(r.whole(2, 4), padding="same", use_bias=r.often(0.7))

    if r.often(0.3):
        layers = [L.SeparableConv1D(width, 3, padding="same"), L.DepthwiseConv1D(3, padding=r.one("same", "valid")), L.Activation("relu")]
        return {"x": In(r.whole(4, 19), r.near(1, 6))}, chain(*layers)
    return {"x": image(r)}, chain(L.Conv2D(width, 3, padding="same"), *[one() for _ in range(r.whole(1, 4))], end_of_image(r))


@family()
def transposed(r):
    """Decoders of pictures and of series: transposed convolutions and upsampling."""
    flat = r.often(0.4)
    kind, up = (L.Conv1DTranspose, L.UpSampling1D) if flat else (L.Conv2DTranspose, L.UpSampling2D)
    layers = []
    for _ in range(r.whole(1, 2)):
        layers += [kind(r.near(2, 12), r.whole(2, 4), strides=r.whole(1, 2), padding=r.one("same", "valid"))]
        layers += r.some(0.4, L.BatchNormalization) + [L.Activation(r.one("relu", "elu", "leaky_relu"))] + r.some(0.2, up)
    sizes = [r.whole(2, 6) for _ in range(1 if flat else 2)]
    return {"x": In(*sizes, r.near(1, 8))}, chain(*layers)


@family()
def residual(r):
    """Residual networks of pictures, and dense ones."""
    width, flat = r.near(3, 16), r.often(0.4)

    def layer():
        return L.Dense(width) if flat else L.Conv2D(width, 3, padding="same", use_bias=False)

    def one(y):
        z = chain(layer(), L.BatchNormalization(), L.Activation("relu"), layer(), L.BatchNormalization())(y)
        return L.Activation("relu")(L.Add()([y, z]))

    begin = [layer(), L.BatchNormalization(), L.Activation("relu")]
    return {"x": In(r.near(2, 12)) if flat else image(r)}, chain(*begin, *[one] * r.whole(1, 5), L.Identity() if flat else end_of_image(r))


@family(steps=(3, 200))
def conv_recurrent(r):
    conv = L.Conv1D(r.near(2, 16), r.whole(1, 3), padding=r.one("causal", "same"), activation=r.one("relu", "tanh", "elu"))
    return {"x": In(None, r.near(1, 6))}, chain(conv, *[recurrent(r) for _ in range(r.whole(1, 2))], end(r))


@family(onednn=True)
def channels_first(r):
    """The convolution leaves another number of steps than of filters: else TensorFlow's optimizer adds the bias along
    the other axis, and a check diverges with good reason."""
    filters, features = r.near(2, 12), r.near(1, 5)
    conv = L.Conv1D(filters, 3, data_format="channels_first")
    return {"x": In(features, filters + 2 + r.whole(1, 5))}, chain(conv, L.Permute((2, 1)), recurrent(r))


@family()
def norms(r):
    layers = []
    for _ in range(r.whole(3, 10)):
        width = r.near(2, 32)
        layers += [L.Dense(width, activation=r.one(None, "relu", "tanh", "gelu")), norm_of(r, width)]
    return {"x": In(r.whole(2, 8), r.near(2, 12))}, chain(*layers)


@family(steps=(1, 200))
def recurrent_norms(r):
    layer = recurrent(r)
    after = [y for _ in range(r.whole(1, 7)) for y in (L.Dense(layer.units), norm_of(r, layer.units))]
    return {"x": In(None, r.near(1, 6))}, chain(*r.some(0.3, L.LayerNormalization), layer, *after)


@family()
def activations(r):
    """Dense layers of the activations that Keras knows by name."""
    names = ("linear relu tanh sigmoid hard_sigmoid elu selu softplus softsign gelu swish softmax relu6 leaky_relu mish hard_swish celu "
             "hard_tanh log_sigmoid log_softmax tanh_shrink soft_shrink squareplus sparse_plus sparse_sigmoid sparsemax").split()  # fmt: skip
    return {"x": In(r.near(2, 12))}, chain(*[L.Dense(2 * r.near(1, 12), activation=r.one(*names)) for _ in range(r.whole(1, 4))])


@family(steps=(1, 200))
def merges(r):
    kind, units = r.one("Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "Concatenate"), r.near(2, 12)
    make = r.one(lambda: L.Dense(units, activation="tanh"), lambda: L.SimpleRNN(units, return_sequences=True))

    def call(a, b):
        y = getattr(L, kind)()([make()(a), make()(b)])
        if kind == "Concatenate" or r.often(0.7):
            return y
        return L.Dot(axes=2, normalize=r.often(0.5))([y, make()(a)])

    return {"a": In(12, r.near(1, 6)), "b": In(12, r.near(1, 6))}, call


# Loops that are no known layer: where nothing isolates the steps of a loop, one that amplifies rounding without end
# cannot be judged, by its steps nor by its outputs.


class OwnCell(L.Layer):
    """A cell of its user's own: tanh of a normalized sum, or of a plain one behind a gate."""

    def __init__(self, units, norm, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.norm = L.LayerNormalization(epsilon=1e-3) if norm else None

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")
        self.gate_kernel = self.add_weight(shape=(shape[-1], self.units), name="gate_kernel")
        if self.norm:
            self.norm.build((None, self.units))
        self.built = True

    def call(self, x, states):
        z = keras.ops.matmul(x, self.kernel) + keras.ops.matmul(states[0], self.recurrent_kernel)
        h = keras.ops.tanh(self.norm(z) if self.norm else z)
        gate = keras.ops.sigmoid(keras.ops.matmul(x, self.gate_kernel))
        h = gate * h + (1 - gate) * states[0]
        return h, [h]


def own(r, norm):
    after = r.some(0.3, lambda: recurrent(r))
    return {"x": In(None, r.near(1, 5))}, chain(L.RNN(OwnCell(r.near(3, 24), norm), return_sequences=bool(after) or r.often(0.7)), *after)


@family(steps=(1, 60), gain=1.0, loop=True)
def own_cell(r):
    return own(r, False)


@family(steps=(1, 60), gain=1.0, loop=True)
def norm_cell(r):
    return own(r, True)


@family(steps=(1, 60), gain=1.0, loop=True)
def conv_lstm(r):
    kind, sizes = r.one((L.ConvLSTM1D, [5]), (L.ConvLSTM2D, [4, 3]))
    return {"x": In(None, *sizes, r.near(1, 3))}, chain(kind(r.near(1, 4), r.whole(1, 3), padding="same", return_sequences=r.often(0.5)))


# Other types: any of these families


NARROW = (lstm, gru, simplernn, bidirectional, embeddings, transformer, conv1d, conv2d, separable, residual, norms, recurrent_norms)


@family(steps=(24, 60), gain=1.0, policy="mixed_float16")
def mixed_float16(r):
    return r.one(*NARROW)(r)


@family(steps=(24, 60), gain=1.0, policy="mixed_bfloat16")
def mixed_bfloat16(r):
    return r.one(*NARROW)(r)


@family(steps=(24, 60), policy="float64")
def float64(r):
    return r.one(*NARROW, stacked_cells, masked, encoder_decoder, transposed, activations)(r)
