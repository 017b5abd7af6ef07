"""Losses and their gradients by PyTorch in double precision: packages/nn/test/fixtures/losses.json.

Run by hand: python tools/parity/nn_losses.py
"""

import torch
import torch.nn.functional as F

from nn_values import fill, flat, write


def case(loss, **tensors):
    """Per-example losses, and gradients of Σ loss * factors."""
    for tensor in tensors.values():
        tensor.requires_grad_()
    values = loss(**tensors)
    (values * fill("factors", values.shape)).sum().backward()
    return {"value": flat(values), "gradients": {name: flat(t.grad) for name, t in tensors.items()}}


ROWS, CLASSES, D = 4, 6, 3
LABELS = [2, 0, 5, 2]
TARGETS = [[1.0, 0.0, 0.3], [0.0, 1.0, 1.0]]
SAME = [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]
TAU = 0.2


def logits():
    return fill("logits", (ROWS, CLASSES)) * 8


def cross_entropy(smoothing):
    labels = torch.tensor(LABELS)
    return case(
        lambda logits: F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing), logits=logits()
    )


def bce(weight):
    x = (fill("x", (2, 3)) * 8).detach()
    return case(
        lambda logits: F.binary_cross_entropy_with_logits(
            logits, torch.tensor(TARGETS, dtype=torch.float64), reduction="none", pos_weight=torch.tensor(weight)
        ),
        logits=x,
    )


def bpr():
    return case(
        lambda positive, negative: -F.logsigmoid(positive - negative),
        positive=fill("positive", (5,)) * 4,
        negative=fill("negative", (5,)) * 4,
    )


def info_nce(same):
    def loss(a, b):
        z = a @ b.T / TAU
        if same:
            away = torch.tensor(SAME, dtype=torch.bool) & ~torch.eye(ROWS, dtype=torch.bool)
            z = z.masked_fill(away, -torch.inf)
        return F.cross_entropy(z, torch.arange(ROWS), reduction="none")

    return case(loss, a=fill("a", (ROWS, D)), b=fill("b", (ROWS, D)))


def in_batch():
    """Two sequences of three items each, one row per non-first position; loops as the rule is told."""
    items = [[0, 1, 2], [2, 3, 1]]
    counts = {0: 1.0, 1: 0.4, 2: 0.35, 3: 0.25}
    flat_items = [i for row in items for i in row]

    def loss(scores):
        losses = []
        for r in range(4):
            g, j = divmod(r, 2)
            target = g * 3 + j + 1
            z = []
            for c, item in enumerate(flat_items):
                out = item == 0 or (item in items[g] and c != target)
                z.append(
                    torch.tensor(-1e4, dtype=torch.float64) if out else scores[r, c] - torch.log(torch.tensor(counts[item]))
                )
            losses.append(-torch.log_softmax(torch.stack(z), 0)[target])
        return torch.stack(losses)

    return {"items": items, "counts": list(counts.values())} | case(loss, scores=fill("scores", (4, 6)) * 4)


write(
    "losses.json",
    {
        "labels": LABELS,
        "targets": TARGETS,
        "same": SAME,
        "temperature": TAU,
        "crossEntropy": cross_entropy(0.0),
        "crossEntropy, smoothing 0.1": cross_entropy(0.1),
        "binaryCrossEntropy": bce(1.0),
        "binaryCrossEntropy, weight 3": bce(3.0),
        "bpr": bpr(),
        "infoNce": info_nce(False),
        "infoNce, same": info_nce(True),
        "inBatchSoftmax": in_batch(),
    },
)
