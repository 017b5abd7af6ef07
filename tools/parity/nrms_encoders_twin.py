"""NRMS over encoders of transformers: the twin of the models of packages/nrms whose news encoder is trained with them.

    python tools/parity/nrms_encoders_twin.py packages/nrms/test/fixtures/nrmsEncoders.json

Scores, loss and gradients in double precision of one step: BERT's tokens and ViT's, each through self-attention and
additive attention, multiplied (the thesis's experiment 3); BERT's tokens alone (experiment 4), and with LoRA; vectors
of the first tokens, mapped and added. The encoders are the fixtures of packages/encoders, other weights are functions
of their names (nrms_twin.first). Each title passes by itself, without padding; what has no title or no picture passes
no encoder. Needs torch, transformers and safetensors.
"""

import json
import sys
from pathlib import Path

import torch
import transformers as T
from torch import nn
from safetensors.torch import load_file
from torch.func import functional_call

from nn_values import fill, flat
from nrms_twin import CANDIDATES, HISTORIES, Pool, first, loss_of, sample

FIXTURES = Path(__file__).parent / "../../packages/encoders/test/fixtures"
HEADS, WIDTH, QUERY = 2, 6, 5
# Tokens of the fixture's vocabulary; news 0 is the empty one, news 5 has no title.
TITLES = [[], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12], [15], [], [16, 3, 17, 2], [18, 4, 11, 9, 13], [14, 6]]
# News without a picture.
BARE = [0, 3, 6]
CASES = [
    dict(name="tokens of both", encoder="tokens", fusion="hadamard", image=True),
    dict(name="tokens of texts", encoder="tokens", fusion="hadamard", image=False),
    dict(name="tokens of texts, LoRA", encoder="tokens", fusion="hadamard", image=False, lora=dict(rank=2, alpha=3)),
    dict(name="vectors of both", encoder="vectors", fusion="sum", image=True),
]


class Twin:
    def __init__(self, encoder, fusion, image, lora=None, name=None):
        D = HEADS * WIDTH
        self.text = T.BertModel.from_pretrained(FIXTURES / "bert").double().eval()
        self.image = T.ViTModel.from_pretrained(FIXTURES / "vit").double().eval() if image else None
        self.tokens, self.fusion, self.lora = encoder == "tokens", fusion, lora
        F = self.text.config.hidden_size
        make = lambda: (Pool(F, HEADS, WIDTH, QUERY, True) if self.tokens else nn.Linear(F, D)).double()
        self.heads = {"text": make(), **({"image": make()} if image else {})}
        self.user = Pool(D, HEADS, WIDTH, QUERY, True).double()
        self.small = {}
        if lora:
            r = lora["rank"]
            for layer in range(self.text.config.num_hidden_layers):
                for part in ("query", "value"):
                    for matrix, shape in (("a", (r, F)), ("b", (F, r))):
                        key = f"encoders.text.lora.layers.{layer}.attention.{part}.{matrix}"
                        self.small[key] = first(key, shape).requires_grad_()

    def named(self):
        """Ferry's names of what is not in the encoders, and the tensors."""
        own = {}
        for modality, head in self.heads.items():
            if self.tokens:
                own |= {f"{modality}Tokens.{name}": tensors for name, tensors in head.names().items()}
            else:
                own |= {f"{modality}.weight": [head.weight], f"{modality}.bias": [head.bias]}
        return own | {f"user.{name}": tensors for name, tensors in self.user.names().items()}

    def set_weights(self):
        with torch.no_grad():
            for name, tensors in self.named().items():
                shape = (sum(t.shape[0] for t in tensors), *tensors[0].shape[1:])
                for part, own in zip(first(name, shape).split([t.shape[0] for t in tensors]), tensors):
                    own.copy_(part)

    def adapted(self):
        """BERT's weights with the products of the small matrices."""
        weights = dict(self.text.named_parameters())
        for layer in range(self.text.config.num_hidden_layers) if self.lora else []:
            for part in ("query", "value"):
                key = f"encoders.text.lora.layers.{layer}.attention.{part}"
                name = f"encoder.layer.{layer}.attention.self.{part}.weight"
                product = self.small[f"{key}.b"] @ self.small[f"{key}.a"]
                weights[name] = weights[name] + self.lora["alpha"] / self.lora["rank"] * product
        return weights

    def read(self, modality, hidden):
        """What the model makes of the tokens of one news, [D]."""
        head = self.heads[modality]
        return head(hidden, None)[0] if self.tokens else head(hidden[0, 0])

    def news(self, number):
        """The vector of a news by itself."""
        parts = []
        if TITLES[number]:
            ids = torch.tensor([TITLES[number]])
            given = dict(input_ids=ids, attention_mask=torch.ones_like(ids))
            parts.append(self.read("text", functional_call(self.text, self.adapted(), (), given).last_hidden_state))
        if self.image is not None and number not in BARE:
            pixels = fill(f"picture.{number}", (1, 3, 8, 8))
            parts.append(self.read("image", self.image(pixel_values=pixels).last_hidden_state))
        if not parts:
            return torch.zeros(HEADS * WIDTH, dtype=torch.double)
        if len(parts) == 1:
            return parts[0]
        return parts[0] * parts[1] if self.fusion == "hadamard" else parts[0] + parts[1]

    def scores(self):
        rows = []
        for history, candidates in zip(HISTORIES, CANDIDATES):
            user = torch.zeros(HEADS * WIDTH, dtype=torch.double)
            if history:
                user = self.user(torch.stack([self.news(n) for n in history])[None], None)[0]
            rows.append(torch.stack([user @ self.news(n) for n in candidates]))
        return torch.stack(rows)


def case(options):
    twin = Twin(**options)
    twin.set_weights()
    scores = twin.scores()
    loss = loss_of(scores, torch.tensor(CANDIDATES) == 0)
    loss.backward()
    gradients = {name: sample(torch.cat([t.grad for t in tensors])) for name, tensors in twin.named().items()}
    gradients |= {name: sample(tensor.grad) for name, tensor in twin.small.items()}
    # Of the encoders by their files' names, which transformers may have changed: all differ, so values tell which is
    # which. With LoRA their own weights stay.
    for modality, family, encoder in (("text", "bert", twin.text), ("image", "vit", twin.image)):
        if encoder is None or options.get("lora"):
            continue
        saved = load_file(FIXTURES / family / "model.safetensors")
        for p in encoder.parameters():
            if p.grad is not None:
                name = next(key for key, held in saved.items() if held.shape == p.shape and torch.equal(held.double(), p))
                gradients[f"encoders.{modality}:{name}"] = sample(p.grad)
    return {**options, "scores": flat(scores), "loss": loss.item(), "gradients": gradients}


if __name__ == "__main__":
    content = {
        "titles": TITLES,
        "bare": BARE,
        "histories": HISTORIES,
        "candidates": CANDIDATES,
        "heads": HEADS,
        "headWidth": WIDTH,
        "queryWidth": QUERY,
        "cases": [case(options) for options in CASES],
    }
    with open(sys.argv[1], "w") as file:
        json.dump(content, file)
        file.write("\n")
