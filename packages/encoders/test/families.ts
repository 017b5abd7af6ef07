/** One row a family: what the tests of all families go through. Fixtures: tools/parity/encoders.py. */
export const families: readonly {
  name: string;
  folder?: string;
  modality?: 'text' | 'image';
  /** What stands before the names of this tower in the folder of both, and not in that of one. */
  prefix?: string;
}[] = [
  { name: 'bert' },
  { name: 'minilm' },
  { name: 'roberta' },
  { name: 'xlm-roberta' },
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
  { name: 'blip text', folder: 'blip', modality: 'text', prefix: 'text_model.' },
  { name: 'blip image', folder: 'blip', modality: 'image', prefix: 'vision_model.' },
  { name: 'blip-retrieval text', folder: 'blip-retrieval', modality: 'text', prefix: 'text_encoder.' },
  { name: 'blip-retrieval image', folder: 'blip-retrieval', modality: 'image', prefix: 'vision_model.' },
];
