import { Command, InvalidArgumentError, Option } from 'commander';
import { jobConsole } from '../console.ts';
import { allowModelOption, checkpointOption } from '../options.ts';
import { loadAction, runModels } from '../ownModel.ts';

interface Options {
  checkpoint: 'best' | 'last';
  hours: number;
  epochs: number;
  learningRate?: number;
  follow?: boolean;
  json?: boolean;
  allowModel?: string[];
}

/** Reads a number above 0. */
function above(whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > 0) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`must be a ${whole ? 'whole ' : ''}number above 0.`);
    return value;
  };
}

/** `ferry replay`. */
export function replayVerb(): Command {
  return new Command('replay')
    .description('replays the test impressions of a news run in time order, learning on period by period')
    .argument('<run>', 'a run directory of a model of news; it stays as it is')
    .option('--hours <n>', 'hours of a period, after which the model learns from it', above(false), 24)
    .option('--epochs <n>', 'epochs over each period', above(true), 1)
    .option(
      '--learning-rate <x>',
      "default that of the run's training; rates of an encoder's own change by the same factor",
      above(false),
    )
    .addOption(
      new Option(
        '--follow',
        'learn nothing: let the vectors of users follow their clicks one by one, and say what that gains and how far ' +
          'they drift',
      ).conflicts(['hours', 'epochs', 'learningRate']),
    )
    .addOption(checkpointOption())
    .option('--json', 'the result as JSON')
    .addOption(allowModelOption())
    .action(async (run: string, { follow, ...options }: Options) => {
      const models = await runModels(run, options.allowModel);
      const { printFollowed, printReplay } = await loadAction(
        'replay',
        () => import('../actions/replay.ts'),
        models,
      );
      await (follow ? printFollowed : printReplay)(run, options, jobConsole());
    });
}
