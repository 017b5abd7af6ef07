import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { launch, ownFolder, refusal } from './ferry.ts';

/**
 * Model files of the user's, outside the repository, and never run because a run says so. What runs them is the
 * compiled command; what is refused before that is refused in this process.
 */
const guide = join(import.meta.dirname, '../../../docs/guides/ownModel/recency.ts');
const folder = ownFolder('own');

async function ferry(...args: string[]): Promise<string> {
  const { out, error } = await launch(args);
  return out + error;
}

const sha256 = (run: string): string =>
  /sha256: "?(\w{64})/.exec(readFileSync(join(folder, run, 'recipe.yaml'), 'utf8'))![1]!;

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

/** What a command says, and whether the model file was run. */
async function ran(args: string[], by = ferry): Promise<{ said: string; ran: boolean }> {
  rmSync(join(folder, 'ran'), { force: true });
  return { said: await by(...args), ran: existsSync(join(folder, 'ran')) };
}

/** The same of a command that refuses. */
const refused = (...args: string[]): ReturnType<typeof ran> => ran(args, refusal);

describe('a model file', () => {
  it('is trained by a recipe beside it, with settings of its own, and keeps its hash', async () => {
    const { said, ran: run } = await ran(['train', 'models/round.yaml', 'model.width=8', '--out', 'run']);
    expect(said).toMatch(/test: Recall@1/);
    expect(run).toBe(true);
    expect(readFileSync(join(folder, 'run/recipe.yaml'), 'utf8')).toMatch(/width: 8/);
  });

  it('of the guide has its recipe beside it', async () => {
    const recipe = join(import.meta.dirname, '../../../docs/guides/ownModel/recency.yaml');
    expect(await ferry('train', recipe, '--check')).toContain(`name: "${guide}"`);
  });

  it('is not run because a run directory names it; a flag says so, by hash or by file', async () => {
    const told = await refused('evaluate', 'run');
    expect(told.said).toContain(`SHA-256 ${sha256('run')}; to run it: --allow-model`);
    expect(told.ran).toBe(false);
    expect(await refused('recommend', 'run', '--user', '1')).toMatchObject({ ran: false });
    expect(await refused('train', 'run', 'training.epochs=2')).toMatchObject({ ran: false });
    for (const wrong of ['a'.repeat(12), `${sha256('run').slice(0, 12)}x`, sha256('run').slice(0, 11)])
      expect(await refused('evaluate', 'run', '--allow-model', wrong)).toMatchObject({ ran: false });
    const prefix = sha256('run').slice(0, 12);
    expect(await ferry('evaluate', 'run', '--allow-model', prefix)).toContain('Recall@1');
    expect(await ferry('recommend', 'run', '--user', '1', '--allow-model', 'models/mine.ts')).toContain(
      'Recommended',
    );
  });

  it('that has changed, or whose import has, is noticed on resuming and on evaluating, and is not run', async () => {
    const file = join(folder, 'models/recency.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}// changed\n`);
    const more = ['train', 'models/round.yaml', 'model.width=8', 'training.epochs=2', '--out', 'run'];
    expect(await ferry(...more)).toMatch(
      /mine\.ts has changed since run began: SHA-256 \w{64} then, \w{64} now/,
    );
    expect(await refused('evaluate', 'run', '--allow-model', 'models/mine.ts')).toMatchObject({
      said: expect.stringContaining('was trained with another model file') as string,
      ran: false,
    });
    writeFileSync(file, text);
    expect(await ferry(...more)).toContain('epoch 2/2');
  });

  it('stands in a study wherever a model does', async () => {
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
    expect(await ferry('study', 'models/study.yaml', '--out', 'study')).toMatch(
      /\.\/mine\.ts [^]*\.\/recency\.ts /,
    );
    expect(await refused('study', './study')).toMatchObject({
      said: expect.stringContaining('--allow-model') as string,
      ran: false,
    });
    const both = ['--allow-model', 'models/mine.ts', '--allow-model', 'models/recency.ts'];
    expect(await ferry('study', './study', ...both)).toContain('report: study/report.html');
  });

  it('that is none is refused with what it lacks', async () => {
    const said = (text: string, by = refusal): Promise<string> => {
      writeFileSync(join(folder, 'bad.ts'), text);
      return by('train', 'models/round.yaml', 'model=./bad.ts');
    };
    expect(await said('export const x = 1;', ferry)).toMatch(/bad\.ts/);
    expect(await said('export default { name: 1 };', ferry)).toContain(
      "bad.ts: the model must have 'title' (string), got undefined",
    );
    expect(await said('export default {\n')).toContain('bad.ts:2:0');
    expect(await said("import 'nowhere'; export default {};", ferry)).toContain('nowhere');
    expect(await refusal('train', 'models/round.yaml', 'model=./gone.ts')).toContain('no such model file');
  });
});
