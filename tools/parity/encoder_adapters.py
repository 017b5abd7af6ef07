"""Adapters (Houlsby et al., 2019) in the BERT of the fixtures, by hooks: constants of
packages/encoders/test/adapters.test.ts.

    python tools/parity/encoder_adapters.py packages/encoders/test/fixtures

Writes `bert-adapters/expected.safetensors`: the adapters by Ferry's names, an input, what the last layer gives, a
probe, and the gradients of the probed sum by the adapters and by the layers' normalisations (transformers' names).

Needs torch, transformers and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers as T
from safetensors.torch import save_file

folder = Path(sys.argv[1])
draw = np.random.default_rng(17)
model = T.BertModel.from_pretrained(folder / "bert", attn_implementation="eager").eval()
width, D = 3, model.config.hidden_size
adapters = {}


def adapt(name, module):
    """Adds an adapter behind a block: between its dropout and its residual sum."""
    shapes = {"down.weight": (width, D), "down.bias": (width,), "up.weight": (D, width), "up.bias": (D,)}
    own = {
        part: torch.tensor(draw.normal(0, 0.4, shape), dtype=torch.float32, requires_grad=True)
        for part, shape in shapes.items()
    }
    adapters.update({f"{name}.{part}": value for part, value in own.items()})

    def hook(_, __, x):
        inner = torch.nn.functional.gelu(x @ own["down.weight"].T + own["down.bias"])
        return x + inner @ own["up.weight"].T + own["up.bias"]

    module.dropout.register_forward_hook(hook)


for i, layer in enumerate(model.encoder.layer):
    adapt(f"layers.{i}.adapter1", layer.attention.output)
    adapt(f"layers.{i}.adapter2", layer.output)

lengths = [7, 4, 1]
ids = torch.tensor(draw.integers(5, model.config.vocab_size, (3, 7)))
mask = torch.tensor([[1] * n + [0] * (7 - n) for n in lengths])
hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
probe = torch.tensor(draw.normal(size=hidden.shape), dtype=torch.float32)
(hidden * probe * mask[..., None]).sum().backward()
found = {"0.input_ids": ids.int(), "0.attention_mask": mask.int(), "0.hidden": hidden.detach(), "probe": probe}
found |= {name: value.detach() for name, value in adapters.items()}
found |= {f"gradient.{name}": value.grad for name, value in adapters.items()}
found |= {
    f"gradient.{name}": value.grad for name, value in model.named_parameters() if ".layer." in name and "Norm" in name
}
target = folder / "bert-adapters"
target.mkdir(exist_ok=True)
save_file({name: value.clone().contiguous() for name, value in found.items()}, target / "expected.safetensors")
