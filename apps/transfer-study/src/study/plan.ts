import { join } from 'node:path';
import type { FinetuneRecipe, PretrainRecipe, StudyRecipe } from '../config/schema.ts';
import { domainName } from '../names.ts';

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
  /** Seed. */
  readonly seed: number;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: FinetuneRecipe & { out: string };
}

/** All runs of a study. */
export interface StudyPlan {
  /** Pre-training runs, one for each seed; none if every start is from scratch. */
  readonly pretrainings: readonly (PretrainRecipe & { out: string })[];
  /** Fine-tuning runs in the order they are done: those from scratch need no pre-training and come first. */
  readonly cells: readonly Cell[];
}

/**
 * The runs of a study. Every run is a complete recipe of its own in a directory of its own, so that it can be resumed,
 * evaluated and repeated alone.
 */
export function planStudy(recipe: StudyRecipe & { out: string }): StudyPlan {
  const names = recipe.targets.map(domainName);
  const { backend, threads, features, model } = recipe;
  const shared = {
    description: '',
    needs: 'nothing',
    takes: '',
    backend,
    ...(threads !== undefined && { threads }),
    features,
    model,
  };
  const pretrainingOf = (seed: number): PretrainRecipe & { out: string } => ({
    job: 'pretrain',
    ...shared,
    sources: recipe.sources,
    seed,
    out: join(recipe.out, 'pretrain', `seed-${seed}`),
    pretraining: recipe.pretraining,
  });
  const starts = (['scratch', 'pre-trained'] as const).filter((start) => recipe.starts.includes(start));
  const cells = recipe.seeds.flatMap((seed) =>
    starts.flatMap((start) =>
      recipe.targets.flatMap((reference, t) =>
        recipe.ids.map((ids): Cell => {
          const folder = `${start}-${ids ? 'ids' : 'no-ids'}`;
          return {
            target: names[t]!,
            start,
            ids,
            seed,
            recipe: {
              job: 'finetune',
              ...shared,
              target: reference,
              from: start === 'scratch' ? null : pretrainingOf(seed).out,
              ids,
              seed,
              out: join(recipe.out, 'finetune', names[t]!, folder, `seed-${seed}`),
              finetuning: recipe.finetuning,
              evaluation: recipe.evaluation,
            },
          };
        }),
      ),
    ),
  );
  return { pretrainings: starts.includes('pre-trained') ? recipe.seeds.map(pretrainingOf) : [], cells };
}
