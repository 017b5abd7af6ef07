"""DSSM as IDvs.MoRec describes it, in PyTorch, written from the description and independent of Ferry.

    python tools/parity/dssm_twin.py --fixture packages/morec/test/fixtures/dssm.json   # constants of the unit tests
    python tools/parity/dssm_twin.py --speed --sequences Beauty.txt                     # seconds an epoch
"""

import argparse

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from sequences import encode, loss_case, padded, read, shaken, take_turns, weights_of, write


class DSSM(nn.Module):
    """user vector . item vector, each a table's row through k times dropout, linear, GELU."""

    def __init__(self, users, items, width, layers, dropout=0.0):
        super().__init__()
        self.users = nn.Embedding(users, width)
        self.items = nn.Embedding(items + 1, width)
        mlp = lambda: nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.user_mlp, self.item_mlp = mlp(), mlp()
        self.dropout = nn.Dropout(dropout)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.xavier_normal_(p)

    def through(self, mlp, x):
        for layer in mlp:
            x = F.gelu(layer(self.dropout(x)))
        return x

    def user(self, ids):
        return self.through(self.user_mlp, self.users(ids))

    def item(self, ids):
        return self.through(self.item_mlp, self.items(ids))

    def history(self, ids):
        """The mean of the vectors of right-padded histories [B, L]."""
        inside = (ids > 0).float()[:, :, None]
        return self.through(self.user_mlp, (self.item(ids) * inside).sum(1) / inside.sum(1))


def bce(u, positive, negative):
    """Mean over positives plus mean over negatives: twice the authors' mean over both."""
    return F.softplus(-(u * positive).sum(-1)).mean() + F.softplus((u * negative).sum(-1)).mean()


def in_batch(u, columns, users, items, own, share):
    """Spec 5.5 (B), literally: a row's own items are no negatives, and log of the item's share is taken off."""
    scores = u @ columns.T - torch.log(share[items])[None, :]
    for r in range(len(users)):
        for c in range(len(items)):
            if c != r and items[c].item() in own[users[r].item()]:
                scores[r, c] = -1e4
    return F.cross_entropy(scores, torch.arange(len(users)))


def names(name):
    return {"users.weight": "users.weight", "items.weight": "items.ids.weight"}.get(name) or (
        name.replace("user_mlp", "userMlp").replace("item_mlp", "items.mlp")
    )


def fixture(path):
    torch.manual_seed(1)
    model = shaken(DSSM(5, 9, width=4, layers=2))
    sequences = [[1, 2, 3], [4, 5, 6, 7], [9, 2, 4], [8, 1], [3, 3, 5]]
    share = torch.zeros(10)
    for item in sum(sequences, []):
        share[item] += 1
    share = share / share.sum()
    own = {u: set(s) for u, s in enumerate(sequences)}
    users, items = torch.tensor([0, 1, 1, 2, 4, 3]), torch.tensor([2, 5, 7, 4, 3, 1])
    histories = [[1], [4], [4, 5, 6], [9, 2], [3], [8]]
    negatives = torch.tensor([5, 1, 2, 3, 9, 6])
    case = lambda loss, **more: loss_case(model, names, loss, **more)
    out = {"sequences": sequences, "items": 9, "users": users.tolist(), "targets": items.tolist(), "histories": histories,
           "negatives": negatives.tolist(), "weights": weights_of(model, names),
           "scores": encode(model.user(users) @ model.item(torch.arange(10)).T), "cases": {}}
    for kind, query in (("id", lambda: model.user(users)), ("history", lambda: model.history(padded(histories)))):
        out["cases"][kind] = {
            "bce": case(bce(query(), model.item(items), model.item(negatives))),
            "in-batch": case(in_batch(query(), model.item(items), users, items, own, share)),
            "softmax": case(F.cross_entropy(query() @ model.item(torch.arange(1, 10)).T, items - 1)),
        }
    write(path, out)


def speed(o):
    torch.manual_seed(0)
    sequences = read(o.sequences)
    count = max(max(s) for s in sequences)
    pairs = np.array([(u, i) for u, s in enumerate(sequences) for i in s[:-2]])
    share = torch.tensor(np.bincount(pairs[:, 1], minlength=count + 1) / len(pairs)).float().clamp_min(1e-9).log()
    model = DSSM(len(sequences), count, width=64, layers=0)
    optimizer = torch.optim.Adam(model.parameters())
    taken = [set(s[:-2]) for s in sequences]
    own = np.unique(pairs[:, 0] * (count + 1) + pairs[:, 1])
    rng = np.random.default_rng(0)
    order = rng.permutation(len(pairs))
    steps = -(-len(pairs) // o.batch)

    def step(at):
        picked = pairs[order[at * o.batch : (at + 1) * o.batch]]
        users, items = torch.tensor(picked[:, 0]), torch.tensor(picked[:, 1])
        optimizer.zero_grad()
        u, v = model.user(users), model.item(items)
        if o.form == "bce":
            drawn = rng.integers(1, count + 1, len(picked))
            for r in range(len(drawn)):
                while drawn[r] in taken[picked[r, 0]]:
                    drawn[r] = rng.integers(1, count + 1)
            loss = bce(u, v, model.item(torch.tensor(drawn)))
        else:
            keys = picked[:, 0][:, None] * (count + 1) + picked[:, 1][None, :]
            out = np.isin(keys, own)
            np.fill_diagonal(out, False)
            scores = (u @ v.T - share[items]).masked_fill(torch.tensor(out), -1e4)
            loss = F.cross_entropy(scores, torch.arange(len(picked)))
        loss.backward()
        optimizer.step()

    take_turns(steps, step, lambda: range(steps))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--sequences")
    parser.add_argument("--form", default="in-batch", choices=["in-batch", "bce"])
    parser.add_argument("--batch", type=int, default=1024)
    o = parser.parse_args()
    fixture(o.fixture) if o.fixture else speed(o)


main()
