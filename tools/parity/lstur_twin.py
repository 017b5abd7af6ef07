"""LSTUR in PyTorch, written from the paper's equations, independent of Ferry.

    python tools/parity/lstur_twin.py --fixture packages/nrms/test/fixtures/lstur.json

Scores, loss and gradients of both forms, in the paper's and in recommenders' shape, in double precision, without the
random mask. Every text and every user is computed by itself, at its own length, users by torch.nn.GRU. Weights are
functions of their names (nn_values.fill). Needs torch and numpy only.
"""

import argparse

import torch
from torch import nn

from naml_twin import CATEGORIES, LABEL, SUBCATEGORIES, WORD, Text, case, content, write
from nrms_twin import CANDIDATES, HISTORIES, TITLES, WORDS

import naml_twin

# Numbers of the users among those of the training, 0 for one that it does not have.
USERS = [2, 0, 1, 3]


class Lstur(nn.Module):
    def __init__(self, form, filters, labels, projected):
        super().__init__()
        naml_twin.FILTERS = filters
        self.form, self.labels = form, labels
        D = filters + 2 * LABEL * labels
        width = D // 2 if form == "con" and not projected else D
        self.words, self.title = nn.Embedding(WORDS, WORD), Text()
        if labels:
            self.topics, self.subtopics = nn.Embedding(max(CATEGORIES) + 1, LABEL), nn.Embedding(
                max(SUBCATEGORIES) + 1, LABEL
            )
        self.people = nn.Embedding(max(USERS) + 1, width)
        self.recent = nn.GRU(D, width, batch_first=True)
        self.joint = nn.Linear(2 * D, D) if projected and form == "con" else None
        self.filters = filters

    def label(self, table, label):
        return table(torch.tensor(label)) if label else torch.zeros(LABEL, dtype=torch.double)

    def news(self, n):
        title = (
            self.title(self.words(torch.tensor(TITLES[n]))) if TITLES[n] else torch.zeros(self.filters, dtype=torch.double)
        )
        if not self.labels:
            return title
        return torch.cat([title, self.label(self.topics, CATEGORIES[n]), self.label(self.subtopics, SUBCATEGORIES[n])])

    def reader(self, clicks, user):
        width = self.people.weight.shape[1]
        nothing = torch.zeros(width, dtype=torch.double)
        lasting = self.people(torch.tensor(user)) if user else nothing
        state = lasting if self.form == "ini" else nothing
        recent = self.recent(clicks[None], state[None, None])[1][0, 0] if len(clicks) else state
        if self.form == "ini":
            return recent
        both = torch.cat([recent, lasting])
        return self.joint(both) if self.joint else both

    def forward(self):
        vectors = torch.stack([self.news(n) for n in range(len(TITLES))])
        users = torch.stack([self.reader(vectors[own], user) for own, user in zip(HISTORIES, USERS)])
        return (vectors[torch.tensor(CANDIDATES)] * users[:, None]).sum(2)

    def named(self):
        own = {"words.weight": self.words.weight, "people.weight": self.people.weight}
        own |= {f"title.{key}": t for key, t in self.title.named().items()}
        if self.labels:
            own |= {"topics.weight": self.topics.weight, "subtopics.weight": self.subtopics.weight}
        for name, part in [("input", "ih"), ("state", "hh")]:
            own |= {
                f"recent.{name}.weight": getattr(self.recent, f"weight_{part}_l0"),
                f"recent.{name}.bias": getattr(self.recent, f"bias_{part}_l0"),
            }
        return own if self.joint is None else own | {"joint.weight": self.joint.weight, "joint.bias": self.joint.bias}


def cases():
    for form in ("ini", "con"):
        yield case(Lstur(form, 300, True, False), settings={"preset": "paper", "userJoin": form})
        yield case(Lstur(form, 400, False, True), settings={"preset": "recommenders", "userJoin": form})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture", required=True)
    write(parser.parse_args().fixture, content(list(cases()), users=USERS))
