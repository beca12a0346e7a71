"""Fills lookup tables from text files in TensorFlow's own kernel, and writes down what they hold.

    python ops_files.py DIR
"""

import json
import os
import sys
import tempfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

LINE, WHOLE = -1, -2
PLAIN = "the\ncat\nsat\n"
PAIRS = "the\t3\t0.5\ncat\t-7\t1e-3\nsat\t11\tinf\n"
CASES = [
    ("plain", PLAIN, "string", WHOLE, "int64", LINE, {}), ("offset", PLAIN, "string", WHOLE, "int64", LINE, {"offset": 5}), ("no end", "a\nb", "string", WHOLE, "int64", LINE, {}), ("returns", "a\r\nb\r\nc", "string", WHOLE, "int64", LINE, {}),
    ("two returns", "a\r\r\nb\rc\r\n", "string", WHOLE, "int64", LINE, {}), ("empty line", "a\n\nb\n", "string", WHOLE, "int64", LINE, {}), ("empty end", "a\nb\n\n", "string", WHOLE, "int64", LINE, {}), ("return at the end", "a\nb\n\r", "string", WHOLE, "int64", LINE, {}),
    ("empty", "", "string", WHOLE, "int64", LINE, {}), ("twice", "a\nb\na\n", "string", WHOLE, "int64", LINE, {}), ("spaces", " a\nb \n", "string", WHOLE, "int64", LINE, {}), ("letters", "é\n中\n😀\n", "string", WHOLE, "int64", LINE, {}),
    ("first two", PLAIN, "string", WHOLE, "int64", LINE, {"vocab_size": 2}), ("all three", PLAIN, "string", WHOLE, "int64", LINE, {"vocab_size": 3}), ("four of three", PLAIN, "string", WHOLE, "int64", LINE, {"vocab_size": 4}), ("none of three", PLAIN, "string", WHOLE, "int64", LINE, {"vocab_size": 0}),
    ("numbers to lines", PLAIN, "int64", LINE, "string", WHOLE, {}), ("columns", PAIRS, "string", 0, "int64", 1, {}), ("floats", PAIRS, "string", 0, "float32", 2, {}), ("doubles", PAIRS, "string", 0, "float64", 2, {}),
    ("a column and the line", PAIRS, "string", 0, "int64", LINE, {}), ("a column and the whole", PAIRS, "int64", 1, "string", WHOLE, {}), ("few columns", "a\t1\nb\n", "string", 0, "int64", 1, {}), ("commas", "a,1\nb,2\n", "string", 0, "int64", 1, {"delimiter": ","}),
    ("other delimiter", "a,1\nb,2\n", "string", 0, "int64", 1, {}), ("no number", "a\tx\n", "string", 0, "int64", 1, {}), ("fraction", "a\t1.5\n", "string", 0, "int64", 1, {}), ("spaces around", "a\t 7 \n", "string", 0, "int64", 1, {}), ("empty column", "a\t\n", "string", 0, "string", 1, {}),
    ("whole numbers", "3\n-7\n", "int64", WHOLE, "int64", LINE, {}), ("plus", "+3\n", "int64", WHOLE, "int64", LINE, {}), ("line of int32", PLAIN, "string", WHOLE, "int32", LINE, {}), ("int32", "a\t5\n", "string", 0, "int32", 1, {}), ("int32 and an offset", "a\t5\n", "string", 0, "int32", 1, {"offset": 3}),
    ("int64 and an offset", "a\t5\n", "string", 0, "int64", 1, {"offset": 3}), ("whole as float", "1.5\n", "string", WHOLE, "float32", WHOLE, {}), ("words as numbers", PLAIN, "int64", WHOLE, "int64", LINE, {}),
]  # fmt: skip


def read(path, key, key_index, value, value_index, attrs):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        handle = tf.raw_ops.HashTableV2(key_dtype=tf.as_dtype(key), value_dtype=tf.as_dtype(value))
        session.run(tf.raw_ops.InitializeTableFromTextFileV2(table_handle=handle, filename=path, key_index=key_index, value_index=value_index, **attrs))
        keys, values = session.run(list(tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=tf.as_dtype(key), Tvalues=tf.as_dtype(value))))
        plain = lambda x: x.decode() if isinstance(x, bytes) else str(x.item())
        return sorted([plain(k), plain(v)] for k, v in zip(keys, values))


def main(folder):
    out = []
    for name, content, key, key_index, value, value_index, attrs in CASES:
        case = {"name": name, "content": content, "key": key, "value": value, "attrs": {"key_index": key_index, "value_index": value_index} | attrs}
        with tempfile.NamedTemporaryFile() as f:
            f.write(content.encode())
            f.flush()
            try:
                case["entries"] = read(f.name, key, key_index, value, value_index, attrs)
            except tf.errors.OpError:
                case["error"] = True
            except ValueError as e:
                print(f"{name}: {e}")
                continue
        out.append(case)
    with open(os.path.join(folder, "ops_files.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in out) + "\n]\n")
    print(f"ops_files: {len(out)} cases, {sum(1 for c in out if c.get('error'))} of them errors")


if __name__ == "__main__":
    main(sys.argv[1])
