"""Outputs and gradients of PyTorch's layers in double precision: packages/nn/test/fixtures/layers.json.

Parameters, inputs and the factors of the summed output are made from names (nn_values.fill), so only results are stored.
Run by hand: python tools/parity/nn_layers.py
"""

import torch
from torch import nn
import torch.nn.functional as F

from nn_values import fill, fill_module, flat, write

B, L, M, D, H, INNER = 2, 4, 3, 8, 2, 12

# 1 = hidden. No query may be left without a key: PyTorch returns NaN there.
HIDDEN = [[0, 0, 0, 1], [0, 0, 1, 1]]
MEMORY_HIDDEN = [[0, 1, 0], [0, 0, 1]]


def boolean(mask):
    return torch.tensor(mask, dtype=torch.bool)


def future(length):
    return torch.triu(torch.ones(length, length, dtype=torch.bool), 1)


def result(module, inputs, run):
    """Output of `run`, and gradients of Σ output * factors with respect to parameters and inputs."""
    module.double()
    fill_module(module)
    tensors = {name: fill(name, shape).requires_grad_() for name, shape in inputs.items()}
    output = run(module, **tensors)
    (output * fill("factors", output.shape)).sum().backward()
    gradients = {name: flat(p.grad) for name, p in module.named_parameters()}
    gradients |= {name: flat(t.grad) for name, t in tensors.items()}
    return {
        "inputs": {k: list(v) for k, v in inputs.items()},
        "shape": list(output.shape),
        "output": flat(output),
        "gradients": gradients,
    }


def attention(hidden, causal, cross, bias=True):
    module = nn.MultiheadAttention(D, H, batch_first=True, bias=bias)
    inputs = {"x": (B, L, D)} | ({"memory": (B, M, D)} if cross else {})
    mask = None if hidden is None else boolean(hidden)

    def run(m, x, memory=None):
        keys = x if memory is None else memory
        return m(x, keys, keys, key_padding_mask=mask, attn_mask=future(L) if causal else None, need_weights=False)[0]

    return {"hidden": hidden, "causal": causal} | result(module, inputs, run)


def options(norm, activation, epsilon=1e-5):
    return dict(
        dim_feedforward=INNER,
        dropout=0.0,
        activation=activation,
        norm_first=norm == "pre",
        batch_first=True,
        layer_norm_eps=epsilon,
    )


def described(norm, activation, epsilon, hidden, causal, memory_hidden=None):
    return {
        "norm": norm,
        "activation": activation,
        "epsilon": epsilon,
        "hidden": hidden,
        "causal": causal,
        "memoryHidden": memory_hidden,
    }


class QueryNorm(nn.TransformerEncoderLayer):
    """The block of SASRec's authors' code: queries and residuals are normalised, keys and values are not."""

    def forward(self, src, src_mask=None, src_key_padding_mask=None, **_):
        q = self.norm1(src)
        seen = dict(attn_mask=src_mask, key_padding_mask=src_key_padding_mask, need_weights=False)
        f = self.norm2(q + self.self_attn(q, src, src, **seen)[0])
        return f + self.linear2(self.activation(self.linear1(f)))


def encoder(norm, activation, hidden, causal, layers=0, epsilon=1e-5):
    layer = QueryNorm if norm == "query" else nn.TransformerEncoderLayer
    module = layer(D, H, **options(norm, activation, epsilon))
    if layers:
        last = nn.LayerNorm(D, eps=epsilon)
        module = nn.TransformerEncoder(module, layers, last, enable_nested_tensor=False)
    mask = None if hidden is None else boolean(hidden)
    keyword = "mask" if layers else "src_mask"

    def run(m, x):
        return m(x, src_key_padding_mask=mask, **{keyword: future(L) if causal else None})

    return described(norm, activation, epsilon, hidden, causal) | result(module, {"x": (B, L, D)}, run)


def decoder(norm, activation, hidden, memory_hidden, causal, layers=0, epsilon=1e-5):
    module = nn.TransformerDecoderLayer(D, H, **options(norm, activation, epsilon))
    if layers:
        module = nn.TransformerDecoder(module, layers, nn.LayerNorm(D, eps=epsilon))

    def run(m, x, memory):
        return m(
            x,
            memory,
            tgt_mask=future(L) if causal else None,
            tgt_key_padding_mask=None if hidden is None else boolean(hidden),
            memory_key_padding_mask=None if memory_hidden is None else boolean(memory_hidden),
        )

    inputs = {"x": (B, L, D), "memory": (B, M, D)}
    return described(norm, activation, epsilon, hidden, causal, memory_hidden) | result(module, inputs, run)


def linear():
    return result(nn.Linear(3, 5), {"x": (2, 4, 3)}, lambda m, x: m(x))


