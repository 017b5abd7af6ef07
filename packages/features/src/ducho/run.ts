import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { InputError, makeDirectory } from '@ferry/data';
import { zipSync } from 'fflate';
import { hashFile } from '../hash.ts';
import { replaceFile } from '../replaceFile.ts';
import { encodeNpy, encodeNpyIds, parseNpy } from '../npy.ts';
import { readDuchoConfig, type DuchoJob, type DuchoModel } from './config.ts';
import { openModel } from './encoders.ts';
import { readPictures, readTexts, type Named } from './inputs.ts';
import type { PoolingOf } from '../encodings/textModel.ts';
import type { Opened } from './opened.ts';
import { openJoint } from './transformers.ts';

/** What an extraction wrote. */
export interface DuchoResult {
  /** The folder of `.npy` files. */
  folder: string;
  /** Vectors in it. */
  count: number;
  /** Their width. */
  width: number;
  /** Of them, those that were there already. */
  kept: number;
  /** What is worth knowing, a sentence each. */
  notes: string[];
}

/** How a run of Ducho's file tells what it does. */
export interface DuchoOptions {
  /** How folders of sentence encoders make vectors. Default: the mean of the tokens. */
  pooling?: PoolingOf;
  /** Told how far a folder is. */
  progress?: (what: string, done: number, total: number) => void;
  /** Told a line when a folder is done. */
  line?: (text: string) => void;
  /** Stops after the batch under way; what is done stays. */
  signal?: AbortSignal;
}

/** The folder that a model's vectors go to, as Ducho names it. */
function folderOf(
  out: string,
  section: DuchoJob['section'],
  { backend, model }: DuchoModel,
  layer: string,
): string {
  // Pictures' models go by their last name without ending, texts' by their whole name.
  const name =
    section === 'visual'
      ? basename(model, extname(model).match(/\.(?:pt|pth|onnx|h5)$/i) ? extname(model) : '')
      : model;
  return join(out, backend, name, layer);
}

/** What is kept beside the vectors: who made them, of what. */
interface Manifest {
  model: string;
  backend: string;
  layer: string;
  weights: { file: string; sha256: string };
  preprocessing: Record<string, unknown>;
  width: number;
  count: number;
  missing: string[];
  notes: string[];
  files: Record<string, { input: string; sha256: string }>;
}

/** Identity of an input: the text, or the picture's bytes. */
async function inputHash(value: string, picture: boolean): Promise<string> {
  return createHash('sha256')
    .update(picture ? await readFile(value) : value)
    .digest('hex');
}

/** Everything that decides what a vector is, but the input. */
function settingsOf(
  { reshape, preprocessing, mean, std, clear_text }: DuchoModel,
  section: DuchoJob['section'],
): Record<string, unknown> {
  return section === 'textual'
    ? { clear_text }
    : {
        reshape: reshape ?? null,
        preprocessing: preprocessing ?? null,
        ...(preprocessing === 'zscore' ? { mean, std } : {}),
        ...(section === 'visual' ? {} : { clear_text }),
      };
}

