/** One row a family: what the tests of all families go through. Fixtures: tools/parity/encoders.py. */
export const families: readonly { name: string; folder?: string; modality?: 'text' | 'image' }[] = [
  { name: 'bert' },
  { name: 'roberta' },
  { name: 'distilbert' },
  { name: 'mpnet' },
  { name: 'opt' },
  { name: 'vit' },
  { name: 'mae' },
  { name: 'dinov2' },
  { name: 'swin' },
  { name: 'resnet-basic' },
  { name: 'resnet-bottleneck' },
  { name: 'clip text', folder: 'clip', modality: 'text' },
  { name: 'clip image', folder: 'clip', modality: 'image' },
];
