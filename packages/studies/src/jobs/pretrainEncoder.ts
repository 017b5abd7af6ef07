/** Training of encoders on what the items of domains are: texts with hidden tokens, or texts beside pictures. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { compile, disposeNest, randomSource, RandomStream, tf } from '@ferry/engine';
import {
  createMaskedHead,
  createPairHead,
  maskedLoss,
  maskTokens,
  pairLoss,
  type Encoder,
  type ItemArray,
} from '@ferry/encoders';
import { itemPictures, itemTexts } from '@ferry/features';
import { disposeParameters, flattenParameters, type Parameters } from '@ferry/nn';
import { imageEncoderSchema, optimizerOf, UserError, type EncoderPretraining } from '@ferry/recipes';
import {
  optimizerFor,
  runStep,
  runTraining,
  updateWeights,
  type Summary,
  type TrainableModel,
} from '@ferry/training';
import { openDomain } from '../domains.ts';
import { asJson } from '../recipeYaml.ts';
import { StoppedError, type JobConsole } from './console.ts';
import { checkPlace } from './place.ts';
import { openImages } from './trainedImages.ts';
import { mayDiffer } from './train.ts';
import type { OpenedEncoder } from './trainedParts.ts';
import { openTexts } from './trainedTexts.ts';

type Settings = EncoderPretraining & { out: string };

/** Encoders in training. */
interface Pretraining {
  readonly model: TrainableModel<Int32Array>;
  /** Encoders to be written, by folder. */
  readonly results: Readonly<Record<string, OpenedEncoder>>;
  readonly dispose: () => void;
}

/** What the tasks differ in. */
interface Task {
  /** Items that are trained on. */
  readonly rows: Int32Array;
  /** Weights, trained ones and others. */
  readonly parameters: Parameters;
  /** Names of those that are trained. */
  readonly trained: readonly string[];
  /** Tensors of a batch. */
  read(rows: Int32Array, random: RandomStream): Record<string, tf.Tensor>;
  /** Loss, and share of what was found. */
  loss(inputs: Readonly<Record<string, tf.Tensor>>, key: tf.Tensor): { loss: tf.Scalar; found: tf.Scalar };
}

/** Arrays of several domains as one. */
function joined(tables: readonly ItemArray[]): ItemArray {
  const [first] = tables as [ItemArray];
  const count = tables.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const size = first.shape.slice(1).reduce((a, b) => a * b, 1);
  const Kind = first.data.constructor as new (length: number) => ItemArray['data'];
  const data = new Kind(count * size);
  let at = 0;
  for (const table of tables) {
    data.set(table.data, at);
    at += table.data.length;
  }
  return { shape: [count, ...first.shape.slice(1)], data };
}

/** Rows of an array. */
function rowsOf({ data, shape }: ItemArray, rows: Int32Array): ItemArray['data'] {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const Kind = data.constructor as new (length: number) => ItemArray['data'];
  const made = new Kind(rows.length * size);
  rows.forEach((row, i) => {
    made.set(data.subarray(row * size, (row + 1) * size), i * size);
  });
  return made;
}

/** Names of an encoder's trained weights below a prefix. */
const named = (prefix: string, { trainable }: Encoder): string[] =>
  trainable.map((name) => `${prefix}.${name}`);

