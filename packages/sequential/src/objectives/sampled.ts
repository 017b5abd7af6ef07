import { gatheredProducts, type RandomSource, tf } from '@ferry/engine';
import { maskedMean } from '@ferry/nn';
import { z } from 'zod';
import type {
  LossStep,
  Objective,
  ObjectiveDefinition,
  Preparation,
  RecipeFacts,
  Report,
} from '../contract.ts';
import { calibratedPositive, pairwiseBinary, sampledSoftmax } from '../losses.ts';
import { drawNegatives } from '../negatives.ts';
import { type HostTargets, type Targets, targetsOf, targetsSchema } from './targets.ts';
import type { Feed, ItemVectors, ModelTypes } from '../types.ts';

const shared = {
  targets: targetsSchema,
  avoid: z
    .enum(['seen', 'sequence', 'target'])
    .describe(
      "what a negative never is: an item of its user's training sequence; of the whole one, validation and test " +
        'included (S3Rec: what is held out shapes the training); or only the target itself',
    ),
  calibration: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "t of gSASRec's correction of the positive: 0 = none, 1 = probabilities as with a full softmax",
    ),
};
const negatives = z.int().min(1);

const binary = z.strictObject({
  ...shared,
  negatives: negatives.default(1).describe('uniform negatives of each target'),
  avoid: shared.avoid.default('seen'),
});

const softmax = z.strictObject({
  ...shared,
  negatives: negatives.default(256).describe('uniform negatives of each target'),
  avoid: shared.avoid.default('target'),
});

type Settings = z.output<typeof binary>;

/** What a step reads. */
type Inputs = Targets<Feed> & {
  /** int32 [R, K]; absent where they are drawn in the step. */
  negatives?: tf.Tensor;
};

/** Binary cross-entropy with uniform negatives of each target: SASRec's own; gSASRec's with `calibration`. */
export function binaryObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'binary cross-entropy with uniform negatives',
    options: binary,
    check: checkAvoid,
    create: (settings) => sampledObjective(settings as Settings, pairwiseBinary),
  };
}

/** Softmax among each target and uniform negatives of its own. */
export function sampledSoftmaxObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'softmax among the target and uniform negatives',
    options: softmax,
    check: checkAvoid,
    create: (settings) => sampledObjective(settings as Settings, sampledSoftmax),
  };
}

/** Negatives that a user has not seen are known only where the users of a batch are those of one domain. */
function checkAvoid(settings: object, { task }: RecipeFacts, problem: Report): void {
  const { avoid } = settings as Settings;
  if (task === 'pretrain' && avoid !== 'target')
    problem(
      ['avoid'],
      `must be target in pre-training: batches mix the users of several sources, got ${avoid}`,
    );
}

function sampledObjective<T extends ModelTypes>(
  { targets, negatives: K, avoid, calibration }: Settings,
  lossOf: typeof pairwiseBinary,
): Objective<T> {
  return {
    examples: targets === 'all' ? 'sequences' : 'prefixes',
    terms: [],
    prepare: (examples, preparation) => {
      const found = targetsOf(targets, examples, preparation);
      if (avoid === 'target') return { inputs: found.inputs };
      return { inputs: withNegatives(found, K, preparation, avoid === 'sequence') };
    },
    loss: (step, given) => {
      const { feed, items: positives, weights, negatives } = given as Inputs;
      const { model, random, count: items } = step;
      const R = positives.size;
      const queries = model.queries(step, step.items(), feed);
      const drawn = negatives ?? uniformNegatives(random!, [R, K], items);
      const own = tf.reshape(positives, [R, 1]);
      const scores = scoresOf(step, queries, tf.concat([own, drawn], 1));
      const [p, n] = tf.split(scores, [1, K], 1) as [tf.Tensor, tf.Tensor];
      const excluded = negatives ? undefined : tf.cast(tf.equal(drawn, own), 'float32');
      const positive = calibration > 0 ? calibratedPositive(p, { negatives: K, items, calibration }) : p;
      return { loss: maskedMean(lossOf(tf.reshape(positive, [R]), n, excluded), weights) };
    },
  };
}

/** Negatives drawn on the host, away from what the user is known to have. */
function withNegatives<T extends ModelTypes>(
  { inputs, items, users }: HostTargets<T['feed']>,
  K: number,
  preparation: Preparation<T>,
  heldOut: boolean,
): Inputs {
  if (!users)
    throw new Error(
      'negatives: what users have is known of one domain alone, got several sources; avoid target',
    );
  const drawn = drawNegatives(items.length, {
    count: K,
    items: preparation.items,
    random: preparation.random,
    seen: (i) => preparation.seen(users[i]!, heldOut),
  });
  return { ...inputs, negatives: tf.tensor2d(drawn, [items.length, K], 'int32') };
}

/** Uniform items 1..N, drawn in the step. */
function uniformNegatives(random: RandomSource, shape: [number, number], items: number): tf.Tensor {
  const drawn = tf.floor(tf.mul(random.uniform(shape), items));
  return tf.cast(tf.minimum(tf.add(drawn, 1), items), 'int32');
}

/**
 * [R, K] scores of each row's own items; inner products without a gather of their vectors, which K of each row would
 * make large.
 */
function scoresOf<T extends ModelTypes>(
  step: LossStep<T>,
  queries: T['queries'],
  own: tf.Tensor,
): tf.Tensor2D {
  if (step.model.product) {
    const { vectors } = step.model.candidates(step, step.items(), 'all') as ItemVectors;
    return gatheredProducts(queries.vectors, vectors, own);
  }
  return step.model.scores(step, queries, step.model.candidates(step, step.items(), own));
}
