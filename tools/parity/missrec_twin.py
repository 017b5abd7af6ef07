"""The PyTorch side of MISSRec (missrec_model.py): constants of the unit tests, checkpoints as released, trainings.

    # constants of the unit tests
    python tools/parity/missrec_twin.py --fixtures packages/missrec/test/fixtures
    # a checkpoint in the released format, and its metrics
    python tools/parity/missrec_twin.py --save-pth out.pth --data DIR [--epochs 1]
    # seconds per epoch, loss sum, validation
    python tools/parity/missrec_twin.py --train --data DIR [--epochs 1] [--steps 0]

Needs torch and numpy only. DIR holds Scientific.{train,valid,test}.inter, .item2index, .feat1CLS and .feat3CLS.
"""

import argparse
import base64
import json
import math
import os
import sys
import time
import types

import numpy as np
import torch
from torch import nn

from missrec_model import PAPER, RELEASED, MISSRec, Options, drop_items

torch.set_num_threads(2)


# ----------------------------------------------------------------------------------------------------- fixtures
def packed(t):
    t = t.detach()
    a = t.numpy()
    a = a.astype("<i4") if a.dtype.kind in "ib" else a.astype("<f4")
    return dict(dtype="int32" if a.dtype.kind == "i" else "float32", shape=list(a.shape),
                data=base64.b64encode(a.tobytes()).decode())


