"""The zoo's text in the model: lookups, hashing, encodings, text classifiers, and tables of a module."""

import os
import tempfile

import numpy as np

from zoo import entry, module
from zoo_guides import keras_of
from zoo_inputs import In

VOCABULARY = ["the", "cat", "sat", "on", "mat", "don't", "éa", "x1"]
OTHERS = ["dog", "The", "CAT", "mat.", "sat!", "", "Ünder", "中文", "[UNK]", "a-b"]
KEYS = [3, 7, 11, -2, 2**40]
IDF = [0.5, 0.25, 1.5, 2.0, 0.75, 1.25, 3.0, 0.1]


class Words(In):
    """An input of words, most of them of the vocabulary; several are a text."""

    def __init__(self, *dims, longest=1, known=False, letters=False):
        super().__init__(*dims, dtype="string")
        self.longest, self.known, self.letters = longest, known, letters

    def word(self, rng):
        if self.known or rng.random() < 0.7:
            return VOCABULARY[rng.integers(len(VOCABULARY))]
        return OTHERS[rng.integers(len(OTHERS))]

    def draw(self, rng, sizes):
        shape = tuple(sizes.get(d, d) for d in self.dims)
        n = int(np.prod(shape))
        return np.array([" ".join(self.word(rng) for _ in range(rng.integers(1, self.longest + 1))) for _ in range(n)], dtype=np.str_).reshape(shape)


class Keys(In):
    """An input of integers, most of them keys of a table."""

    def __init__(self, *dims):
        super().__init__(*dims, dtype="int64")

    def draw(self, rng, sizes):
        shape = tuple(sizes.get(d, d) for d in self.dims)
        keys = np.array(KEYS)[rng.integers(0, len(KEYS), shape)]
        return np.where(rng.random(shape) < 0.7, keys, rng.integers(-50, 50, shape))


