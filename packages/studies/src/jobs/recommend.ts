import type { UserItemModel } from '@ferry/collaborative';
import type { Domain } from '@ferry/data';
import { readScores } from '@ferry/evaluation';
import { suggest, UserError, type RunRecipe } from '@ferry/recipes';
import { printable } from '@ferry/report';
import { recommend as recommendItems } from '@ferry/sequential';
import { counted } from '../words.ts';
import { isUserItem } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import { openUserItemRun } from './openUserItem.ts';
import { anyModelOf } from './recommender.ts';
import { wholeRun } from './runRecipe.ts';
import { openRun, type OpenRunOptions } from './runs.ts';

/** What {@link recommend} is asked for: a user, or a history. */
export interface RecommendRequest extends OpenRunOptions {
  /** A user of the domain. */
  readonly user?: string;
  /** Item ids with commas between, oldest first. */
  readonly history?: string;
  /** How many items. */
  readonly top: number;
  /** Whether items of the history may be recommended again. */
  readonly again?: boolean;
}

/** An item as people know it. */
export interface NamedItem {
  /** Raw id. */
  readonly id: string;
  /** Title. */
  readonly title: string;
}

/** What {@link recommend} found. */
export interface Recommended {
  /** Name of the domain. */
  readonly domain: string;
  /** What was known, oldest first. */
  readonly history: readonly NamedItem[];
  /** Best first; score is what the model ranks by, of most a cosine. */
  readonly items: readonly (NamedItem & { readonly score: number })[];
  /** Interests that fired, the most attended first. */
  readonly interests: readonly {
    /** Its number. */
    readonly interest: number;
    /** Share of the attention. */
    readonly weight: number;
    /** Items of the history that touch it. */
    readonly because: readonly (NamedItem & { readonly modality: string })[];
    /** Other items of the domain that belong to it: what it is about. */
    readonly about: readonly NamedItem[];
  }[];
}

/** What is said of an id that a domain has not. */
function unknownId(what: 'user' | 'item', id: string, ids: readonly string[], { name }: Domain): UserError {
  const near = suggest(id, ids);
  return new UserError(
    `no ${what} '${id}' in ${name}${near === undefined ? '' : `; did you mean '${near}'?`} ` +
      `(${ids.length} ${what}s, the first is '${ids[0] ?? ''}')`,
  );
}

function historyOf(domain: Domain, { user, history }: RecommendRequest): number[] {
  if (user !== undefined) {
    const index = domain.users.indexOf(user);
    if (index < 0) {
      throw unknownId('user', user, domain.users, domain);
    }
    const { items, starts, ends } = domain.sequences;
    if (starts[index] === ends[index])
      throw new UserError(
        `user '${user}' of ${domain.name} has no interactions: give a history with --history`,
      );
    return [...items.subarray(starts[index], ends[index])];
  }
  const ids = (history ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  if (ids.length === 0) throw new UserError('--history must name at least one item, got none');
  return ids.map((id) => {
    const index = domain.items.ids.indexOf(id);
    if (index < 0) {
      throw unknownId('item', id, domain.items.ids, domain);
    }
    return index + 1;
  });
}

/** Top items for a user or a history, and why. */
export async function recommend(
  run: string,
  request: RecommendRequest,
  console: JobConsole,
): Promise<Recommended> {
  const recipe = await wholeRun(run, console);
  const model = await anyModelOf(recipe, console);
  return isUserItem(model)
    ? recommendToUser(run, recipe, model, request, console)
    : recommendAfter(run, request, console);
}

/** An item of a domain by its number. */
const nameIn =
  ({ items: { ids, titles } }: Domain) =>
  (item: number): NamedItem => ({ id: ids[item - 1]!, title: titles[item - 1]! });

/** Of a user-item model, which knows its users and gives no reasons. */
async function recommendToUser(
  run: string,
  recipe: RunRecipe,
  model: UserItemModel,
  request: RecommendRequest,
  console: JobConsole,
): Promise<Recommended> {
  if (request.user === undefined)
    throw new UserError(
      `${model.title} is a user-item model and knows users by number, not by a history: give --user`,
    );
  const open = await openUserItemRun(run, recipe, model, request, console);
  const scorer = open.training.recommender.scorer();
  try {
    const { domain } = open.target;
    const history = historyOf(domain, request);
    const user = domain.users.indexOf(request.user);
    if (domain.training.starts[user] === domain.training.ends[user])
      throw new UserError(
        `user '${request.user}' of ${domain.name} has no training interactions: ${model.title} learned nothing ` +
          'of this user',
      );
    const scores = await readScores(scorer.scores(Int32Array.of(user)));
    const best = Array.from({ length: domain.items.ids.length }, (_, i) => i + 1)
      .filter((item) => request.again || !history.includes(item))
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, request.top);
    const named = nameIn(domain);
    return {
      domain: domain.name,
      history: history.map(named),
      items: best.map((item) => ({ ...named(item), score: scores[item]! })),
      interests: [],
    };
  } finally {
    scorer.dispose();
    open.dispose();
  }
}

