"""Pictures as transformers' processors make them: constants of packages/features/test/pictureProcessor.test.ts.

    FERRY_DATA=... python tools/parity/pictures.py > packages/features/test/pictureProcessor.json

Prints what each processor makes of one picture that is computed, and, of some posters of FERRY_DATA, some of the
bytes before they are scaled. With `--posters 224 file`, the bytes of posters by ViT's processor at that size are
compared with those in the file, one picture after the other, and the largest difference is printed.

Needs numpy, torch, transformers and pillow; not torchvision.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import transformers as T
from PIL import Image

# Of posters so many bytes are passed over for one that is kept.
EVERY = 499
POSTERS = [1, 100, 250, 500, 777, 1000, 1234, 1682]
CONFIGS = [
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 10, "width": 12}},
    {"image_processor_type": "ViTFeatureExtractor", "size": 11, "resample": 0},
    {"image_processor_type": "ViTImageProcessorFast", "size": {"height": 70, "width": 80}, "resample": 1,
     "do_center_crop": True, "crop_size": {"height": 9, "width": 8}},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 9, "width": 9}, "resample": 4,
     "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 9, "width": 9}, "resample": 5,
     "do_normalize": False},
    {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 13},
     "crop_size": {"height": 11, "width": 11}},
    {"feature_extractor_type": "CLIPFeatureExtractor", "size": 9, "crop_size": 14},
    {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 14},
     "crop_size": {"height": 12, "width": 15}, "do_rescale": True, "rescale_factor": 0.01},
    {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 10}, "crop_pct": 0.8, "resample": 2},
    {"image_processor_type": "BlipImageProcessor", "size": {"height": 8, "width": 8}, "do_rescale": False},
    {"image_processor_type": "DeiTImageProcessor", "do_resize": False, "crop_size": {"height": 8, "width": 9}},
]
OF_POSTERS = [
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 96, "width": 96}},
    {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 100},
     "crop_size": {"height": 96, "width": 96}},
]


def processor(config):
    kind = config.get("image_processor_type") or config["feature_extractor_type"]
    kind = kind.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast") + "Pil"
    rest = {key: value for key, value in config.items() if not key.endswith("_type")}
    return getattr(T, kind)(**rest)


def computed():
    height, width = 47, 61
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    values = np.where((x + y) % 3 != 0, x * 37 + y * 11 + c * 53, x * x * 7 + y * 29 + c) % 256
    return Image.fromarray(values.astype(np.uint8))


def poster(number):
    path = Path(os.environ["FERRY_DATA"], "ml100k-posters", f"{number}.jpg")
    return Image.open(path).convert("RGB") if path.exists() else None


def made(config, picture):
    return processor(config)(picture, return_tensors="np")["pixel_values"][0]


def as_bytes(config, picture):
    plain = {**config, "do_rescale": False, "do_normalize": False}
    return np.asarray(made(plain, picture)).astype(np.uint8)


def main():
    if "--posters" in sys.argv:
        side, path = int(sys.argv[2]), sys.argv[3]
        theirs = np.fromfile(path, np.uint8).reshape(-1, 3, side, side)
        config = {"image_processor_type": "ViTImageProcessor", "size": {"height": side, "width": side}}
        numbers = sorted(int(one.stem) for one in Path(os.environ["FERRY_DATA"], "ml100k-posters").glob("*.jpg"))
        worst, unequal = 0, 0
        for number, other in zip(numbers, theirs, strict=False):
            off = np.abs(as_bytes(config, poster(number)).astype(int) - other)
            worst, unequal = max(worst, int(off.max())), unequal + int((off > 0).sum())
        print(f"{len(theirs)} posters: largest difference {worst} of 255, {unequal} of {theirs.size} bytes unequal")
        return
    out = {
        "transformers": T.__version__,
        "computed": [
            {"config": config, "shape": list(values.shape), "pixels": [float(f"{v:.6g}") for v in values.ravel()]}
            for config in CONFIGS
            for values in [made(config, computed())]
        ],
        "every": EVERY,
        "posters": [
            {"config": config, "poster": number,
             "bytes": as_bytes(config, poster(number)).ravel()[::EVERY].tolist()}
            for config in OF_POSTERS
            for number in POSTERS
            if poster(number)
        ],
    }
    print(json.dumps(out, separators=(",", ":")))


main()
