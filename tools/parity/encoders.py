"""Small encoders with random weights made by transformers, and what PyTorch makes of them: constants of the tests of packages/encoders.

    python tools/parity/encoders.py packages/encoders/test/fixtures             # all families
    python tools/parity/encoders.py packages/encoders/test/fixtures bert vit    # some

For each family a folder as `save_pretrained` writes it, and `expected.safetensors`: cases of inputs (several rows with padding, an odd length, a batch of
one), `last_hidden_state` and the pooled output of each; of the first case the gradients of all weights, the losses of five AdamW steps and the outputs after
them. The loss is the sum of the outputs times fixed numbers, over tokens that are no padding.

Needs torch, transformers, safetensors.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers as T
from safetensors.torch import load_file, save_file

WIDTHS = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
TEXT = dict(WIDTHS, vocab_size=20, max_position_embeddings=12)
IMAGE = dict(WIDTHS, image_size=8, patch_size=4)
LENGTHS = [[5, 7, 2], [3], [7, 1]]


def text_model(model, padding=0, first=2):
    """A text encoder; token numbers below `first` are special."""
    return dict(model=model, inputs=lambda draw: text_inputs(draw, model.config, padding, first))


def text_inputs(draw, config, padding, first):
    config = getattr(config, "text_config", config)
    for lengths in LENGTHS:
        ids = np.full((len(lengths), max(lengths)), padding)
        mask = np.zeros_like(ids)
        for row, length in enumerate(lengths):
            ids[row, :length] = draw.integers(first, config.vocab_size, length)
            mask[row, :length] = 1
        yield dict(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))


FAMILIES = {
    "bert": lambda: text_model(T.BertModel(T.BertConfig(**TEXT))),
    "roberta": lambda: text_model(T.RobertaModel(T.RobertaConfig(**TEXT, pad_token_id=1)), padding=1),
    "distilbert": lambda: text_model(
        T.DistilBertModel(
            T.DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12)
        )
    ),
    "mpnet": lambda: text_model(T.MPNetModel(T.MPNetConfig(**TEXT)), padding=1),
}


def outputs(model, inputs):
    """The vectors of all tokens and the pooled ones, if any."""
    made = model(**inputs)
    pooled = getattr(made, "pooler_output", None)
    for name in ("text_embeds", "image_embeds"):
        pooled = getattr(made, name, pooled)
    return made.last_hidden_state, pooled


def loss_of(model, inputs, probes):
    hidden, pooled = outputs(model, inputs)
    mask = inputs.get("attention_mask")
    kept = hidden * probes[0] if mask is None else hidden * probes[0] * mask[..., None]
    return kept.sum() if pooled is None else kept.sum() + (pooled * probes[1]).sum()


def make(name, folder):
    torch.manual_seed(7)
    draw = np.random.default_rng(7)
    made = FAMILIES[name]()
    model = made["model"].eval()
    with torch.no_grad():
        for key, weight in model.state_dict().items():
            # Away from what starts at 0 or 1, so that nothing is hidden by it; variances stay positive.
            if weight.dtype == torch.float32:
                noise = torch.tensor(draw.normal(0, 0.3, weight.shape), dtype=torch.float32)
                weight.copy_(weight.abs() + noise.abs() if key.endswith("running_var") else weight + noise)
    model.save_pretrained(folder / name)
    found = {}
    cases = list(made["inputs"](draw))
    for i, inputs in enumerate(cases):
        for key, value in inputs.items():
            found[f"{i}.{key}"] = value.int() if value.dtype == torch.int64 else value
        with torch.no_grad():
            hidden, pooled = outputs(model, inputs)
        found[f"{i}.hidden"] = hidden
        if pooled is not None:
            found[f"{i}.pooled"] = pooled
    inputs = cases[0]
    hidden, pooled = outputs(model, inputs)
    probes = [torch.tensor(draw.normal(size=x.shape), dtype=torch.float32) for x in (hidden, pooled) if x is not None]
    for i, probe in enumerate(probes):
        found[f"probe.{i}"] = probe
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    losses = []
    for step in range(5):
        optimiser.zero_grad()
        loss = loss_of(model, inputs, probes)
        loss.backward()
        if step == 0:
            for key, weight in model.named_parameters():
                if weight.grad is not None:
                    found[f"gradient.{key}"] = weight.grad.clone()
        losses.append(loss.item())
        optimiser.step()
    found["losses"] = torch.tensor(losses)
    with torch.no_grad():
        found["after.hidden"] = outputs(model, inputs)[0]
    save_file({key: value.detach().contiguous() for key, value in found.items()}, folder / name / "expected.safetensors")


def torch_files(folder):
    """The BERT of the fixtures as PyTorch files hold it: inside a model with a head (zip), and under TensorFlow's names in the form from before 1.6."""
    state = load_file(folder / "bert" / "model.safetensors")
    whole = {f"bert.{key}": value for key, value in state.items()}
    whole["bert.embeddings.position_ids"] = torch.arange(12)[None]
    whole["cls.predictions.bias"] = torch.zeros(20)
    torch.save(whole, folder / "bert-with-head.bin")
    old = {key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value for key, value in state.items()}
    torch.save(old, folder / "bert-legacy.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for one in sys.argv[2:] or FAMILIES:
        make(one, target)
        print(one)
    torch_files(target)
