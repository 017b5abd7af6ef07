"""SASRec (Kang and McAuley 2018) in PyTorch, in the post-norm form of S3Rec and RecBole, written from the method's
description and independent of Ferry.

    python tools/parity/sasrec_twin.py --fixture packages/morec/test/fixtures/sasrec.json   # constants of the unit tests
    python tools/parity/sasrec_twin.py --checkpoints packages/morec/test/fixtures           # small files of both lineages
    python tools/parity/sasrec_twin.py --evaluate sasrec-beauty.pt --sequences Beauty.txt   # of a published checkpoint
    python tools/parity/sasrec_twin.py --speed --sequences Beauty.txt --form positions-bce  # an epoch, the full ranking

Forms of training (--form): `positions-bce` (every position, BCE, one uniform negative each), `last-softmax` (the last
position of each prefix, full softmax), `positions-softmax` (every position, full softmax), `positions-sampled` (every
position, softmax over the target and 256 uniform negatives of its own). `--grouped` sorts the sequences of a batch into
groups by length instead of padding all to 50.

Needs torch and numpy only. A line of the sequences is `user item item ...`, oldest first, items numbered from 1.
"""

import argparse
import base64
import json

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from sequences import clock, take_turns


class Layer(nn.Module):
    """Self-attention and a feed-forward block, each with a residual sum and a normalisation after it."""

    def __init__(self, width, heads, inner, dropout):
        super().__init__()
        self.heads, self.rate = heads, dropout
        self.query, self.key, self.value, self.dense = (nn.Linear(width, width) for _ in range(4))
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.dense_1, self.dense_2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        B, L, D = x.shape
        split = lambda y: y.view(B, L, self.heads, D // self.heads).transpose(1, 2)
        rate = self.rate if self.training else 0.0
        y = F.scaled_dot_product_attention(
            split(self.query(x)), split(self.key(x)), split(self.value(x)), attn_mask=mask, dropout_p=rate
        )
        x = self.norm1(self.dropout(self.dense(y.transpose(1, 2).reshape(B, L, D))) + x)
        return self.norm2(self.dropout(self.dense_2(F.gelu(self.dense_1(x)))) + x)


class SASRec(nn.Module):
    """Left-padded histories of up to `positions` items; the item table is tied to the output."""

    def __init__(self, items, width=64, heads=2, layers=2, inner=256, positions=50, dropout=0.5):
        super().__init__()
        self.items = nn.Embedding(items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, inner, dropout) for _ in range(layers))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(0.0, 0.02)
            if isinstance(module, nn.Linear):
                module.bias.data.zero_()
        self.items.weight.data[0] = 0

    def forward(self, ids):
        """[B, L] left-padded -> [B, L, D]; L may be shorter than the table of positions, whose last L rows are then
        taken."""
        L = ids.shape[1]
        x = self.items(ids) + self.positions.weight[len(self.positions.weight) - L :]
        x = self.dropout(self.norm(x))
        seen = (ids > 0)[:, None, None, :] & torch.ones(L, L, dtype=torch.bool).tril()
        mask = torch.where(seen, 0.0, -1e4)
        for layer in self.layers:
            x = layer(x, mask)
        return x


def padded(histories, length):
    ids = torch.zeros(len(histories), length, dtype=torch.long)
    for row, history in enumerate(histories):
        kept = history[-length:]
        ids[row, length - len(kept) :] = torch.tensor(kept)
    return ids


def read(path):
    return [[int(x) for x in line.split()[1:]] for line in open(path)]


def loss_of(form, model, vectors, targets, items):
    """vectors [R, D], targets [R]."""
    table = model.items.weight
    if form == "positions-bce":
        negatives = torch.randint(1, items + 1, targets.shape)
        positive, negative = (vectors * table[targets]).sum(-1), (vectors * table[negatives]).sum(-1)
        return (F.softplus(-positive) + F.softplus(negative)).mean()
    if form == "positions-sampled":
        columns = torch.cat([targets[:, None], torch.randint(1, items + 1, (len(targets), 256))], 1)
        scores = torch.einsum("rd,rcd->rc", vectors, table[columns])
        return F.cross_entropy(scores, torch.zeros_like(targets))
    scores = vectors @ table.T
    return F.cross_entropy(scores[:, 1:], targets - 1)


