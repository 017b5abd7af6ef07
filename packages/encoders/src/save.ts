import { copyFile, cp, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeDirectory, readTextFile } from '@ferry/data';
import { flattenParameters, saveParameters } from '@ferry/nn';
import type { Encoder } from './encoder.ts';
import { families } from './families/index.ts';
import { settingsIn } from './family.ts';
import { parseKeepingFloats, writeJson } from './floats.ts';

/** Files that belong to an encoder besides its weights: tokenizers, picture processors, poolings. */
const companions = [
  /^tokenizer.*\.json$/,
  /^(vocab|merges)\.(txt|json)$/,
  /^(special_tokens_map|added_tokens|preprocessor_config|processor_config|modules)\.json$/,
  /^sentence_bert_config\.json$/,
  /^config_sentence_transformers\.json$/,
  /^(sentencepiece\.bpe|spiece)\.model$/,
  /^\d+_(Pooling|Normalize)$/,
];

/** An encoder's settings as its folder writes them, floats told from whole numbers. */
async function writtenConfig({ config, directory }: Encoder): Promise<Readonly<Record<string, unknown>>> {
  if (directory === undefined) return config;
  const text = await readTextFile(join(directory, 'config.json'));
  return text === undefined ? config : parseKeepingFloats(text);
}

/**
 * Writes an encoder in Hugging Face's layout: `config.json`, `model.safetensors` under transformers' names, and beside
 * them the tokenizer's and processor's files of the folder it came from. Python's `transformers` loads the folder.
 * Heads of pre-training are not kept.
 *
 * @param directory - The folder; made if it is not there.
 * @param encoder - What to write, with its present weights.
 */
export async function saveEncoder(directory: string, encoder: Encoder): Promise<void> {
  makeDirectory(directory);
  const { family, names, parameters, modality } = encoder;
  const config = await writtenConfig(encoder);
  const one = families.find(({ name, modality: reads }) => name === family && reads === modality)!;
  const saved = one.savedConfig?.(config) ?? settingsIn(one, config);
  const whole = { ...saved, architectures: [one.types[String(saved['model_type'])]], dtype: 'float32' };
  if ('torch_dtype' in whole) delete whole.torch_dtype;
  await writeFile(join(directory, 'config.json'), writeJson(whole));
  const weights = new Map(
    [...flattenParameters(parameters)].map(([name, variable]) => [names.get(name)!, variable]),
  );
  await saveParameters(join(directory, 'model.safetensors'), weights, { format: 'pt' });
  const from = encoder.directory;
  if (from === undefined || resolve(from) === resolve(directory)) return;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!companions.some((pattern) => pattern.test(entry.name))) continue;
    const [source, target] = [join(from, entry.name), join(directory, entry.name)];
    if (entry.isDirectory()) await cp(source, target, { recursive: true });
    else await copyFile(source, target);
  }
}
