"""The generated data set of packages/data/test/generated.ts: numbers that look random and follow from their position."""

import os

import numpy as np


def mixed(i):
    """A 32-bit number that looks random, from its position."""
    v = i * 2654435761 % 2**32
    v ^= v >> 16
    v = v * 2246822519 % 2**32
    return v ^ v >> 13


def sequence(user, items):
    found = []
    for t in range(5 + mixed(user + 1) % 60):
        draw = mixed(1000 + user * 100 + t)
        u = (draw >> 8) / 2**24
        found.append((found[-1] * 7 + 1) % items if t and draw % 3 == 0 else int(u * u * items))
    return found


def generate(directory, users=300, items=120, width=512):
    """The data set of packages/data/test/generated.ts, as far as it is read here."""
    base = os.path.join(directory, "generated", "Scientific")
    os.makedirs(os.path.dirname(base))
    for split, left in (("valid", 2), ("test", 1)):
        with open(f"{base}.{split}.inter", "w") as file:
            file.write("user\thistory\ttarget\n")
            for user in range(users):
                own = sequence(user, items)
                file.write(f"{user}\t{' '.join(map(str, own[:-left]))}\t{own[-left]}\n")
    with open(f"{base}.item2index", "w") as file:
        file.writelines(f"i{i}\t{i}\n" for i in range(items))
    for suffix, salt in (("feat1CLS", 0), ("feat3CLS", 10_000_000)):
        values = [(mixed(salt + at % ((items - 10) * width)) >> 8) / 2**24 - 0.5 for at in range(items * width)]
        np.array(values, "<f4").tofile(f"{base}.{suffix}")
