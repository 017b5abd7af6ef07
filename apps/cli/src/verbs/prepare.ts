import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Flags, Leak, Provenance } from '@ferry/preparation';
import { shellCommand, UserError } from '@ferry/recipes';
import { Command, Option } from 'commander';
import { numeric, positive } from '../options.ts';
import { print } from '../print.ts';
import { progressLine } from '../progress.ts';
import { columns, count } from '../text.ts';
import { rawOptions } from './rawOptions.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Everything that can be typed. */
interface Options extends Flags {
  out?: string;
  replace?: boolean;
  memory?: string;
  threads?: number;
  category?: string;
  from?: string;
  cache?: string;
  mirror?: string;
  list?: boolean;
  with?: string[];
  drop?: Leak[];
}

const examples = `
Examples:
  ferry prepare ratings.csv --out mydomain
  ferry prepare log.jsonl --user who --item what --time when --items products.csv --item-key sku --core 5 --out shop
  ferry prepare mydata.yaml --out mydomain
  ferry prepare --list
  ferry prepare amazon-2018 --category Scientific
  ferry prepare movielens --category 100k --from ~/downloads

Usual names of columns are found (user_id, item_id, rating, timestamp, title …) and said. A column is named, or
numbered from 1 where the file has no header. mydata.yaml says the same in sections interactions, items, rules, text,
split: see docs/own-data.md.`;

/** Options about what is left out, order and split. */
function ruleOptions(verb: Command): Command {
  return verb
    .addOption(
      new Option('--preset <name>', 'rules of a published pipeline').choices(['unisrec', 's3rec', 'recbole']),
    )
    .option('--core <k>', 'users and items with at least k interactions, until all have', positive)
    .option('--user-core <k>', 'the same for users alone', positive)
    .option('--item-core <k>', 'the same for items alone', positive)
    .option('--min-rating <x>', 'ratings of at least x', numeric)
    .option('--since <time>', 'interactions from this time on, a number or a date')
    .option('--until <time>', 'interactions before this time')
    .addOption(
      new Option(
        '--duplicates <rule>',
        'keep all, equal rows once, or the first or last of a user and item',
      ).choices(['keep', 'identical', 'first', 'last']),
    )
    .option('--require <what...>', 'what an item must have: row, title, text, image')
    .addOption(new Option('--order <by>', 'order of a user’s interactions').choices(['time', 'file', 'none']))
    .addOption(
      new Option('--ties <by>', 'equal times by content, or as in the file').choices(['content', 'file']),
    )
    .option(
      '--split <protocol>',
      'protocol with its settings, such as temporal-by-user,valid=.1,test=.2 (default: leave-one-out)',
    )
    .addOption(
      new Option(
        '--damaged <what>',
        'rows that cannot be used: an error, or left out, counted and listed',
      ).choices(['refuse', 'skip']),
    );
}

/** What was made, in a few lines. */
function summary(out: string, { counts, items, damaged, order }: Provenance, odd?: string): string {
  return [
    '',
    out,
    columns([
      ['interactions', count(counts.interactions)],
      ['users', count(counts.users)],
      [
        'items',
        `${count(counts.items)}; ${count(items.titled)} with a title, ${count(items.texts)} with a text, ` +
          `${count(items.images)} with a picture`,
      ],
      ...(damaged.count > 0
        ? [['left out', `${count(damaged.count)} damaged rows, listed in skipped.jsonl`]]
        : []),
      [
        'order',
        order.by === 'time'
          ? `by time; ${order.ties} (${count(order.tied)} interactions of ${count(order.tiedUsers)} users)`
          : order.ties,
      ],
    ]),
    '',
    ...(odd === undefined ? [] : [odd, '']),
    `Look at it: ferry inspect ${out}`,
  ].join('\n');
}

