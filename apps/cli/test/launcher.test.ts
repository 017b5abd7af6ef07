import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleWith, compiled, compileTo, loadMain, missingPackage } from '../bin/compiled.js';

const root = join(import.meta.dirname, '../../..');

/** A checkout of one app and one package, with one package from npm. */
class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), 'ferry-launcher-'));
  readonly entry = 'apps/app/src/main.ts';
  readonly caches = [join(this.root, 'cache-a'), join(this.root, 'cache-b')];

  constructor() {
    this.write(
      'packages/one/package.json',
      '{"name":"@ferry/one","type":"module","exports":"./src/index.ts"}',
    );
    this.write('packages/one/src/index.ts', 'export const one = (): number => 1;\n');
    this.write(
      'node_modules/outside/package.json',
      '{"name":"outside","type":"module","exports":"./index.js"}',
    );
    this.write('node_modules/outside/index.js', 'export const here = import.meta.url;\n');
    mkdirSync(join(this.root, 'node_modules/@ferry'));
    symlinkSync('../../packages/one', join(this.root, 'node_modules/@ferry/one'));
    this.write(
      'apps/app/src/later.ts',
      "export { here } from 'outside';\nexport const place = import.meta.url;\n",
    );
    this.write(
      this.entry,
      `import { one } from '@ferry/one';
type Ignored = string;
class OddError extends Error {
  override name = this.constructor.name;
}
export const run = async () => ({ one: one(), place: import.meta.dirname, later: await import('./later.ts') });
export function fail(): never {
  throw new OddError('odd' as Ignored);
}
`,
    );
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  async compiled(caches = this.caches): Promise<string> {
    const file = await compiled({ root: this.root, entry: this.entry, caches });
    if (file === undefined) throw new Error('nothing was compiled');
    return file;
  }

  async run() {
    const { run } = (await import(pathToFileURL(await this.compiled()).href)) as {
      run: () => Promise<{ one: number; place: string; later: { here: string; place: string } }>;
    };
    return run();
  }
}

