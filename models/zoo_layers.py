"""The zoo's other layers: what stands before, between and after the recurrent ones."""

from zoo import entry
from zoo_inputs import In, fixed, ids, seq

# Both Kerases know these by name.
DENSE = ["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "elu", "selu", "softplus", "softsign", "gelu", "swish", "exponential", "softmax"]
DENSE_KERAS3 = ["relu6", "leaky_relu", "mish", "hard_swish", "celu", "glu", "hard_tanh", "log_sigmoid", "log_softmax", "tanh_shrink",
                "soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax"]  # fmt: skip


def plain(kind, *args, **options):
    """A layer of this kind on the input."""
    return lambda k, *x: getattr(k, kind)(*args, **options)(*x)


def merge(kind, **options):
    """A layer that takes all of its inputs as a list."""
    return lambda k, *x: getattr(k, kind)(**options)(list(x))


def entries():
    yield from wrappers()
    yield from embeddings()
    yield from norms()
    yield from merges()
    yield from shapes()
    yield from convolutions()
    yield from pools()
    yield from attentions()
    yield from activations()
    yield from inputs_and_outputs()


def wrappers():
    yield entry("time_distributed_fixed", "TimeDistributed(Dense) over a fixed length.", fixed(6, 3),
                lambda k, x: k.TimeDistributed(k.Dense(2))(k.LSTM(4, return_sequences=True)(x)))  # fmt: skip
    # Keras exports this wrong from 3.14 on: the loop is over the batch.
    yield entry("time_distributed_free", "TimeDistributed(Dense) over an unknown length.", seq(),
                lambda k, x: k.TimeDistributed(k.Dense(2))(k.LSTM(4, return_sequences=True)(x)), wrong=["keras3"])  # fmt: skip
    yield entry("time_distributed_lstm", "TimeDistributed(LSTM): a series of series.", {"x": In(4, 5, 2)},
                lambda k, x: k.LSTM(4)(k.TimeDistributed(k.LSTM(3))(x)))  # fmt: skip
    yield entry("time_distributed_conv", "TimeDistributed(Conv1D) and TimeDistributed(Flatten) into an LSTM.", {"x": In(3, 6, 2)},
                lambda k, x: k.LSTM(4)(k.TimeDistributed(k.Flatten())(k.TimeDistributed(k.Conv1D(3, 2))(x))))  # fmt: skip
    yield entry("dropouts", "Layers that inference leaves out.", seq(), lambda k, x: k.Dense(2)(
        k.SpatialDropout1D(0.3)(k.GaussianNoise(0.5)(k.GaussianDropout(0.3)(k.Dropout(0.4)(k.LSTM(4, return_sequences=True)(x)))))))  # fmt: skip


def embeddings():
    def embed(k, x):
        return k.SimpleRNN(4)(k.Embedding(11, 3)(x))

    yield entry("embedding_int32", "Embedding of int32 tokens.", ids(11), embed)
    yield entry("embedding_int64", "Embedding of int64 tokens.", ids(11, dtype="int64"), embed)
    yield entry("embedding_float", "Embedding of tokens that come as floats, Keras's default.", ids(11, dtype="float32"), embed)


def norms():
    yield entry("layer_norm", "LayerNormalization after an LSTM.", seq(),
                lambda k, x: k.LayerNormalization()(k.LSTM(5, return_sequences=True)(x)))  # fmt: skip
    yield entry("layer_norm_axes", "LayerNormalization over time, without center, without scale.", fixed(6, 3), lambda k, x: [
        k.LayerNormalization(axis=1)(x), k.LayerNormalization(center=False)(x), k.LayerNormalization(scale=False, epsilon=0.1)(x)])  # fmt: skip
    # TensorFlow with oneDNN, its default here, cannot run tf_keras's: its optimizer fuses the graph into a kernel that takes one axis only.
    yield entry("layer_norm_two_axes", "LayerNormalization over time and features together.", fixed(6, 3),
                lambda k, x: k.LayerNormalization(axis=[1, 2])(x), wrong=["tfkeras"])  # fmt: skip
    yield entry("batch_norm", "BatchNormalization before and after an LSTM.", seq(),
                lambda k, x: k.BatchNormalization()(k.LSTM(5, return_sequences=True)(k.BatchNormalization()(x))))  # fmt: skip
    yield entry("batch_norm_axes", "BatchNormalization along time, without center, without scale.", fixed(6, 3), lambda k, x: [
        k.BatchNormalization(axis=1)(x), k.BatchNormalization(center=False)(x), k.BatchNormalization(scale=False, epsilon=0.1)(x)])  # fmt: skip
    yield entry("group_norm", "GroupNormalization and UnitNormalization.", fixed(6, 4),
                lambda k, x: [k.GroupNormalization(groups=2)(x), k.UnitNormalization()(x)])  # fmt: skip
    yield entry("rms_norm", "RMSNormalization.", seq(4), plain("RMSNormalization"), by=["keras3"])
    # Statistics that adapt() finds are constants of the graph as well, whatever the weights say.
    yield entry("normalization", "Normalization with given statistics, and Rescaling.", seq(), lambda k, x: k.LSTM(4)(
        k.Rescaling(0.5, offset=-0.2)(k.Normalization(mean=[0.3, -0.2, 0.1], variance=[0.5, 1.5, 0.8])(x))))  # fmt: skip


def merges():
    two = {"x": In(5, 3), "y": In(5, 3)}
    for kind in ("Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum"):
        yield entry(f"merge_{kind.lower()}", f"{kind} of two SimpleRNNs.", {"x": In("T", 3), "y": In("T", 2)}, lambda k, x, y, kind=kind:
                    getattr(k, kind)()([k.SimpleRNN(4, return_sequences=True)(x), k.SimpleRNN(4, return_sequences=True)(y)]))  # fmt: skip
    yield entry("merge_concatenate", "Concatenate along features and along time.", two,
                lambda k, x, y: [k.Concatenate()([x, y, x]), k.Concatenate(axis=1)([x, y])])  # fmt: skip
    yield entry("merge_three", "Add, Multiply, Average and Maximum of three, broadcast.", {**two, "z": In(1, 3)},
                lambda k, *x: [getattr(k, kind)()(list(x)) for kind in ("Add", "Multiply", "Average", "Maximum")])  # fmt: skip
    yield entry("merge_dot", "Dot along features and along time.", {"x": In(5, 3), "y": In(4, 3)},
                lambda k, x, y: [k.Dot(axes=2)([x, y]), k.Dot(axes=(2, 2), normalize=True)([x, y])])  # fmt: skip


def shapes():
    yield entry("shape_reshape", "Reshape with a given and with an inferred dimension.", fixed(6, 4), lambda k, x: [
        k.Reshape((3, 8))(x), k.Reshape((-1, 2))(x), k.Reshape((24,))(x), k.LSTM(3)(k.Reshape((12, 2))(x))])  # fmt: skip
    yield entry("shape_permute", "Permute: an LSTM over the features.", fixed(5, 3), lambda k, x: k.LSTM(4)(k.Permute((2, 1))(x)))
    yield entry("shape_repeat", "RepeatVector between two LSTMs.", seq(),
                lambda k, x: k.LSTM(3, return_sequences=True)(k.RepeatVector(5)(k.LSTM(4)(x))))  # fmt: skip
    yield entry("shape_flatten", "Flatten of an LSTM's outputs.", fixed(5, 3), lambda k, x: k.Dense(2)(k.Flatten()(k.LSTM(4, return_sequences=True)(x))))
    yield entry("shape_crop_pad", "Cropping1D, ZeroPadding1D, UpSampling1D.", seq(2), lambda k, x: [
        k.Cropping1D((1, 2))(x), k.ZeroPadding1D((2, 1))(x), k.UpSampling1D(3)(x)], shortest=5)  # fmt: skip


def convolutions():
    yield entry("conv_valid", "Conv1D, valid, into an LSTM.", seq(), lambda k, x: k.LSTM(4)(k.Conv1D(5, 3, activation="relu")(x)), shortest=4)
    yield entry("conv_same", "Conv1D, same, kernels of odd and of even length.", seq(),
                lambda k, x: [k.Conv1D(5, 3, padding="same")(x), k.Conv1D(4, 2, padding="same")(x),
                              k.Conv1D(4, 4, padding="same", use_bias=False)(x)])  # fmt: skip
    yield entry("conv_causal", "Conv1D, causal, with and without dilation.", seq(),
                lambda k, x: [k.Conv1D(5, 3, padding="causal")(x), k.Conv1D(4, 2, padding="causal", dilation_rate=2)(x)])  # fmt: skip
    yield entry("conv_strides", "Conv1D with strides, every padding.", seq(), lambda k, x: [
        k.Conv1D(5, 3, strides=2)(x), k.Conv1D(4, 3, strides=2, padding="same")(x), k.Conv1D(4, 2, strides=3, padding="causal")(x)], shortest=5)  # fmt: skip
    yield entry("conv_dilation", "Conv1D with dilation, valid and same.", seq(),
                lambda k, x: [k.Conv1D(5, 3, dilation_rate=2)(x), k.Conv1D(4, 2, dilation_rate=3, padding="same")(x)], shortest=6)  # fmt: skip
    yield entry("conv_groups", "Conv1D in two groups.", seq(4), lambda k, x: k.Conv1D(6, 3, groups=2, padding="same")(x))
    yield entry("conv_separable", "SeparableConv1D and DepthwiseConv1D.", seq(), lambda k, x: [
        k.SeparableConv1D(5, 3, padding="same", depth_multiplier=2)(x), k.DepthwiseConv1D(3, padding="same")(x)])  # fmt: skip
    yield entry("conv_transpose", "Conv1DTranspose, same and valid.", fixed(5, 3),
                lambda k, x: [k.Conv1DTranspose(4, 3, strides=2, padding="same")(x), k.Conv1DTranspose(2, 2)(x)])  # fmt: skip
    yield entry("conv_channels_first", "Conv1D after Permute, then BatchNormalization.", fixed(6, 3), lambda k, x:
                k.BatchNormalization()(k.Conv1D(4, 2, use_bias=False)(k.Permute((2, 1))(x))))  # fmt: skip


def pools():
    for kind in ("Max", "Average"):
        yield entry(f"pool_{kind.lower()}", f"{kind}Pooling1D: valid, same, strides, into an LSTM.", seq(), lambda k, x, kind=kind: [
            getattr(k, kind + "Pooling1D")(2)(x), getattr(k, kind + "Pooling1D")(3, strides=2, padding="same")(x),
            getattr(k, kind + "Pooling1D")(3, strides=1)(x), k.LSTM(4)(getattr(k, kind + "Pooling1D")(2)(x))], shortest=4)  # fmt: skip
        yield entry(f"pool_global_{kind.lower()}", f"Global{kind}Pooling1D, also with keepdims.", seq(), lambda k, x, kind=kind: [
            getattr(k, f"Global{kind}Pooling1D")()(k.LSTM(4, return_sequences=True)(x)), getattr(k, f"Global{kind}Pooling1D")(keepdims=True)(x)])  # fmt: skip


def attentions():
    pair = {"q": In("S", 4), "v": In("T", 4)}
    yield entry("attention_dot", "Attention: query, value.", pair, merge("Attention"))
    yield entry("attention_scale", "Attention: query, value, key, with a scale.", {**pair, "key": In("T", 4)}, merge("Attention", use_scale=True))
    yield entry("attention_concat", "Attention with the score concat.", pair, merge("Attention", score_mode="concat"))
    yield entry("attention_causal", "Attention with a causal mask.", {"q": In("T", 4), "v": In("T", 4)},
                lambda k, q, v: k.Attention()([q, v], use_causal_mask=True))  # fmt: skip
    yield entry("attention_scores", "Attention with its scores.", pair, lambda k, q, v: list(k.Attention()([q, v], return_attention_scores=True)))
    masked = {"q": In("S", 4), "t": In("T", kind="ids_masked", dtype="int32", high=9)}
    yield entry("attention_masked", "Attention over an embedding whose padding is masked.", masked,
                lambda k, q, t: k.Attention()([q, k.Embedding(9, 4, mask_zero=True)(t)]))  # fmt: skip
    yield entry("additive_attention", "AdditiveAttention, with and without a scale.", pair,
                lambda k, q, v: [k.AdditiveAttention()([q, v]), k.AdditiveAttention(use_scale=False)([q, v])])  # fmt: skip
    yield entry("mha_self", "MultiHeadAttention on itself.", seq(4), lambda k, x: k.MultiHeadAttention(2, 3)(x, x))
    yield entry("mha_cross", "MultiHeadAttention across, value_dim, output_shape, with its scores.", {"q": In("S", 4), "v": In("T", 3)},
                lambda k, q, v: list(k.MultiHeadAttention(2, 3, value_dim=5, output_shape=6)(q, v, return_attention_scores=True)))  # fmt: skip
    yield entry("mha_causal", "MultiHeadAttention, causal, no bias.", seq(4),
                lambda k, x: k.MultiHeadAttention(3, 2, use_bias=False)(x, x, use_causal_mask=True))  # fmt: skip
    yield entry("mha_mask", "MultiHeadAttention with a mask that is an input.", {**seq(4), "m": In("T", kind="padded", dtype="bool")},
                lambda k, x, m: k.MultiHeadAttention(2, 3)(x, x, attention_mask=k.Reshape((1, -1))(m)))  # fmt: skip
    yield entry("grouped_query", "GroupQueryAttention.", seq(4), lambda k, x: k.GroupQueryAttention(3, 4, 2)(x, x), by=["keras3"])


def activations():
    def dense(names):
        return lambda k, x: [k.Dense(4, activation=a)(x) for a in names]

    x = {"x": In(5)}
    yield entry("dense_activations", "A Dense of every activation.", x, dense(DENSE))
    yield entry("dense_activations_rare", "A Dense of every activation that only Keras 3 has.", x, dense(DENSE_KERAS3), by=["keras3"])
    yield entry("activation_layers", "LeakyReLU, ELU, PReLU, ReLU with every option, Activation.", fixed(6, 3), lambda k, x: [
        k.LeakyReLU()(x), k.ELU(0.7)(x), k.PReLU()(x), k.PReLU(shared_axes=[1])(x), k.ReLU()(x),
        k.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2)(x), k.Activation("tanh")(x)])  # fmt: skip
    yield entry("softmax_layer", "Softmax along features and along time.", seq(), lambda k, x: [k.Softmax()(x), k.Softmax(axis=1)(x)])
    yield entry("softmax_masked", "Softmax with a mask that is an input.", {**seq(3), "m": In("T", 3, kind="kept_all", dtype="bool")},
                lambda k, x, m: k.Softmax()(x, mask=m))  # fmt: skip


