import type { Flags } from '@ferry/preparation';
import { formatShare } from '@ferry/report';
import { domainName, shellCommand, UserError } from '@ferry/recipes';
import type { Inspection } from '@ferry/studies';
import { Command } from 'commander';
import { formatNewsInspection } from '../newsInspection.ts';
import { print, printJson } from '../print.ts';
import { progressLine } from '../progress.ts';
import { isRaw, withRawDomain, type RawDomain } from '../rawDomain.ts';
import { columns, count, lengthSummary, sparkline } from '../text.ts';
import { rawOptions } from './rawOptions.ts';

/** What can be typed. */
interface Options extends Flags {
  json?: boolean;
  report?: string | true;
  with?: string[];
}

/** What is printed of a domain. */
function format(inspection: Inspection, raw: RawDomain | undefined): string {
  const { counts, density, sequenceLengths, historyLengths, popularity, missing, warnings } =
    inspection.statistics;
  const { unordered } = inspection;
  const parts = (train: number, { valid, test }: { valid: number; test: number }): string =>
    `train ${count(train)}  valid ${count(valid)}  test ${count(test)}`;
  return [
    `${inspection.name}  ${inspection.directory}`,
    '',
    ...(raw
      ? [
          'Found in the files, as ferry prepare reads them',
          ...raw.found.map((line) => `  ${line}`),
          ...(raw.damaged.length === 0
            ? []
            : [`  ${count(raw.damaged.length)} damaged rows, left out here:`]),
          ...raw.damaged.slice(0, 5).map((line) => `    ${line}`),
          '',
        ]
      : []),
    columns([
      ...(inspection.form === undefined ? [] : [['read from', inspection.form]]),
      ['items', count(counts.items)],
      ['users', count(counts.users)],
      ['interactions', `${count(counts.interactions)} (density ${formatShare(density)})`],
      ...(unordered
        ? [['of these', parts(counts.trainInteractions, counts)]]
        : [['rows', parts(counts.train, counts)]]),
      lengthSummary(unordered ? 'items of a user' : 'sequence length', sequenceLengths),
      ...(historyLengths ? [lengthSummary('history length', historyLengths)] : []),
    ]),
    '',
    'Training interactions of the items, most popular first',
    `  ${sparkline(popularity.curve)}`,
    `  the most popular tenth has ${formatShare(popularity.headShare)}; Gini ${popularity.gini.toFixed(2)}`,
    columns([
      ['interactions', 'items', 'test interactions'],
      ...popularity.groups.map(({ from, to, items, testInteractions }) => [
        to === Infinity ? `${from}+` : from === to ? String(from) : `${from}-${to}`,
        items,
        testInteractions,
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
    ...(warnings.length > 0 ? ['Warnings', ...warnings.map((warning) => `  ${warning}`)] : ['No warnings.']),
  ].join('\n');
}

/** `ferry inspect`. */
export function inspectVerb(): Command {
  const verb = new Command('inspect')
    .description(
      'counts, lengths, popularity curve, modality coverage and warnings of a domain, of raw files before they are ' +
        'prepared, or of impressions in MIND’s form',
    )
    .argument(
      '<domain>',
      'a domain directory, a file or description (.yaml) as ferry prepare reads it, a folder in MIND’s form, ' +
        '$FERRY_DATA/…, or sample-world:<name>',
    )
    .option('--json', 'print JSON instead')
    .option(
      '--report [file]',
      'one HTML page: time, duplicates, languages, nearest neighbours with pictures (default: <name>.html)',
    )
    .option('--with <domain...>', 'what the page compares with: shared users and items, leakage');
  return rawOptions(verb).action(async (domain: string, options: Options, command: Command) => {
    const { json, report, with: others, ...flags } = options;
    if (command.getOptionValueSource('header') === 'default') delete flags.header;
    const { checkData, checkFilePlace, domainPath, inspectDomain, inspectNews, inspectReport } =
      await import('../actions/inspect.ts');
    if (typeof report === 'string') checkFilePlace(report);
    if (others !== undefined && report === undefined)
      throw new UserError('--with belongs to the page: --report');
    const look = async (reference: string, raw?: RawDomain): Promise<void> => {
      if (report !== undefined) {
        const out = report === true ? `${domainName(reference)}.html` : report;
        const line = shellCommand('ferry', ...process.argv.slice(2));
        print(`written: ${await inspectReport(reference, { out, others: others ?? [], command: line })}`);
        return;
      }
      const found = await inspectDomain(reference);
      const inspection = raw ? { ...found, directory: domain, form: undefined } : found;
      if (json) {
        const { statistics } = inspection;
        const popularity = { ...statistics.popularity, curve: [...statistics.popularity.curve] };
        const { found: lines, damaged } = raw ?? {};
        printJson({ ...inspection, statistics: { ...statistics, popularity }, found: lines, damaged });
        return;
      }
      print(format(inspection, raw));
    };
    const path = domainPath(domain) ?? domain;
    checkData(domain, path);
    if (await isRaw(path, flags)) {
      await withRawDomain(path, flags, { progress: progressLine() }, (raw) => look(raw.directory, raw));
      return;
    }
    const news = await inspectNews(domain);
    if (news) {
      if (report !== undefined)
        throw new UserError(
          `--report and --with are for domains; ${domain} holds impressions in MIND's form`,
        );
      if (json) printJson(news);
      else print(formatNewsInspection(news));
      return;
    }
    await look(domain);
  });
}
