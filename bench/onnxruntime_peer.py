"""ONNX Runtime's LSTM operator, timed from Python with inputs and outputs bound, as a contender."""

import sys

from contender import Case, serve, written

case = Case(sys.argv[1])


def write(path):
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name, values):
        return numpy_helper.from_array(np.ascontiguousarray(values), name)

    def gates(w):  # Keras's i, f, c, o as ONNX's i, o, f, c
        i, f, c, o = np.split(w, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1)

    def weights(role, layer):
        kernel, recurrent, bias = (gates(w) for w in layer)
        b = np.concatenate([bias, np.zeros_like(bias)])
        return [tensor(role + "_w", kernel.T[None]), tensor(role + "_r", recurrent.T[None]), tensor(role + "_b", b[None])]

    def lstm(role, x, states, outputs):
        return helper.make_node("LSTM", [x, role + "_w", role + "_r", role + "_b", "", *states], outputs, hidden_size=case.units)

    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def swap(x, y):  # batch and time
        return helper.make_node("Transpose", [x], [y], perm=[1, 0, 2])

    out = [case.batch, case.decoder_steps, case.outputs]
    graph = helper.make_graph(
        [
            swap("encoder_input", "e"),
            swap("decoder_input", "d"),
            lstm("encoder", "e", [], ["", "h", "c"]),
            lstm("decoder", "d", ["h", "c"], ["ys"]),
            helper.make_node("Squeeze", ["ys", "one"], ["rows"]),
            helper.make_node("MatMul", ["rows", "dense_w"], ["product"]),
            helper.make_node("Add", ["product", "dense_b"], ["added"]),
            swap("added", "output"),
        ],
        "seq2seq",
        [info("encoder_input", case.encoder_input.shape), info("decoder_input", case.decoder_input.shape)],
        [info("output", out)],
        [
            *weights("encoder", case.encoder),
            *weights("decoder", case.decoder),
            tensor("dense_w", case.dense[0]),
            tensor("dense_b", case.dense[1]),
            tensor("one", np.array([1], np.int64)),
        ],
    )
    save(onnx, helper, graph, path)


def write_nothing(path):
    """A graph of the same inputs and outputs that only copies."""
    import onnx
    from onnx import TensorProto, helper

    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n, x in inputs.items()]
    out = helper.make_tensor_value_info("output", TensorProto.FLOAT, case.decoder_input.shape)
    save(onnx, helper, helper.make_graph([helper.make_node("Identity", ["decoder_input"], ["output"])], "nothing", info, [out]), path)


def save(onnx, helper, graph, path):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


inputs = {"encoder_input": case.encoder_input, "decoder_input": case.decoder_input}
model, nothing = written(case.beside("onnx"), write), written(case.beside("nothing.onnx"), write_nothing)

import onnxruntime  # noqa: E402  (the files are made before it is loaded)


def bound(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, x in inputs.items():
        binding.bind_cpu_input(name, x)
    shape = session.get_outputs()[0].shape
    output = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, case.decoder_input.dtype.type, "cpu")
    binding.bind_ortvalue_output("output", output)
    return lambda: session.run_with_iobinding(binding), output


call, output = bound(model)
serve(call, output.numpy, ["ONNX Runtime " + onnxruntime.__version__], bound(nothing)[0])
