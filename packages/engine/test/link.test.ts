import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findWheel, main } from '../../../tools/link-libtensorflow.ts';

let folder = '';
let lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-link-'));
  lines = [];
  vi.stubEnv('FERRY_TENSORFLOW_WHEEL', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]): number => main(args, (line) => lines.push(line));

function touch(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), '');
  }
}

const WHEEL = [
  'libtensorflow_cc.so.2',
  'libtensorflow_framework.so.2',
  'include/tensorflow/c/c_api.h',
  'include/tensorflow/c/eager/c_api.h',
];

describe('findWheel', () => {
  it.each(['tensorflow', 'site-packages/tensorflow', 'lib/python3.11/site-packages/tensorflow'])(
    'finds a wheel at %s',
    (place) => {
      touch(...WHEEL.map((file) => join(place, file)));
      const given = place.startsWith('site') ? join(folder, 'site-packages') : folder;
      expect(findWheel(given)).toBe(join(folder, place));
      expect(findWheel(join(folder, place))).toBe(join(folder, place));
    },
  );

  it('says which files a wheel lacks', () => {
    touch('tensorflow/libtensorflow_cc.so.2', 'tensorflow/include/tensorflow/c/c_api.h');
    expect(() => findWheel(folder)).toThrow(
      /tensorflow has no libtensorflow_framework\.so\.2, include\/tensorflow\/c\/eager\/c_api\.h$/,
    );
  });
});

describe.skipIf(process.platform !== 'linux')('link-libtensorflow (on Linux)', () => {
  it('fails without a wheel, and with --if-present says so in one line and succeeds', () => {
    expect(run('--wheel', folder)).toBe(1);
    expect(run('--wheel', folder, '--if-present')).toBe(0);
    expect(lines).toEqual([
      `link-libtensorflow: no TensorFlow Python wheel in ${folder} (no libtensorflow_cc.so.2)`,
      `link-libtensorflow: skipped, no TensorFlow Python wheel in ${folder} (no libtensorflow_cc.so.2)`,
    ]);
  });

  it('takes the wheel from FERRY_TENSORFLOW_WHEEL, and does not install the package unasked', () => {
    touch(...WHEEL.map((file) => join('tensorflow', file)));
    vi.stubEnv('FERRY_TENSORFLOW_WHEEL', folder);
    expect(run('--project', folder)).toBe(1);
    expect(lines.join('\n')).toMatch(
      /^link-libtensorflow: @tensorflow\/tfjs-node is not installed in .*node_modules; add --install to install it$/,
    );
  });

  it.each([
    [['--whel', 'x'], /Unknown option '--whel'/],
    [['--package', 'left-pad'], /--package must be @tensorflow\/tfjs-node or .*, got 'left-pad'/],
    // Misuse is misuse, also where nothing need be linked.
    [['--if-present', '--package', 'left-pad'], /got 'left-pad'/],
  ])('refuses %j', (args, message) => {
    expect(run(...args)).toBe(1);
    expect(lines.join('\n')).toMatch(message);
  });

  it('explains itself', () => {
    expect(run('--help')).toBe(0);
    expect(lines.join('\n')).toMatch(/--wheel <dir>/);
  });
});
