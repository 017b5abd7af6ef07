"""PyTorch twin of tools/bench/scaleWorker.ts: one process, one size; prints its figures as one line of JSON.

Usage: python scale_bench.py '{"items": 20000, "steps": 3, "rankings": 1, "threads": 2, "processor": false}'. The model
is MISSRec's in the `paper` preset without interests, as missrec_twin.py has it, written for speed: items are encoded
once a step and only the position that is read is decoded. Same shapes, same work, Adam.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

B, L, WIDTH, RANKED, D, H, INNER = 512, 8, 512, 4096, 300, 4, 256


job = json.loads(sys.argv[1])
now = time.process_time if job["processor"] else time.perf_counter


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Model(nn.Module):
    def __init__(self, items):
        super().__init__()
        self.text, self.image = nn.Linear(WIDTH, D), nn.Linear(WIDTH, D)
        self.ids = nn.Embedding(items + 1, D)
        nn.init.normal_(self.ids.weight, 0, 0.02)
        self.position = nn.Parameter(torch.randn(50, D) * 0.02)
        self.norm, self.dropout = nn.LayerNorm(D, 1e-12), nn.Dropout(0.5)
        self.attention = nn.MultiheadAttention(D, H, 0.5, batch_first=True)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(D, 1e-12) for _ in range(3))
        self.inner, self.outer = nn.Linear(D, INNER), nn.Linear(INNER, D)
        self.alpha = nn.Parameter(torch.zeros(()))
        self.features = [(torch.rand(items + 1, WIDTH) - 0.5) for _ in range(2)]
        for rows in self.features:
            rows[0] = 0

    def tables(self):
        return self.text(self.features[0]), self.image(self.features[1])

    def encode(self, text, image, history):
        tokens = F.embedding(history, text + image + self.ids.weight) + self.position[: history.shape[1]]
        x = self.dropout(self.norm(tokens))
        last = x[:, -1:]
        read = self.norm1(last + self.dropout(self.attention(last, x, x, need_weights=False)[0]))
        read = self.norm2(read)
        read = self.norm3(read + self.dropout(self.outer(self.dropout(F.gelu(self.inner(read))))))
        return F.normalize(read[:, 0], dim=-1)

    def candidates(self, text, image):
        return [F.normalize(rows[1:], dim=-1) for rows in (text, image, self.ids.weight)]

    def scores(self, u, candidates):
        a, b, own = (u @ rows.T for rows in candidates)
        difference = a - b
        fused = b + torch.sigmoid(difference * self.alpha) * difference
        return (own + 2 * fused) / 3


def batch(items, size):
    return torch.randint(1, items + 1, (size, L)), torch.randint(1, items + 1, (size,))


def train(model, items, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    times = []
    for _ in range(steps + 1):
        history, targets = batch(items, B)
        start = now()
        optimizer.zero_grad(set_to_none=True)
        text, image = model.tables()
        u = model.encode(text, image, history)
        loss = F.cross_entropy(model.scores(u, model.candidates(text, image)) / 0.07, targets - 1)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append((now() - start) * 1000)
    return times


def rank(model, items, rankings, size=256):
    history, targets = batch(items, RANKED)
    times = []
    model.eval()
    for _ in range(rankings + 1):
        start = now()
        with torch.inference_mode():
            text, image = model.tables()
            candidates = model.candidates(text, image)
            total = 0.0
            for at in range(0, RANKED, size):
                u = model.encode(text, image, history[at : at + size])
                scores = model.scores(u, candidates)
                own = scores.gather(1, targets[at : at + size, None] - 1)
                ranks = 1 + (scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2
                total += float(ranks.sum())
        times.append(now() - start)
    return times


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    items, figures = job["items"], {}
    model = Model(items)
    if job["steps"]:
        first, *times = train(model, items, job["steps"])
        figures |= {"firstStepMs": first, "stepMs": median(times), "trainingMiB": peak_mib()}
    if job["rankings"]:
        first, *times = rank(model, items, job["rankings"])
        figures |= {"firstRankingS": first, "rankingS": median(times), "peakMiB": peak_mib()}
    print(json.dumps(figures))


main()