/** Encodes what is not there yet. */
async function extractTo(
  folder: string,
  job: DuchoJob,
  what: { inputs: readonly Named[]; pictures: boolean; layer: string; absent?: readonly string[] },
  opened: Opened,
  options: DuchoOptions,
): Promise<DuchoResult & { vectors: Map<string, Float32Array> }> {
  const { inputs, pictures, layer } = what;
  const weights = await hashFile(opened.weights);
  const preprocessing = { ...settingsOf(job.model, job.section), ...opened.settings };
  const file = join(folder, 'manifest.json');
  const before = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Manifest,
    () => undefined,
  );
  const same =
    before?.weights.sha256 === weights &&
    JSON.stringify(before.preprocessing) === JSON.stringify(preprocessing);
  makeDirectory(folder);
  const hashes = new Map<string, string>();
  for (const { id, value } of inputs) hashes.set(id, await inputHash(value, pictures).catch(() => ''));
  const vectors = new Map<string, Float32Array>();
  const files: Manifest['files'] = {};
  const todo: Named[] = [];
  for (const one of inputs) {
    const known = same ? before.files[one.id] : undefined;
    const bytes =
      known?.input === hashes.get(one.id)
        ? await readFile(join(folder, `${one.id}.npy`)).catch(() => undefined)
        : undefined;
    if (bytes && createHash('sha256').update(bytes).digest('hex') === known!.sha256) {
      const array = parseNpy(bytes, one.id);
      if (array.kind === 'numbers') {
        vectors.set(one.id, array.data);
        files[one.id] = known!;
        continue;
      }
    }
    todo.push(one);
  }
  const kept = vectors.size;
  const failed: string[] = [];
  const notes = [...opened.notes];
  const write = async (done: boolean): Promise<void> => {
    const width = [...vectors.values()][0]?.length ?? 0;
    const missing = [...failed, ...(what.absent ?? [])].sort();
    const manifest: Manifest = {
      model: job.model.model,
      backend: job.model.backend,
      layer,
      weights: { file: basename(opened.weights), sha256: weights },
      preprocessing,
      width,
      count: vectors.size,
      missing,
      notes,
      files,
    };
    await replaceFile(file, `${JSON.stringify(manifest, null, 1)}\n`);
    if (done) await writeMatrix(folder, vectors, width);
  };
  // Like with like: short texts are not padded to long ones.
  if (!pictures) todo.sort((a, b) => a.value.length - b.value.length || (a.id < b.id ? -1 : 1));
  const size = job.model.batch_size;
  for (let at = 0; at < todo.length; at += size) {
    options.signal?.throwIfAborted();
    const batch = todo.slice(at, at + size);
    for (const { one, vector } of await encodeBatch(batch, opened, failed)) {
      if (!vector.every(Number.isFinite))
        throw new InputError(
          one.value,
          undefined,
          `a vector must be finite, got ${String(vector.find((value) => !Number.isFinite(value)))} for ${one.id}`,
        );
      vectors.set(one.id, vector);
      const bytes = encodeNpy(vector, [1, vector.length]);
      await writeFile(join(folder, `${one.id}.npy`), bytes);
      files[one.id] = {
        input: hashes.get(one.id)!,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      };
    }
    options.progress?.(
      `${job.model.model}: ${pictures ? 'pictures' : 'texts'}`,
      Math.min(at + size, todo.length),
      todo.length,
    );
    if ((at / size) % 50 === 49) await write(false);
  }
  if (vectors.size === 0)
    throw new InputError(folder, undefined, 'there must be something to encode, got nothing that can be');
  if (failed.length > 0)
    notes.push(
      `${failed.length} pictures cannot be decoded and are missing: ${failed.slice(0, 5).join(', ')}`,
    );
  await write(true);
  return { folder, count: vectors.size, width: [...vectors.values()][0]!.length, kept, notes, vectors };
}

/** Encodes a batch; where a picture cannot be decoded, one by one. */
async function encodeBatch(
  batch: readonly Named[],
  opened: Opened,
  failed: string[],
): Promise<{ one: Named; vector: Float32Array }[]> {
  try {
    const vectors = await opened.encode(batch.map(({ value }) => value));
    return batch.map((one, at) => ({ one, vector: vectors[at]! }));
  } catch (error) {
    if (!(error instanceof InputError) || !batch.some(({ value }) => value === error.file)) throw error;
    if (batch.length === 1) {
      failed.push(batch[0]!.id);
      return [];
    }
    const all: { one: Named; vector: Float32Array }[] = [];
    for (const one of batch) all.push(...(await encodeBatch([one], opened, failed)));
    return all;
  }
}

/** Writes Ferry's matrix beside the folder of vectors: `<layer>.npz` with `features` and `ids`, by id. */
async function writeMatrix(
  folder: string,
  vectors: ReadonlyMap<string, Float32Array>,
  width: number,
): Promise<void> {
  const ids = [...vectors.keys()].sort();
  const data = new Float32Array(ids.length * width);
  for (const [row, id] of ids.entries()) data.set(vectors.get(id)!, row * width);
  const packed = zipSync(
    {
      'features.npy': [encodeNpy(data, [ids.length, width]), { level: 0, mtime: '1980-01-01' }],
      'ids.npy': [encodeNpyIds(ids), { level: 0, mtime: '1980-01-01' }],
    },
    { level: 0 },
  );
  await replaceFile(`${folder}.npz`, packed);
}

/** Two vectors as one. */
function fused(
  image: Float32Array,
  text: Float32Array,
  how: NonNullable<DuchoModel['fusion']>,
): Float32Array {
  if (how === 'concat') return Float32Array.from([...image, ...text]);
  return image.map((value, at) =>
    how === 'mul' ? value * text[at]! : (value + text[at]!) / (how === 'mean' ? 2 : 1),
  );
}

