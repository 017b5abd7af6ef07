/**
 * GRU4Rec (Hidasi et al., ICLR 2016): gated recurrent units over the items of a history; the state after its last item,
 * projected where the widths differ, is compared with the vectors of all items.
 *
 * Preset `recbole` is RecBole's form (after Tan et al., DLRS 2016): item vectors and states of widths of their own, a
 * projection between them, no bias in the units. Preset `paper` is the authors': vectors of the state's width, a table
 * and a bias of their own for the output ("constrained" is `tied: true`). Differences from the authors' code: whole
 * histories instead of parallel sessions whose state is carried on, Adam instead of Adagrad, no activation after the
 * scores; their losses are `softmax` (cross-entropy) and `bpr-max`.
 *
 * R rows of all groups (or S positions that are read), P positions of all groups, V rows of the item tables, E width of
 * item vectors, D of states.
 */
import { dropout, embedding, linear, type RandomStream, tf } from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createGru,
  createLinear,
  type EmbeddingParameters,
  type GruParameters,
  init,
  type Initializer,
  packedGru,
  parameter,
} from '@ferry/nn';
import {
  binaryObjective,
  bprMaxObjective,
  type Catalogue,
  createItemTower,
  type Feed,
  inBatchObjective,
  innerProduct,
  itemTower,
  type ItemTowerParameters,
  itemTowerSchema,
  type ItemVectors,
  joinRows,
  ofItems,
  sampledSoftmaxObjective,
  type SequenceInputs,
  type SequentialModel,
  softmaxObjective,
  type Step,
  type VectorModel,
} from '@ferry/sequential';
import { z } from 'zod';
import { biasedCandidates, biasedQueries, createItemBiases } from './itemBiases.ts';
import { ofTower, share, size, towerFeatures, withPreset } from './settings.ts';

/** The settings in which the two lineages differ. */
const presets = {
  recbole: {
    width: 64,
    hidden: 128,
    dropout: 0.3,
    stateDropout: 0,
    bias: false,
    tied: true,
    outputBias: false,
  },
  /** Hidasi and Karatzoglou 2018: 100 units, dropout of states. */
  paper: {
    width: 100,
    hidden: 100,
    dropout: 0,
    stateDropout: 0.5,
    bias: true,
    tied: false,
    outputBias: true,
  },
} as const;

