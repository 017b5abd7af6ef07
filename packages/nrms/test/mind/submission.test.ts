import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { zipSync, strToU8 } from 'fflate';
import { expect, test } from 'vitest';
import { evaluateImpressions, readSubmission, writeSubmission } from '../../src/index.ts';
import { folderOf } from './folder.ts';
import { randomImpressions, withLabels } from './impressions.ts';

const { labels, scores } = randomImpressions(300, { longest: 20, values: 9, seed: 11 });
const impressions = withLabels(labels);

/** The text of the only file of an archive, by the offsets that the format has; nothing of this is the writer's. */
function unpack(file: string): { name: string; text: string } {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06'));
  expect(bytes.readUInt16LE(end + 10)).toBe(1);
  const directory = bytes.readUInt32LE(end + 16);
  const packed = bytes.readUInt32LE(directory + 20);
  const nameLength = bytes.readUInt16LE(directory + 28);
  const local = bytes.readUInt32LE(directory + 42);
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  return {
    name: bytes.toString('latin1', directory + 46, directory + 46 + nameLength),
    text: inflateRawSync(bytes.subarray(start, start + packed)).toString(),
  };
}

test('a submission holds the rank of each candidate, in the order of the file', () => {
  const file = join(folderOf({}), 'out.zip');
  const few = withLabels([[0, 1, 0, 1, 0, 0, 0], [0, 1, 0], []]);
  writeSubmission(file, few, [0.2, 0.9, 0.4, 0.1, 0.5, 0.3, 0.6, 0.5, 0.5, 0.5]);
  expect(unpack(file)).toEqual({
    name: 'prediction.txt',
    text: '1 [6,1,4,7,3,5,2]\n2 [3,2,1]\n3 []\n',
  });
  expect(readdirSync(dirname(file))).toEqual(['out.zip']);
});

test('what is submitted is evaluated as the scores are', async () => {
  const file = join(folderOf({}), 'out.zip');
  writeSubmission(file, impressions, scores.flat());
  const back = await readSubmission(file, impressions);
  const own = evaluateImpressions(impressions, scores.flat());
  const theirs = evaluateImpressions(impressions, back);
  // Ranks have no ties, so that the area under the curve alone differs, where scores are equal.
  for (const name of ['mrr', 'ndcg@5', 'ndcg@10']) expect(theirs.values[name]).toEqual(own.values[name]);
  theirs.values['auc']!.forEach((auc, row) => {
    if (own.tied[row] === 0) expect(auc).toEqual(own.values['auc']![row]);
  });
});

test.skipIf(!existsSync('/usr/bin/unzip'))('unzip takes the archive for sound', () => {
  const file = join(folderOf({}), 'out.zip');
  writeSubmission(file, impressions, scores.flat());
  expect(execFileSync('/usr/bin/unzip', ['-t', file], { encoding: 'utf8' })).toContain('No errors detected');
});

test.each([
  ['an order of lines', '2 [1]\n1 [1,2]\n', /:1: impression 1 must come here, got 2/],
  ['a rank twice', '1 [1,1]\n2 [1]\n', /:1: impression 1 must have the ranks 1 to 2, each once, got "1,1"/],
  ['ranks from 0', '1 [0,1]\n2 [1]\n', /:1: impression 1 must have the ranks 1 to 2/],
  ['a rank missing', '1 [1,2]\n2 []\n', /:2: impression 2 must have the ranks 1 to 1/],
  ['a line missing', '1 [1,2]\n', /must have 2 lines, one an impression, got 1/],
  ['a line too many', '1 [1,2]\n2 [1]\n3 [1]\n', /:3: a submission must have 2 lines/],
  ['another form', '1 1,2\n', /:1: a line must be <impression id> \[r1,r2,...\], got "1 1,2"/],
])('what is wrong with a submission is named: %s', async (_, text, message) => {
  const file = join(folderOf({}), 'other.zip');
  writeFileSync(file, zipSync({ 'prediction.txt': strToU8(text) }));
  await expect(readSubmission(file, withLabels([[0, 1], [1]]))).rejects.toThrow(message);
});

test('another archive, or none, is refused', async () => {
  const file = join(folderOf({}), 'other.zip');
  writeFileSync(file, zipSync({ 'answer.txt': strToU8('1 [1]') }));
  await expect(readSubmission(file, impressions)).rejects.toThrow(
    /must hold prediction.txt alone, got answer.txt/,
  );
  writeFileSync(file, '1 [1]');
  await expect(readSubmission(file, impressions)).rejects.toThrow(/must be a zip archive/);
  expect(() => {
    writeSubmission(file, impressions, [1]);
  }).toThrow(/one for each of \d+ candidates, got 1/);
});
