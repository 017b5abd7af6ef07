import { interestChart, type StudyResult } from '@ferry/studies';
import type { Section } from '@ferry/report';

/** The part of a study's report that shows how interests spread over items: each kind of run once, at its first seed. */
export function interestSections(results: readonly StudyResult[]): Section[] {
  const first = results[0];
  if (!first) return [];
  const charts = results
    .filter(({ seed, place }) => seed === first.seed && place['ids'] === first.place['ids'])
    .flatMap(({ details: { interests }, name }) => (interests ? [interestChart(name, interests)] : []));
  return [
    {
      title: 'Interests',
      blocks:
        charts.length > 0
          ? [{ kind: 'charts', charts }]
          : [{ kind: 'text', text: 'The model has no interests (`model.interests.method: none`).' }],
    },
  ];
}