const settings = z.strictObject({
  preset: z
    .enum(['recbole', 'paper'])
    .default('recbole')
    .describe('whose choices the settings that are not given follow'),
  width: size.optional().describe('E: width of item vectors (recbole 64; paper 100)'),
  hidden: size
    .optional()
    .describe('D: width of the state; another than the width is projected (recbole 128; paper 100)'),
  layers: size.default(1).describe('layers of units'),
  positions: size.default(50).describe('longest history; of a longer one the end is read'),
  dropout: share.optional().describe('dropout of item vectors (recbole .3; paper 0)'),
  stateDropout: share.optional().describe('dropout of the states that leave a layer (recbole 0; paper .5)'),
  bias: z.boolean().optional().describe('whether units have biases (recbole no; paper yes)'),
  tied: z
    .boolean()
    .optional()
    .describe(
      'whether candidates have the vectors of the input (recbole yes); if not, a table of their own (paper)',
    ),
  outputBias: z.boolean().optional().describe('whether each item has a bias (recbole no; paper yes)'),
  tower: itemTowerSchema.prefault({}).describe('what makes item vectors'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of GRU4Rec. */
export type Gru4RecOptions = {
  [Name in keyof Settings]-?: NonNullable<Settings[Name]>;
};

/** All weights of GRU4Rec. */
export type Gru4RecParameters = {
  /** The item tower. */
  readonly items: ItemTowerParameters;
  /** Layers of units by number, '0' first. */
  readonly layers: Readonly<Record<string, GruParameters>>;
  /** From the state's width to the items', [E, D], where they differ. */
  readonly projection?: BiasedLinearParameters;
  /** [N + 1, E] vectors of candidates, where they are not the input's. */
  readonly output?: EmbeddingParameters;
  /** [N + 1, 1] biases of candidates. */
  readonly outputBias?: EmbeddingParameters;
};

/** Item vectors at the input, and what candidates have of their own. */
interface Gru4RecItems extends ItemVectors {
  /** [V, E], where candidates have others. */
  output?: tf.Tensor;
  /** [V, 1] */
  bias?: tf.Tensor;
}

/** Types of {@link gru4rec}. */
export interface Gru4Rec extends VectorModel<Gru4RecOptions, Gru4RecParameters> {
  /** Item vectors, and candidates' own. */
  items: Gru4RecItems;
}

/** A layer's weights; without biases theirs are zeros that are never trained. */
function createLayer(
  { bias, hidden, preset }: Gru4RecOptions,
  inputs: number,
  random: RandomStream,
): GruParameters {
  const first: Initializer | undefined = preset === 'recbole' ? init.xavierUniform : undefined;
  const made = createGru({ inputs, width: hidden, init: first }, random);
  if (bias || first) return made;
  const zeros = () => parameter(new Float32Array(3 * hidden), [3 * hidden]);
  return {
    input: { weight: made.input.weight, bias: zeros() },
    state: { weight: made.state.weight, bias: zeros() },
  };
}

function create(options: Gru4RecOptions, catalogue: Catalogue, random: RandomStream): Gru4RecParameters {
  const { width, hidden, layers, tied, outputBias, tower } = options;
  const own = random.split('layers');
  return {
    items: createItemTower(tower, catalogue, { width, init: init.xavierNormal }, random.split('items')),
    layers: Object.fromEntries(
      Array.from({ length: layers }, (_, i) => [
        String(i),
        createLayer(options, i === 0 ? width : hidden, own.split('layer', i)),
      ]),
    ),
    ...(width !== hidden && {
      projection: createLinear({ inputs: hidden, outputs: width }, random.split('projection')),
    }),
    ...(!tied && {
      output: createEmbedding(
        { count: catalogue.items + 1, width, init: init.xavierNormal, padding: 0 },
        random.split('output'),
      ),
    }),
    ...(outputBias && { outputBias: createItemBiases(catalogue, random) }),
  };
}

/**
 * How positions of all groups are packed: the first of every sequence, then the second of those that go on, the longest
 * groups first.
 */
interface Packing {
  /** Sequences of each position. */
  sizes: number[];
  /** For each packed position its number through the groups' [B * L]. Int32 [P]. */
  from: Int32Array;
  /** The inverse. Int32 [P]. */
  to: Int32Array;
}

/** The packing of groups of these shapes [B, L]. */
export function packing(shapes: readonly (readonly [number, number])[]): Packing {
  let base = 0;
  const groups = shapes.map(([B, L]) => ({ B, L, base: (base += B * L) - B * L })).sort((a, b) => b.L - a.L);
  const sizes: number[] = [];
  const from = new Int32Array(base);
  const to = new Int32Array(base);
  let at = 0;
  for (let t = 0; t < groups[0]!.L; t++) {
    const start = at;
    for (const group of groups)
      for (let b = 0; t < group.L && b < group.B; b++, at++) {
        from[at] = group.base + b * group.L + t;
        to[from[at]!] = at;
      }
    sizes.push(at - start);
  }
  return { sizes, from, to };
}

/** Where the last item of each history stands, through the groups' [B * L]. int32 [R]. */
function lastPositions(groups: readonly SequenceInputs[]): tf.Tensor {
  let base = 0;
  return joinRows(
    groups.map(({ history, lengths }) => {
      const [B, L] = history.shape as [number, number];
      const firsts = tf.range(base - 1, base - 1 + B * L, L, 'int32');
      base += B * L;
      return tf.add(firsts, lengths);
    }),
  );
}

/** Histories to the states after the positions that are read, projected: [R, E] or [S, E]. */
function encode(
  { p, options, random }: Step<Gru4Rec>,
  vectors: tf.Tensor,
  { groups, read }: Feed,
): tf.Tensor {
  const { sizes, from, to } = packing(groups.map(({ history }) => history.shape as [number, number]));
  const items = joinRows(groups.map(({ history }) => tf.reshape(history, [-1])));
  const packed = tf.gather(items, tf.tensor1d(from, 'int32'));
  let states = dropout(embedding(vectors, packed), options.dropout, random);
  for (const layer of Object.values(p.layers))
    states = dropout(packedGru(layer, states, sizes), options.stateDropout, random);
  const rows = embedding(states, tf.gather(tf.tensor1d(to, 'int32'), read ?? lastPositions(groups)));
  return p.projection ? linear(rows, p.projection.weight, p.projection.bias) : rows;
}

/** GRU4Rec. */
export const gru4rec: SequentialModel<Gru4Rec> = {
  name: 'gru4rec',
  title: 'GRU4Rec',
  paper:
    'Hidasi et al.: Session-based recommendations with recurrent neural networks. ICLR 2016; losses of Hidasi ' +
    'and Karatzoglou, CIKM 2018',
  options: settings,
  complete: (given) => withPreset(presets, given as Settings),
  ...ofTower,
  positions: ({ positions }) => positions,
  init: create,
  items: ({ p, options, random }, inputs): Gru4RecItems => ({
    vectors: itemTower(p.items, options.tower, inputs, random),
    ...(p.output && { output: ofItems(p.output.weight, inputs) }),
    ...(p.outputBias && { bias: ofItems(p.outputBias.weight, inputs) }),
  }),
  queries: (step, { vectors, bias }, feed) => biasedQueries(encode(step, vectors, feed), bias),
  candidates: (_step, { vectors, output, bias }, which) => biasedCandidates(output ?? vectors, bias, which),
  product: true,
  scores: innerProduct.scores,
  objectives: {
    softmax: softmaxObjective(),
    'bpr-max': bprMaxObjective(),
    'sampled-softmax': sampledSoftmaxObjective(),
    'in-batch': inBatchObjective(),
    bce: binaryObjective(),
  },
  objectiveOf: { pretrain: 'in-batch' },
  weights: {
    ofItems: () => ['items.ids.**', 'output.**', 'outputBias.**'],
    optional: () => towerFeatures,
    unused: ({ bias }) => (bias ? [] : ['layers.*.*.bias']),
    tune: { efficient: { freeze: ['layers.**', 'projection.**'] } },
  },
};
