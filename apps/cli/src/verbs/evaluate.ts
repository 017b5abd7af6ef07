import { Command, Option } from 'commander';
import { jobConsole } from '../console.ts';
import { numbers } from '../options.ts';

/** `ferry evaluate`. */
export function evaluateVerb(): Command {
  return new Command('evaluate')
    .description("full-ranking test of a run's best checkpoint")
    .argument('<run>', 'a run directory')
    .option('--on <domain>', 'another domain than the one the run was trained on (runs without IDs only)')
    .addOption(
      new Option('--without <modality>', 'as if every item lacked this modality').choices(['image', 'text']),
    )
    .addOption(new Option('--split <split>', 'which rows').choices(['test', 'valid']).default('test'))
    .option('--cutoffs <k>', "cutoffs of the metrics, such as 5,20; default: the recipe's", numbers)
    .option('--json', 'print JSON instead')
    .action(
      async (
        run: string,
        options: {
          on?: string;
          without?: 'image' | 'text';
          split: 'test' | 'valid';
          cutoffs?: number[];
          json?: boolean;
        },
      ) => {
        const { evaluateRun, formatEvaluation } = await import('@ferry/studies');
        const evaluation = await evaluateRun(run, options, jobConsole());
        process.stdout.write(
          options.json
            ? `${JSON.stringify(evaluation, null, 2)}\n`
            : `${formatEvaluation(evaluation, jobConsole().columns)}\n`,
        );
      },
    );
}
