import { join } from 'node:path';
import {
  checkRecipe,
  domainName,
  parseRecipe,
  RecipeError,
  withOverrides,
  wholeSchema,
  finetuningSchema,
  pretrainingSchema,
  type ModelRegistry,
  type Path,
  type RunRecipe,
  type SplitSettings,
} from '@ferry/recipes';
import {
  list,
  studyRun,
  type Axis,
  type Placed,
  type PlannedRun,
  type Preparation,
  type StudyPlan,
} from '@ferry/studies';
import { studyStarts, type TransferRecipe } from './recipe.ts';
import { interestSections } from './sections.ts';

/** Where fine-tuning starts. */
type Start = TransferRecipe['starts'][number];

/** How a start reads in tables and charts. */
const startTitle: Record<Start, string> = {
  scratch: 'scratch',
  'pre-trained': 'pre-trained',
  'pre-trained-full': 'pre-trained, full',
};

/** A model of the study and how it is trained; without a name in a study of one. */
interface NamedModel extends Pick<TransferRecipe, 'model' | 'pretraining' | 'finetuning'> {
  readonly variant: string | undefined;
  /** Where the study's recipe says what a run's has. */
  readonly written: (path: Path) => Path;
}

/** Sections of a variant that say how it is trained. */
const trainingKeys = ['pretraining', 'finetuning'] as const;

/** The keys of a section that mean the same to every model. */
function ofFrame<T extends object>(section: T, shape: object): T {
  return Object.fromEntries(
    Object.entries(section).filter(([key]) => key in shape && key !== 'objective' && key !== 'tune'),
  ) as T;
}

/** A variant: the study's model with settings replaced or, where it names another one, a model of its own. */
function variantOf(recipe: TransferRecipe, variant: string, own: Record<string, unknown>): NamedModel {
  const {
    pretraining = {},
    finetuning = {},
    ...settings
  } = own as Partial<TransferRecipe['model']> & {
    pretraining?: object;
    finetuning?: object;
  };
  const other = settings.name !== undefined && settings.name !== recipe.model.name;
  const base = other
    ? {
        model: {},
        pretraining: ofFrame(recipe.pretraining, pretrainingSchema.shape),
        finetuning: ofFrame(recipe.finetuning, finetuningSchema.shape),
      }
    : recipe;
  return {
    variant,
    model: withOverrides(base.model, settings),
    pretraining: withOverrides(base.pretraining, pretraining),
    finetuning: withOverrides(base.finetuning, finetuning),
    written: (path) => {
      const [section, key] = path;
      if (section === 'model' && (other || (key !== undefined && key in own)))
        return ['variants', variant, ...path.slice(1)];
      const trained = trainingKeys.find((one) => one === section);
      const said = trained && (own[trained] as object | undefined);
      return said && key !== undefined && key in said ? ['variants', variant, ...path] : path;
    },
  };
}

/** The models of a study. */
function modelsOf(recipe: TransferRecipe): NamedModel[] {
  const { model, pretraining, finetuning, variants } = recipe;
  if (!variants) return [{ variant: undefined, model, pretraining, finetuning, written: (path) => path }];
  return Object.entries(variants).map(([variant, own]) => variantOf(recipe, variant, own));
}

/** Fills in the defaults of the study's model; what cannot be used is left for the runs to tell. */
export async function fillTransfer(
  recipe: TransferRecipe & Placed,
  models: ModelRegistry,
): Promise<TransferRecipe & Placed> {
  const { features, sources, targets, ids, model, pretraining, finetuning } = recipe;
  const known = await models.load(model.name ?? models.unnamed);
  const filled = (given: { job: string }): RunRecipe | undefined => {
    try {
      return checkRecipe(parseRecipe(JSON.stringify(given), 'study'), wholeSchema(given, known));
    } catch (error) {
      if (error instanceof RecipeError) return undefined;
      throw error;
    }
  };
  const tuned = filled({
    ...{ job: 'finetune', target: targets[0], ids: ids[0], features, model, finetuning },
  });
  const trained =
    sources.length > 0
      ? filled({ ...{ job: 'pretrain', sources, features, model, pretraining } })
      : undefined;
  return {
    ...recipe,
    model: tuned?.model ?? recipe.model,
    finetuning: tuned?.job === 'finetune' ? tuned.finetuning : recipe.finetuning,
    pretraining: trained?.job === 'pretrain' ? trained.pretraining : recipe.pretraining,
  };
}

/** How sources are split: as targets are, but all of their users train. */
function sourceSplit({ protocol, split }: TransferRecipe['evaluation']): SplitSettings {
  if (split?.trainUsers === undefined) return { protocol, split };
  const { validUsers, seed } = split;
  return { protocol, split: validUsers === undefined ? undefined : { validUsers, seed } };
}

function axesOf(
  { ids }: TransferRecipe,
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
      ? [
          {
            key: 'variant',
            title: 'model',
            values: variants.map((value) => ({ value, title: value })),
            written: (value) => ['variants', String(value)],
          } satisfies Axis,
        ]
      : []),
    { key: 'start', title: 'start', values: starts.map((value) => ({ value, title: startTitle[value] })) },
  ];
}

/**
 * The transfer study: sources x targets x starts x ids x models x seeds. Every run is a complete recipe of its own in a
 * directory of its own, so that it can be resumed, evaluated and repeated alone.
 */
export function planTransfer(recipe: TransferRecipe & Placed, name: string): StudyPlan {
  const { out, sources, seeds, backend, threads, features } = recipe;
  const { protocol, split } = sourceSplit(recipe.evaluation);
  const targets = recipe.targets.map(domainName);
  const starts = studyStarts.filter((start) => recipe.starts.includes(start));
  const models = modelsOf(recipe);
  const shared = {
    ...{ description: '', needs: 'nothing', takes: '', backend, features },
    threads,
  };
  const preparationOf = (seed: number, named: NamedModel): Preparation => {
    const { variant, model, pretraining } = named;
    const own = ['pretrain', ...(variant === undefined ? [] : [variant]), `seed-${seed}`].join('/');
    return {
      name: own,
      title: `pre-training${variant === undefined ? '' : ` of ${variant}`}, seed ${seed}`,
      line: variant,
      written: named.written,
      recipe: {
        job: 'pretrain',
        ...shared,
        ...{ model, sources, seed, pretraining },
        ...(protocol !== undefined && { evaluation: { protocol, split } }),
        out: join(out, ...own.split('/')),
      },
    };
  };
  const runOf = (seed: number, start: Start, named: NamedModel, t: number, ids: boolean): PlannedRun => {
    const { variant, model, finetuning } = named;
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
      written: named.written,
      recipe: {
        job: 'finetune',
        ...shared,
        ...{ model, target: recipe.targets[t]!, ids, seed, evaluation: recipe.evaluation },
        from: needs === undefined ? null : studyRun(needs),
        out: join(out, ...own.split('/')),
        finetuning: start === 'pre-trained-full' ? { ...finetuning, tune: 'full' } : finetuning,
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
