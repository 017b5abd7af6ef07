import { UserError } from '@ferry/recipes';
import { Command } from 'commander';
import { jobConsole } from '../console.ts';
import { print, printJson } from '../print.ts';
import { allowModelOption, checkpointOption, positive } from '../options.ts';
import { loadAction, runModels } from '../ownModel.ts';

interface Options {
  user?: string;
  history?: string;
  on?: string;
  checkpoint: 'best' | 'last';
  top: number;
  again?: boolean;
  allowModel?: string[];
  json?: boolean;
}

/** `ferry recommend`. */
export function recommendVerb(): Command {
  return new Command('recommend')
    .description('top items for a user or a history, with scores and the interests that fired')
    .argument('<run>', 'a run directory')
    .option('--user <id>', 'a user of the domain: everything the user did is the history')
    .option('--history <ids>', 'item ids, oldest first, with commas between')
    .option('--on <domain>', 'another domain than the one the run was trained on (runs without IDs only)')
    .addOption(checkpointOption())
    .option('--top <n>', 'how many items', positive, 10)
    .option('--again', 'also recommend items of the history')
    .addOption(allowModelOption())
    .option('--json', 'print JSON instead')
    .action(async (run: string, { json, ...options }: Options) => {
      if ((options.user === undefined) === (options.history === undefined))
        throw new UserError('give either --user <id> or --history <ids>');
      const models = await runModels(run, options.allowModel);
      const load = () => import('../actions/recommend.ts');
      const { formatRecommendation, recommendWith } = await loadAction('recommend', load, models);
      const found = await recommendWith(run, options, jobConsole());
      if (json) printJson(found);
      else print(formatRecommendation(found));
    });
}
