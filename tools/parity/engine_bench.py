"""PyTorch twin of tools/bench/workloads.ts: prints the milliseconds of one training step for each line read.

Usage: python engine_bench.py KIND B L RATE THREADS [DEVICE [tf32]]. Native modules (nn.TransformerEncoderLayer and
nn.TransformerDecoderLayer), Adam, the same shapes and the same work as the TypeScript step.
"""

import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

D, H, INNER, WIDTH, ITEMS, INTERESTS, Q = 300, 4, 256, 512, 4386, 64, 11


def encoder(rate, epsilon=1e-5):
    return nn.TransformerEncoderLayer(D, H, INNER, rate, "gelu", epsilon, batch_first=True)


def decoder(rate, epsilon=1e-5):
    return nn.TransformerDecoderLayer(D, H, INNER, rate, "gelu", epsilon, batch_first=True)


class Transformer(nn.Module):
    def __init__(self, b, l, rate):
        super().__init__()
        self.encoders = nn.ModuleList([encoder(rate), encoder(rate)])
        self.decoders = nn.ModuleList([decoder(rate), decoder(rate)])
        self.source, self.target = torch.randn(b, l, D), torch.randn(b, l, D)

    def forward(self):
        memory, y = self.source, self.target
        for layer in self.encoders:
            memory = layer(memory)
        for layer in self.decoders:
            y = layer(y, memory)
        return (y - self.source).square().mean()


class Missrec(nn.Module):
    def __init__(self, b, l, rate):
        super().__init__()
        self.text, self.image = nn.Linear(WIDTH, D), nn.Linear(WIDTH, D)
        self.position = nn.Parameter(torch.randn(50, D) * 0.02)
        self.norm = nn.LayerNorm(D, 1e-12)
        self.dropout = nn.Dropout(rate)
        self.encoder, self.encoder_norm = encoder(rate, 1e-12), nn.LayerNorm(D, 1e-12)
        self.decoder, self.decoder_norm = decoder(rate, 1e-12), nn.LayerNorm(D, 1e-12)
        self.alpha = nn.Parameter(torch.zeros(()))
        self.features = [torch.randn(ITEMS, WIDTH) * 0.4 for _ in range(2)]
        self.interests = torch.randn(INTERESTS, D)
        lengths = torch.randint(1, l + 1, (b,))
        ids = torch.randint(1, ITEMS, (b, l))
        self.ids = torch.where(torch.arange(l)[None] < lengths[:, None], ids, 0)
        self.tokens = torch.randint(1, INTERESTS, (b, Q))
        self.last = torch.arange(b) * l + lengths - 1
        self.targets = torch.randint(1, ITEMS, (b,))
        self.l = l

    def forward(self):
        text, image = self.text(self.features[0]), self.image(self.features[1])
        hidden = self.ids == 0
        x = F.embedding(self.ids, text + image) + self.position[: self.l]
        x = self.dropout(self.norm(x))
        memory = self.encoder_norm(self.encoder(F.embedding(self.tokens, self.interests)))
        y = self.decoder_norm(self.decoder(x, memory, tgt_key_padding_mask=hidden))
        u = F.normalize(y.reshape(-1, D)[self.last], dim=-1)
        score_text = u @ F.normalize(text, dim=-1).T
        score_image = u @ F.normalize(image, dim=-1).T
        difference = score_text - score_image
        fused = score_image + torch.sigmoid(difference * self.alpha) * difference
        return F.cross_entropy(fused / 0.07, self.targets)


def rank(users, items, block=512):
    """The 50 best items of every user, in blocks as the TypeScript side does."""
    total = 0
    for start in range(0, len(users), block):
        indices = torch.topk(users[start : start + block] @ items.T, 50).indices
        total += int(indices[0, 0])
    return total


def ranking():
    users, items = torch.randn(8442, D), torch.randn(25986, D)
    for _ in sys.stdin:
        start = time.perf_counter()
        with torch.inference_mode():
            value = rank(users, items)
        report(start, value)


def report(start, value):
    elapsed = (time.perf_counter() - start) * 1000
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{elapsed:.3f} {peak:.1f} {value:.6f}", flush=True)


def main():
    kind, b, l, rate, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    torch.set_default_device(sys.argv[6] if len(sys.argv) > 6 else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = sys.argv[7:] == ["tf32"]
    if kind == "ranking":
        ranking()
        return
    model = (Transformer if kind == "transformer" else Missrec)(b, l, rate).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in sys.stdin:
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = model()
        loss.backward()
        optimizer.step()
        value = loss.item()
        report(start, value)


main()