def layer_norm():
    # torch names the parameters weight and bias; "norm." puts the weight around 1.
    module = nn.ModuleDict({"norm": nn.LayerNorm(6, eps=1e-12)})
    return result(module, {"x": (2, 3, 6)}, lambda m, x: m["norm"](x))


def embedding():
    module = nn.Embedding(5, 3, padding_idx=0)
    ids = [[1, 0, 3], [1, 1, 4]]

    def run(m, dummy):
        with torch.no_grad():
            m.weight[0] = 0
        return m(torch.tensor(ids)) + 0 * dummy

    case = result(module, {"dummy": (1,)}, run)
    del case["gradients"]["dummy"]
    return {"ids": ids} | case | {"inputs": {}}


def gru(lengths):
    module = nn.GRU(3, 4, batch_first=True)

    def run(m, x, initial):
        if lengths is None:
            return torch.cat([m(x, initial[None])[0], m(x, initial[None])[1].transpose(0, 1)], 1)
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        return m(packed, initial[None])[1][0]

    return {"lengths": lengths} | result(module, {"x": (3, 5, 3), "initial": (3, 4)}, run)


class Additive(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.projection = nn.Linear(width, hidden)
        self.query = nn.Parameter(torch.zeros(hidden))

    def forward(self, h, hidden):
        scores = torch.tanh(self.projection(h)) @ self.query
        if hidden is not None:
            scores = scores.masked_fill(boolean(hidden), -torch.inf)
        return (scores.softmax(1)[:, :, None] * h).sum(1)


def additive(hidden):
    return {"hidden": hidden} | result(Additive(5, 3), {"x": (B, L, 5)}, lambda m, x: m(x, hidden))


class HeadsOnly(nn.Module):
    """NRMS's self-attention: from width I to width O, without a projection of the joined heads unless asked for."""

    def __init__(self, inputs, outputs, heads, bias, projected):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * outputs, inputs))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * outputs)) if bias else None
        self.out_proj = nn.Linear(outputs, outputs, bias=bias) if projected else nn.Identity()
        self.heads, self.width = heads, outputs // heads

    def forward(self, x, hidden):
        q, k, v = (
            part.unflatten(-1, (self.heads, self.width)).transpose(1, 2)
            for part in F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        )
        scores = q @ k.transpose(-1, -2) / self.width**0.5
        if hidden is not None:
            scores = scores.masked_fill(boolean(hidden)[:, None, None], -torch.inf)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def heads_only(hidden, bias, projected):
    module = HeadsOnly(5, 6, 3, bias, projected)
    return {"hidden": hidden, "bias": bias, "projected": projected} | result(
        module, {"x": (B, L, 5)}, lambda m, x: m(x, hidden)
    )


def normalize():
    return result(nn.Module(), {"x": (3, 4)}, lambda m, x: F.normalize(x, dim=-1))


write(
    "layers.json",
    {
        "sizes": {"B": B, "L": L, "M": M, "D": D, "H": H, "inner": INNER},
        "linear": linear(),
        "layerNorm": layer_norm(),
        "embedding": embedding(),
        "normalize": normalize(),
        "attention": {
            "self": attention(None, False, False),
            "self, hidden and causal": attention(HIDDEN, True, False),
            "cross, hidden": attention(MEMORY_HIDDEN, False, True),
            "self, without bias, causal": attention(None, True, False, False),
            "cross, without bias": attention(None, False, True, False),
        },
        "encoderLayer": {
            "post-norm, gelu, hidden": encoder("post", "gelu", HIDDEN, False),
            "pre-norm, relu, causal": encoder("pre", "relu", None, True),
            "query-norm, relu, causal": encoder("query", "relu", None, True),
        },
        "encoder": {
            "2 layers, post-norm, gelu, hidden and causal": encoder("post", "gelu", HIDDEN, True, 2, 1e-12),
            "2 layers, pre-norm, gelu": encoder("pre", "gelu", None, False, 2),
            "2 layers, query-norm, gelu, hidden": encoder("query", "gelu", HIDDEN, False, 2),
        },
        "decoderLayer": {
            "post-norm, relu": decoder("post", "relu", None, None, False),
            "pre-norm, gelu, hidden": decoder("pre", "gelu", HIDDEN, MEMORY_HIDDEN, False),
        },
        "decoder": {
            "2 layers, post-norm, gelu, hidden and causal": decoder("post", "gelu", HIDDEN, MEMORY_HIDDEN, True, 2, 1e-12),
        },
        "gru": {"full": gru(None), "padded": gru([5, 2, 3])},
        "additiveAttention": {"full": additive(None), "hidden": additive(HIDDEN)},
        "selfAttention": {
            "heads alone": heads_only(None, False, False),
            "heads alone, hidden": heads_only(HIDDEN, False, False),
            "with biases and an output projection, hidden": heads_only(HIDDEN, True, True),
        },
    },
)