/** `ferry prepare`. */
export function prepareVerb(): Command {
  const verb = new Command('prepare')
    .description('a domain of raw files: CSV, TSV, JSON lines or Parquet, gzip or not')
    .argument(
      '[source]',
      'a file of interactions, a description (.yaml), or a public data set by its card (--list)',
    )
    .option('--list', 'the public data sets that have a card')
    .option('--category <name>', 'which part of a public data set')
    .option('--from <place>', 'a folder or file to take instead of fetching')
    .option('--mirror <address>', 'a host that holds the files of a public data set by their names')
    .option('--cache <folder>', 'where fetched files go (default: FERRY_CACHE, else .cache)')
    .option('--out <directory>', 'the domain’s directory: a new one')
    .option('--replace', 'make a domain anew that stands there');
  return ruleOptions(rawOptions(verb))
    .option('--with <domain...>', 'count what is shared with domains to which a model may be carried')
    .addOption(
      new Option(
        '--drop <what...>',
        'leave out what --with counts: items that are there, or have a title of the same words, interactions ' +
          'after their user’s training there',
      ).choices(['same-items', 'similar-titles', 'later']),
    )
    .option(
      '--sampled-impressions <k>',
      'impressions for models of news where nobody kept what was shown: each interaction beside k items that others took ' +
        'within 24 hours before',
      positive,
    )
    .option('--memory <size>', 'what may be held in memory before it goes to disk', '2GB')
    .option('--threads <n>', 'threads (default: all)', positive)
    .addHelpText('after', examples)
    .action(async (source: string | undefined, options: Options, command: Command) => {
      const {
        out,
        replace,
        memory,
        threads,
        category,
        from,
        cache,
        mirror,
        list,
        with: others,
        drop,
        ...flags
      } = options;
      if (command.getOptionValueSource('header') === 'default') delete flags.header;
      const actions = await import('../actions/prepare.ts');
      if (list) {
        print(await cardList(actions));
        return;
      }
      if (source === undefined)
        throw new UserError('name a file, a description or a data set (ferry prepare --list)');
      const stop = new AbortController();
      for (const name of ['SIGINT', 'SIGTERM'] as const)
        process.once(name, () => {
          stop.abort(new UserError('stopped: nothing is left behind but what was fetched'));
        });
      const draw = progressLine();
      const common = {
        ...(replace ? { replace } : {}),
        ...(memory === undefined ? {} : { memory }),
        ...(threads === undefined ? {} : { threads }),
        ...(others ? { with: others } : {}),
        ...(drop ? { drop } : {}),
        command: shellCommand('ferry', ...process.argv.slice(2)),
        version,
        line: print,
        progress: draw,
        signal: stop.signal,
      };
      if (!existsSync(source)) {
        if (/[/.]/.test(source)) throw new UserError(`no such file: ${source}`);
        const made = await actions.prepareCard(source, flags, {
          ...common,
          ...(out === undefined ? {} : { out }),
          ...(category === undefined ? {} : { category }),
          ...(from === undefined ? {} : { from }),
          ...(mirror === undefined ? {} : { mirror }),
          cache: cache ?? join(actions.cacheDirectory(), 'archives'),
        });
        print(summary(made.out, made.provenance, actions.unexpected(made.provenance)));
        return;
      }
      actions.checkData(source, source);
      if (out === undefined) throw new UserError('say where the domain goes: --out <directory>');
      if (category !== undefined || from !== undefined)
        throw new UserError(`--category and --from belong to a public data set, got the file ${source}`);
      const settings = /\.ya?ml$/i.test(source)
        ? actions.loadSettings(source, flags)
        : actions.withFlags({}, flags, source);
      print(summary(out, await actions.prepare(settings, { ...common, out })));
    });
}

/** The cards, a line each. */
async function cardList({ cardNames, loadCard }: typeof import('../actions/prepare.ts')): Promise<string> {
  const lines = await Promise.all(
    (await cardNames()).map(async (name) => {
      const { title, categories, anyCategory } = await loadCard(name);
      const keys = Object.keys(categories ?? {});
      const shown = keys.length > 12 ? [...keys.slice(0, 12), '…'] : keys;
      return [
        name,
        `${title}${keys.length > 0 ? `: ${shown.join(', ')}` : anyCategory ? ': --category <name of a set>' : ''}`,
      ];
    }),
  );
  return columns(lines);
}
