import { formatShare } from '@ferry/report';
import { domainName, shellCommand, UserError } from '@ferry/recipes';
import { Command } from 'commander';
import { formatNewsInspection } from '../newsInspection.ts';
import { print, printJson } from '../print.ts';
import { columns, count, lengthSummary, sparkline } from '../text.ts';

/** What can be typed. */
interface Options {
  json?: boolean;
  report?: string | true;
  with?: string[];
}

/** `ferry inspect`. */
export function inspectVerb(): Command {
  return new Command('inspect')
    .description(
      'counts, lengths, popularity curve, modality coverage and warnings of a domain, or of impressions in MIND’s form',
    )
    .argument(
      '<domain>',
      'a domain directory, a folder in MIND’s form, $FERRY_DATA/…, or sample-world:<name>',
    )
    .option('--json', 'print JSON instead')
    .option(
      '--report [file]',
      'one HTML page: time, duplicates, languages, nearest neighbours with pictures (default: <name>.html)',
    )
    .option('--with <domain...>', 'what the page compares with: shared users and items, leakage')
    .action(async (domain: string, { json, report, with: others }: Options) => {
      const { inspectDomain, inspectNews, inspectReport } = await import('../actions/inspect.ts');
      const news = await inspectNews(domain);
      if (news) {
        if (report !== undefined || others !== undefined)
          throw new UserError(
            `--report and --with are for domains; ${domain} holds impressions in MIND's form`,
          );
        if (json) printJson(news);
        else print(formatNewsInspection(news));
        return;
      }
      if (report !== undefined) {
        const out = report === true ? `${domainName(domain)}.html` : report;
        const command = shellCommand('ferry', ...process.argv.slice(2));
        print(`written: ${await inspectReport(domain, { out, others: others ?? [], command })}`);
        return;
      }
      if (others !== undefined) throw new UserError('--with belongs to the page: --report');
      const inspection = await inspectDomain(domain);
      if (json) {
        const { statistics } = inspection;
        const popularity = { ...statistics.popularity, curve: [...statistics.popularity.curve] };
        printJson({ ...inspection, statistics: { ...statistics, popularity } });
        return;
      }
      const { counts, density, sequenceLengths, historyLengths, popularity, missing, warnings } =
        inspection.statistics;
      const lines = [
        `${inspection.name}  ${inspection.directory}`,
        '',
        columns([
          ...(inspection.form === undefined ? [] : [['read from', inspection.form]]),
          ['items', count(counts.items)],
          ['users', count(counts.users)],
          ['interactions', `${count(counts.interactions)} (density ${formatShare(density)})`],
          ['rows', `train ${count(counts.train)}  valid ${count(counts.valid)}  test ${count(counts.test)}`],
          lengthSummary('sequence length', sequenceLengths),
          ...(historyLengths ? [lengthSummary('history length', historyLengths)] : []),
        ]),
        '',
        'Training interactions of the items, most popular first',
        `  ${sparkline(popularity.curve)}`,
        `  the most popular tenth has ${formatShare(popularity.headShare)}; Gini ${popularity.gini.toFixed(2)}`,
        columns([
          ['interactions', 'items', 'test rows'],
          ...popularity.groups.map(({ from, to, items, testRows }) => [
            to === Infinity ? `${from}+` : from === to ? String(from) : `${from}-${to}`,
            items,
            testRows,
          ]),
        ]),
        '',
        'Modalities',
        columns([
          ['text', `${count(counts.items - missing.text)} of ${count(counts.items)} items`],
          ['picture', `${count(counts.items - missing.image)} of ${count(counts.items)} items`],
        ]),
        ...inspection.features.map((line) => `  ${line}`),
        '',
        ...(warnings.length > 0
          ? ['Warnings', ...warnings.map((warning) => `  ${warning}`)]
          : ['No warnings.']),
      ];
      print(lines.join('\n'));
    });
}
