/** One row a family: what the tests of all families go through. Fixtures: tools/parity/encoders.py. */
export const families: readonly { name: string; folder?: string; modality?: 'text' | 'image' }[] = [
  { name: 'bert' },
  { name: 'roberta' },
  { name: 'distilbert' },
  { name: 'mpnet' },
];
