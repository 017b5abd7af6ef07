"""The PyTorch side of `npm run bench:encoders`: training steps of an encoder by transformers, AdamW on all weights.

    python tools/parity/encoders_bench.py --speed bert-small    # reads numbers of steps, prints the seconds of each
    python tools/parity/encoders_bench.py --memory bert-small   # MiB resident before the model and at most, in 3 steps
    python tools/parity/encoders_bench.py --profile vit-tiny    # by hand: the share of each operation in a step

Needs torch and transformers.
"""

import json
import re
import sys

import torch
import transformers as T
from sequences import take_turns

asked, size = sys.argv[1:3]


def resident(which):
    """MiB of this process: now (VmRSS) or at most (VmHWM)."""
    return int(re.search(which + r":\s+(\d+) kB", open("/proc/self/status").read()).group(1)) / 1024


before = resident("VmRSS")
torch.manual_seed(1)
if size == "bert-small":
    config = T.BertConfig(
        hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = T.BertModel(config, add_pooling_layer=False)
    given = dict(input_ids=torch.randint(1000, 30000, (64, 30)), attention_mask=torch.ones(64, 30, dtype=torch.long))
elif size == "vit-tiny":
    config = T.ViTConfig(hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768)
    model = T.ViTModel(config, add_pooling_layer=False)
    given = dict(pixel_values=torch.randn(16, 3, 224, 224))
else:
    sys.exit(f"sizes are bert-small and vit-tiny, got {size}")
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01)


def step(_):
    optimiser.zero_grad()
    model(**given).last_hidden_state[:, 0].square().mean().backward()
    optimiser.step()


if asked == "--speed":
    take_turns(1, step, lambda: [0])
elif asked == "--profile":
    step(0)
    with torch.profiler.profile() as profile:
        step(1)
    events = sorted(profile.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    for event in events[:20]:
        print(f"{event.key:60} {100 * event.self_cpu_time_total / total:5.1f} %")
else:
    for i in range(3):
        step(i)
    print(json.dumps({"before": before, "most": resident("VmHWM")}))
