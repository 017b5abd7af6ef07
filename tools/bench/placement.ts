// Where the nodes of a training step run: how many of them ONNX Runtime gives to the execution provider, how many to the
// CPU because the provider lacks them (with copies there and back), and which. Small models, for it is a count.
//
//   npm run bench:placement -- [--provider webgpu]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import { tinyModels, type Make } from '../../apps/cli/test/tinyModels.ts';

/** An event of ONNX Runtime's profile; one of a node tells who ran it. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

const { values: options } = parseArgs({ options: { provider: { type: 'string', default: 'webgpu' } } });
const backend = `ort:${options.provider as 'webgpu'}` as const;

/** Nodes of the first step's sessions. */
async function nodesOf(make: Make, folder: string): Promise<ProfileEvent[]> {
  const model = await make({ learningRate: 0.01 });
  const random = RandomStream.fromSeed(1);
  await model.beforeEpoch?.(0, random.split('before'));
  const before = new Set(readdirSync(folder));
  for (const batch of model.batches(0, random.split('batches'))) {
    await model.trainStep(batch, { step: 0, epoch: 0, random: random.split('step') });
    break;
  }
  // Profiles are written when their sessions end; those of eager operations stay open.
  (model as { dispose?: () => void }).dispose?.();
  const written = readdirSync(folder)
    .filter((file) => !before.has(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .filter((text) => text.endsWith(']'));
  return written
    .flatMap((text) => JSON.parse(text) as ProfileEvent[])
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
}

const folder = mkdtempSync(join(tmpdir(), 'ferry-placement-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});
await selectBackend(backend, { threads: 1, log: () => undefined, profile: join(folder, 'profile') });
console.log(`| step of  | nodes | on the CPU | which |`);
console.log(`| -------- | ----: | ---------: | ----- |`);
for (const [name, make] of Object.entries(tinyModels)) {
  const nodes = await nodesOf(make, folder);
  const left = nodes
    .filter(({ args }) => args?.provider === 'CPUExecutionProvider')
    .map(({ args }) => args!.op_name!);
  const which = [...new Set(left)].sort().map((op) => `${op} ${left.filter((other) => other === op).length}`);
  console.log(`| ${name} | ${nodes.length} | ${left.length} | ${which.join(', ')} |`);
}
