import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Gives each test of a file an empty directory, which is removed after it. */
export function directoryForEach(use: (directory: string) => void): void {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ferry-training-'));
    use(directory);
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });
}
