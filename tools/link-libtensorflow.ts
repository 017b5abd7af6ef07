// Builds the native binding of @tensorflow/tfjs-node against the libtensorflow of an installed TensorFlow Python wheel,
// where its own download of libtensorflow 2.9 is blocked or too old. See docs/backends.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The versions that @ferry/engine runs with. */
const { peerDependencies: versions } = createRequire(import.meta.url)('../packages/engine/package.json') as {
  peerDependencies: Record<string, string>;
};
const USAGE = `Usage: npx tsx tools/link-libtensorflow.ts [options]

Builds the native binding of an installed @tensorflow/tfjs-node against the libtensorflow of a TensorFlow Python wheel.

  --wheel <dir>     site-packages directory, tensorflow package directory or virtual environment that has the wheel
                    (default: FERRY_TENSORFLOW_WHEEL, else where python3 finds tensorflow)
  --package <name>  @tensorflow/tfjs-node (default) or @tensorflow/tfjs-node-gpu
  --project <dir>   project whose node_modules has the package (default: the working directory)
  --install         first install the package there, without its install script and without saving it
  --if-present      where there is no wheel, or no package to link: say so in one line and succeed`;

/** What makes linking impossible; with --if-present `absent` ones are no failure. */
class LinkError extends Error {
  readonly absent: boolean;
  constructor(message: string, absent = false) {
    super(message);
    this.absent = absent;
  }
}

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const HEADERS = ['include/tensorflow/c/c_api.h', 'include/tensorflow/c/eager/c_api.h'];

/**
 * The `tensorflow` package directory of a wheel.
 *
 * @param given - site-packages, the package directory or a virtual environment; python3 is asked when undefined.
 * @throws Error if there is none, or if it lacks the libraries or the C headers.
 */
export function findWheel(given: string | undefined): string {
  const directory = given === undefined ? wheelOfPython() : wheelIn(resolve(given));
  const lacking = [...LIBRARIES, ...HEADERS].filter((file) => !existsSync(join(directory, file)));
  if (lacking.length > 0) throw new LinkError(`${directory} has no ${lacking.join(', ')}`, true);
  return directory;
}

function wheelIn(given: string): string {
  const libraries = join(given, 'lib');
  const pythons = existsSync(libraries)
    ? readdirSync(libraries)
        .filter((name) => name.startsWith('python3'))
        .map((name) => join(libraries, name, 'site-packages', 'tensorflow'))
    : [];
  const candidates = [given, join(given, 'tensorflow'), ...pythons];
  const found = candidates.find((candidate) => existsSync(join(candidate, LIBRARIES[0]!)));
  if (!found) throw new LinkError(`no TensorFlow Python wheel in ${given} (no ${LIBRARIES[0]!})`, true);
  return found;
}

/** Finds the package without importing it. */
function wheelOfPython(): string {
  const script =
    'import importlib.util as u; s = u.find_spec("tensorflow"); print(s.submodule_search_locations[0] if s else "")';
  const { stdout } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  const directory = ((stdout as string | null) ?? '').trim();
  if (!directory)
    throw new LinkError(
      'no TensorFlow Python wheel: python3 finds no module tensorflow; name one with --wheel',
      true,
    );
  return directory;
}

function packageDirectory(project: string, name: string): string | undefined {
  const directory = join(project, 'node_modules', name);
  return existsSync(join(directory, 'package.json')) ? directory : undefined;
}

/** node-gyp comes with npm. */
function nodeGyp(): string {
  const given = process.env['npm_config_node_gyp'];
  if (given) return given;
  const inNpm = 'npm/node_modules/node-gyp/bin/node-gyp.js';
  const prefix = dirname(dirname(process.execPath));
  const roots = [join(prefix, 'lib', 'node_modules'), join(prefix, 'node_modules')];
  try {
    roots.push(
      execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
    );
  } catch {
    // Without npm on the path only the places beside node remain.
  }
  const found = roots.map((root) => join(root, inNpm)).find((path) => existsSync(path));
  if (!found)
    throw new LinkError(`node-gyp was not found in ${roots.join(', ')}: set npm_config_node_gyp to its path`);
  return found;
}

