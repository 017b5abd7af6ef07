import { tf } from '@ferry/engine';
import { z } from 'zod';
import type { Examples, ObjectiveDefinition, Preparation } from '../contract.ts';
import { readPositions } from '../feeds.ts';
import type { Feed, ModelTypes } from '../types.ts';

/** The setting that says what is predicted: the two ways labs train. */
export const targetsSchema = z
  .enum(['all', 'last'])
  .default('all')
  .describe(
    'all: an example is a sequence, each of whose items but the first is a target; last: an example is a ' +
      'prefix and the item after it',
  );

/** A feed and the item that follows each position it reads. */
export type Targets<F extends Feed> = {
  /** The histories. */
  feed: F;
  /** int32 [R], or [S] with `all`: item numbers. */
  items: tf.Tensor;
  /** [S], 1 for a position that counts and 0 for a copy; absent where all count. */
  weights?: tf.Tensor;
};

/** {@link Targets} and the same on the host. */
export interface HostTargets<F extends Feed> {
  /** As tensors. */
  inputs: Targets<F>;
  /** [R] or [S] */
  items: Int32Array;
  /** The user of each, where the examples have users. */
  users?: Int32Array;
}

/** A batch of examples in groups, and what is to be predicted. */
export function targetsOf<T extends ModelTypes>(
  which: 'all' | 'last',
  examples: Examples,
  preparation: Preparation<T>,
): HostTargets<T['feed']> {
  const { groups, targets, users } = preparation.group(examples);
  if (which === 'last')
    return {
      inputs: { feed: preparation.feed(groups), items: tf.tensor1d(targets, 'int32') },
      items: targets,
      users,
    };
  const found = readPositions(groups, targets);
  return {
    inputs: {
      feed: preparation.feed(groups, { read: found.read }),
      items: tf.tensor1d(found.targets, 'int32'),
      weights: tf.tensor1d(found.weights),
    },
    items: found.targets,
    users: users && found.examples.map((example) => users[example]!),
  };
}

/**
 * An objective whose targets are always `last`, for models that have no vectors of earlier positions: the setting is
 * gone.
 *
 * @param definition - Its settings must have `targets`.
 */
export function lastOnly<T extends ModelTypes>(definition: ObjectiveDefinition<T>): ObjectiveDefinition<T> {
  return {
    ...definition,
    options: (definition.options as z.ZodObject).omit({ targets: true }),
    create: (settings, options) => definition.create({ ...settings, targets: 'last' }, options),
  };
}
