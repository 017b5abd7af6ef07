"""MISSRec in PyTorch, written from the method's description and independent of Ferry: the model, both presets, the losses
and the masks. What is made with it: missrec_twin.py.

Nothing here is fast on purpose: histories are padded to the longest one, items are encoded at every position of every
sequence, and every decoder position is computed, as the released code does.
"""

import dataclasses
import math

import torch
from torch import nn
import torch.nn.functional as F


@dataclasses.dataclass
class Options:
    """The sizes and every choice in which the two presets differ."""

    width: int = 300
    feature_width: int = 512
    heads: int = 4
    inner: int = 256
    positions: int = 50
    dropout: float = 0.5
    temperature: float = 0.07
    gamma: float = 1e-4
    lam: float = 1e-3
    ids: bool = True
    sequence_fusion: str = "add"  # or contextual
    item_fusion: str = "shared"  # static, shared, per-item
    missing: str = "mask"  # mask: leaves sum and softmax; bias: counts as the adapter's bias
    pad_in_softmax: bool = False
    regulariser: str = "valid"  # valid: mean over valid interests; all-slots: as released
    augmented_images: str = "aligned"  # or original order
    same_item_mask: bool = True


PAPER = {}
RELEASED = dict(
    missing="bias", pad_in_softmax=True, regulariser="all-slots", augmented_images="original", same_item_mask=False
)


