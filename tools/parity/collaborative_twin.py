"""BPR-MF, VBPR in both forms, LightGCN and LightGCN-M in PyTorch, written from their equations and independent of Ferry.

    python tools/parity/collaborative_twin.py --fixture packages/collaborative/test/fixtures/twins.json
    python tools/parity/collaborative_twin.py --speed bpr-mf|vbpr|lightgcn --train train.txt [--form coo|csr] [--steps 20]

`--speed` prints seconds a step; train.txt is LightGCN's form (`user item item ...`, numbers from 0). Needs torch and numpy only.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from nn_values import fill, flat

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))



class Model:
    """Weights by Ferry's names, and `loss(users, positives, negatives)`."""

    def __init__(self):
        self.p = {}

    def weight(self, name, *shape):
        self.p[name] = torch.nn.Parameter(fill(name, shape).to(torch.get_default_dtype()))
        return self.p[name]


def softplus(x):
    return F.softplus(x, threshold=1000)


def half(*matrices):
    return 0.5 * sum((m**2).sum() for m in matrices)


class BprMf(Model):
    def __init__(self, U, N, D, bias=False, penalty=0.01):
        super().__init__()
        self.users, self.items = self.weight("users.weight", U, D), self.weight("items.weight", N, D)
        self.bias = self.weight("bias", N, 1) if bias else None
        self.penalty = penalty

    def loss(self, u, i, j):
        gu, gi, gj = self.users[u], self.items[i], self.items[j]
        x = (gu * gi).sum(1) - (gu * gj).sum(1)
        rows = [gu, gi, gj]
        if self.bias is not None:
            x = x + self.bias[i, 0] - self.bias[j, 0]
            rows += [self.bias[i], self.bias[j]]
        return softplus(-x).mean() + self.penalty * half(*rows) / len(u)


class VbprDucho(Model):
    def __init__(self, U, N, D, features, penalty=0.01):
        super().__init__()
        self.f = features
        self.users, self.items = self.weight("users.weight", U, D), self.weight("items.weight", N, D)
        self.tastes = self.weight("tastes.weight", U, D)
        self.w = self.weight("projection.joint.weight", D, features.shape[1])
        self.b = self.weight("projection.joint.bias", D)
        self.penalty = penalty

    def loss(self, u, i, j):
        gu, t = self.users[u], self.tastes[u]
        p = lambda k: F.normalize(self.f[k] @ self.w.T + self.b, dim=1)
        gi, gj, pi, pj = self.items[i], self.items[j], p(i), p(j)
        x = (gu * gi).sum(1) + (t * pi).sum(1) - (gu * gj).sum(1) - (t * pj).sum(1)
        x = torch.clamp(x, -80, 1e8)
        return softplus(-x).mean() + self.penalty * half(gu, gi, gj, t, pi, pj) / len(u)


class VbprPaper(Model):
    def __init__(self, U, N, D, V, features, penalty=0.01, l_b=0.02, l_e=0.03):
        super().__init__()
        self.f = features
        self.users, self.items = self.weight("users.weight", U, D), self.weight("items.weight", N, D)
        self.tastes = self.weight("tastes.weight", U, V)
        self.e = self.weight("projection.joint.weight", V, features.shape[1])
        self.bias = self.weight("bias", N, 1)
        self.fb = self.weight("featureBias.joint.weight", 1, features.shape[1])
        self.penalties = penalty, l_b, l_e

    def loss(self, u, i, j):
        gu, t = self.users[u], self.tastes[u]

        def score(k):
            return (
                self.bias[k, 0] + (gu * self.items[k]).sum(1) + (t * (self.f[k] @ self.e.T)).sum(1) + (self.f[k] @ self.fb.T)[:, 0]
            )

        l_w, l_b, l_e = self.penalties
        reg = l_w * half(gu, self.items[i], self.items[j], t) + l_b * half(self.bias[i], self.bias[j]) + l_e * half(self.e, self.fb)
        return softplus(score(j) - score(i)).sum() + reg


def adjacency(U, N, pairs, form="dense"):
    """D^-1/2 A D^-1/2 over users, then items."""
    u = torch.tensor([p[0] for p in pairs])
    i = torch.tensor([p[1] for p in pairs]) + U
    rows, cols = torch.cat([u, i]), torch.cat([i, u])
    degree = torch.bincount(rows, minlength=U + N).double().clamp(min=1)
    values = (1 / torch.sqrt(degree[rows] * degree[cols])).to(torch.get_default_dtype())
    coo = torch.sparse_coo_tensor(torch.stack([rows, cols]), values, (U + N, U + N)).coalesce()
    return coo if form == "coo" else coo.to_sparse_csr() if form == "csr" else coo.to_dense()


class LightGcn(Model):
    def __init__(self, U, N, D, graph, layers=3, penalty=0.01):
        super().__init__()
        self.U, self.graph, self.layers, self.penalty = U, graph, layers, penalty
        self.nodes = self.weight("nodes.weight", U + N, D)

    def smoothed(self, e):
        all_ = [e]
        for _ in range(self.layers):
            all_.append(torch.sparse.mm(self.graph, all_[-1]) if self.graph.layout != torch.strided else self.graph @ all_[-1])
        return torch.stack(all_, 1).mean(1)

    def loss(self, u, i, j):
        e = self.smoothed(self.nodes)
        i, j = i + self.U, j + self.U
        x = (e[u] * e[i]).sum(1) - (e[u] * e[j]).sum(1)
        return softplus(-x).mean() + self.penalty * half(self.nodes[u], self.nodes[i], self.nodes[j]) / len(u)


