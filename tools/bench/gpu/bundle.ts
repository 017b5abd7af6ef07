// Makes an archive with tools/bench/gpu/measure.ts and all it needs, for a Linux machine (x64) with a GPU and nothing else, not
// even a network: this Node.js, ONNX Runtime, the PyTorch twin's script, and the Vulkan loader where a machine may lack it.
//
//   npx tsx tools/bench/gpu/bundle.ts gpu-bench.tar.xz [--vulkan /usr/lib/x86_64-linux-gnu/libvulkan.so.1]
//   tar xf gpu-bench.tar.xz && gpu-bench/run [--only sasrec]        there
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';

const { values: options, positionals } = parseArgs({
  options: { vulkan: { type: 'string' } },
  allowPositionals: true,
});
const archive = resolve(positionals[0] ?? 'gpu-bench.tar.xz');
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ferry-bundle-'));
const root = join(folder, 'gpu-bench');
mkdirSync(root);

/** The folder of a package, as another sees it. */
function packageFolder(name: string, from: string): string {
  const inside = `${join('node_modules', ...name.split('/'))}/`;
  const file = realpathSync(createRequire(from).resolve(name));
  return file.slice(0, file.lastIndexOf(inside) + inside.length);
}

/** TensorFlow.js is required where it is installed (`tfjs.js` says why); here it is a part of the bundle. */
const tfjsInside: Plugin = {
  name: 'tfjs-inside',
  setup(own) {
    own.onLoad({ filter: /tfjs-backend-ort[\\/]src[\\/]tfjs\.js$/ }, ({ path }) => ({
      contents: "export const tf = require('@tensorflow/tfjs');",
      resolveDir: dirname(path),
    }));
  },
};

try {
  // Packages say that their modules do nothing but export; the registration of kernels is such a module.
  await build({
    ...{ entryPoints: [here('measure.ts')], outfile: join(root, 'bench/measure.mjs') },
    ...{ bundle: true, platform: 'node', format: 'esm', ignoreAnnotations: true, logLevel: 'warning' },
    plugins: [tfjsInside],
    external: ['onnxruntime-node', 'koffi', 'sharp', '@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'],
    banner: {
      js: "import { createRequire as madeRequire } from 'node:module'; const require = madeRequire(import.meta.url);",
    },
  });
  // Modules ask the file above them for their version.
  cpSync(here('../../../packages/engine/package.json'), join(root, 'package.json'));
  const backend = here('../../../packages/tfjs-backend-ort/package.json');
  const runtime = packageFolder('onnxruntime-node', backend);
  const common = packageFolder('onnxruntime-common', join(runtime, 'package.json'));
  const libraries = 'bin/napi-v6/linux/x64';
  for (const part of ['package.json', 'dist', libraries])
    cpSync(join(runtime, part), join(root, 'node_modules/onnxruntime-node', part), { recursive: true });
  cpSync(common, join(root, 'node_modules/onnxruntime-common'), {
    recursive: true,
    filter: (path) => !/\.(map|md)$|[\\/](esm|lib)$/.test(path),
  });
  cpSync(here('../../parity/engine_bench.py'), join(root, 'bench/engine_bench.py'));
  cpSync(process.execPath, join(root, 'node'));
  if (options.vulkan) cpSync(realpathSync(options.vulkan), join(root, 'lib', 'libvulkan.so.1'));
  const own = '$(cd "$(dirname "$0")" && pwd)';
  writeFileSync(
    join(root, 'run'),
    `#!/bin/sh\nhere=${own}\nLD_LIBRARY_PATH="$LD_LIBRARY_PATH:$here/lib" exec "$here/node" "$here/bench/measure.mjs" "$@"\n`,
  );
  chmodSync(join(root, 'run'), 0o755);
  mkdirSync(dirname(archive), { recursive: true });
  execFileSync('tar', [
    '--create',
    '--use-compress-program',
    'xz -T0',
    '--file',
    archive,
    '--directory',
    folder,
    'gpu-bench',
  ]);
  console.log(`${archive}: ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);
} finally {
  rmSync(folder, { recursive: true });
}
