import { createHash } from 'node:crypto';
import type { Domain, Rows } from '@ferry/data';
import {
  groupMetrics,
  maskGroups,
  placesOf,
  rangeGroups,
  type GroupMetrics,
  type Places,
  type TieRule,
} from '@ferry/evaluation';
import { readRows, writeRows, type RowArray } from '@ferry/training';
import { readDetails } from './details.ts';

/** What a run's ranking found, row by row, with what is needed to group the rows: everything said of a test follows from it. */
export interface RankedRows extends Places {
  /** Name of the domain. */
  readonly domain: string;
  /** `test` or `valid`. */
  readonly split: string;
  /** Whether items of the history were candidates. */
  readonly history: string;
  /** N: items each row's target was ranked among. */
  readonly items: number;
  /** Identifies rows and catalogue: runs of equal keys ranked the same rows. Undefined for runs of before rows were kept. */
  readonly key?: string;
  /** The checkpoint that ranked; undefined for runs of before rows were kept. */
  readonly checkpoint?: string;
  /** Index of each row's user; [R]. */
  readonly users?: Int32Array;
  /** Item number each row wants; [R]. */
  readonly targets?: Int32Array;
  /** Training interactions of each row's target; [R]. */
  readonly targetCounts: Int32Array;
  /** Whole length of each row's history; [R]. */
  readonly historyLengths?: Int32Array;
  /** Bit m says whether the target has `modalityNames[m]`; [R]. */
  readonly modalities?: Uint8Array;
  /** See `modalities`. */
  readonly modalityNames: readonly string[];
}

/** What {@link rankedRows} is told of an evaluation. */
export interface Ranking {
  /** The domain that was ranked. */
  readonly domain: Domain;
  /** Its split. */
  readonly split: 'test' | 'valid';
  /** Whether items of the history were candidates. */
  readonly history: string;
  /** Where each row's target stood. */
  readonly places: Places;
  /** By modality: 1 where item i + 1 has it; [N] each. */
  readonly present?: Readonly<Record<string, ArrayLike<number>>>;
  /** The checkpoint that ranked. */
  readonly checkpoint?: string;
}

/** Identifies the rows of a split and the catalogue they are ranked in. */
function keyOf({ items, users }: Domain, rows: Rows): string {
  const hash = createHash('sha256').update(JSON.stringify([items.ids, users]));
  for (const array of [rows.users, rows.targets])
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return hash.digest('hex');
}

/** The rows of an evaluation with what is known of them. */
export function rankedRows({
  domain,
  split,
  history,
  places,
  present = {},
  checkpoint,
}: Ranking): RankedRows {
  const rows = domain[split];
  const modalityNames = Object.keys(present);
  return {
    domain: domain.name,
    split,
    history,
    items: domain.items.ids.length,
    key: keyOf(domain, rows),
    checkpoint,
    better: places.better,
    tied: places.tied,
    users: rows.users,
    targets: rows.targets,
    targetCounts: rows.targets.map((target) => domain.trainCounts[target]!),
    historyLengths: rows.starts.map((start, r) => rows.ends[r]! - start),
    modalities: Uint8Array.from(rows.targets, (target) =>
      modalityNames.reduce((code, name, m) => code + (present[name]![target - 1]! > 0 ? 2 ** m : 0), 0),
    ),
    modalityNames,
  };
}

const arrayNames = [
  'better',
  'tied',
  'users',
  'targets',
  'targetCounts',
  'historyLengths',
  'modalities',
] as const;

/** Keeps rows with a run. */
export async function keepRows(run: string, name: string, rows: RankedRows): Promise<void> {
  const arrays: Record<string, RowArray> = {};
  for (const key of arrayNames) if (rows[key]) arrays[key] = rows[key];
  const { domain, split, history, items, key = '', checkpoint = '', modalityNames } = rows;
  const meta = {
    kind: 'places',
    domain,
    split,
    history,
    key,
    checkpoint,
    modalities: modalityNames.join(' '),
  };
  await writeRows(run, name, { arrays, meta: { ...meta, items: String(items) } });
}

/**
 * The rows that a run has kept; of a run of before rows were kept, what its `details.json` tells.
 *
 * @param name - Default `test`.
 */
export async function keptRows(run: string, name = 'test'): Promise<RankedRows | undefined> {
  const file = await readRows(run, name);
  if (!file) return name === 'test' ? oldRows(run) : undefined;
  const { arrays, meta } = file;
  const ints = (key: string): Int32Array => arrays[key] as Int32Array;
  return {
    domain: meta['domain']!,
    split: meta['split']!,
    history: meta['history']!,
    items: Number(meta['items']),
    key: meta['key']!,
    checkpoint: meta['checkpoint']!,
    better: ints('better'),
    tied: ints('tied'),
    users: ints('users'),
    targets: ints('targets'),
    targetCounts: ints('targetCounts'),
    historyLengths: ints('historyLengths'),
    modalities: arrays['modalities'] as Uint8Array,
    modalityNames: meta['modalities']!.split(' ').filter((word) => word !== ''),
  };
}

/** Ranks of a run that kept them in its details, without the width of ties. */
function oldRows(run: string): RankedRows | undefined {
  const details = readDetails(run);
  if (!details?.ranks || !details.targetCounts) return undefined;
  const targetCounts = Int32Array.from(details.targetCounts);
  return {
    ...placesOf(details.ranks),
    ...{ domain: details.domain, split: 'test', history: '', items: 0, targetCounts, modalityNames: [] },
  };
}

/** A partition of the rows with the metrics of each part. */
export interface RowGroups {
  /** What the rows are grouped by. */
  readonly title: string;
  /** Its parts. */
  readonly groups: readonly GroupMetrics[];
}

/** Lower ends of the groups of items by their training interactions, and of rows by the length of their history. */
const edges = { popularity: [0, 1, 5, 10, 20], historyLength: [1, 4, 5, 6, 8] } as const;

/** Metrics by training interactions of the target. */
export function popularityOf(rows: RankedRows, cutoffs: readonly number[], ties: TieRule): GroupMetrics[] {
  return groupMetrics(rows, rangeGroups(rows.targetCounts, edges.popularity), cutoffs, ties);
}

/** Metrics by training interactions of the target, length of the history, and modalities of the target, as far as rows tell. */
export function groupsOf(rows: RankedRows, cutoffs: readonly number[], ties: TieRule): RowGroups[] {
  const { historyLengths, modalities, modalityNames } = rows;
  return [
    { title: 'training interactions of the item', groups: popularityOf(rows, cutoffs, ties) },
    ...(historyLengths
      ? [
          {
            title: 'length of the history',
            groups: groupMetrics(rows, rangeGroups(historyLengths, edges.historyLength), cutoffs, ties),
          },
        ]
      : []),
    ...(modalities && modalityNames.length > 0
      ? [
          {
            title: 'modalities of the item',
            groups: groupMetrics(rows, maskGroups(modalityNames, modalities), cutoffs, ties),
          },
        ]
      : []),
  ];
}
