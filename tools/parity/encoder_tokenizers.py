"""Small tokenizers trained by Python's `tokenizers`, and the numbers they give: constants of
packages/encoders/test/tokenizer.test.ts.

    FERRY_DATA=... python tools/parity/encoder_tokenizers.py packages/encoders/test/fixtures/tokenizers

Makes `wordpiece`, `bpe` and `unigram` (each a `tokenizer.json`), `vocab` (the WordPiece as `vocab.txt` alone) and
`merges` (the BPE as `vocab.json` and `merges.txt` of a RoBERTa), trained on texts made here, and `expected.json`: of
malformed and of made-up texts the numbers, cut at 12; of the first 500 titles of two sets of FERRY_DATA the SHA-256 of
the numbers.

Needs tokenizers and transformers.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import transformers as T
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
WORDS = "steel brass wooden lamp desk chair réglable naïve Über 電動 牙刷 桌子 pen-holder 12.5mm 3/4 kit's USB-C A4".split()
TEXTS = [
    " ".join(WORDS[(i * k + k * k) % len(WORDS)] for k in range(1, 3 + i % 6)) for i in range(120)
]
MALFORMED = [
    "",
    " ",
    "\t\n\r",
    "\u0000nul\u0000",
    "\ufffd broken \ufffd",
    "zero\u200bwidth\u200djoiner\ufeffbom",
    "e\u0301 combining a\u0308",
    "👩‍👩‍👧 🇨🇳 emoji 👍🏽",
    "a" * 150,
    "ALL CAPS ÀÉÎ ß ẞ İ ı",
    "控制\u0007字符",
    "[CLS] [SEP] <s> </s> [MASK]",
    "&amp; &lt;b&gt; <i>tag</i>",
    "اَلْعَرَبِيَّةُ עִבְרִית",
    "1,234.56 $9.99 ½ ² ①",
    "\u2028line\u2029paragraph\u00a0nbsp\u3000wide",
    "ﬁ ligature ｆｕｌｌ width",
    "don't can't it's we'll I'd",
]


def wordpiece():
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=160, special_tokens=SPECIAL))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.decoder = decoders.WordPiece()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def bpe():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=340, special_tokens=ROBERTA, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")


def unigram():
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=150, special_tokens=ROBERTA, unk_token="<unk>")
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.decoder = decoders.Metaspace()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")


def titles():
    data = Path(os.environ["FERRY_DATA"])
    with open(data / "domains/scientific18/items.jsonl", encoding="utf8") as file:
        english = [json.loads(line)["title"] for line in list(file)[:500]]
    lines = (data / "mind-text-cmn/news.tsv").read_text("utf8").split("\n")[1:501]
    return {"scientific18": english, "mind-text-cmn": [line.split("\t")[1] for line in lines]}


def numbers(tokenizer, texts, longest):
    return [tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in texts]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    expected = {"texts": MALFORMED + TEXTS[:20], "numbers": {}, "titles": {}}
    for name, tokenizer in {"wordpiece": wordpiece(), "bpe": bpe(), "unigram": unigram()}.items():
        folder = target / name
        tokenizer.save_pretrained(folder)
        expected["numbers"][name] = numbers(tokenizer, expected["texts"], 12)
        expected["titles"][name] = {
            of: hashlib.sha256(json.dumps(numbers(tokenizer, texts, 40), separators=(",", ":")).encode()).hexdigest()
            for of, texts in titles().items()
        }
    vocabulary = json.loads((target / "wordpiece/tokenizer.json").read_text())["model"]["vocab"]
    (target / "vocab").mkdir(exist_ok=True)
    (target / "vocab/vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n", "utf8")
    model = json.loads((target / "bpe/tokenizer.json").read_text())["model"]
    (target / "merges").mkdir(exist_ok=True)
    (target / "merges/vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), "utf8")
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
    (target / "merges/merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf8")
    (target / "merges/config.json").write_text(json.dumps({"model_type": "roberta"}))
    (target / "expected.json").write_text(json.dumps(expected, ensure_ascii=False), "utf8")
