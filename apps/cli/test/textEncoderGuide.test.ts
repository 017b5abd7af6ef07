/** Follows docs/guides/textEncoder.md to the letter: its files, its commands. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecipe } from '@ferry/recipes';
import { expect, it } from 'vitest';
import { ownFolder, run } from './ferry.ts';

ownFolder('text-encoder-guide');

const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/textEncoder.md'), 'utf8');

/** Words of a command, as a shell parts them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

it('the guide of training a text encoder inside SASRec holds', async () => {
  const [, recipe] = /^`titles\.yaml`[^]*?^```yaml\n([^]*?)^```$/m.exec(guide)!;
  writeFileSync('titles.yaml', recipe!);
  const said: Record<string, string> = {};
  const commands = [...guide.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, lines]) =>
    lines!.trim().split('\n'),
  );
  for (const line of commands) {
    const [program, ...args] = wordsOf(line);
    if (program === 'mkdir') mkdirSync(args.at(-1)!, { recursive: true });
    else if (program === 'cp') cpSync(args[1]!, args[2]!, { recursive: true });
    else {
      expect([program, args[0]], line).toEqual(['npx', 'ferry']);
      const { code, out, error } = await run(...args.slice(1));
      expect(code, `${line}: ${error}`).toBe(0);
      said[line] = out + error;
    }
  }
  const told = (start: string): string =>
    Object.entries(said).find(([line]) => line.startsWith(`npx ferry ${start}`))![1];
  expect(commands).toHaveLength(11);
  expect(told('inspect')).toMatch(/160 items/);
  expect(told('evaluate')).toContain('Recall@10');
  expect(told('compare')).toMatch(/runs\/titles[^]*runs\/frozen[^]*runs\/ids/);
  expect(existsSync('runs/titles/report.html')).toBe(true);
  const featuresOf = (of: string): unknown =>
    (parseRecipe(readFileSync(`runs/${of}/recipe.yaml`, 'utf8'), of).value as { features: unknown }).features;
  expect(featuresOf('titles')).toMatchObject({
    text: 'trained',
    textEncoder: { layerDecay: 0.9, warmup: 10 },
  });
  expect(featuresOf('frozen')).toMatchObject({ text: 'trained', textEncoder: { tuning: 'none' } });
  expect(featuresOf('ids')).toMatchObject({ text: 'none' });
});
