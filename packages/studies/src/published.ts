import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricTitle } from '@ferry/evaluation';
import type { Table } from '@ferry/report';
import { parse } from 'yaml';
import { z } from 'zod';

const modelSchema = z.strictObject({
  model: z.string().min(1),
  settings: z.string().min(1).optional(),
  metrics: z.record(z.string().regex(/^[a-z-]+(@\d+)?$/), z.number()),
});

const tableSchema = z.strictObject({
  data: z.string().min(1),
  matches: z.strictObject({ items: z.int().min(1), rows: z.int().min(1) }),
  protocol: z.strictObject({
    split: z.array(z.string().min(1)).min(1),
    history: z.enum(['keep', 'mask']),
    candidates: z.string().min(1),
  }),
  source: z.string().min(1),
  settings: z.string().min(1).optional(),
  caveats: z.array(z.string().min(1)).default([]),
  models: z.array(modelSchema).min(1),
});

/** What somebody published of a model. */
export interface PublishedModel {
  /** As the publication calls it. */
  readonly model: string;
  /** How it was trained. */
  readonly settings?: string;
  /** Metrics by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** How published results were measured. */
export interface PublishedProtocol {
  /** Protocols that split the data as they did. */
  readonly split: readonly string[];
  /** Whether items of the history were candidates. */
  readonly history: 'keep' | 'mask';
  /** `all`, or what was sampled. */
  readonly candidates: string;
}

/** What a data set is known by. */
export interface PublishedData {
  /** N. */
  readonly items: number;
  /** Test rows. */
  readonly rows: number;
}

/** Results that somebody published of models on a data set. */
export interface PublishedTable {
  /** The data set. */
  readonly data: string;
  /** What it is known by. */
  readonly matches: PublishedData;
  /** How it was measured. */
  readonly protocol: PublishedProtocol;
  /** Where the numbers are from. */
  readonly source: string;
  /** Settings that all models share. */
  readonly settings?: string;
  /** What is to be known of the numbers. */
  readonly caveats: readonly string[];
  /** The models. */
  readonly models: readonly PublishedModel[];
}

/** Published results that cannot stand beside ours. */
export interface LeftOut {
  /** The results. */
  readonly table: PublishedTable;
  /** Why. */
  readonly reason: string;
}

/** What a result of ours was measured on. */
export interface MeasuredOn {
  /** N. */
  readonly items: number;
  /** Test rows. */
  readonly rows: number;
  /** How the domain was split; undefined where it is not known. */
  readonly protocol?: string;
  /** `keep`, `mask` or `mask-training`, where those of validation are candidates. */
  readonly history: string;
  /** How candidates were drawn, where they are a sample. */
  readonly sampled?: string;
}

/** Published results beside ours. */
export interface Published {
  /** Those measured as ours. */
  readonly shown: readonly PublishedTable[];
  /** Those on the same data that were not, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

/** The folder of the data sets' cards. */
const cards = join(import.meta.dirname, '../../../datasets');

/**
 * All published results that Ferry knows: `datasets/<name>/published.yaml`.
 *
 * @throws Error naming the file for one that breaks the form.
 */
export function readPublished(folder = cards): PublishedTable[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name, 'published.yaml'))
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      const parsed = z.array(tableSchema).safeParse(parse(readFileSync(file, 'utf8')));
      if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
      return parsed.data;
    });
}

/** Why published results cannot stand beside ours; undefined where they can. */
function reasonOf({ protocol, matches }: PublishedTable, on: MeasuredOn): string | undefined {
  const count = (rows: number): string => rows.toLocaleString('en-US');
  if (matches.rows !== on.rows) return `on ${count(matches.rows)} test rows, ours on ${count(on.rows)}`;
  if (on.protocol !== undefined && !protocol.split.includes(on.protocol))
    return `split ${protocol.split.join(' or ')}, ours ${on.protocol}`;
  if (on.history !== '' && protocol.history !== on.history)
    return protocol.history === 'keep'
      ? 'items of the history are candidates, in ours they are not'
      : `items of the history are no candidates, in ours ${on.history === 'keep' ? 'they' : 'those of validation'} are`;
  if (protocol.candidates !== 'all') return `ranked among ${protocol.candidates}, ours among all items`;
  if (on.sampled !== undefined) return `ranked among all items, ours among ${on.sampled}`;
  return undefined;
}

/**
 * Published results on the data that ours were measured on, told apart by whether they were measured the same way. A
 * data set is known by its numbers of items and test rows; with as many items and other rows it is the same data,
 * measured otherwise.
 */
export function publishedFor(on: MeasuredOn, all: readonly PublishedTable[] = readPublished()): Published {
  const same = all.filter(({ matches }) => matches.items === on.items);
  const told = same.map((table) => ({ table, reason: reasonOf(table, on) }));
  return {
    shown: told.flatMap(({ table, reason }) => (reason === undefined ? [table] : [])),
    leftOut: told.flatMap(({ table, reason }) => (reason === undefined ? [] : [{ table, reason }])),
  };
}

/** Published results as a table; undefined where there are none. */
export function publishedTable({ shown }: Published): Table | undefined {
  if (shown.length === 0) return undefined;
  const names = [
    ...new Set(shown.flatMap(({ models }) => models.flatMap(({ metrics }) => Object.keys(metrics)))),
  ];
  const order = (name: string): number => Number(/@(\d+)$/.exec(name)?.[1] ?? 0);
  names.sort((a, b) => order(a) - order(b) || b.localeCompare(a));
  return {
    columns: [
      { key: 'model', title: 'published' },
      { key: 'settings', title: 'settings' },
      ...names.map((key) => ({ key, title: metricTitle(key), kind: 'number' as const, decimals: 4 })),
      { key: 'source', title: 'source' },
    ],
    rows: shown.flatMap(({ models, settings, source }) =>
      models.map(({ model, settings: own, metrics }) => ({
        model,
        settings: [own, settings].filter((text) => text !== undefined).join('; '),
        ...metrics,
        source,
      })),
    ),
  };
}

/** What is to be known of published results: their caveats, and why others on the same data are left out. */
export function publishedNotes({ shown, leftOut }: Published): string[] {
  const caveats = shown.flatMap(({ source, caveats: own }) => own.map((caveat) => `${source}: ${caveat}.`));
  const left = leftOut.map(({ table: { models, source }, reason }) => {
    const names = [...new Set(models.map(({ model }) => model))].join(', ');
    return `Left out: ${names} of ${source} (${reason}).`;
  });
  return [...caveats, ...left];
}
