// Puts ONNX Runtime's libraries of CUDA, which its npm package leaves out, beside those of onnxruntime-node, once all that
// they need was found. See docs/backends.md.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findLibraries, libraryNeeds } from './sharedLibraries.ts';

const USAGE = `Usage: npx tsx tools/link-cuda.ts [options]

Puts ONNX Runtime's libraries of CUDA beside those of onnxruntime-node, if they are of its version and all that they need is
on this machine; else says what is missing, and changes nothing.

  --from <place>    where they are: a folder, a Python environment or its site-packages with onnxruntime-gpu, a .tgz of an
                    npm package, or npm:<package>[@<version>], which is fetched from the npm registry
                    (default: what onnxruntime-node's own installer fetches from nuget.org, for CUDA 12)
  --project <dir>   project whose node_modules has onnxruntime-node (default: the working directory)
  --check           look, and change nothing`;

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const LIBRARIES = [PROVIDER, 'libonnxruntime_providers_shared.so'];
/** What the provider opens by itself, and so does not name among what it needs. */
const OPENED = ['libcudnn.so.9'];
const PLACE = join('bin', 'napi-v6', 'linux', 'x64');

/** What makes linking impossible. */
class LinkError extends Error {}

/** Folders below one, itself first. */
function* foldersIn(folder: string, depth: number): Generator<string> {
  yield folder;
  if (depth === 0) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) yield* foldersIn(join(folder, entry.name), depth - 1);
}

/** Runs a command that makes files; what it printed last is in the error. */
function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    const printed = (stderr || stdout).trim().split('\n');
    const errors = printed.filter((line) => /error|cannot/i.test(line)).slice(0, 2);
    const said = error?.message ?? (errors.length > 0 ? errors.join('; ') : printed.at(-1)!);
    throw new LinkError(`'${[command, ...args].join(' ')}' failed: ${said}`);
  }
  return stdout;
}

/**
 * The folder that holds the libraries.
 *
 * @param from - See {@link USAGE}.
 * @param scratch - An empty folder for what is fetched.
 */
function sourceOf(from: string | undefined, runtime: string, scratch: string): string {
  let place = scratch;
  if (from === undefined) {
    // The installer writes beside itself, so that a copy of it changes nothing.
    cpSync(join(runtime, 'script'), join(scratch, 'script'), { recursive: true });
    copyFileSync(join(runtime, 'package.json'), join(scratch, 'package.json'));
    // By an argument it does nothing under npm and npx, and says nothing.
    run(process.execPath, ['script/install.js'], scratch, {
      NODE_PATH: dirname(runtime),
      ONNXRUNTIME_NODE_INSTALL: 'true',
    });
  } else if (from.startsWith('npm:')) {
    const packed = run('npm', ['pack', '--loglevel=error', from.slice('npm:'.length)], scratch).trim();
    run('tar', ['-xzf', packed.split('\n').at(-1)!], scratch);
  } else if (/\.tgz$/.test(from)) run('tar', ['-xzf', resolve(from)], scratch);
  else place = resolve(from);
  if (!existsSync(place)) throw new LinkError(`no such folder: ${place}`);
  if (!statSync(place).isDirectory())
    throw new LinkError(`--from must be a folder, a .tgz or npm:<package>, got the file ${place}`);
  // A Python environment: lib/python3.11/site-packages/onnxruntime/capi.
  for (const folder of foldersIn(place, 6)) {
    const lacking = LIBRARIES.filter((name) => !existsSync(join(folder, name)));
    if (lacking.length === 0) return folder;
    if (lacking.length < LIBRARIES.length) throw new LinkError(`${folder} has no ${lacking.join(', ')}`);
  }
  throw new LinkError(`no ${LIBRARIES.join(' and ')} in ${from ?? 'what the installer fetched'}`);
}

/** The version of ONNX Runtime that a library of its was built with. */
export function builtWith(library: string): string | undefined {
  const [size, overlap] = [1 << 24, 32];
  const file = openSync(library, 'r');
  try {
    const bytes = Buffer.alloc(size);
    for (let at = 0; ; at += size - overlap) {
      const read = readSync(file, bytes, 0, size, at);
      // A text of its own.
      const found = /\0(1\.\d{1,3}\.\d{1,3})\0/.exec(bytes.toString('latin1', 0, read));
      if (found) return found[1];
      if (read < size) return undefined;
    }
  } finally {
    closeSync(file);
  }
}

/** Folders in which Python's packages of CUDA keep their libraries, near those of ONNX Runtime. */
function pythonFolders(source: string): string[] {
  const packages = join(source, '..', '..', 'nvidia');
  if (!existsSync(packages)) return [];
  return [...foldersIn(packages, 2)].filter((folder) => basename(folder) === 'lib');
}

