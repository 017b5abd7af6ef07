// @ts-check
/**
 * The sources of a checkout as JavaScript, compiled once and kept until one of them changes.
 *
 * Everything under `packages` and `apps` that the entry reaches becomes one bundle, and so does every module beside it
 * that it loads by `await import(…)`: what one of them uses of a package is all that it loads. Packages from npm stay
 * outside. A build is a directory named after the state of the sources; no build is ever changed, and a process that
 * has begun with one goes on with it whatever is edited meanwhile.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { directory, kept, sourceState } from './keptBuilds.js';

/**
 * @typedef {object} Checkout
 * @property {string} root - The directory that holds `packages` and `apps`.
 * @property {string} entry - The module to compile, below the root.
 * @property {readonly string[]} caches - Where builds are looked for; a new one goes to the first that can be written.
 */

/** @returns {Checkout} */
function ownCheckout() {
  const root = join(import.meta.dirname, '../../..');
  const user = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return {
    root,
    entry: 'apps/cli/src/main.ts',
    caches: [
      join(root, 'node_modules/.cache/ferry'),
      join(user, 'ferry', createHash('sha256').update(root).digest('hex').slice(0, 12)),
    ],
  };
}

/**
 * The entry's exports. Where no build can be kept (a checkout and a home that are both read-only) the sources run
 * through tsx, which takes longer to start.
 */
export async function loadMain(checkout = ownCheckout()) {
  if (process.argv.includes('--debug') || process.env['FERRY_DEBUG']) process.setSourceMapsEnabled(true);
  const file = await compiled(checkout);
  if (file !== undefined) return import(pathToFileURL(file).href);
  const { register } = await import('tsx/esm/api');
  register();
  return import(pathToFileURL(join(checkout.root, checkout.entry)).href);
}

/**
 * The package that an error of {@link loadMain} says cannot be found, from npm or of the checkout itself: it was added
 * to the checkout after the last `npm ci`.
 *
 * @param {unknown} error
 * @returns {string | undefined} its name; nothing for any other error
 */
