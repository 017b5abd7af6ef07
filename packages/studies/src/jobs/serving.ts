import { UserError } from '@ferry/recipes';
import { recommend as recommendItems } from '@ferry/sequential';
import { isNews, isUserItem } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import { openNewsRun } from './openNews.ts';
import { anyModelOf } from './recommender.ts';
import { wholeRun } from './runRecipe.ts';
import { openRun, type OpenRunOptions } from './runs.ts';
import type { ServedRun } from './served.ts';
import { openServingNews } from './servingNews.ts';

export type { ScoredItem, ServedRun } from './served.ts';

/**
 * Opens a run of a sequential or a news model to answer requests: the catalogue's vectors are made once.
 *
 * @throws UserError for a run of another kind of model, and of one that knows users by number alone.
 */
export async function openServing(
  run: string,
  options: OpenRunOptions,
  console: JobConsole,
): Promise<ServedRun> {
  const recipe = await wholeRun(run, console);
  const kind = await anyModelOf(recipe, console);
  if (isUserItem(kind))
    throw new UserError(
      `${run}: ${kind.title} knows users by number, not by a history; models of sequences and of news can be served`,
    );
  if (isNews(kind)) return openServingNews(await openNewsRun(run, recipe, kind, options), { run });
  const open = await openRun(run, options, console);
  const { model, ranking, target, checkpoint } = open;
  const { name: domain, items, users, sequences } = target.domain;
  const numbers = new Map(items.ids.map((id, at) => [id, at + 1]));
  const userNumbers = new Map(users.map((id, at) => [id, at]));
  const ranker = ranking.ranker();
  const dispose = (): void => {
    ranker.dispose();
    open.dispose();
  };
  try {
    // What cannot answer a history says so at once, not at each request; what can is compiled by this.
    ranker.score([[1]]).dispose();
  } catch (error) {
    dispose();
    throw new UserError(`${run} cannot answer a history: ${(error as Error).message}`);
  }
  return {
    ...{ run, domain, checkpoint, model: model.model.name, items: items.ids.length },
    hasItem: (id) => numbers.has(id),
    historyOf: (user) => {
      const at = userNumbers.get(user);
      if (at === undefined) return undefined;
      const { items: flat, starts, ends } = sequences;
      return Array.from(flat.subarray(starts[at], ends[at]), (item) => items.ids[item - 1]!);
    },
    recommend: async (history, { top, again }) => {
      const found = await recommendItems(
        ranker,
        model,
        history.map((id) => numbers.get(id)!),
        { k: top, repeat: again, reasons: false },
      );
      return found.items.map((item, at) => ({
        id: items.ids[item - 1]!,
        title: items.titles[item - 1]!,
        score: found.scores[at]!,
      }));
    },
    dispose,
  };
}
