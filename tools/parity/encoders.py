"""Small encoders with random weights made by transformers, and what PyTorch makes of them: constants of the tests of
packages/encoders.

    python tools/parity/encoders.py packages/encoders/test/fixtures             # all families
    python tools/parity/encoders.py packages/encoders/test/fixtures bert vit    # some
    # opens what Ferry saved: saved/bert, saved/clip@text ...
    python tools/parity/encoders.py --check saved packages/encoders/test/fixtures

For each family a folder as `save_pretrained` writes it, and `expected.safetensors`: cases of inputs (several rows with
padding, an odd length, a batch of one), `last_hidden_state` and the pooled output of each; of the first case the
gradients of all weights, the losses of five AdamW steps and the outputs after them. The loss is the sum of the outputs
times fixed numbers, over tokens that are no padding.

Needs torch, transformers, safetensors, peft.
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import peft
import torch
import transformers as T
from safetensors.torch import load_file, save_file

from encoder_families import FAMILIES, LENGTHS, Case, image_inputs, text_inputs


def layer_rates(folder):
    """Five AdamW steps of the MiniLM of the fixtures, each layer at half of the rate of the one above it and the
    embeddings at half of that of the first, all rising evenly over three steps."""
    expected = load_file(folder / "minilm" / "expected.safetensors")
    model = T.BertModel.from_pretrained(folder / "minilm").eval()
    given = {key: expected[f"0.{key}"].long() for key in ("input_ids", "attention_mask")}
    case = Case(model, None)
    last = len(model.encoder.layer) - 1
    parts = [(model.embeddings, last + 1), (model.pooler, 0)]
    parts += [(layer, last - i) for i, layer in enumerate(model.encoder.layer)]
    optimiser = torch.optim.AdamW(
        [{"params": part.parameters(), "lr": 1e-3 * 0.5**above} for part, above in parts], weight_decay=0.01
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min((step + 1) / 3, 1))
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = loss_of(case, given, [expected["probe.0"], expected["probe.1"]])
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
        scheduler.step()
    with torch.no_grad():
        hidden = model(**given).last_hidden_state
    save_file({"losses": torch.tensor(losses), "hidden": hidden}, folder / "minilm" / "expected-rates.safetensors")


PROMPTED = ["bert", "roberta", "distilbert", "mpnet", "opt"]


def loss_of(case, given, probes):
    hidden, pooled = case.run(given)
    mask = given.get("attention_mask")
    kept = hidden * probes[0] if mask is None else hidden * probes[0] * mask[..., None]
    return kept.sum() if pooled is None else kept.sum() + (pooled * probes[1]).sum()


def make(name, folder):
    torch.manual_seed(7)
    draw = np.random.default_rng(7)
    towers = FAMILIES[name]()
    model = towers[0].model.eval()
    with torch.no_grad():
        for key, weight in model.state_dict().items():
            # Away from what starts at 0 or 1, so that nothing is hidden by it; variances stay positive.
            if weight.dtype == torch.float32:
                noise = torch.tensor(draw.normal(0, 0.3, weight.shape), dtype=torch.float32)
                weight.copy_(weight.abs() + noise.abs() if key.endswith("running_var") else weight + noise)
    model.save_pretrained(folder / name)
    start = copy.deepcopy(model.state_dict())
    # transformers may call a weight otherwise than its files do: all differ, so values tell which is which.
    saved = load_file(folder / name / "model.safetensors")
    names = {
        key: next(other for other, held in saved.items() if held.shape == value.shape and torch.equal(held, value))
        for key, value in start.items()
    }
    for case in towers:
        file = f"expected-{case.tower}.safetensors" if case.tower else "expected.safetensors"
        found = measure(start, names, case, draw)
        save_file({key: value.detach().clone().contiguous() for key, value in found.items()}, folder / name / file)


def measure(start, names, case, draw):
    case.model.load_state_dict(start)
    found = {}
    cases = list(case.inputs(draw))
    for i, given in enumerate(cases):
        for key, value in given.items():
            found[f"{i}.{key}"] = value.int() if value.dtype == torch.int64 else value
        with torch.no_grad():
            hidden, pooled = case.run(given)
        found[f"{i}.hidden"] = hidden
        if pooled is not None:
            found[f"{i}.pooled"] = pooled
    given = cases[0]
    probes = [
        torch.tensor(draw.normal(size=x.shape), dtype=torch.float32) for x in case.run(given) if x is not None
    ]
    for i, probe in enumerate(probes):
        found[f"probe.{i}"] = probe
    optimiser = torch.optim.AdamW(case.model.parameters(), lr=1e-3, weight_decay=0.01)
    losses = []
    for step in range(5):
        optimiser.zero_grad()
        loss = loss_of(case, given, probes)
        loss.backward()
        if step == 0:
            for key, weight in case.model.named_parameters():
                if weight.grad is not None:
                    found[f"gradient.{names[key]}"] = weight.grad.clone()
        losses.append(loss.item())
        optimiser.step()
    found["losses"] = torch.tensor(losses)
    with torch.no_grad():
        found["after.hidden"] = case.run(given)[0]
    return found


def sentences(folder):
    """The MiniLM of the fixtures as sentence-transformers keeps it, and the vectors that its modules make: the mean over
    tokens that are no padding, of length 1."""
    target = folder / "minilm"
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        dict(idx=i, name=str(i), path=path, type=f"sentence_transformers.models.{kind}")
        for i, (path, kind) in enumerate(zip(paths, ["Transformer", "Pooling", "Normalize"]))
    ]
    (target / "modules.json").write_text(json.dumps(modules, indent=2))
    modes = dict(cls_token=False, mean_tokens=True, max_tokens=False, mean_sqrt_len_tokens=False)
    pooling = dict(word_embedding_dimension=8) | {f"pooling_mode_{key}": value for key, value in modes.items()}
    (target / "1_Pooling").mkdir(exist_ok=True)
    (target / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2))
    (target / "sentence_bert_config.json").write_text(json.dumps(dict(max_seq_length=10, do_lower_case=False)))
    expected = load_file(target / "expected.safetensors")
    for i in range(len(LENGTHS)):
        hidden, mask = expected[f"{i}.hidden"], expected[f"{i}.attention_mask"][..., None]
        mean = (hidden * mask).sum(1) / mask.sum(1)
        expected[f"{i}.vectors"] = torch.nn.functional.normalize(mean, dim=1)
    save_file(expected, target / "expected.safetensors")


def matching(folder):
    """Scores of a picture and a text by the retrieval model of the fixtures, from pixels and tokens."""
    draw = np.random.default_rng(13)
    model = T.BlipForImageTextRetrieval.from_pretrained(folder / "blip-retrieval").eval()
    given = next(text_inputs(draw)) | next(image_inputs(draw))
    with torch.no_grad():
        scores = model(**given).itm_score
    found = {f"0.{key}": value.int() if value.dtype == torch.int64 else value for key, value in given.items()}
    save_file(found | {"0.matching": scores}, folder / "blip-retrieval" / "expected-matching.safetensors")


def torch_files(folder):
    """The BERT of the fixtures as PyTorch files hold it: inside a model with a head (zip), and under TensorFlow's names
    in the form from before 1.6."""
    state = load_file(folder / "bert" / "model.safetensors")
    whole = {f"bert.{key}": value for key, value in state.items()}
    whole["bert.embeddings.position_ids"] = torch.arange(12)[None]
    whole["cls.predictions.bias"] = torch.zeros(20)
    torch.save(whole, folder / "bert-with-head.bin")
    norms = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    old = {}
    for key, value in state.items():
        for today, then in norms.items():
            key = key.replace(today, then)
        old[key] = value
    torch.save(old, folder / "bert-legacy.pth", _use_new_zipfile_serialization=False)


def lora(folder):
    """The BERT of the fixtures with peft's small matrices: its files, outputs, and gradients of the small matrices."""
    torch.manual_seed(11)
    draw = np.random.default_rng(11)
    base = T.BertModel.from_pretrained(folder / "bert").eval()
    model = peft.get_peft_model(base, peft.LoraConfig(r=3, lora_alpha=6, target_modules=["query", "value"])).eval()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "lora_B" in key:
                weight.copy_(torch.tensor(draw.normal(0, 0.3, weight.shape), dtype=torch.float32))
    model.peft_config["default"].base_model_name_or_path = "bert"  # not where this folder lay
    model.save_pretrained(folder / "bert-lora")
    (folder / "bert-lora" / "README.md").unlink()
    given = next(text_inputs(draw))
    hidden = model(**given).last_hidden_state
    probe = torch.tensor(draw.normal(size=hidden.shape), dtype=torch.float32)
    (hidden * probe * given["attention_mask"][..., None]).sum().backward()
    found = {f"0.{key}": value.int() for key, value in given.items()}
    found |= {"0.hidden": hidden.detach().clone(), "probe.0": probe}
    for key, weight in model.named_parameters():
        if weight.grad is not None:
            found[f"gradient.{key.replace('.default', '')}"] = weight.grad.clone()
    save_file(found, folder / "bert-lora" / "expected.safetensors")


