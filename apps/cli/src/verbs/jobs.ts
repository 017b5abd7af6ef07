import { join } from 'node:path';
import {
  finetuneSchema,
  gridSchema,
  openJob,
  pretrainSchema,
  shellCommand,
  trainSchema,
  type Recipe,
} from '@ferry/recipes';
import { transferSchema } from '@ferry/transfer-study/recipe';
import { Command } from 'commander';
import type { z } from 'zod';
import { keysHelp, recipeHelp } from '../help.ts';
import { jobConsole } from '../console.ts';
import { allowModelOption } from '../options.ts';
import { checkUnchanged, loadAction, ownModels } from '../ownModel.ts';

interface Job<J extends Recipe['job']> {
  readonly job: J;
  readonly summary: string;
  readonly schema: z.ZodType;
  readonly example: string;
}

const jobs = [
  {
    job: 'train',
    summary: 'train a model on one domain and test it',
    schema: trainSchema,
    example: 'ferry train sample-sasrec objective.name=softmax --out runs/softmax',
  },
  {
    job: 'pretrain',
    summary: 'pre-train a model on the source domains of a recipe',
    schema: pretrainSchema,
    example: 'ferry pretrain sample-pretrain pretraining.epochs=30 --out runs/longer',
  },
  {
    job: 'finetune',
    summary: 'fine-tune a pre-trained run on a target domain, or train on it from scratch',
    schema: finetuneSchema,
    example: 'ferry finetune sample-finetune from=null ids=true --out runs/scratch',
  },
  {
    job: 'study',
    summary: 'many runs, one table, one report: of a transfer study, or of models along any axes',
    schema: transferSchema,
    example: "ferry study sample-world 'seeds=[1,2,3]' --out runs/three-seeds",
  },
] as const satisfies readonly Job<Recipe['job']>[];

interface JobOptions {
  out?: string;
  fallback?: boolean;
  check?: boolean;
  warm?: string;
  allowModel?: string[];
}

/** The keys that a study has only where it has axes. */
function gridHelp(): string {
  const keys = ['axes', 'except', 'compare', 'objective', 'training'];
  return (
    `\n\nA study with axes trains on each target, and has these keys instead of sources, starts, ids, variants, ` +
    `pretraining and finetuning:\n${keysHelp(gridSchema, { under: keys })}`
  );
}

function jobVerb({ job, summary, schema, example }: (typeof jobs)[number]): Command {
  const verb = new Command(job)
    .description(summary)
    .argument('<recipe>', 'a recipe file, or the name of one that comes with Ferry (ferry recipes)')
    .argument('[overrides...]', 'key.sub=value, values in YAML')
    .option('--out <directory>', 'run directory; the same directory again resumes an unfinished run')
    .option('--fallback', 'where the newest checkpoint is damaged, go on from the one before it')
    .addOption(allowModelOption())
    .option('--check', 'only check the recipe and print it with every default filled in')
    .addHelpText(
      'after',
      () =>
        `\nExample:\n  ${example}\n\n${recipeHelp(schema)}${job === 'study' ? gridHelp() : ''}\n\nSettings of a ` +
        'model and its objectives: ferry models <name>',
    )
    .action(async (reference: string, overrides: string[], options: JobOptions) => {
      const { out, warm } = options;
      const own = Object.entries({ out, warm }).flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}=${JSON.stringify(value)}`],
      );
      const file = openJob(job, reference, [...overrides, ...own]);
      const models = await ownModels(file, overrides, options.allowModel);
      const load = () => import('../actions/run.ts');
      const { ready, readyYaml, run } = await loadAction('run', load, models);
      const recipe = await ready(file, join('runs', file.name));
      if (options.check) {
        process.stdout.write(readyYaml(recipe));
        return;
      }
      checkUnchanged(models, 'plan' in recipe ? recipe.recipe.out : recipe.out);
      const place = [...(warm ? ['--warm', warm] : []), ...(out ? ['--out', out] : [])];
      await run(recipe, file.name, {
        ...jobConsole(),
        resumeCommand: shellCommand('ferry', job, reference, ...overrides, ...place),
        fallback: options.fallback,
      });
    });
  return job === 'train'
    ? verb.option('--warm <run>', "start from a finished run's weights (the key warm)")
    : verb;
}

/** `ferry train`, `ferry pretrain`, `ferry finetune`, `ferry study`. */
export function jobVerbs(): Command[] {
  return jobs.map(jobVerb);
}
