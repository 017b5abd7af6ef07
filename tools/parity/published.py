"""Constants of the tests that stand in for the published ones where no real data is: counts, norms, interests and a
checkpoint's metrics on generated data, by numpy and PyTorch alone. Prints what
packages/{data,features,interests,morec}/test/published.test.ts hold.

    python tools/parity/published.py
"""

import os
from collections import Counter

import numpy as np
import torch

from generated import mixed, sequence
from sasrec_twin import SASRec, padded

ITEMS, WIDTH = 120, 512


def counts(users):
    sequences = [sequence(user, ITEMS) for user in range(users)]
    interactions = sum(map(len, sequences))
    popularity = Counter(item for own in sequences for item in own[:-2])
    edges = ((0, 0), (1, 4), (5, 9), (10, 19), (20, None))
    inside = lambda item, low, high: low <= popularity[item] and (high is None or popularity[item] <= high)
    print("users, items, interactions, training rows:", users, ITEMS, interactions, sum(len(own) - 3 for own in sequences))
    for low, high in edges:
        items = sum(inside(item, low, high) for item in range(ITEMS))
        rows = sum(inside(own[-1], low, high) for own in sequences)
        print(f"  items of {low} to {high}: {items}, test rows {rows}")


def features():
    for suffix, salt in (("feat1CLS", 0), ("feat3CLS", 10_000_000)):
        at = np.arange(ITEMS * WIDTH) % ((ITEMS - 10) * WIDTH)
        values = np.array([(mixed(salt + int(i)) >> 8) / 2**24 - 0.5 for i in at]).reshape(ITEMS, WIDTH)
        norms = np.linalg.norm(values, axis=1)
        distinct = len(np.unique(values.astype("<f4"), axis=0))
        print(suffix, "norms", round(norms.min(), 4), round(norms.max(), 4), "repeats", ITEMS - distinct)


def checkpoint(path):
    """Metrics of the small checkpoint on 60 short histories, padded on the left, items of the history left out."""
    state = torch.load(path)
    torch.manual_seed(2)
    model = SASRec(9, width=8, heads=2, layers=2, inner=16, positions=6, dropout=0.0).eval()
    for p in model.parameters():
        p.data.add_(torch.randn_like(p) * 0.3)
    assert torch.equal(model.items.weight, state["item_embeddings.weight"]), "not the model of fixtures/s3rec.pt"
    ranks = []
    for user in range(60):
        own = [(user * 5 + j * (1, 3, 5, 7)[user % 4]) % 8 + 1 for j in range(3 + user * 7 % 4)]
        with torch.no_grad():
            scores = (model(padded([own[:-1]], 6))[0, -1] @ model.items.weight.T).numpy()
        left = [i for i in range(1, 9) if i not in own[:-1]]
        ranks.append(1 + sum(scores[i] > scores[own[-1]] for i in left))
    ranks = np.array(ranks)
    for k in (1, 2, 3):
        hits = ranks <= k
        print(f"recall@{k} {hits.mean():.6f} ndcg@{k} {(hits / np.log2(ranks + 1)).mean():.6f}")


if __name__ == "__main__":
    counts(300)
    counts(25)
    features()
    checkpoint(os.path.join(os.path.dirname(__file__), "../../packages/morec/test/fixtures/s3rec.pt"))
