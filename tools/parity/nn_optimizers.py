"""Five updates of a small transformer by PyTorch's optimisers, and its schedules:
packages/nn/test/fixtures/optimizers.json.

All in float32, PyTorch's default. Parameters and inputs are made from names (nn_values.fill).
Run by hand: python tools/parity/nn_optimizers.py
"""

import torch
from torch import nn
import torch.nn.functional as F

from nn_values import fill, fill_module, flat, write

B, L, M, D, H, INNER, CLASSES, STEPS = 3, 4, 3, 8, 2, 12, 5, 5
LABELS = [1, 4, 0]


class Small(nn.Module):
    """An encoder over a memory, a decoder over a sequence, and classes from the decoder's last position."""

    def __init__(self):
        super().__init__()
        sizes = dict(dim_feedforward=INNER, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(D, H, **sizes), 1, nn.LayerNorm(D), enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(D, H, **sizes), 1, nn.LayerNorm(D))
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x, memory):
        return self.head(self.decoder(x, self.encoder(memory))[:, -1])


def run(make, clip=None, keep=None, schedule=None):
    """Loss before each update and the parameters after the last; `keep` limits which are written."""
    module = Small()
    fill_module(module)
    x, memory = fill("x", (B, L, D)).float(), fill("memory", (B, M, D)).float()
    optimizer = make(module)
    scheduler = schedule and torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    losses, norms, first = [], [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(x, memory), torch.tensor(LABELS))
        loss.backward()
        if first is None:
            first = {name: flat(p.grad) for name, p in module.named_parameters()}
        if clip is not None:
            norms.append(float(nn.utils.clip_grad_norm_(module.parameters(), clip)))
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(float(loss.detach()))
    named = dict(module.named_parameters())
    kept = {name: flat(p) for name, p in named.items() if keep is None or name in keep}
    return {"losses": losses, "norms": norms, "parameters": kept}, first


SOME = ["encoder.layers.0.linear1.weight", "decoder.layers.0.norm2.weight", "head.weight", "head.bias"]


def grouped(module):
    """No decay on biases and norms; the encoder at a tenth of the rate."""
    groups = {}
    for name, p in module.named_parameters():
        plain = name.endswith("bias") or "norm" in name
        groups.setdefault((name.startswith("encoder."), plain), []).append(p)
    return torch.optim.AdamW(
        [
            {"params": params, "lr": 1e-3 if slow else 1e-2, "weight_decay": 0.0 if plain else 0.1}
            for (slow, plain), params in groups.items()
        ]
    )


def schedules():
    """Learning-rate factors of PyTorch's own schedulers."""

    def factors(make, steps):
        p = nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([p], lr=1.0)
        scheduler = make(optimizer)
        values = []
        for _ in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return values

    lr = torch.optim.lr_scheduler

    def warmed(optimizer, after, warmup):
        # LinearLR counts from start_factor at 0 to 1 at total_iters; ours is (step + 1) / warmup.
        rise = lr.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
        return lr.SequentialLR(optimizer, [rise, after(optimizer)], milestones=[warmup])

    return {
        "cosine": factors(lambda o: lr.CosineAnnealingLR(o, T_max=12, eta_min=0.05), 13),
        "warm-up and cosine": factors(lambda o: warmed(o, lambda p: lr.CosineAnnealingLR(p, T_max=10), 4), 15),
        "linear": factors(lambda o: lr.LinearLR(o, 1.0, 0.2, total_iters=8), 12),
        "warm-up": factors(lambda o: warmed(o, lambda p: lr.ConstantLR(p, 1.0), 5), 8),
    }


adam, gradients = run(lambda m: torch.optim.Adam(m.parameters(), lr=1e-2))
write(
    "optimizers.json",
    {
        "sizes": {"B": B, "L": L, "M": M, "D": D, "H": H, "inner": INNER, "classes": CLASSES},
        "labels": LABELS,
        "gradients": gradients,
        "adam": adam,
        "adam, L2": run(lambda m: torch.optim.Adam(m.parameters(), lr=1e-2, weight_decay=0.1), keep=SOME)[0],
        "adamw": run(lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, weight_decay=0.1), keep=SOME)[0],
        "adamw, clipped, warm-up": run(
            lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05),
            clip=0.5,
            keep=SOME,
            schedule=lambda step: min((step + 1) / 3, 1),
        )[0],
        "adam, L2, clipped": run(
            lambda m: torch.optim.Adam(m.parameters(), lr=1e-2, weight_decay=0.1), clip=0.5, keep=SOME
        )[0],
        "adamw, groups": run(grouped, keep=SOME)[0],
        "sgd": run(lambda m: torch.optim.SGD(m.parameters(), lr=0.1, weight_decay=0.01), keep=SOME)[0],
        "sgd, momentum": run(lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9), keep=SOME)[0],
        "schedules": schedules(),
    },
)
