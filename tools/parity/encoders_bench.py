"""The PyTorch side of `npm run bench:encoders`: prints the seconds of a training step, the median after two that warm up.

    python tools/parity/encoders_bench.py bert-small 2 8                # size, threads, steps
    python tools/parity/encoders_bench.py bert-small 1 8 processor      # seconds of the processor

Needs torch and transformers.
"""

import statistics
import sys
import time

import torch
import transformers as T

size, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
clock = time.process_time if sys.argv[4:] == ["processor"] else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(1)
if size == "bert-small":
    config = T.BertConfig(
        hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = T.BertModel(config, add_pooling_layer=False)
    given = dict(input_ids=torch.randint(1000, 30000, (64, 30)), attention_mask=torch.ones(64, 30, dtype=torch.long))
else:
    config = T.ViTConfig(hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768)
    model = T.ViTModel(config, add_pooling_layer=False)
    given = dict(pixel_values=torch.randn(16, 3, 224, 224))
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01)
times = []
for _ in range(steps + 2):
    start = clock()
    optimiser.zero_grad()
    model(**given).last_hidden_state[:, 0].square().mean().backward()
    optimiser.step()
    times.append(clock() - start)
print(statistics.median(times[2:]))
