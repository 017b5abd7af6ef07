import { join } from 'node:path';
import {
  domainName,
  studyStarts,
  withOverrides,
  type FinetuneRecipe,
  type PretrainRecipe,
  type StudyRecipe,
} from '@ferry/recipes';

/** Where fine-tuning starts. */
export type Start = StudyRecipe['starts'][number];

/** One fine-tuning run of a study and where it stands in the table. */
export interface Cell {
  /** Name of the target domain. */
  readonly target: string;
  /** Where it starts. */
  readonly start: Start;
  /** Whether items have IDs. */
  readonly ids: boolean;
  /** Name of the model; undefined in a study of one model. */
  readonly variant?: string | undefined;
  /** Seed. */
  readonly seed: number;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: FinetuneRecipe & { out: string };
}

/** One pre-training run of a study. */
export interface Pretraining {
  /** Name of the model; undefined in a study of one model. */
  readonly variant?: string | undefined;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: PretrainRecipe & { out: string };
}

/** All runs of a study. */
export interface StudyPlan {
  /** Pre-training runs, one for each seed; and model; none if every start is from scratch. */
  readonly pretrainings: readonly Pretraining[];
  /** Fine-tuning runs in the order they are done: those from scratch need no pre-training and come first. */
  readonly cells: readonly Cell[];
}

/**
 * The runs of a study. Every run is a complete recipe of its own in a directory of its own, so that it can be resumed,
 * evaluated and repeated alone.
 */
export function planStudy(recipe: StudyRecipe & { out: string }): StudyPlan {
  const names = recipe.targets.map(domainName);
  const models = recipe.variants
    ? Object.entries(recipe.variants).map(([variant, own]) => ({
        variant,
        model: withOverrides(recipe.model, own),
      }))
    : [{ variant: undefined, model: recipe.model }];
  const { backend, threads, features } = recipe;
  const shared = {
    description: '',
    needs: 'nothing',
    takes: '',
    backend,
    ...(threads !== undefined && { threads }),
    features,
  };
  const pretrainingOf = (seed: number, { variant, model }: (typeof models)[number]) => ({
    job: 'pretrain' as const,
    ...shared,
    model,
    sources: recipe.sources,
    seed,
    out: join(recipe.out, 'pretrain', variant ?? '', `seed-${seed}`),
    pretraining: recipe.pretraining,
  });
  const starts = studyStarts.filter((start) => recipe.starts.includes(start));
  const cells = recipe.seeds.flatMap((seed) =>
    starts.flatMap((start) =>
      models.flatMap((named) =>
        recipe.targets.flatMap((reference, t) =>
          recipe.ids.map((ids): Cell => {
            const folder = `${start}-${ids ? 'ids' : 'no-ids'}`;
            const target = names[t]!;
            const out = join(recipe.out, 'finetune', target, named.variant ?? '', folder, `seed-${seed}`);
            return {
              target,
              start,
              ids,
              ...(named.variant !== undefined && { variant: named.variant }),
              seed,
              recipe: {
                job: 'finetune',
                ...shared,
                model: named.model,
                target: reference,
                from: start === 'scratch' ? null : pretrainingOf(seed, named).out,
                ids,
                seed,
                out,
                finetuning:
                  start === 'pre-trained-full' ? { ...recipe.finetuning, tune: 'full' } : recipe.finetuning,
                evaluation: recipe.evaluation,
              },
            };
          }),
        ),
      ),
    ),
  );
  const pretrainings = starts.some((start) => start !== 'scratch')
    ? recipe.seeds.flatMap((seed) =>
        models.map((named) => ({ variant: named.variant, recipe: pretrainingOf(seed, named) })),
      )
    : [];
  return { pretrainings, cells };
}
