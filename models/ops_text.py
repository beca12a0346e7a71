"""Runs the operations on strings and on rows of different lengths in TensorFlow's own kernels, and writes the cases down.

    python ops_text.py DIR
"""

import sys

import numpy as np
import tensorflow as tf

from ops_cases import Cases
from ops_tensors import DTYPES, i32, i64, ints, make

rng = np.random.default_rng(20261130)

ASCII = [bytes([c]) for c in range(1, 128)]
WORDS = [b"the", b"cat", b"SAT", b"on", b"The", b"mat.", b"don't", b"x1", b"", b" ", b"  ", b"\t", b"\n", b"a_b", b"99", b"[UNK]"]
LETTERS = [c.encode() for c in "éÉßﬁΣσςαΩЖжİıǅ中文語한ñ😀𐐨𐐀e\u0301ʼnﷺ\u200d\u00a0\u2003’"]
BROKEN = [b"\xff", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x98", b"\x80\x80", b"\xc0\xaf", b"\xfe", b"\xe2\x28\xa1", b"\xf5\x80"]
LONG = [b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\xaf"]  # RE2 takes them for characters
BOM = [b"\xef\xbb\xbf"]


def drawn(parts, n, most=8):
    """n strings of up to some parts each; none ends in a zero byte, which numpy drops."""
    return np.array([b"".join(parts[i] for i in rng.integers(0, len(parts), rng.integers(0, most))) for _ in range(n)], dtype=object)


PLAIN = drawn(WORDS, 40)
SIGNS = drawn(ASCII, 60, 20)
TEXTS = drawn(WORDS + LETTERS, 80)
ODD = drawn(WORDS + LETTERS + BROKEN + BOM, 120)
WILD = drawn(WORDS + LETTERS + BROKEN + LONG, 120)
ALL = {"plain": PLAIN, "signs": SIGNS, "texts": TEXTS, "odd": ODD, "wild": WILD}
SHAPED = {"scalar": (), "empty": (0,), "one": (1,), "matrix": (2, 3), "no columns": (2, 0), "rank 4": (1, 2, 1, 3)}


def texts(shape, parts=WORDS + LETTERS):
    return drawn(parts, int(np.prod(shape))).reshape(shape)


def cases(c):
    """Changes of each string."""
    for op in ("StringLower", "StringUpper"):
        for name, x in ALL.items():
            c.add(f"{op}/{name}", op, [x])
            c.add(f"{op}/{name}/utf-8", op, [x], encoding="utf-8")
        for name, s in SHAPED.items():
            c.add(f"{op}/{name}", op, [texts(s)])
        every = [chr(i) for i in range(1, 0x20000) if not 0xD800 <= i < 0xE000 and (chr(i).lower() != chr(i) or chr(i).upper() != chr(i))]
        for i in range(0, len(every), 700):
            c.add(f"{op}/letters/{i}", op, [np.array([x.encode() for x in every[i : i + 700]], dtype=object)], encoding="utf-8")
        sigmas = ["ΑΣ", "ΣΑ", "ΑΣΑ", "Σ", " Σ", "ΑΣ.", "ΑΣ.Α", "Α.Σ", "Α'Σ'", "1Σ", "Α1Σ", "ΑΣ\u0301", "Α\u0301Σ", "ΑΣ ΑΣ", "ΑΣΣ", "ªΣ", "ʰΣ", "ΑΣʰ", "ΑΣ·", "A\u00adΣ\u00ad"]
        c.add(f"{op}/sigma", op, [np.array([x.encode() for x in sigmas], dtype=object)], encoding="utf-8")
    for name, x in ALL.items():
        c.add(f"StringStrip/{name}", "StringStrip", [x])
        for unit in ("BYTE", "UTF8_CHAR"):
            c.add(f"StringLength/{name}/{unit}", "StringLength", [x], unit=unit)
    for name, s in SHAPED.items():
        c.add(f"StringStrip/{name}", "StringStrip", [texts(s)])
        c.add(f"StringLength/{name}", "StringLength", [texts(s)])


PUNCTUATION = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'
PATTERNS = [
    PUNCTUATION, "", "a", "[^a]", ".", r"\s+", r"\w+", r"\b", r"(?i)the", r"(?s).", "^", "$", r"(?m)^", r"(?m)$", r"\pL+", r"\p{Greek}", r"[[:alpha:]]+", "a*", "a|ab",
    "(?P<x>.)(a?)", r"\d{2,}", "(a|b)*", "(|a)*", "[α-ω]", r"\x{4e2d}", r"(?i)σ", r"[^\x00-\x7f]", "é", r"\S", "(t)(h)(e)", r"\Qa.b\E", r"\z", r"\A", "(?U)a+", "[^[:ascii:]]+",
]  # fmt: skip


def regexes(c):
    for p in PATTERNS:
        for name in ("plain", "texts", "odd"):
            c.add(f"StaticRegexReplace/{p}/{name}", "StaticRegexReplace", [ALL[name]], pattern=p, rewrite=r"<\0>")
            c.add(f"StaticRegexFullMatch/{p}/{name}", "StaticRegexFullMatch", [ALL[name]], pattern=p)
        c.add(f"StaticRegexReplace/{p}/first", "StaticRegexReplace", [TEXTS], pattern=p, rewrite="-", replace_global=False)
        c.add(f"RegexReplace/{p}", "RegexReplace", [TEXTS, np.array(p), np.array("[")])
        c.add(f"RegexFullMatch/{p}", "RegexFullMatch", [TEXTS, np.array(p)])
    for p in (r"\B", r"\b"):
        c.add(f"StaticRegexReplace/{p}/signs", "StaticRegexReplace", [SIGNS], pattern=p, rewrite="|")
    for rewrite in (r"\2\1", r"\1", r"\\", r"\0\0", r"\3", r"\9", "", "é", r"$1 \\1"):
        c.add(f"StaticRegexReplace/rewrite/{rewrite}", "StaticRegexReplace", [TEXTS], pattern="(t)(h)?", rewrite=rewrite)
        c.add(f"RegexReplace/rewrite/{rewrite}", "RegexReplace", [TEXTS, np.array("(t)(h)?"), np.array(rewrite)])
    for p in ("(", "[a", "*", r"a{2,1}", "(?<", r"\8", "(?=a)", r"(a)\1", "a**", r"\pX", "(?i", "[z-a]"):
        c.add(f"RegexReplace/wrong/{p}", "RegexReplace", [PLAIN, np.array(p), np.array("")])
        c.add(f"RegexFullMatch/wrong/{p}", "RegexFullMatch", [PLAIN, np.array(p)])
    for name, s in SHAPED.items():
        c.add(f"StaticRegexReplace/{name}", "StaticRegexReplace", [texts(s)], pattern="[aeé]", rewrite="")
        c.add(f"StaticRegexFullMatch/{name}", "StaticRegexFullMatch", [texts(s)], pattern="[a-z]*")
    c.add("RegexReplace/patterns", "RegexReplace", [PLAIN, np.array(["a", "b"]), np.array("")])


def splits(c):
    for name, x in ALL.items():
        for sep in ("", " ", "a", "at", "é", "  "):
            for most in (-1, 0, 1, 2):
                c.add(f"StringSplitV2/{name}/{sep}/{most}", "StringSplitV2", [x, np.array(sep)], maxsplit=most)
        for sep in ("", " ", " a", "t"):
            for skip in (True, False):
                c.add(f"StringSplit/{name}/{sep}/{skip}", "StringSplit", [x, np.array(sep)], skip_empty=skip)
    for name, x in [("none", texts((0,))), ("empty", np.array([b"", b""], dtype=object)), ("spaces", np.array([b" ", b"\t\n\x0b\x0c\r", b"a\x0bb\x0cc"], dtype=object))]:
        c.add(f"StringSplitV2/{name}", "StringSplitV2", [x, np.array("")])
        c.add(f"StringSplitV2/{name}/x", "StringSplitV2", [x, np.array("x")])
        c.add(f"StringSplit/{name}", "StringSplit", [x, np.array(" ")])
    c.add("StringSplitV2/matrix", "StringSplitV2", [texts((2, 2)), np.array("")])
    c.add("StringSplitV2/separators", "StringSplitV2", [PLAIN, np.array(["a"])])


def joins(c):
    for sep in ("", ",", "é"):
        c.add(f"StringJoin/{sep}", "StringJoin", [[TEXTS, TEXTS[::-1].copy(), np.array("x")]], separator=sep)
        c.add(f"StringJoin/scalars/{sep}", "StringJoin", [[np.array("a"), np.array("b")]], separator=sep)
        c.add(f"StringJoin/matrices/{sep}", "StringJoin", [[texts((2, 3)), np.array("-"), texts((2, 3))]], separator=sep)
        for axes in ([], [0], [1], [2], [-1], [0, 1], [1, 0], [0, 1, 2], [2, 0], [-3], [1, -2], [3], [-4]):
            for keep in (False, True):
                c.add(f"ReduceJoin/{sep}/{axes}/{keep}", "ReduceJoin", [texts((2, 3, 2)), ints(axes, np.int32)], keep_dims=keep, separator=sep)
    c.add("StringJoin/one", "StringJoin", [[TEXTS]])
    c.add("StringJoin/different", "StringJoin", [[texts((2,)), texts((3,))]])
    c.add("StringJoin/ranks", "StringJoin", [[texts((2,)), texts((1, 2))]])
    for s, axes in [((0, 2), [0]), ((0, 2), [1]), ((2, 0), [1]), ((2, 0), [0]), ((), []), ((0,), [0]), ((3,), [0])]:
        c.add(f"ReduceJoin/{s}/{axes}", "ReduceJoin", [texts(s), ints(axes, np.int32)], separator="+")
    c.add("ReduceJoin/scalar axis", "ReduceJoin", [texts((2, 3)), np.int32(1)])
    c.add("ReduceJoin/scalar of nothing", "ReduceJoin", [texts(()), np.int32(0)])


def parts(c):
    for unit in ("BYTE", "UTF8_CHAR"):
        for at, n in [(0, 2), (1, 3), (-1, 1), (-2, 5), (0, 0), (0, 100), (0, -1), (0, -5)]:
            for kind in (np.int32, np.int64):
                c.add(f"Substr/{unit}/{at}/{n}/{kind.__name__}", "Substr", [np.array([b"hello", b"ab\xc3\xa9\xe4\xb8\xad", b"\xff\x80abc"], dtype=object), kind(at), kind(n)], unit=unit)
        for at, n in [(3, 1), (-3, 1), (2, 2), (-2, -1), (-2, 0), (4, 0), (5, 1)]:
            c.add(f"Substr/{unit}/short/{at}/{n}", "Substr", [np.array([b"abc", b"\xc3\xa9\xe4\xb8\xad"], dtype=object), np.int32(at), np.int32(n)], unit=unit)
        x = np.array([[b"hello", b"world", b"abc\xc3\xa9"], [b"wxyz", b"\xe4\xb8\xad\xe4\xb8\xad", b"12345"]], dtype=object)
        c.add(f"Substr/{unit}/each", "Substr", [x, i32([0, 1, -1], [2, 0, 3]), i32([1, 2, 1], [2, 9, 0])], unit=unit)
        c.add(f"Substr/{unit}/columns", "Substr", [x, i32(0, 1, 2), i32(1, 1, 2)], unit=unit)
        c.add(f"Substr/{unit}/rows", "Substr", [x, i32([1], [0]), i32([1], [2])], unit=unit)
        c.add(f"Substr/{unit}/texts repeated", "Substr", [np.array(b"hello", dtype=object), i32(0, 1, 2), i32(1, 1, 2)], unit=unit)
        c.add(f"Substr/{unit}/row repeated", "Substr", [np.array([b"hello"], dtype=object), i32(0, 1, 2), i32(1, 1, 2)], unit=unit)
        c.add(f"Substr/{unit}/misfit", "Substr", [x, i32(0, 1), i32(1, 1)], unit=unit)
    c.add("Substr/shapes", "Substr", [texts((3,)), i32(0, 0, 0), np.int32(1)])
    c.add("Substr/nothing", "Substr", [texts((0,)), np.int32(0), np.int32(1)])
    c.add("Substr/no positions", "Substr", [texts((3,)), i32(), i32()])
    c.add("Substr/no positions of nothing", "Substr", [texts((0,)), i32(), i32()])


def hashes(c):
    lengths = [bytes(rng.integers(1, 256, n, dtype=np.uint8)) for n in [*range(1, 140), 191, 192, 193, 255, 256, 257, 1000, 4097]]
    x = np.array([b"", *lengths], dtype=object)
    for n in (1, 2, 3, 7, 1000, 2**31, 2**63 - 1):
        c.add(f"StringToHashBucketFast/{n}", "StringToHashBucketFast", [x], num_buckets=n)
        c.add(f"StringToHashBucket/{n}", "StringToHashBucket", [x], num_buckets=n)
        for key in ([0, 0], [133, 137], [-1, 2**62]):
            c.add(f"StringToHashBucketStrong/{n}/{key}", "StringToHashBucketStrong", [x], num_buckets=n, key=key)
    def cross(*features, buckets=17, key=0xDECAFCAFFE):
        return {"indices": [], "values": [], "shapes": [], "dense_inputs": list(features), "hashed_output": True, "num_buckets": buckets, "hash_key": key, "out_type": tf.int64,
                "internal_type": tf.int64 if any(x.dtype == tf.int64 for x in features) else tf.string}  # fmt: skip

    a, b = texts((3, 2)), i64([1, -2, 3], [4, 5, 2**40], [0, 7, 8])
    for buckets, key in [(17, 0xDECAFCAFFE), (0, 1), (2**40, 0), (1, 5)]:
        c.graph(f"SparseCross/{buckets}/{key}", lambda xs, buckets=buckets, key=key: list(tf.raw_ops.SparseCross(**cross(*xs, buckets=buckets, key=key))), [a, b, texts((3, 1))])
    c.graph("SparseCross/one", lambda xs: list(tf.raw_ops.SparseCross(**cross(*xs))), [b])
    c.graph("SparseCross/strings", lambda xs: list(tf.raw_ops.SparseCross(**cross(*xs))), [a, texts((3, 3))])
    c.graph("SparseCross/nothing", lambda xs: list(tf.raw_ops.SparseCross(**cross(*xs))), [texts((0, 2)), i64().reshape(0, 1)])
    c.graph("SparseCross/rows", lambda xs: list(tf.raw_ops.SparseCross(**cross(*xs))), [texts((3, 1)), i64([1], [2])])
    for name, s in SHAPED.items():
        c.add(f"StringToHashBucketFast/{name}", "StringToHashBucketFast", [texts(s)], num_buckets=11)


def ended(c, name, build, *inputs):
    """A case whose strings may end in zero bytes, which numpy drops: a bar follows them."""
    c.graph(name, lambda xs: tf.raw_ops.StringJoin(inputs=[build(*xs[:-1]), xs[-1]]), [*inputs, np.array("|")])


def unicode(c):
    for name in ("texts", "odd", "wild"):
        x = ALL[name]
        for errors in ("replace", "ignore", "strict"):
            for controls in (False, True):
                for op in ("UnicodeDecode", "UnicodeDecodeWithOffsets"):
                    c.add(f"{op}/{name}/{errors}/{controls}", op, [x], input_encoding="UTF-8", errors=errors, replace_control_characters=controls)
                for to in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):  # with an end, since numpy drops zero bytes
                    how = {"input_encoding": "UTF-8", "output_encoding": to, "errors": errors, "replace_control_characters": controls}
                    ended(c, f"UnicodeTranscode/{name}/{errors}/{controls}/{to}", lambda x, how=how: tf.raw_ops.UnicodeTranscode(input=x, **how), x)
        c.add(f"UnicodeDecode/{name}/replacement", "UnicodeDecode", [x], input_encoding="utf8", replacement_char=63, Tsplits=tf.int32)
        c.add(f"UnicodeDecodeWithOffsets/{name}/replacement", "UnicodeDecodeWithOffsets", [x], input_encoding="UTF8", replacement_char=0x1F600)
    every = np.array([bytes([a, b]) + tail for a in [0x41, 0x80, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF] for b in [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xE1]
                      for tail in (b"", b"\x80", b"A", b"\x80\x80", b"\x80A", b"\x80\x80\x80")], dtype=object)  # fmt: skip
    c.add("UnicodeDecodeWithOffsets/bytes", "UnicodeDecodeWithOffsets", [every], input_encoding="UTF-8")
    c.add("UnicodeTranscode/bytes", "UnicodeTranscode", [every], input_encoding="UTF-8", output_encoding="UTF-8")
    for name, s in SHAPED.items():
        c.add(f"UnicodeDecode/{name}", "UnicodeDecode", [texts(s)], input_encoding="UTF-8")
        c.add(f"UnicodeTranscode/{name}", "UnicodeTranscode", [texts(s)], input_encoding="UTF-8", output_encoding="UTF-8")
    sound = np.array([97, 0xE9, 0x4E2D, 0x1F600, 0x301, 98, 0xFFFD, 0x10FFFF], np.int32)
    halves = np.array([0xD83D, 97, 0xD83D, 0xDE00, 0xDE00, 0xD83D], np.int32)
    beyond = np.array([97, 0x110000, -1, 98, 2147483647], np.int32)
    for to in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
        for kind in (np.int32, np.int64):
            ended(c, f"UnicodeEncode/{to}/{kind.__name__}", lambda x, y, to=to: tf.raw_ops.UnicodeEncode(input_values=x, input_splits=y, output_encoding=to), sound, ints([0, 3, 3, 5, 8], kind))
        for errors in ("replace", "ignore", "strict"):
            ended(c, f"UnicodeEncode/{to}/beyond/{errors}", lambda x, y, to=to, errors=errors: tf.raw_ops.UnicodeEncode(input_values=x, input_splits=y, output_encoding=to, errors=errors), beyond, i64(0, 2, 5))
            ended(c, f"UnicodeEncode/{to}/halves/{errors}", lambda x, y, to=to, errors=errors: tf.raw_ops.UnicodeEncode(input_values=x, input_splits=y, output_encoding=to, errors=errors), halves, i64(0, 2, 4, 6))
    c.add("UnicodeEncode/nothing", "UnicodeEncode", [i32(), i64(0)], output_encoding="UTF-8")
    c.add("UnicodeEncode/empty rows", "UnicodeEncode", [i32(), i64(0, 0, 0)], output_encoding="UTF-8")


def ngrams(c):
    data, ends = texts((9,), WORDS[:8]), i64(0, 3, 3, 4, 9)
    for widths in ([1], [2], [1, 2], [3, 1], [5], [2, 4, 6]):
        for left, right, width in [("", "", 0), ("<", ">", -1), ("<", ">", 1), ("l", "", 2), ("", "", -1), ("<", ">", 9)]:
            for short in (False, True):
                c.add(f"StringNGrams/{widths}/{left}{right}{width}/{short}", "StringNGrams", [data, ends], separator="|", ngram_widths=widths, left_pad=left, right_pad=right, pad_width=width,
                      preserve_short_sequences=short)  # fmt: skip
    plain = {"separator": " ", "ngram_widths": [2], "left_pad": "", "right_pad": "", "pad_width": 0, "preserve_short_sequences": False}
    c.add("StringNGrams/int32", "StringNGrams", [data, i32(0, 4, 9)], **plain)
    for name, splits in [("short", i64(0, 3)), ("beyond", i64(0, 12)), ("falling", i64(0, 5, 3, 9)), ("late", i64(1, 9)), ("negative", i64(-1, 9)), ("none", i64()), ("zero", i64(0))]:
        c.add(f"StringNGrams/{name}", "StringNGrams", [data, splits], **plain)
        c.add(f"StringNGrams/{name} of nothing", "StringNGrams", [texts((0,)), splits], **plain)
    c.add("StringNGrams/nothing", "StringNGrams", [texts((0,)), i64(0, 0, 0)], **plain)


def numbers(c):
    for s in ["0", "1", "-1", "+1", " 12 ", "12 3", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808", "0x10", "1e3", "", " ", "-", "007", "1_0", "１", "\t5\n"]:
        for to in (tf.int32, tf.int64):
            c.add(f"StringToNumber/{to.name}/{s!r}", "StringToNumber", [np.array([s])], out_type=to)
    for s in ["0", "-0", "1.5", "+1.5", " 2.25 ", "1e10", "1E-5", "inf", "-inf", "nan", "NaN", "INF", "infinity", "1e40", "-1e40", "1e-50", "0.1", "3.4028235e38", "1.", ".5", ".", "", " ", "1 2", "1e", "e5", "1,5", "--1", "1_0",
              "16777217", "0.30000001192092896", "123456789012345678901234567890"]:  # fmt: skip
        for to in (tf.float32, tf.float64):
            c.add(f"StringToNumber/{to.name}/{s!r}", "StringToNumber", [np.array([s])], out_type=to)
    whole = np.array([0, 1, -1, 42, -2147483648, 2147483647])
    for kind in (np.int32, np.int64):
        c.add(f"AsString/{kind.__name__}", "AsString", [whole.astype(kind)])
        for width, fill in [(5, ""), (5, "0"), (5, "-"), (5, "+"), (5, " "), (0, "0"), (1, "+")]:
            c.add(f"AsString/{kind.__name__}/{width}{fill}", "AsString", [whole.astype(kind)], width=width, fill=fill)
    c.add("AsString/bool", "AsString", [np.array([True, False])])
    reals = np.array([0, -0.0, 1, -1.5, 0.1, 1e-5, 123456.789, 1e10, 1e-30, np.inf, -np.inf, np.nan, 3.0e38, 2.5, 100000, 1000000])
    for kind in (np.float32, np.float64):
        for how in ({}, {"precision": 2}, {"precision": 0}, {"scientific": True}, {"scientific": True, "precision": 3}, {"shortest": True}, {"shortest": True, "precision": 3}, {"shortest": True, "precision": 0},
                    {"width": 12}, {"width": 12, "fill": "0"}, {"width": 12, "fill": "-"}, {"width": 12, "fill": "+", "precision": 1}, {"width": 12, "fill": " "}):  # fmt: skip
            c.add(f"AsString/{kind.__name__}/{how}", "AsString", [reals.astype(kind)], **how)


def formats(c):
    for name, x in [("ints", np.arange(7)), ("int32", i32(3, -4)), ("bools", np.array([True, False])), ("strings", np.array([b"a", b'q"\'\\\n\t\x01', "é".encode()], dtype=object)), ("matrix", np.arange(12).reshape(3, 4)),
                    ("rank 3", np.arange(24).reshape(2, 3, 4)), ("nothing", i64()), ("scalar", np.int64(5)), ("text", np.array("word")), ("many", np.arange(100).reshape(10, 10)), ("no rows", np.zeros((0, 2), np.int64)),
                    ]:  # fmt: skip
        for most in (3, 1, -1, 2):
            c.add(f"StringFormat/{name}/{most}", "StringFormat", [[x]], template="found {} here", placeholder="{}", summarize=most)
    c.add("StringFormat/two", "StringFormat", [[np.int64(5), np.array(["a", "b"])]], template="%s and %s")
    c.add("StringFormat/no places", "StringFormat", [[np.int64(5)]], template="nothing")


def tables(c):
    words = np.array([b"the", b"cat", b"", b"sat", "é".encode(), b"\xff"], dtype=object)
    asked = np.array([[b"cat", b"dog", b""], [b"\xff", b"The", "é".encode()]], dtype=object)
    numbers = np.array([3, -7, 2**40, 0, 11, 5])
    for kind in (np.int64, np.int32, np.float32, np.float64, "string"):
        if kind in (np.int64, np.int32, "string"):
            values = words[::-1].copy() if kind == "string" else (np.arange(6) * 3 - 4).astype(kind)
            absent = np.array("none") if kind == "string" else kind(-1)
            if kind != "string":
                c.table(f"LookupTableFindV2/string/{np.dtype(kind).name}", words, values, asked, absent)
            c.table(f"LookupTableFindV2/int64/{kind if kind == 'string' else np.dtype(kind).name}", numbers, values, i64([5, 4], [2**40, 3]), absent)
        else:
            c.table(f"LookupTableFindV2/int64/{np.dtype(kind).name}", numbers, np.arange(6).astype(kind) / 7, i64(5, 4, 3), kind(-0.5))
    c.table("LookupTableFindV2/nothing", words, np.arange(6), texts((0,)), np.int64(-1))
    c.table("LookupTableFindV2/scalar", words, np.arange(6), np.array(b"cat", dtype=object), np.int64(-1))
    c.table("LookupTableSizeV2", words, np.arange(6))
    c.table("LookupTableFindV2/default of rank 1", words, np.arange(6), asked, i64(-1))


def ragged(c):
    split, ids, size = "ROW_SPLITS", "VALUE_ROWIDS", "FIRST_DIM_SIZE"
    for dtype in DTYPES:
        zero = np.array("?" if dtype == "string" else 0, DTYPES[dtype]) if dtype != "string" else np.array("?")
        c.add(f"RaggedTensorToTensor/type/{dtype}", "RaggedTensorToTensor", [i64(-1, -1), make(dtype, 6), zero, [i64(0, 2, 2, 6)]], row_partition_types=[split])
    x = make("float32", 7)
    for kind in (np.int32, np.int64):
        for shape in ([-1, -1], [3, -1], [-1, 2], [2, 5], [5, 2], [-1, 0], [0, -1], -1, [3, -1, -1], [-1]):
            for name, rows, types in [("splits", [ints([0, 3, 3, 7], kind)], [split]), ("ids", [kind(4), ints([0, 0, 0, 2, 2, 2, 3], kind)], [size, ids])]:
                c.add(f"RaggedTensorToTensor/{name}/{shape}/{kind.__name__}", "RaggedTensorToTensor", [ints(shape, np.int64), x, np.float32(-1), rows], row_partition_types=types)
        two = [ints([0, 2, 2, 3], kind), ints([0, 3, 3, 7], kind)]
        for shape in ([-1, -1, -1], [2, 1, 2], [4, 3, 5], -1, [-1, -1]):
            c.add(f"RaggedTensorToTensor/two/{shape}/{kind.__name__}", "RaggedTensorToTensor", [ints(shape, kind), x, np.float32(-1), two], row_partition_types=[split, split])
        c.add(f"RaggedTensorToTensor/ids and splits/{kind.__name__}", "RaggedTensorToTensor", [i64(-1, -1, -1), x, np.float32(0), [kind(3), ints([0, 0, 2], kind), ints([0, 3, 3, 7], kind)]], row_partition_types=[size, ids, split])
        for shape in ([-1, -1, 2], [-1, -1, -1], [-1, 2, 3], -1):
            for default in (np.float32(-1), np.array([-1, -2], np.float32), np.array([-3], np.float32)):
                c.add(f"RaggedTensorToTensor/rows/{shape}/{default.shape}/{kind.__name__}", "RaggedTensorToTensor", [ints(shape, kind), make("float32", 4, 2), default, [ints([0, 1, 4], kind)]], row_partition_types=[split])
    for name, values, rows, types in [
        ("nothing", 0, [i64(0, 0, 0)], [split]), ("no rows", 0, [i64(0)], [split]), ("no splits", 0, [i64()], [split]), ("short", 7, [i64(0, 3)], [split]),
        ("no ids", 0, [np.int64(3), i64()], [size, ids]), ("few ids", 7, [np.int64(3), i64(0, 1)], [size, ids]), ("large id", 2, [np.int64(2), i64(0, 2)], [size, ids]), ("falling", 4, [i64(0, 3, 2, 4)], [split]),
    ]:  # fmt: skip
        c.add(f"RaggedTensorToTensor/{name}", "RaggedTensorToTensor", [i64(-1, -1), make("float32", values), np.float32(0), rows], row_partition_types=types)
    for kind in (np.int32, np.int64):
        for binary in (False, True):
            for weights in ([], [0.5, 1.5, -2, 4, 8, 16, 32]):
                if binary and weights:
                    continue
                w = np.array(weights, np.float32)
                v, where = ints([1, 0, 1, 5, 2, 2, 2], kind), i64([0, 0], [0, 1], [0, 2], [2, 0], [2, 1], [2, 2], [3, 0])
                c.add(f"RaggedBincount/{kind.__name__}/{binary}/{len(weights)}", "RaggedBincount", [i64(0, 3, 3, 7), v, kind(4), w], binary_output=binary)
                c.add(f"SparseBincount/{kind.__name__}/{binary}/{len(weights)}", "SparseBincount", [where, v, i64(5, 3), kind(6), w], binary_output=binary)
                c.add(f"SparseBincount/small/{kind.__name__}/{binary}/{len(weights)}", "SparseBincount", [where, v, i64(5, 3), kind(4), w], binary_output=binary)
                c.add(f"SparseBincount/list/{kind.__name__}/{binary}/{len(weights)}", "SparseBincount", [where[:, :1], v, i64(5), kind(4), w], binary_output=binary)
    for name, ends, v, n in [("negative", i64(0, 2), i32(1, -1), 3), ("short", i64(0, 1), i32(1, 1), 3), ("beyond", i64(0, 3), i32(1, 1), 3), ("late", i64(1, 2), i32(1, 1), 3), ("nothing", i64(0, 0), i32(), 3), ("no bins", i64(0, 2), i32(0, 1), 0),
                             ("no splits", i64(), i32(), 3), ("negative size", i64(0, 2), i32(1, 1), -1)]:  # fmt: skip
        c.add(f"RaggedBincount/{name}", "RaggedBincount", [ends, v, np.int32(n), np.zeros(0, np.float32)])
    for dtype in ("float32", "float64", "int32", "int64", "bool", "string"):
        fill = np.array("?") if dtype == "string" else np.array(0, DTYPES[dtype])
        c.add(f"SparseToDense/type/{dtype}", "SparseToDense", [i64([0, 1], [2, 0]), i64(3, 2), make(dtype, 2), fill])
    for kind in (np.int32, np.int64):
        for name, where, shape, values in [("list", [1, 3], [5], 2), ("places", [[1], [3]], [5], 2), ("one", 2, [4], 1), ("all the same", [1, 3], [5], None), ("nothing", [], [5], 0), ("twice", [1, 1], [5], 2), ("falling", [3, 1], [5], 2),
                                           ("beyond", [1, 5], [5], 2), ("negative", [-1, 1], [5], 2), ("few", [1, 3], [5], 1), ("rank 3", [[0, 1, 1], [1, 0, 0]], [2, 2, 2], 2), ("misfit", [[0, 1]], [2, 2, 2], 1)]:  # fmt: skip
            v = np.float32(7) if values is None else make("float32", values)
            for strict in (True, False):
                c.add(f"SparseToDense/{name}/{kind.__name__}/{strict}", "SparseToDense", [ints(where, kind), ints(shape, kind), v, np.float32(-1)], validate_indices=strict)
    for kind in (np.int32, np.int64):
        for name, a, b, d in [("scalars", 0, 5, 1), ("steps", 2, 11, 3), ("down", 5, 0, -2), ("none", 3, 3, 1), ("against", 0, 5, -1)]:
            c.add(f"RaggedRange/{name}/{kind.__name__}", "RaggedRange", [kind(a), kind(b), kind(d)])
        c.add(f"RaggedRange/rows/{kind.__name__}", "RaggedRange", [np.array([0, 5, 2], kind), np.array([3, 5, 8], kind), kind(1)], Tsplits=tf.int32)
        c.add(f"RaggedRange/each/{kind.__name__}", "RaggedRange", [np.array([0, 5], kind), np.array([3, 1], kind), np.array([2, -1], kind)])
    c.add("RaggedRange/zero", "RaggedRange", [np.int32(0), np.int32(5), np.int32(0)])
    c.add("RaggedRange/misfit", "RaggedRange", [i32(0, 1), i32(5, 6, 7), np.int32(1)])
    c.add("RaggedRange/nothing", "RaggedRange", [i32(), i32(), np.int32(1)])
    for dtype in ("float32", "int64", "string", "bool"):
        for kind in (np.int32, np.int64):
            c.add(f"RaggedGather/{dtype}/{kind.__name__}", "RaggedGather", [[ints([0, 2, 2, 6], kind)], make(dtype, 6), i32(2, 0, 0, 1)], OUTPUT_RAGGED_RANK=1)
        c.add(f"RaggedTensorToSparse/{dtype}", "RaggedTensorToSparse", [[i64(0, 2, 2, 6)], make(dtype, 6)])
    c.add("RaggedGather/two", "RaggedGather", [[i64(0, 2, 2, 3), i64(0, 3, 3, 7)], make("float32", 7), i64(2, 0)], OUTPUT_RAGGED_RANK=2)
    c.add("RaggedGather/matrix", "RaggedGather", [[i64(0, 2, 2, 6)], make("float32", 6), i32([2, 0], [1, 1])], OUTPUT_RAGGED_RANK=2)
    c.add("RaggedGather/beyond", "RaggedGather", [[i64(0, 2, 2, 6)], make("float32", 6), i32(3)], OUTPUT_RAGGED_RANK=1)
    c.add("RaggedGather/negative", "RaggedGather", [[i64(0, 2, 2, 6)], make("float32", 6), i32(-1)], OUTPUT_RAGGED_RANK=1)
    c.add("RaggedTensorToSparse/two", "RaggedTensorToSparse", [[i64(0, 2, 2, 3), i32(0, 3, 3, 7).astype(np.int64)], make("float32", 7)])
    c.add("RaggedTensorToSparse/nothing", "RaggedTensorToSparse", [[i64(0, 0)], make("float32", 0)])


def main(folder):
    c = Cases()
    for part in (cases, regexes, splits, joins, parts, hashes, unicode, ngrams, numbers, formats, tables, ragged):
        part(c)
    c.write(folder, "ops_text")


if __name__ == "__main__":
    main(sys.argv[1])
