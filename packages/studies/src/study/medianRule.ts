import { median, type EarlyStopping } from '@ferry/training';
import { epochsOf } from './curves.ts';
import type { MedianRule } from './plan.ts';

/** Averages of a run's validation values until each epoch that was validated. */
function averagesOf(run: string, metric: string): Map<number, number> {
  const averages = new Map<number, number>();
  let sum = 0;
  for (const { epoch, valid } of epochsOf(run)) {
    if (!valid) continue;
    sum += valid[metric]!;
    averages.set(epoch, sum / (averages.size + 1));
  }
  return averages;
}

/**
 * What a run of a search must have reached after so many epochs to go on. It follows from the runs before it alone, so
 * that a search that was stopped goes on to the same result.
 *
 * @param rule - See {@link MedianRule}.
 * @param metric - That validation chooses by.
 * @param before - Directories of earlier runs of its model, target and seed.
 * @returns Undefined if there are too few of them.
 */
export function medianRule(
  rule: MedianRule,
  metric: string,
  before: readonly string[],
): EarlyStopping['least'] {
  if (before.length < rule.runs) return undefined;
  const averages = before.map((run) => averagesOf(run, metric));
  return (epochs) => {
    if (epochs < rule.epochs) return undefined;
    // A run that has ended by then, and was not validated at this epoch, says nothing of it.
    const known = averages.flatMap((own) => own.get(epochs) ?? []);
    return known.length < rule.runs ? undefined : median(known);
  };
}
