/** A vocabulary piece and its log-probability; a few pieces of the published file have none, which counts as 0. */
export type VocabularyEntry = readonly [piece: string, score: number | null];

interface TrieNode {
  next: Map<string, TrieNode>;
  /** Token id, or -1 if no piece ends here. */
  id: number;
}

/** Space as the vocabulary writes it. */
const space = '\u2581';

/** The first six entries are control symbols, never matched in text. */
const reserved = 6;

/** How much of some texts the vocabulary knows. */
export interface Coverage {
  /** Symbols other than spaces. */
  symbols: number;
  /** Those of them that are in no piece. */
  unknown: number;
}

/**
 * Unigram tokenizer of the Universal Sentence Encoder lite (SentencePiece's Viterbi search: the segmentation with the
 * largest sum of log-probabilities). It follows the published JavaScript one to the letter, including what is odd
 * about it, because the encoder was shipped with it: a segment score of exactly 0 counts as unset, unmatched symbols
 * score 0, and neighbouring unmatched symbols become one token 0.
 *
 * @param vocabulary - Pieces in the order of their ids.
 * @returns A function from text to token ids, which adds to `coverage` what it met. Text is NFKC-normalised and gets a
 *   leading space; '' gives no token.
 */
export function createTokenizer(
  vocabulary: readonly VocabularyEntry[],
): (text: string, coverage?: Coverage) => number[] {
  const root: TrieNode = { next: new Map(), id: -1 };
  for (let id = reserved; id < vocabulary.length; id++) {
    let node = root;
    for (const symbol of vocabulary[id]![0]) {
      let next = node.next.get(symbol);
      if (!next) node.next.set(symbol, (next = { next: new Map(), id: -1 }));
      node = next;
    }
    node.id = id;
  }
  const scores = Float64Array.from(vocabulary, ([, score]) => score ?? 0);
  return (text, coverage) => {
    const normal = text.normalize('NFKC');
    if (normal === '') return [];
    const symbols = Array.from(space + normal.replaceAll(' ', space));
    const count = symbols.length;
    const best = new Float64Array(count + 1);
    const token = new Int32Array(count + 1);
    const from = new Int32Array(count + 1).fill(-1);
    const offer = (start: number, end: number, id: number, score: number): void => {
      const total = score + best[start]!;
      if (best[end] !== 0 && total < best[end]!) return;
      best[end] = total;
      token[end] = id;
      from[end] = start;
    };
    for (let start = 0; start < count; start++) {
      let node = root.next.get(symbols[start]!);
      let matched = false;
      for (let end = start + 1; node; end++) {
        if (node.id >= 0) {
          offer(start, end, node.id, scores[node.id]!);
          matched = true;
        }
        if (end >= count) break;
        node = node.next.get(symbols[end]!);
      }
      if (!matched) offer(start, start + 1, 0, 0);
    }
    const reversed: number[] = [];
    for (let end = count; end > 0; end = from[end]! < 0 ? end - 1 : from[end]!) {
      const id = token[end]!;
      if (coverage && id === 0 && symbols[end - 1] !== space) coverage.unknown++;
      if (id !== 0 || reversed[reversed.length - 1] !== 0) reversed.push(id);
    }
    if (coverage) coverage.symbols += symbols.filter((symbol) => symbol !== space).length;
    return reversed.reverse();
  };
}
