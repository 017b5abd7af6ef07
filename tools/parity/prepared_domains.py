"""Runs `ferry prepare` and compares the domain with what pandas says: for preparation.py and preparation_forms.py."""

import hashlib
import json
import random
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(tempfile.mkdtemp(prefix="ferry-parity-"))


def prepare(*arguments):
    """Runs ferry prepare and gives the domain's directory."""
    out = WORK / f"domain-{len(list(WORK.glob('domain-*')))}"
    command = [str(ROOT / "node_modules/.bin/ferry"), "prepare", *map(str, arguments), "--out", str(out)]
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return out


def digest(domain, old="", new=""):
    """The hash of a domain's files, with `new` for `old` in them."""
    content = b"".join((domain / name).read_bytes() for name in ("items.jsonl", "sequences.jsonl"))
    return hashlib.sha256(content.replace(old.encode(), new.encode()) if old else content).hexdigest()


def sequences(domain, key="items"):
    with open(domain / "sequences.jsonl", encoding="utf8") as lines:
        return {row["user"]: row[key] for row in map(json.loads, lines)}


def shuffled(file, header=False):
    """A copy of a file with its lines in another order."""
    lines = Path(file).read_text(encoding="utf8").split("\n")
    if lines[-1] == "":
        lines.pop()
    head, rest = (lines[:1], lines[1:]) if header else ([], lines)
    random.Random(7).shuffle(rest)
    copy = WORK / f"shuffled-{Path(file).name}"
    copy.write_text("\n".join(head + rest) + "\n", encoding="utf8")
    return copy


def core(frame, users, items):
    while True:
        kept = frame[
            frame.groupby("user")["user"].transform("size").ge(users)
            & frame.groupby("item")["item"].transform("size").ge(items)
        ]
        if len(kept) == len(frame):
            return kept
        frame = kept


def by_user(frame, columns):
    ordered = frame.sort_values(["user", *columns], kind="stable")
    return {user: own["item"].tolist() for user, own in ordered.groupby("user", sort=False)}


RUNS = """
import { buildProgram } from './apps/cli/src/program.ts';
const failed = {};
for (const [at, args] of JSON.parse(process.argv[1]).entries())
  await buildProgram().parseAsync(['node', 'ferry', 'prepare', ...args]).catch((error) => { failed[at] = error.message; });
console.error(`FAILED ${JSON.stringify(failed)}`);
"""


def prepare_all(runs):
    """Runs ferry prepare with many arguments in one process: a domain's directory each, or what it said when it failed."""
    outs = [WORK / f"domain-{at}" for at in range(len(runs))]
    commands = [[*map(str, run), "--out", str(out)] for run, out in zip(runs, outs)]
    done = subprocess.run(
        ["node", "--import", "tsx", "--input-type=module", "-e", RUNS, json.dumps(commands)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stderr.split("\n") if line.startswith("FAILED ")]
    if not lines:
        raise SystemExit(done.stderr)
    failed = json.loads(lines[-1].removeprefix("FAILED "))
    return [failed.get(str(at), out) for at, out in enumerate(outs)]


def check(name, expected, domain):
    """Every sequence, and the counts of the provenance."""
    got = sequences(domain)
    differ = [user for user in {*expected, *got} if got.get(user) != expected.get(user)]
    assert not differ, (
        f"{name}: {len(differ)} of {len(expected)} users differ, such as {differ[0]}: "
        f"{got.get(differ[0])}, not {expected.get(differ[0])}"
    )
    counts = json.loads((domain / "provenance.json").read_text())["counts"]
    assert counts["users"] == len(expected) and counts["interactions"] == sum(map(len, expected.values()))
    assert counts["items"] == len({item for own in expected.values() for item in own})
    return f"{name}: {counts['interactions']:,} interactions, {counts['users']:,} users, {counts['items']:,} items: equal"


def compare(name, expected, *arguments, again=None):
    """Prepares, compares, prepares again and from shuffled files."""
    domain = prepare(*arguments)
    said = check(name, expected, domain)
    assert digest(prepare(*arguments)) == digest(domain), f"{name}: not the same bytes twice"
    if again is not None:
        assert digest(prepare(*again)) == digest(domain), f"{name}: other bytes from shuffled rows"
    print(f"{said}; twice{' and shuffled' if again else ''} the same bytes")
    return domain
