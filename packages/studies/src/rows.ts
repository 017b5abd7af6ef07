import { createHash } from 'node:crypto';
import type { Domain, Rows } from '@ferry/data';
import {
  trainingUse,
  type Lists,
  type ManyPlaces,
  type Places,
  type RankedLists,
  type TrainingUse,
  type UserRanking,
} from '@ferry/evaluation';
import { addArrays } from './hashing.ts';
import type { ImpressionValues } from './impressionValues.ts';

/**
 * What a run's ranking found, row by row, with what is needed to group the rows: everything said of a test follows from
 * it. Letters: R rows, P relevant items of all rows together; R = P where each row has one, and `relevantEnds` is
 * absent.
 */
export interface RankedRows extends Places, Partial<Pick<ManyPlaces, 'relevantEnds' | 'gains'>> {
  /** Name of the domain. */
  readonly domain: string;
  /** `test` or `valid`. */
  readonly split: string;
  /** How the domain was split; undefined for runs of before it was kept. */
  readonly protocol?: string;
  /**
   * Whether items of the history were candidates: `keep`, `mask`; or `mask-training`, where only those of training were
   * none and those of validation were, in the test.
   */
  readonly history: string;
  /** N: items each row's target was ranked among. */
  readonly items: number;
  /**
   * Identifies rows and catalogue: runs of equal keys ranked the same rows. Undefined for runs of before rows were
   * kept.
   */
  readonly key?: string;
  /** The checkpoint that ranked; undefined for runs of before rows were kept. */
  readonly checkpoint?: string;
  /** Identifies the features that a baseline ranked by; undefined where it read none. */
  readonly features?: string;
  /** Index of each row's user; [R]. */
  readonly users?: Int32Array;
  /** The relevant items; [P]. */
  readonly targets?: Int32Array;
  /** Training interactions of each relevant item; [P]. */
  readonly targetCounts: Int32Array;
  /** Whole length of each row's history; [R]. */
  readonly historyLengths?: Int32Array;
  /** Time of each relevant item after the domain's first interaction, in the domain's unit; [R]. */
  readonly ages?: Float32Array;
  /** Bit m says whether the relevant item has `modalityNames[m]`; [P]. */
  readonly modalities?: Uint8Array;
  /** See `modalities`. */
  readonly modalityNames: readonly string[];
  /** The list of each row, where lists were kept. */
  readonly lists?: RankedLists;
  /** What metrics beyond accuracy know of training, where lists were kept. */
  readonly training?: TrainingUse;
  /** Where rows are impressions: what each got, and what they can be grouped by. */
  readonly impressions?: ImpressionValues;
}

/** What rows are made of: an evaluation and what it ranked. */
export interface Ranking {
  /** The domain that was ranked. */
  readonly domain: Domain;
  /** Its split. */
  readonly split: 'test' | 'valid';
  /** Whether items of the history were candidates. */
  readonly history: string;
  /** Where each row's target stood. */
  readonly places: Places;
  /** Lists to keep as well. */
  readonly lists?: RankedLists;
  /** By modality: 1 where item i + 1 has it; [N] each. */
  readonly present?: Readonly<Record<string, ArrayLike<number>>>;
  /** The checkpoint that ranked. */
  readonly checkpoint?: string;
  /** Items that are candidates at all. Default N: those of the domain. */
  readonly items?: number;
}

/** Identifies the rows of a split and the catalogue they are ranked in. */
function keyOf({ items, users }: Domain, arrays: readonly Int32Array[]): string {
  return addArrays(createHash('sha256').update(JSON.stringify([items.ids, users])), arrays).digest('hex');
}

/** What is known of relevant items. */
function aboutTargets(
  { domain, present = {} }: Pick<Ranking, 'domain' | 'present'>,
  targets: Int32Array,
): Pick<RankedRows, 'targets' | 'targetCounts' | 'modalities' | 'modalityNames'> {
  const modalityNames = Object.keys(present);
  return {
    targets,
    targetCounts: targets.map((target) => domain.trainCounts[target]!),
    modalities: Uint8Array.from(targets, (target) =>
      modalityNames.reduce((code, name, m) => code + (present[name]![target - 1]! > 0 ? 2 ** m : 0), 0),
    ),
    modalityNames,
  };
}

