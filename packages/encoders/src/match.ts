/** Which weight of a checkpoint is which of a family's table. */
import { matchGlob } from '@ferry/nn';
import type { StoredTensor, StoredWeights } from './checkpointFile.ts';
import type { Family } from './family.ts';
import { flattenTable, type WeightTree } from './weights.ts';

/** A checkpoint as a family reads it. */
export interface Matched {
  /** The family's table, with those of its perhaps missing parts that the checkpoint holds. */
  readonly table: WeightTree;
  /** The tensor of each weight, by Ferry's names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names in the file that are no weights of the encoder, such as heads of pre-training. */
  readonly ignored: readonly string[];
}

/** Names as the family knows them: without what stands in front of a base model, and by today's spelling. */
function plainNames(
  { prefixes = [], rename = (name) => name }: Family,
  names: readonly string[],
): Map<string, string> {
  // A model with a head holds the base model under its prefix and the head beside it.
  const prefix = prefixes.find((one) => names.some((name) => name.startsWith(one))) ?? '';
  return new Map(
    names.map((name) => [name, rename(name.startsWith(prefix) ? name.slice(prefix.length) : name)]),
  );
}

/**
 * Matches a checkpoint with a family's table.
 *
 * @throws Error listing everything that is missing, left over or of another shape.
 */
export function matchWeights(one: Family, options: object, { file, tensors }: StoredWeights): Matched {
  const plain = plainNames(one, [...tensors.keys()]);
  const byPlain = new Map([...plain].map(([name, short]) => [short, { name, tensor: tensors.get(name)! }]));
  const table = one.weights(options, (theirs) => byPlain.has(theirs));
  const found = new Map<string, StoredTensor>();
  const problems: string[] = [];
  const used = new Set<string>();
  for (const [ours, { theirs, shape }] of flattenTable(table)) {
    const stored = byPlain.get(theirs);
    if (!stored) {
      problems.push(`"${theirs}" is missing`);
      continue;
    }
    used.add(theirs);
    const got = stored.tensor.shape;
    if (got.length !== shape.length || got.some((n, i) => n !== shape[i]))
      problems.push(`"${stored.name}" has shape [${got.join(', ')}] instead of [${shape.join(', ')}]`);
    found.set(ours, stored.tensor);
  }
  const ignored: string[] = [];
  for (const [short, { name }] of byPlain) {
    if (used.has(short)) continue;
    if (one.ignored?.some((glob) => matchGlob(glob, short))) ignored.push(name);
    else problems.push(`"${name}" belongs to no weight`);
  }
  if (problems.length > 0)
    throw new Error(
      `loadEncoder: ${file} must fit the ${one.name} encoder that config.json describes, got ${problems.join('; ')}`,
    );
  return { table, tensors: found, ignored };
}
