// The tests that run on any backend, on ort:webgpu: where no WebGPU adapter is found, one line says so, and that is success.
//
//   npm run test:webgpu            minutes on SwiftShader
//   npm run test:webgpu:slow       all of the PyTorch twin of MISSRec, and all cases of the layers and losses
//
// docs/backends.md says how to get SwiftShader.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Test files of one package; `only` names tests. */
interface Part {
  readonly folder: string;
  readonly files: readonly string[];
  readonly only?: string;
}

const quick: readonly Part[] = [
  { folder: 'packages/tfjs-backend-ort', files: ['parity', 'gradients', 'operations', 'nan', 'device'] },
  { folder: 'packages/nn', files: ['layers', 'optimizer'], only: 'compiled: false' },
  {
    folder: 'packages/missrec',
    files: ['parity'],
    only: "'paper (finetune add|pretrain-words.*) shared with IDs'.*losses",
  },
  { folder: 'apps/cli', files: ['training.webgpu'] },
];
const slow: readonly Part[] = [
  { folder: 'packages/nn', files: ['layers', 'optimizer', 'losses', 'lazyAdam'] },
  { folder: 'packages/missrec', files: ['parity'] },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: { slow: { type: 'boolean', default: false }, probe: { type: 'boolean', default: false } },
});

if (options.probe) {
  const { probeProvider } = await import('@ferry/tfjs-backend-ort');
  console.log(probeProvider('webgpu').reason);
  process.exit();
}

// In a process of its own: a driver that fails may end it, or write to standard error.
const probe = spawnSync('npx', ['tsx', 'tools/test-webgpu.ts', '--probe'], { cwd: root, encoding: 'utf8' });
const reason =
  probe.status === 0
    ? probe.stdout.trim()
    : `asking for it ended the process (${probe.signal ?? probe.status})`;
if (reason !== '') {
  console.log(`test:webgpu: not run: ${reason}`);
  process.exit();
}
let failed = false;
for (const { folder, files, only } of options.slow ? slow : quick) {
  const paths = files.map((file) => `test/${file}.test.ts`);
  const { status } = spawnSync(
    'npx',
    ['vitest', 'run', ...paths, ...(only === undefined ? [] : ['-t', only])],
    {
      cwd: join(root, folder),
      env: { ...process.env, FERRY_TEST_BACKENDS: 'ort:webgpu' },
      stdio: 'inherit',
    },
  );
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
