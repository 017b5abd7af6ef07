"""The thesis's ranker in PyTorch, written from its description, independent of Ferry.

    python tools/parity/rec_transformer_twin.py --fixture packages/nrms/test/fixtures/recTransformer.json

Scores, loss and gradients on vectors of text and picture, in double precision, corrected and with each defect; weights
are functions of their names (nn_values.fill). Needs torch and numpy only.
"""

import argparse
import json
import math
import os

import torch
from torch import nn
import torch.nn.functional as F

from nn_values import fill, flat

D, HEADS, INNER, LAYERS, HISTORY = 16, 4, 24, 2, 6
HEAD = (8, 4, 2)
# Behind the padding news 0; pictures of two news are missing.
NEWS = 9
MISSING = {3, 6}
HISTORIES = [[8, 5, 3, 2, 1, 6, 4, 7, 8], [1, 2, 3, 4], [], [7]]
CANDIDATES = [3, 6, 2, 5]
LABELS = [1, 0, 0, 1]


class Norm(nn.Module):
    """Gain and shift begin at 1, the deviation is the unbiased one, and epsilon is added to it."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(D)), nn.Parameter(torch.ones(D))

    def forward(self, x):
        return self.weight * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + self.bias


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.attention = nn.MultiheadAttention(D, HEADS, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(D, INNER), nn.Linear(INNER, D)

    def forward(self, x, hidden):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, key_padding_mask=hidden, need_weights=False)[0]
        return x + self.linear2(F.relu(self.linear1(self.norm2(x))))


class Ranker(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()
        self.head = nn.ModuleList(nn.Linear(i, o) for i, o in zip((D, *HEAD[:-1]), HEAD))

    def forward(self, x, hidden, attended, mean_over_padding):
        """x [B, L, D], the candidate behind the last click; hidden [B, L]: what is padding; attended: as attention is
        told, or None."""
        L = x.shape[1]
        at = torch.arange(L, dtype=torch.double)[:, None]
        angle = at / 10000 ** (2 * (torch.arange(D) // 2) / D)
        x = x + torch.where(torch.arange(D) % 2 == 0, angle.sin(), angle.cos())
        for layer in self.layers:
            x = layer(x, attended)
        x = self.norm(x)
        if mean_over_padding:
            mean = x.mean(1)
        else:
            there = (~hidden).double()[..., None]
            mean = (x * there).sum(1) / there.sum(1)
        for linear in self.head:
            mean = linear(mean)
        return mean

    def named(self):
        own = {}
        for i, layer in enumerate(self.layers):
            p = f"encoder.layers.{i}."
            own |= {
                p + "selfAttention.inProjection.weight": layer.attention.in_proj_weight,
                p + "selfAttention.inProjection.bias": layer.attention.in_proj_bias,
                p + "selfAttention.outProjection.weight": layer.attention.out_proj.weight,
                p + "selfAttention.outProjection.bias": layer.attention.out_proj.bias,
            }
            for name in ("linear1", "linear2", "norm1", "norm2"):
                own |= {f"{p}{name}.{part}": t for part, t in getattr(layer, name).named_parameters()}
        own |= {f"encoder.norm.{part}": t for part, t in self.norm.named_parameters()}
        for i, linear in enumerate(self.head):
            own |= {f"head.{i}.{part}": t for part, t in linear.named_parameters()}
        return own


def vectors():
    text, picture = fill("text vectors", (NEWS, D)), fill("picture vectors", (NEWS, D))
    there = torch.tensor([float(n not in MISSING and n > 0) for n in range(NEWS)])[:, None]
    text[0] = 0
    return text, picture * there, there


def case(defects, training):
    torch.set_default_dtype(torch.double)
    model = Ranker()
    with torch.no_grad():
        for name, tensor in model.named().items():
            tensor.copy_(fill(name, tensor.shape))
    text, picture, there = (t.double() for t in vectors())
    # A product where there is a picture, the text alone where not.
    news = torch.where(there > 0, text * picture, text)
    whole = not training and "long-history" in defects
    sequences = [(own if whole else own[-(HISTORY - 1):]) + [c] for own, c in zip(HISTORIES, CANDIDATES)]
    L = max(HISTORY, max(map(len, sequences)))
    x = torch.stack([F.pad(news[own], (0, 0, 0, L - len(own))) for own in sequences])
    hidden = torch.tensor([[i >= len(own) for i in range(L)] for own in sequences])
    attended = hidden
    if "shared-mask" in defects:
        attended = hidden[-1:].expand_as(hidden) if training else None
    logits = model(x, hidden, attended, "mean-over-padding" in defects)
    scores = logits[:, 1] if "raw-logit" in defects and not training else logits[:, 1] - logits[:, 0]
    target = F.one_hot(torch.tensor(LABELS), 2).double()
    loss = F.cross_entropy(logits, target, weight=torch.tensor([1.0, 25.0]))
    found = {"defects": defects, "training": training, "scores": flat(scores)}
    if training:
        loss.backward()
        every = lambda grad: flat(grad.flatten()[:: max(1, grad.numel() // 16)])
        found |= {"loss": loss.item(), "gradients": {name: every(t.grad) for name, t in model.named().items()}}
    return found


def fixture(path):
    defects = [[], ["shared-mask"], ["raw-logit"], ["long-history"], ["mean-over-padding"]]
    content = {
        "histories": HISTORIES,
        "candidates": CANDIDATES,
        "labels": LABELS,
        "missing": sorted(MISSING),
        "cases": [case(own, training) for own in defects for training in (True, False)],
    }
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(content, file)
        file.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture", required=True)
    fixture(parser.parse_args().fixture)
