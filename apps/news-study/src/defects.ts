import { impressionMetrics } from '@ferry/nrms';
import type { Block } from '@ferry/report';
import {
  newsEffects,
  newsEffectTable,
  pairsAlong,
  testsOfNews,
  type Axis,
  type NewsFindings,
  type StudyResult,
} from '@ferry/studies';
import { defectAxis, experimentAxis, noDefect } from './experiments.ts';

/** What each defect alone does to each metric, of each experiment that was run with some. */
export function defectBlocks(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { command }: Pick<NewsFindings, 'command'>,
): Block[] {
  const experiments = axes.find(({ key }) => key === experimentAxis)?.values ?? [];
  return experiments.flatMap(({ value, title }): Block[] => {
    const own = results.filter(({ place }) => place[experimentAxis] === value);
    const table = (measured: 'reported' | 'corrected', words: string): Block[] => {
      const pairs = pairsAlong(
        axes,
        own,
        { along: defectAxis, against: noDefect },
        { measured, base: 'corrected' },
      );
      if (pairs.length === 0) return [];
      return [
        {
          kind: 'table',
          table: newsEffectTable(axes, newsEffects(pairs, impressionMetrics), impressionMetrics),
          caption: `${title}: each defect alone against none, ${words}. ${testsOfNews}`,
          command,
        },
      ];
    };
    return [
      ...table('reported', 'as it is reported, defects of the measurement included'),
      ...table('corrected', 'measured by the corrected evaluator'),
    ];
  });
}
