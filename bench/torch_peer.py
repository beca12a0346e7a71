"""PyTorch's eager LSTM as a contender."""

import os
import sys

# without_cuda.py's libraries have no functions: they are to be looked for when they are called.
sys.setdlopenflags(os.RTLD_LAZY)

from contender import Case, serve  # noqa: E402

import torch  # noqa: E402

case = Case(sys.argv[1])
torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def lstm(weights):
    kernel, recurrent, bias = (torch.from_numpy(w.copy()) for w in weights)  # both have the gates i, f, c, o
    layer = torch.nn.LSTM(kernel.shape[0], case.units, batch_first=True)
    layer.load_state_dict({"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent.T, "bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)})
    return layer


class Seq2Seq(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = lstm(case.encoder), lstm(case.decoder)
        self.dense = torch.nn.Linear(case.units, case.outputs)
        kernel, bias = (torch.from_numpy(w.copy()) for w in case.dense)
        self.dense.load_state_dict({"weight": kernel.T, "bias": bias})

    def forward(self, x, y):
        _, states = self.encoder(x)
        return self.dense(self.decoder(y, states)[0])


class Nothing(torch.nn.Module):
    def forward(self, x, y):
        return y


model, nothing = Seq2Seq().eval(), Nothing().eval()
inputs = torch.from_numpy(case.encoder_input.copy()), torch.from_numpy(case.decoder_input.copy())
with torch.inference_mode():
    serve(lambda: model(*inputs), lambda: model(*inputs).numpy(), ["PyTorch " + torch.__version__], lambda: nothing(*inputs))
