"""Six updates of an embedding table by torch.optim.SparseAdam, and by torch.optim.Adam on the same losses:
packages/nn/test/fixtures/sparseAdam.json.

Run by hand: python tools/parity/nn_sparse_adam.py
"""

import json
import pathlib

import torch

V, D = 9, 6
BATCHES = [[1, 3, 3, 8], [3, 5, 1, 3], [0, 2, 2, 2], [8, 8, 8, 8], [1, 3, 0, 7], [5, 5, 3, 1]]


def run(sparse):
    table = torch.nn.Embedding(V, D, sparse=sparse)
    with torch.no_grad():
        table.weight.copy_(torch.arange(V * D, dtype=torch.float32).reshape(V, D).sin())
    kind = torch.optim.SparseAdam if sparse else torch.optim.Adam
    optimizer = kind(table.parameters(), lr=0.05, betas=(0.8, 0.95), eps=1e-3)
    losses = []
    for step, ids in enumerate(BATCHES):
        rows = table(torch.tensor(ids))
        target = torch.cos(torch.arange(rows.numel(), dtype=torch.float32).reshape(rows.shape) + step)
        loss = ((rows - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = optimizer.state[table.weight]
    return {
        "losses": losses,
        "value": table.weight.flatten().tolist(),
        "m": state["exp_avg"].flatten().tolist(),
        "v": state["exp_avg_sq"].flatten().tolist(),
    }


path = pathlib.Path(__file__).parents[2] / "packages/nn/test/fixtures/sparseAdam.json"
path.write_text(
    json.dumps({"sizes": {"V": V, "D": D}, "batches": BATCHES, "sparse": run(True), "dense": run(False)}) + "\n"
)
