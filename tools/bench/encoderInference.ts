// Seconds of a pass without gradients of BERT-base (16 texts of 30 tokens) and ViT-B/16 (4 pictures), the first token's
// vector, beside PyTorch eager and beside ONNX Runtime on an export of the same weights, which takes turns with ours.
//
//   npm run bench:encoder-inference -- [--passes 8] [--sizes bert-base,vit-b16] [--python python3] [--threads 2]
//     [--processor]
//
// With --processor and one thread: seconds of the processor, which other programs change less.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadEncoder } from '@ferry/encoders';
import { compile, disposeNest, selectBackend, tf } from '@ferry/engine';
import { readSafetensors } from '@ferry/nn';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { clock, median } from './clock.ts';
import { DidNotRun, parityScript, printed } from './programs.ts';

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    passes: { type: 'string', default: '8' },
    sizes: { type: 'string', default: 'bert-base,vit-b16' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '2' },
    processor: { type: 'boolean', default: false },
  },
});
const passes = Number(options.passes);
const threads = Number(options.threads);
const now = clock(options.processor);
const ours = { input_ids: 'ids', attention_mask: 'mask', pixel_values: 'pixels' } as const;

/** Medians of ours and of ONNX Runtime's, in turns after two that warm up, and how far vectors are from PyTorch's. */
async function measure(folder: string): Promise<{ times: [number, number]; worst: [number, number] }> {
  const { tensors } = await readSafetensors(join(folder, 'expected.safetensors'));
  const inputs = [...tensors].filter(([name]) => name in ours);
  const want = tensors.get('vectors')!.data as Float32Array;
  const encoder = await loadEncoder(folder, { pooling: 'cls' });
  const run = compile((given: Record<string, tf.Tensor>) => encoder.vectors(encoder.parameters, given));
  const given = Object.fromEntries(
    inputs.map(([name, { data, shape }]) => [
      ours[name as keyof typeof ours],
      tf.tensor(data as Float32Array, [...shape], data instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  );
  const session = await InferenceSession.create(join(folder, 'model.onnx'), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const feeds = Object.fromEntries(
    inputs.map(([name, { data, shape }]) => [
      name,
      data instanceof Int32Array
        ? new Tensor('int64', BigInt64Array.from(data, BigInt), shape)
        : new Tensor('float32', data as Float32Array, shape),
    ]),
  );
  const far = (got: Float32Array): number =>
    want.reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
  const times: [number[], number[]] = [[], []];
  const worst: [number, number] = [0, 0];
  for (let i = 0; i < passes + 2; i++) {
    let start = now();
    const made = run(given);
    worst[0] = far((await made.data()) as Float32Array);
    times[0].push((now() - start) / 1000);
    made.dispose();
    start = now();
    const [answer] = Object.values(await session.run(feeds));
    worst[1] = far(answer!.data as Float32Array);
    times[1].push((now() - start) / 1000);
  }
  await session.release();
  run.dispose();
  encoder.dispose();
  disposeNest(given);
  return { times: times.map((all) => median(all.slice(2))) as [number, number], worst };
}

await selectBackend('ort', { threads });
const script = parityScript('encoders_inference.py');
for (const name of options.sizes.split(',')) {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-inference-'));
  try {
    const last = options.processor ? ['processor'] : [];
    const given = [script, name, folder, options.threads, String(passes), ...last];
    // It makes what all three compute from.
    const seconds = printed(options.python, given);
    if (seconds instanceof DidNotRun) {
      console.log(`${name}: PyTorch ${String(seconds)}`);
      continue;
    }
    const torch = Number(seconds);
    const { times, worst } = await measure(folder);
    const [own, runtime] = times;
    console.log(
      `${name}: ${own.toFixed(3)} s a pass, PyTorch ${torch.toFixed(3)} s, ONNX Runtime ${runtime.toFixed(3)} s, ` +
        `ratio to the better ${(own / Math.min(torch, runtime)).toFixed(2)}; vectors within ` +
        `${worst[0].toExponential(1)} of PyTorch's, the export's ${worst[1].toExponential(1)}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
