// What `ferry evaluate` loads when it is run, and nothing else.
import { evaluateRun, type Evaluation, type EvaluateRunOptions } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';

export { addModels } from '../models.ts';
export { formatEvaluation } from '@ferry/studies';

/** Full ranking of a split with a run of any model. */
export function evaluate(
  run: string,
  options: EvaluateRunOptions,
  console: VerbConsole,
): Promise<Evaluation> {
  return evaluateRun(run, options, { ...console, models });
}
