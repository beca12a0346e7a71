"""Writes the results of every TensorFlow operation, which native/savedmodel needs.

    python opdefs.py native/savedmodel/opdefs.txt

A line holds an operation and its results in order. A result that is a list of
tensors is written name*attribute, the attribute being the one that holds its
length or its element types.
"""

import sys

import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session


def main(path):
    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    with open(path, "w", encoding="ascii", newline="\n") as f:
        f.write(f"# Made by models/opdefs.py from TensorFlow {tf.__version__}.\n")
        for op in sorted(ops.op, key=lambda op: op.name):
            results = [a.name + ("*" + (a.number_attr or a.type_list_attr) if a.number_attr or a.type_list_attr else "") for a in op.output_arg]
            f.write(" ".join([op.name] + results) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