def ramp(model, seed):
    """Weights from a seeded generator, larger than at the start of a training so that every path matters."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        scale = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.4
        p.data.copy_(torch.randn(p.shape, generator=g) * scale)
    if model.o.ids:
        model.item_embedding.weight.data[0] = torch.randn(model.o.width, generator=g) * 0.1
    model.fusion_factor.data.copy_(torch.randn(model.fusion_factor.shape, generator=g) + 1.5)


def fixtures(directory):
    torch.manual_seed(1)
    g = torch.Generator().manual_seed(7)
    N, feature_width, D, K = 11, 5, 8, 6
    text = torch.randn(N + 1, feature_width, generator=g)
    image = torch.randn(N + 1, feature_width, generator=g)
    words = torch.randn(N + 1, feature_width, generator=g)
    text[0] = image[0] = words[0] = 0
    image[[3, 4, 8]] = 0  # no picture
    text[[6]] = 0  # no text
    words[[6]] = 0
    lookup_text = torch.randint(1, K + 1, (N + 1,), generator=g)
    lookup_image = torch.randint(1, K + 1, (N + 1,), generator=g)
    lookup_text[0] = lookup_image[0] = 0
    centres = torch.randn(K + 1, D, generator=g)
    centres[0] = 0
    lengths = torch.tensor([6, 1, 3, 2, 4])
    history = torch.zeros(5, 7, dtype=torch.long)
    for b, l in enumerate(lengths):
        history[b, :l] = torch.randint(1, N + 1, (int(l),), generator=g)
    history[2, 2] = 6  # a last item without text
    history[3, 1] = 4  # a last item without image
    targets = torch.tensor([5, 2, 5, 11, 8])
    keep = torch.rand(5, 7, generator=g) < 0.6

    base = dict(width=D, feature_width=feature_width, heads=2, inner=6, positions=9, dropout=0.0, temperature=0.2,
                gamma=0.05, lam=0.3)
    cases = []
    for preset, quirks in [("paper", PAPER), ("released", RELEASED)]:
        for task, change in [
            ("finetune", dict(ids=True)), ("finetune", dict(ids=False)),
            ("finetune", dict(ids=True, sequence_fusion="contextual")),
            ("finetune", dict(ids=False, item_fusion="per-item")), ("finetune", dict(ids=True, item_fusion="static")),
            ("pretrain-items", dict(ids=False)), ("pretrain-words", dict(ids=False)),
            ("pretrain-items", dict(ids=False, sequence_fusion="contextual")),
        ]:
            o = Options(**{**base, **quirks, **change})
            model = MISSRec(o, text, image, words, K)
            ramp(model, 3)
            lt, li = lookup_text.clone(), lookup_image.clone()
            if o.missing == "mask":
                lt[model.plm_embedding_empty_mask] = 0
                li[model.img_embedding_empty_mask] = 0
            model.plm_interest_lookup_table.copy_(lt)
            model.img_interest_lookup_table.copy_(li)
            model.interest_embeddings.copy_(centres)
            model.train()
            extra = {}
            if task == "finetune":
                out = model.finetune_loss(history, lengths, targets)
            else:
                if task == "pretrain-items":
                    rule = "next" if preset == "released" else "own"
                    h, l = drop_items(history, lengths, keep.clone(), rule)
                    augmented = dict(history=h, lengths=l,
                                     image_history=history if o.augmented_images == "original" else h)
                    extra = dict(droppedHistory=packed(h), droppedLengths=packed(l))
                else:
                    augmented = dict(history=history, lengths=lengths, replaced=~keep & (history != 0))
                out = model.pretrain_loss(history, lengths, targets, augmented)
            out["loss"].backward()
            named = dict(model.named_parameters())
            cases.append(dict(
                preset=preset, task=task, ids=o.ids, sequenceFusion=o.sequence_fusion, itemFusion=o.item_fusion,
                outputs={k: packed(v) for k, v in out.items()},
                gradients={k: packed(p.grad) for k, p in named.items() if p.grad is not None}, **extra,
            ))
    # the weights: those with IDs, contextual or not, are drawn in the same order; store one set per (ids, item fusion)
    weights = {}
    for ids in (True, False):
        for fusion in ("shared", "per-item", "static"):
            model = MISSRec(Options(**{**base, "ids": ids, "item_fusion": fusion}), text, image, words, K)
            ramp(model, 3)
            weights[f"{'ids' if ids else 'no-ids'},{fusion}"] = {
                k: packed(p) for k, p in model.named_parameters() if p.requires_grad
            }
    fixture = dict(
        options=dict(width=D, featureWidth=feature_width, heads=2, inner=6, positions=9, temperature=0.2, gamma=0.05,
                     lambda_=0.3, items=N, interests=K),
        inputs=dict(text=packed(text), image=packed(image), words=packed(words), lookupText=packed(lookup_text),
                    lookupImage=packed(lookup_image), centres=packed(centres), history=packed(history),
                    lengths=packed(lengths), targets=packed(targets), keep=packed(keep.int())),
        weights=weights, cases=cases,
    )
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "twin.json")
    with open(path, "w") as f:
        json.dump(fixture, f)
    print(f"{path}: {len(cases)} cases")
    small_checkpoint(directory)


# ----------------------------------------------------------------------------------- checkpoints in the released format
def config_class():
    """A class that looks, in a pickle, like the configuration object of the released code."""
    for name in ("recbole", "recbole.config", "recbole.config.configurator"):
        sys.modules.setdefault(name, types.ModuleType(name))
    module = sys.modules["recbole.config.configurator"]
    Config = type("Config", (), {"__module__": module.__name__})
    module.Config = Config
    return Config


def save_checkpoint(path, model, optimiser=None):
    config = config_class()()
    config.final_config_dict = {"hidden_size": model.o.width, "device": torch.device("cpu"), "temperature": 0.07}
    state = {k: v for k, v in model.state_dict().items()}
    torch.save(dict(config=config, epoch=18, cur_step=0, best_valid_score=0.0933, state_dict=state,
                    other_parameter=None, optimizer=optimiser.state_dict() if optimiser else {}), path)


def ranks(model, history, lengths, targets, batch=512):
    """1 + better + ties / 2 over the whole catalogue, history not hidden, padding excluded."""
    model.eval()
    items = torch.arange(1, model.plm_embedding.num_embeddings)
    out = []
    with torch.no_grad():
        for i in range(0, len(targets), batch):
            u, _, _ = model.encode(history[i : i + batch], lengths[i : i + batch])
            s = model.scores(u, items)
            own = s.gather(1, targets[i : i + batch].unsqueeze(1) - 1)
            out.append(1 + (s > own).sum(1) + ((s == own).sum(1) - 1) / 2)
    return torch.cat(out)


def small_checkpoint(directory):
    """A checkpoint of a tiny world whose rows are in another order than the features, with duplicate text rows."""
    g = torch.Generator().manual_seed(11)
    N, feature_width, D, K = 12, 6, 8, 5
    text = torch.randn(N, feature_width, generator=g)  # row i = item i of the data set
    image = torch.randn(N, feature_width, generator=g)
    text[4] = text[9]  # told apart by their images
    image[2] = 0
    order = torch.randperm(N, generator=g)  # checkpoint row r + 1 = item order[r]
    zero = torch.zeros(1, feature_width)
    o = Options(width=D, feature_width=feature_width, heads=4, inner=6, positions=10, ids=True, **RELEASED)
    model = MISSRec(o, torch.cat([zero, text[order]]), torch.cat([zero, image[order]]), None, K)
    ramp(model, 5)
    model.plm_interest_lookup_table[1:] = torch.randint(1, K + 1, (N,), generator=g)
    model.img_interest_lookup_table[1:] = torch.randint(1, K + 1, (N,), generator=g)
    model.interest_embeddings[1:] = torch.randn(K, D, generator=g)
    optimiser = torch.optim.Adam(model.parameters())
    save_checkpoint(os.path.join(directory, "released.pth"), model, optimiser)
    internal = torch.zeros(N + 1, dtype=torch.long)  # item number (index + 1) -> checkpoint row
    internal[order + 1] = torch.arange(1, N + 1)
    lengths = torch.tensor([3, 1, 5, 2, 7, 4])
    history = torch.zeros(6, 8, dtype=torch.long)
    for b, l in enumerate(lengths):
        history[b, :l] = torch.randint(1, N + 1, (int(l),), generator=g)
    targets = torch.randint(1, N + 1, (6,), generator=g)
    answer = ranks(model, internal[history], lengths, internal[targets])
    with open(os.path.join(directory, "released.json"), "w") as f:
        json.dump(dict(text=packed(text), image=packed(image), order=packed(order), history=packed(history),
                       lengths=packed(lengths), targets=packed(targets), ranks=packed(answer)), f)
    print(f"{directory}: released.pth")


# --------------------------------------------------------------------------------------------------- the real data set
class Data:
    def __init__(self, directory, internal_order):
        name = "Scientific"
        read = lambda ext: os.path.join(directory, f"{name}.{ext}")
        count = sum(1 for _ in open(read("item2index")))
        rows = {}
        for split in ("train", "valid", "test"):
            with open(read(f"{split}.inter")) as f:
                next(f)
                rows[split] = [(line.rstrip("\n").split("\t")[1].split(), line.rstrip("\n").split("\t")[2]) for line in f]
        number = {str(i): i + 1 for i in range(count)}
        if internal_order:  # by first appearance: targets of all splits, then histories
            number = {}
            for pick in (lambda r: [r[1]], lambda r: r[0]):
                for split in ("train", "valid", "test"):
                    for r in rows[split]:
                        for token in pick(r):
                            number.setdefault(token, len(number) + 1)
        features = lambda ext: torch.from_numpy(np.fromfile(read(ext), dtype="<f4").reshape(count, 512))
        place = torch.zeros(count + 1, dtype=torch.long)
        for token, i in number.items():
            place[i] = int(token)
        zero = torch.zeros(1, 512)
        self.text = torch.cat([zero, features("feat1CLS")[place[1 : len(number) + 1]]])
        self.image = torch.cat([zero, features("feat3CLS")[place[1 : len(number) + 1]]])
        self.splits = {}
        for split, rs in rows.items():
            hs = [torch.tensor([number[t] for t in r[0]][-50:]) for r in rs]
            self.splits[split] = (
                nn.utils.rnn.pad_sequence(hs, batch_first=True), torch.tensor([len(h) for h in hs]),
                torch.tensor([number[r[1]] for r in rs]),
            )


def released_clusters(x, K, generator):
    """One pass of the vendored mini-batch k-means as released, with its in-place distance (absolute values remain)."""
    def distance(points, centres):  # in place: both are replaced by their absolute values
        d = torch.cdist(points, centres)
        points.abs_()
        centres.abs_()
        return d
    batch = x.clone()
    centres = batch[torch.randperm(len(batch), generator=generator)[:K]].clone()
    labels = distance(batch, centres).argmin(1)
    counts = torch.bincount(labels, minlength=K).float()
    means = torch.zeros_like(centres).index_add_(0, labels, batch) / counts.clamp_min(1).unsqueeze(1)
    n = 1 + 0 * counts
    centres = centres * (1 - 1 / n).unsqueeze(1) + means / n.unsqueeze(1)
    return torch.cdist(x, centres).argmin(1), centres


def refresh(model, ratio, generator):
    model.eval()
    with torch.no_grad():
        texts = model.text_adaptor(model.plm_embedding.weight[1:])
        images = model.img_adaptor(model.img_embedding.weight[1:])
        x = torch.cat([texts, images])
        N = len(x) // 2
        labels, centres = released_clusters(x, max(math.ceil(len(x) * ratio), 1), generator)
        model.plm_interest_lookup_table[1:] = labels[:N] + 1
        model.img_interest_lookup_table[1:] = labels[N:] + 1
        model.interest_embeddings[1:] = centres


def metrics(r):
    def recall(k):
        return float((r <= k).float().mean())

    def ndcg(k):
        return float(torch.where(r <= k, 1 / torch.log2(r + 1), torch.zeros_like(r)).mean())

    return {f"{f.__name__}@{k}": round(f(k), 4) for f in (recall, ndcg) for k in (10, 50)}


def train(args):
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(args.seed)
    data = Data(args.data, internal_order=bool(args.save_pth))
    N = len(data.text) - 1
    K = max(math.ceil(2 * N * 0.5), 1)
    model = MISSRec(Options(ids=True, **RELEASED), data.text, data.image, None, K)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"parameters {count}, items {N}", flush=True)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    history, lengths, targets = data.splits["train"]
    for epoch in range(args.epochs):
        start = time.time()
        refresh(model, 0.5, g)
        model.train()
        total, steps, order = 0.0, 0, torch.randperm(len(targets), generator=g)
        count = math.ceil(len(targets) / args.batch)
        for i in range(0, len(targets), args.batch):
            rows = order[i : i + args.batch]
            optimiser.zero_grad()
            loss = model.finetune_loss(history[rows], lengths[rows], targets[rows])["loss"]
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
            steps += 1
            if steps == args.steps:
                break
        seconds = time.time() - start
        line = dict(epoch=epoch, steps=steps, seconds=round(seconds, 2), secondsPerEpoch=round(seconds * count / steps, 2),
                    loss=round(total, 2))
        if not args.steps:
            line |= {f"valid {k}": v for k, v in metrics(ranks(model, *data.splits["valid"])).items()}
        print(json.dumps(line), flush=True)
    if args.save_pth:
        save_checkpoint(args.save_pth, model, optimiser)
        print(json.dumps({"test": metrics(ranks(model, *data.splits["test"]))}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", help="write the unit tests' constants into this folder")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--save-pth", help="train, then write a checkpoint in the released format")
    parser.add_argument("--data")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop an epoch after this many steps (0: all)")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--seed", type=int, default=2020)
    arguments = parser.parse_args()
    if arguments.fixtures:
        fixtures(arguments.fixtures)
    elif arguments.train or arguments.save_pth:
        train(arguments)
    else:
        parser.print_help()
