import { basename, join } from 'node:path';
import { encoderPretrainingSchema, readRecipe, readText, shellCommand } from '@ferry/recipes';
import { Command } from 'commander';
import { jobConsole } from '../console.ts';
import { recipeHelp } from '../help.ts';

interface Options {
  out?: string;
  fallback?: boolean;
}

/** `ferry pretrain-encoder`. */
export function pretrainEncoderVerb(): Command {
  return new Command('pretrain-encoder')
    .description(
      'train a text encoder, or one of texts and one of pictures, on what the items of domains are',
    )
    .argument('<settings...>', 'a file of settings (YAML), and key.sub=value; or these alone')
    .option('--out <directory>', 'run directory; the same directory again resumes an unfinished run')
    .option('--fallback', 'where the newest checkpoint is damaged, go on from the one before it')
    .addHelpText(
      'after',
      () =>
        "\nThe encoders are written into text and image of the run directory, in Hugging Face's layout: a recipe's\n" +
        'features.textEncoder.from and features.imageEncoder.from, ferry features, and Python read them.\n' +
        "\nExamples:\n  ferry pretrain-encoder task=masked 'domains=[sample-world:posters]' --out runs/masked\n" +
        "  ferry pretrain-encoder task=contrastive 'domains=[sample-world:posters]' training.epochs=10\n\n" +
        recipeHelp(encoderPretrainingSchema),
    )
    .action(async (given: string[], { out, fallback }: Options) => {
      const file = given[0]!.includes('=') ? undefined : given[0]!;
      const overrides = given.slice(file === undefined ? 0 : 1);
      const settings = readRecipe(
        file === undefined ? '{}' : readText(file, 'file of settings'),
        file ?? 'command line',
        encoderPretrainingSchema,
        [...overrides, ...(out === undefined ? [] : [`out=${JSON.stringify(out)}`])],
      );
      const name = file === undefined ? `${settings.task}-encoder` : basename(file).replace(/\.ya?ml$/, '');
      const { run } = await import('../actions/pretrainEncoder.ts');
      await run(
        { ...settings, out: settings.out ?? join('runs', name) },
        {
          ...jobConsole(),
          resumeCommand: shellCommand('ferry', 'pretrain-encoder', ...given, ...(out ? ['--out', out] : [])),
          fallback,
        },
      );
    });
}
