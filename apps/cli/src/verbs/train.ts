import { join } from 'node:path';
import {
  loadJob,
  loadRecipe,
  shellCommand,
  trainSchema,
  trainSchemaOf,
  type TrainRecipe,
} from '@ferry/recipes';
import { Command } from 'commander';
import { jobConsole } from '../console.ts';
import { recipeHelp } from '../help.ts';

/** `ferry train`. */
export function trainVerb(): Command {
  return new Command('train')
    .description('train a model on one domain and test it')
    .argument('<recipe>', 'a recipe file, or the name of one that comes with Ferry (ferry recipes)')
    .argument('[overrides...]', 'key.sub=value, values in YAML')
    .option('--out <directory>', 'run directory; the same directory again resumes an unfinished run')
    .option('--fallback', 'where the newest checkpoint is damaged, go on from the one before it')
    .option('--check', 'only check the recipe and print it with every default filled in')
    .addHelpText(
      'after',
      () =>
        '\nExample:\n  ferry train sample-sasrec objective.name=softmax --out runs/softmax\n\n' +
        `${recipeHelp(trainSchema)}\n\nSettings of a model and its objectives: ferry models <name>`,
    )
    .action(
      async (
        reference: string,
        overrides: string[],
        options: { out?: string; fallback?: boolean; check?: boolean },
      ) => {
        const all = [
          ...overrides,
          ...(options.out === undefined ? [] : [`out=${JSON.stringify(options.out)}`]),
        ];
        const named = loadJob('train', reference, all).recipe;
        const { modelNamed } = await import('../models.ts');
        const model = await modelNamed(named.model.name);
        const schema = trainSchemaOf(model, named.objective.name);
        const { recipe: checked, name } = loadRecipe(reference, all, schema as typeof trainSchema);
        const recipe = { ...(checked as TrainRecipe), out: checked.out ?? join('runs', name) };
        if (options.check) {
          const { recipeYaml } = await import('../actions/check.ts');
          process.stdout.write(recipeYaml(recipe));
          return;
        }
        const place = options.out ? ['--out', options.out] : [];
        const { runJob } = await import('../actions/train.ts');
        await runJob(recipe, name, {
          ...jobConsole(),
          resumeCommand: shellCommand('ferry', 'train', reference, ...overrides, ...place),
          fallback: options.fallback,
        });
      },
    );
}