def vocabulary_file():
    """A file of the vocabulary, which becomes an asset."""
    path = os.path.join(tempfile.mkdtemp(), "words.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(VOCABULARY) + "\n")
    return path


def entries():
    yield from lookups()
    yield from integers()
    yield from vectorizations()
    yield from hashings()
    yield from models()
    yield from modules()


def lookups():
    words, one = {"x": Words("T")}, {"x": Words(1)}
    for name, inputs, options in [
        ("int", words, {}), ("mask", words, {"mask_token": ""}), ("oov3", words, {"num_oov_indices": 3}), ("oov0", {"x": Words("T", known=True)}, {"num_oov_indices": 0}),
        ("one_hot", one, {"output_mode": "one_hot"}), ("multi_hot", words, {"output_mode": "multi_hot"}), ("count", words, {"output_mode": "count", "num_oov_indices": 2}),
        ("tf_idf", words, {"output_mode": "tf_idf", "idf_weights": IDF}), ("padded", words, {"output_mode": "multi_hot", "max_tokens": 13, "pad_to_max_tokens": True}),
    ]:  # fmt: skip
        yield entry(f"text_lookup_{name}", f"StringLookup: {name}.", inputs, lambda k, x, options=options: k.StringLookup(vocabulary=VOCABULARY, **options)(x))
    yield entry("text_lookup_file", "StringLookup of a vocabulary in a file, which is an asset.", words, lambda k, x: k.StringLookup(vocabulary=vocabulary_file())(x))
    yield entry("text_lookup_file_count", "The same, counted.", words, lambda k, x: k.StringLookup(vocabulary=vocabulary_file(), output_mode="count")(x))

    def adapted(k, x):
        layer = k.StringLookup()
        layer.adapt(np.array([VOCABULARY, VOCABULARY[::-1]] + [VOCABULARY[:1] * len(VOCABULARY)]))
        return layer(x)

    yield entry("text_lookup_adapted", "StringLookup adapted to data.", words, adapted)
    yield entry("text_lookup_invert", "StringLookup from numbers to words.", {"x": In("T", kind="ids", dtype="int64", high=11)},
                lambda k, x: k.StringLookup(vocabulary=VOCABULARY, invert=True)(x))  # fmt: skip
    yield entry("text_lookup_file_invert", "The same of a vocabulary in a file.", {"x": In("T", kind="ids", dtype="int64", high=11)},
                lambda k, x: k.StringLookup(vocabulary=vocabulary_file(), invert=True)(x))  # fmt: skip


def integers():
    keys, one = {"x": Keys("T")}, {"x": Keys(1)}
    for name, inputs, options in [
        ("int", keys, {}), ("mask", keys, {"mask_token": 0, "num_oov_indices": 2}), ("one_hot", one, {"output_mode": "one_hot"}), ("multi_hot", keys, {"output_mode": "multi_hot"}),
        ("count", keys, {"output_mode": "count"}), ("tf_idf", keys, {"output_mode": "tf_idf", "idf_weights": IDF[: len(KEYS)]}),
    ]:  # fmt: skip
        yield entry(f"text_integers_{name}", f"IntegerLookup: {name}.", inputs, lambda k, x, options=options: k.IntegerLookup(vocabulary=KEYS, **options)(x))
    yield entry("text_integers_invert", "IntegerLookup from numbers to keys.", {"x": In("T", kind="ids", dtype="int64", high=7)},
                lambda k, x: k.IntegerLookup(vocabulary=[3, 7, 11, -2, 999], invert=True)(x))  # fmt: skip


def vectorizations():
    text = {"x": Words(1, longest=7)}
    pairs = ["the cat", "cat sat", "the mat", "on the"]
    for name, options in [
        ("int", {}), ("length", {"output_sequence_length": 5}), ("lower", {"standardize": "lower"}), ("punctuation", {"standardize": "strip_punctuation"}), ("as_is", {"standardize": None}),
        ("characters", {"split": "character", "vocabulary": list("acehnmost é'中")}), ("whole", {"split": None}), ("ngrams", {"ngrams": 2, "vocabulary": VOCABULARY + pairs}),
        ("ngrams_count", {"ngrams": (1, 3), "output_mode": "count", "vocabulary": VOCABULARY + ["the cat sat"]}), ("multi_hot", {"output_mode": "multi_hot"}), ("count", {"output_mode": "count"}),
        ("tf_idf", {"output_mode": "tf_idf", "idf_weights": IDF}), ("padded", {"output_mode": "multi_hot", "max_tokens": 20, "pad_to_max_tokens": True}),
        ("characters_multi_hot", {"split": "character", "vocabulary": list("acehnmost é'中"), "output_mode": "multi_hot"}),
    ]:  # fmt: skip
        yield entry(f"text_vectorization_{name}", f"TextVectorization: {name}.", {"x": Words(1)} if name == "whole" else text,
                    lambda k, x, options=options: k.TextVectorization(**{"vocabulary": VOCABULARY, **options})(x))  # fmt: skip
    yield entry("text_vectorization_file", "TextVectorization of a vocabulary in a file.", text, lambda k, x: k.TextVectorization(vocabulary=vocabulary_file())(x))

    def adapted(k, x):
        layer = k.TextVectorization(output_mode="tf_idf")
        layer.adapt(np.array([" ".join(VOCABULARY), "the cat", "the mat"]))
        return layer(x)

    yield entry("text_vectorization_adapted", "TextVectorization adapted to data.", text, adapted)


def hashings():
    words = {"x": Words("T")}
    for name, inputs, options in [
        ("int", words, {}), ("mask", words, {"mask_value": ""}), ("salt", words, {"salt": 133}), ("salts", words, {"salt": [133, 137]}), ("integers", {"x": Keys("T")}, {}), ("integers_salt", {"x": Keys("T")}, {"salt": 7}),
        ("one_hot", {"x": Words(1)}, {"output_mode": "one_hot"}), ("multi_hot", words, {"output_mode": "multi_hot"}), ("count", words, {"output_mode": "count"}),
    ]:  # fmt: skip
        yield entry(f"text_hashing_{name}", f"Hashing: {name}.", inputs, lambda k, x, options=options: k.Hashing(num_bins=7, **options)(x))
    pair = {"a": Words(1), "b": Keys(1)}
    for mode in ("int", "one_hot"):
        yield entry(f"text_crossing_{mode}", f"HashedCrossing: {mode}.", pair, lambda k, a, b, mode=mode: k.HashedCrossing(num_bins=9, output_mode=mode)((a, b)))
    for mode in ("one_hot", "multi_hot", "count"):
        ids = {"x": In(1 if mode == "one_hot" else 4, kind="ids", dtype="int64", high=5)}
        yield entry(f"text_encoding_{mode}", f"CategoryEncoding: {mode}.", ids, lambda k, x, mode=mode: k.CategoryEncoding(num_tokens=5, output_mode=mode)(x))
    yield entry("text_encoding_weights", "CategoryEncoding of weighted counts.", {"x": In(4, kind="ids", dtype="int64", high=5), "w": In(4)},
                lambda k, x, w: k.CategoryEncoding(num_tokens=5, output_mode="count")(x, count_weights=w))  # fmt: skip
    for mode in ("int", "one_hot", "count"):
        yield entry(f"text_bins_{mode}", f"Discretization: {mode}.", {"x": In(1 if mode == "one_hot" else 4)},
                    lambda k, x, mode=mode: k.Discretization(bin_boundaries=[-1.0, 0.0, 0.5], output_mode=mode)(x))  # fmt: skip


def models():
    text = {"x": Words(1, longest=9)}

    def classifier(cell, **options):
        def build(k, x):
            y = k.Embedding(11, 4, mask_zero=True)(k.TextVectorization(vocabulary=VOCABULARY, **options)(x))
            return k.Dense(2, activation="softmax")(getattr(k, cell)(5)(y))

        return build

    yield entry("text_classifier_lstm", "A text classifier: vectorization, embedding, LSTM.", text, classifier("LSTM", output_sequence_length=6))
    yield entry("text_classifier_gru", "A text classifier over texts of any length: vectorization, embedding, GRU.", text, classifier("GRU"))
    yield entry("text_classifier_bidirectional", "A text classifier without a mask: vectorization, embedding, two directions.", {"x": Words(longest=9)},
                lambda k, x: k.Dense(1)(k.Bidirectional(k.LSTM(3))(k.Embedding(11, 4)(k.TextVectorization(vocabulary=VOCABULARY, output_sequence_length=6)(x)))))  # fmt: skip
    yield entry("text_classifier_bag", "A text classifier of a bag of words.", text,
                lambda k, x: k.Dense(2, activation="softmax")(k.TextVectorization(vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=IDF)(x)))  # fmt: skip
    yield entry("text_tokens_gru", "Words that are looked up, embedded with a mask, and read by a GRU.", {"x": Words("T")},
                lambda k, x: k.GRU(3)(k.Embedding(11, 3, mask_zero=True)(k.StringLookup(vocabulary=VOCABULARY, mask_token="")(x))))  # fmt: skip

    def labels(k, x):
        import tensorflow as tf

        y = k.Dense(8, activation="softmax")(k.LSTM(4, return_sequences=True)(x))
        if keras_of(k).__name__ == "keras":  # whose own argmax looks at the bits of zeros
            top = k.Lambda(lambda t: tf.argmax(t, -1))(y)
        else:
            top = tf.argmax(y, -1)
        return [y, k.StringLookup(vocabulary=VOCABULARY, invert=True, num_oov_indices=0)(top)]

    yield entry("text_labels", "The name of the likeliest class at each step.", {"x": In("T", 2)}, labels, scale=1.5)


def modules():
    def build(rng):
        import tensorflow as tf

        class Texts(tf.Module):
            def __init__(self):
                self.words = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(VOCABULARY, tf.range(8, dtype=tf.int64) * 3), -1)
                self.buckets = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(vocabulary_file(), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                                                                                            tf.lookup.TextFileIndex.LINE_NUMBER), 4)  # fmt: skip
                self.scores = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, -0.5)
                self.scores.insert(VOCABULARY, tf.constant(rng.normal(size=8), tf.float32))
                self.names = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([3, 7, 11], tf.int64), ["three", "seven", "eleven"]), "none")

            @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x"), tf.TensorSpec([None], tf.int64, name="n")])
            def call(self, x, n):
                clean = tf.strings.strip(tf.strings.regex_replace(tf.strings.lower(x), r"([^\w\s])", r" \1 "))
                parts = tf.strings.split(clean)
                ids = tf.ragged.map_flat_values(self.buckets.lookup, parts)
                return {
                    "ids": ids.to_tensor(-1),
                    "words": parts.to_tensor("<none>"),
                    "first": self.words.lookup(tf.strings.substr(x, 0, 3)),
                    "scores": tf.ragged.map_flat_values(self.scores.lookup, parts).to_tensor(0.0) * 2.0,
                    "joined": tf.strings.join([clean, tf.strings.as_string(tf.strings.length(x, unit="UTF8_CHAR"))], separator="#"),
                    "names": self.names.lookup(n),
                    "size": self.words.size() + self.scores.size(),
                }

        m = Texts()
        return m, {"serving_default": m.call}, []

    yield module("text_module", "Tables of a module: of constants, of a file, of the checkpoint; strings cut and joined.", build, "tf.Module, tf.saved_model.save",
                 {"": ("serving_default", {"x": Words(longest=4), "n": Keys()}), "long": ("serving_default", {"x": Words(longest=12), "n": Keys()})})  # fmt: skip
