"""Tokenizers trained by Python's `tokenizers`, and the numbers they give.

    # constants of packages/encoders/test/tokenizer.test.ts
    FERRY_DATA=... python tools/parity/encoder_tokenizers.py packages/encoders/test/fixtures/tokenizers
    # by hand: vocabularies of a usual size, trained on the titles; then encoderTokenizers.ts compares each title
    FERRY_DATA=... python tools/parity/encoder_tokenizers.py --titles /tmp/tokenizers

Makes `wordpiece`, `bpe` and `unigram` (each a `tokenizer.json`), `vocab` (the WordPiece as `vocab.txt` alone) and
`merges` (the BPE as `vocab.json` and `merges.txt` of a RoBERTa). Constants: small ones trained on texts made here, and
`expected.json`: of malformed and of made-up texts the numbers, cut at 12; of 10,000 titles of FERRY_DATA (1,000 of each
domain and 3,000 Mandarin ones, evenly spread) the SHA-256 of the numbers, a set each. By hand: of 8,000 tokens, trained
on those titles, and `numbers.json`: the texts and their numbers, cut at 40.

Needs tokenizers and transformers.
"""

import hashlib
import json
import os
import random
import sys
from pathlib import Path

import transformers as T
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
DOMAINS = ["beauty14", "cds18", "ml100k", "office14", "office18", "scientific18", "toys14"]
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
    "ΟΔΥΣΣΕΥΣ ΣΑΣ K Å Ǆ",
    "𠀀中𪜀𫠰 𫤰",
]


def scrambled(count):
    """Strings of characters from everywhere in Unicode but surrogates, at random, spaces and marks between them."""
    draw = random.Random(3)
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F)]
    blocks += [(0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x20CF), (0x2100, 0x27BF), (0x3000, 0x30FF), (0x3400, 0x9FFF)]
    blocks += [(0xAC00, 0xD7A3), (0xE000, 0xE00F), (0xF900, 0xFAFF), (0xFB00, 0xFFFD), (0x1F300, 0x1F9FF)]
    blocks += [(0x20000, 0x2A6DF), (0xE0100, 0xE01EF), (0x0, 0x1F), (0x7F, 0x9F), (0x1D400, 0x1D7FF)]

    def letter():
        low, high = draw.choice(blocks) if draw.random() < 0.7 else blocks[0]
        return chr(draw.randint(low, high))

    return ["".join(letter() for _ in range(draw.randint(1, 16))) for _ in range(count)]


def wordpiece(texts, size):
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.decoder = decoders.WordPiece()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def bpe(texts, size):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=ROBERTA, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")


def unigram(texts, size):
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=size, special_tokens=ROBERTA, unk_token="<unk>")
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.decoder = decoders.Metaspace()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")


def spread(rows, count):
    """So many of some rows, at even distances."""
    return [rows[i * len(rows) // count] for i in range(count)]


def titles():
    data = Path(os.environ["FERRY_DATA"])
    found = {}
    for domain in DOMAINS:
        lines = (data / "domains" / domain / "items.jsonl").read_text("utf8").split("\n")[:-1]
        found[domain] = spread([json.loads(line)["title"] for line in lines], 1000)
    lines = (data / "mind-text-cmn/news.tsv").read_text("utf8").split("\n")[1:-1]
    found["mind-text-cmn"] = spread([line.split("\t")[1] for line in lines], 3000)
    return found


def numbers(tokenizer, texts, longest):
    return [tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in texts]


def write(target, texts, sizes):
    """The tokenizers of all five folders, by name of their kind."""
    made = {kind.__name__: kind(texts, size) for kind, size in zip([wordpiece, bpe, unigram], sizes)}
    for name, tokenizer in made.items():
        tokenizer.save_pretrained(target / name)
    vocabulary = json.loads((target / "wordpiece/tokenizer.json").read_text())["model"]["vocab"]
    (target / "vocab").mkdir(exist_ok=True)
    (target / "vocab/vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n", "utf8")
    model = json.loads((target / "bpe/tokenizer.json").read_text())["model"]
    (target / "merges").mkdir(exist_ok=True)
    (target / "merges/vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), "utf8")
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
    (target / "merges/merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf8")
    (target / "merges/config.json").write_text(json.dumps({"model_type": "roberta"}))
    return made


def constants(target):
    target.mkdir(parents=True, exist_ok=True)
    made = write(target, TEXTS, [160, 340, 150])
    texts = MALFORMED + TEXTS[:20] + scrambled(100)
    plain = normalizers.BertNormalizer().normalize_str
    expected = {"texts": texts, "normalised": [plain(text) for text in texts], "numbers": {}, "titles": {}}
    for name, tokenizer in made.items():
        expected["numbers"][name] = numbers(tokenizer, texts, 12)
        expected["titles"][name] = {
            of: hashlib.sha256(json.dumps(numbers(tokenizer, own, 40), separators=(",", ":")).encode()).hexdigest()
            for of, own in titles().items()
        }
    (target / "expected.json").write_text(json.dumps(expected, ensure_ascii=False), "utf8")


def by_hand(target):
    target.mkdir(parents=True, exist_ok=True)
    sets = titles()
    made = write(target, [title for own in sets.values() for title in own], [8000] * 3)
    sets |= {"malformed": MALFORMED, "scrambled": scrambled(2000)}
    kinds = {
        name: {of: numbers(tokenizer, own, 40) for of, own in sets.items()} for name, tokenizer in made.items()
    }
    (target / "numbers.json").write_text(json.dumps({"texts": sets, "numbers": kinds}, ensure_ascii=False), "utf8")


if __name__ == "__main__":
    if sys.argv[1] == "--titles":
        by_hand(Path(sys.argv[2]))
    else:
        constants(Path(sys.argv[1]))
