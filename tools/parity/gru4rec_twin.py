"""GRU4Rec with torch.nn.GRU, in RecBole's form and in the authors', written from the description and independent of Ferry.

    python tools/parity/gru4rec_twin.py --fixture packages/morec/test/fixtures/gru4rec.json   # constants of the unit tests
    python tools/parity/gru4rec_twin.py --speed --sequences Beauty.txt [--packed]             # seconds an epoch
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
import torch.nn.functional as F

from sequences import encode, loss_case, padded, read, shaken, take_turns, weights_of, write


class GRU4Rec(nn.Module):
    def __init__(self, items, width=64, hidden=128, layers=1, bias=False, tied=True, output_bias=False, dropout=0.0):
        super().__init__()
        self.items = nn.Embedding(items + 1, width, padding_idx=0)
        self.layers = nn.GRU(width, hidden, layers, bias=bias, batch_first=True)
        self.projection = nn.Linear(hidden, width) if hidden != width else None
        self.output = None if tied else nn.Embedding(items + 1, width)
        self.output_bias = nn.Embedding(items + 1, 1) if output_bias else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, lengths=None):
        """[B, L] right-padded -> [B, L, E]; with lengths, packed."""
        x = self.dropout(self.items(ids))
        if lengths is None:
            states = self.layers(x)[0]
        else:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            states = pad_packed_sequence(self.layers(packed)[0], batch_first=True, total_length=ids.shape[1])[0]
        return self.projection(states) if self.projection else states

    def scores(self, rows, items):
        table = self.items if self.output is None else self.output
        scores = rows @ table.weight[items].T
        return scores if self.output_bias is None else scores + self.output_bias.weight[items, 0]


def bpr_max(positive, negatives, excluded, regulariser):
    """-log sum_j s_j sigmoid(p - r_j) + lambda sum_j s_j r_j^2, s a softmax over the negatives that count; row by row."""
    losses = []
    for p, row, out in zip(positive, negatives, excluded):
        r = row[~out]
        s = torch.softmax(r, 0)
        losses.append(-torch.log((s * torch.sigmoid(p - r)).sum()) + regulariser * (s * r * r).sum())
    return torch.stack(losses)


def names(name):
    first, _, rest = name.partition(".")
    if first == "layers":
        kind, side, layer = rest.split("_")
        return f"layers.{layer[1:]}.{'input' if side == 'ih' else 'state'}.{kind}"
    return {"items": "items.ids.", "output_bias": "outputBias."}.get(first, first + ".") + rest


def fixture(path):
    torch.manual_seed(1)
    sequences = [[1, 2, 3], [4, 5, 6, 7, 8], [9, 2], [10, 11, 3, 2, 4, 5, 6, 1], [3, 3, 3]]
    out = {"sequences": sequences, "items": 11, "drawn": [2, 7, 7, 9, 11], "forms": {}}
    ids, targets = padded([s[:-1] for s in sequences]), padded([s[1:] for s in sequences])
    forms = {
        "recbole": dict(width=4, hidden=6, layers=2),
        "paper": dict(width=5, hidden=5, bias=True, tied=False, output_bias=True),
    }
    for form, settings in forms.items():
        model = shaken(GRU4Rec(11, **settings))
        case = lambda loss: loss_case(model, names, loss)
        rows = lambda: model(ids)[targets > 0]
        wanted, all_items = targets[targets > 0], torch.arange(1, 12)
        drawn = torch.tensor(out["drawn"])
        columns = torch.cat([wanted, drawn])
        excluded = columns[None, :] == wanted[:, None]
        lasts = torch.tensor([len(s) - 2 for s in sequences])
        last = model(ids)[torch.arange(len(sequences)), lasts]
        scores = model.scores(rows(), columns)
        out["forms"][form] = {
            "weights": weights_of(model, names),
            "scores": encode(model.scores(last, torch.arange(12))),
            "cases": {
                "softmax": case(F.cross_entropy(model.scores(rows(), all_items), wanted - 1)),
                "last": case(
                    F.cross_entropy(
                        model.scores(last, all_items), padded(sequences).gather(1, lasts[:, None] + 1)[:, 0] - 1
                    )
                ),
                "bpr-max": case(bpr_max(scores.diagonal(), scores, excluded, 0.7).mean()),
            },
        }
    write(path, out)


def speed(o):
    torch.manual_seed(0)
    sequences = read(o.sequences)
    items = max(max(s) for s in sequences)
    model = GRU4Rec(items, dropout=0.3)
    optimizer = torch.optim.Adam(model.parameters())
    train = [s[:-2] for s in sequences if len(s) > 3]
    if o.form == "last":
        rows = [(s[:t][-50:], [s[t]]) for s in train for t in range(1, len(s))]
    else:
        rows = [(s[:-1][-50:], s[1:][-50:]) for s in train]
    order = np.random.default_rng(0).permutation(len(rows))
    steps = -(-len(rows) // o.batch)

    def step(at):
        batch = [rows[i] for i in order[at * o.batch : (at + 1) * o.batch]]
        lengths = torch.tensor([len(h) for h, _ in batch])
        width = int(lengths.max()) if o.packed else 50
        ids = padded([h for h, _ in batch], width)
        optimizer.zero_grad()
        out = model(ids, lengths if o.packed else None)
        if o.form == "last":
            vectors, wanted = out[torch.arange(len(batch)), lengths - 1], torch.tensor([t[0] for _, t in batch])
        else:
            targets = padded([t for _, t in batch], width)
            vectors, wanted = out[targets > 0], targets[targets > 0]
        if o.form == "bpr-max":
            columns = torch.cat([wanted, torch.randint(1, items + 1, (2048,))])
            scores = model.scores(vectors, columns)
            out_ = columns[None, :] == wanted[:, None]
            s = torch.softmax(scores.masked_fill(out_, -1e9), 1)
            wins = torch.sigmoid(scores.diagonal()[:, None] - scores)
            loss = (-torch.log((s * wins).sum(1) + 1e-24) + (s * scores * scores).sum(1)).mean()
        else:
            loss = F.cross_entropy(vectors @ model.items.weight[1:].T, wanted - 1)
        loss.backward()
        optimizer.step()

    take_turns(steps, step, lambda: range(steps))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--sequences")
    parser.add_argument("--form", default="softmax", choices=["softmax", "last", "bpr-max"])
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--batch", type=int, default=256)
    o = parser.parse_args()
    fixture(o.fixture) if o.fixture else speed(o)


main()
