import { isMany, metricTitle, sampledWords } from '@ferry/evaluation';
import { notComparable } from '../jobs/evaluate.ts';
import type { Domain } from '@ferry/data';
import { domainName, shellCommand, type StudyRecipe } from '@ferry/recipes';
import { renderReport, type Block, type Section } from '@ferry/report';
import { describeEnvironment, readSummary } from '@ferry/training';
import { environmentRows } from '../environment.ts';
import { chartAxes, placesOn, settingName, settingsOf } from './axes.ts';
import type { BaselineResult } from './baselines.ts';
import { popularityChart, testChart } from './charts.ts';
import { lossChart, thinNote, validationChart } from './curves.ts';
import { domainTable, settingsTable } from './domainTable.ts';
import { effectBlocks } from './effects.ts';
import type { StudyPlan } from './plan.ts';
import { coldBelow, recallOf, type Measure, type StudyResult, type StudyRow } from './results.ts';
import { publishedBlocks, publishedOf } from './published.ts';
import { studyTable } from './table.ts';

/** What a study's report shows. */
export interface StudyReport {
  /** The study's directory. */
  readonly out: string;
  /** The study's recipe. */
  readonly recipe: StudyRecipe;
  /** The command that made it. */
  readonly command: string;
  /** The study. */
  readonly plan: StudyPlan;
  /** What it measures by. */
  readonly measure: Measure;
  /** The finished runs. */
  readonly results: readonly StudyResult[];
  /** The lines of its table. */
  readonly rows: readonly StudyRow[];
  /** What it is compared with. */
  readonly baselines: readonly BaselineResult[];
  /** Its data sets. */
  readonly domains: readonly { readonly role: string; readonly domain: Domain }[];
}

