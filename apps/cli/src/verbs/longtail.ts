import { Command, Option } from 'commander';
import { edges, positive } from '../options.ts';
import { print, printJson } from '../print.ts';

interface Options {
  rows?: string;
  by: 'frequency' | 'cold' | 'history' | 'modality' | 'age';
  edges?: number[];
  quantiles?: number;
  metric?: string;
  against?: string;
  csv?: string;
  svg?: string;
  json?: boolean;
}

/** `ferry longtail`. */
export function longtailVerb(): Command {
  return new Command('longtail')
    .description(
      'test rows by how often the wanted item occurs in training: recall (AUC of news) relative to a named run, as a figure',
    )
    .argument('<runs...>', 'run directories; runs of one recipe and several seeds are one line')
    .option('--against <run>', 'the run that the others are relative to (default: the first)')
    .addOption(
      new Option(
        '--by <what>',
        'cold: below five training interactions; age: of the domain, where it has times',
      )
        .choices(['frequency', 'cold', 'history', 'modality', 'age'])
        .default('frequency'),
    )
    .addOption(
      new Option('--edges <list>', 'lower ends of the groups, such as 0,1,5,10,20')
        .argParser(edges)
        .conflicts('quantiles'),
    )
    .option('--quantiles <n>', 'as many groups of about equal numbers of rows', positive)
    .option('--metric <name>', "default: recall at the first run's leading cutoff; AUC of news")
    .option('--rows <name>', 'which kept rows (default: test)')
    .option('--csv <file>', 'write every number: a row for each group and run')
    .option('--svg <file>', 'write the figure: vector text, black and grey')
    .option('--json', 'print JSON instead')
    .action(async (runs: string[], { csv, svg, json, ...options }: Options) => {
      const { checkFilePlace, formatLongtail, longtail, writeLongtail } =
        await import('../actions/longtail.ts');
      for (const file of [csv, svg]) if (file !== undefined) checkFilePlace(file);
      const found = await longtail(runs, options);
      await writeLongtail(found, { csv, svg });
      if (json) printJson(found);
      else print(formatLongtail(found, process.stdout.isTTY ? process.stdout.columns : undefined));
    });
}
