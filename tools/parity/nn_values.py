"""Numbers both sides make for themselves, and how fixtures of packages/nn are written. Shared by the nn_*.py scripts."""

import json
import os

import numpy as np
import torch

torch.set_num_threads(2)

FIXTURES = os.path.join(os.path.dirname(__file__), "../../packages/nn/test/fixtures")


def mixed(i: int) -> int:
    """A 32-bit number that looks random, from a 32-bit number."""
    v = i * 2654435761 % 2**32
    v ^= v >> 16
    v = v * 2246822519 % 2**32
    return v ^ v >> 13


def fnv(name: str) -> int:
    """FNV-1a, 32 bits."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = (h ^ byte) * 0x01000193 % 2**32
    return h


def fill(name: str, shape) -> torch.Tensor:
    """Numbers in [-.5, .5) that depend on the name alone, around 1 for a normalisation's weight; float32 values in
    double."""
    seed = fnv(name)
    count = int(np.prod(shape))
    values = np.array([mixed((seed + i) % 2**32) / 2**32 - 0.5 for i in range(count)])
    if "norm" in name and name.endswith("weight"):
        values += 1
    return torch.tensor(values.astype(np.float32).astype(np.float64)).reshape(tuple(shape))


def fill_module(module: torch.nn.Module, prefix: str = "") -> None:
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(fill(prefix + name, p.shape))


def flat(t: torch.Tensor) -> list:
    """Six significant digits: the tests compare to five."""
    return [float(f"{v:.6g}") for v in t.detach().double().flatten().tolist()]


def write(name: str, content) -> None:
    os.makedirs(FIXTURES, exist_ok=True)
    path = os.path.join(FIXTURES, name)
    with open(path, "w") as file:
        json.dump(content, file)
        file.write("\n")
    print(f"{name}: {os.path.getsize(path)} bytes")