/** Texts of which tokens are hidden. */
function maskedTask({ hidden }: Settings, text: OpenedEncoder, random: RandomStream): Task {
  const { encoder, tokenizer } = text;
  if (tokenizer!.mask === undefined)
    throw new UserError(
      'text.from: masked training needs a tokenizer with a token that hides others, got none',
    );
  const [ids, mask] = [joined(text.items.map((one) => one.ids!)), joined(text.items.map((one) => one.mask!))];
  const [, T] = ids.shape as [number, number];
  const { special, size } = tokenizer!;
  const rows = Int32Array.from({ length: ids.shape[0]! }, (_, row) => row).filter((row) => {
    const marks = mask.data.subarray(row * T, (row + 1) * T);
    return ids.data.subarray(row * T, (row + 1) * T).some((id, i) => marks[i] === 1 && !special.has(id));
  });
  const head = createMaskedHead(encoder, random.split('head'));
  const options = { share: hidden, maskToken: tokenizer!.mask, special, vocabulary: size };
  return {
    rows,
    parameters: { encoder: encoder.parameters, head },
    trained: [
      // Hidden tokens are found without what pools them.
      ...named('encoder', encoder).filter((name) => !name.startsWith('encoder.pooler.')),
      ...[...flattenParameters(head).keys()].map((name) => `head.${name}`),
    ],
    read: (batch, drawn) => {
      const marks = rowsOf(mask, batch);
      const made = maskTokens(rowsOf(ids, batch) as Int32Array, marks, options, drawn);
      return {
        ids: tf.tensor2d(made.ids, [batch.length, T], 'int32'),
        mask: tf.tensor2d(Float32Array.from(marks), [batch.length, T]),
        places: tf.tensor1d(made.places, 'int32'),
        labels: tf.tensor1d(made.labels, 'int32'),
        weights: tf.tensor1d(made.weights),
      };
    },
    loss: ({ ids: numbers, mask: marks, places, labels, weights }, key) =>
      maskedLoss(
        encoder,
        encoder.parameters,
        head,
        { ids: numbers!, mask: marks! },
        { places: places!, labels: labels!, weights: weights! },
        randomSource(key),
      ),
  };
}

/** Texts and their pictures. */
function pairTask(
  { width }: Settings,
  text: OpenedEncoder,
  image: OpenedEncoder,
  random: RandomStream,
): Task {
  const [ids, mask] = [joined(text.items.map((one) => one.ids!)), joined(text.items.map((one) => one.mask!))];
  const pixels = joined(image.items.map((one) => one.pixels!));
  const has = [text, image].map(({ present }) => present.flatMap((own) => [...own]));
  const rows = Int32Array.from(has[0]!.keys()).filter((row) => has[0]![row] === 1 && has[1]![row] === 1);
  const widths = { text: text.encoder.width, image: image.encoder.width };
  const head = createPairHead(widths, width, random.split('head'));
  const { gain, shift } = image.options.pixels!;
  const tensor = (table: ItemArray, batch: Int32Array): tf.Tensor => {
    const data = rowsOf(table, batch);
    const shape = [batch.length, ...table.shape.slice(1)];
    return tf.tensor(
      data instanceof Int32Array ? data : Float32Array.from(data),
      shape,
      data instanceof Int32Array ? 'int32' : 'float32',
    );
  };
  return {
    rows,
    parameters: { text: text.encoder.parameters, image: image.encoder.parameters, head },
    trained: [
      ...named('text', text.encoder),
      ...named('image', image.encoder),
      ...[...flattenParameters(head).keys()].map((name) => `head.${name}`),
    ],
    read: (batch) => ({ ids: tensor(ids, batch), mask: tensor(mask, batch), pixels: tensor(pixels, batch) }),
    loss: ({ ids: numbers, mask: marks, pixels: bytes }, key) => {
      const scaled = tf.add(
        tf.mul(bytes!, tf.tensor4d([...gain], [1, gain.length, 1, 1])),
        tf.tensor4d([...shift], [1, shift.length, 1, 1]),
      );
      return pairLoss(
        { encoder: text.encoder, p: text.encoder.parameters, inputs: { ids: numbers!, mask: marks! } },
        { encoder: image.encoder, p: image.encoder.parameters, inputs: { pixels: scaled } },
        head,
        randomSource(key),
      );
    },
  };
}

