import { placesOf } from '@ferry/evaluation';
import { readRows, writeRows, type RowArray } from '@ferry/training';
import { readDetails } from './details.ts';
import { impressionsIn, storedImpressions } from './impressionValues.ts';
import type { RankedRows } from './rows.ts';

const arrayNames = [
  ...['better', 'tied', 'candidates', 'users', 'targets', 'targetCounts', 'historyLengths'],
  ...['modalities', 'relevantEnds', 'gains', 'ages'],
] as (keyof RankedRows)[];

/** Keeps rows with a run. */
export async function keepRows(run: string, name: string, rows: RankedRows): Promise<void> {
  const arrays: Record<string, RowArray> = {};
  for (const key of arrayNames) if (rows[key]) arrays[key] = rows[key] as RowArray;
  const { domain, split, protocol = '', history, items, key = '', checkpoint = '', modalityNames } = rows;
  const { lists, training } = rows;
  if (lists && training)
    Object.assign(arrays, {
      listItems: lists.items,
      listEnds: lists.listEnds,
      popularity: training.popularity,
    });
  const meta = {
    kind: 'places',
    ...{ domain, split, protocol, history, key, checkpoint },
    modalities: modalityNames.join(' '),
    ...(lists?.depth !== undefined && { depth: String(lists.depth) }),
    ...(rows.sampled !== undefined && { sampled: rows.sampled }),
    ...(rows.features !== undefined && { features: rows.features }),
    ...(training && { trainingUsers: String(training.users) }),
  };
  const own = rows.impressions && storedImpressions(rows.impressions);
  Object.assign(arrays, own?.arrays);
  await writeRows(run, name, { arrays, meta: { ...meta, ...own?.meta, items: String(items) } });
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
  const depth = meta['depth'] === undefined ? undefined : Number(meta['depth']);
  return {
    domain: meta['domain']!,
    split: meta['split']!,
    protocol: meta['protocol'] === '' ? undefined : meta['protocol'],
    history: meta['history']!,
    items: Number(meta['items']),
    key: meta['key']!,
    checkpoint: meta['checkpoint']!,
    better: ints('better'),
    tied: ints('tied'),
    candidates: ints('candidates'),
    users: ints('users'),
    targets: ints('targets'),
    targetCounts: ints('targetCounts'),
    historyLengths: ints('historyLengths'),
    modalities: arrays['modalities'] as Uint8Array,
    modalityNames: meta['modalities']!.split(' ').filter((word) => word !== ''),
    relevantEnds: ints('relevantEnds'),
    ...(meta['sampled'] !== undefined && { sampled: meta['sampled'] }),
    ...(meta['features'] !== undefined && { features: meta['features'] }),
    ages: arrays['ages'] as Float32Array | undefined,
    gains: arrays['gains'] as Float32Array | undefined,
    impressions: impressionsIn(file),
    ...(arrays['listItems'] && {
      lists: { items: ints('listItems'), listEnds: ints('listEnds'), depth },
      training: {
        popularity: ints('popularity'),
        users: Number(meta['trainingUsers']),
        items: Number(meta['items']),
      },
    }),
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
