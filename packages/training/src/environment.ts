import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { describe } from '@ferry/engine';
import type { Json, JsonObject } from './json.ts';

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', ['-C', import.meta.dirname, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

let known: Json | undefined;

/**
 * Revision of the code that runs, and whether files were changed since; null outside a git checkout. Asked for once.
 */
function gitRevision(): Json {
  if (known !== undefined) return known;
  const revision = git('rev-parse', 'HEAD');
  known =
    revision === undefined
      ? null
      : { revision, modified: git('status', '--porcelain', '--untracked-files=no') !== '' };
  return known;
}

/**
 * What a run's numbers may depend on besides its recipe, as plain JSON: the engine's backend and versions, the machine,
 * the revision of the code, the seed.
 */
export function describeEnvironment(seed: number): JsonObject {
  const processors = cpus();
  return {
    seed,
    engine: JSON.parse(JSON.stringify(describe())) as Json,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    git: gitRevision(),
  };
}
