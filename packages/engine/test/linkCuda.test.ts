import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { builtWith, main } from '../../../tools/link-cuda.ts';
import { findLibraries, libraryNeeds } from '../../../tools/sharedLibraries.ts';

const linux = process.platform === 'linux' && process.arch === 'x64';
/** Where onnxruntime-node keeps its libraries. */
const native = join(
  dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node'))),
  'bin/napi-v6/linux/x64',
);
/** A small library that needs libonnxruntime.so.1, and looks for it beside itself. */
const binding = join(native, 'onnxruntime_binding.node');
const [CUDA, SHARED] = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];

let folder = '';
let lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-cuda-test-'));
  lines = [];
  vi.stubEnv('LD_LIBRARY_PATH', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const at = (...parts: string[]): string => join(folder, ...parts);
const run = (...args: string[]): number =>
  main(['--project', at('project'), ...args], (line) => lines.push(line));
const said = (): string => lines.join('\n');

function library(path: string, more = ''): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([readFileSync(binding), Buffer.from(more, 'latin1')]));
}

/** A project with onnxruntime-node, whose libraries are a file of text. */
function project(version = '1.30.0'): void {
  const own = at('project/node_modules/onnxruntime-node');
  mkdirSync(join(own, 'bin/napi-v6/linux/x64'), { recursive: true });
  writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', version }));
}

/** What lies beside the library of onnxruntime-node. */
const placed = (): string[] => readdirSync(at('project/node_modules/onnxruntime-node/bin/napi-v6/linux/x64'));

/** The libraries of a version in a folder. */
function provider(place: string, version = '1.30.0'): void {
  library(at(place, CUDA), `\0${version}\0`);
  library(at(place, SHARED));
}

describe.skipIf(!linux)('what a library of Linux needs', () => {
  it('stands in its dynamic section', () => {
    const { needed, runPath } = libraryNeeds(binding);
    expect(needed).toContain('libonnxruntime.so.1');
    expect(needed).toContain('libc.so.6');
    expect(runPath.map((path) => join(path))).toEqual([join(native, '/')]);
    expect(libraryNeeds(process.execPath).needed).toContain('libc.so.6');
  });

  it('is not read from what is no library, or is cut', () => {
    writeFileSync(at('text.so'), 'INPUT(-lcudart)\n');
    expect(() => libraryNeeds(at('text.so'))).toThrow(/text\.so is no library of Linux on x86-64/);
    writeFileSync(at('half.so'), readFileSync(binding).subarray(0, 1000));
    const elsewhere = readFileSync(binding);
    elsewhere.writeUInt16LE(183, 18); // for ARM
    writeFileSync(at('arm.so'), elsewhere);
    expect(() => libraryNeeds(at('arm.so'))).toThrow(/arm\.so is no library of Linux on x86-64/);
    expect(() => libraryNeeds(at('half.so'))).toThrow(/half\.so is cut: \d+ bytes are wanted, it has 1000/);
  });

  it('is looked for beside it, on the path of the loader and in its cache, with what that needs', () => {
    library(at('libfirst.so'));
    const asked = new Map([['libfirst.so', 'the test']]);
    expect(findLibraries(asked).missing).toEqual(asked);
    const first = findLibraries(asked, [folder]);
    expect(first.missing).toEqual(new Map([['libonnxruntime.so.1', 'libfirst.so']]));
    expect(first.found.get('libfirst.so')).toBe(at('libfirst.so'));
    expect(first.found.get('libc.so.6')).toMatch(/^\/.*libc\.so\.6$/);
    // What is no library of this machine is passed over, as the loader does.
    writeFileSync(at('libonnxruntime.so.1'), 'no library');
    vi.stubEnv('LD_LIBRARY_PATH', `${folder}:${native}`);
    expect(findLibraries(asked, [folder]).missing).toEqual(new Map());
  });

  it('and the version of ONNX Runtime that it was built with', () => {
    provider('a', '1.29.0');
    expect(builtWith(at('a', CUDA))).toBe('1.29.0');
    expect(builtWith(at('a', SHARED))).toBeUndefined();
    // Where one piece that is read at a time ends and the next begins.
    for (const before of [2 ** 24 - 3, 2 ** 24 - 40, 2 ** 24 + 5]) {
      writeFileSync(at('large.so'), Buffer.concat([Buffer.alloc(before, 1), Buffer.from('\x001.30.1\0')]));
      expect(builtWith(at('large.so'))).toBe('1.30.1');
    }
  });
});

