/** Parts of a `tokenizer.json` that the library takes otherwise than Python's `tokenizers`, replaced by our own. */
import { bertNormaliser, type BertNormaliserOptions } from './bertNormaliser.ts';

/** A normaliser of the library. */
export interface Normaliser {
  normalize(text: string): string;
  /** Of a `Sequence`. */
  normalizers?: (Normaliser | null)[];
}

/** What cuts texts into words, of the library. */
export interface Splitter {
  pre_tokenize_text(text: string, options: object): string[];
  /** Of a `Sequence`. */
  tokenizers?: (Splitter | null)[];
}

/** What the file says of a normaliser. */
export type NormaliserJson = BertNormaliserOptions & { type: string; normalizers?: NormaliserJson[] };

/** What the file says of what cuts texts into words. */
export interface SplitterJson {
  type: string;
  pretokenizers?: SplitterJson[];
  /** Of `Metaspace`: whether words are cut apart (default), or only marked. */
  split?: boolean;
  /** Of `Metaspace`: the mark of a space. */
  replacement?: string;
}

/** The normaliser, with BERT's as Python has it. */
export function ownNormaliser(json: NormaliserJson, part: Normaliser): Normaliser {
  if (json.type === 'Sequence')
    json.normalizers?.forEach((own, i) => {
      const inner = part.normalizers?.[i];
      if (inner) part.normalizers![i] = ownNormaliser(own, inner);
    });
  if (json.type !== 'BertNormalizer') return part;
  const normalise = bertNormaliser(json);
  return Object.assign((text: string) => normalise(text), { normalize: normalise });
}

/** A text cut before each mark of a space. */
function wordsOf(text: string, mark: string): string[] {
  const [first, ...rest] = text.split(mark);
  return [...(first === '' ? [] : [first!]), ...rest.map((word) => mark + word)];
}

/**
 * Lets `Metaspace` cut words apart where it is asked to: the library leaves the text whole, so that pieces go across words
 * and scores are summed, and rounded, over all of it.
 */
export function cutWords(
  { type, split = true, replacement = '\u2581', ...json }: SplitterJson,
  part: Splitter,
): void {
  if (type === 'Sequence')
    json.pretokenizers?.forEach((own, i) => {
      const inner = part.tokenizers?.[i];
      if (inner) cutWords(own, inner);
    });
  if (type !== 'Metaspace' || !split) return;
  const marked = part.pre_tokenize_text.bind(part);
  part.pre_tokenize_text = (text, options) =>
    marked(text, options).flatMap((words) => wordsOf(words, replacement));
}
