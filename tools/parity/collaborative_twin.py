"""BPR-MF, VBPR in both forms, LightGCN, LightGCN-M, FREEDOM, BM3, LATTICE and NGCF-M in PyTorch, written from their
equations and independent of Ferry.

    python tools/parity/collaborative_twin.py --fixture packages/collaborative/test/fixtures/twins.json
    python tools/parity/collaborative_twin.py --speed bpr-mf|vbpr|lightgcn --train train.txt [--form coo|csr]

`--speed` reads numbers of steps, a line each, and prints the seconds of each step (of the processor with one thread);
train.txt is LightGCN's form (`user item item ...`, numbers from 0). Needs torch and numpy only.
"""

import argparse
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from nn_values import fill, flat
from sequences import take_turns


class Model:
    """Weights by Ferry's names, and `loss(users, positives, negatives)`."""

    def __init__(self):
        self.p = {}

    def weight(self, name, *shape):
        self.p[name] = torch.nn.Parameter(fill(name, shape).to(torch.get_default_dtype()))
        return self.p[name]

    def affine(self, name, outputs, inputs):
        return self.weight(f"{name}.weight", outputs, inputs), self.weight(f"{name}.bias", outputs)


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
        self.w, self.b = self.affine("projection.joint", D, features.shape[1])
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
            own = self.bias[k, 0] + (gu * self.items[k]).sum(1)
            return own + (t * (self.f[k] @ self.e.T)).sum(1) + (self.f[k] @ self.fb.T)[:, 0]

        l_w, l_b, l_e = self.penalties
        rows = l_w * half(gu, self.items[i], self.items[j], t) + l_b * half(self.bias[i], self.bias[j])
        reg = rows + l_e * half(self.e, self.fb)
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
            sparse = self.graph.layout != torch.strided
            all_.append(torch.sparse.mm(self.graph, all_[-1]) if sparse else self.graph @ all_[-1])
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
        self.layers_ = {m: self.affine(f"projection.{m}", D, sizes[m]) for m in names}
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


def looped(U, N, pairs):
    """A + I over users, then items."""
    a = torch.eye(U + N)
    for user, item in pairs:
        a[user, U + item] = a[U + item, user] = 1
    return a


def halves(e, U):
    return e[:U], e[U:]


class Content(LightGcn):
    """Features that are weights, and a projection of each modality."""

    def __init__(self, U, N, D, graph, features, layers):
        Model.__init__(self)
        self.U, self.graph, self.layers = U, graph, layers
        self.nodes = self.weight("nodes.weight", U + N, D)
        self.projections = {m: self.affine(f"projections.{m}", D, f.shape[1]) for m, f in features.items()}
        for m, f in features.items():
            self.p[f"features.{m}"] = torch.nn.Parameter(f.clone())

    def content(self, m, k):
        return self.p[f"features.{m}"][k] @ self.projections[m][0].T + self.projections[m][1]


class Freedom(Content):
    def __init__(self, U, N, D, graph, features, k=3, share=0.1, weight=0.3):
        super().__init__(U, N, D, graph, features, 2)
        self.content_weight = weight
        self.item_graph = torch.zeros(N, N)
        for m, f in features.items():
            nearest = torch.topk(F.normalize(f) @ F.normalize(f).T, k).indices
            near = torch.zeros(N, N).scatter_(1, nearest, 1.0)
            degree = near.sum(1)
            self.item_graph += (share if m == "image" else 1 - share) * near / torch.sqrt(degree[:, None] * degree[None, :])

    def loss(self, u, i, j):
        users, items = halves(self.smoothed(self.nodes), self.U)
        items = items + self.item_graph @ self.nodes[self.U :]
        bpr = lambda a, b: softplus((users[u] * b).sum(1) - (users[u] * a).sum(1)).mean()
        content = sum(bpr(self.content(m, i), self.content(m, j)) for m in self.projections)
        return bpr(items[i], items[j]) + self.content_weight * content