class LightGcnM(LightGcn):
    def __init__(self, U, N, D, graph, features, combine, layers=2, penalty=0.01):
        Model.__init__(self)
        self.U, self.graph, self.layers, self.penalty, self.combine = U, graph, layers, penalty, combine
        self.users = self.weight("users.weight", U, D)
        names = ["joint"] if combine == "concat" else list(features)
        sizes = {"joint": sum(f.shape[1] for f in features.values()), **{m: f.shape[1] for m, f in features.items()}}
        self.layers_ = {m: (self.weight(f"projection.{m}.weight", D, sizes[m]), self.weight(f"projection.{m}.bias", D)) for m in names}
        # The features are weights that begin as what was extracted.
        for m, f in features.items():
            self.p[f"features.{m}"] = torch.nn.Parameter(f.clone())

    def loss(self, u, i, j):
        f = {m: self.p[f"features.{m}"] for m in ["image", "text"]}
        apply = lambda x, m: F.normalize(x @ self.layers_[m][0].T + self.layers_[m][1], dim=1)
        if self.combine == "concat":
            items = apply(torch.cat(list(f.values()), 1), "joint")
        else:
            items = sum(apply(x, m) for m, x in f.items()) / (len(f) if self.combine == "mean" else 1)
        e = self.smoothed(torch.cat([self.users, items]))
        i, j = i + self.U, j + self.U
        x = (e[u] * e[i]).sum(1) - (e[u] * e[j]).sum(1)
        return softplus(-x).mean() + self.penalty * half(self.users[u], e[i], e[j]) / len(u)


U, N, D = 7, 9, 6
PAIRS = [(u, i) for u in range(U) for i in range(N) if (5 * u + 7 * i + u * i) % 3 == 0]


def triples(step, size=8):
    """Any triples: the loss does not ask whose items they are."""
    at = range(step * size, step * size + size)
    return (
        torch.tensor([(3 * k + step) % U for k in at]),
        torch.tensor([(5 * k + 1) % N for k in at]),
        torch.tensor([(7 * k + 2 * step + 4) % N for k in at]),
    )


def models():
    dtype = torch.get_default_dtype()
    image, text = fill("image", (N, 5)).to(dtype), fill("text", (N, 4)).to(dtype)
    joint = torch.cat([image, text], 1)
    graph = adjacency(U, N, PAIRS)
    return {
        "bpr-mf": BprMf(U, N, D),
        "bpr-mf bias": BprMf(U, N, D, bias=True),
        "vbpr ducho": VbprDucho(U, N, D, joint),
        "vbpr paper": VbprPaper(U, N, D, 4, joint),
        "lightgcn": LightGcn(U, N, D, graph),
        "lightgcn-m concat": LightGcnM(U, N, D, graph, {"image": image, "text": text}, "concat"),
        "lightgcn-m mean": LightGcnM(U, N, D, graph, {"image": image, "text": text}, "mean"),
    }


def fixture(path):
    out = {"pairs": PAIRS, "models": {}}
    torch.set_default_dtype(torch.float64)
    for name, model in models().items():
        loss = model.loss(*triples(0))
        loss.backward()
        out["models"][name] = {"loss": loss.item(), "gradients": {n: flat(p.grad) for n, p in model.p.items()}}
    for name, model in models().items():
        optimiser = torch.optim.Adam(model.p.values(), lr=0.01)
        losses = []
        for step in range(20):
            optimiser.zero_grad()
            loss = model.loss(*triples(step))
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        out["models"][name] |= {"losses": losses, "weights": {n: flat(p) for n, p in model.p.items()}}
    with open(path, "w") as file:
        json.dump(out, file)


def speed(args):
    pairs = [(int(l[0]), int(i)) for l in map(str.split, open(args.train)) if l for i in l[1:]]
    users, items = max(p[0] for p in pairs) + 1, max(p[1] for p in pairs) + 1
    random = np.random.default_rng(1)
    pairs_ = np.array(pairs)

    class Plain(Model):
        def weight(self, name, *shape):
            self.p[name] = torch.nn.Parameter(torch.randn(shape) * 0.1)
            return self.p[name]

    def of(base, *rest):
        return type("Timed", (Plain, base), {"weight": Plain.weight})(*rest)

    if args.speed == "lightgcn":
        model = of(LightGcn, users, items, 64, adjacency(users, items, pairs, args.form))
    elif args.speed == "vbpr":
        model = of(VbprDucho, users, items, 64, torch.randn(items, 2816))
    else:
        model = of(BprMf, users, items, 64)
    optimiser = torch.optim.Adam(model.p.values(), lr=0.001)
    seconds = []
    for _ in range(args.steps + 3):
        batch = pairs_[random.integers(0, len(pairs), args.batch)]
        u, i = torch.from_numpy(batch[:, 0]), torch.from_numpy(batch[:, 1])
        j = torch.from_numpy(random.integers(0, items, args.batch))
        start, cpu = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        model.loss(u, i, j).backward()
        optimiser.step()
        seconds.append((time.perf_counter() - start, time.process_time() - cpu))
    wall, cpu = (float(np.median([s[k] for s in seconds[3:]])) for k in (0, 1))
    print(json.dumps({"secondsPerStep": wall, "cpuSecondsPerStep": cpu, "steps": args.steps}))


parser = argparse.ArgumentParser()
parser.add_argument("--fixture")
parser.add_argument("--speed", choices=["bpr-mf", "vbpr", "lightgcn"])
parser.add_argument("--train")
parser.add_argument("--form", default="csr", choices=["coo", "csr"])
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--batch", type=int, default=2048)
args = parser.parse_args()
if args.fixture:
    fixture(args.fixture)
if args.speed:
    speed(args)
