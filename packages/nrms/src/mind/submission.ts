import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { InputError, openZip, quoted } from '@ferry/data';
import { Zip, ZipDeflate } from 'fflate';
import { candidateRanks } from './metrics.ts';
import { rowOf } from './rows.ts';
import type { Impressions } from './types.ts';

/** Name of the file in the archive. */
const predictionFile = 'prediction.txt';
/** Characters that are packed at once. */
const blockLength = 1 << 20;

/** Throws unless there is one score for each candidate. */
function checkCount(impressions: Impressions, scores: ArrayLike<number>): void {
  const { length } = impressions.candidates.values;
  if (scores.length !== length)
    throw new RangeError(
      `writeSubmission: scores must be one for each of ${length} candidates, got ${scores.length}`,
    );
}

/**
 * Lines of a submission: `<impression id> [r1,r2,...]`, r the rank of each candidate in the order of the file, 1 for
 * the best. Of equal scores the later candidate comes first, as in MIND's evaluator.
 */
export function* submissionLines(impressions: Impressions, scores: ArrayLike<number>): Generator<string> {
  checkCount(impressions, scores);
  const { offsets } = impressions.candidates;
  for (let row = 0; row < impressions.count; row++) {
    const own = new Float64Array(offsets[row + 1]! - offsets[row]!);
    for (let at = 0; at < own.length; at++) own[at] = scores[offsets[row]! + at]!;
    if (own.some(Number.isNaN))
      throw new RangeError(
        `writeSubmission: scores must be numbers, got NaN in impression ${impressions.ids[row]}`,
      );
    yield `${impressions.ids[row]} [${candidateRanks(own).join(',')}]\n`;
  }
}

/**
 * Writes what MIND's leaderboard takes: `prediction.txt` in a zip archive, whole or not at all.
 *
 * @param file - The archive, such as `out.zip`.
 * @param scores - Of all candidates, as in `evaluateImpressions`.
 */
export function writeSubmission(file: string, impressions: Impressions, scores: ArrayLike<number>): void {
  const temporary = `${file}.part`;
  const handle = openSync(temporary, 'w');
  try {
    const zip = new Zip((error, chunk) => {
      if (error) throw error;
      writeSync(handle, chunk);
    });
    const entry = new ZipDeflate(predictionFile, { level: 6 });
    zip.add(entry);
    let block = '';
    for (const line of submissionLines(impressions, scores)) {
      block += line;
      if (block.length < blockLength) continue;
      entry.push(Buffer.from(block));
      block = '';
    }
    entry.push(Buffer.from(block), true);
    zip.end();
    closeSync(handle);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Text lines of a submission, packed or plain. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const zip = await openZip(file).catch((error: unknown) => {
    throw new InputError(file, undefined, `a submission must be a zip archive: ${(error as Error).message}`);
  });
  try {
    const [entry, ...others] = zip.entries;
    if (entry?.name !== predictionFile || others.length > 0)
      throw new InputError(
        file,
        undefined,
        `the archive must hold ${predictionFile} alone, got ${zip.entries.map(({ name }) => name).join(', ') || 'nothing'}`,
      );
    let rest = '';
    for await (const block of zip.blocks(entry)) {
      const lines = (rest + block.toString('latin1')).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    zip.close();
  }
}

/**
 * Reads a submission back, whoever wrote it, and checks it against the impressions: a line for each, in their order,
 * with the ranks 1..n of its n candidates.
 *
 * @returns 1 / rank of each candidate, as scores for `evaluateImpressions`.
 * @throws InputError naming the line that is wrong.
 */
export async function readSubmission(file: string, impressions: Impressions): Promise<Float64Array> {
  const { ids, candidates, count } = impressions;
  const scores = new Float64Array(candidates.values.length);
  let row = 0;
  for await (const text of linesOf(file)) {
    const refuse = (rule: string): InputError => new InputError(file, row + 1, rule);
    const match = /^(\d+) \[([\d,]*)\]\r?$/.exec(text);
    if (!match) throw refuse(`a line must be <impression id> [r1,r2,...], got ${quoted(text)}`);
    if (row === count) throw refuse(`a submission must have ${count} lines, one an impression, got more`);
    if (Number(match[1]) !== ids[row]) throw refuse(`impression ${ids[row]} must come here, got ${match[1]}`);
    const ranks = match[2] === '' ? [] : match[2]!.split(',').map(Number);
    const size = rowOf(candidates, row).length;
    const seen = new Set(ranks);
    if (ranks.length !== size || seen.size !== size || ranks.some((rank) => rank < 1 || rank > size))
      throw refuse(
        `impression ${ids[row]} must have the ranks 1 to ${size}, each once, got ${quoted(match[2])}`,
      );
    ranks.forEach((rank, at) => (scores[candidates.offsets[row]! + at] = 1 / rank));
    row++;
  }
  if (row < count)
    throw new InputError(
      file,
      undefined,
      `a submission must have ${count} lines, one an impression, got ${row}`,
    );
  return scores;
}
