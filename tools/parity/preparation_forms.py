"""Generated archives in each raw form that a card of `datasets` names, against pandas: counts and every sequence; the
same bytes twice, and from shuffled rows wherever the order of the file is not itself data. Run by hand (node and the
built workspace are needed):

    python tools/parity/preparation_forms.py [card ...]

Parquet is written by DuckDB's Node package, as pandas needs pyarrow for it.
"""

import gzip
import json
import random
import shutil
import subprocess
import sys
import zipfile

import pandas as pd
from prepared_domains import ROOT, WORK, by_user, check, core, digest, prepare_all

RANDOM = random.Random(15)
# Few times and ratings, so that equal times, equal rows and repeated pairs occur.
LOG = pd.DataFrame(
    [
        (
            1 + int(40 * RANDOM.random() ** 1.5),
            1 + int(30 * RANDOM.random() ** 1.5),
            RANDOM.randint(1, 5),
            1_500_000_000 + 86_400 * RANDOM.randint(0, 40),
        )
        for _ in range(900)
    ],
    columns=["user", "item", "rating", "time"],
)
LOG = pd.concat([LOG, LOG.sample(40, random_state=1)], ignore_index=True)
TITLES = {item: f"Number {item}, new" for item in range(1, 28)}


def named(frame, user="u{}", item="i{}"):
    """The log with ids of letters."""
    return frame.assign(user=frame["user"].map(user.format), item=frame["item"].map(item.format))


def plain(frame):
    """Sequences by time, equal times by item (numbers as numbers), then rating; ids as text."""
    return {str(user): [str(item) for item in items] for user, items in by_user(frame, ["time", "item", "rating"]).items()}


def unisrec(frame, items):
    return plain(core(frame.drop_duplicates()[lambda own: own["item"].isin(items)], 5, 5))


class Archive:
    """A folder of files, written once in order and once with the rows of its log shuffled."""

    def __init__(self, name, mixed):
        self.folder = WORK / f"{name}{'-mixed' if mixed else ''}"
        self.folder.mkdir()
        self.mixed = mixed

    def rows(self, rows):
        rows = list(rows)
        if self.mixed:
            random.Random(3).shuffle(rows)
        return rows

    def write(self, name, lines, head=(), encoding="utf8"):
        """A file of lines; `name.gz` packed, `archive.zip/name` inside an archive."""
        content = "".join(f"{line}\n" for line in [*head, *lines]).encode(encoding)
        outer, _, inner = name.partition(".zip/")
        path = self.folder / (f"{outer}.zip" if inner else outer)
        path.parent.mkdir(parents=True, exist_ok=True)
        if inner:
            with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(inner, content)
        else:
            path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def records(frame, separator):
    return [separator.join(map(str, row)) for row in frame.itertuples(index=False)]


def amazon_2018(archive):
    frame = named(LOG)
    rows = frame[["item", "user", "rating", "time"]].assign(rating=frame["rating"].map("{}.0".format))
    archive.write("Prime_Pantry.csv", archive.rows(records(rows, ",")))
    metadata = ({"asin": f"i{item}", "title": title, "category": ["A"], "brand": "B"} for item, title in TITLES.items())
    archive.write("meta_Prime_Pantry.json.gz", map(json.dumps, metadata))
    return unisrec(frame, {f"i{item}" for item in TITLES})


def amazon_2023(archive):
    frame = named(LOG).assign(time=LOG["time"] * 1000)
    said = {"title": "x", "text": 'said "no"\ttwice'}
    rows = [
        json.dumps({"rating": float(r), **said, "user_id": u, "parent_asin": i, "asin": "v", "timestamp": t})
        for u, i, r, t in frame.itertuples(index=False)
    ]
    archive.write("All_Beauty.jsonl.gz", archive.rows(rows))
    rest = {"categories": ["A"], "store": None, "images": []}
    metadata = ({"parent_asin": f"i{item}", "title": title, **rest} for item, title in TITLES.items())
    archive.write("meta_All_Beauty.jsonl.gz", map(json.dumps, metadata))
    return unisrec(frame, {f"i{item}" for item in TITLES})


