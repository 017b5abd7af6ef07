"""Ranking metrics on random scores with ties, by brute force, and metrics beyond accuracy by their formulas, numpy alone.

What is expected over random orders of equal scores is the mean over every order there is: no formula is shared with
Ferry. Rows have several relevant items, one, or none; users have a history, which is no candidate, or none.

    python tools/parity/ranking_metrics.py
    npx prettier --write packages/evaluation/test/fixtures/rankingMetrics.json
"""

import itertools
import json

import numpy as np

CUTOFFS = (1, 3, 5)
random = np.random.RandomState(7)


def orders(scores):
    """Every order of the candidates that puts higher scores first."""
    groups = [np.flatnonzero(scores == value) for value in sorted(set(scores), reverse=True)]
    for parts in itertools.product(*(list(itertools.permutations(group)) for group in groups)):
        yield [i for part in parts for i in part]


def of_order(labels, gains, unknown, k):
    """Metrics of one list; `unknown` gains belong to relevant items that are no candidates."""
    relevant = int((labels > 0).sum()) + len(unknown)
    hits = (labels > 0).astype(float)
    top = hits[:k]
    n = np.arange(1, len(top) + 1)
    discount = 1 / np.log2(np.arange(2, max(len(labels), relevant) + 2))
    every = sorted([*gains[labels > 0], *unknown], reverse=True)
    first = np.flatnonzero(top)
    # precision of the first n, for all n up to k even where there are fewer candidates
    padded = np.concatenate([top, np.zeros(k - len(top))])
    at = np.cumsum(padded) / np.arange(1, k + 1)
    return {
        "recall": top.sum() / relevant,
        "precision": top.sum() / k,
        "hit": float(top.any()),
        "ndcg": (top * discount[: len(top)]).sum() / discount[: min(relevant, k)].sum(),
        "ndcg-graded": (top * gains[: len(top)] * discount[: len(top)]).sum()
        / (np.array(every[:k]) * discount[: len(every[:k])]).sum(),
        "mrr": 1 / (first[0] + 1) if len(first) else 0.0,
        "map": (np.cumsum(top) / n * top).sum() / min(relevant, k),
        "map-elliot": at.mean(),
    }


def area(scores, labels, unknown):
    positive, negative = scores[labels > 0], scores[labels == 0]
    if len(positive) + len(unknown) == 0 or len(negative) == 0:
        return None
    pairs = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    return pairs / ((len(positive) + len(unknown)) * len(negative))


def accuracy():
    rows = []
    for row in range(40):
        count = int(random.randint(4, 9))
        spread = int(random.randint(1, 7))
        scores = random.permutation(count) if row % 4 == 0 else random.randint(0, spread, count)
        labels = (random.rand(count) < random.choice([0, 0.2, 0.5])).astype(int)
        ratings = random.randint(1, 6, count)
        gains = np.where(labels > 0, 2.0 ** (ratings + 1) - 1, 0)
        unknown = [2.0**3 - 1] if random.rand() < 0.2 else []
        expected = {}
        if labels.any() or unknown:
            every = list(orders(scores))
            for k in CUTOFFS:
                values = [of_order(labels[o], gains[o], unknown, k) for o in every]
                for name in values[0]:
                    expected[f"{name}@{k}"] = float(np.mean([value[name] for value in values]))
        value = area(scores, labels, unknown)
        rows.append(
            {
                "scores": scores.tolist(),
                "labels": labels.tolist(),
                "gains": gains.tolist(),
                "unknown": unknown,
                "metrics": expected,
                "auc": value,
            }
        )
    return rows


def beyond():
    users, items = 12, 15
    train = [set(random.choice(10, int(random.randint(1, 6)), replace=False) + 1) for _ in range(users)]
    lists, relevant = [], []
    # Two users without history get lists too.
    for user in range(users + 2):
        own = train[user] if user < users else set()
        rest = np.array([i for i in range(1, items + 1) if i not in own])
        random.shuffle(rest)
        lists.append(rest[: int(random.randint(1, 8))].tolist())
        relevant.append([] if user % 5 == 3 else rest[random.rand(len(rest)) < 0.3].tolist())
    lists[4] = []
    popularity = np.array([0] + [sum(i in own for own in train) for i in range(1, items + 1)])
    results = {}
    for k in CUTOFFS:
        cut = [own[:k] for own in lists]
        total = popularity.sum()
        least = popularity[popularity > 0].min()
        novelty = {
            "efd": lambda i: -np.log2((popularity[i] if popularity[i] > 0 else least) / total),
            "epc": lambda i: 1 - popularity[i] / users,
        }
        for name, of in novelty.items():
            values = []
            for own, wanted in zip(cut, relevant):
                if not wanted:
                    continue
                weights = 1 / np.log2(np.arange(2, len(own) + 2))
                gain = [w * of(i) for w, i in zip(weights, own) if i in wanted]
                values.append(sum(gain) / weights.sum() if len(own) else 0.0)
            results[f"{name}@{k}"] = float(np.mean(values))
        shown = [i for own in cut for i in own]
        counts = np.array([shown.count(i) for i in range(1, items + 1)])
        shares = np.sort(counts) / counts.sum()
        # over all items, those never shown included: the same sum as Elliot's over those that were
        rank = np.arange(1, items + 1)
        results[f"gini@{k}"] = float(1 - ((2 * rank - items - 1) * shares).sum() / (items - 1))
        weights = [sum(1 / len(own) for own in cut if i in own) for i in range(1, items + 1)]
        results[f"entropy@{k}"] = float(
            sum(w * -np.log2(c / counts.sum()) for w, c in zip(weights, counts) if c) / len(cut)
        )
        results[f"items@{k}"] = int((counts > 0).sum())
        results[f"coverage@{k}"] = float((counts > 0).mean())
        head, covered = set(), 0
        for i in sorted(range(1, items + 1), key=lambda i: (-popularity[i], i)):
            if covered < 0.8 * total:
                head.add(i)
                covered += popularity[i]
        results[f"arp@{k}"] = float(np.mean([np.mean(popularity[own]) for own in cut if own]))
        results[f"aplt@{k}"] = float(np.mean([np.mean([i not in head for i in own]) for own in cut if own]))
        results[f"aclt@{k}"] = float(np.mean([sum(i not in head for i in own) for own in cut]))
    return {
        "items": items,
        "train": [sorted(int(i) for i in own) for own in train] + [[], []],
        "lists": lists,
        "relevant": relevant,
        "results": results,
    }


with open("packages/evaluation/test/fixtures/rankingMetrics.json", "w") as file:
    json.dump({"accuracy": accuracy(), "beyond": beyond()}, file)
