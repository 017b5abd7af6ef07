import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { InputError } from '@ferry/data';
import { openLocal, type Library } from '../hub.ts';
import type { DuchoModel } from './config.ts';
import { clearText } from './inputs.ts';
import { resizeBicubic, type Rgb } from './resize.ts';

/** Something that encodes a batch. */
export interface Opened {
  /** Vectors of the batch, one each. */
  encode: (values: readonly string[]) => Promise<Float32Array[]>;
  /** File of the weights. */
  weights: string;
  /** What is worth knowing, a sentence each. */
  notes: string[];
  /** Frees it. */
  close: () => Promise<void>;
}

/** Whether there is a file. */
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Folders that models are looked for in. */
function modelFolders(): string[] {
  const root = process.env['FERRY_MODELS'];
  return root === undefined || root === '' ? [] : [resolve(root)];
}

/** The first of some paths that is there. */
async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

/** The error for a model that is nowhere. */
function missing(model: string, looked: readonly string[], advice: string): InputError {
  return new InputError(
    model,
    undefined,
    `the model must be on disk, got none${looked.length > 0 ? ` at ${looked.join(', ')}` : ''}: ${advice}`,
  );
}

/** Decodes a picture: upright, on white, three channels of eight bits. */
async function decode(path: string): Promise<Rgb> {
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(path)
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return { data, width: info.width, height: info.height };
    const rgb = new Uint8Array(info.width * info.height * 3);
    for (let at = 0; at < info.width * info.height; at++)
      rgb.fill(data[at * info.channels]!, at * 3, at * 3 + 3);
    return { data: rgb, width: info.width, height: info.height };
  } catch (error) {
    throw new InputError(
      path,
      undefined,
      `the picture cannot be decoded (${(error as Error).message.split('\n', 1)[0]!})`,
    );
  }
}

/** Numbers of a picture as a torch model takes them: channels first; scaled as the preprocessing says. */
export function preprocess(
  { data, width, height }: Rgb,
  { preprocessing, mean, std }: Pick<DuchoModel, 'preprocessing' | 'mean' | 'std'>,
): Float32Array {
  const plane = width * height;
  const out = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++)
    for (let at = 0; at < plane; at++) {
      const value = data[at * 3 + channel]! / 255;
      out[channel * plane + at] =
        preprocessing === 'zscore' ? (value - mean[channel]!) / std[channel]! : value;
    }
  if (preprocessing !== 'minmax') return out;
  let [least, most] = [Infinity, -Infinity];
  for (const value of out) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // A picture of one colour would be divided by zero: Ducho makes NaN of it.
  for (let at = 0; at < out.length; at++) out[at] = most === least ? 0 : (out[at]! - least) / (most - least);
  return out;
}

/** A torch or tensorflow model: an ONNX file under the model's name. */
async function openNetwork(model: DuchoModel, layer: string): Promise<Opened> {
  const name = model.model.replace(/\.(?:pt|pth|onnx)$/i, '');
  const folders = modelFolders();
  const names = [name, name.toLowerCase(), basename(name)];
  const looked = [
    ...(model.model.endsWith('.onnx') ? [isAbsolute(model.model) ? model.model : resolve(model.model)] : []),
    ...folders.flatMap((folder) =>
      names.flatMap((own) => [
        join(folder, `${own}.onnx`),
        join(folder, model.backend === 'torch' ? 'torchvision' : 'keras', `${own}.onnx`),
      ]),
    ),
  ];
  const weights = await firstOf(looked);
  if (weights === undefined)
    throw missing(
      model.model,
      looked.slice(0, 2),
      `export it to ONNX with an output ${JSON.stringify(layer)} and put it into the folder FERRY_MODELS as ${basename(name)}.onnx (docs/features.md)`,
    );
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(weights);
  const input = session.inputNames[0]!;
  const output = session.outputNames.includes(layer)
    ? layer
    : session.outputNames.length === 1
      ? session.outputNames[0]!
      : undefined;
  if (output === undefined)
    throw new InputError(
      weights,
      undefined,
      `output_layers must name an output of the model, got ${JSON.stringify(layer)}; there are ${session.outputNames.join(', ')}`,
    );
  const run = async (
    numbers: Float32Array,
    count: number,
    width: number,
    height: number,
  ): Promise<Float32Array[]> => {
    const answer = await session.run({ [input]: new Tensor('float32', numbers, [count, 3, height, width]) });
    const data = answer[output]!.data as Float32Array;
    const size = data.length / count;
    return Array.from({ length: count }, (_, row) => data.slice(row * size, (row + 1) * size));
  };
  return {
    weights,
    notes:
      output === layer ? [] : [`${basename(weights)} has one output, ${output}, which is taken for ${layer}`],
    encode: async (paths) => {
      const decoded = await Promise.all(paths.map(decode));
      const pictures = model.reshape
        ? decoded.map((one) => resizeBicubic(one, ...(model.reshape as [number, number])))
        : decoded;
      const { width, height } = pictures[0]!;
      const numbers = pictures.map((one) => preprocess(one, model));
      // Pictures of different sizes cannot be one batch.
      if (pictures.some((one) => one.width !== width || one.height !== height)) {
        const all: Float32Array[] = [];
        for (const [at, one] of pictures.entries())
          all.push(...(await run(numbers[at]!, 1, one.width, one.height)));
        return all;
      }
      const batch = new Float32Array(numbers.length * numbers[0]!.length);
      for (const [at, own] of numbers.entries()) batch.set(own, at * own.length);
      return run(batch, numbers.length, width, height);
    },
    close: () => session.release(),
  };
}

