"""NRMS in PyTorch, written from the paper's equations and the two code bases, independent of Ferry.

    python tools/parity/nrms_twin.py --fixture packages/nrms/test/fixtures/nrms.json
    python tools/parity/nrms_twin.py --speed --batch batch.json [--steps 12] [--distinct]

`--fixture`: scores, loss and gradients of the presets at their own sizes, in double precision; weights are functions of
their names (nn_values.fill), so that the file holds results only, of gradients the length and numbers at even
distances. `--speed` prints samples a second of a training step in float32; with `--distinct` each news of the batch is
encoded once, as Ferry does, without every time it occurs. Needs torch and numpy only.
"""

import argparse
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from nn_values import fill, flat

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

PRESETS = {
    "paper": dict(word=300, heads=16, width=16, query=200, projected=False),
    "recommenders": dict(word=300, heads=20, width=20, query=200, projected=False),
    "thesis": dict(word=768, heads=8, width=96, query=256, projected=True),
}


class Pool(nn.Module):
    """Multi-head self-attention, then additive attention. `hidden` [B, L], true where nothing is."""

    def __init__(self, inputs, heads, width, query, projected):
        super().__init__()
        D = heads * width
        self.heads, self.width = heads, width
        self.q, self.k, self.v = (nn.Linear(inputs, D, bias=projected) for _ in range(3))
        self.o = nn.Linear(D, D) if projected else None
        self.w = nn.Linear(D, query)
        self.query = nn.Parameter(torch.zeros(query))

    def attend(self, x, hidden):
        split = lambda y: y.unflatten(-1, (self.heads, self.width)).transpose(1, 2)
        scores = split(self.q(x)) @ split(self.k(x)).transpose(-1, -2) / math.sqrt(self.width)
        if hidden is not None:
            # A sequence without anything visible is not read; it must not be NaN.
            none = hidden.all(1)[:, None, None, None]
            scores = scores.masked_fill(hidden[:, None, None] & ~none, -torch.inf)
        h = (scores.softmax(-1) @ split(self.v(x))).transpose(1, 2).flatten(2)
        return h if self.o is None else self.o(h)

    def weigh(self, h, hidden):
        scores = torch.tanh(self.w(h)) @ self.query
        if hidden is None:
            return scores.softmax(1)
        none = hidden.all(1, keepdim=True)
        return scores.masked_fill(hidden & ~none, -torch.inf).softmax(1) * ~none

    def forward(self, x, hidden, drop=0.0):
        h = F.dropout(self.attend(x, hidden), drop, self.training)
        return (self.weigh(h, hidden)[..., None] * h).sum(1)

    def names(self):
        """Ferry's names of these weights, and the tensors; query, key and value are stacked there."""
        own = {
            "attention.inProjection.weight": [self.q.weight, self.k.weight, self.v.weight],
            "pooling.projection.weight": [self.w.weight],
            "pooling.projection.bias": [self.w.bias],
            "pooling.query": [self.query],
        }
        if self.o is not None:
            own["attention.inProjection.bias"] = [self.q.bias, self.k.bias, self.v.bias]
            own["attention.outProjection.weight"] = [self.o.weight]
            own["attention.outProjection.bias"] = [self.o.bias]
        return own


class Nrms(nn.Module):
    def __init__(self, words, word, heads, width, query, projected, masked=True, word_drop=0.0, news_drop=0.0):
        super().__init__()
        self.words = nn.Embedding(words, word)
        self.title = Pool(word, heads, width, query, projected)
        self.user = Pool(heads * width, heads, width, query, projected)
        self.masked, self.word_drop, self.news_drop = masked, word_drop, news_drop

    def news(self, titles):
        """Titles [n, T] to vectors [n, D]."""
        x = F.dropout(self.words(titles), self.word_drop, self.training)
        return self.title(x, titles == 0 if self.masked else None, self.news_drop)

    def forward(self, clicked, clicks, candidates):
        """Titles of the clicked news [B, H, T], how many there are [B], titles of the candidates [B, C, T]: scores [B,
        C]."""
        B, H, T = clicked.shape
        vectors = self.news(clicked.reshape(B * H, T)).reshape(B, H, -1)
        shown = self.news(candidates.reshape(-1, T)).reshape(B, candidates.shape[1], -1)
        return self.score(vectors, clicks, shown)

    def score(self, vectors, clicks, shown):
        H = vectors.shape[1]
        hidden = (torch.arange(H)[None] >= clicks[:, None]) if self.masked else None
        return (shown * self.user(vectors, hidden)[:, None]).sum(2)

    def distinct(self, titles, clicked, clicks, candidates):
        """The same where `clicked` [B, H] and `candidates` [B, C] are rows of `titles` [n, T]."""
        vectors = self.news(titles)
        return self.score(vectors[clicked], clicks, vectors[candidates])

    def named(self):
        own = {"words.weight": [self.words.weight]}
        for part in ("title", "user"):
            own |= {f"{part}.{name}": tensors for name, tensors in getattr(self, part).names().items()}
        return own


