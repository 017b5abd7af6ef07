"""`ferry features --ducho` against an independent reading of the same configuration: small models with random weights
(a convolution, a sentence encoder, a joint model) over MovieLens' posters and overviews; layout and vectors are
compared. Needs numpy, onnx and Pillow, and FERRY_DATA:

    python tools/parity/ducho.py [items]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

DATA = Path(os.environ["FERRY_DATA"])
ROOT = Path(__file__).resolve().parents[2]
WORK = Path(tempfile.mkdtemp(prefix="ferry-ducho-"))
FOLDER = WORK / "local/data/demo_office"
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 300
random = np.random.default_rng(42)
normal = lambda *shape: random.standard_normal(shape).astype(np.float32)

# The hands-on's configuration, as it stands.
CONFIG = """dataset_path: ./local/data/demo_office
gpu list: 0
visual:
    items:
        input_path: images
        output_path: visual_embeddings_32
        model: [
            { model_name: ResNet50,
              output_layers: avgpool,
              reshape: [224, 224],
              preprocessing: zscore,
              backend: torch,
              batch_size: 32
            }
        ]

textual:
    items:
        input_path: meta.tsv
        item_column: asin
        text_column: description
        output_path: textual_embeddings_32
        model: [
          { model_name: sentence-transformers/all-mpnet-base-v2,
              output_layers: 1,
              clear_text: False,
              backend: sentence_transformers,
              batch_size: 32
          }
        ]

visual_textual:
    items:
        input_path: {visual: images, textual: meta.tsv}
        item_column: asin
        text_column: description
        output_path: {visual: visual_embeddings_32, textual: textual_embeddings_32}
        model: [
          { model_name: openai/clip-vit-base-patch16,
              backend: transformers,
              output_layers: 1,
              batch_size: 32
          }
        ]

"""


def save(path, inputs, outputs, nodes, constants):
    path.parent.mkdir(parents=True, exist_ok=True)
    value = lambda name, kind, shape: helper.make_tensor_value_info(name, kind, shape)
    graph = helper.make_graph(
        nodes,
        "g",
        [value(*one) for one in inputs],
        [value(*one) for one in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def convolution(path, source, target, kernel, stride):
    """Pictures to the means of 16 rectified channels."""
    weights = {"w": normal(16, 3, kernel, kernel) / kernel, "b": normal(16)}
    nodes = [
        helper.make_node("Conv", [source, "w", "b"], ["c"], strides=[stride, stride]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("ReduceMean", ["r"], [target], axes=[2, 3], keepdims=0),
    ]
    save(path, [(source, TensorProto.FLOAT, ["B", 3, "H", "W"])], [(target, TensorProto.FLOAT, ["B", 16])], nodes, weights)

    def run(x):
        windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
        return np.maximum(np.einsum("chwij,ocij->ohw", windows, weights["w"]) + weights["b"][:, None, None], 0).mean((1, 2))

    return run


def words(text):
    """BERT's basic tokens: lower case, no accents, each mark of punctuation alone."""
    plain = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(one) != "Mn")
    return re.findall(r"[^\W_]+|[^\w\s]|_", plain)


def tokenizer(folder, vocabulary, name):
    tokens = {"[PAD]": 0, "[UNK]": 1, **{word: at + 2 for at, word in enumerate(vocabulary)}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "normalizer": {
                    "type": "BertNormalizer",
                    "clean_text": True,
                    "handle_chinese_chars": True,
                    "strip_accents": True,
                    "lowercase": True,
                },
                "pre_tokenizer": {"type": "BertPreTokenizer"},
                "post_processor": None,
                "decoder": None,
                "model": {
                    "type": "WordPiece",
                    "vocab": tokens,
                    "unk_token": "[UNK]",
                    "continuing_subword_prefix": "##",
                    "max_input_chars_per_word": 200,
                },
            }
        )
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": name, "pad_token": "[PAD]", "unk_token": "[UNK]", "model_max_length": 512})
    )
    return lambda text: [tokens.get(word, 1) for word in words(text)]


