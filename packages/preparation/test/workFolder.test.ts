import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { makeWorkFolder, oldDomain, removeLeftovers } from '../src/workFolder.ts';
import { Folder, prepared } from './helpers.ts';

const folder = new Folder();
const ratings = folder.file(
  'ratings.csv',
  ['user_id,item_id,timestamp', ...Array.from({ length: 12 }, (_, at) => `u${at % 3},i${at % 4},${at}`)].join(
    '\n',
  ),
);
/** The number of a process that has ended. */
const ended = spawnSync(process.execPath, ['-e', '']).pid;

/** A working folder as a process leaves it that is killed. */
async function left(out: string, pid: number): Promise<string> {
  const made = await makeWorkFolder(out);
  const path = join(dirname(out), basename(made.path).replace(`-${process.pid}-`, `-${pid}-`));
  await made.remove();
  mkdirSync(join(path, 'engine'), { recursive: true });
  writeFileSync(join(path, 'engine', 'tables.duckdb'), 'half');
  return path;
}

it('a preparation removes what one that was killed has left, and says so', async () => {
  const out = folder.out();
  const [dead, running] = [await left(out, ended), await left(out, process.ppid)];
  const other = await left(`${out}-other`, ended);
  const lines: string[] = [];
  await prepared(folder, ratings, {}, { out, line: (line) => lines.push(line) });
  expect(existsSync(dead)).toBe(false);
  expect(lines).toContain(`${dead}: removed, a preparation that was killed had left it`);
  expect(existsSync(running)).toBe(true);
  expect(existsSync(other)).toBe(true);
});

it('a domain that was moved aside when its successor was killed goes back to its place', async () => {
  const out = folder.out();
  const path = await left(out, ended);
  mkdirSync(join(path, oldDomain));
  writeFileSync(join(path, oldDomain, 'provenance.json'), '{}');
  await removeLeftovers(out);
  expect(readFileSync(join(out, 'provenance.json'), 'utf8')).toBe('{}');
  expect(existsSync(path)).toBe(false);
});

it('a folder that this process works in stays', async () => {
  const out = folder.out();
  const { path, remove } = await makeWorkFolder(out);
  await removeLeftovers(out);
  expect(existsSync(path)).toBe(true);
  await remove();
  expect(existsSync(path)).toBe(false);
});

it('a size of memory that is none is refused before anything is read', async () => {
  await expect(prepared(folder, ratings, {}, { memory: 'plenty' })).rejects.toThrow(
    'memory must be a size such as 2GB, got "plenty"',
  );
});
