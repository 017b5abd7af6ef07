"""Small checkpoints in PyTorch's formats: packages/torch/test/fixtures.

    python tools/parity/torch_files.py
"""
import os

import torch
from torch import nn

directory = os.path.join(os.path.dirname(__file__), "../../packages/torch/test/fixtures")


class Unlucky:
    """Its pickle asks to run a command when read."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


# dtypes, strides, shared storages and scalars that a state dict may hold
base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
torch.save(dict(state_dict={
    "half": torch.tensor([1.5, -2.0, 65504.0]).half(), "bfloat": torch.tensor([1.0, -3.5, 256.0]).bfloat16(),
    "double": torch.tensor([0.1, 1e-300], dtype=torch.float64),
    "int64": torch.tensor([1, -(2**40)]), "int32": torch.tensor([[7], [-7]], dtype=torch.int32),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
    "transposed": base.t(), "row": base[1], "scalar": torch.tensor(3.25), "empty": torch.zeros(0, 3),
    "parameter": nn.Parameter(torch.tensor([2.0])),
}), os.path.join(directory, "dtypes.pth"))
# what half precision may hold besides: infinities, NaN, the smallest numbers of either kind, minus zero
special = torch.tensor([float("inf"), -float("inf"), float("nan"), 2**-24, -3 * 2**-24, 2**-14, -0.0])
torch.save(dict(half=special.half(), bfloat=special.bfloat16()), os.path.join(directory, "specials.pth"))
torch.save(dict(config=Unlucky("touch FERRY_WAS_HERE"), state_dict={"x": torch.ones(2)}),
           os.path.join(directory, "unlucky-config.pth"))
torch.save(dict(state_dict={"x": torch.ones(2), "y": Unlucky("touch FERRY_WAS_HERE")}),
           os.path.join(directory, "unlucky-state.pth"))

# the same tensors in the form from before PyTorch 1.6, bare, and under the names that DataParallel and torch.compile give
state = torch.load(os.path.join(directory, "dtypes.pth"), weights_only=False)["state_dict"]
torch.save(dict(state_dict=state, epoch=3), os.path.join(directory, "legacy.pth"), _use_new_zipfile_serialization=False)
torch.save(state, os.path.join(directory, "bare.pth"))
few = {"a.weight": state["half"], "b": state["scalar"]}
torch.save(dict(model_state_dict={f"module._orig_mod.{k}": v for k, v in few.items()}),
           os.path.join(directory, "wrapped.pth"))
# a whole model, whose class no other program knows
torch.save(nn.Linear(2, 1), os.path.join(directory, "model.pth"))
