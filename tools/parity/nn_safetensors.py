"""A file by Python's safetensors with every format Ferry reads, and the bytes it has, as base64 for
packages/nn/test/safetensors.test.ts; and, given a path, what Python reads from a file of Ferry's.

Run by hand: python tools/parity/nn_safetensors.py [FILE]
"""

import base64
import sys

import torch
from safetensors.torch import load_file, save

TENSORS = {
    "b.weight": torch.tensor([[1.5, -2.25, 3.0], [0.1, float("inf"), -0.0]]),
    "a.half": torch.tensor([1.0, -0.333251953125, 65504.0, 6e-8], dtype=torch.float16),
    "a.brain": torch.tensor([1.0, -3.140625, 1e30], dtype=torch.bfloat16),
    "ids": torch.tensor([1, -2, 2**40], dtype=torch.int64),
    "rows": torch.tensor([[7], [-8]], dtype=torch.int32),
    "bytes": torch.tensor([0, 255, 3], dtype=torch.uint8),
    "seen": torch.tensor([True, False]),
    "scalar": torch.tensor(0.07),
    "empty": torch.zeros(0, 4),
}

if len(sys.argv) > 1:
    for name, tensor in sorted(load_file(sys.argv[1]).items()):
        print(name, tensor.dtype, list(tensor.shape), tensor.flatten()[:4].tolist())
else:
    print(base64.b64encode(save(TENSORS)).decode())