/** Of a model of sequences. */
async function recommendAfter(
  run: string,
  request: RecommendRequest,
  console: JobConsole,
): Promise<Recommended> {
  const open = await openRun(run, request, console, (domain) => historyOf(domain, request));
  const { target, model, ranking } = open;
  const { domain } = target;
  const ranker = ranking.ranker();
  try {
    const history = historyOf(domain, request);
    const named = nameIn(domain);
    const user = request.user === undefined ? -1 : domain.users.indexOf(request.user);
    const found = await recommendItems(ranker, model, history, {
      k: request.top,
      repeat: request.again,
      // A run used on another domain knows none of its users.
      ...(user >= 0 && request.on === undefined && { user }),
    });
    /** What a reason is about: its most popular items that the history does not have. */
    const about = (members: readonly number[]): NamedItem[] => {
      const { trainCounts } = domain;
      return members
        .filter((item) => !history.includes(item))
        .sort((a, b) => trainCounts[b]! - trainCounts[a]!)
        .slice(0, 3)
        .map(named);
    };
    return {
      domain: domain.name,
      history: history.map(named),
      items: found.items.map((item, i) => ({ ...named(item), score: found.scores[i]! })),
      interests: found.reasons.map(({ id, weight, because, members }) => ({
        interest: id,
        weight,
        because: because.map(({ item, modality }) => ({ ...named(item), modality })),
        about: about(members),
      })),
    };
  } finally {
    ranker.dispose();
    open.dispose();
  }
}

/** How much of a history, and of the items an interest comes from, is printed. */
const shownHistory = 10;
const shownReasons = 5;

/** Recommendations for the terminal. */
export function formatRecommendation({ domain, history, items, interests }: Recommended): string {
  const latest = history.slice(-shownHistory);
  const earlier = history.length - latest.length;
  const width = [...latest, ...items].reduce((most, { id }) => Math.max(most, printable(id).length), 0);
  const name = ({ id, title }: NamedItem): string => `${printable(id).padEnd(width)}  ${printable(title)}`;
  const shown = interests.slice(0, 6);
  const rest = interests.length - shown.length;
  return [
    `${domain}: the history, oldest first`,
    ...(earlier > 0 ? [`  ${counted(earlier, 'earlier item')}, then`] : []),
    ...latest.map((item) => `  ${name(item)}`),
    '',
    'Recommended',
    ...items.map((item, i) => `  ${String(i + 1).padStart(2)}  ${item.score.toFixed(4)}  ${name(item)}`),
    ...(shown.length > 0 ? ['', 'Interests that fired, by share of the attention'] : []),
    ...shown.flatMap(({ interest, weight, because, about }) => [
      `  ${`${(100 * weight).toFixed(0)} %`.padStart(5)}  interest ${interest}`,
      `         from  ${because
        .slice(0, shownReasons)
        .map(({ title, modality }) => `${printable(title)} [${modality}]`)
        .join('; ')}${because.length > shownReasons ? `; and ${because.length - shownReasons} more` : ''}`,
      ...(about.length > 0
        ? [`         like  ${about.map(({ title }) => printable(title)).join('; ')}`]
        : []),
    ]),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join('\n');
}