def amazon_2014(archive):
    frame = named(LOG)
    rows = [
        json.dumps(
            {"reviewerID": u, "asin": i, "helpful": [0, 0], "reviewText": "It's", "overall": float(r), "unixReviewTime": t}
        )
        for u, i, r, t in frame.itertuples(index=False)
    ]
    archive.write("reviews_Baby_5.json.gz", archive.rows(rows))
    categories = [["A", 'B "c"']]
    metadata = ({"asin": f"i{item}", "title": f"It's {title}", "categories": categories} for item, title in TITLES.items())
    archive.write("meta_Baby.json.gz", map(repr, metadata))
    return plain(frame)


def movielens_100k(archive):
    archive.write("ml-100k.zip/ml-100k/u.data", archive.rows(records(LOG, "\t")))
    films = [f"{item}|Café {item}|01-Jan-1995||http://x|0" for item in range(1, 31)]
    archive.write("ml-100k.zip/ml-100k/u.item", films, encoding="latin1")
    return plain(LOG)


def movielens_1m(archive):
    archive.write("ml-1m.zip/ml-1m/ratings.dat", archive.rows(records(LOG, "::")))
    films = [f"{item}::Film {item} (1999)::Drama|War" for item in range(1, 31)]
    archive.write("ml-1m.zip/ml-1m/movies.dat", films, encoding="latin1")
    return plain(LOG)


def movielens_20m(archive):
    rows = archive.rows(records(LOG.assign(rating=LOG["rating"] - 0.5), ","))
    archive.write("ml-20m.zip/ml-20m/ratings.csv", rows, ["userId,movieId,rating,timestamp"])
    films = [f'{item},"Film {item}, The (1999)",Drama|War' for item in range(1, 31)]
    archive.write("ml-20m.zip/ml-20m/movies.csv", films, ["movieId,title,genres"])
    return plain(LOG)


def impressions(frame):
    """The log as impressions: what was taken at a time is clicked, an item of another time is not; each user has a
    history."""
    rows = []
    for number, ((user, time), own) in enumerate(frame.groupby(["user", "time"])):
        shown = " ".join([*(f"{item}-1" for item in own["item"]), "none-0"])
        stamp = pd.Timestamp(time, unit="s").strftime("%-m/%-d/%Y %-I:%M:%S %p")
        rows.append((number, user, stamp, f"h{user} h0", shown))
    return rows


def clicks(frame):
    """An impression's clicks, by time and item, each as often as it was clicked; behind the history."""
    return {user: [f"h{user}", "h0", *own] for user, own in by_user(frame, ["time", "item"]).items()}


def mind_archive(archive, name, news):
    frame = named(LOG).drop_duplicates(["user", "item", "time"])
    for part, own in (("train", frame[frame["time"] < 1_502_000_000]), ("dev", frame[frame["time"] >= 1_502_000_000])):
        rows = archive.rows("\t".join(map(str, row)) for row in impressions(own))
        archive.write(f"MIND{name}_{part}.zip/behaviors.tsv", rows)
        news(part)
    return clicks(frame)


def mind(archive):
    lines = [f'i{item}\tnews\tworld\tThe "{title}\tIt is said\thttp://x\t[]\t[]' for item, title in TITLES.items()]
    return mind_archive(archive, "demo", lambda part: archive.write(f"MINDdemo_{part}.zip/news.tsv", lines))


def xmind(archive):
    lines = [f'i{item}\t"Habari ""{item}"""\tLeo' for item in TITLES]
    head = ["nid\ttitle\tabstract"]
    return mind_archive(archive, "small", lambda part: archive.write(f"swh/{part}/news.tsv", lines, head))


def adressa(archive):
    frame = named(LOG)
    day = (frame["time"] - frame["time"].min()) // 86_400 % 7
    for number in range(7):
        rows = [
            json.dumps({"userId": u, "id": i, "title": f"Nyheter {i}", "time": t, "category1": "a|b", "activeTime": r})
            for u, i, r, t in frame[day == number].itertuples(index=False)
        ]
        archive.write(f"one_week/2017010{number + 1}", archive.rows(rows))
    # The first interaction of each user and item, in the order of time.
    first = frame.sort_values(["user", "time", "item"], kind="stable").drop_duplicates(["user", "item"])
    return by_user(first, ["time", "item"])


