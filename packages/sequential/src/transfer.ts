import { tf } from '@ferry/engine';
import { matchGlob, type SafetensorsTensor, toFloat32 } from '@ferry/nn';
import { type Recommender, rowRoles } from './recommender.ts';
import type { ModelTypes } from './types.ts';

/** What {@link transferWeights} did. */
export interface TransferReport {
  /** Weights that were taken over. */
  loaded: string[];
  /** Weights that keep their fresh values: those of the items, and optional ones that the source did not have. */
  fresh: string[];
}

/**
 * Gives a recommender the weights of one trained elsewhere. What belongs to the source's items or users stays behind,
 * and what was found between epochs too; everything else must be there and fit.
 *
 * @param recommender - Of the target domain.
 * @param source - Tensors of a checkpoint by name.
 * @param from - Name for messages.
 * @throws Error naming every weight that is missing or of another shape; nothing is changed then.
 */
export function transferWeights<T extends ModelTypes>(
  { model, options, weights }: Pick<Recommender<T>, 'model' | 'options' | 'weights'>,
  source: ReadonlyMap<string, SafetensorsTensor>,
  from: string,
): TransferReport {
  const among = (patterns: readonly string[]) => (name: string) =>
    patterns.some((pattern) => matchGlob(pattern, name));
  const own = among(Object.keys(rowRoles({ model, options })));
  const optional = among(model.weights.optional?.(options) ?? []);
  const problems: string[] = [];
  const report: TransferReport = { loaded: [], fresh: [] };
  const loads: (() => void)[] = [];
  for (const [name, variable] of weights()) {
    const tensor = own(name) ? undefined : source.get(name);
    if (!tensor) {
      if (own(name) || optional(name)) report.fresh.push(name);
      else problems.push(`"${name}" is missing`);
      continue;
    }
    if (tensor.shape.length !== variable.rank || tensor.shape.some((size, i) => size !== variable.shape[i])) {
      problems.push(`"${name}" must be [${variable.shape.join(', ')}], got [${tensor.shape.join(', ')}]`);
      continue;
    }
    report.loaded.push(name);
    loads.push(() => {
      variable.assign(tf.tensor(toFloat32(tensor), variable.shape));
    });
  }
  const someOptional = [...weights().keys()].some(optional);
  if (problems.length === 0 && someOptional && !report.loaded.some(optional))
    problems.push("none of the target's modalities has an adapter in it");
  if (problems.length === 0 && report.loaded.length === 0)
    problems.push('all of its weights belong to the items of one catalogue');
  if (problems.length > 0)
    throw new Error(`transferWeights: ${from} does not fit the model: ${problems.join('; ')}`);
  tf.tidy(() => {
    for (const load of loads) load();
  });
  return report;
}
