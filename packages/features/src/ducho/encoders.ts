import { InputError } from '@ferry/data';
import type { PoolingOf } from '../encodings/textModel.ts';
import type { DuchoModel } from './config.ts';
import { openNetwork } from './network.ts';
import type { Opened } from './opened.ts';
import { openSentences, openText, openVision } from './transformers.ts';

/** Opens the model of a visual or textual section. */
export async function openModel(
  section: 'visual' | 'textual',
  model: DuchoModel,
  layer: string,
  poolingOf: PoolingOf | undefined,
): Promise<Opened> {
  if (section === 'textual') {
    if (model.backend === 'sentence_transformers') return openSentences(model, poolingOf);
    if (model.backend === 'transformers') return openText(model, layer);
    throw new InputError(
      model.model,
      undefined,
      `texts are encoded by the backends sentence_transformers and transformers, got ${model.backend}`,
    );
  }
  if (model.backend === 'transformers') return openVision(model, layer);
  if (model.backend === 'sentence_transformers')
    throw new InputError(
      model.model,
      undefined,
      'pictures are encoded by the backends torch, tensorflow and transformers, got sentence_transformers',
    );
  return openNetwork(model, layer);
}
