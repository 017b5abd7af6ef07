// Compiles packages/tfjs-backend-ort/assembly to WebAssembly and writes it as modules of base64 text, so that the
// package runs from sources. With --check: fails if a written module is not what the sources give.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = new URL('../packages/tfjs-backend-ort/', import.meta.url);
const programs = [
  {
    source: 'assembly/kernels.ts',
    target: 'src/wasm/binary.ts',
    name: 'KERNELS_BASE64',
    what: 'host kernels',
    flags: ['--enable', 'simd,bulk-memory'],
  },
  {
    source: 'assembly/sparse.ts',
    target: 'src/wasm/sparseBinary.ts',
    name: 'SPARSE_BASE64',
    what: 'sparse products',
    flags: [
      '--enable',
      'simd,bulk-memory,threads',
      '--sharedMemory',
      '--initialMemory',
      '16',
      '--maximumMemory',
      '65536',
    ],
  },
];

/** What a source compiles to. */
async function compiled(source, flags) {
  let binary;
  const { error } = await asc.main(
    [
      source,
      '--baseDir',
      fileURLToPath(folder),
      '--outFile',
      'program.wasm',
      '-O3',
      '--runtime',
      'stub',
      '--noAssert',
      '--importMemory',
      ...flags,
    ],
    {
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') binary = contents;
      },
    },
  );
  if (error || !binary) throw new Error(`assemblyscript: ${source}: ${error?.message ?? 'no output'}`);
  return Buffer.from(binary).toString('base64');
}

for (const { source, target, name, what, flags } of programs) {
  const module = `/** The ${what} of ${source} as WebAssembly, written by tools/build-wasm.js. */
export const ${name} =
  '${await compiled(source, flags)}';
`;
  const file = new URL(target, folder);
  if (!process.argv.includes('--check')) await writeFile(file, module);
  else if ((await readFile(file, 'utf8')).replaceAll(/\s/g, '') !== module.replaceAll(/\s/g, ''))
    throw new Error(`${target} is not what ${source} compiles to: run node tools/build-wasm.js`);
}
