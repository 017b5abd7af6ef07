import { defaultShare, protocolNames, type ProtocolName } from '@ferry/data';
import { Command, Option } from 'commander';
import { numbers, numeric, positive, wholeNumber } from '../options.ts';
import { print, printJson } from '../print.ts';

interface Options {
  on: string;
  rows: 'test' | 'valid';
  protocol?: ProtocolName;
  valid?: number;
  test?: number;
  validFrom?: number;
  testFrom?: number;
  validUsers?: number;
  trainUsers?: number;
  splitSeed?: number;
  cutoffs?: number[];
  relevance?: number;
  json?: boolean;
}

/** `ferry score`. */
export function scoreVerb(): Command {
  return new Command('score')
    .description('every metric of ranked lists that any program made')
    .argument(
      '<lists>',
      "a file of user, item and score (Ferry, Elliot), in RecBole's atomic form, or trec_eval's run form",
    )
    .requiredOption('--on <domain>', 'the domain they are for: users and items by its ids')
    .addOption(
      new Option('--rows <split>', 'whose items are relevant').choices(['test', 'valid']).default('test'),
    )
    .addOption(
      new Option(
        '--protocol <name>',
        'how the domain is split (default: as its files say, else leave-one-out)',
      ).choices(protocolNames),
    )
    .option('--valid <share>', `share for validation (default: ${defaultShare})`, numeric)
    .option('--test <share>', `share for the test (default: ${defaultShare})`, numeric)
    .option('--valid-from <time>', "global-temporal: validation from here on, in the domain's unit", numeric)
    .option('--test-from <time>', 'global-temporal: test from here on (default: by the shares)', numeric)
    .option('--valid-users <n>', 'leave-one-out: users, drawn, who validate (default: all)', positive)
    .option('--train-users <n>', 'leave-one-out: users, drawn, whose items train (default: all)', positive)
    .option(
      '--split-seed <n>',
      'seed of random-by-user, --valid-users and --train-users (default: 1)',
      wholeNumber,
    )
    .option('--cutoffs <k>', 'cutoffs of the metrics (default: 10, and 50 where lists are as long)', numbers)
    .option(
      '--relevance <rating>',
      'rating from which an item is relevant, where the domain has ratings (default: every item)',
      numeric,
    )
    .option('--json', 'print JSON instead')
    .action(async (file: string, asked: Options) => {
      const { json, valid, test, validFrom, testFrom, validUsers, trainUsers, splitSeed, ...options } = asked;
      const { formatScoredLists, scoreLists } = await import('../actions/score.ts');
      const parts = { valid, test, validFrom, testFrom, validUsers, trainUsers, seed: splitSeed };
      const given = Object.entries(parts).filter(([, value]) => value !== undefined);
      const split = given.length > 0 ? { split: Object.fromEntries(given) } : {};
      const scored = await scoreLists(file, { ...options, ...split });
      if (json) printJson(scored);
      else print(formatScoredLists(scored, process.stdout.isTTY ? process.stdout.columns : undefined));
    });
}
