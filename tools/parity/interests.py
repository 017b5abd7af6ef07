"""Reference values for packages/interests/test/parity.test.ts, printed as JSON.

The density-peak clustering with ties left as they are, and the one-pass mini-batch k-means, written with PyTorch from
their definitions. Run by hand: python tools/parity/interests.py
"""

import json

import torch


def mixed(i: int) -> int:
    """A 32-bit number that looks random, from its position."""
    v = i * 2654435761 % 2**32
    v ^= v >> 16
    v = v * 2246822519 % 2**32
    return v ^ v >> 13


def points(total: int, width: int) -> torch.Tensor:
    """Numbers in [-.5, .5); the test makes the same ones."""
    values = [mixed(i + 1) / 2**32 - 0.5 for i in range(total * width)]
    return torch.tensor(values, dtype=torch.float32).reshape(total, width)


def dpc_knn(x: torch.Tensor, clusters: int, neighbours: int):
    total, width = x.shape
    # 'donot_use_mm' computes differences: exact zeros between equal points.
    distance = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") / width**0.5
    nearest, _ = torch.topk(distance, neighbours, dim=1, largest=False)
    density = torch.exp(-(nearest**2).mean(dim=1))
    denser = density[None, :] > density[:, None]
    separation = torch.where(denser, distance, distance.max()).min(dim=1).values
    # torch.topk leaves the order of equal scores open; here they go by index.
    score, peaks = torch.sort(density * separation, descending=True, stable=True)
    score, peaks = score[:clusters], peaks[:clusters]
    assignment = distance[peaks].argmin(dim=0)
    assignment[peaks] = torch.arange(clusters)
    size = torch.zeros(clusters).index_add_(0, assignment, torch.ones(total))
    centres = torch.zeros(clusters, width).index_add_(0, assignment, x) / (size + 1e-4)[:, None]
    return dict(
        density=density.tolist(),
        separation=separation.tolist(),
        peaks=peaks.tolist(),
        score=score.tolist(),
        assignment=assignment.tolist(),
        centres=centres.flatten().tolist(),
    )


def one_pass_k_means(x: torch.Tensor, start: torch.Tensor, cuts: list[int], absolute: bool):
    """`cuts` are the batches' ends; `absolute` leaves |x| and |c| behind after each distance computation."""
    centres = start.clone()
    received = torch.ones(len(centres))
    begin = 0
    for end in cuts:
        batch = x[begin:end].clone()
        labels = torch.cdist(batch, centres).argmin(dim=1)
        if absolute:
            batch, centres = batch.abs(), centres.abs()
        sizes = torch.zeros(len(centres)).index_add_(0, labels, torch.ones(len(batch)))
        means = torch.zeros_like(centres).index_add_(0, labels, batch) / sizes.clamp(min=1)[:, None]
        rate = (1 / received)[:, None]
        centres = centres * (1 - rate) + means * rate
        received += sizes
        begin = end
    return dict(centres=centres.flatten().tolist(), assignment=torch.cdist(x, centres).argmin(dim=1).tolist())


if __name__ == "__main__":
    torch.set_num_threads(2)
    x = points(24, 6)
    x[20] = x[2]
    x[21] = x[2]
    starts = x[[3, 11, 19]]
    print(
        json.dumps(
            dict(
                dpc=dpc_knn(x, clusters=5, neighbours=4),
                absolute=one_pass_k_means(x, starts, [9, 18, 24], True),
                signed=one_pass_k_means(x, starts, [9, 18, 24], False),
            )
        )
    )
