// Compiles packages/tfjs-backend-ort/assembly to WebAssembly and writes it as a module of base64 text, so that the
// package runs from sources. With --check: fails if the written module is not what the sources give.
import { readFile, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const target = new URL('../packages/tfjs-backend-ort/src/wasm/binary.ts', import.meta.url);
const source = new URL('../packages/tfjs-backend-ort/assembly/kernels.ts', import.meta.url);

const text = await readFile(source, 'utf8');
let binary;
const { error } = await asc.main(
  [
    'kernels.ts',
    '--outFile',
    'kernels.wasm',
    '-O3',
    '--runtime',
    'stub',
    '--noAssert',
    '--importMemory',
    '--enable',
    'simd,bulk-memory',
  ],
  {
    readFile: (name) => (name === 'kernels.ts' ? text : null),
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
    listFiles: () => [],
  },
);
if (error || !binary) throw new Error(`assemblyscript: ${error?.message ?? 'no output'}`);

const module = `/** The host kernels of assembly/kernels.ts as WebAssembly, written by tools/build-wasm.js. */
export const KERNELS_BASE64 =
  '${Buffer.from(binary).toString('base64')}';
`;
if (process.argv.includes('--check')) {
  const written = await readFile(target, 'utf8');
  if (written.replaceAll(/\s/g, '') !== module.replaceAll(/\s/g, ''))
    throw new Error(
      'src/wasm/binary.ts is not what assembly/kernels.ts compiles to: run node tools/build-wasm.js',
    );
} else {
  await writeFile(target, module);
}
