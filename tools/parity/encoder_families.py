"""The small encoders of encoders.py by family: a model of `transformers` with random weights, its inputs, what to call."""

import numpy as np
import torch
import transformers as T

WIDTHS = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
TEXT = dict(WIDTHS, vocab_size=20, max_position_embeddings=12)
IMAGE = dict(WIDTHS, image_size=8, patch_size=4)
LENGTHS = [[5, 7, 2], [3], [7, 1]]


class Case:
    """A model, its inputs, what to call, and the weights that take part; `tower` for a model of two."""

    def __init__(self, model, inputs, run=None, tower=None):
        self.model, self.inputs, self.tower = model, inputs, tower
        self.run = run or (lambda given: standard(model, given))


def standard(model, given):
    """The vectors of all tokens and the pooled ones, if any."""
    made = model(**given)
    return made.last_hidden_state, getattr(made, "pooler_output", None)


def text_inputs(draw, vocabulary=20, padding=0, end=None):
    """Rows with padding, a batch of one, an odd length; with `end` that token closes every row."""
    for lengths in LENGTHS:
        ids = np.full((len(lengths), max(lengths)), padding)
        mask = np.zeros_like(ids)
        for row, length in enumerate(lengths):
            ids[row, :length] = draw.integers(2, vocabulary - 1, length)
            mask[row, :length] = 1
            if end is not None:
                ids[row, length - 1] = end
        yield dict(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))


def image_inputs(draw, size=8, batches=(3, 1, 2)):
    for batch in batches:
        yield dict(pixel_values=torch.tensor(draw.normal(size=(batch, 3, size, size)), dtype=torch.float32))


def text_model(model, **options):
    return [Case(model, lambda draw: text_inputs(draw, **options))]


def image_model(model, run=None, **options):
    return [Case(model, lambda draw: image_inputs(draw, **options), run)]


def mae():
    """MAE's encoder on all patches in their order."""
    model = T.ViTMAEModel(T.ViTMAEConfig(**IMAGE, mask_ratio=0.0))

    def run(given):
        order = torch.arange(4.0).expand(len(given["pixel_values"]), 4)
        return model(**given, noise=order).last_hidden_state, None

    return image_model(model, run)


def resnet(**sizes):
    """Pixels of the last map in the place of tokens; statistics as they are saved."""
    model = T.ResNetModel(T.ResNetConfig(**sizes))

    def run(given):
        made = model(**given)
        return made.last_hidden_state.flatten(2).transpose(1, 2), made.pooler_output.flatten(1)

    return image_model(model, run, size=33)


def clip():
    """Both towers of one model, each with its projection."""
    text = dict(TEXT, hidden_act="quick_gelu", eos_token_id=19)
    image = dict(IMAGE, hidden_act="quick_gelu")
    model = T.CLIPModel(T.CLIPConfig(text_config=text, vision_config=image, projection_dim=6))

    def run_text(given):
        made = model.text_model(**given)
        return made.last_hidden_state, model.text_projection(made.pooler_output)

    def run_image(given):
        made = model.vision_model(**given)
        return made.last_hidden_state, model.visual_projection(made.pooler_output)

    return [
        Case(model, lambda draw: text_inputs(draw, end=19), run_text, "text"),
        Case(model, image_inputs, run_image, "image"),
    ]


def read_with(inputs, draw, width, patches=5):
    """Texts of which the first and the last case are read with a picture: tokens of its encoder."""
    for i, given in enumerate(inputs):
        if i != 1:
            shape = (len(given["input_ids"]), patches, width)
            given["encoder_hidden_states"] = torch.tensor(draw.normal(size=shape), dtype=torch.float32)
        yield given


def blip(kind):
    """Both towers of one model; the picture's tokens are narrower than the text's."""
    text = dict(TEXT, is_decoder=True)
    image = dict(IMAGE, hidden_size=6)
    config = T.BlipConfig(text_config=text, vision_config=image, projection_dim=4, image_text_hidden_size=5)
    model = kind(config)
    retrieval = kind is T.BlipForImageTextRetrieval
    reader = model.text_encoder if retrieval else model.text_model

    def run_text(given):
        made = reader(**given)
        hidden = made.last_hidden_state
        return hidden, model.text_proj(hidden[:, 0]) if retrieval else model.text_projection(made.pooler_output)

    def run_image(given):
        made = model.vision_model(**given)
        hidden = made.last_hidden_state
        return hidden, model.vision_proj(hidden[:, 0]) if retrieval else model.visual_projection(made.pooler_output)

    return [
        Case(model, lambda draw: read_with(text_inputs(draw), draw, 6), run_text, "text"),
        Case(model, image_inputs, run_image, "image"),
    ]


FAMILIES = {
    "bert": lambda: text_model(T.BertModel(T.BertConfig(**TEXT))),
    "roberta": lambda: text_model(T.RobertaModel(T.RobertaConfig(**TEXT, pad_token_id=1)), padding=1),
    "xlm-roberta": lambda: text_model(T.XLMRobertaModel(T.XLMRobertaConfig(**TEXT, pad_token_id=1)), padding=1),
    "minilm": lambda: text_model(T.BertModel(T.BertConfig(**dict(TEXT, num_hidden_layers=3, intermediate_size=32)))),
    "distilbert": lambda: text_model(
        T.DistilBertModel(
            T.DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12)
        )
    ),
    "mpnet": lambda: text_model(T.MPNetModel(T.MPNetConfig(**TEXT)), padding=1),
    "vit": lambda: image_model(T.ViTModel(T.ViTConfig(**IMAGE))),
    "mae": mae,
    "dinov2": lambda: image_model(
        T.Dinov2Model(
            T.Dinov2Config(
                hidden_size=8, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=16, patch_size=4
            )
        )
    ),
    "clip": clip,
    "blip": lambda: blip(T.BlipModel),
    "blip-retrieval": lambda: blip(T.BlipForImageTextRetrieval),
    "opt": lambda: text_model(
        T.OPTModel(
            T.OPTConfig(
                vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, ffn_dim=12,
                max_position_embeddings=12, word_embed_proj_dim=8, pad_token_id=1, bos_token_id=2, eos_token_id=2,
            )
        ),
        padding=1,
    ),
    "swin": lambda: image_model(
        T.SwinModel(
            T.SwinConfig(
                image_size=16, patch_size=2, embed_dim=4, depths=[2, 2], num_heads=[1, 2], window_size=3, mlp_ratio=2.0
            )
        ),
        size=16,
    ),
    "resnet-basic": lambda: resnet(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 2], layer_type="basic"),
    "resnet-bottleneck": lambda: resnet(embedding_size=4, hidden_sizes=[8, 16], depths=[2, 1], layer_type="bottleneck"),
}