/** One compiled step for a task, on batches of rows. */
function trainable(task: Task, { training }: Settings): Pick<Pretraining, 'model' | 'dispose'> {
  const { rows, parameters } = task;
  const { batchSize } = training;
  if (rows.length < batchSize)
    throw new UserError(
      `training.batchSize must be at most the number of items that can be trained on, got ${batchSize} of ${rows.length}`,
    );
  const all = flattenParameters(parameters);
  const weights = new Map(task.trained.map((name) => [name, all.get(name)!]));
  const optimizer = optimizerFor(optimizerOf(training), weights);
  const step = compile(
    (inputs: Record<string, tf.Tensor>, key: tf.Tensor) =>
      updateWeights(weights, optimizer, () => {
        const { loss, found } = task.loss(inputs, key);
        return { loss, report: [loss, found] };
      }),
    { name: 'pretrainEncoder' },
  );
  return {
    model: {
      parameters: () => all,
      optimizerState: () => optimizer.state(),
      counted: 'items',
      // The last batch of an epoch is as large as the others: what is left over comes in another epoch.
      *batches(_epoch, random) {
        const order = random.shuffle(rows.slice());
        for (let at = 0; at + batchSize <= order.length; at += batchSize)
          yield order.subarray(at, at + batchSize);
      },
      batchCount: () => Math.floor(rows.length / batchSize),
      trainStep: async (batch, { step: number, random }) => {
        const inputs = task.read(batch, random.split('hidden', number));
        const [loss, found] = await runStep(random, number, optimizer, (key) => step(inputs, key));
        disposeNest(inputs);
        return { loss: loss!, examples: batch.length, scalars: { found: found! } };
      },
      counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    },
    dispose: () => {
      step.dispose();
      optimizer.dispose();
      disposeParameters(parameters);
    },
  };
}

/** Reads the domains and makes what is trained. */
async function prepare(
  settings: Settings,
  console: JobConsole,
): Promise<Pretraining & { fingerprint: string }> {
  const { task, domains: references } = settings;
  const random = RandomStream.fromSeed(settings.seed);
  const domains = [];
  for (const reference of references) {
    const domain = await openDomain(reference);
    const pictures = task === 'contrastive' ? await itemPictures(domain) : undefined;
    domains.push({ domain, texts: itemTexts(domain), pictures });
  }
  const hash = createHash('sha256');
  for (const { texts, pictures } of domains)
    hash.update(JSON.stringify([texts, pictures?.inputs.map((input) => input?.hash ?? null)]));
  const text = await openTexts(settings.text, domains, random.split('text encoder'));
  const image =
    task === 'contrastive'
      ? await openImages(
          settings.image ?? imageEncoderSchema.parse({}),
          domains,
          random.split('image encoder'),
          {
            damaged: 'missing',
            console,
          },
        )
      : undefined;
  const made = image ? pairTask(settings, text, image, random) : maskedTask(settings, text, random);
  console.line(`${references.join(', ')}: ${made.rows.length.toLocaleString('en-US')} items to train on`);
  return {
    ...trainable(made, settings),
    results: { text, ...(image && { image }) },
    fingerprint: hash.digest('hex'),
  };
}

/**
 * Trains encoders on the texts, or on texts and pictures, of domains, and writes them into `text` and `image` of the run
 * directory in Hugging Face's layout. Resumed and finished runs are as those of any training.
 *
 * @throws StoppedError if someone stopped it.
 */
export async function pretrainEncoder(settings: Settings, console: JobConsole): Promise<Summary> {
  checkPlace(settings.out, 'a run');
  const { model, results, fingerprint, dispose } = await prepare(settings, console);
  const { epochs, checkpointEvery } = settings.training;
  try {
    const result = await runTraining({
      directory: settings.out,
      recipe: asJson({ ...settings, out: undefined }),
      mayDiffer,
      model,
      seed: settings.seed,
      epochs,
      fingerprint,
      checkpointEvery,
      resumeCommand: console.resumeCommand,
      fallback: console.fallback,
      output: console.training,
      signal: console.signal,
    });
    if (result.status !== 'finished')
      throw new StoppedError(`stopped by ${result.by} and saved in ${settings.out}`);
    for (const [folder, { save }] of Object.entries(results)) {
      const place = join(settings.out, folder);
      await save(place);
      console.line(`${folder} encoder: ${place}`);
    }
    return result.summary;
  } finally {
    dispose();
  }
}
