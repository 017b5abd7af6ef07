import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Model files of the user's, by the compiled command: outside the repository, and never run because a run says so. */
const guide = join(import.meta.dirname, '../../../docs/guides/ownModel/recency.ts');
const folder = mkdtempSync(join(tmpdir(), 'ferry-own-'));
const launcher = join(import.meta.dirname, '../bin/ferry.js');

function ferry(...args: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return stdout + stderr;
}

const sha256 = (run: string): string =>
  /sha256: (\w{64})/.exec(readFileSync(join(folder, run, 'recipe.yaml'), 'utf8'))![1]!;

beforeAll(() => {
  const lines = Array.from({ length: 30 }, (_, u) =>
    [u + 1, ...Array.from({ length: 6 }, (_, l) => ((u + l) % 9) + 1)].join(' '),
  );
  mkdirSync(join(folder, 'models'));
  writeFileSync(join(folder, 'round.txt'), `${lines.join('\n')}\n`);
  copyFileSync(guide, join(folder, 'models/recency.ts'));
  writeFileSync(
    join(folder, 'models/round.yaml'),
    `job: train
target: round.txt
backend: cpu
threads: 1
model: ./mine.ts
training: { epochs: 1, batchSize: 16 }
evaluation: { cutoffs: [1, 3] }
`,
  );
  // Leaves a mark where it is run; the guide's model is imported by a relative path.
  writeFileSync(
    join(folder, 'models/mine.ts'),
    `import { writeFileSync } from 'node:fs';
import recency from './recency.ts';
writeFileSync('ran', '');
export default { ...recency, name: 'mine' };
`,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What a command says, and whether the model file was run. */
function ran(...args: string[]): { said: string; ran: boolean } {
  rmSync(join(folder, 'ran'), { force: true });
  return { said: ferry(...args), ran: existsSync(join(folder, 'ran')) };
}

describe('a model file', () => {
  it('is trained by a recipe beside it, with settings of its own, and keeps its hash', () => {
    const { said, ran: run } = ran('train', 'models/round.yaml', 'model.width=8', '--out', 'run');
    expect(said).toMatch(/test: Recall@1/);
    expect(run).toBe(true);
    expect(readFileSync(join(folder, 'run/recipe.yaml'), 'utf8')).toMatch(/width: 8/);
  });

  it('of the guide has its recipe beside it', () => {
    const recipe = join(import.meta.dirname, '../../../docs/guides/ownModel/recency.yaml');
    expect(ferry('train', recipe, '--check')).toContain(`name: "${guide}"`);
  });

  it('is not run because a run directory names it; a flag says so, by hash or by file', () => {
    const refused = ran('evaluate', 'run');
    expect(refused.said).toContain(`SHA-256 ${sha256('run')}; to run it: --allow-model`);
    expect(refused.ran).toBe(false);
    expect(ran('recommend', 'run', '--user', '1')).toMatchObject({ ran: false });
    expect(ran('train', 'run', 'training.epochs=2')).toMatchObject({ ran: false });
    expect(ran('evaluate', 'run', '--allow-model', 'a'.repeat(12))).toMatchObject({ ran: false });
    expect(ran('evaluate', 'run', '--allow-model', sha256('run').slice(0, 12)).said).toContain('Recall@1');
    expect(ran('recommend', 'run', '--user', '1', '--allow-model', 'models/mine.ts').said).toContain(
      'Recommended',
    );
  });

  it('that has changed, or whose import has, is noticed on resuming and on evaluating, and is not run', () => {
    const file = join(folder, 'models/recency.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}// changed\n`);
    const resumed = ran('train', 'models/round.yaml', 'model.width=8', 'training.epochs=2', '--out', 'run');
    expect(resumed.said).toMatch(/mine\.ts has changed since run began: SHA-256 \w{64} then, \w{64} now/);
    expect(ran('evaluate', 'run', '--allow-model', 'models/mine.ts')).toMatchObject({
      said: expect.stringContaining('was trained with another model file') as string,
      ran: false,
    });
    writeFileSync(file, text);
    const again = ran('train', 'models/round.yaml', 'model.width=8', 'training.epochs=2', '--out', 'run');
    expect(again.said).toContain('epoch 2/2');
  });

  it('stands in a study wherever a model does', () => {
    writeFileSync(
      join(folder, 'models/study.yaml'),
      `job: study
study: grid
targets: [round.txt]
backend: cpu
threads: 1
objective: { name: softmax }
training: { epochs: 1, batchSize: 16 }
axes: { model: [./mine.ts, ./recency.ts] }
evaluation: { cutoffs: [1, 3] }
`,
    );
    expect(ferry('study', 'models/study.yaml', '--out', 'study')).toMatch(
      /\.\/mine\.ts [^]*\.\/recency\.ts /,
    );
    expect(ran('study', './study')).toMatchObject({
      said: expect.stringContaining('--allow-model') as string,
      ran: false,
    });
    const both = ['--allow-model', 'models/mine.ts', '--allow-model', 'models/recency.ts'];
    expect(ferry('study', './study', ...both)).toContain('report: study/report.html');
  });

  it('that is none is refused with what it lacks', () => {
    const refusal = (text: string): string => {
      writeFileSync(join(folder, 'bad.ts'), text);
      return ferry('train', 'models/round.yaml', 'model=./bad.ts');
    };
    expect(refusal('export const x = 1;')).toMatch(/bad\.ts/);
    expect(refusal('export default { name: 1 };')).toContain(
      "bad.ts: the model must have 'title' (string), got undefined",
    );
    expect(refusal('export default {\n')).toContain('bad.ts:2:0');
    expect(refusal("import 'nowhere'; export default {};")).toContain('nowhere');
    expect(ferry('train', 'models/round.yaml', 'model=./gone.ts')).toContain('no such model file');
  });
});
