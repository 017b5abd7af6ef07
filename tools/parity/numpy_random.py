"""Draws of numpy's legacy generator, for packages/data/test/numpyRandom.test.ts, and a small split by Elliot's rules.

    python tools/parity/numpy_random.py
"""

import json
import math
from pathlib import Path

import numpy as np

root = Path(__file__).parents[2]


def draws(seed):
    np.random.seed(seed)
    r = np.random
    words = [int(x) for x in r.randint(0, 2**32, size=4)]
    return {
        "seed": seed,
        "words": words,
        "randomSample": [float(r.random_sample()) for _ in range(3)],
        "randint": [
            int(r.randint(low, high)) for low, high in [(0, 1), (0, 2), (5, 1703), (-3, 4), (0, 2**31), (7, 100000)]
        ],
        "below": int(r.randint(10)),
        "shuffled": (lambda a: (r.shuffle(a), a)[1])(list(range(20))),
        "array": (lambda a: (r.shuffle(a), a.tolist())[1])(np.arange(13)),
        "permutation": r.permutation(17).tolist(),
        "choice": r.choice(50, 8).tolist(),
        "without": r.choice(50, 8, replace=False).tolist(),
        "weighted": r.choice(5, 12, p=[0.1, 0.2, 0.3, 0.25, 0.15]).tolist(),
        "weightedWithout": r.choice(6, 5, replace=False, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1]).tolist(),
        # More than one block of 624 words.
        "later": (lambda a: int(a.sum()))(r.randint(0, 1000, size=5000)),
        "last": float(r.random_sample()),
    }


def subsample(users, ratio):
    """Elliot's random_subsampling: user by user in sorted order, a list of zeros and ones is shuffled."""
    test = np.zeros(len(users), dtype=int)
    for user in sorted(set(users)):
        rows = [i for i, u in enumerate(users) if u == user]
        train = math.floor(len(rows) * (1 - ratio))
        labels = [0] * train + [1] * (len(rows) - train)
        np.random.shuffle(labels)
        test[rows] = labels
    return test.tolist()


def split(seed):
    np.random.seed(7)
    users = [f"u{int(np.random.randint(40)) ** 2 % 31}" for _ in range(400)]
    np.random.seed(seed)
    test = subsample(users, 0.2)
    rest = [u for u, t in zip(users, test) if not t]
    return {"seed": seed, "users": users, "test": test, "valid": subsample(rest, 0.1)}


(root / "packages/data/test/fixtures").mkdir(exist_ok=True)
with open(root / "packages/data/test/fixtures/numpyRandom.json", "w") as file:
    json.dump([draws(seed) for seed in (0, 42, 2020, 4294967295)], file)
with open(root / "packages/elliot/test/fixtures/split.json", "w") as file:
    json.dump(split(42), file)
