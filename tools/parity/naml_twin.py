"""NAML in PyTorch, written from the paper's equations, independent of Ferry.

    python tools/parity/naml_twin.py --fixture packages/nrms/test/fixtures/naml.json

Scores, loss and gradients at the paper's sizes, in double precision. Every text, every news and every user is computed
by itself, at its own length: nothing is padded, so nothing need be hidden. Weights are functions of their names
(nn_values.fill). Needs torch and numpy only.
"""

import argparse
import json
import os

import torch
from torch import nn
import torch.nn.functional as F

from nn_values import flat
from nrms_twin import CANDIDATES, HISTORIES, TITLES, WORDS, first, loss_of, sample

WORD, FILTERS, WINDOW, QUERY, LABEL = 300, 400, 3, 200, 100
# News 5 has neither title nor abstract, news 7 has nothing but a title.
ABSTRACTS = [[], [9, 2, 2, 3, 17, 11], [], [4], [20, 21, 22, 23], [], [1, 5, 6], [], [12, 13, 14, 15, 16]]
CATEGORIES = [0, 1, 2, 1, 0, 2, 3, 0, 1]
SUBCATEGORIES = [0, 2, 1, 0, 3, 0, 4, 0, 1]


class Text(nn.Module):
    """A convolution over the words, then additive attention."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(WORD, FILTERS, WINDOW, padding=WINDOW // 2)
        self.w, self.query = nn.Linear(FILTERS, QUERY), nn.Parameter(torch.zeros(QUERY))

    def pool(self, h):
        """Vectors [L, F] to one."""
        return (torch.tanh(self.w(h)) @ self.query).softmax(0) @ h

    def forward(self, x):
        return self.pool(F.relu(self.convolution(x.T[None])[0].T))

    def named(self):
        return {
            "convolution.weight": self.convolution.weight,
            "convolution.bias": self.convolution.bias,
            "pooling.projection.weight": self.w.weight,
            "pooling.projection.bias": self.w.bias,
            "pooling.query": self.query,
        }


class Additive(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.w, self.query = nn.Linear(width, QUERY), nn.Parameter(torch.zeros(QUERY))

    def forward(self, h):
        return (torch.tanh(self.w(h)) @ self.query).softmax(0) @ h

    def named(self):
        return {"projection.weight": self.w.weight, "projection.bias": self.w.bias, "query": self.query}


class Label(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.table, self.projection = nn.Embedding(count, LABEL), nn.Linear(LABEL, FILTERS)

    def forward(self, label):
        return F.relu(self.projection(self.table(torch.tensor(label))))

    def named(self):
        return {
            "table.weight": self.table.weight,
            "projection.weight": self.projection.weight,
            "projection.bias": self.projection.bias,
        }


class Naml(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, WORD)
        self.title, self.abstract = Text(), Text()
        self.category, self.subcategory = Label(max(CATEGORIES) + 1), Label(max(SUBCATEGORIES) + 1)
        self.views, self.user = Additive(FILTERS), Additive(FILTERS)

    def news(self, n):
        """Views that the news lacks take no part; one that lacks all is zero."""
        own = []
        if TITLES[n]:
            own.append(self.title(self.words(torch.tensor(TITLES[n]))))
        if ABSTRACTS[n]:
            own.append(self.abstract(self.words(torch.tensor(ABSTRACTS[n]))))
        if CATEGORIES[n]:
            own.append(self.category(CATEGORIES[n]))
        if SUBCATEGORIES[n]:
            own.append(self.subcategory(SUBCATEGORIES[n]))
        return self.views(torch.stack(own)) if own else torch.zeros(FILTERS, dtype=torch.double)

    def forward(self):
        vectors = torch.stack([self.news(n) for n in range(len(TITLES))])
        users = [self.user(vectors[own]) if own else torch.zeros(FILTERS, dtype=torch.double) for own in HISTORIES]
        return (vectors[torch.tensor(CANDIDATES)] * torch.stack(users)[:, None]).sum(2)

    def named(self):
        own = {"words.weight": self.words.weight}
        for part, name in [
            ("title", "title"),
            ("abstract", "abstract"),
            ("category", "category"),
            ("subcategory", "subcategory"),
        ]:
            own |= {f"{name}.{key}": t for key, t in getattr(self, part).named().items()}
        own |= {f"join.attention.{key}": t for key, t in self.views.named().items()}
        return own | {f"user.pooling.{key}": t for key, t in self.user.named().items()}


def layout(name, tensor):
    """A tensor as Ferry holds it: of a window the first word first."""
    return tensor.permute(0, 2, 1).flatten(1) if name.endswith("convolution.weight") else tensor


def set_weights(model):
    with torch.no_grad():
        for name, tensor in model.named().items():
            values = first(name, layout(name, tensor).shape)
            if name.endswith("convolution.weight"):
                values = values.unflatten(1, (tensor.shape[2], tensor.shape[1])).permute(0, 2, 1)
            tensor.copy_(values)


def case(model, **about):
    model.double()
    set_weights(model)
    scores = model()
    loss = loss_of(scores, torch.tensor(CANDIDATES) == 0)
    loss.backward()
    named = model.named().items()
    grad = lambda t: torch.zeros_like(t) if t.grad is None else t.grad
    gradients = {name: sample(layout(name, grad(t)).contiguous()) for name, t in named}
    return {**about, "scores": flat(scores), "loss": loss.item(), "gradients": gradients}


def content(cases, **more):
    return {
        "titles": TITLES,
        "categories": CATEGORIES,
        "subcategories": SUBCATEGORIES,
        "histories": HISTORIES,
        "candidates": CANDIDATES,
        "words": WORDS,
        **more,
        "cases": cases,
    }


def write(path, found):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(found, file)
        file.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture", required=True)
    write(parser.parse_args().fixture, content([case(Naml(), settings={"preset": "paper"})], abstracts=ABSTRACTS))
