import { Command, Option } from 'commander';
import { numbers } from '../options.ts';
import { print, printJson } from '../print.ts';

interface Options {
  rows?: string;
  metric?: string;
  cutoffs?: number[];
  each?: boolean;
  pairs?: boolean;
  test: 'permutation' | 't' | 'wilcoxon' | 'sign';
  correction: 'holm' | 'benjamini-hochberg';
  format: 'text' | 'markdown' | 'latex' | 'csv';
  json?: boolean;
  csv?: string;
}

/** `ferry compare`. */
export function compareVerb(): Command {
  return new Command('compare')
    .description(
      'runs of one domain side by side: metrics, paired tests, intervals over rows and seeds, groups',
    )
    .argument('<runs...>', 'run directories, two at least; runs of one recipe and several seeds are one line')
    .option('--rows <name>', 'which kept rows, such as valid or test-without-image (default: test)')
    .option(
      '--metric <name>',
      "the metric that is tested, such as hit@5, map or auc (default: the first run's validation metric)",
    )
    .option('--cutoffs <list>', "cutoffs with commas between (default: the first run's)", numbers)
    .option('--each', 'every run is a line of its own, runs that differ by their seed alone too')
    .option('--pairs', 'every line against every other, instead of against the first')
    .addOption(
      new Option('--test <name>', 'the test whose p-values are shown and corrected')
        .choices(['permutation', 't', 'wilcoxon', 'sign'])
        .default('permutation'),
    )
    .addOption(
      new Option('--correction <name>', 'for the number of comparisons')
        .choices(['holm', 'benjamini-hochberg'])
        .default('holm'),
    )
    .addOption(
      new Option('--format <name>', 'how it is printed; csv is in long form, with all tests')
        .choices(['text', 'markdown', 'latex', 'csv'])
        .default('text'),
    )
    .option('--json', 'print JSON instead')
    .option('--csv <file>', 'also write it as CSV: a row for each line, group of rows and metric')
    .action(async (runs: string[], { json, csv, format, ...options }: Options) => {
      const { checkFilePlace, compareRuns, comparisonCsv, formatComparison, writeComparison } =
        await import('../actions/compare.ts');
      if (csv !== undefined) checkFilePlace(csv);
      const found = await compareRuns(runs, options);
      if (csv !== undefined) await writeComparison(csv, found);
      const width = process.stdout.isTTY ? process.stdout.columns : undefined;
      if (json) printJson(found);
      else if (format === 'csv') print((await comparisonCsv(found)).trimEnd());
      else print(formatComparison(found, { width, format }));
    });
}
