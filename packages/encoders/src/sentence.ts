/**
 * What sentence-transformers writes beside an encoder: `modules.json`, and how tokens are pooled in
 * `1_Pooling/config.json`.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, readList, readObject } from '@ferry/data';
import type { Pooling } from './family.ts';
import type { PoolingOptions } from './pool.ts';

/** The names of poolings in `1_Pooling/config.json`, of either form. */
const modes: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_lasttoken: 'last',
  cls: 'cls',
  mean: 'mean',
  max: 'max',
  lasttoken: 'last',
};

/** Sentence encoders whose exports leave sentence-transformers' files out: the mean of the tokens, of length 1. */
const byName = /(?:^|[\\/])all-[^\\/]+$/;

/**
 * How a folder of sentence-transformers makes vectors: by its files, or where these are left out by its name.
 *
 * @param directory - The folder.
 * @param name - What the model is called. Default the folder.
 * @returns Undefined if the folder says nothing of it.
 * @throws Error naming the file where it asks for something that is not supported: several poolings at once, weighted
 *   ones, further layers.
 */
export async function sentencePooling(
  directory: string,
  name = directory,
): Promise<PoolingOptions | undefined> {
  const modules = await readList(join(directory, 'modules.json'));
  const names = (modules ?? []).map((entry) => {
    const type = (entry as { type?: unknown } | null)?.type;
    return typeof type === 'string' ? type.split('.').at(-1)! : 'nothing';
  });
  const unknown = names.find((module) => !['Transformer', 'Pooling', 'Normalize'].includes(module));
  if (unknown !== undefined)
    throw new Error(
      `${join(directory, 'modules.json')}: modules must be Transformer, Pooling or Normalize, got ${unknown}`,
    );
  const path = join(directory, '1_Pooling', 'config.json');
  const config = await readObject(path);
  if (!config && modules === undefined)
    return byName.test(name) ? { pooling: 'mean', normalise: true } : undefined;
  if (!config) return { pooling: 'mean', normalise: names.includes('Normalize') };
  const chosen =
    'pooling_mode' in config
      ? [config['pooling_mode']].flat().map(String)
      : Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  const pooling = chosen.length === 1 ? modes[chosen[0]!] : undefined;
  if (!pooling)
    throw new Error(
      `${path}: one pooling of ${Object.keys(modes).slice(0, 4).join(', ')} is needed, got ` +
        (chosen.join(' and ') || 'none'),
    );
  return { pooling, normalise: names.includes('Normalize') };
}

/** Writes how vectors are made, as sentence-transformers does: `modules.json` and `1_Pooling/config.json`. */
export async function savePooling(
  directory: string,
  { pooling, width }: { pooling: 'cls' | 'mean' | 'max'; width: number },
): Promise<void> {
  const part = (idx: number, name: string, path: string) => ({
    ...{ idx, name: String(idx), path },
    type: `sentence_transformers.models.${name}`,
  });
  const modules = [part(0, 'Transformer', ''), part(1, 'Pooling', '1_Pooling')];
  await writeFile(join(directory, 'modules.json'), `${JSON.stringify(modules, null, 2)}\n`);
  const settings = {
    word_embedding_dimension: width,
    pooling_mode_cls_token: pooling === 'cls',
    pooling_mode_mean_tokens: pooling === 'mean',
    pooling_mode_max_tokens: pooling === 'max',
  };
  makeDirectory(join(directory, '1_Pooling'));
  await writeFile(join(directory, '1_Pooling', 'config.json'), `${JSON.stringify(settings, null, 2)}\n`);
}