def batches(form, sequences, size, positions, grouped, rng):
    """Pairs of left-padded inputs [B, L] and targets: [B, L] with 0 where none, or [B]."""
    if form == "last-softmax":
        rows = [(s[max(0, t - positions) : t], s[t]) for s in sequences for t in range(1, len(s))]
    else:
        rows = [(s[:-1][-positions:], s[1:][-positions:]) for s in sequences if len(s) > 1]
    order = rng.permutation(len(rows))
    for start in range(0, len(rows), size):
        batch = [rows[i] for i in order[start : start + size]]
        parts = [batch]
        if grouped:
            batch.sort(key=lambda row: len(row[0]))
            n = len(batch)
            cuts = [0, n // 2, 3 * n // 4, 7 * n // 8, n]
            parts = [batch[a:b] for a, b in zip(cuts, cuts[1:]) if b > a]
        yield [
            (
                padded([h for h, _ in part], max(len(h) for h, _ in part) if grouped else positions),
                torch.tensor([t for _, t in part])
                if form == "last-softmax"
                else padded([t for _, t in part], max(len(h) for h, _ in part) if grouped else positions),
            )
            for part in parts
        ]


def step(form, model, optimizer, batch, items):
    optimizer.zero_grad()
    vectors, wanted = [], []
    for ids, targets in batch:
        out = model(ids)
        if form == "last-softmax":
            vectors.append(out[:, -1])
            wanted.append(targets)
        else:
            vectors.append(out[targets > 0])
            wanted.append(targets[targets > 0])
    loss = loss_of(form, model, torch.cat(vectors), torch.cat(wanted), items)
    loss.backward()
    optimizer.step()
    return loss.item()


def ranks_of(model, sequences, positions, size=256):
    model.eval()
    ranks = []
    with torch.no_grad():
        for start in range(0, len(sequences), size):
            rows = sequences[start : start + size]
            scores = model(padded([s[:-1] for s in rows], positions))[:, -1] @ model.items.weight.T
            scores[:, 0] = -torch.inf
            targets = torch.tensor([s[-1] for s in rows])
            for row, s in enumerate(rows):
                scores[row, list(set(s[:-1]) - {s[-1]})] = -torch.inf
            own = scores.gather(1, targets[:, None])
            ranks += (1 + (scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2).tolist()
    model.train()
    return np.array(ranks)


def metrics(ranks):
    return {
        f"{name}@{k}": round(float(value), 4)
        for k in (5, 10, 20)
        for name, value in (
            ("hr", (ranks <= k).mean()),
            ("ndcg", np.where(ranks <= k, 1 / np.log2(ranks + 1), 0).mean()),
        )
    }


def published(path):
    weights = torch.load(path, weights_only=True, map_location="cpu")
    model = SASRec(weights["item_embeddings.weight"].shape[0] - 1, layers=2)
    own = {
        "items.weight": weights["item_embeddings.weight"],
        "positions.weight": weights["position_embeddings.weight"],
        "norm.weight": weights["LayerNorm.weight"],
        "norm.bias": weights["LayerNorm.bias"],
    }
    names = {"query": "attention.query", "key": "attention.key", "value": "attention.value", "dense": "attention.dense",
             "norm1": "attention.LayerNorm", "dense_1": "intermediate.dense_1", "dense_2": "intermediate.dense_2",
             "norm2": "intermediate.LayerNorm"}
    for layer in range(2):
        for name, theirs in names.items():
            for part in ("weight", "bias"):
                own[f"layers.{layer}.{name}.{part}"] = weights[f"item_encoder.layer.{layer}.{theirs}.{part}"]
    model.load_state_dict(own)
    return model


def fixture(path):
    """A small model, two batches of different lengths, its vectors, and loss and gradients of all four forms without
    dropout."""
    torch.manual_seed(1)
    items, positions = 23, 6
    model = SASRec(items, width=8, heads=2, layers=2, inner=16, positions=positions, dropout=0.0)
    for p in model.parameters():
        p.data.add_(torch.randn_like(p) * 0.1)
    model.items.weight.data[0] = 0
    sequences = [[1, 2, 3], [4, 5, 6, 7, 8], [9, 2], [10, 11, 12, 13, 14, 15, 16, 1], [3, 3, 3]]
    ids, targets = padded([s[:-1] for s in sequences], positions), padded([s[1:] for s in sequences], positions)
    encode = lambda t: {
        "shape": list(t.shape),
        "float32": base64.b64encode(t.detach().numpy().astype("<f4").tobytes()).decode(),
    }
    negatives = torch.randint(1, items + 1, (int((targets > 0).sum()), 5))
    out = {"sequences": sequences, "items": items, "positions": positions, "negatives": negatives.tolist(),
           "weights": {n: encode(p) for n, p in model.state_dict().items()}, "vectors": encode(model(ids)), "forms": {}}
    for form in ("bce", "softmax", "sampled", "last"):
        model.zero_grad()
        rows = model(ids)[targets > 0] if form != "last" else model(ids)[:, -1]
        wanted = targets[targets > 0] if form != "last" else targets[:, -1]
        table = model.items.weight
        if form == "bce":
            n = table[negatives[:, 0]]
            loss = F.softplus(-(rows * table[wanted]).sum(-1)).mean() + F.softplus((rows * n).sum(-1)).mean()
        elif form == "sampled":
            columns = torch.cat([wanted[:, None], negatives], 1)
            loss = F.cross_entropy(torch.einsum("rd,rcd->rc", rows, table[columns]), torch.zeros_like(wanted))
        else:
            loss = F.cross_entropy(rows @ table[1:].T, wanted - 1)
        loss.backward()
        out["forms"][form] = {"loss": loss.item(), "gradients": {n: encode(p.grad) for n, p in model.named_parameters()}}
    json.dump(out, open(path, "w"))


def checkpoints(folder):
    """One small model as S3Rec and as RecBole save it; its vectors of histories padded on the left, and on the right."""
    torch.manual_seed(2)
    model = SASRec(9, width=8, heads=2, layers=2, inner=16, positions=6, dropout=0.0).eval()
    for p in model.parameters():
        p.data.add_(torch.randn_like(p) * 0.3)
    theirs = {
        "s3rec": {"items": "item_embeddings", "positions": "position_embeddings", "layers": "item_encoder.layer",
                  "attention": "attention", "feed": "intermediate"},
        "recbole": {"items": "item_embedding", "positions": "position_embedding", "layers": "trm_encoder.layer",
                    "attention": "multi_head_attention", "feed": "feed_forward"},
    }

    def renamed(name, names):
        first, *rest = name.split(".")
        if first == "norm":
            return ".".join(["LayerNorm", *rest])
        if first != "layers":
            return ".".join([names[first], *rest])
        layer, part, *rest = rest
        own = {"norm1": (names["attention"], "LayerNorm"), "norm2": (names["feed"], "LayerNorm")}
        place = own.get(part) or (names["feed"] if part.startswith("dense_") else names["attention"], part)
        return ".".join([names["layers"], layer, *place, *rest])

    states = {l: {renamed(n, names): p for n, p in model.state_dict().items()} for l, names in theirs.items()}
    torch.save(states["s3rec"], f"{folder}/s3rec.pt")
    torch.save(states["s3rec"], f"{folder}/s3rec-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": states["recbole"]}, f"{folder}/recbole.pth")
    torch.save({"w": torch.ones(2)}, f"{folder}/other.pt")
    histories = [[1, 2, 3], [7], [8, 7, 6, 5, 4, 3]]
    with torch.no_grad():
        left = [model(padded([h], 6))[0, -1].tolist() for h in histories]
        right = []
        for h in histories:
            x = model.items(torch.tensor([h])) + model.positions.weight[: len(h)]
            x, mask = model.norm(x), torch.where(torch.ones(len(h), len(h), dtype=torch.bool).tril(), 0.0, -1e4)
            for layer in model.layers:
                x = layer(x, mask)
            right.append(x[0, -1].tolist())
    json.dump(
        {"histories": histories, "vectors": {"s3rec": left, "recbole": right}}, open(f"{folder}/checkpoints.json", "w")
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--checkpoints")
    parser.add_argument("--evaluate")
    parser.add_argument("--sequences")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--form", default="positions-bce")
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--ranking", action="store_true")
    o = parser.parse_args()
    if o.fixture:
        return fixture(o.fixture)
    if o.checkpoints:
        return checkpoints(o.checkpoints)
    sequences = read(o.sequences)
    if o.evaluate:
        start = clock()
        print(json.dumps({**metrics(ranks_of(published(o.evaluate), sequences, 50)), "seconds": round(clock() - start, 1)}))
    if o.speed:
        torch.manual_seed(0)
        items = max(max(s) for s in sequences)
        train = [s[:-2] for s in sequences if len(s) > 3]
        model = SASRec(items, width=o.width, inner=4 * o.width)
        optimizer = torch.optim.Adam(model.parameters())
        rows = sum(len(s) - 1 for s in train) if o.form == "last-softmax" else len(train)
        count = -(-rows // o.batch)
        if o.ranking:
            start = clock()
            ranks_of(model, sequences, 50)
            return print(json.dumps({"rankingSeconds": round(clock() - start, 2)}))
        take_turns(
            count,
            lambda batch: step(o.form, model, optimizer, batch, items),
            lambda: batches(o.form, train, o.batch, 50, o.grouped, np.random.default_rng(0)),
        )


if __name__ == "__main__":
    main()