describe.skipIf(!linux)('link-cuda', () => {
  it('names all that is missing, and changes nothing', () => {
    project();
    provider('libraries', '1.29.0');
    expect(run('--from', at('libraries'))).toBe(1);
    expect(said()).toContain('ONNX Runtime      1.29.0, onnxruntime-node is 1.30.0');
    expect(said()).toContain('link-cuda: nothing was changed:\n  the provider must be of');
    expect(said()).toContain(
      "of onnxruntime-node's version, 1.30.0, got 1.29.0: it would go with onnxruntime-node@1.29.0",
    );
    expect(said()).toContain(`libonnxruntime.so.1 is on no path of the loader (${CUDA} needs it)`);
    expect(placed()).toEqual([]);
  });

  it('finds them in an archive of npm and in a Python environment, and what they need where the loader does not look', () => {
    project();
    provider('package/Plugins/Linux/x64');
    spawnSync('tar', ['-czf', at('cuda.tgz'), '-C', folder, 'package']);
    expect(run('--from', at('cuda.tgz'))).toBe(1);
    expect(said()).toMatch(/provider +\/.*package\/Plugins\/Linux\/x64\/libonnxruntime_providers_cuda\.so/);
    lines = [];
    provider('venv/lib/python3.11/site-packages/onnxruntime/capi');
    // In the place of cuDNN, which a machine may have.
    const beside = at('venv/lib/python3.11/site-packages/nvidia/cudnn/lib');
    library(join(beside, 'libonnxruntime.so.1'));
    expect(run('--from', at('venv'))).toBe(1);
    expect(said()).toContain(`export LD_LIBRARY_PATH=${beside}`);
    expect(said()).not.toContain('libonnxruntime.so.1 is on no path');
    expect(placed()).toEqual([]);
  });

  it('with all there: --check changes nothing, and what does not run is not put in place', () => {
    project();
    provider('libraries');
    library(at('libraries', 'libcudnn.so.9'));
    copyFileSync(join(native, 'libonnxruntime.so.1'), at('libraries', 'libonnxruntime.so.1'));
    vi.stubEnv('LD_LIBRARY_PATH', at('libraries'));
    expect(run('--from', at('libraries'), '--check')).toBe(0);
    expect(lines.at(-1)).toBe('link-cuda: all that it needs is there; nothing was changed');
    expect(run('--from', at('libraries'))).toBe(1);
    expect(lines.at(-1)).toMatch(
      /^link-cuda: nothing was changed: a copy of onnxruntime-node with them does not run: /,
    );
    expect(placed()).toEqual([]);
    // Also where the package is a link: what is tried is a copy.
    const own = at('project/node_modules/onnxruntime-node');
    renameSync(own, at('elsewhere'));
    symlinkSync(at('elsewhere'), own);
    expect(run('--from', at('libraries'))).toBe(1);
    expect(placed()).toEqual([]);
    // One that runs, as far as this can be known without CUDA.
    writeFileSync(join(own, 'package.json'), JSON.stringify({ version: '1.30.0', main: 'main.cjs' }));
    writeFileSync(
      join(own, 'main.cjs'),
      'exports.Tensor = class {}; exports.InferenceSession = { create: async (_, { executionProviders: [on] }) => ' +
        "({ run: async () => ({ v1: { data: [on === 'cuda' ? -2 : 0] } }) }) };",
    );
    expect(run('--from', at('libraries'))).toBe(0);
    expect(lines.at(-1)).toContain('onnxruntime-node computes on CUDA');
    expect(placed().sort()).toEqual([CUDA, SHARED]);
  });

  it('refuses what is no place of libraries, in one line', () => {
    expect(run()).toBe(1);
    expect(said()).toMatch(/^link-cuda: onnxruntime-node is not installed in .*project: no .*linux\/x64$/);
    project();
    library(at('some', CUDA));
    writeFileSync(at('file'), '');
    for (const [from, says] of [
      ['some', `${at('some')} has no ${SHARED}`],
      ['project', `no ${CUDA} and ${SHARED} in ${at('project')}`],
      ['nowhere', `no such folder: ${at('nowhere')}`],
      ['file', `--from must be a folder, a .tgz or npm:<package>, got the file ${at('file')}`],
    ] as const) {
      lines = [];
      expect(run('--from', at(from))).toBe(1);
      expect(lines).toEqual([`link-cuda: ${says}`]);
    }
    expect(existsSync(at('project'))).toBe(true);
  });
});