export function missingPackage(error) {
  if (!(error instanceof Error)) return undefined;
  const texts =
    'errors' in error ? /** @type {{ text: string }[]} */ (error.errors).map(({ text }) => text) : [];
  const found = [...texts, error.message].map((text) =>
    /^(?:Could not resolve|Cannot find (?:package|module)) ["']((?:@[\w.-]+\/)?[\w-][\w.-]*)/.exec(text),
  );
  return found.find((match) => match !== null)?.[1];
}

/**
 * Path of the compiled entry, made now if the sources have changed since the last build.
 *
 * @param {Checkout} checkout
 * @returns {Promise<string | undefined>} nothing where no cache can be written
 */
export async function compiled({ root, entry, caches }) {
  const main = basename(entry).replace(/\.ts$/, '.js');
  return kept(caches, sourceState(root), main, (outdir) => compileTo(root, entry, outdir));
}

/**
 * Compiles the entry, and each module of its own app that it imports dynamically.
 *
 * @param {string} root
 * @param {string} entry
 * @param {string} outdir
 * @returns {Promise<Map<string, string[]>>} for each bundle's source what it imports from outside
 */
export async function compileTo(root, entry, outdir) {
  const { build } = await import('esbuild');
  const app = dirname(join(root, entry));
  /** @param {string} path */
  const nameOf = (path) => relative(app, path).replaceAll(sep, '-').replace(/\.ts$/, '');
  /** @type {Map<string, string[]>} */
  const outside = new Map();
  let todo = [join(root, entry)];
  const seen = new Set(todo);
  // All bundles that are known so far in one build: what they share is read and parsed once.
  while (todo.length > 0) {
    /** @type {string[]} */
    const found = [];
    const { metafile } = await build({
      ...buildOptions(root),
      entryPoints: Object.fromEntries(todo.map((path) => [nameOf(path), path])),
      outdir,
      plugins: [
        ownBundles(app, nameOf, (path) => !seen.has(path) && (seen.add(path), found.push(path))),
        outsidePackages,
        ownPlaces,
      ],
    });
    for (const { entryPoint, imports } of Object.values(metafile.outputs)) {
      if (entryPoint === undefined) continue;
      const fixed = imports.filter(({ external, kind }) => external && kind !== 'dynamic-import');
      outside.set(
        entryPoint,
        fixed.map(({ path }) => path),
      );
    }
    todo = found;
  }
  return outside;
}

/**
 * Loads an action, and files of the user's that use the same packages as it: those of the checkout. Actions and packages
 * are compiled once for a state of the sources, and kept; the files are compiled at each use, which takes a few
 * hundredths of a second, and kept nowhere.
 *
 * @param {string} action - Of `src/actions`.
 * @param {readonly string[]} files - Modules that export something by default.
 * @returns {Promise<{ action: object, models: unknown[] }>} the action's exports, and the defaults of the files
 */
export async function bundleWith(action, files, checkout = ownCheckout()) {
  const { root, entry } = checkout;
  const { build } = await import('esbuild');
  const shared = await sharedBuild(checkout);
  const lines = [
    ...files.map((file, i) => `import model${String(i)} from ${JSON.stringify(file)};`),
    `export const models = [${files.map((_, i) => `model${String(i)}`).join(', ')}];`,
  ];
  const outdir = mkdtempSync(join(tmpdir(), 'ferry-model-'));
  try {
    await build({
      ...buildOptions(root),
      stdin: {
        contents: lines.join('\n'),
        resolveDir: dirname(join(root, entry)),
        sourcefile: 'models.ts',
        loader: 'ts',
      },
      outfile: join(outdir, 'models.mjs'),
      sourcemap: 'inline',
      plugins: [sharedPackages(root, shared), checkoutFirst(root), outsidePackages, ownPlaces],
    });
    const loaded = await import(pathToFileURL(join(shared, 'actions', `${action}.js`)).href);
    const { models } = await import(pathToFileURL(join(outdir, 'models.mjs')).href);
    return { action: loaded, models };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/**
 * The directory of a build in which all actions share the packages that each uses, with a module for each package by
 * its name. Where no build can be kept it is made for this process alone.
 *
 * @param {Checkout} checkout
 */
async function sharedBuild({ root, entry, caches }) {
  const done = 'packages.txt';
  const file = await kept(caches, `${sourceState(root)}-shared`, done, (outdir) =>
    compileShared(root, entry, outdir),
  );
  if (file !== undefined) return dirname(file);
  const outdir = mkdtempSync(join(tmpdir(), 'ferry-shared-'));
  process.once('exit', () => {
    rmSync(outdir, { recursive: true, force: true });
  });
  await compileShared(root, entry, outdir);
  return outdir;
}

/**
 * @param {string} root
 * @param {string} entry
 * @param {string} outdir
 */
async function compileShared(root, entry, outdir) {
  const { build } = await import('esbuild');
  const actions = join(dirname(join(root, entry)), 'actions');
  const packages = packagesOf(root);
  await build({
    ...buildOptions(root),
    entryPoints: Object.fromEntries([
      ...directory(actions).map((file) => [`actions/${file.replace(/\.ts$/, '')}`, join(actions, file)]),
      ...packages.map(({ name, main }) => [name, main]),
    ]),
    outdir,
    splitting: true,
    chunkNames: 'chunks/[hash]',
    plugins: [outsidePackages, ownPlaces],
  });
  writeFileSync(join(outdir, 'packages.txt'), packages.map(({ name }) => `${name}\n`).join(''));
}

/**
 * The packages of the checkout: their names, their places and the modules that they are imported by.
 *
 * @param {string} root
 */
function packagesOf(root) {
  return ['packages', 'apps'].flatMap((group) =>
    directory(join(root, group)).flatMap((folder) => {
      const place = join(root, group, folder);
      const description = join(place, 'package.json');
      if (!existsSync(description)) return [];
      /** @type {{ name: string, exports?: string | Record<string, string> }} */
      const { name, exports } = JSON.parse(readFileSync(description, 'utf8'));
      const main = typeof exports === 'string' ? exports : exports?.['.'];
      return main === undefined ? [] : [{ name, place: place + sep, main: join(place, main) }];
    }),
  );
}

/**
 * Packages of the checkout are those of the shared build.
 *
 * @param {string} root
 * @param {string} shared
 * @returns {import('esbuild').Plugin}
 */
function sharedPackages(root, shared) {
  const packages = packagesOf(root);
  return {
    name: 'shared-packages',
    setup({ onResolve }) {
      onResolve({ filter: /^@ferry\// }, ({ path }) =>
        packages.some(({ name }) => name === path)
          ? { path: pathToFileURL(join(shared, `${path}.js`)).href, external: true }
          : undefined,
      );
      // A second copy of a package would not know what the first one holds.
      onResolve({ filter: /^\.{0,2}\// }, ({ path, importer, resolveDir, kind }) => {
        const target = resolve(resolveDir, path);
        const found = packages.find(({ place }) => target.startsWith(place));
        if (!found || kind === 'entry-point' || !isAbsolute(importer) || importer.startsWith(found.place))
          return undefined;
        return {
          errors: [{ text: `must be imported by the name of its package, ${found.name}, got ${path}` }],
        };
      });
    },
  };
}

/**
 * What a file outside the checkout imports by name is looked for in the checkout first: its own packages, and npm's as
 * they use them.
 *
 * @param {string} root
 * @returns {import('esbuild').Plugin}
 */
function checkoutFirst(root) {
  // Whoever imports from there is at home; asking on behalf of the first is how others are answered.
  const own = join(root, 'package.json');
  const inside = [own, ...['packages', 'apps', 'node_modules'].map((place) => join(root, place) + sep)];
  return {
    name: 'checkout-first',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer }) => {
        if (!isAbsolute(importer) || inside.some((place) => importer.startsWith(place))) return undefined;
        const found = await resolve(path, { kind, importer: own, resolveDir: root });
        return found.errors.length > 0 ? undefined : found;
      });
    },
  };
}