def sentences(folder, size):
    """Tokens to vectors; the mean is the encoder's, by its own attention mask."""
    weights = {"e": normal(size, 24), "w": normal(24, 24) / 5}
    nodes = [
        helper.make_node("Gather", ["e", "input_ids"], ["x"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Tanh", ["y"], ["last_hidden_state"]),
    ]
    save(
        folder / "onnx/model.onnx",
        [("input_ids", TensorProto.INT64, ["B", "L"]), ("attention_mask", TensorProto.INT64, ["B", "L"])],
        [("last_hidden_state", TensorProto.FLOAT, ["B", "L", 24])],
        nodes,
        weights,
    )
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    return lambda ids: np.tanh(weights["e"][ids] @ weights["w"]).mean(0)


def joint_text(folder, size):
    weights = {"e": normal(size, 16), "one": np.array([1], dtype=np.int64), "two": np.array([2], dtype=np.int64)}
    nodes = [
        helper.make_node("Gather", ["e", "input_ids"], ["x"]),
        helper.make_node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["m", "two"], ["m3"]),
        helper.make_node("Mul", ["x", "m3"], ["xm"]),
        helper.make_node("ReduceSum", ["xm", "one"], ["text_embeds"], keepdims=0),
    ]
    save(
        folder / "onnx/text_model.onnx",
        [("input_ids", TensorProto.INT64, ["B", "L"]), ("attention_mask", TensorProto.INT64, ["B", "L"])],
        [("text_embeds", TensorProto.FLOAT, ["B", 16])],
        nodes,
        weights,
    )
    return lambda ids: weights["e"][ids].sum(0)


unit = lambda vector: vector / np.linalg.norm(vector)


def clip_pixels(image):
    """Hugging Face's processor: the shorter side to 64, the middle 64 x 64, mean and deviation .5."""
    width, height = image.size
    short = min(width, height)
    size = (64, int(64 * height / width)) if width == short else (int(64 * width / height), 64)
    image = image.resize(size, Image.BICUBIC)
    left, top = (size[0] - 64) // 2, (size[1] - 64) // 2
    pixels = np.asarray(image.crop((left, top, left + 64, top + 64)), dtype=np.float32) / 255
    return ((pixels - 0.5) / 0.5).transpose(2, 0, 1)


def worst(expected, folder):
    """The least cosine, and the largest difference by the vector's length, over all vectors of a folder."""
    files = sorted(folder.glob("*.npy"))
    assert {file.stem for file in files} == set(expected), f"{folder}: other ids"
    cosine, difference = 1.0, 0.0
    for file in files:
        got, want = np.load(file), expected[file.stem]
        assert got.dtype == np.dtype("<f4") and got.shape == (1, len(want)), file
        cosine = min(cosine, float(unit(got[0]) @ unit(want)))
        difference = max(difference, float(np.linalg.norm(got[0] - want) / np.linalg.norm(want)))
    return cosine, difference


try:
    items = {}
    with open(DATA / "domains/ml100k/items.jsonl", encoding="utf8") as lines:
        for row in map(json.loads, lines):
            poster = DATA / f"ml100k-posters/{row['id']}.jpg"
            if poster.exists() and len(items) < COUNT:
                items[str(row["id"])] = row["text"]
                (FOLDER / "images").mkdir(parents=True, exist_ok=True)
                shutil.copy(poster, FOLDER / "images")
    (FOLDER / "meta.tsv").write_text(
        "asin\tdescription\n"
        + "".join('%s\t"%s"\n' % (key, text.replace('"', '""')) for key, text in reversed(items.items()))
    )
    (WORK / "config.yml").write_text(CONFIG)
    models = WORK / "models"
    vocabulary = sorted({word for text in items.values() for word in words(text)})[::2]
    network = convolution(models / "ResNet50.onnx", "x", "avgpool", 7, 4)
    mpnet, clip = models / "sentence-transformers/all-mpnet-base-v2", models / "openai/clip-vit-base-patch16"
    split = tokenizer(mpnet, vocabulary, "BertTokenizer")
    tokenizer(clip, vocabulary, "BertTokenizer")
    (clip / "config.json").write_text(json.dumps({"model_type": "clip"}))
    (clip / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_processor_type": "CLIPImageProcessor",
                "do_resize": True,
                "size": {"shortest_edge": 64},
                "do_center_crop": True,
                "crop_size": {"height": 64, "width": 64},
                "do_rescale": True,
                "rescale_factor": 1 / 255,
                "do_normalize": True,
                "image_mean": [0.5] * 3,
                "image_std": [0.5] * 3,
                "resample": 3,
            }
        )
    )
    encoder, text_half = sentences(mpnet, len(vocabulary) + 2), joint_text(clip, len(vocabulary) + 2)
    image_half = convolution(clip / "onnx/vision_model.onnx", "pixel_values", "image_embeds", 5, 3)
    command = [str(ROOT / "node_modules/.bin/ferry"), "features", "--ducho", "config.yml"]
    done = subprocess.run(
        command, cwd=WORK, env={**os.environ, "FERRY_MODELS": str(models)}, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    print(done.stdout)
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    pictures = {key: Image.open(FOLDER / f"images/{key}.jpg").convert("RGB") for key in items}
    zscored = lambda image: (
        (np.asarray(image.resize((224, 224), Image.BICUBIC), np.float32) / 255 - mean) / std
    ).transpose(2, 0, 1)
    for name, expected in {
        "visual_embeddings_32/torch/ResNet50/avgpool": {key: network(zscored(image)) for key, image in pictures.items()},
        "textual_embeddings_32/sentence_transformers/sentence-transformers/all-mpnet-base-v2/1": {
            key: unit(encoder(split(text))) for key, text in items.items()
        },
        "visual_embeddings_32/transformers/openai/clip-vit-base-patch16/1": {
            key: unit(image_half(clip_pixels(image))) for key, image in pictures.items()
        },
        "textual_embeddings_32/transformers/openai/clip-vit-base-patch16/1": {
            key: unit(text_half(split(text))) for key, text in items.items()
        },
    }.items():
        cosine, difference = worst(expected, FOLDER / name)
        print(f"{name}: {len(expected)} vectors, least cosine {cosine:.7f}, largest difference {difference:.2e}")
        assert cosine > 1 - 1e-3, name
finally:
    shutil.rmtree(WORK)