def prompt(folder, name):
    """A model of the fixtures with peft's prompt of three vectors: what it gives of the text's own tokens, the gradient
    of the prompt, and five AdamW steps of it."""
    torch.manual_seed(5)
    draw = np.random.default_rng(5)
    base = T.AutoModel.from_pretrained(folder / name)
    sizes = dict(token_dim=8, num_layers=2, num_attention_heads=2)
    config = peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3, **sizes)
    model = peft.get_peft_model(base, config).eval()
    vectors = model.prompt_encoder["default"].embedding.weight
    padding = base.config.pad_token_id
    given = next(text_inputs(draw, padding=0 if name in ("bert", "distilbert") else padding))
    found = {f"0.{key}": value.int() for key, value in given.items()} | {"vectors": vectors.detach().clone()}
    mask = given["attention_mask"][..., None]
    probe = torch.tensor(draw.normal(size=(*mask.shape[:2], vectors.shape[1])), dtype=torch.float32)
    optimiser = torch.optim.AdamW([vectors], lr=1e-2, weight_decay=0.01)
    losses = []
    for step in range(5):
        optimiser.zero_grad()
        hidden = model(**given).last_hidden_state[:, 3:]
        loss = (hidden * probe * mask).sum()
        loss.backward()
        if step == 0:
            found |= {"0.hidden": hidden.detach().clone(), "gradient": vectors.grad.clone(), "probe": probe}
        losses.append(loss.item())
        optimiser.step()
    save_file(found | {"losses": torch.tensor(losses)}, folder / name / "expected-prompt.safetensors")


