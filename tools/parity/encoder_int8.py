"""ONNX Runtime's dynamic quantisation of the BERT, the ViT and BLIP's vision of the fixtures: constants of
packages/encoders/test/packedWeights.test.ts.

    python tools/parity/encoder_int8.py packages/encoders/test/fixtures

Exports each model, with plain attention, quantises what it multiplies weights by (`quantize_dynamic`, `QInt8`, a scale
for each column), runs both in ONNX Runtime, and writes `<folder>/expected-int8.safetensors`: the inputs, and the
vectors of all tokens with weights of float32 (`0.hidden`) and of int8 (`0.int8`).

Needs torch, transformers, onnx, onnxruntime and safetensors.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
import transformers as T
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import save_file

folder = Path(sys.argv[1])
draw = np.random.default_rng(5)


class Hidden(torch.nn.Module):
    """The vectors of all tokens."""

    def __init__(self, model, keys):
        super().__init__()
        self.model, self.keys = model, keys

    def forward(self, *given):
        return self.model(**dict(zip(self.keys, given))).last_hidden_state


def texts(config):
    ids = draw.integers(5, config.vocab_size, (3, 7))
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.ones(3, 7, dtype=torch.long)}


def pictures(config):
    side = config.image_size
    return {"pixel_values": torch.tensor(draw.normal(size=(2, 3, side, side)), dtype=torch.float32)}


def read(kind, name):
    return kind.from_pretrained(folder / name, attn_implementation="eager").eval()


cases = {
    "bert": (read(T.BertModel, "bert"), texts),
    "vit": (read(T.ViTModel, "vit"), pictures),
    "blip": (read(T.BlipModel, "blip").vision_model, pictures),
}
for name, (model, make) in cases.items():
    given = make(model.config)
    with tempfile.TemporaryDirectory() as place:
        plain, small = Path(place, "plain.onnx"), Path(place, "int8.onnx")
        keys = list(given)
        torch.onnx.export(
            Hidden(model, keys), tuple(given.values()), plain, dynamo=False, input_names=keys, opset_version=17
        )
        quantize_dynamic(
            plain, small, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True
        )
        feeds = {key: value.numpy() for key, value in given.items()}
        found = [ort.InferenceSession(file).run(None, feeds)[0] for file in (plain, small)]
    values = {f"0.{key}": value.numpy() for key, value in given.items()}
    values = {key: value.astype(np.int32) if value.dtype == np.int64 else value for key, value in values.items()}
    values |= {"0.hidden": found[0], "0.int8": found[1]}
    save_file(
        {key: np.ascontiguousarray(value) for key, value in values.items()}, folder / name / "expected-int8.safetensors"
    )
    print(name, np.abs(found[0] - found[1]).max(), np.abs(found[0]).max())
