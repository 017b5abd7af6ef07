import { join } from 'node:path';
import { domainName, studyStarts, withOverrides, type StudyRecipe } from '@ferry/recipes';
import {
  list,
  studyRun,
  type Axis,
  type PlacedStudy,
  type PlannedRun,
  type Preparation,
  type StudyPlan,
} from '@ferry/studies';
import { interestSections } from './sections.ts';

/** Where fine-tuning starts. */
type Start = StudyRecipe['starts'][number];

/** How a start reads in tables and charts. */
const startTitle: Record<Start, string> = {
  scratch: 'scratch',
  'pre-trained': 'pre-trained',
  'pre-trained-full': 'pre-trained, full',
};

/** A model of the study; without a name in a study of one. */
interface NamedModel {
  readonly variant: string | undefined;
  readonly model: StudyRecipe['model'];
}

function axesOf(
  { ids }: StudyRecipe,
  targets: readonly string[],
  starts: readonly Start[],
  models: readonly NamedModel[],
): Axis[] {
  const variants = models.flatMap(({ variant }) => variant ?? []);
  return [
    {
      key: 'target',
      title: 'target',
      setting: true,
      values: targets.map((value) => ({ value, title: value })),
    },
    {
      key: 'ids',
      title: 'IDs',
      setting: true,
      values: [true, false]
        .filter((value) => ids.includes(value))
        .map((value) => ({ value, title: value ? 'IDs' : 'no IDs', cell: value ? 'yes' : 'no' })),
    },
    ...(variants.length > 0
      ? [{ key: 'variant', title: 'model', values: variants.map((value) => ({ value, title: value })) }]
      : []),
    { key: 'start', title: 'start', values: starts.map((value) => ({ value, title: startTitle[value] })) },
  ];
}

/**
 * The transfer study: sources x targets x starts x ids x models x seeds. Every run is a complete recipe of its own in a directory
 * of its own, so that it can be resumed, evaluated and repeated alone.
 */
export function planTransfer(recipe: PlacedStudy, name: string): StudyPlan {
  const { out, sources, seeds, backend, threads, features } = recipe;
  const targets = recipe.targets.map(domainName);
  const starts = studyStarts.filter((start) => recipe.starts.includes(start));
  const models: NamedModel[] = recipe.variants
    ? Object.entries(recipe.variants).map(([variant, own]) => ({
        variant,
        model: withOverrides(recipe.model, own),
      }))
    : [{ variant: undefined, model: recipe.model }];
  const shared = {
    ...{ description: '', needs: 'nothing', takes: '', backend, features },
    threads,
  };
  const preparationOf = (seed: number, { variant, model }: NamedModel): Preparation => {
    const own = ['pretrain', ...(variant === undefined ? [] : [variant]), `seed-${seed}`].join('/');
    return {
      name: own,
      title: `pre-training${variant === undefined ? '' : ` of ${variant}`}, seed ${seed}`,
      line: variant,
      recipe: {
        job: 'pretrain',
        ...shared,
        ...{ model, sources, seed, pretraining: recipe.pretraining },
        out: join(out, ...own.split('/')),
      },
    };
  };
  const runOf = (seed: number, start: Start, named: NamedModel, t: number, ids: boolean): PlannedRun => {
    const { variant, model } = named;
    const target = targets[t]!;
    const folder = `${start}-${ids ? 'ids' : 'no-ids'}`;
    const own = [
      'finetune',
      target,
      ...(variant === undefined ? [] : [variant]),
      folder,
      `seed-${seed}`,
    ].join('/');
    const needs = start === 'scratch' ? undefined : preparationOf(seed, named).name;
    return {
      name: own,
      place: { target, ids, ...(variant !== undefined && { variant }), start },
      seed,
      needs,
      recipe: {
        job: 'finetune',
        ...shared,
        ...{ model, target: recipe.targets[t]!, ids, seed, evaluation: recipe.evaluation },
        from: needs === undefined ? null : studyRun(needs),
        out: join(out, ...own.split('/')),
        finetuning: start === 'pre-trained-full' ? { ...recipe.finetuning, tune: 'full' } : recipe.finetuning,
      },
    };
  };
  const pretrains = starts.some((start) => start !== 'scratch');
  return {
    title: `Transfer study: ${name}`,
    summary: pretrains
      ? `Pre-training on ${list(sources.map(domainName))}, carried over to ${list(targets)}, against training from scratch`
      : `Training from scratch on ${list(targets)}`,
    axes: axesOf(recipe, targets, starts, models),
    sources: pretrains ? sources : [],
    targets: recipe.targets.map((reference, t) => ({ reference, place: { target: targets[t]! } })),
    preparations: pretrains ? seeds.flatMap((seed) => models.map((named) => preparationOf(seed, named))) : [],
    // Runs from scratch need no pre-training and come first.
    runs: seeds.flatMap((seed) =>
      starts.flatMap((start) =>
        models.flatMap((named) =>
          targets.flatMap((_, t) => recipe.ids.map((ids) => runOf(seed, start, named, t, ids))),
        ),
      ),
    ),
    comparisons: [
      ...(starts.length > 1 && starts.includes('scratch')
        ? [{ title: 'What pre-training changed', along: 'start', against: 'scratch' }]
        : []),
      ...(models.length > 1
        ? [
            {
              title: 'What each model changed against the first',
              along: 'variant',
              against: models[0]!.variant!,
            },
          ]
        : []),
    ],
    sections: (results) => interestSections(results),
  };
}
