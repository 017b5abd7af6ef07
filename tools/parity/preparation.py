"""Domains that `ferry prepare` makes of real files against pandas: counts and every sequence; the same bytes twice and
from shuffled rows. Run by hand, with FERRY_DATA set (generated archives in each raw form: preparation_forms.py):

    python tools/parity/preparation.py
"""

import json
import os
import random
import shutil
from pathlib import Path

import pandas as pd
from prepared_domains import WORK, by_user, compare, core, sequences, shuffled

DATA = Path(os.environ["FERRY_DATA"])


def amazon_raw():
    file = DATA / "amazon-raw-sample/AMAZON_FASHION_5.json"
    rows = [json.loads(line.strip().lstrip("[").rstrip(",")) for line in file.read_text().splitlines()]
    frame = pd.DataFrame(
        [(row["reviewerID"], row["asin"], row["overall"], row["unixReviewTime"]) for row in rows],
        columns=["user", "item", "rating", "time"],
    )
    frame = core(frame.drop_duplicates(), 3, 3)
    # As JSON lines: an array's first line may not be moved.
    lines = WORK / "fashion.json"
    lines.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    flags = ["--duplicates", "identical", "--core", 3]
    compare("amazon-raw-sample", by_user(frame, ["time", "item", "rating"]), file, *flags, again=[shuffled(lines), *flags])


def mind():
    file = DATA / "mind-sample/behaviors.tsv"
    frame = pd.read_csv(
        file, sep="\t", header=None, names=["id", "user", "time", "history", "shown"], quoting=3, keep_default_na=False
    )
    frame["time"] = pd.to_datetime(frame["time"], format="%m/%d/%Y %I:%M:%S %p")
    expected = {}
    for user, own in frame.sort_values(["time", "history"]).groupby("user", sort=False):
        clicks = sorted(
            (time, shown[:-2])
            for time, all_ in zip(own["time"], own["shown"])
            for shown in all_.split()
            if shown.endswith("-1")
        )
        items = own["history"].iloc[0].split() + [item for _, item in clicks]
        if items:
            expected[user] = items
    compare("mind-sample", expected, file, "--form", "mind", again=[shuffled(file), "--form", "mind"])


def lastfm():
    file = DATA / "lastfm2k-mm/Lastfm2k.all"
    frame = core(pd.read_csv(file, sep="\t", header=None, names=["user", "item", "rating", "time"]), 5, 5)
    ordered = frame.sort_values(["user", "time", "item", "rating"], kind="stable")
    expected = {str(user): [str(item) for item in own["item"]] for user, own in ordered.groupby("user", sort=False)}
    flags = ["--format", "tsv", "--no-header", "--user", 1, "--item", 2, "--rating", 3, "--time", 4, "--core", 5]
    compare("lastfm2k-mm", expected, file, *flags, again=[shuffled(file), *flags])


def lines_of(file):
    return {line.split()[0]: line.split()[1:] for line in Path(file).read_text().splitlines() if line.strip()}


def gowalla():
    train, test = lines_of(DATA / "gowalla/train.txt"), lines_of(DATA / "gowalla/test.txt")
    expected = {user: sorted(own, key=int) + sorted(test.get(user, []), key=int) for user, own in train.items()}
    domain = compare("gowalla", expected, "lightgcn", "--category", "gowalla", "--from", DATA)
    parts = sequences(domain, "parts")
    assert all(own == [0] * len(train[user]) + [2] * len(test.get(user, [])) for user, own in parts.items())


def s3rec(folder, name, category):
    file = DATA / folder / name
    expected = lines_of(file)
    compare(
        folder,
        expected,
        "s3rec",
        "--category",
        category,
        "--from",
        file,
        again=["s3rec", "--category", category, "--from", shuffled(file)],
    )


def office():
    folder = DATA / "amazon-office-vbpr"
    names = ["user", "item", "rating"]
    parts = [
        pd.read_csv(folder / f"{part}.tsv", sep="\t", header=None, names=names).assign(part=at)
        for at, part in enumerate(["train", "val", "test"])
    ]
    frame = pd.concat(parts)
    expected = by_user(frame, ["part", "item", "rating"])
    description = WORK / "office.yaml"
    paths = ", ".join(
        f"{key}: {folder}/{part}.tsv" for key, part in zip(["train", "valid", "test"], ["train", "val", "test"])
    )
    description.write_text(f"interactions: {{ parts: {{ {paths} }}, header: false, user: 1, item: 2, rating: 3 }}\n")
    domain = compare("amazon-office-vbpr", expected, description)
    parts = sequences(domain, "parts")
    assert {
        user: own["part"].tolist() for user, own in frame.sort_values(["user", "part"], kind="stable").groupby("user")
    } == parts


def ml100k():
    # The raw form of ratings that the domain was made of: user, item, rating, time.
    rows = []
    with open(DATA / "domains/ml100k/sequences.jsonl", encoding="utf8") as lines:
        for row in map(json.loads, lines):
            rows += [
                (row["user"], item, rating, time) for item, rating, time in zip(row["items"], row["ratings"], row["ts"])
            ]
    random.Random(3).shuffle(rows)
    file = WORK / "u.data"
    file.write_text("".join(f"{user}\t{item}\t{rating}\t{time}\n" for user, item, rating, time in rows))
    frame = pd.DataFrame(rows, columns=["user", "item", "rating", "time"])
    frame = core(frame[frame["rating"] >= 4], 5, 5).sort_values(["user", "time", "item"], kind="stable")
    expected = {user: [str(item) for item in own["item"]] for user, own in frame.groupby("user", sort=False)}
    flags = [
        "--format",
        "tsv",
        "--no-header",
        "--user",
        1,
        "--item",
        2,
        "--rating",
        3,
        "--time",
        4,
        "--core",
        5,
        "--min-rating",
        4,
    ]
    compare("ml100k", expected, file, *flags, again=[shuffled(file), *flags])


try:
    amazon_raw()
    mind()
    lastfm()
    gowalla()
    s3rec("s3rec-beauty", "Beauty.txt", "Beauty")
    s3rec("s3rec-toys", "Toys_and_Games.txt", "Toys")
    office()
    ml100k()
finally:
    shutil.rmtree(WORK)
