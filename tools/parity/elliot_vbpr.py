"""`ferry elliot` on the hands-on's configuration of VBPR against an independent reading of the same files: Amazon
Office with its given split, and generated features in Ducho's layout. Both sides begin with the same weights and take
the same triples (`vbprStart.ts`); everything else, from the loss to the choice of the epoch and Elliot's metrics, is
written here from its definition, in PyTorch's float32. Needs torch and numpy, a built `ferry` and FERRY_DATA:

    python tools/parity/elliot_vbpr.py [--epochs 200] [--widths 512,512] [--keep folder]

Prints the largest differences, and fails if the first ten epochs' losses differ by more than 1e-4 or a metric by more
than .001.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--widths", default="512,512", help="of the visual and of the textual features")
parser.add_argument("--keep", help="a folder to work in, kept and gone on with")
args = parser.parse_args()
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
WORK = Path(args.keep or tempfile.mkdtemp(prefix="ferry-elliot-")).resolve()
DATA = Path(os.environ["FERRY_DATA"]) / "amazon-office-vbpr"
K = 20


def rows(name):
    return [line.split("\t") for line in (DATA / name).read_text().splitlines()]


parts = {name: rows(f"{name}.tsv") for name in ("train", "val", "test")}

# The hands-on's own file as the guide has it, with fewer epochs if asked.
guide = (ROOT / "docs/guides/handsOn.md").read_text()
config = next(block for block in re.findall(r"^```yaml\n(.*?)^```$", guide, re.M | re.S) if "external.VBPR" in block)
config = config.replace("epochs: 200", f"epochs: {args.epochs}")
folders = [
    WORK / path.replace("../data/{0}", "data/office") for path in re.findall(r"(?:visual|textual)_features: (\S+)", config)
]
widths = [int(width) for width in args.widths.split(",")]


def prepare():
    (WORK / "config_files").mkdir(parents=True, exist_ok=True)
    (WORK / "config_files/hands-on_clip.yml").write_text(config)
    (WORK / "data/office").mkdir(parents=True, exist_ok=True)
    for name in parts:
        shutil.copy(DATA / f"{name}.tsv", WORK / "data/office")
    random = np.random.default_rng(42)
    for folder, width in zip(folders, widths):
        folder.mkdir(parents=True, exist_ok=True)
        for item in sorted({item for part in parts.values() for _, item, *_ in part}):
            np.save(folder / f"{item}.npy", random.standard_normal((1, width)).astype(np.float32))


def ferry():
    """Losses of epochs, validation Recall@20 by epoch, the chosen epoch, and the table of the test."""
    subprocess.run(["npx", "ferry", "elliot", str(WORK / "config_files/hands-on_clip.yml")], cwd=ROOT, check=True)
    run = WORK / "results/office/ferry/hands-on_clip/runs/VBPR/0-0"
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    epochs = [record for record in records if record["kind"] == "epoch"]
    best = json.loads((run / "summary.json").read_text())["best"]["epoch"]
    table = sorted((WORK / "results/office/performance").glob("rec_cutoff_20_*.tsv"))[-1].read_text().splitlines()
    names, values = table[0].split("\t")[1:], table[1].split("\t")[1:]
    return {
        "run": run,
        "losses": [epoch["loss"] for epoch in epochs],
        "valid": {epoch["epoch"]: epoch["valid"]["recall@20"] for epoch in epochs if epoch.get("valid")},
        "best": best,
        "test": dict(zip(names, map(float, values))),
    }


def metrics(lists, part, items):
    """Elliot's, for users with rows in the part: graded gains 2^(rating + 1) - 1."""
    wanted = {}
    for user, item, rating in part:
        wanted.setdefault(user, {})[item] = float(rating)
    sums = dict.fromkeys(("Recall", "Precision", "nDCG", "HR"), 0.0)
    gain = lambda rating: 2 ** (rating + 1) - 1
    discounted = lambda gains: sum(g / np.log2(at + 2) for at, g in enumerate(gains))
    counted = 0
    for user, rated in wanted.items():
        if user not in lists:
            continue
        counted += 1
        shown = [items[i] for i in lists[user]]
        hits = sum(item in rated for item in shown)
        sums["Recall"] += hits / len(rated)
        sums["Precision"] += hits / K
        sums["HR"] += hits > 0
        ideal = sorted(map(gain, rated.values()), reverse=True)[:K]
        sums["nDCG"] += discounted([gain(rated[item]) if item in rated else 0 for item in shown]) / discounted(ideal)
    return {name: value / counted for name, value in sums.items()}


