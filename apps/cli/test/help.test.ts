import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { recipeHelp, wrap } from '../src/help.ts';
import { buildProgram } from '../src/program.ts';

/** What `--help` prints, with everything that is added to it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

describe('help', () => {
  it('of ferry lists the verbs', async () => {
    await expect(helpOf(buildProgram())).toMatchFileSnapshot('help/ferry.txt');
  });

  const verbs = buildProgram().commands.map((verb) => verb.name());
  it.each(verbs)('of ferry %s says what it takes', async (name) => {
    const verb = buildProgram().commands.find((command) => command.name() === name)!;
    await expect(helpOf(verb)).toMatchFileSnapshot(`help/${name}.txt`);
  });

  it('of a job comes from the schema that checks its recipe', async () => {
    const { finetuneSchema, listFields } = await import('@ferry/recipes');
    const text = recipeHelp(finetuneSchema);
    for (const { key } of listFields(finetuneSchema)) expect(text).toContain(`\n  ${key} `);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
  });
});

describe('wrap', () => {
  it('breaks at spaces and leaves a long word whole', () => {
    expect(wrap('one two three incomprehensible', 8)).toEqual(['one two', 'three', 'incomprehensible']);
  });
});
