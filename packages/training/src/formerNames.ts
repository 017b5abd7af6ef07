const present: Readonly<Record<string, string>> = {
  sequences: 'examples',
  sequencesPerSecond: 'examplesPerSecond',
};

/**
 * A record of a run directory under the names that are written today, whenever it was written: runs used to count
 * sequences, whatever their examples were. Only the record's own keys are renamed, not those of what lies in it.
 */
export function withPresentNames(record: object): object {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [present[key] ?? key, value as unknown]),
  );
}