/** Names with commas and an `and`. */
export function list(names: readonly string[]): string {
  return names.length < 2
    ? names.join('')
    : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]!}`;
}

/** How many seeds, in words. */
export function seedsText(seeds: readonly number[]): string {
  return seeds.length === 1
    ? `one seed (${seeds[0]!})`
    : `${seeds.length} seeds (${list(seeds.map(String))})`;
}

/** The leading metric and the one that tells most beside it. */
function shownMetrics(measure: Measure): [string, string] {
  const recall = recallOf(measure);
  return [measure.metric, measure.metric === recall ? recall.replace('recall', 'ndcg') : recall];
}

function resultBlocks({ plan, rows, results, baselines, measure, recipe, command }: StudyReport): Block[] {
  const spread =
    recipe.seeds.length > 1 ? `mean ± deviation over ${seedsText(recipe.seeds)}` : seedsText(recipe.seeds);
  const { negatives, history } = recipe.evaluation;
  const ranking = negatives
    ? `ranked among ${sampledWords(negatives)}: ${notComparable}`
    : 'full ranking over the whole catalogue';
  const whiskers = recipe.seeds.length > 1 ? '; whiskers are one deviation over seeds' : '';
  const kept = history === 'mask' ? 'items of the history excluded' : 'items of the history kept';
  const cold = rows.some((row) => row.cold)
    ? ` ${metricTitle(recallOf(measure))} cold is over rows with an item of fewer than ${coldBelow} training interactions;`
    : '';
  return [
    {
      kind: 'table',
      table: studyTable(plan.axes, rows, measure, baselines),
      caption:
        `Test metrics, ${ranking}, ${kept}; ${spread}; the best of each group in bold. Baselines without training ` +
        `come first.${cold} epoch is the best one by validation ${metricTitle(measure.metric)}, weights how many ` +
        'were trained, s the seconds of a run.',
      command,
    },
    ...publishedBlocks(publishedOf(results)),
    {
      kind: 'charts',
      charts: shownMetrics(measure).map((metric) => ({
        svg: testChart(chartAxes(plan.axes, rows), rows, metric),
        caption: `Test ${metricTitle(metric)} of each line of the table${whiskers}.`,
        command,
      })),
    },
    ...effectBlocks(plan.axes, plan.comparisons, results, measure, command),
  ];
}

function curveBlocks({ plan, results, measure, command }: StudyReport): Block[] {
  const axes = chartAxes(plan.axes, results);
  const target = plan.axes[0]!;
  const apart = axes.filter(({ setting }, i) => i === 0 || setting !== plan.axes[i]!.setting);
  const made = plan.preparations.filter((own) => readSummary(own.recipe.out));
  const loss = made.length > 0 ? lossChart(made) : undefined;
  const note = (thin: boolean): string => (thin ? ` ${thinNote}` : '');
  return [
    {
      kind: 'charts',
      charts: [
        ...placesOn(apart, results).map((group) => {
          const { svg, thin } = validationChart(axes, apart, group, results, measure.metric);
          return {
            svg,
            caption: `Training on ${settingName([target], group)}; bands are one deviation over seeds.${note(thin)}`,
            command,
          };
        }),
        ...(loss
          ? [
              {
                svg: loss.svg,
                caption: `Pre-training on ${list(plan.sources.map(domainName))}.${note(loss.thin)}`,
                command,
              },
            ]
          : []),
      ],
    },
  ];
}

/** Every command a reader may want: the study, its parts, a closer look. */
function commandsText({ out, command, plan, results }: StudyReport): string {
  const made = plan.preparations.filter((own) => readSummary(own.recipe.out));
  const runs = made.map(({ name }) => ['pretrain', name]);
  const jobs = new Map(plan.runs.map(({ name, recipe }) => [name, recipe.job]));
  const tests = results.map(({ name }) => [jobs.get(name)!, name]);
  const first = results[0]?.directory ?? plan.runs[0]!.recipe.out;
  const last = results.at(-1)?.directory ?? first;
  return [
    '# the whole study; finished runs are skipped, unfinished ones resumed',
    command,
    '# the same from its directory, wherever it lies',
    shellCommand('ferry', 'study', `${out}/recipe.yaml`),
    '# a closer look at a run, and two of them side by side',
    shellCommand('ferry', 'evaluate', first),
    ...(last === first ? [] : [shellCommand('ferry', 'compare', first, last)]),
    '# its runs one by one',
    ...[...runs, ...tests].map(([verb, name]) => shellCommand('ferry', verb!, `${out}/${name!}/recipe.yaml`)),
  ].join('\n');
}

/** What rows of the data sets are; of users where a model ranks these. */
function splitCaption(domains: StudyReport['domains'], byUser: boolean): string {
  if (byUser)
    return (
      'Interactions for training, validation and test. A model that knows users and no order ranks a row for each ' +
      'test user, with all of their test interactions; a model of sequences ranks each of these as a row.'
    );
  const last = domains.every(({ domain: { protocol = 'leave-one-out' } }) => protocol === 'leave-one-out');
  return last
    ? 'Every user’s last item is the test, the one before it validation; every prefix of the rest is a training row.'
    : 'How the items of users are split stands beside each data set; a row is an item that is to be found.';
}

/** Keys of a recipe that settle nothing. */
const notSettings = ['job', 'description', 'needs', 'takes', 'out'];

/** A study's `report.html`. */
export async function studyReport(study: StudyReport): Promise<string> {
  const { recipe, plan, results, measure, command, domains } = study;
  const { title, summary, axes, sections = () => [] } = plan;
  const drawn = chartAxes(axes, results);
  const byUser = results.some(({ rows }) => isMany(rows));
  const popularity: Block = {
    kind: 'charts',
    charts: placesOn(settingsOf(drawn), results).map((group) => ({
      svg: popularityChart(drawn, group, results, measure),
      caption: 'Wanted items are grouped by how often they occur in training.',
      command,
    })),
  };
  const settings = Object.fromEntries(Object.entries(recipe).filter(([key]) => !notSettings.includes(key)));
  const whole: Section[] = [
    { title: 'Results', blocks: resultBlocks(study) },
    { title: 'Learning curves', blocks: curveBlocks(study) },
    { title: 'Recall by popularity', blocks: [popularity] },
    ...sections(results, { measure, command }),
    {
      title: 'Data sets',
      blocks: [
        {
          kind: 'table',
          table: domainTable(domains, byUser),
          caption: splitCaption(domains, byUser),
          command,
        },
      ],
    },
    {
      title: 'Settings',
      blocks: [
        {
          kind: 'table',
          table: settingsTable(settings),
          caption: 'The recipe, every default filled in.',
          command,
        },
      ],
    },
    {
      title: 'How to repeat it',
      blocks: [
        { kind: 'code', code: commandsText(study) },
        {
          kind: 'text',
          text:
            'Every run has a directory of its own beside this file, with its recipe, metrics, checkpoints and the ' +
            'results of every test row (`rows/`).',
        },
      ],
    },
  ];
  const environment = environmentRows({ ...describeEnvironment(recipe.seeds[0]!), seed: undefined });
  return await renderReport({
    title,
    summary: `${summary.replace(/\.$/, '')}; ${seedsText(recipe.seeds)}.`,
    sections: whole,
    environment: { ...environment, seeds: recipe.seeds.join(', ') },
  });
}
