"""Paired tests and corrections by scipy, for packages/evaluation/test/significance.test.ts.

    python tools/parity/significance.py
    npx prettier --write packages/evaluation/test/fixtures/significance.json
"""

import json

import numpy as np
from scipy import stats

random = np.random.RandomState(11)


def case(a, b):
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "t": float(stats.ttest_rel(a, b).pvalue),
        "wilcoxon": float(stats.wilcoxon(a, b).pvalue),
        "error": float(stats.sem(a - b)),
    }


gains = 1 / np.log2(np.arange(2, 12))
drawn = lambda n, share: np.where(random.rand(n) < share, random.choice(gains, n), 0).round(4)
cases = [
    case(random.randn(12).round(4), random.randn(12).round(4)),  # exact, no ties
    case(random.randn(50).round(6) + 0.5, random.randn(50).round(6)),
    case(drawn(150, 0.2), drawn(150, 0.15)),  # NDCG-like: zeros and ties, normal approximation
    case(drawn(200, 0.9), drawn(200, 0.1)),  # p-values far below what a permutation test can tell
    case((random.rand(80) < 0.5).astype(float), (random.rand(80) < 0.5).astype(float)),
]
p = random.rand(9) ** 3
tails = [
    {"t": t, "degrees": d, "p": float(2 * stats.t.sf(abs(t), d))}
    for t in (0, 0.3, 1.96, 5, 40)
    for d in (1, 2, 7, 100, 22362)
]
normal = [{"z": z, "p": float(2 * stats.norm.sf(abs(z)))} for z in (0, 0.1, 1, 2.5, 2.9, 6, 30)]
corrected = {"p": p.tolist(), "bh": stats.false_discovery_control(p, method="bh").tolist()}
with open("packages/evaluation/test/fixtures/significance.json", "w") as file:
    json.dump({"cases": cases, "tails": tails, "normal": normal, "corrected": corrected}, file)