class Bm3(Content):
    """Without dropout: targets are the vectors themselves, not differentiated by."""

    def __init__(self, U, N, D, graph, features):
        super().__init__(U, N, D, graph, features, 2)
        self.w, self.b = self.affine("predictor", D, D)

    def loss(self, u, i, j):
        users, items = halves(self.smoothed(self.nodes), self.U)
        items = items + self.nodes[self.U :]
        predicted = lambda x: x @ self.w.T + self.b
        far = lambda a, b: (1 - F.cosine_similarity(a, b.detach(), dim=1)).mean()
        loss = far(predicted(users[u]), items[i]) + far(predicted(items[i]), users[u])
        for m in self.projections:
            h = self.content(m, i)
            loss = loss + 2 * (far(predicted(h), items[i]) + far(predicted(h), h))
        return loss + 0.1 * (users.norm() + items.norm()) / len(items)


def normalised(s):
    """D^-1/2 S D^-1/2 by the sums of rows."""
    root = s.sum(1) ** -0.5
    return root[:, None] * s * root[None, :]


def cosine_graph(x, k):
    """Cosines of rows with the k nearest, themselves among them; 0 elsewhere."""
    x = F.normalize(x, dim=1)
    cosines = x @ x.T
    near = torch.topk(cosines, k).indices
    return torch.zeros_like(cosines).scatter(1, near, cosines.gather(1, near))


class Lattice(Content):
    """The graph of items is built, and differentiated by, at the steps in REBUILT, and kept in between."""

    REBUILT = {0, 10}

    def __init__(self, U, N, D, pairs, features, k=3, width=5, raw=0.7, penalty=0.01):
        Content.__init__(self, U, N, D, None, features, 2)
        for m, f in features.items():
            self.projections[m] = self.affine(f"projections.{m}", width, f.shape[1])
        self.shares = self.p["shares"] = torch.nn.Parameter(fill("shares", (len(features),)).to(torch.get_default_dtype()))
        a = looped(U, N, pairs)
        self.graph = a / (a.sum(1)[:, None] * a.sum(1)[None, :])
        self.k, self.raw, self.penalty, self.step = k, raw, penalty, 0
        self.original = {m: normalised(cosine_graph(f, k)) for m, f in features.items()}

    def item_graph(self):
        share = dict(zip(self.original, torch.softmax(self.shares, 0)))
        learned = sum(share[m] * cosine_graph(self.content(m, slice(None)), self.k) for m in share)
        return (1 - self.raw) * normalised(learned) + self.raw * sum(share[m] * s for m, s in self.original.items())

    def loss(self, u, i, j):
        self.items = self.item_graph() if self.step in self.REBUILT else self.items.detach()
        self.step += 1
        all_ = [self.nodes]
        for _ in range(self.layers):
            all_.append(F.normalize(self.graph @ all_[-1], dim=1))
        users, items = halves(torch.stack(all_).mean(0), self.U)
        items = items + F.normalize(self.items @ self.nodes[self.U :], dim=1)
        x = (users[u] * items[i]).sum(1) - (users[u] * items[j]).sum(1)
        return softplus(-x).mean() + self.penalty * half(users[u], items[i], items[j]) / len(u)