def inputs_and_outputs():
    many = {"z_float": In("T", 3), "a_tokens": In("S", kind="ids", dtype="int32", high=7), "m_flag": In(2)}

    def several(k, x, t, flag):
        h = k.Concatenate()([k.LSTM(4)(x), k.GRU(3)(k.Embedding(7, 3)(t)), flag])
        return [k.Dense(2, name="second")(h), k.Dense(3, activation="softmax", name="first")(h), k.LSTM(4, return_sequences=True, name="all")(x)]

    yield entry("several_inputs_outputs", "Three inputs of three kinds, out of order, and three outputs.", many, several)

    def named(k, x):
        h = k.LSTM(4)(x)
        return {"zeta": k.Dense(2)(h), "alpha": k.Dense(3)(h)}

    yield entry("dict_outputs", "Outputs that are a dict.", seq(), named)
    yield entry("input_as_output", "An output that is an input, and one that is returned twice.", seq(), twice)
    yield entry("int64_inputs", "Two int64 inputs, added, into an Embedding.",
                {n: In("T", kind="ids", dtype="int64", high=5) for n in ("a", "b")}, lambda k, a, b: k.LSTM(3)(k.Embedding(9, 3)(k.Add()([a, b]))))  # fmt: skip
    yield entry("operators", "Python's operators on symbolic tensors.", seq(),
                lambda k, x: [x[:, -1], x[:, ::2] * 2.0 + 1.0, (1.0 - x) / (x * x + 2.0), -k.LSTM(4, return_sequences=True)(x)[:, 0, 1:3]])  # fmt: skip


def twice(k, x):
    y = k.LSTM(3)(x)
    return [y, k.Dense(2)(y), y]
