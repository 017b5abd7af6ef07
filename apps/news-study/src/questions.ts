import { impressionMetrics } from '@ferry/nrms';
import { mean, meanOfKnown, metricTitle } from '@ferry/evaluation';
import type { Block } from '@ferry/report';
import {
  effectCell,
  impressionValues,
  newsEffects,
  newsEffectTable,
  placesOn,
  samePlace,
  testsOfNews,
  type Axis,
  type NewsEffect,
  type NewsFindings,
  type NewsPair,
  type Place,
  type StudyResult,
} from '@ferry/studies';
import { experimentAxis, experimentOf, isCorrected } from './experiments.ts';

/** The corrected runs of an experiment on a target, a list for each value of the axis that has its number. */
function linesOf(results: readonly StudyResult[], target: Place, experiment: string): StudyResult[][] {
  const own = results.filter(
    (result) =>
      isCorrected(result) &&
      result.place['target'] === target['target'] &&
      experimentOf(result.place) === experiment,
  );
  const names = [...new Set(own.map(({ place }) => place[experimentAxis]))];
  return names.map((name) => own.filter(({ place }) => place[experimentAxis] === name));
}

const valuesOf = (runs: readonly StudyResult[]) => runs.map((run) => impressionValues(run, 'corrected'));

/** Every line of one experiment against the first of another, seeds paired; none where one of them has no runs. */
function between(results: readonly StudyResult[], target: Place, one: string, other: string): NewsPair[] {
  const [base] = linesOf(results, target, other);
  if (!base) return [];
  return linesOf(results, target, one).flatMap((own): NewsPair[] => {
    const seeds = own.filter(({ seed }) => base.some((run) => run.seed === seed));
    const same = seeds.map(({ seed }) => base.find((run) => run.seed === seed)!);
    if (seeds.length === 0) return [];
    const name = String(same[0]!.place[experimentAxis]);
    return [{ place: seeds[0]!.place, base: name, values: valuesOf(seeds), baseValues: valuesOf(same) }];
  });
}

/** The runs of a line against everything that needs no training. */
const againstFloors = (
  own: readonly StudyResult[],
  { floors }: NewsFindings['targets'][number],
): NewsPair[] =>
  floors.map(({ name, values }) => ({
    ...{ place: own[0]!.place, base: name },
    ...{ values: valuesOf(own), baseValues: [values] },
  }));

/** Every line of a study against everything that needs no training. */
export function floorBlocks(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  { targets, command }: NewsFindings,
): Block[] {
  const pairs = targets.flatMap((target) => {
    const own = results.filter(({ place }) => place['target'] === target.place['target']);
    return placesOn(axes, own).flatMap((line) =>
      againstFloors(
        own.filter(({ place }) => samePlace(place, line, axes)),
        target,
      ),
    );
  });
  if (pairs.length === 0) return [];
  const table = newsEffectTable(axes, newsEffects(pairs, impressionMetrics), impressionMetrics);
  return [
    { kind: 'table', table, caption: `What training is worth, floor by floor. ${testsOfNews}`, command },
  ];
}

/** What a difference in AUC says. */
function verdict({ metrics }: NewsEffect): string {
  const { difference, corrected } = metrics['auc']!;
  if (corrected >= 0.05) return 'no difference beyond chance';
  return difference > 0 ? '**better** beyond chance' : '**worse** beyond chance';
}

const sentence = (effect: NewsEffect, setting: string): string =>
  `${setting}${String(effect.place[experimentAxis])} against ${effect.base}: ` +
  `${effectCell(effect.metrics['auc']!).replace(' *', '')} ${metricTitle('auc')}, ${verdict(effect)}.`;

/** The thesis's three questions, as far as the runs answer them. */
export function questionBlocks(
  axes: readonly Axis[],
  results: readonly StudyResult[],
  findings: NewsFindings,
): Block[] {
  const { targets, command } = findings;
  const setting = ({ target }: Place): string => (targets.length > 1 ? `${String(target)}: ` : '');
  const sentences = (effects: NewsEffect[]): string =>
    effects.map((effect) => sentence(effect, setting(effect.place))).join(' ');
  const ask = (question: string, pairs: NewsPair[], about: (effects: NewsEffect[]) => string): Block[] => {
    if (pairs.length === 0) return [];
    const effects = newsEffects(pairs, impressionMetrics);
    return [
      { kind: 'text', text: `**${question}** ${about(effects)}` },
      {
        kind: 'table',
        table: newsEffectTable(axes, effects, impressionMetrics),
        caption: `${question} ${testsOfNews}`,
        command,
      },
    ];
  };
  const every = (pairs: (target: NewsFindings['targets'][number]) => NewsPair[]): NewsPair[] =>
    targets.flatMap(pairs);
  const best = (effects: NewsEffect[]): string => {
    const means = targets.flatMap(({ place }) =>
      ['1', '2']
        .flatMap((one) => linesOf(results, place, one))
        .map((own) => {
          const aucs = own.map((run) => meanOfKnown(impressionValues(run, 'corrected')['auc']!));
          const auc = mean(aucs);
          const lost = effects.filter(
            (effect) => samePlace(effect.place, own[0]!.place, axes) && effect.metrics['auc']!.difference < 0,
          );
          return (
            `${setting(own[0]!.place)}${String(own[0]!.place[experimentAxis])} reaches an AUC of ` +
            `${auc.toFixed(4)} without any tuning of the encoder, ` +
            (lost.length === 0
              ? 'above everything that needs no training'
              : `below ${lost.map(({ base }) => base).join(' and ')}`)
          );
        }),
    );
    return `${means.join('; ')}.`;
  };
  return [
    ...ask(
      'Can frozen encoders recommend news?',
      every((target) =>
        ['1', '2']
          .flatMap((one) => linesOf(results, target.place, one))
          .flatMap((own) => againstFloors(own, target)),
      ),
      best,
    ),
    ...ask(
      'What does training the encoder add?',
      every(({ place }) => between(results, place, '3', '2')),
      sentences,
    ),
    ...ask(
      'Do pictures help?',
      every(({ place }) => between(results, place, '3', '4')),
      sentences,
    ),
  ];
}