def lastfm(file, head, columns, **changes):
    def write(archive):
        frame = LOG.assign(**changes)
        archive.write(f"hetrec2011-lastfm-2k.zip/{file}", archive.rows(records(frame[columns], "\t")), [head])
        bands = [f"{item}\tBand {item}\thttp://x\thttp://x/{item}.jpg" for item in range(1, 31)]
        archive.write("hetrec2011-lastfm-2k.zip/artists.dat", bands, ["id\tname\turl\tpictureURL"])
        return frame
    return write


def lastfm_tags(archive):
    head = "userID\tartistID\ttagID\ttimestamp"
    columns = ["user", "item", "rating", "time"]
    frame = lastfm("user_taggedartists-timestamps.dat", head, columns, time=LOG["time"] * 1000)(archive)
    return plain(frame.sort_values(["user", "time", "item"], kind="stable").drop_duplicates(["user", "item"]))


def lastfm_plays(archive):
    frame = lastfm("user_artists.dat", "userID\tartistID\tweight", ["user", "item", "rating"])(archive)
    return {str(user): [str(item) for item in items] for user, items in by_user(frame, ["item", "rating"]).items()}


def microlens(archive):
    frame = LOG.assign(time=LOG["time"] * 1000)
    rows = archive.rows(records(frame[["user", "item", "time"]], ","))
    archive.write("MicroLens-100k_pairs.csv", rows, ["user,item,timestamp"])
    archive.write("MicroLens-100k_title_en.csv", [f'{item},"A clip, ""{item}"""' for item in range(1, 31)], ["item,title"])
    return plain(frame)


def recbole(archive):
    frame = named(LOG)
    head = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    archive.write("shop.inter", records(frame[["user", "item", "rating", "time"]], "\t"), head)
    archive.write("shop.item", [f"i{item}\t{title}" for item, title in TITLES.items()], ["item_id:token\ttitle:token_seq"])
    # Equal times stand as in the file.
    return by_user(frame, ["time"])