/** Folder of a model in Hugging Face's layout. */
async function hubFolder(model: string, file: string): Promise<string> {
  const names = [model, `Xenova/${basename(model)}`, `onnx-community/${basename(model)}`];
  const looked = [
    ...(isAbsolute(model) ? [model] : []),
    ...modelFolders().flatMap((folder) => names.map((name) => join(folder, name))),
  ];
  for (const folder of looked) if (await exists(join(folder, file))) return folder;
  throw missing(
    model,
    looked.map((folder) => join(folder, file)),
    `put an ONNX export in Hugging Face’s layout (config.json, tokenizer.json, onnx/…) into FERRY_MODELS/${model}`,
  );
}

/** A tensor of transformers.js. */
interface Tensor {
  data: Float32Array | BigInt64Array;
  dims: number[];
}

/** Rows of a tensor. */
function rowsOf({ data, dims }: Tensor): Float32Array[] {
  const size = data.length / dims[0]!;
  return Array.from({ length: dims[0]! }, (_, row) =>
    Float32Array.from(data.slice(row * size, (row + 1) * size) as Float32Array),
  );
}

/** Means over the tokens that are there. */
function meanTokens({ data, dims }: Tensor, mask: Tensor | undefined): Float32Array[] {
  const [count, length, width] = dims as [number, number, number];
  return Array.from({ length: count }, (_, row) => {
    const mean = new Float32Array(width);
    let tokens = 0;
    for (let at = 0; at < length; at++) {
      if (mask && Number(mask.data[row * length + at]) === 0) continue;
      tokens++;
      for (let place = 0; place < width; place++)
        mean[place]! += (data as Float32Array)[(row * length + at) * width + place]!;
    }
    return mean.map((value) => value / Math.max(tokens, 1));
  });
}

/** Vectors of length 1. */
function normalised(vectors: Float32Array[]): Float32Array[] {
  return vectors.map((vector) => {
    const length = Math.hypot(...vector);
    return length === 0 ? vector : vector.map((value) => value / length);
  });
}

/** A JSON file of a model, undefined where there is none. */
async function jsonOf<T>(file: string): Promise<T | undefined> {
  return (await exists(file)) ? (JSON.parse(await readFile(file, 'utf8')) as T) : undefined;
}

/** Sentence encoders: pooling and normalisation as the model's own files say. */
async function openSentences(model: DuchoModel): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const pooling = await jsonOf<Record<string, boolean>>(join(folder, '1_Pooling/config.json'));
  const modules = await jsonOf<{ type: string }[]>(join(folder, 'modules.json'));
  const limit = (await jsonOf<{ max_seq_length?: number }>(join(folder, 'sentence_bert_config.json')))
    ?.max_seq_length;
  // all-* models end in a normalisation; their exports leave modules.json out.
  const unit = modules
    ? modules.some(({ type }) => type.endsWith('Normalize'))
    : /(?:^|\/)all-/.test(model.model);
  const first = pooling?.['pooling_mode_cls_token'] === true;
  const [tokenizer, network] = await openLocal(folder, async (library, name) => [
    await library.AutoTokenizer.from_pretrained(name),
    await library.AutoModel.from_pretrained(name, { dtype: 'fp32' }),
  ]);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    notes: [
      `${model.model}: ${first ? 'first token' : 'mean of tokens'}${unit ? ', normalised' : ', not normalised'} (${modules ? 'modules.json' : 'by its name: no modules.json'})`,
    ],
    encode: async (texts) => {
      const inputs = tokenizer(
        texts.map((text) => (model.clear_text ? clearText(text) : text)),
        { padding: true, truncation: true, ...(limit === undefined ? {} : { max_length: limit }) },
      ) as { attention_mask: Tensor };
      const { last_hidden_state: states } = (await network(inputs)) as { last_hidden_state: Tensor };
      const width = states.dims[2]!;
      const vectors = first
        ? rowsOf(states).map((row) => row.slice(0, width))
        : meanTokens(states, inputs.attention_mask);
      return unit ? normalised(vectors) : vectors;
    },
    close: async () => {
      await network.dispose();
    },
  };
}

