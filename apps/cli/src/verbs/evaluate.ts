import { Command, InvalidArgumentError, Option } from 'commander';
import { jobConsole } from '../console.ts';
import { allowModelOption, checkpointOption, numbers, positive } from '../options.ts';
import { loadAction, runModels } from '../ownModel.ts';
import { print, printJson } from '../print.ts';

const modalities = ['image', 'text'] as const;
type Modality = (typeof modalities)[number];

/** Each `--without` adds a modality. */
function collectModality(text: string, before: Modality[] = []): Modality[] {
  const modality = modalities.find((known) => known === text);
  if (modality === undefined) throw new InvalidArgumentError(`Allowed choices are ${modalities.join(', ')}.`);
  return [...new Set([...before, modality])];
}

/** `ferry evaluate`. */
export function evaluateVerb(): Command {
  return new Command('evaluate')
    .description("full-ranking test of a run's best checkpoint")
    .argument('<run>', 'a run directory')
    .option('--on <domain>', 'another domain than the one the run was trained on (runs without IDs only)')
    .addOption(
      new Option('--without <modality>', 'as if every item lacked this modality; may be given for both')
        .choices(modalities)
        .argParser(collectModality),
    )
    .addOption(checkpointOption())
    .addOption(new Option('--split <split>', 'which rows').choices(['test', 'valid']).default('test'))
    .option('--cutoffs <k>', "cutoffs of the metrics, such as 5,20; default: the recipe's", numbers)
    .option(
      '--save-lists <file>',
      'write ranked lists: user, item, score; one a user, from before the first of its rows',
    )
    .option('--depth <n>', 'items of each list (default: the largest cutoff)', positive)
    .option(
      '--mind-submission <file>',
      "ranks for MIND's leaderboard, zipped: of a folder test without labels, or else of the split",
    )
    .addOption(allowModelOption())
    .option('--json', 'print JSON instead')
    .action(
      async (
        run: string,
        options: {
          on?: string;
          without?: Modality[];
          checkpoint: 'best' | 'last';
          split: 'test' | 'valid';
          cutoffs?: number[];
          saveLists?: string;
          depth?: number;
          mindSubmission?: string;
          allowModel?: string[];
          json?: boolean;
        },
      ) => {
        const models = await runModels(run, options.allowModel);
        const load = () => import('../actions/evaluate.ts');
        const { evaluate, formatEvaluation } = await loadAction('evaluate', load, models);
        const evaluation = await evaluate(run, options, jobConsole());
        if (options.json) printJson(evaluation);
        else print(formatEvaluation(evaluation, jobConsole().columns));
      },
    );
}