/** Points the package's deps folder at the wheel. Returns the directory to link against. */
function stageDependencies(directory: string, wheel: string): string {
  const deps = join(directory, 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(join(deps, 'link'), { recursive: true });
  symlinkSync(join(wheel, 'include'), join(deps, 'include'));
  // The whole folder and not single files: the libraries look for their neighbours relative to where they lie.
  symlinkSync(wheel, join(deps, 'lib'));
  // The names that binding.gyp links against; what the binding records are the libraries' own names.
  symlinkSync(join(wheel, LIBRARIES[0]!), join(deps, 'link', 'libtensorflow.so'));
  symlinkSync(join(wheel, LIBRARIES[1]!), join(deps, 'link', 'libtensorflow_framework.so'));
  return join(deps, 'link');
}

function build(directory: string, linkDirectory: string): void {
  const preGyp = createRequire(join(directory, 'package.json')).resolve(
    '@mapbox/node-pre-gyp/bin/node-pre-gyp',
  );
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [preGyp, 'install', '--build-from-source', ...headers],
    {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: {
        ...process.env,
        npm_config_node_gyp: nodeGyp(),
        LIBRARY_PATH: [linkDirectory, process.env['LIBRARY_PATH']].filter(Boolean).join(':'),
      },
    },
  );
  if (status !== 0)
    throw new LinkError(
      'the binding did not compile (a C++ compiler, make and python3 are needed):\n' +
        (stdout + stderr).split('\n').slice(-25).join('\n'),
    );
}

const CHECK = `
const tf = require(process.argv[1]);
const product = tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync();
if (!product.every((x) => x === 3)) throw new Error('matMul gave ' + product);
console.log(tf.backend().binding.TF_Version + (tf.backend().isUsingGpuDevice ? ' on a GPU' : ' on the CPU'));`;

/** Loads the linked package in a process of its own. Returns TensorFlow's version and device. */
function check(directory: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', CHECK, directory], {
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  if (status !== 0) throw new LinkError(`the linked binding does not run:\n${stderr}`);
  return stdout.trim();
}

function install(project: string, name: string): void {
  const args = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${name}@${versions[name]!}`,
  ];
  const { status, stderr } = spawnSync('npm', args, { cwd: project, encoding: 'utf8' });
  if (status !== 0) throw new LinkError(`'npm ${args.join(' ')}' failed:\n${stderr}`);
}

/**
 * The command.
 *
 * @param args - Arguments after the script's name.
 * @param log - Receives lines for the user.
 * @returns The exit code.
 */
export function main(args: string[], log: (line: string) => void): number {
  let lenient = false;
  try {
    const { values } = parseArgs({
      args,
      options: {
        wheel: { type: 'string' },
        package: { type: 'string', default: '@tensorflow/tfjs-node' },
        project: { type: 'string', default: process.cwd() },
        install: { type: 'boolean', default: false },
        'if-present': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      log(USAGE);
      return 0;
    }
    lenient = values['if-present'];
    const name = values.package;
    if (name !== '@tensorflow/tfjs-node' && name !== '@tensorflow/tfjs-node-gpu')
      throw new LinkError(
        `--package must be @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu, got '${name}'`,
      );
    if (process.platform !== 'linux')
      throw new LinkError(`only Linux wheels carry the libraries this needs, got ${process.platform}`, true);
    const wheel = findWheel(values.wheel ?? process.env['FERRY_TENSORFLOW_WHEEL']);
    const project = resolve(values.project);
    if (values.install && !packageDirectory(project, name)) install(project, name);
    const directory = packageDirectory(project, name);
    if (!directory)
      throw new LinkError(
        `${name} is not installed in ${project}/node_modules; add --install to install it`,
        true,
      );
    build(directory, stageDependencies(directory, wheel));
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      version: string;
    };
    log(`link-libtensorflow: ${name} ${version} runs TensorFlow ${check(directory)}, from ${wheel}`);
    return 0;
  } catch (error) {
    const skipped = lenient && error instanceof LinkError && error.absent;
    log(
      `link-libtensorflow: ${skipped ? 'skipped, ' : ''}${error instanceof Error ? error.message : String(error)}`,
    );
    return skipped ? 0 : 1;
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2), (line) => {
    console.log(line);
  });