/** A section of pictures and texts: both halves, joined by id. */
async function runJoint(job: DuchoJob, layer: string, options: DuchoOptions): Promise<DuchoResult[]> {
  const { all: pictures, dotted } = await readPictures(job.source.pictures!);
  const texts = await readTexts(job);
  const [withPicture, withText] = [new Set(pictures.map(({ id }) => id)), new Set(texts.map(({ id }) => id))];
  const lacking = (of: readonly Named[], others: ReadonlySet<string>): string[] =>
    of.flatMap(({ id }) => (others.has(id) ? [] : [id]));
  const [noText, noPicture] = [lacking(pictures, withText), lacking(texts, withPicture)];
  const opened = await openJoint(job.model);
  const notes = [
    ...(noText.length + noPicture.length > 0
      ? [
          `pictures and texts are joined by id: ${noText.length} pictures have no text, ${noPicture.length} ` +
            'texts no picture (Ducho pairs them by their places in two lists)',
        ]
      : []),
    ...(dotted > 0 ? [`${dotted} ids hold a dot and are kept whole (Ducho cuts them)`] : []),
  ];
  try {
    const image = await extractTo(
      folderOf(job.source.out.image!, job.section, job.model, layer),
      job,
      { inputs: pictures, pictures: true, layer, absent: noPicture },
      opened.image,
      options,
    );
    const text = await extractTo(
      folderOf(job.source.out.text!, job.section, job.model, layer),
      job,
      { inputs: texts, pictures: false, layer, absent: noText },
      opened.text,
      options,
    );
    const results: DuchoResult[] = [{ ...image, notes: [...image.notes, ...notes] }, text];
    const { fusion } = job.model;
    if (fusion !== undefined) {
      if (fusion !== 'concat' && image.width !== text.width)
        throw new InputError(
          job.model.model,
          undefined,
          `fusion ${fusion} needs halves of one width, got ${image.width} and ${text.width}`,
        );
      const folder = `${image.folder}_${basename(text.folder)}_${fusion}`;
      await rm(folder, { recursive: true, force: true });
      makeDirectory(folder);
      const both = new Map(
        [...image.vectors].flatMap(([id, own]) =>
          text.vectors.has(id) ? [[id, fused(own, text.vectors.get(id)!, fusion)] as const] : [],
        ),
      );
      for (const [id, vector] of both)
        await writeFile(join(folder, `${id}.npy`), encodeNpy(vector, [1, vector.length]));
      const width = [...both.values()][0]?.length ?? 0;
      await writeMatrix(folder, both, width);
      results.push({ folder, count: both.size, width, kept: 0, notes: [] });
    }
    return results;
  } finally {
    await opened.image.close();
    await opened.text.close();
  }
}

/** A section of pictures or of texts. */
async function runSingle(job: DuchoJob, layer: string, options: DuchoOptions): Promise<DuchoResult> {
  const pictures = job.section === 'visual';
  const read = pictures ? await readPictures(job.source.pictures!) : { all: await readTexts(job), dotted: 0 };
  const opened = await openModel(pictures ? 'visual' : 'textual', job.model, layer, options.pooling);
  try {
    const out = pictures ? job.source.out.image! : job.source.out.text!;
    const result = await extractTo(
      folderOf(out, job.section, job.model, layer),
      job,
      { inputs: read.all, pictures, layer },
      opened,
      options,
    );
    return {
      ...result,
      notes: [
        ...result.notes,
        ...(read.dotted > 0 ? [`${read.dotted} ids hold a dot and are kept whole (Ducho cuts them)`] : []),
      ],
    };
  } finally {
    await opened.close();
  }
}

/** See `runDucho` of `../ducho.ts`. */
export async function runConfig(file: string, options: DuchoOptions = {}): Promise<DuchoResult[]> {
  const { jobs, notes } = readDuchoConfig(file);
  for (const note of notes) options.line?.(note);
  const results: DuchoResult[] = [];
  for (const job of jobs)
    for (const layer of [job.model.output_layers].flat().map(String)) {
      const own =
        job.section === 'visual_textual'
          ? await runJoint(job, layer, options)
          : [await runSingle(job, layer, options)];
      for (const { folder, count, width, kept, notes: said } of own) {
        options.line?.(
          `${folder}: ${count.toLocaleString('en-US')} vectors, ${width} wide` +
            (kept > 0 ? `, ${kept.toLocaleString('en-US')} of them there already` : ''),
        );
        for (const note of said) options.line?.(`  ${note}`);
        results.push({ folder, count, width, kept, notes: said });
      }
    }
  return results;
}
