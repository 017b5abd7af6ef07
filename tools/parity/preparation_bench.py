"""The core of an archive in Amazon's raw form with pandas: time, peak memory, counts. Called by npm run bench:preparation.

    python preparation_bench.py reviews.json meta.json
    python preparation_bench.py ratings.csv
"""

import json
import resource
import sys
import time

import pandas as pd

start = time.perf_counter()
log = sys.argv[1]
if log.endswith(".csv"):
    frame = pd.read_csv(log, header=None, names=["item", "user", "rating", "time"])
else:
    # pandas.read_json takes all fields of 20 million reviews into memory; the four that are needed are picked line by line.
    chunks = []
    rows = []
    with open(log, encoding="utf8") as lines:
        for line in lines:
            row = json.loads(line)
            rows.append((row["asin"], row["reviewerID"], row["overall"], row["unixReviewTime"]))
            if len(rows) == 1_000_000:
                chunks.append(pd.DataFrame(rows, columns=["item", "user", "rating", "time"]))
                rows = []
    chunks.append(pd.DataFrame(rows, columns=["item", "user", "rating", "time"]))
    frame = pd.concat(chunks, ignore_index=True)
    del chunks, rows
frame = frame.drop_duplicates()
if len(sys.argv) > 2:
    texts = {}
    with open(sys.argv[2], encoding="utf8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["asin"] not in texts:
                texts[row["asin"]] = " ".join([row["title"], " ".join(row["category"]), row["brand"]])
    frame = frame[frame["item"].isin(texts.keys())]
while True:
    users = frame["user"].value_counts()
    items = frame["item"].value_counts()
    kept = frame[frame["user"].isin(users[users >= 5].index) & frame["item"].isin(items[items >= 5].index)]
    if len(kept) == len(frame):
        break
    frame = kept
frame = frame.sort_values(["user", "time", "item", "rating"], kind="stable")
with open(log + ".sequences", "w", encoding="utf8") as out:
    for user, own in frame.groupby("user", sort=False)[["item", "time"]]:
        out.write(json.dumps({"user": user, "items": own["item"].tolist(), "ts": own["time"].tolist()}) + "\n")
counts = {"interactions": len(frame), "users": int(frame["user"].nunique()), "items": int(frame["item"].nunique())}
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "processor": time.process_time(),
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "counts": counts,
}))