describe('the compiled sources', () => {
  let checkout: Checkout;
  beforeEach(() => {
    checkout = new Checkout();
  });
  afterEach(() => {
    rmSync(checkout.root, { recursive: true });
  });

  it.each([
    [
      'a package of the checkout',
      "import { two } from '@ferry/two';\nexport const run = two;\n",
      '@ferry/two',
    ],
    ['a package from npm', "import { x } from 'elsewhere/part';\nexport const run = x;\n", 'elsewhere'],
  ])('that need %s which is not installed name it', async (_, source, name) => {
    checkout.write(checkout.entry, source);
    const error: unknown = await loadMain(checkout).catch((thrown: unknown) => thrown);
    expect(missingPackage(error)).toBe(name);
  });

  it('that are wrong in another way name no package', async () => {
    checkout.write(checkout.entry, "import { two } from './two.ts';\nexport const run = two;\n");
    const error: unknown = await loadMain(checkout).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(missingPackage(error)).toBeUndefined();
  });

  it('do what the sources do, from their places', async () => {
    const { one, place, later } = await checkout.run();
    expect(one).toBe(1);
    expect(place).toBe(join(checkout.root, 'apps/app/src'));
    expect(later.place).toBe(pathToFileURL(join(checkout.root, 'apps/app/src/later.ts')).href);
    expect(later.here).toBe(pathToFileURL(join(checkout.root, 'node_modules/outside/index.js')).href);
  });

  it('are kept', async () => {
    expect(await checkout.compiled()).toBe(await checkout.compiled());
    expect(readdirSync(checkout.caches[0]!)).toHaveLength(1);
  });

  it('are made anew when a source changes, even one whose time is set back', async () => {
    expect((await checkout.run()).one).toBe(1);
    const path = 'packages/one/src/index.ts';
    checkout.write(path, 'export const one = (): number => 2;\n');
    utimesSync(join(checkout.root, path), 0, 0);
    expect((await checkout.run()).one).toBe(2);
  });

  it('are made anew when a file is added, removed or installed', async () => {
    const seen = new Set([await checkout.compiled()]);
    checkout.write('packages/one/src/deep/two.ts', 'export const two = 2;\n');
    seen.add(await checkout.compiled());
    rmSync(join(checkout.root, 'packages/one/src/deep'), { recursive: true });
    checkout.write('node_modules/.package-lock.json', '{}');
    seen.add(await checkout.compiled());
    expect(seen.size).toBe(3);
    // A command that began with an older build may still load parts of it.
    for (const file of seen) expect(existsSync(file)).toBe(true);
  });

  it('go to the second place where the first cannot be written, and are found there', async () => {
    checkout.write('file', '');
    const caches = [join(checkout.root, 'file/cache'), join(checkout.root, 'home')];
    const file = await checkout.compiled(caches);
    expect(file.startsWith(caches[1]!)).toBe(true);
    expect(await checkout.compiled(caches)).toBe(file);
  });

  it('are not compiled where no place can be written', async () => {
    checkout.write('file', '');
    const caches = [join(checkout.root, 'file/cache')];
    expect(await compiled({ root: checkout.root, entry: checkout.entry, caches })).toBeUndefined();
  });

  it('are mended where half of a build was deleted', async () => {
    const file = await checkout.compiled();
    rmSync(file);
    expect(await checkout.compiled()).toBe(file);
    expect(existsSync(file)).toBe(true);
  });

  it('of long ago are removed when new ones are made', async () => {
    const old = dirname(await checkout.compiled());
    utimesSync(old, 0, 0);
    checkout.write('packages/one/src/index.ts', 'export const one = (): number => 3;\n');
    await checkout.compiled();
    expect(existsSync(old)).toBe(false);
  });

  it('keep the names of errors and, with source maps, the lines of the sources', async () => {
    const file = await checkout.compiled();
    const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(({ fail }) => fail())`;
    const { stderr } = spawnSync(process.execPath, ['--enable-source-maps', '-e', script], {
      encoding: 'utf8',
    });
    expect(stderr).toContain('OddError: odd');
    expect(stderr).toContain(`${join(checkout.root, checkout.entry)}:8:`);
  });

  it('name the file and the line of a syntax error', async () => {
    checkout.write('packages/one/src/index.ts', 'export const = 1;\n');
    await expect(checkout.compiled()).rejects.toThrow(/packages\/one\/src\/index\.ts:1:13/);
    expect(readdirSync(checkout.caches[0]!)).toEqual([]);
  });
});

describe("files of the user's", () => {
  const checkout = new Checkout();
  const folder = mkdtempSync(join(tmpdir(), 'ferry-launcher-own-'));
  const { root: own, entry, caches } = checkout;
  afterAll(() => {
    rmSync(own, { recursive: true });
    rmSync(folder, { recursive: true });
  });
  const load = async (text: string, places: readonly string[] = caches) => {
    writeFileSync(join(folder, 'mine.ts'), text);
    const { action, models } = await bundleWith('go', [join(folder, 'mine.ts')], {
      root: own,
      entry,
      caches: places,
    });
    return { ...(action as { one: object; later: () => Promise<{ one: object }> }), model: models[0] };
  };
  checkout.write('packages/one/src/index.ts', "export const one = { of: 'one' };\n");
  checkout.write('apps/app/src/actions/later.ts', "export { one } from '@ferry/one';\n");
  checkout.write(
    'apps/app/src/actions/go.ts',
    "export { one } from '@ferry/one';\nexport const later = () => import('./later.ts');\n",
  );

  it('have the packages that the action has, which are compiled once, and are themselves read each time', async () => {
    const mine = "import { one } from '@ferry/one';\nimport { here } from 'outside';\n";
    const first = await load(`${mine}export default { one, here, at: import.meta.url, number: 1 };\n`);
    expect(first.model).toMatchObject({
      here: pathToFileURL(join(own, 'node_modules/outside/index.js')).href,
      at: pathToFileURL(join(folder, 'mine.ts')).href,
      number: 1,
    });
    expect((first.model as { one: object }).one).toBe(first.one);
    expect((await first.later()).one).toBe(first.one);
    const second = await load(`${mine}export default { one, number: 2 };\n`);
    expect(second.model).toMatchObject({ number: 2 });
    expect((second.model as { one: object }).one).toBe(first.one);
    expect(readdirSync(caches[0]!)).toHaveLength(1);
    const built = readdirSync(caches[0]!, { recursive: true, encoding: 'utf8' });
    expect(built.filter((file) => /mine|model/.test(file))).toEqual([]);
    checkout.write('packages/one/src/index.ts', "export const one = { of: 'another' };\n");
    expect((await load(`${mine}export default one;\n`)).model).toEqual({ of: 'another' });
  });

  it('are loaded where nothing can be kept', async () => {
    checkout.write('file', '');
    const { one, later, model } = await load("import { one } from '@ferry/one';\nexport default one;\n", [
      join(own, 'file/cache'),
    ]);
    expect(model).toBe(one);
    expect((await later()).one).toBe(one);
  });

  it('may not have a second copy of a package', async () => {
    const path = join(own, 'packages/one/src/index.ts');
    await expect(load(`import { one } from '${path}';\nexport default one;\n`)).rejects.toThrow(
      `must be imported by the name of its package, @ferry/one, got ${path}`,
    );
  });
});

describe('a command', () => {
  it('loads what it needs and no more', async () => {
    const outdir = mkdtempSync(join(tmpdir(), 'ferry-launcher-'));
    const outside = await compileTo(root, 'apps/cli/src/main.ts', outdir);
    const packagesOf = (source: string): string =>
      outside
        .get(`apps/cli/src/${source}.ts`)!
        .map((path) => path.replace(/.*node_modules\//, ''))
        .join(' ');
    expect(packagesOf('main')).toMatch(/commander/);
    expect(packagesOf('main')).not.toMatch(/tensorflow|onnxruntime|sharp|kmeans/);
    expect(packagesOf('actions/inspect')).not.toMatch(/onnxruntime|sharp|kmeans|zod/);
    expect(packagesOf('actions/run')).toMatch(/onnxruntime/);
    rmSync(outdir, { recursive: true });
  });
});

describe('npm', () => {
  it('warns of nothing and runs no install scripts', () => {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
    const { stdout, stderr } = spawnSync('npm', ['config', 'get', 'ignore-scripts'], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'true', stderr: '' });
  });
});