/** The output of a transformer that a layer names, as a vector each. */
function outputOf(
  outputs: Record<string, Tensor>,
  layer: string,
  mask: Tensor | undefined,
  model: string,
): Float32Array[] {
  const found = outputs[layer];
  if (!found)
    throw new InputError(
      model,
      undefined,
      `output_layers must name an output, got ${JSON.stringify(layer)}; there are ${Object.keys(outputs).join(', ')}`,
    );
  return found.dims.length === 3 ? meanTokens(found, mask) : rowsOf(found);
}

/** What Ducho would store of an output with a vector a token. */
const tokensNote = (model: string): string =>
  `${model}: last_hidden_state has a vector a token: their mean is stored (Ducho stores the whole, or its first slice)`;

/** A text transformer. */
async function openText(model: DuchoModel, layer: string): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const [tokenizer, network] = await openLocal(folder, async (library, name) => [
    await library.AutoTokenizer.from_pretrained(name),
    await library.AutoModel.from_pretrained(name, { dtype: 'fp32' }),
  ]);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    notes: layer === 'last_hidden_state' ? [tokensNote(model.model)] : [],
    encode: async (texts) => {
      const inputs = tokenizer(
        texts.map((text) => (model.clear_text ? clearText(text) : text)),
        { padding: true, truncation: true },
      ) as { attention_mask: Tensor };
      return outputOf(
        (await network(inputs)) as Record<string, Tensor>,
        layer,
        inputs.attention_mask,
        model.model,
      );
    },
    close: async () => {
      await network.dispose();
    },
  };
}

/** Pictures for a processor of transformers.js. */
async function rawImages(library: Library, paths: readonly string[]): Promise<unknown[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { data, width, height } = await decode(path);
      return new library.RawImage(new Uint8ClampedArray(data), width, height, 3);
    }),
  );
}

/** A picture transformer. */
async function openVision(model: DuchoModel, layer: string): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const [library, processor, network] = await openLocal(folder, async (loaded, name) => [
    loaded,
    await loaded.AutoProcessor.from_pretrained(name),
    await loaded.AutoModel.from_pretrained(name, { dtype: 'fp32' }),
  ]);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    notes: layer === 'last_hidden_state' ? [tokensNote(model.model)] : [],
    encode: async (paths) =>
      outputOf(
        (await network(await processor(await rawImages(library, paths)))) as Record<string, Tensor>,
        layer,
        undefined,
        model.model,
      ),
    close: async () => {
      await network.dispose();
    },
  };
}

/** Towers of a joint model such as CLIP. Hugging Face's joint model, which Ducho runs, normalises what it projects. */
export async function openJoint(model: DuchoModel): Promise<{ image: Opened; text: Opened }> {
  const folder = await hubFolder(model.model, 'onnx/text_model.onnx');
  const opened = await openLocal(folder, async (library, name) => ({
    library,
    tokenizer: await library.AutoTokenizer.from_pretrained(name),
    processor: await library.AutoProcessor.from_pretrained(name),
    text: await library.CLIPTextModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
    vision: await library.CLIPVisionModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
  }));
  const notes = [`${model.model}: both halves have length 1, as the joint model gives them`];
  return {
    text: {
      weights: join(folder, 'onnx/text_model.onnx'),
      notes,
      encode: async (texts) => {
        const inputs: unknown = opened.tokenizer(
          texts.map((text) => (model.clear_text ? clearText(text) : text)),
          { padding: true, truncation: true },
        );
        return normalised(rowsOf(((await opened.text(inputs)) as { text_embeds: Tensor }).text_embeds));
      },
      close: async () => {
        await opened.text.dispose();
      },
    },
    image: {
      weights: join(folder, 'onnx/vision_model.onnx'),
      notes,
      encode: async (paths) => {
        const inputs: unknown = await opened.processor(await rawImages(opened.library, paths));
        return normalised(rowsOf(((await opened.vision(inputs)) as { image_embeds: Tensor }).image_embeds));
      },
      close: async () => {
        await opened.vision.dispose();
      },
    },
  };
}

/** Opens the model of a visual or textual section. */
export async function openModel(
  section: 'visual' | 'textual',
  model: DuchoModel,
  layer: string,
): Promise<Opened> {
  if (section === 'textual') {
    if (model.backend === 'sentence_transformers') return openSentences(model);
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

/** SHA-256 of a model's weights. */
export async function weightsHash(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
