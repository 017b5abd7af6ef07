import { readFile } from 'node:fs/promises';
import { sha256 } from './hash.ts';
import { replaceFile } from './replaceFile.ts';
import type { ExtractionCost } from './types.ts';

/** What encoders spent, by a hash of their identity. */
type Spent = Record<string, ExtractionCost>;

/**
 * What encoding into a file of single vectors took, in however many runs: kept beside it, so that vectors that a run finds
 * there still say what they cost.
 *
 * @param vectors - The file of vectors.
 * @param identity - Of the encoder.
 * @param now - What this run adds. A run that was killed adds neither its inputs nor its seconds.
 * @returns All together; undefined where nothing is known.
 */
export async function addSpent(
  vectors: string,
  identity: string,
  now: ExtractionCost,
): Promise<ExtractionCost | undefined> {
  const file = `${vectors}.spent.json`;
  // A file that is missing or damaged costs this knowledge alone.
  const all = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as Spent)
    .catch((): Spent => ({}));
  const key = sha256(identity).slice(0, 16);
  const before = all[key] ?? { seconds: 0, inputs: 0 };
  if (now.inputs === 0) return before.inputs === 0 ? undefined : before;
  const after = { seconds: before.seconds + now.seconds, inputs: before.inputs + now.inputs };
  await replaceFile(file, `${JSON.stringify({ ...all, [key]: after })}\n`);
  return after;
}
