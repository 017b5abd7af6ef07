import type { ItemSettings, Rules, Settings } from './settings.ts';

/** Rules of a published pipeline. */
export interface Preset {
  /** What it repeats, and where it cannot. */
  description: string;
  /** Its rules. */
  rules: Partial<Rules>;
  /** How it makes texts. */
  text?: Partial<Settings['text']>;
  /** How it takes items that have several rows. */
  items?: Partial<ItemSettings>;
}

/** Pipelines whose rules can be named. */
export const presets = {
  unisrec: {
    description:
      'UniSRec and MISSRec on Amazon: rows equal in everything once, items with metadata, five-core, all ' +
      'ratings, texts cleaned as theirs. ' +
      'Equal times stand in the order of a Python set there, which differs from run to run; here by content',
    rules: {
      duplicates: 'identical',
      require: ['row'],
      userCore: 5,
      itemCore: 5,
      order: 'time',
      ties: 'content',
    },
    text: { clean: 'unisrec' },
    items: { duplicates: 'first' },
  },
  s3rec: {
    description:
      'S3Rec on Amazon 2014: ratings above 0, five-core, repeated rows kept. Equal times stand as in the file, ' +
      'so shuffled rows give another domain',
    rules: { aboveRating: 0, userCore: 5, itemCore: 5, order: 'time', ties: 'file' },
    items: { duplicates: 'first' },
  },
  recbole: {
    description:
      'RecBole as it comes: nothing left out, order by time; its filters are --core, --min-rating and ' +
      '--duplicates. Equal times stand as in the file, ' +
      'so shuffled rows give another domain',
    rules: { order: 'time', ties: 'file' },
    items: { duplicates: 'first' },
  },
} as const satisfies Record<string, Preset>;

/** Name of a preset. */
export type PresetName = keyof typeof presets;
