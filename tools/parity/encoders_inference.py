"""The PyTorch side of tools/bench/encoderInference.ts: writes a model with random weights to a folder (Hugging Face's
layout, and `model.onnx` of it), the inputs and the outputs, and prints the seconds of a pass without gradients, the
median after two that warm up.

    python tools/parity/encoders_inference.py bert-base folder 2 8            # size, folder, threads, passes
    python tools/parity/encoders_inference.py vit-b16 folder 1 8 processor    # seconds of the processor

Needs torch, transformers, onnx and safetensors.
"""

import statistics
import sys
import time
from pathlib import Path

import torch
import transformers as T
from safetensors.torch import save_file

size, folder, threads, passes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
clock = time.process_time if sys.argv[5:] == ["processor"] else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(1)


class First(torch.nn.Module):
    """The first token's vector."""

    def __init__(self, model, keys):
        super().__init__()
        self.model, self.keys = model, keys

    def forward(self, *given):
        return self.model(**dict(zip(self.keys, given))).last_hidden_state[:, 0]


if size == "bert-base":
    model = T.BertModel(T.BertConfig(), add_pooling_layer=False)
    given = dict(input_ids=torch.randint(1000, 30000, (16, 30)), attention_mask=torch.ones(16, 30, dtype=torch.long))
else:
    model = T.ViTModel(T.ViTConfig(), add_pooling_layer=False)
    given = dict(pixel_values=torch.randn(4, 3, 224, 224))
model.eval().save_pretrained(folder)
first = First(model, list(given))
values = tuple(given.values())
times = []
with torch.no_grad():
    for _ in range(passes + 2):
        start = clock()
        out = first(*values)
        times.append(clock() - start)
    # Written with plain attention: what it is exported from counts, not how PyTorch computes it.
    model.set_attn_implementation("eager")
    names = list(given)
    torch.onnx.export(first, values, folder / "model.onnx", dynamo=False, input_names=names, opset_version=17)
found = {key: value.int() if value.dtype == torch.int64 else value for key, value in given.items()}
save_file({**found, "vectors": out.contiguous()}, folder / "expected.safetensors")
print(statistics.median(times[2:]))
