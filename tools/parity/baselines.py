"""Test results of the simple baselines on a generated data set and MISSRec's Scientific subsets, by numpy alone.

Prints recall@10, ndcg@10, recall@50, ndcg@50 of full ranking over the whole catalogue, history kept, a tie counted by its
expectation over random orders (and, in brackets, by its middle rank, as the reference points of MISSRec's re-runs have it).
These are the constants of packages/evaluation/test/baselines.test.ts.

    python tools/parity/baselines.py                                       the generated set
    FERRY_DATA=<folder of the data sets> python tools/parity/baselines.py  and the others
"""

import os
import sys
import tempfile
from collections import Counter, defaultdict

import numpy as np

from generated import generate


def rows(path):
    """(history, target) of every line, item numbers from 1."""
    with open(path) as file:
        next(file)
        for line in file:
            _, history, target = line.rstrip("\n").split("\t")
            yield [int(i) + 1 for i in history.split(" ")], int(target) + 1


def measures(scores, targets):
    """Mean of expected and of middle-rank values; scores [R, N]."""
    own = scores[np.arange(len(targets)), targets - 1][:, None]
    better = (scores > own).sum(1)
    width = (scores == own).sum(1)
    found = []
    for k in (10, 50):
        discount = 1 / np.log2(np.arange(1, k + 1) + 1)
        for gain in (np.ones(k), discount):
            expected = [gain[b : b + w].sum() / w for b, w in zip(better, width)]
            middle = better + 1 + (width - 1) / 2
            value = np.where(middle < k + 1, 1 if gain[-1] == 1 else 1 / np.log2(middle + 1), 0)
            found.append(f"{np.mean(expected):.4f} ({value.mean():.4f})")
    return found


made = tempfile.TemporaryDirectory()
generate(made.name)
places = [(made.name, "generated")]
if "FERRY_DATA" in os.environ:
    places += [(os.environ["FERRY_DATA"], name) for name in ("amazon-scientific-clip", "amazon-scientific-full")]
for root, name in places:
    base = os.path.join(root, name, "Scientific")
    with open(f"{base}.item2index") as file:
        count = sum(1 for _ in file)
    train = [history for history, _ in rows(f"{base}.valid.inter")]
    test = list(rows(f"{base}.test.inter"))
    targets = np.array([target for _, target in test])
    popularity = np.zeros(count + 1)
    follow = defaultdict(Counter)
    together = np.zeros((count + 1, count + 1), np.float32)
    for history in train:
        for item in history:
            popularity[item] += 1
        for before, after in zip(history, history[1:]):
            follow[before][after] += 1
        distinct = sorted(set(history))
        together[np.ix_(distinct, distinct)] += 1
    np.fill_diagonal(together, 0)
    table = {"popularity": np.tile(popularity, (len(test), 1))}
    table["markov"] = np.tile(1e-6 * popularity, (len(test), 1))
    table["itemCosine"] = np.tile(1e-6 * popularity, (len(test), 1))
    for r, (history, _) in enumerate(test):
        for item, times in follow[history[-1]].items():
            table["markov"][r, item] += times
        for item in history:
            norm = np.sqrt(popularity[item] * np.maximum(popularity, 1))
            table["itemCosine"][r] += np.where(together[item] > 0, together[item] / norm, 0) if popularity[item] else 0
    if os.path.exists(f"{base}.feat1CLS"):
        last = np.array([history[-1] for history, _ in test])
        cosines = []
        for kind in ("feat1CLS", "feat3CLS"):
            feature = np.fromfile(f"{base}.{kind}", "<f4").reshape(count, -1).astype(np.float64)
            feature /= np.linalg.norm(feature, axis=1, keepdims=True)
            # One dot product at a time: equal rows must give equal cosines, which a blocked product does not promise.
            own = np.array([[(feature[i - 1] * row).sum() for row in feature] for i in sorted(set(last))])
            at = {item: i for i, item in enumerate(sorted(set(last)))}
            cosines.append(own[[at[item] for item in last]])
        for key, value in (("text", cosines[0]), ("image", cosines[1]), ("both", cosines[0] + cosines[1])):
            scores = np.concatenate([np.zeros((len(test), 1)), value], 1)
            scores[np.arange(len(test)), last] = -np.inf
            table[key] = scores
    for key, scores in table.items():
        print(f"{name} {key:11}", "  ".join(measures(scores[:, 1:], targets)))
        sys.stdout.flush()
