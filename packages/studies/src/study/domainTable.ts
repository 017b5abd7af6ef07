import { domainStatistics, type Domain } from '@ferry/data';
import { formatShare, type Table } from '@ferry/report';

/**
 * The data sets of a study: what each is for, and its size.
 *
 * @param byUser - Whether a model ranks users, each with all of their test interactions: then these are counted, and
 *   the users that have any, instead of the rows of models of sequences.
 */
export function domainTable(
  domains: readonly { readonly role: string; readonly domain: Domain }[],
  byUser = false,
): Table {
  const parts: Readonly<Record<string, string>> = byUser
    ? { trainInteractions: 'training', valid: 'validation', test: 'test', testUsers: 'test users' }
    : { train: 'train rows', valid: 'valid rows', test: 'test rows' };
  return {
    columns: [
      { key: 'name', title: 'data set' },
      { key: 'role', title: 'role' },
      { key: 'split', title: 'split' },
      ...['users', 'items', 'interactions'].map((key) => ({ key, title: key, kind: 'number' as const })),
      { key: 'density', title: 'density' },
      { key: 'length', title: 'median sequence', kind: 'number' },
      ...Object.entries(parts).map(([key, title]) => ({ key, title, kind: 'number' as const })),
      { key: 'text', title: 'with text', kind: 'percent' },
      { key: 'image', title: 'with picture', kind: 'percent' },
    ],
    rows: domains.map(({ role, domain }) => {
      const { counts, density, sequenceLengths, missing } = domainStatistics(domain);
      const { users, items, interactions } = counts;
      const sizes: Readonly<Record<string, number>> = {
        ...counts,
        testUsers: new Set(domain.test.users).size,
      };
      return {
        name: domain.name,
        role,
        split: domain.protocol ?? 'leave-one-out',
        ...{ users, items, interactions },
        ...Object.fromEntries(Object.keys(parts).map((key) => [key, sizes[key]!])),
        density: formatShare(density),
        length: sequenceLengths.median,
        text: 1 - missing.text / items,
        image: 1 - missing.image / items,
      };
    }),
  };
}

/** A setting as people write it: lists with commas between. */
function settingText(value: unknown): string {
  if (Array.isArray(value)) return value.map(settingText).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Settings as rows of dotted keys and values, in the order they are written. */
export function settingsTable(settings: object): Table {
  const flat = (value: unknown, key: string): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([name, inner]) => flat(inner, key ? `${key}.${name}` : name))
      : value === undefined
        ? []
        : [[key, settingText(value)]];
  return {
    columns: [
      { key: 'key', title: 'setting' },
      { key: 'value', title: 'value' },
    ],
    rows: flat(settings, '').map(([key, value]) => ({ key, value })),
  };
}