def gowalla(archive):
    stamps = pd.to_datetime(LOG["time"], unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = [f"{user}\t{stamp}\t30.2\t-97.7\t{item}" for user, stamp, item in zip(LOG["user"], stamps, LOG["item"])]
    archive.write("loc-gowalla_totalCheckins.txt.gz", archive.rows(rows))
    return plain(LOG)


def sequences_of(archive, name, frame, between=" "):
    expected = {user: items for user, items in by_user(frame, ["time"]).items()}
    rows = [f"{user}{'	' if between == '	' else ' '}{' '.join(map(str, items))}" for user, items in expected.items()]
    archive.write(name, archive.rows(rows))
    return {str(user): [str(item) for item in items] for user, items in expected.items()}


def s3rec(archive):
    return sequences_of(archive, "LastFM.txt", LOG)


def idvs_morec(archive):
    archive.write("hm_50w_items.tsv", [f"v{item}" for item in range(1, 31)])
    return sequences_of(archive, "hm_50w_users.tsv", named(LOG, item="v{}"), "\t")


def lightgcn(archive):
    frame = LOG.drop_duplicates(["user", "item"])
    part = (frame["user"] + frame["item"]) % 5 == 0
    lines = {}
    for name, own in (("train", frame[~part]), ("test", frame[part])):
        lines[name] = {user: items for user, items in by_user(own, ["time"]).items()}
        rows = [f"{user} {' '.join(map(str, items))}" for user, items in lines[name].items()]
        archive.write(f"yelp2018/{name}.txt", archive.rows(rows))
    return {
        str(user): [str(item) for part in ("train", "test") for item in sorted(lines[part].get(user, []))]
        for user in sorted({*lines["train"], *lines["test"]})
    }


PARQUET = """
import { DuckDBInstance } from '@duckdb/node-api';
const [source, sql, out] = process.argv.slice(1);
const connection = await (await DuckDBInstance.create()).connect();
const rows = `read_json('${source}', format='newline_delimited')`;
await connection.run(`COPY (SELECT ${sql} FROM ${rows}) TO '${out}' (FORMAT parquet)`);
"""


def parquet(path, rows, sql):
    source = path.with_suffix(".jsonl")
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["node", "--input-type=module", "-e", PARQUET, str(source), sql, str(path)]
    subprocess.run(command, check=True, cwd=ROOT / "packages/preparation")
    source.unlink()


def eb_nerd(archive):
    frame = LOG.drop_duplicates(["user", "item", "time"])
    file = archive.folder / "ebnerd_demo.zip"
    with zipfile.ZipFile(file, "w") as packed:
        early = frame["time"] < 1_502_000_000
        for part, own in (("train", frame[early]), ("validation", frame[~early])):
            rows = []
            for (user, time), items in own.groupby(["user", "time"]):
                clicked = [int(item) for item in sorted(items["item"])]
                rows.append({"user_id": int(user), "article_ids_clicked": clicked, "impression_time": int(time)})
            path = archive.folder / "behaviors.parquet"
            time = "to_timestamp(impression_time)::TIMESTAMP AS impression_time"
            parquet(path, archive.rows(rows), f"user_id, article_ids_clicked, {time}")
            packed.write(path, f"{part}/behaviors.parquet")
            path.unlink()
        path = archive.folder / "articles.parquet"
        rest = {"subtitle": "x", "category_str": "sport"}
        parquet(path, [{"article_id": item, "title": f"Nyt {item}", **rest} for item in range(1, 31)], "*")
        packed.write(path, "articles.parquet")
        path.unlink()
    return plain(frame)


# A card, its category, who writes the archive, and whether its rows may be shuffled.
FORMS = [
    ("amazon-2018", "Pantry", amazon_2018, True),
    ("amazon-2023", "All_Beauty", amazon_2023, True),
    ("amazon-2014", "Baby", amazon_2014, True),
    ("mind", "demo", mind, True),
    ("xmind", "swh", xmind, True),
    ("adressa", None, adressa, True),
    ("eb-nerd", "demo", eb_nerd, True),
    ("movielens", "100k", movielens_100k, True),
    ("movielens", "1m", movielens_1m, True),
    ("movielens", "20m", movielens_20m, True),
    ("lastfm", "tags", lastfm_tags, True),
    ("lastfm", "plays", lastfm_plays, True),
    ("microlens", "100k", microlens, True),
    ("idvs-morec", "hm", idvs_morec, True),
    ("s3rec", "LastFM", s3rec, True),
    ("recbole", "shop", recbole, False),
    ("lightgcn", "yelp2018", lightgcn, True),
    ("gowalla", None, gowalla, True),
]

try:
    jobs = []
    for card, category, write, shuffles in FORMS:
        if sys.argv[1:] and card not in sys.argv[1:]:
            continue
        name = card if category is None else f"{card} {category}"
        archives = [Archive(name.replace(" ", "-"), mixed) for mixed in ([False, True] if shuffles else [False])]
        expected = [write(archive) for archive in archives][0]
        named_by = [card, *([] if category is None else ["--category", category])]
        runs = [[*named_by, "--from", archive.folder] for archive in archives]
        jobs.append((name, expected, [runs[0], runs[0], *runs[1:]]))
    domains = iter(prepare_all([run for _, _, runs in jobs for run in runs]))
    failed = []
    for name, expected, runs in jobs:
        made = [next(domains) for _ in runs]
        try:
            for domain in made:
                assert not isinstance(domain, str), f"{name}: {domain}"
            said = check(name, expected, made[0])
            # Pictures are named by the place of the archive.
            assert len({digest(domain, "-mixed/", "/") for domain in made}) == 1, f"{name}: other bytes"
            print(f"{said}; twice{' and shuffled' if len(runs) > 2 else ''} the same bytes")
        except AssertionError as error:
            failed.append(name)
            print(error)
    if failed:
        raise SystemExit(f"not equal: {', '.join(failed)}")
finally:
    shutil.rmtree(WORK)
