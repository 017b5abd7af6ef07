"""EASE by numpy in double precision: test results of full ranking, items of the history excluded, ties by their
expectation.

The constants of packages/evaluation/test/ease.test.ts (the generated set, and ml100k where FERRY_DATA has it), and with
--training what `ferry train` of EASE finds: histories and what is excluded are then of the training items alone.

    python tools/parity/ease.py
    FERRY_DATA=<folder of the data sets> python tools/parity/ease.py [--training]
"""

import json
import os
import sys

import numpy as np
import scipy.linalg
import scipy.sparse


TRAINING = "--training" in sys.argv


def report(name, sequences, count, regularisation):
    users = [own for own in sequences if len(own) >= 3]
    pairs = [(row, item) for row, own in enumerate(users) for item in set(own[:-2])]
    x = scipy.sparse.csr_matrix((np.ones(len(pairs)), tuple(zip(*pairs))), (len(users), count))
    p = np.asfortranarray((x.T @ x).toarray() + regularisation * np.eye(count))
    p, _ = scipy.linalg.lapack.dpotrf(p, lower=1, overwrite_a=1)
    p, _ = scipy.linalg.lapack.dpotri(p, lower=1, overwrite_c=1)
    for i in range(count):
        p[i, i + 1 :] = p[i + 1 :, i]
    weights = p
    weights /= -np.diag(p).copy()
    np.fill_diagonal(weights, 0)
    gains = {}
    for own in users:
        history, target = sorted(set(own[: -2 if TRAINING else -1])), own[-1]
        scores = weights[history].sum(0)
        better = scores > scores[target]
        tied = scores == scores[target]
        seen = [item for item in history if item != target]
        better[seen] = tied[seen] = False
        width = tied.sum()
        places = better.sum() + np.arange(1, width + 1)
        for k in (10, 50):
            gains.setdefault(f"recall@{k}", []).append((places <= k).mean())
            gains.setdefault(f"ndcg@{k}", []).append((np.where(places <= k, 1, 0) / np.log2(places + 1)).mean())
    print(name, regularisation, {key: round(float(np.mean(value)), 6) for key, value in gains.items()})
    return weights


def mixed(i):
    """A 32-bit number that looks random, from its position."""
    v = i * 2654435761 % 2**32
    v ^= v >> 16
    v = v * 2246822519 % 2**32
    return v ^ v >> 13


made = [[mixed(1000 + 97 * user + t) % 40 for t in range(3 + mixed(user) % 9)] for user in range(200)]
weights = report("generated", made, 40, 20)
print("first weights", weights[:3, :4].round(9).tolist())

data = os.environ.get("FERRY_DATA")
if data:
    with open(f"{data}/domains/ml100k/items.jsonl") as file:
        number = {json.loads(line)["id"]: i for i, line in enumerate(file)}
    with open(f"{data}/domains/ml100k/sequences.jsonl") as file:
        sequences = [json.loads(line) for line in file]
    ordered = []
    for one in sequences:
        order = np.argsort(np.array(one["ts"]), kind="stable")
        ordered.append([number[one["items"][i]] for i in order])
    report("ml100k", ordered, len(number), 250)
    with open(f"{data}/s3rec-beauty/Beauty.txt") as file:
        sequences = [[int(item) - 1 for item in line.split()[1:]] for line in file]
    report("s3rec-beauty", sequences, 12101, 250)