def twin(run):
    start = WORK / "start"
    subprocess.run(
        ["npx", "tsx", "tools/parity/vbprStart.ts", str(run), str(start), str(args.epochs)], cwd=ROOT, check=True
    )
    ids = json.loads((start / "ids.json").read_text())
    users, items = ids["users"], ids["items"]
    at_user, at_item = ({one: at for at, one in enumerate(all_)} for all_ in (users, items))
    features = np.concatenate(
        [np.concatenate([np.load(folder / f"{item}.npy") for item in items]) for folder in folders], 1
    )
    f = torch.from_numpy(features)
    shapes = {
        "users.weight": (len(users), 64),
        "items.weight": (len(items), 64),
        "tastes.weight": (len(users), 64),
        "projection.joint.weight": (64, sum(widths)),
        "projection.joint.bias": (64,),
    }
    assert {f"{name}.f32" for name in shapes} == {path.name for path in start.glob("*.f32")}
    p = {
        name: torch.nn.Parameter(torch.from_numpy(np.fromfile(start / f"{name}.f32", "<f4").reshape(shape)))
        for name, shape in shapes.items()
    }
    gu, gi, tu, w, b = p.values()
    project = lambda rows: F.normalize(f[rows] @ w.T + b, dim=1)
    own = {(at_user[user], at_item[item]) for user, item, _ in parts["train"]}
    seen = torch.zeros(len(users), len(items), dtype=torch.bool)
    seen[tuple(torch.tensor(sorted(own)).T)] = True
    known = seen.any(0)
    triples = np.fromfile(start / "triples.i32", "<i4").reshape(args.epochs, 3, -1)
    # What a sampler of the definition can draw: as many triples as interactions, of the user and not of the user.
    assert triples.shape[2] == len(parts["train"])
    assert all((u, i) in own and (u, j) not in own for u, i, j in triples[0].T)
    optimiser = torch.optim.Adam(p.values(), lr=0.005)
    losses, valid, test = [], {}, {}
    for epoch in range(args.epochs):
        total = 0.0
        for u, i, j in zip(*(torch.from_numpy(one.astype(np.int64)).split(1024) for one in triples[epoch])):
            pi, pj = project(i), project(j)
            rows = gu[u], gi[i], gi[j], tu[u], pi, pj
            x = (gu[u] * gi[i]).sum(1) + (tu[u] * pi).sum(1) - (gu[u] * gi[j]).sum(1) - (tu[u] * pj).sum(1)
            loss = F.softplus(-torch.clamp(x, -80, 1e8)).mean() + 1e-5 / 2 * sum((one**2).sum() for one in rows) / len(u)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(u)
        losses.append(total / triples.shape[2])
        if (epoch + 1) % 10 == 0:
            with torch.no_grad():
                scores = gu @ gi.T + tu @ project(slice(None)).T
                scores[seen | ~known] = -torch.inf
                top = scores.topk(K, dim=1).indices.tolist()
            lists = {users[at]: top[at] for at in range(len(users)) if seen[at].any()}
            valid[epoch + 1] = metrics(lists, parts["val"], items)["Recall"]
            test[epoch + 1] = metrics(lists, parts["test"], items)
            print(
                f"epoch {epoch + 1}: loss {losses[-1]:.6f}, "
                f"Recall@20 {valid[epoch + 1]:.5f}, {test[epoch + 1]['Recall']:.5f}",
                flush=True,
            )
    return {"losses": losses, "valid": valid, "test": test, "best": max(valid, key=valid.get)}


prepare()
ours = ferry()
theirs = twin(ours["run"])
losses = [abs(a - b) for a, b in zip(ours["losses"][:10], theirs["losses"][:10])]
valid = [abs(ours["valid"][epoch] - value) for epoch, value in theirs["valid"].items()]
table = {name: (value, theirs["test"][ours["best"]][name]) for name, value in ours["test"].items()}
print(
    f"losses of {len(losses)} epochs: {ours['losses'][0]:.6f} .. {ours['losses'][len(losses) - 1]:.6f}, "
    f"at most {max(losses):.1e} apart"
)
print(f"loss of epoch {args.epochs}: {ours['losses'][-1]:.6f} and {theirs['losses'][-1]:.6f}")
print(
    f"validation Recall@20 at {len(valid)} epochs: at most {max(valid):.5f} apart; "
    f"best epoch {ours['best']} and {theirs['best']}"
)
for name, (a, b) in table.items():
    print(f"test {name}@20 of epoch {ours['best']}: {a:.5f} and {b:.5f}")
if not args.keep:
    shutil.rmtree(WORK)
assert max(losses) < 1e-4, "losses differ"
assert max([*valid, *(abs(a - b) for a, b in table.values())]) < 1e-3, "metrics differ"
