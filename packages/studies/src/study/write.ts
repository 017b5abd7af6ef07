import { join } from 'node:path';
import { rowCount } from '@ferry/evaluation';
import { tableToCsv, tableToMarkdown, tableToText } from '@ferry/report';
import { replaceFile } from '@ferry/training';
import { studyReport, type StudyReport } from './report.ts';
import { publishedOf, publishedText } from './published.ts';
import { runsTable } from './runsTable.ts';
import { studyTable } from './table.ts';

/** Writes a study's table in three forms, its runs as CSV and its report; returns the table for a terminal of a width. */
export async function writeResults(
  study: StudyReport,
  name: string,
  width: number | undefined,
): Promise<string> {
  const { out, plan, rows, results, baselines, command, measure, domains, recipe } = study;
  const table = studyTable(plan.axes, rows, measure, baselines);
  const flat = <T extends { place: object }>({ place, ...rest }: T) => ({ ...place, ...rest });
  const json = {
    name,
    command,
    metric: measure.metric,
    evaluation: recipe.evaluation,
    domains: domains.map(({ role, domain }) => ({
      role,
      name: domain.name,
      protocol: domain.protocol ?? 'leave-one-out',
      items: domain.items.ids.length,
      users: domain.users.length,
      testInteractions: domain.test.targets.length,
      testUsers: new Set(domain.test.users).size,
    })),
    axes: plan.axes.map(({ key, values }) => ({ key, values: values.map(({ value }) => value) })),
    baselines: baselines.map(({ place, name: baseline, test }) => ({ ...place, name: baseline, test })),
    rows: rows.map(flat),
    runs: results.map(({ place, seed, name: run, directory, summary, rows: ranked }) => ({
      ...place,
      seed,
      run,
      directory,
      testRows: rowCount(ranked),
      bestEpoch: summary.best.epoch,
      valid: summary.best.valid,
      test: summary.test,
      parameters: summary.parameters,
      seconds: summary.timings.totalSeconds,
    })),
  };
  const published = publishedOf(results);
  const beside = published.length > 0 ? `\n${publishedText(published, { markdown: true })}\n` : '';
  replaceFile(join(out, 'results.md'), tableToMarkdown(table) + beside);
  replaceFile(join(out, 'results.csv'), await tableToCsv(table));
  replaceFile(join(out, 'runs.csv'), await tableToCsv(runsTable(plan.axes, results)));
  replaceFile(join(out, 'results.json'), `${JSON.stringify(json, null, 2)}\n`);
  replaceFile(join(out, 'report.html'), await studyReport(study));
  const text = tableToText(table, { width });
  return published.length > 0 ? `${text}\n${publishedText(published, { width })}` : text;
}
