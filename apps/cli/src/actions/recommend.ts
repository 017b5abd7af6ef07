// What `ferry recommend` loads when it is run, and nothing else.
import { recommend, type Recommended, type RecommendRequest } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';

export { addModels } from '../models.ts';
export { formatRecommendation } from '@ferry/studies';

/** Top items by a run of any model. */
export function recommendWith(
  run: string,
  request: RecommendRequest,
  console: VerbConsole,
): Promise<Recommended> {
  return recommend(run, request, { ...console, models });
}
