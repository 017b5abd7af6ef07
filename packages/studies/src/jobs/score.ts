import { basename } from 'node:path';
import { relevantTargets } from '@ferry/collaborative';
import { readLists, sharesProblem, targetsByUser, type Domain, type ListForm } from '@ferry/data';
import { beyondAccuracy, metricsWith, trainingUse, type Lists } from '@ferry/evaluation';
import { checkSplit, UserError, type SplitSettings } from '@ferry/recipes';
import { tableToText } from '@ferry/report';
import { openDomain } from '../domains.ts';
import { groupTable } from './evaluate.ts';

/** What {@link scoreLists} is asked for. */
export interface ScoreOptions extends SplitSettings {
  /** The domain the lists are for. */
  readonly on: string;
  /** Which rows are relevant. Default test. */
  readonly rows?: 'test' | 'valid';
  /** Default 10, and 50 where lists are as long. */
  readonly cutoffs?: readonly number[];
  /** Rating from which an item is relevant (Elliot's `relevance_threshold`). Default: every item. */
  readonly relevance?: number;
}

/** What lists of another program are worth. */
export interface ScoredLists {
  /** The file. */
  readonly file: string;
  /** Its form. */
  readonly form: ListForm;
  /** Name of the domain. */
  readonly domain: string;
  /** How it was split. */
  readonly protocol: string;
  /** The rows that are relevant. */
  readonly split: 'test' | 'valid';
  /** Users with relevant items. */
  readonly users: number;
  /** Those of them that have no list: they count, with nothing found. */
  readonly withoutList: number;
  /** Lists of users without relevant items: they do not count. */
  readonly notNeeded: number;
  /** Entries of the lists that the user has in training. */
  readonly fromTraining: number;
  /** Items of the longest list. */
  readonly depth: number;
  /** Metrics over users, by name; graded NDCG with them where the domain has ratings. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What is typed for the settings of a split. */
const flags = {
  valid: '--valid',
  test: '--test',
  validFrom: '--valid-from',
  testFrom: '--test-from',
  validUsers: '--valid-users',
  trainUsers: '--train-users',
  seed: '--split-seed',
} as const satisfies Record<keyof NonNullable<SplitSettings['split']>, string>;

/** Lists of all users that the split has items of, empty where the file has none, with what is relevant of these. */
function joined(
  domain: Domain,
  split: 'test' | 'valid',
  relevance: number | undefined,
  lists: ReadonlyMap<number, Int32Array>,
): Lists & { readonly users: Int32Array; readonly depth: number } {
  if (relevance !== undefined && !domain.sequences.ratings)
    throw new UserError(`--relevance needs ratings, and ${domain.name} has none`);
  const { targets, gains } = relevantTargets(targetsByUser(domain[split]), domain.sequences, relevance);
  const own = Array.from(targets.users, (user) => lists.get(user) ?? new Int32Array(0));
  let end = 0;
  const listEnds = Int32Array.from(own, (list) => (end += list.length));
  const items = new Int32Array(end);
  for (const [r, list] of own.entries()) items.set(list, listEnds[r]! - list.length);
  const depth = own.reduce((most, list) => Math.max(most, list.length), 0);
  return { ...targets, items, listEnds, depth, gains };
}

/**
 * Every metric of ranked lists that any program made: accuracy over all users with relevant items, and beyond accuracy.
 *
 * @param file - See `readLists` of `@ferry/data`.
 * @throws UserError for a cutoff that no list is long enough for, or a setting that the protocol does not read.
 */
export async function scoreLists(
  file: string,
  { on, rows: split = 'test', cutoffs, relevance, ...how }: ScoreOptions,
): Promise<ScoredLists> {
  const refuse = (key: keyof typeof flags, message: string): never => {
    const words = message.replaceAll(
      /\b(?:validUsers|trainUsers|testFrom)\b/g,
      (own) => flags[own as keyof typeof flags],
    );
    throw new UserError(`${flags[key]} ${words}`);
  };
  checkSplit(how, refuse, '--protocol is not given');
  const problem = sharesProblem(how.split ?? {});
  if (problem !== undefined) throw new UserError(`--valid and --test ${problem}`);
  const domain = await openDomain(on, how, '--protocol');
  const { form, lists } = await readLists(file, domain);
  const made = joined(domain, split, relevance, lists);
  const { depth } = made;
  // A threshold leaves some users nothing relevant: they have no accuracy, as in Elliot.
  const wanted = new Set(
    made.users.filter((_, r) => made.relevantEnds[r]! > (made.relevantEnds[r - 1] ?? 0)),
  );
  if (wanted.size === 0)
    throw new UserError(
      made.users.length === 0
        ? `${domain.name} has no ${split} rows`
        : `no ${split} item of ${domain.name} is rated ${String(relevance)} or better`,
    );
  if (depth === 0) throw new UserError(`${file}: none of its users has ${split} items in ${domain.name}`);
  const k = cutoffs ?? [...new Set([10, 50].map((cutoff) => Math.min(cutoff, depth)))];
  const deep = k.find((cutoff) => cutoff > depth);
  if (deep !== undefined)
    throw new UserError(`--cutoffs must not be beyond the longest list (${depth} items), got ${deep}`);
  const { training } = domain;
  let fromTraining = 0;
  for (const [user, list] of lists) {
    const seen = new Set(training.items.subarray(training.starts[user], training.ends[user]));
    for (const item of list) if (seen.has(item)) fromTraining++;
  }
  return {
    file,
    form,
    domain: domain.name,
    protocol: domain.protocol ?? 'leave-one-out',
    split,
    users: wanted.size,
    withoutList: [...wanted].filter((user) => !lists.has(user)).length,
    notNeeded: [...lists.keys()].filter((user) => !wanted.has(user)).length,
    fromTraining,
    depth,
    metrics: {
      ...metricsWith(made, k, made.gains ? k.map((cutoff) => `ndcg-graded@${cutoff}`) : []),
      ...beyondAccuracy(made, trainingUse(domain.training, domain.items.ids.length), k),
    },
  };
}

const formNames: Record<ListForm, string> = {
  triples: 'user, item, score',
  recbole: "RecBole's form",
  trec: "trec_eval's form",
};

/** Scored lists for the terminal: a row for each cutoff. */
export function formatScoredLists(scored: ScoredLists, width?: number): string {
  const { file, form, domain, protocol, split, users, withoutList, notNeeded, fromTraining, depth } = scored;
  const count = (value: number): string => value.toLocaleString('en-US');
  const notes = [
    ...(withoutList > 0 ? [`${count(withoutList)} users have no list: they count, with nothing found`] : []),
    ...(notNeeded > 0
      ? [`${count(notNeeded)} lists are of users without ${split} items: they do not count`]
      : []),
    ...(fromTraining > 0 ? [`${count(fromTraining)} entries are items of the user's own training`] : []),
  ];
  const cutoffs = [...new Set(Object.keys(scored.metrics).map((name) => Number(name.split('@')[1])))];
  const groups = cutoffs.map((k) => ({
    label: String(k),
    rows: users,
    metrics: Object.fromEntries(
      Object.entries(scored.metrics).flatMap(([name, value]) => {
        const [family, own] = name.split('@');
        return Number(own) === k ? [[family!, value] as const] : [];
      }),
    ),
  }));
  const head =
    `${basename(file)} (${formNames[form]}): ${domain}, ${split}, split ${protocol}: ${count(users)} users, lists ` +
    `of up to ${count(depth)} items`;
  return [[head, ...notes].join('\n'), tableToText(groupTable('cutoff', groups), { width }).trimEnd()].join(
    '\n\n',
  );
}
