"""BERT4Rec (Sun et al. 2019) with torch.nn.TransformerEncoder, written from the description and independent of Ferry.

    python tools/parity/bert4rec_twin.py --fixture packages/morec/test/fixtures/bert4rec.json  # constants of unit tests
    python tools/parity/bert4rec_twin.py --speed --sequences Beauty.txt [--grouped]            # seconds an epoch
"""

import argparse

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from sequences import encode, loss_case, padded, read, shaken, take_turns, weights_of, write


class BERT4Rec(nn.Module):
    """Row 0 of the item table is padding, row N + 1 the mask. Padded on the left or on the right to `positions`."""

    def __init__(
        self, items, width=64, heads=2, layers=2, inner=256, positions=50, dropout=0.0, head=True, bias=True, left=True
    ):
        super().__init__()
        self.items = nn.Embedding(items + 1, width)
        self.mask = nn.Embedding(1, width)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        layer = nn.TransformerEncoderLayer(width, heads, inner, dropout, "gelu", layer_norm_eps=1e-12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, width) if head else None
        self.head_norm = nn.LayerNorm(width, eps=1e-12) if head else None
        self.bias = nn.Embedding(items + 1, 1) if bias else None
        self.dropout, self.left = nn.Dropout(dropout), left
        for p in self.parameters():
            if p.dim() == 2:
                p.data.normal_(0, 0.02)
        self.items.weight.data[0] = 0

    def forward(self, tokens, lengths):
        """[B, L] right-padded, the mask being N + 1 -> [B, L, D]."""
        L, P = tokens.shape[1], len(self.positions.weight)
        table = torch.cat([self.items.weight, self.mask.weight])
        places = torch.arange(L)[None, :] + (P - lengths[:, None] if self.left else 0)
        x = self.dropout(self.norm(table[tokens] + self.positions(places.clamp(max=P - 1))))
        return self.encoder(x, src_key_padding_mask=torch.arange(L)[None, :] >= lengths[:, None])

    def scores(self, rows):
        if self.head is not None:
            rows = self.head_norm(F.gelu(self.head(rows)))
        scores = rows @ self.items.weight.T
        return scores if self.bias is None else scores + self.bias.weight[:, 0]


def names(name):
    first, _, rest = name.partition(".")
    if first == "encoder":
        rest = rest.replace("self_attn.in_proj_", "selfAttention.inProjection.").replace(
            "self_attn.out_proj", "selfAttention.outProjection"
        )
        return f"encoder.{rest}"
    own = {"items": "items.ids", "norm": "inputNorm", "head": "head.linear", "head_norm": "head.norm", "bias": "outputBias"}
    return f"{own.get(first, first)}.{rest}"


def fixture(path):
    sequences = [[1, 2, 3], [4, 5, 6, 7, 8], [9, 2], [10, 11, 3, 2, 4, 5], [3, 3, 3]]
    masks = [[1], [0, 3, 4], [1], [0], [2, 1]]
    N = 11
    out = {"sequences": sequences, "masks": masks, "items": N, "positions": 7, "forms": {}}
    lengths = torch.tensor([len(s) for s in sequences])
    hidden = [[N + 1 if l in m else item for l, item in enumerate(s)] for s, m in zip(sequences, masks)]
    torch.manual_seed(1)
    for form, more in {"paper": {}, "recbole": dict(head=False, bias=False, left=False)}.items():
        model = shaken(BERT4Rec(N, width=4, heads=2, layers=2, inner=6, positions=7, **more))
        asked = model(padded([s + [N + 1] for s in sequences]), lengths + 1)[torch.arange(len(sequences)), lengths]
        rows = lambda: torch.stack([x[l] for x, m in zip(model(padded(hidden), lengths), masks) for l in m])
        wanted = torch.tensor([s[l] for s, m in zip(sequences, masks) for l in m])
        masked = padded([s[:-1] + [N + 1] for s in sequences])
        last = lambda: model(masked, lengths)[torch.arange(len(sequences)), lengths - 1]
        case = lambda loss: loss_case(model, names, loss)
        out["forms"][form] = {
            "weights": weights_of(model, names),
            "scores": encode(model.scores(asked)),
            "cases": {
                "masked": case(F.cross_entropy(model.scores(rows())[:, 1:], wanted - 1)),
                "last": case(F.cross_entropy(model.scores(last())[:, 1:], torch.tensor([s[-1] for s in sequences]) - 1)),
            },
        }
    write(path, out)


def speed(o):
    torch.manual_seed(0)
    sequences = read(o.sequences)
    items = max(max(s) for s in sequences)
    model = BERT4Rec(items, dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters())
    train = [s[:-2][-50:] for s in sequences if len(s) > 3]
    rng = np.random.default_rng(0)
    order = rng.permutation(len(train))
    steps = -(-len(train) // o.batch)

    def step(at):
        batch = [train[i] for i in order[at * o.batch : (at + 1) * o.batch]]
        parts = [batch]
        if o.grouped:
            batch.sort(key=len)
            n = len(batch)
            parts = [
                batch[a:b]
                for a, b in zip([0, n // 2, 3 * n // 4, 7 * n // 8], [n // 2, 3 * n // 4, 7 * n // 8, n])
                if b > a
            ]
        optimizer.zero_grad()
        rows, wanted = [], []
        for part in parts:
            lengths = torch.tensor([len(s) for s in part])
            ids = padded(part, None if o.grouped else 50)
            masks = (torch.rand(ids.shape) < 0.2) & (ids > 0)
            rows.append(model(torch.where(masks, items + 1, ids), lengths)[masks])
            wanted.append(ids[masks])
        loss = F.cross_entropy(model.scores(torch.cat(rows))[:, 1:], torch.cat(wanted) - 1)
        loss.backward()
        optimizer.step()

    take_turns(steps, step, lambda: range(steps))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--sequences")
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--batch", type=int, default=256)
    o = parser.parse_args()
    fixture(o.fixture) if o.fixture else speed(o)


main()
