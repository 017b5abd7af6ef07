"""ResNet in training mode (batch normalisation by the batch, running statistics moved): constants of
packages/encoders/test/statistics.test.ts.

    python tools/parity/encoder_statistics.py packages/encoders/test/fixtures

Writes `resnet-running/expected.safetensors`, of the fixture `resnet-basic`: two batches, what the first gives in
training mode, a probe, the gradients of the probed sum by all weights, the statistics after both batches, and what the
first gives in evaluation mode then.

Needs torch, transformers and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers as T
from safetensors.torch import load_file, save_file

folder = Path(sys.argv[1])
draw = np.random.default_rng(23)
model = T.ResNetModel.from_pretrained(folder / "resnet-basic").train()
saved = load_file(folder / "resnet-basic" / "model.safetensors")
names = {
    key: next(other for other, held in saved.items() if held.shape == value.shape and torch.equal(held, value))
    for key, value in model.state_dict().items()
    if value.dtype == torch.float32
}
batches = [torch.tensor(draw.normal(size=(size, 3, 32, 32)), dtype=torch.float32) for size in (4, 3)]
hidden = model(pixel_values=batches[0]).last_hidden_state
probe = torch.tensor(draw.normal(size=hidden.shape), dtype=torch.float32)
(hidden * probe).sum().backward()
tokens = lambda x: x.flatten(2).transpose(1, 2)
found = {f"{i}.pixel_values": batch for i, batch in enumerate(batches)}
found |= {"train": tokens(hidden), "probe": tokens(probe)}
found |= {f"gradient.{names[key]}": weight.grad for key, weight in model.named_parameters()}
with torch.no_grad():
    model(pixel_values=batches[1])
    found["eval"] = tokens(model.eval()(pixel_values=batches[0]).last_hidden_state)
found |= {f"moved.{names[key]}": value for key, value in model.state_dict().items() if "running" in key}
target = folder / "resnet-running"
target.mkdir(exist_ok=True)
save_file({key: value.detach().clone().contiguous() for key, value in found.items()}, target / "expected.safetensors")
