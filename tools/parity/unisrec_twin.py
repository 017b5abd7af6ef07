"""UniSRec (Hou et al. 2022) in PyTorch, written from the description and independent of Ferry.

    python tools/parity/unisrec_twin.py --fixture packages/morec/test/fixtures/unisrec.json   # constants of the unit tests
    python tools/parity/unisrec_twin.py --speed --sequences Beauty.txt [--grouped]            # of inductive fine-tuning
"""

import argparse

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from sequences import encode, loss_case, padded, read, shaken, take_turns, weights_of, write


class Mixture(nn.Module):
    """Sum of g_e W_e (dropout(x) - b_e), g = softmax(x W_g + noise)."""

    def __init__(self, features, width, experts, dropout):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(features, width, bias=False) for _ in range(experts))
        self.shift = nn.ParameterList(nn.Parameter(torch.zeros(features)) for _ in range(experts))
        self.gate, self.noise = (nn.Parameter(torch.zeros(experts, features)) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, noisy):
        logits = x @ self.gate.T
        if noisy:
            logits = logits + torch.randn_like(logits) * (F.softplus(x @ self.noise.T) + 0.01)
        gates = torch.softmax(logits, 1)
        return sum(gates[:, e : e + 1] * w(self.dropout(x) - b) for e, (w, b) in enumerate(zip(self.experts, self.shift)))


class UniSRec(nn.Module):
    def __init__(self, items, features, width=300, heads=2, layers=2, inner=256, positions=50, experts=8, ids=True,
                 dropout=0.5, adapter_dropout=0.2):
        super().__init__()
        self.text = Mixture(features, width, experts, adapter_dropout)
        self.items = nn.Embedding(items + 1, width) if ids else None
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        layer = nn.TransformerEncoderLayer(width, heads, inner, dropout, "gelu", layer_norm_eps=1e-12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        for p in self.parameters():
            if p.dim() == 2:
                p.data.normal_(0, 0.02)
        self.text.gate.data.zero_(), self.text.noise.data.zero_()
        if ids:
            self.items.weight.data[0] = 0

    def vectors(self, features, noisy=False):
        """[N + 1, F] -> [N + 1, D], row 0 of padding."""
        x = self.text(features, noisy)
        x = torch.cat([torch.zeros_like(x[:1]), x[1:]])
        return x if self.items is None else x + self.items.weight

    def forward(self, tokens, lengths):
        """[B, L, D] of right-padded histories -> [B, D], of length 1."""
        L = tokens.shape[1]
        x = self.dropout(self.norm(tokens + self.positions.weight[:L]))
        causal = torch.ones(L, L, dtype=torch.bool).triu(1)
        out = self.encoder(x, mask=causal, src_key_padding_mask=torch.arange(L)[None, :] >= lengths[:, None])
        return F.normalize(out[torch.arange(len(out)), lengths - 1], dim=1)


def contrast(a, b, same, temperature=0.07):
    """Row i of b is the positive of row i of a; other rows of the same item are no negatives."""
    logits = (a @ b.T / temperature).masked_fill(same & ~torch.eye(len(a), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(a)))


def names(name):
    first, _, rest = name.partition(".")
    if first == "text":
        kind, _, number = rest.partition(".")
        if kind == "shift":
            return f"text.experts.{number}.bias"
        return f"text.{rest}"
    if first == "encoder":
        rest = rest.replace("self_attn.in_proj_", "selfAttention.inProjection.").replace(
            "self_attn.out_proj", "selfAttention.outProjection"
        )
        return f"encoder.{rest}"
    return f"{ {'items': 'ids', 'norm': 'inputNorm'}.get(first, first) }.{rest}"


def fixture(path):
    torch.manual_seed(3)
    N, width = 9, 5
    features = torch.cat([torch.zeros(1, width), torch.randn(N, width)])
    histories = [[1, 2], [4, 5, 6, 7], [9], [8, 1, 3], [3, 3]]
    targets = torch.tensor([3, 8, 2, 3, 5])
    views = [[2], [4, 5, 7], [9], [8, 3], [3, 3]]
    lengths, shorter = (torch.tensor([len(h) for h in own]) for own in (histories, views))
    out = {
        "histories": histories,
        "targets": targets.tolist(),
        "views": views,
        "features": encode(features[1:]),
        "items": N,
        "forms": {},
    }
    for form in ("inductive", "transductive"):
        model = shaken(
            UniSRec(N, width, 4, 2, 2, 6, 6, experts=3, ids=form == "transductive", dropout=0.0, adapter_dropout=0.0)
        )
        table = lambda: model.vectors(features)
        queries = lambda own, n: model(table()[padded(own)], n)
        scores = lambda: queries(histories, lengths) @ F.normalize(table(), dim=1).T / 0.07
        cases = {"softmax": loss_case(model, names, F.cross_entropy(scores()[:, 1:], targets - 1))}
        if form == "inductive":
            u, v = queries(histories, lengths), F.normalize(table()[targets], dim=1)
            same = targets[:, None] == targets[None, :]
            loss = contrast(u, v, same) + 0.3 * contrast(u, queries(views, shorter), same)
            cases["contrast"] = loss_case(model, names, loss)
        out["forms"][form] = {"weights": weights_of(model, names), "scores": encode(scores()), "cases": cases}
    write(path, out)


def speed(o):
    torch.manual_seed(0)
    sequences = read(o.sequences)
    items = max(max(s) for s in sequences)
    features = torch.randn(items + 1, 512)
    model = UniSRec(items, 512, ids=False)
    optimizer = torch.optim.Adam(model.parameters())
    rows = [(s[:t][-50:], s[t]) for s in sequences for t in range(1, len(s) - 2)]
    order = np.random.default_rng(0).permutation(len(rows))
    steps = -(-len(rows) // o.batch)

    def step(at):
        batch = [rows[i] for i in order[at * o.batch : (at + 1) * o.batch]]
        parts = [batch]
        if o.grouped:
            batch.sort(key=lambda row: len(row[0]))
            n = len(batch)
            parts = [
                batch[a:b]
                for a, b in zip([0, n // 2, 3 * n // 4, 7 * n // 8], [n // 2, 3 * n // 4, 7 * n // 8, n])
                if b > a
            ]
        optimizer.zero_grad()
        table = model.vectors(features, True)
        queries = torch.cat([
            model(table[padded([h for h, _ in part], None if o.grouped else 50)], torch.tensor([len(h) for h, _ in part]))
            for part in parts
        ])
        wanted = torch.tensor([t for part in parts for _, t in part])
        F.cross_entropy(queries @ F.normalize(table[1:], dim=1).T / 0.07, wanted - 1).backward()
        optimizer.step()

    take_turns(steps, step, lambda: range(steps))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--sequences")
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--batch", type=int, default=512)
    o = parser.parse_args()
    fixture(o.fixture) if o.fixture else speed(o)


main()