def first(name, shape):
    """Numbers from the name, large enough that no attention is nearly uniform: gradients would be small differences
    there."""
    values = fill(name, shape)
    if name.endswith("query"):
        return values * 4
    if name.endswith("bias"):
        return values / 2
    return values * (2 if name == "words.weight" else 3 * math.sqrt(6 / sum(shape)))


def set_weights(model):
    with torch.no_grad():
        for name, tensors in model.named().items():
            shape = (sum(t.shape[0] for t in tensors), *tensors[0].shape[1:])
            for part, own in zip(first(name, shape).split([t.shape[0] for t in tensors]), tensors):
                own.copy_(part)


def loss_of(scores, missing):
    return F.cross_entropy(scores.masked_fill(missing, -torch.inf), torch.zeros(len(scores), dtype=torch.long))


# News 0 is the empty one; news 5 has no title.
TITLES = [[], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12, 13, 14], [15], [], [16, 3, 17, 2], [18, 19, 20, 21, 22], [1, 23]]
HISTORIES = [[1, 2, 3, 4, 6], [7], [], [8, 5, 3]]
# Behind the click, news that were not clicked; 0 where an impression had too few.
CANDIDATES = [[3, 1, 2, 7, 8], [6, 4, 0, 0, 0], [2, 7, 8, 1, 0], [5, 1, 6, 4, 3]]
WORDS, T = 24, 8


def sample(tensor, count=48):
    """Numbers at even distances, and the length of the whole."""
    values = tensor.detach().flatten()
    at = torch.arange(count) * len(values) // count if len(values) > count else torch.arange(len(values))
    return {"length": float(values.norm()), "values": flat(values[at])}


def case(preset, masked):
    model = Nrms(WORDS, **PRESETS[preset], masked=masked).double()
    set_weights(model)
    padded = lambda news: [w for w in TITLES[news]] + [0] * (T - len(TITLES[news]))
    # Histories are padded to five clicks, which only matters where padding is read.
    clicked = torch.tensor([[padded(n) for n in own + [0] * (5 - len(own))] for own in HISTORIES])
    candidates = torch.tensor([[padded(n) for n in own] for own in CANDIDATES])
    scores = model(clicked, torch.tensor([len(own) for own in HISTORIES]), candidates)
    loss = loss_of(scores, torch.tensor(CANDIDATES) == 0)
    loss.backward()
    join = lambda tensors: torch.cat([t.grad for t in tensors])
    return {
        "preset": preset,
        "masked": masked,
        "scores": flat(scores),
        "loss": loss.item(),
        "gradients": {name: sample(join(tensors)) for name, tensors in model.named().items()},
    }


def fixture(path):
    content = {
        "titles": TITLES,
        "histories": HISTORIES,
        "candidates": CANDIDATES,
        "words": WORDS,
        "longest": T,
        "cases": [
            case(p, m) for p, m in [("paper", True), ("recommenders", True), ("recommenders", False), ("thesis", True)]
        ],
    }
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(content, file)
        file.write("\n")


def speed(path, steps, distinct):
    batch = json.load(open(path))
    torch.manual_seed(1)
    preset = dict(PRESETS[batch["preset"]])
    drops = {"paper": (0.2, 0.0), "recommenders": (0.2, 0.2), "thesis": (0.0, 0.0)}[batch["preset"]]
    model = Nrms(batch["words"], **preset, word_drop=drops[0], news_drop=drops[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    titles = torch.tensor(batch["titles"]).reshape(-1, batch["longest"])
    clicked, candidates = torch.tensor(batch["clicked"]), torch.tensor(batch["candidates"])
    clicks, missing = torch.tensor(batch["clicks"]), candidates == 0
    seconds = []
    for _ in range(steps + 2):
        start = time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
        scores = (
            model.distinct(titles, clicked, clicks, candidates)
            if distinct
            else model(titles[clicked], clicks, titles[candidates])
        )
        loss = loss_of(scores, missing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seconds.append((time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()) - start)
    print(json.dumps({"secondsPerStep": float(np.median(seconds[2:]))}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--batch")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--distinct", action="store_true")
    options = parser.parse_args()
    if options.fixture:
        fixture(options.fixture)
    if options.speed:
        speed(options.batch, options.steps, options.distinct)