/**
 * How a module is compiled.
 *
 * @param {string} root
 * @returns {import('esbuild').BuildOptions & { metafile: true }}
 */
function buildOptions(root) {
  return {
    absWorkingDir: root,
    bundle: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // What Node itself would choose in a package's exports.
    conditions: [],
    mainFields: ['main'],
    // Error classes and stack traces keep the names of the sources.
    keepNames: true,
    sourcemap: 'linked',
    logLevel: 'silent',
  };
}

/**
 * `await import('./x.ts')` within the app loads a bundle of its own. Only one of them is run in a process, so none
 * shares state with another.
 *
 * @param {string} app
 * @param {(path: string) => string} nameOf
 * @param {(path: string) => void} found
 * @returns {import('esbuild').Plugin}
 */
function ownBundles(app, nameOf, found) {
  return {
    name: 'own-bundles',
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, kind, resolveDir }) => {
        if (kind !== 'dynamic-import' || !`${resolveDir}${sep}`.startsWith(`${app}${sep}`)) return undefined;
        const target = join(resolveDir, path);
        found(target);
        return { path: `./${nameOf(target)}.js`, external: true };
      });
    },
  };
}

/**
 * Packages from npm by the address of their file, since a build may lie where no `node_modules` is above it.
 *
 * @type {import('esbuild').Plugin}
 */
const outsidePackages = {
  name: 'outside-packages',
  setup({ onResolve, resolve }) {
    const inside = Symbol('inside');
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === inside || kind === 'entry-point' || path.startsWith('@ferry/')) return undefined;
      if (path.startsWith('node:') || builtinModules.includes(path)) return { path, external: true };
      const found = await resolve(path, { kind, importer, resolveDir, pluginData: inside });
      // An optional package that is not installed stays an import that fails when it is reached.
      if (found.errors.length > 0) return { path, external: true };
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/**
 * `import.meta.url` and its kin stay those of the source: recipes, weights and workers lie beside it.
 *
 * @type {import('esbuild').Plugin}
 */
const ownPlaces = {
  name: 'own-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.[jt]s$/ }, async ({ path }) => {
      const places = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
      const source = await readFile(path, 'utf8');
      const contents = source.replace(/\bimport\.meta\.(url|dirname|filename)\b/g, (_, place) =>
        JSON.stringify(places[/** @type {keyof typeof places} */ (place)]),
      );
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};
