import { compile, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { adjustmentOf, dropItems, replacedWords, trainedWeights } from '@ferry/sequential';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { candidatesOf, fusedScores } from '../src/fusion.ts';
import { releasedName } from '../src/import/names.ts';
import { itemTables } from '../src/items.ts';
import { missRec } from '../src/missRec.ts';
import { encodeSequences } from '../src/model.ts';
import { finetuneObjective, pretrainObjective } from '../src/objectives.ts';
import { backends } from './backends.ts';
import {
  groupsOf,
  ints,
  itemsOf,
  optionsOf,
  parametersOf,
  tensorOf,
  twin,
  unpack,
  type TwinCase,
} from './twin.ts';

/** The largest difference, relative to the largest value where that is above 1. */
function distance(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let worst = 0;
  let scale = 1;
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - want[i]!));
    scale = Math.max(scale, Math.abs(want[i]!));
    if (Number.isNaN(got[i]!)) return NaN;
  }
  return worst / scale;
}

const title = (c: TwinCase) =>
  `${c.preset} ${c.task} ${c.sequenceFusion} ${c.itemFusion}${c.ids ? ' with IDs' : ''}`;

describe.each(backends)('the PyTorch twin on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });
  beforeEach(() => {
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.disposeVariables();
    tf.engine().endScope();
  });

  const history = ints(twin.inputs.history);
  const lengths = ints(twin.inputs.lengths);
  const targets = ints(twin.inputs.targets);

  // Groups of one, two and four rows give the twin's numbers as one padded batch does.
  // The catalogue's scores whole and in blocks of five items.
  const widthsOf = ({ task }: TwinCase): number[] => (task === 'finetune' ? [0, 5] : [0]);
  it.each(
    twin.cases.flatMap((c, i) =>
      widthsOf(c).map((width) => ({ c, width, name: title(c), smallest: i % 2 === 0 ? 99 : 1 })),
    ),
  )('$name, blocks of $width: losses and gradients', ({ c, width, smallest: finest }) => {
    // Both views of pre-training must hold the same rows in the same groups: one group.
    const smallest = c.task === 'finetune' ? finest : 99;
    const options = optionsOf(c);
    const p = parametersOf(c, options);
    const items = itemsOf();
    const interestTable = tensorOf(twin.inputs.centres);
    const { groups, order, slots } = groupsOf(options, history, lengths, { smallest });
    const ordered = tf.tensor1d(
      order.map((row) => targets[row]!),
      'int32',
    );
    const weights = [...trainedWeights({ model: missRec, options, parameters: p }, 'all').values()];
    const inputs = { items, interestTable, feed: { groups, slots }, targets: ordered };
    const terms: Record<string, tf.Tensor> = {};
    let augmented: ReturnType<typeof groupsOf> | undefined;
    if (c.task !== 'finetune') {
      const marks = Uint8Array.from(ints(twin.inputs.keep));
      if (c.task === 'pretrain-words')
        augmented = groupsOf(options, history, lengths, {
          smallest,
          replaced: replacedWords(history, marks),
        });
      else {
        const dropped = dropItems(history, lengths, marks, options.dropRule);
        expect([...dropped.history]).toEqual([...ints(c.droppedHistory!)]);
        expect([...dropped.lengths]).toEqual([...ints(c.droppedLengths!)]);
        const images = options.augmentedImages === 'original' ? history : undefined;
        augmented = groupsOf(options, dropped.history, dropped.lengths, { smallest, images });
      }
    }
    const step = compile(() => {
      let names: string[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const result = augmented
          ? pretrainObjective(
              p,
              options,
              {
                ...inputs,
                feed: { groups: regroup(augmented.order, order, groups), slots },
                augmented,
                targets: tf.gather(tensorOf(twin.inputs.targets), tf.tensor1d(augmented.order, 'int32')),
              },
              undefined,
            )
          : finetuneObjective(p, options, inputs, undefined, width);
        names = Object.keys(result);
        for (const [name, term] of Object.entries(result)) terms[name] = tf.keep(tf.clone(term));
        return result.loss;
      }, weights);
      const own: Record<string, tf.Tensor> = {};
      for (const name of names) own[name] = terms[name]!;
      return { value, own, grads };
    });
    const run = step();
    const pairs: [string, string][] = augmented
      ? [
          ['loss', 'loss'],
          ['sequenceItem', 'seqItem'],
          ['sequenceSequence', 'seqSeq'],
          ['regulariser', 'regulariser'],
        ]
      : [
          ['loss', 'loss'],
          ['crossEntropy', 'crossEntropy'],
          ['regulariser', 'regulariser'],
        ];
    for (const [ours, theirs] of pairs)
      expect(distance(run.own[ours]!.dataSync(), unpack(c.outputs[theirs]!)), ours).toBeLessThan(1e-5);
    for (const [name, variable] of trainedWeights({ model: missRec, options, parameters: p }, 'all')) {
      const want = c.gradients[releasedName(name)];
      expect(want, name).toBeDefined();
      expect(distance(run.grads[variable.name]!.dataSync(), unpack(want!)), name).toBeLessThan(1e-4);
    }
    // and the twin has no weight that moves and that we do not have
    const ours = new Set([...flattenParameters(p).keys()].map(releasedName));
    for (const name of Object.keys(c.gradients)) expect(ours.has(name), name).toBe(true);
    step.dispose();
  });

  it.each(twin.cases.filter(({ task }) => task === 'finetune').map((c) => ({ c, name: title(c) })))(
    '$name: sequence vectors and logits',
    ({ c }) => {
      const options = optionsOf(c);
      const p = parametersOf(c, options);
      const { groups, order } = groupsOf(options, history, lengths);
      const forward = compile(() => {
        const tables = itemTables(p, options, itemsOf());
        const encoded = encodeSequences(
          p,
          options,
          tables,
          tensorOf(twin.inputs.centres),
          { groups },
          undefined,
        );
        const candidates = candidatesOf(options, tables, options.paddingInSoftmax ? 'all' : 'items');
        return {
          sequence: encoded.vectors,
          logits: tf.div(fusedScores(options, encoded.vectors, candidates), options.temperature),
        };
      });
      const run = forward();
      const back = Array.from({ length: order.length }, (_, row) => order.indexOf(row));
      for (const key of ['sequence', 'logits'] as const) {
        const width = run[key].shape[1]!;
        const values = run[key].dataSync();
        const rows = back.flatMap((at) => [...values.subarray(at * width, (at + 1) * width)]);
        expect(distance(rows, unpack(c.outputs[key]!)), key).toBeLessThan(1e-4);
      }
      forward.dispose();
    },
  );

  it.each(
    twin.cases.flatMap((c) =>
      c.task === 'finetune' ? [0, 5].map((width) => ({ c, width, name: title(c) })) : [],
    ),
  )('$name, blocks of $width: logits adjusted by frequency', ({ c, width }) => {
    const options = optionsOf(c);
    const p = parametersOf(c, options);
    const { groups, order, slots } = groupsOf(options, history, lengths);
    const N = ints(twin.inputs.targets).reduce((most, item) => Math.max(most, item), 0);
    const first = options.paddingInSoftmax ? 0 : 1;
    const logits = unpack(c.outputs['logits']!);
    const classes = logits.length / targets.length;
    expect(classes + first).toBeGreaterThan(N);
    const counts = Float64Array.from({ length: classes + first }, (_, item) => (item * 7) % 5);
    const total = counts.reduce((sum, count) => sum + count + 1, -1);
    const want = Array.from(targets, (target, row) => {
      const own = Array.from(
        logits.slice(row * classes, (row + 1) * classes),
        (x, at) => x + 1.5 * Math.log((counts[at + first]! + 1) / total),
      );
      const most = Math.max(...own);
      return most + Math.log(own.reduce((sum, x) => sum + Math.exp(x - most), 0)) - own[target - first]!;
    });
    const inputs = {
      ...{ items: itemsOf(), interestTable: tensorOf(twin.inputs.centres), feed: { groups, slots } },
      targets: tf.tensor1d(
        order.map((row) => targets[row]!),
        'int32',
      ),
      ...adjustmentOf(1.5, () => counts),
    };
    const step = compile(() => finetuneObjective(p, options, inputs, undefined, width).crossEntropy);
    const mean = want.reduce((sum, loss) => sum + loss, 0) / want.length;
    expect(distance(step().dataSync(), [mean])).toBeLessThan(1e-5);
    step.dispose();
  });
});

/** One group with the rows of several, in another order. */
function regroup(wanted: Int32Array, order: Int32Array, groups: ReturnType<typeof groupsOf>['groups']) {
  const [group] = groups;
  if (!group || groups.length > 1) throw new Error('regroup: one group is needed');
  const index = tf.tensor1d(
    wanted.map((row) => order.indexOf(row)),
    'int32',
  );
  return [
    {
      history: tf.gather(group.history, index),
      lengths: tf.gather(group.lengths, index),
      interests: tf.gather(group.interests!, index),
      interestMask: tf.gather(group.interestMask!, index),
    },
  ];
}
