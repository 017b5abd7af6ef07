// Writes docs/kernels.md: the kernels that the backend `ort` registers, as the registry has them.
// With --check: fails if the written page is not what the registry gives.
import { readFile, writeFile } from 'node:fs/promises';
import { registerOrtBackend, supportedKernels, tf } from '@ferry/engine';

const target = new URL('../docs/kernels.md', import.meta.url);
const COMMAND = 'npx tsx tools/list-kernels.ts';

registerOrtBackend();
const kernels = supportedKernels();
const registered = new Set(tf.getKernelsForBackend('ort').map(({ kernelName }) => kernelName));
const unregistered = kernels.filter((name) => !registered.has(name));
if (unregistered.length > 0 || registered.size !== kernels.length)
  throw new Error(
    `list-kernels: supportedKernels() must name the registered kernels, got ${unregistered.join(', ')}`,
  );

/** tfjs exports the name of each of its kernels as a constant of that name. */
const exported: Record<string, unknown> = { ...tf };
const known = new Set(Object.keys(exported).filter((name) => exported[name] === name));
const own = kernels.filter((name) => !known.has(name));
const missing = [...known].filter((name) => !registered.has(name)).sort();

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** Rows as a Markdown table, padded as prettier pads them. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const rows = kernels
  .filter((name) => known.has(name))
  .map((name) => {
    const gradient: unknown = tf.getGradient(name);
    return [`\`${name}\``, gradient === undefined ? '' : 'yes'];
  });

const page = `# Kernels of the backend \`ort\`

<!-- Written by ${COMMAND}. Do not edit: a test compares it with the registry. -->

${kernels.length} kernels: ${kernels.length - own.length} of tfjs and ${own.length} of the backend's own operations.
Every one of them is checked, eager and compiled, against tfjs's \`cpu\` backend, and its gradient against finite
differences (\`packages/tfjs-backend-ort/test/parity.test.ts\`). At sizes that ONNX Runtime splits between threads,
results and gradients are right and the same bits at every run (\`large.test.ts\`). How to add one:
[how compile works](engine.md). A kernel that is missing fails with its name: \`Kernel 'Unique' not registered for
backend 'ort'\`.

tfjs's own gradient is replaced where it is wrong, for all backends
(\`packages/tfjs-backend-ort/src/gradients.ts\`): those of \`MirrorPad\` (tfjs leaves out what mirrored entries hand
back), of \`Cumsum\` over an inner axis, of \`GatherV2\` with negative axes and batches, of \`Prod\` with negative axes,
and of \`Maximum\`, \`Minimum\`, \`SquaredDifference\`, \`Prelu\`, \`BatchMatMul\` and \`BroadcastTo\` where an input is
broadcast. Two gradients are missing, as in tfjs: that of \`FusedBatchNorm\` without a scale, and that of \`SplitV\` and
\`Unpack\` into one piece.

Where results differ from tfjs's \`cpu\` backend, on purpose:

- \`AvgPoolGrad\` divides by the pixels that a padded window has inside the image, as the forward pass does; tfjs divides by
  the whole window. \`ResizeBilinearGrad\` and \`ResizeNearestNeighborGrad\` are the gradients of the forward pass also with
  \`halfPixelCenters\`, for images that are not square and for batches.
- \`Sign\` of NaN is NaN, \`Atan2\` of two infinities is NaN, an integer divided by 0 is 0.
- \`ScatterNd\`, \`UnsortedSegmentSum\`, \`Bincount\` and the like drop rows whose index lies outside; \`GatherV2\` and
  \`GatherNd\` fail. Sums of repeated indices are added in order, so they are the same bits at every run.
- \`UnsortedSegmentSum\` of integers gives integers. Kernels of real functions (\`Tanh\` and the like) give floats for
  integers.
- \`MaxPool\` and \`AvgPool\` refuse padding that is not smaller than the window.

## Of tfjs

${table(['kernel', 'differentiable'], rows)}

## Of the backend's own operations

${list(own)}

## Named by tfjs, not here

Kernels whose result has a shape that depends on values cannot be compiled; the others have not been needed.

${list(missing)}
`;

if (process.argv.includes('--check')) {
  const written = await readFile(target, 'utf8').catch(() => '');
  if (written !== page) {
    console.error(`docs/kernels.md is not what the registry gives: run ${COMMAND}`);
    process.exitCode = 1;
  }
} else {
  await writeFile(target, page);
}
