"""What the PyTorch twins of Ferry's sequential recommenders share: reading sequences, padding, fixtures, the clock."""

import base64
import itertools
import json
import os
import sys
import time

import numpy as np
import torch

threads = int(os.environ.get("OMP_NUM_THREADS", "2"))
torch.set_num_threads(threads)
# One thread: time of the processor, which other programs hardly change.
clock = time.process_time if threads == 1 else time.perf_counter


def read(path):
    """Lines `user item item ...`, oldest first, items numbered from 1, as lists of items."""
    return [[int(x) for x in line.split()[1:]] for line in open(path)]


def padded(lists, length=None):
    """Right-padded with 0: [B, L]."""
    length = length or max(len(own) for own in lists)
    rows = torch.zeros(len(lists), length, dtype=torch.long)
    for row, own in enumerate(lists):
        rows[row, : len(own)] = torch.tensor(own, dtype=torch.long)
    return rows


def encode(tensor):
    values = tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4")
    return {"shape": list(tensor.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def shaken(model, seed=1, by=0.3):
    """Adds noise to all weights, so that no bias is 0 and no scale 1; row 0 of an item table, `items.weight`, stays 0."""
    torch.manual_seed(seed)
    for name, p in model.named_parameters():
        p.data.add_(torch.randn_like(p) * by)
        if name == "items.weight":
            p.data[0] = 0
    return model


def loss_case(model, names, loss, **more):
    """A loss and its gradients under Ferry's names; `names` maps a name here to one there."""
    model.zero_grad()
    loss.backward()
    zero = lambda p: torch.zeros_like(p) if p.grad is None else p.grad
    return {
        "loss": loss.item(),
        "gradients": {names(n): encode(zero(p)) for n, p in model.named_parameters()},
        **more,
    }


def weights_of(model, names):
    return {names(n): encode(p) for n, p in model.named_parameters()}


def write(path, fixture):
    with open(path, "w") as file:
        json.dump(fixture, file)


def take_turns(count, step, batches):
    """Prints how many steps an epoch has; then reads numbers of steps, a line each, and prints the seconds of each step.

    `batches()` gives those of an epoch; making one is not counted.
    """
    endless = itertools.chain.from_iterable(batches() for _ in itertools.count())
    print(count, flush=True)
    for line in sys.stdin:
        seconds = []
        for batch in itertools.islice(endless, int(line)):
            start = clock()
            step(batch)
            seconds.append(clock() - start)
        print(json.dumps(seconds), flush=True)
