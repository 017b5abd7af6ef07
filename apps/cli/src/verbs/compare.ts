import { Command } from 'commander';
import { numbers } from '../options.ts';
import { print, printJson } from '../print.ts';

interface Options {
  rows?: string;
  metric?: string;
  cutoffs?: number[];
  json?: boolean;
  csv?: string;
}

/** `ferry compare`. */
export function compareVerb(): Command {
  return new Command('compare')
    .description('runs of one domain side by side: metrics, paired test, interval, Holm, groups')
    .argument('<runs...>', 'run directories, two at least; the others are compared with the first')
    .option('--rows <name>', 'which kept rows, such as valid or test-without-image (default: test)')
    .option('--metric <name>', "the metric that is tested (default: the first run's validation metric)")
    .option('--cutoffs <list>', "cutoffs with commas between (default: the first run's)", numbers)
    .option('--json', 'print JSON instead')
    .option('--csv <file>', 'also write it as CSV: a row for each run, group of rows and metric')
    .action(async (runs: string[], { json, csv, ...options }: Options) => {
      const { compareRuns, formatComparison, writeComparison } = await import('../actions/compare.ts');
      const found = await compareRuns(runs, options);
      if (csv !== undefined) await writeComparison(csv, found);
      const width = process.stdout.isTTY ? process.stdout.columns : undefined;
      if (json) printJson(found);
      else print(formatComparison(found, width));
    });
}