def check(folder, fixtures):
    """What Ferry saved of each fixture, opened by the class its config.json names: how far its tokens are from the
    fixture's."""
    for saved in sorted(folder.iterdir()):
        config = T.AutoConfig.from_pretrained(saved)
        model = getattr(T, config.architectures[0]).from_pretrained(saved).eval()
        name, _, tower = saved.name.partition("@")
        expected = load_file(fixtures / name / (f"expected-{tower}.safetensors" if tower else "expected.safetensors"))
        given = {
            key[2:]: value.long() if value.dtype == torch.int32 else value
            for key, value in expected.items()
            if key in ("0.input_ids", "0.attention_mask", "0.pixel_values", "0.encoder_hidden_states")
        }
        if config.model_type == "vit_mae":
            given["noise"] = torch.arange(4.0).expand(len(given["pixel_values"]), 4)
        with torch.no_grad():
            hidden = model(**given).last_hidden_state
        if hidden.dim() == 4:
            hidden = hidden.flatten(2).transpose(1, 2)
        mask = given.get("attention_mask", torch.ones(hidden.shape[:2]))[..., None]
        print(saved.name, type(model).__name__, ((hidden - expected["0.hidden"]) * mask).abs().max().item())


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(Path(sys.argv[2]), Path(sys.argv[3]))
        sys.exit()
    target = Path(sys.argv[1])
    besides = {"bert": [torch_files, lora], "minilm": [sentences, layer_rates], "blip-retrieval": [matching]}
    for one in sys.argv[2:] or FAMILIES:
        make(one, target)
        for further in besides.get(one, []):
            further(target)
        if one in PROMPTED:
            prompt(target, one)
        print(one)