/** What is wrong with the libraries, a line each, and what was found out about them. */
export function inspectProvider(source: string, runtime: string): { lines: string[]; problems: string[] } {
  const provider = join(source, PROVIDER);
  const { version } = JSON.parse(readFileSync(join(runtime, 'package.json'), 'utf8')) as { version: string };
  const built = builtWith(provider);
  const { needed, runPath } = libraryNeeds(provider);
  const cuda = needed.map((name) => /^libcudart\.so\.(\d+)$/.exec(name)?.[1]).find(Boolean);
  const lines = [
    `provider          ${provider} (${Math.round(statSync(provider).size / 2 ** 20)} MiB)`,
    `ONNX Runtime      ${built ?? 'unknown'}, onnxruntime-node is ${version}`,
    `CUDA              ${cuda ?? 'unknown'}`,
  ];
  const problems: string[] = [];
  if (built !== version)
    problems.push(
      `the provider must be of onnxruntime-node's version, ${version}, got ${built ?? 'none that it names'}` +
        (built === undefined ? '' : `: it would go with onnxruntime-node@${built}`),
    );
  const asked = new Map([...needed, ...OPENED].map((name) => [name, PROVIDER]));
  const { found, missing } = findLibraries(asked, runPath);
  for (const [name, path] of found)
    if (/cu(?:da|blas|dnn|rand|fft)/.test(name)) lines.push(`${name.padEnd(18)}${path}`);
  const beside = pythonFolders(source);
  const elsewhere = new Set<string>();
  for (const [name, by] of missing) {
    const folder = beside.find((each) => existsSync(join(each, name)));
    if (folder) elsewhere.add(folder);
    else
      problems.push(
        `${name} is on no path of the loader (${by} needs it)` +
          (name === 'libcuda.so.1' ? ": it comes with NVIDIA's driver" : ''),
      );
  }
  if (elsewhere.size > 0)
    problems.push(
      `libraries lie where the loader does not look: export LD_LIBRARY_PATH=${[...elsewhere].join(':')}`,
    );
  return { lines, problems };
}

/** Runs one operation on CUDA. */
const CHECK = `
const { InferenceSession, Tensor } = require(process.argv[1]);
InferenceSession.create(Buffer.from(process.argv[2], 'base64'), { executionProviders: ['cuda'] })
  .then((session) => session.run({ v0: new Tensor('float32', [2], [1]) }))
  .then(({ v1 }) => { if (v1.data[0] !== -2) throw new Error('-(2) gave ' + v1.data[0]); })
  .catch((error) => { console.error(error.message); process.exitCode = 1; });`;
/** An ONNX model, v1 = -v0 for one number. */
const NEGATION =
  'CAoSBWZlcnJ5OkIKFgoCdjASAnYxGgdncmFwaCMxIgNOZWcSBHN0ZXBiEAoCdjESCgoICAESBAoCCAFa' +
  'EAoCdjASCgoICAESBAoCCAFCBAoAEBVCEQoNY29tLm1pY3Jvc29mdBAB';

/** Copies the libraries under other names first, so that none is ever half there. */
function place(source: string, folder: string): void {
  for (const name of LIBRARIES) {
    const half = join(folder, `${name}.part`);
    copyFileSync(join(source, name), half);
    chmodSync(half, 0o755);
    renameSync(half, join(folder, name));
  }
}

/** Runs an operation on CUDA with a copy of onnxruntime-node that has the libraries, in a process of its own. */
function tryOut(source: string, runtime: string, trial: string): void {
  // Where the package is a link, a copy of that would be the package itself.
  cpSync(realpathSync(runtime), trial, { recursive: true });
  place(source, join(trial, PLACE));
  const { status, stderr } = spawnSync(process.execPath, ['-e', CHECK, trial, NEGATION], {
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: dirname(runtime) },
  });
  if (status !== 0)
    throw new LinkError(
      `nothing was changed: a copy of onnxruntime-node with them does not run: ${stderr.trim()}`,
    );
}

/**
 * The command.
 *
 * @param args - Arguments after the script's name.
 * @param log - Receives lines for the user.
 * @returns The exit code.
 */
export function main(args: string[], log: (line: string) => void): number {
  const scratch = mkdtempSync(join(tmpdir(), 'ferry-cuda-'));
  try {
    const { values } = parseArgs({
      args,
      options: {
        from: { type: 'string' },
        project: { type: 'string', default: process.cwd() },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      log(USAGE);
      return 0;
    }
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new LinkError(
        `ONNX Runtime has CUDA on linux x64 alone here, got ${process.platform} ${process.arch}`,
      );
    const runtime = join(resolve(values.project), 'node_modules', 'onnxruntime-node');
    const folder = join(runtime, PLACE);
    if (!existsSync(folder))
      throw new LinkError(`onnxruntime-node is not installed in ${values.project}: no ${folder}`);
    const source = sourceOf(values.from, runtime, scratch);
    const { lines, problems } = inspectProvider(source, runtime);
    for (const line of lines) log(line);
    if (problems.length > 0) throw new LinkError(`nothing was changed:\n  ${problems.join('\n  ')}`);
    if (values.check) {
      log('link-cuda: all that it needs is there; nothing was changed');
      return 0;
    }
    tryOut(source, runtime, join(scratch, 'trial'));
    place(source, folder);
    log(`link-cuda: onnxruntime-node computes on CUDA; FERRY_BACKEND=ort:cuda, or auto, takes it`);
    return 0;
  } catch (error) {
    log(`link-cuda: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2), (line) => {
    console.log(line);
  });