/** What is known of an evaluation as a whole. */
function aboutRanking({ domain, split, history, checkpoint, lists, ...rest }: Omit<Ranking, 'places'>) {
  const count = domain.items.ids.length;
  const { items = count } = rest;
  return {
    ...{ domain: domain.name, split, history, items, checkpoint },
    protocol: domain.protocol ?? 'leave-one-out',
    ...(lists && { lists, training: { ...trainingUse(domain.training, count), items } }),
  };
}

/** The rows of an evaluation with what is known of them. */
export function rankedRows(ranking: Ranking): RankedRows {
  const { domain, split, places } = ranking;
  const rows: Rows = domain[split];
  return {
    ...aboutRanking(ranking),
    ...aboutTargets(ranking, rows.targets),
    key: keyOf(domain, [rows.users, rows.targets]),
    better: places.better,
    tied: places.tied,
    candidates: places.candidates,
    ...(places.sampled !== undefined && { sampled: places.sampled }),
    users: rows.users,
    historyLengths: rows.starts.map((start, r) => rows.ends[r]! - start),
    ages: agesOf(domain, rows),
  };
}

/**
 * How old the domain was at each row's target; undefined where times are not known, or histories are not parts of the
 * sequences.
 */
function agesOf({ sequences }: Domain, { items, ends }: Rows): Float32Array | undefined {
  const { times } = sequences;
  if (!times || items !== sequences.items) return undefined;
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  return Float32Array.from(ends, (end) => times[end]! - first);
}

/** Whether every user was ranked for one item, in the order of a split's rows. */
function oneEach({ users, targets }: Rows, { users: ranked, lists: { relevant } }: UserRanking): boolean {
  return (
    users.length === ranked.length &&
    targets.length === relevant.length &&
    users.every((user, r) => user === ranked[r] && targets[r] === relevant[r])
  );
}

/**
 * The same of a model that knows users and no order: a row for each user, with all items of the split as relevant
 * items. Where every user has one, these are the rows of a model of sequences, and can be compared with them. The lists
 * are kept too.
 *
 * @param ranking - `places` as `rankUsers` gives them; `candidates`: whether only items that training knows were ranked.
 */
export function rankedUsers(
  ranking: Omit<Ranking, 'places' | 'lists' | 'items'> & {
    readonly places: UserRanking;
    readonly candidates?: 'all' | 'trained';
  },
): RankedRows {
  const { domain, split, places } = ranking;
  const { items, listEnds, depth, relevant, relevantEnds } = places.lists;
  const { better, tied, candidates, gains, users } = places;
  const whole = {
    ...ranking,
    lists: { items, listEnds, depth },
    ...(ranking.candidates === 'trained' && {
      items: domain.trainCounts.filter((count) => count > 0).length,
    }),
  };
  if (oneEach(domain[split], places)) return rankedRows({ ...whole, places: { better, tied, candidates } });
  const { starts, ends } = domain.training;
  return {
    ...aboutRanking(whole),
    ...aboutTargets(ranking, relevant),
    ...{ key: keyOf(domain, [users, relevant, relevantEnds]), better, tied, candidates },
    ...{ relevantEnds, gains, users },
    historyLengths: users.map((user) => ends[user]! - starts[user]!),
  };
}

/** The lists that rows have kept, with their relevant items; undefined where none were kept. */
export function listsOf({ lists, targets, relevantEnds, gains }: RankedRows): Lists | undefined {
  if (!lists || !targets) return undefined;
  return {
    ...lists,
    relevant: targets,
    relevantEnds: relevantEnds ?? Int32Array.from(targets.keys(), (r) => r + 1),
    gains,
  };
}