class MISSRec(nn.Module):
    """Names of parameters and buffers are those of the released checkpoints."""

    def __init__(self, o, text, image, text_augmented=None, interests=1):
        super().__init__()
        self.o = o
        count = text.shape[0]  # N + 1, row 0 is padding
        D = o.width
        self.position_embedding = nn.Embedding(o.positions, D)
        self.trm_model = nn.Transformer(
            d_model=D, nhead=o.heads, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=o.inner,
            dropout=o.dropout, activation="gelu", layer_norm_eps=1e-12, batch_first=True, norm_first=False,
        )
        self.LayerNorm = nn.LayerNorm(D, eps=1e-12)
        self.dropout = nn.Dropout(o.dropout)
        if o.ids:
            self.item_embedding = nn.Embedding(count, D, padding_idx=0)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(0.0, 0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.data.zero_()
        if o.ids:
            self.item_embedding.weight.data[0].zero_()
        self.text_adaptor = nn.Linear(o.feature_width, D)
        self.img_adaptor = nn.Linear(o.feature_width, D)
        self.fusion_factor = nn.Parameter(torch.zeros(count if o.item_fusion == "per-item" else ()))
        self.plm_embedding = nn.Embedding.from_pretrained(text, freeze=True)
        self.img_embedding = nn.Embedding.from_pretrained(image, freeze=True)
        self.register_buffer("plm_embedding_empty_mask", text.sum(-1) == 0)
        self.register_buffer("img_embedding_empty_mask", image.sum(-1) == 0)
        self.register_buffer("plm_interest_lookup_table", torch.zeros(count, dtype=torch.long))
        self.register_buffer("img_interest_lookup_table", torch.zeros(count, dtype=torch.long))
        self.register_buffer("interest_embeddings", torch.zeros(interests + 1, D))
        self.text_augmented = text_augmented

    # --- interests of a batch: sorted unique ids of both lookups, padded on the right with 0
    def interest_ids(self, text_history, image_history):
        rows = []
        for a, b in zip(self.plm_interest_lookup_table[text_history], self.img_interest_lookup_table[image_history]):
            rows.append(torch.unique(torch.cat([a, b])))
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0)

    # --- one sequence vector per row; returns it with the memory and the interest ids
    def encode(self, history, lengths, image_history=None, replaced=None):
        """replaced: [B, L] true where the word-dropped text takes the text's place."""
        o = self.o
        image_history = history if image_history is None else image_history
        L = history.shape[1]
        features = self.plm_embedding(history)
        if replaced is not None:
            features = torch.where(replaced.unsqueeze(-1), self.text_augmented[history], features)
        t = self.text_adaptor(features)
        v = self.img_adaptor(self.img_embedding(image_history))
        no_text = self.plm_embedding_empty_mask[history]
        no_image = self.img_embedding_empty_mask[image_history]
        pad = history == 0
        position = self.position_embedding(torch.arange(L))
        extra = position + (self.item_embedding(history) if o.ids else 0)
        if o.sequence_fusion == "add":
            if o.missing == "mask":
                t = t * (~no_text).unsqueeze(-1)
                v = v * (~no_image).unsqueeze(-1)
            tokens, hidden, read = t + v + extra, pad, lengths - 1
        else:
            tokens = torch.cat([t + extra, v + extra], 1)
            hidden = torch.cat([pad | no_text, pad | no_image], 1)
            read = lengths - 1
            if o.missing == "mask":  # a last item without text is read at its image token
                textless = no_text.gather(1, (lengths - 1).unsqueeze(1)).squeeze(1)
                read = torch.where(textless, lengths - 1 + L, lengths - 1)
        tokens = self.dropout(self.LayerNorm(tokens))
        ids = self.interest_ids(history, image_history)
        no_interest = ids == 0
        memory = self.trm_model.encoder(self.interest_embeddings[ids], src_key_padding_mask=no_interest)
        output = self.trm_model.decoder(
            tokens, memory, tgt_key_padding_mask=hidden, memory_key_padding_mask=no_interest
        )
        u = F.normalize(output[torch.arange(len(lengths)), read], dim=-1)
        return u, memory, ids

    # --- similarity of every sequence to every given item; items may be a list of ids (with repeats)
    def scores(self, u, items):
        o = self.o
        t = F.normalize(self.text_adaptor(self.plm_embedding(items)), dim=-1)
        v = F.normalize(self.img_adaptor(self.img_embedding(items)), dim=-1)
        s = torch.stack([u @ t.T, u @ v.T], -1)  # [B, C, 2]
        available = torch.ones(len(items), 2, dtype=torch.bool)
        if o.missing == "mask":
            available = torch.stack(
                [~self.plm_embedding_empty_mask[items], ~self.img_embedding_empty_mask[items]], -1
            )
        if o.item_fusion == "static":
            alpha = torch.zeros(())
        else:
            alpha = self.fusion_factor[items].unsqueeze(-1) if o.item_fusion == "per-item" else self.fusion_factor
        exponents = torch.exp(alpha * s) * available
        weights = exponents / exponents.sum(-1, keepdim=True).clamp_min(1e-30)
        fused = (weights * s).sum(-1)
        if not o.ids:
            return fused
        own = u @ F.normalize(self.item_embedding.weight[items], dim=-1).T
        content = 2.0 * available.any(-1)
        return (own + content * fused) / (1 + content)

    def regulariser(self, memory, ids):
        valid = ids != 0
        if self.o.regulariser == "all-slots":
            pooled = memory.sum(1) * (valid.sum(1, keepdim=True) / ids.shape[1])
        else:
            pooled = (memory * valid.unsqueeze(-1)).sum(1) / valid.sum(1, keepdim=True)
        return pooled.pow(2).sum() / self.o.width

    def all_items(self):
        return torch.arange(0 if self.o.pad_in_softmax else 1, self.plm_embedding.num_embeddings)

    def finetune_loss(self, history, lengths, targets):
        u, memory, ids = self.encode(history, lengths)
        items = self.all_items()
        logits = self.scores(u, items) / self.o.temperature
        ce = F.cross_entropy(logits, targets - items[0])
        r = self.regulariser(memory, ids)
        return dict(loss=ce + self.o.gamma * r, crossEntropy=ce, regulariser=r, logits=logits, sequence=u)

    def pretrain_loss(self, history, lengths, targets, augmented):
        u, memory, ids = self.encode(history, lengths)
        u2, memory2, ids2 = self.encode(**augmented)
        logits = self.scores(u, targets) / self.o.temperature
        if self.o.same_item_mask:
            same = targets.unsqueeze(0) == targets.unsqueeze(1)
            same.fill_diagonal_(False)
            logits = logits.masked_fill(same, -math.inf)
        labels = torch.arange(len(targets))
        item = F.cross_entropy(logits, labels)
        seq = F.cross_entropy(u @ u2.T / self.o.temperature, labels)
        r = self.regulariser(memory, ids) + self.regulariser(memory2, ids2)
        loss = item + self.o.lam * seq + self.o.gamma * r
        return dict(loss=loss, seqItem=item, seqSeq=seq, regulariser=r, sequence=u, augmentedSequence=u2)


def drop_items(history, lengths, keep, rule):
    """Item drop of the augmented view. `keep` [B, L] is the raw mask; padding and position 0 always count as kept.

    rule 'own': an item survives iff its own mark is keep. rule 'next': items are scattered to cumsum(keep) - 1 and the
    last writer wins, so an item survives iff the next position is marked keep (the released code).
    """
    L = history.shape[1]
    keep = keep | (history == 0)
    keep[:, 0] = True
    out = torch.zeros_like(history)
    new_lengths = torch.zeros_like(lengths)
    for b in range(len(history)):
        if rule == "own":
            kept = [int(history[b, l]) for l in range(int(lengths[b])) if keep[b, l]]
            out[b, : len(kept)] = torch.tensor(kept)
            new_lengths[b] = len(kept)
        else:
            index = torch.cumsum(keep[b].long(), 0) - 1
            for l in range(L):
                out[b, index[l]] = history[b, l]
            new_lengths[b] = int(index[int(lengths[b]) - 1]) + 1
    return out, new_lengths