class NgcfM(LightGcn):
    def __init__(self, U, N, D, graph, features, layers=2, penalty=0.01):
        Model.__init__(self)
        self.U, self.graph, self.f, self.penalty = U, graph, features, penalty
        self.nodes, self.tastes = self.weight("nodes.weight", U + N, D), self.weight("tastes.weight", U, D)
        self.w, self.b = self.affine("projection.joint", D, features.shape[1])
        of = lambda k, name: self.affine(f"layers.{k}.{name}", D, D)
        self.layers = [(of(k, "neighbours"), of(k, "products")) for k in range(layers)]

    def loss(self, u, i, j):
        all_ = [self.nodes]
        for (w1, b1), (w2, b2) in self.layers:
            near = self.graph @ all_[-1]
            all_.append(F.normalize(F.leaky_relu(near @ w1.T + b1 + (near * all_[-1]) @ w2.T + b2, 0.2), dim=1))
        users, items = halves(torch.stack(all_).mean(0), self.U)
        p = lambda k: F.normalize(self.f[k] @ self.w.T + self.b, dim=1)
        score = lambda k: (users[u] * items[k]).sum(1) + (self.tastes[u] * p(k)).sum(1)
        norms = half(users[u], items[i], items[j], self.tastes[u], p(i), p(j))
        return softplus(score(j) - score(i)).mean() + self.penalty * norms / len(u)


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
    mean = looped(U, N, PAIRS)
    return {
        "bpr-mf": BprMf(U, N, D),
        "bpr-mf bias": BprMf(U, N, D, bias=True),
        "bpr-mf decay": BprMf(U, N, D),
        "vbpr ducho": VbprDucho(U, N, D, joint),
        "vbpr paper": VbprPaper(U, N, D, 4, joint),
        "lightgcn": LightGcn(U, N, D, graph),
        "lightgcn-m concat": LightGcnM(U, N, D, graph, {"image": image, "text": text}, "concat"),
        "lightgcn-m mean": LightGcnM(U, N, D, graph, {"image": image, "text": text}, "mean"),
        "freedom": Freedom(U, N, D, graph, {"image": image, "text": text}),
        "bm3": Bm3(U, N, D, graph, {"image": image, "text": text}),
        "lattice": Lattice(U, N, D, PAIRS, {"image": image, "text": text}),
        "ngcf-m": NgcfM(U, N, D, graph, joint),
        "ngcf-m mean": NgcfM(U, N, D, mean / mean.sum(1, keepdim=True), joint),
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
        # As Elliot's forks lower the learning rate after each epoch; here of as many triples as there are pairs, 8 a step.
        factor, epochs = (0.5, 2) if name == "bpr-mf decay" else (1, 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: factor ** (epoch / epochs))
        for step in range(20):
            # Weights that a step does not read have a gradient of 0: Adam moves them by what their moments hold.
            optimiser.zero_grad(set_to_none=False)
            loss = model.loss(*triples(step))
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if (step + 1) % math.ceil(len(PAIRS) / 8) == 0:
                schedule.step()
        out["models"][name] |= {"losses": losses, "weights": {n: flat(p) for n, p in model.p.items()}}
    with open(path, "w") as file:
        json.dump(out, file)


def speed(args):
    pairs = [(int(l[0]), int(i)) for l in map(str.split, open(args.train)) if l for i in l[1:]]
    users, items = max(p[0] for p in pairs) + 1, max(p[1] for p in pairs) + 1
    random = np.random.default_rng(1)
    pairs_ = np.array(pairs)

    def weight(self, name, *shape):
        self.p[name] = torch.nn.Parameter(torch.randn(shape) * 0.1)
        return self.p[name]

    of = lambda base, *rest: type("Timed", (base,), {"weight": weight})(*rest)
    if args.speed == "lightgcn":
        model = of(LightGcn, users, items, 64, adjacency(users, items, pairs, args.form))
    elif args.speed == "vbpr":
        model = of(VbprDucho, users, items, 64, torch.randn(items, 2816))
    else:
        model = of(BprMf, users, items, 64)
    optimiser = torch.optim.Adam(model.p.values(), lr=0.001)
    def step(batch):
        optimiser.zero_grad()
        model.loss(*batch).backward()
        optimiser.step()

    def batches():
        for _ in range(count):
            batch = pairs_[random.integers(0, len(pairs), args.batch)]
            j = torch.from_numpy(random.integers(0, items, args.batch))
            yield torch.from_numpy(batch[:, 0]), torch.from_numpy(batch[:, 1]), j

    count = -(-len(pairs) // args.batch)
    take_turns(count, step, batches)


parser = argparse.ArgumentParser()
parser.add_argument("--fixture")
parser.add_argument("--speed", choices=["bpr-mf", "vbpr", "lightgcn"])
parser.add_argument("--train")
parser.add_argument("--form", default="csr", choices=["coo", "csr"])
parser.add_argument("--batch", type=int, default=2048)
args = parser.parse_args()
if args.fixture:
    fixture(args.fixture)
if args.speed:
    speed(args)
