import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { diagnose, type Diagnosis } from '../src/actions/doctor.ts';
import { formatDiagnosis } from '../src/verbs/doctor.ts';
import { ferry } from './ferry.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-doctor-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** In ferry's place: a program that fares differently with each backend. */
const patient = join(folder, 'patient.mjs');
writeFileSync(
  patient,
  `const backend = process.argv.at(-1);
if (process.argv.slice(2).join(' ') !== \`doctor --try \${backend}\`) throw new Error('asked otherwise');
if (backend === 'ort:cuda') process.kill(process.pid, 'SIGKILL');
if (backend === 'ort:webgpu') console.error("Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file");
if (backend === 'tensorflow') process.exit(134);
console.log('a native library is chatty');
const works = backend !== 'ort:webgpu';
console.log(JSON.stringify({ works, reason: works ? '' : 'no adapter', threads: 2, device: 'x', gigaflops: 81.4 }));
`,
);

describe('ferry doctor', () => {
  it('goes on whatever a backend does to the process that tries it', async () => {
    const tried: string[] = [];
    const { backends, auto, machine } = await diagnose([process.execPath, patient], (name) =>
      tried.push(name),
    );
    expect(tried).toEqual(backends.map(({ backend }) => backend));
    const of = (name: string) => backends.find(({ backend }) => backend === name)!;
    expect(of('ort:cpu')).toMatchObject({ works: true, gigaflops: 81.4 });
    expect(of('ort:cuda')).toMatchObject({ works: false, reason: 'it ended the process with SIGKILL' });
    expect(of('tensorflow').reason).toBe('it ended the process with code 134');
    expect(of('ort:webgpu')).toMatchObject({ reason: 'no adapter' });
    if (process.platform === 'linux') expect(of('ort:webgpu').next).toContain('libvulkan1');
    expect(auto.takes).toMatch(/^(ort:(cpu|cuda)|tensorflow)$/);
    expect(machine.threads).toBeGreaterThan(0);
    expect(machine.memoryGiB).toBeGreaterThan(machine.freeGiB);
  });

  it('says so where FERRY_BACKEND names what does not work', async () => {
    vi.stubEnv('FERRY_BACKEND', 'tensorflow');
    const { auto } = await diagnose([process.execPath, patient]);
    vi.unstubAllEnvs();
    if (auto.takes !== 'tensorflow')
      expect(auto).toMatchObject({
        takes: 'nothing',
        reason: expect.stringContaining('FERRY_BACKEND') as string,
      });
  });

  it('tries a backend by computing with it', async () => {
    const trial = JSON.parse(await ferry('doctor', '--try', 'cpu')) as object;
    expect(trial).toMatchObject({ works: true, reason: '', threads: 1 });
    const none = JSON.parse(await ferry('doctor', '--try', 'quantum')) as object;
    expect(none).toMatchObject({ works: false, reason: expect.stringContaining("got 'quantum'") as string });
  });

  it('prints a line for what works, and the reason and the next step for what does not', () => {
    const diagnosis: Diagnosis = {
      machine: {
        ...{ platform: 'linux x64', processor: 'A processor (8 cores)', processors: 8, threads: 1 },
        ...{ memoryGiB: 31.25, freeGiB: 20, versions: { ferry: '1.0.0', node: '20.0.0' } },
        cards: [{ name: 'NVIDIA H100', driver: '570.1', memoryGiB: 79.6 }],
      },
      auto: { takes: 'ort:cuda', reason: 'auto: NVIDIA H100' },
      backends: [
        {
          backend: 'ort:cuda',
          works: true,
          reason: '',
          threads: 4,
          device: 'NVIDIA H100',
          gigaflops: 4321.5,
        },
        { backend: 'ort:webgpu', works: false, reason: 'no adapter', next: 'install a driver' },
      ],
    };
    expect(formatDiagnosis(diagnosis)).toBe(
      [
        'machine     linux x64, A processor (8 cores), 1 thread used',
        'memory      31.3 GiB, 20.0 GiB of it free',
        'NVIDIA GPU  NVIDIA H100, 79.6 GiB, driver 570.1',
        'versions    ferry 1.0.0, node 20.0.0',
        '',
        'backend     works',
        'ort:cuda    yes   4322 GFLOPS in a matrix product, 4 threads, NVIDIA H100',
        'ort:webgpu  no    no adapter',
        '                  next: install a driver',
        '',
        "What is asked for by 'auto', the default, is computed by ort:cuda (auto: NVIDIA H100).",
      ].join('\n'),
    );
  });
});
