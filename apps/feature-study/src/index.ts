import { gridSchema, type GridRecipe } from '@ferry/recipes';
import { planGrid, type PlannedComparison, type PlannedRun, type StudyDefinition } from '@ferry/studies';
import { featureSections } from './sections.ts';

/** The value of the axis `content` that stands for no features at all. */
export const noContent = 'none';

/** The value of the axis `content` that stands for features of other items. */
export const shuffledContent = 'shuffled';

/** What each model is without features, the settings that both have, and those whose defaults are the model's. */
const without: Readonly<
  Record<string, { name: string; settings: readonly string[]; defaults?: Readonly<Record<string, number>> }>
> = {
  vbpr: { name: 'bpr-mf', settings: ['factors', 'penalty'] },
  'lightgcn-m': { name: 'lightgcn', settings: ['factors', 'penalty', 'layers', 'edgeDropout'] },
  freedom: { name: 'lightgcn', settings: ['factors', 'layers'], defaults: { layers: 2 } },
  bm3: { name: 'lightgcn', settings: ['factors', 'layers'], defaults: { layers: 2 } },
  lattice: {
    name: 'lightgcn',
    settings: ['factors', 'layers', 'penalty'],
    defaults: { layers: 2, penalty: 1e-5 },
  },
  'attribute-item-knn': { name: 'item-knn', settings: ['neighbours'] },
};

/** A recipe of the feature study: a grid of models that read features, with an axis `content`. */
const featureSchema = gridSchema.superRefine(({ axes, model }, context) => {
  const { content, model: models = [model.name ?? ''] } = axes;
  const problem = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const rule = `named sets of features with ${noContent} among them, which the others are compared with`;
  if (content === undefined) problem(['axes'], `must have an axis content: ${rule}`);
  else if (Array.isArray(content) || !(noContent in content)) problem(['axes', 'content'], `must be ${rule}`);
  const known = Object.keys(without).join(', ');
  if (!Array.isArray(models)) problem(['axes', 'model'], `must be a list of models out of ${known}`);
  else
    models.forEach((name, i) => {
      if (!Object.hasOwn(without, String(name)))
        problem(
          axes['model'] ? ['axes', 'model', i] : ['model', 'name'],
          `must be one of ${known}, which have a form without features, got ${String(name) || 'none'}`,
        );
    });
});

/** A planned run, as the model is without features where it has none. */
function withoutFeatures(run: PlannedRun): PlannedRun {
  if (run.place['content'] !== noContent || run.recipe.job !== 'train') return run;
  const { model, features, ...recipe } = run.recipe;
  const { name, settings, defaults } = without[model.name]!;
  const kept = Object.entries(model).filter(([key]) => settings.includes(key));
  return {
    ...run,
    recipe: {
      ...recipe,
      model: { ...defaults, ...Object.fromEntries(kept), name },
      features: { ...features, text: 'none', image: 'none' },
    },
  };
}

/** The questions of the study. */
function questions(contents: readonly string[]): PlannedComparison[] {
  const rows = ['all', 'cold'] as const;
  return [
    { title: 'Do features beat none?', along: 'content', against: noContent, rows },
    ...(contents.includes(shuffledContent)
      ? [
          {
            title: 'Is it content, or capacity? Against the features of other items',
            along: 'content',
            against: shuffledContent,
            rows,
          },
        ]
      : []),
  ];
}

/**
 * Which features serve recommendation (the summer school's hands-on with repeats and tests): sets of features x models
 * x seeds on the same split, against the same models without features and against shuffled ones.
 */
export const featureStudy: StudyDefinition<GridRecipe> = {
  schema: featureSchema,
  plan(recipe, name) {
    const plan = planGrid(recipe, name);
    const axes = plan.axes.map((axis) => (axis.key === 'content' ? { ...axis, title: 'features' } : axis));
    const contents =
      axes.find(({ key }) => key === 'content')?.values.map(({ value }) => String(value)) ?? [];
    return {
      ...plan,
      axes,
      title: `Which features serve recommendation: ${name}`,
      runs: plan.runs.map(withoutFeatures),
      comparisons: recipe.compare ? plan.comparisons : questions(contents),
      sections: (results, findings) => featureSections(axes, results, findings),
    };
  },
};
