import { z } from 'zod';
import { distinct } from './parts.ts';
import { checkStudy, studyKeys, trainSchema } from './schema.ts';

/** The sections of a run's recipe that an axis may vary. */
const sections = ['features', 'model', 'objective', 'training'] as const;

const scalar = z.union([z.string().min(1), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});
const section = z.looseObject({}).optional();
const settings = z.strictObject({
  features: section,
  model: section,
  objective: section,
  training: section,
});

/** A value of an axis that is written as a list. */
export type AxisScalar = string | number | boolean;

const listed = distinct(scalar).min(1);
const named = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9][\w .+-]*$/, { error: 'must be a name of letters, digits, spaces, and . + - _' }),
  settings,
);

/** The values of an axis: of one key, or by name, each with the settings it stands for. */
const axis = z.unknown().superRefine((value, context) => {
  const { error } = (Array.isArray(value) ? listed : named).safeParse(value, { reportInput: true });
  // What is wrong is told by the one of the two forms that was meant.
  for (const issue of error?.issues ?? []) context.addIssue(issue as z.core.$ZodRawIssue);
}) as z.ZodType<z.output<typeof listed> | z.output<typeof named>>;

const { job, study, description, needs, takes, targets, seeds, baselines, out, backend, threads } = studyKeys;
const { features, objective, training } = trainSchema.shape;

/** Whether an axis that is a list names a key of a run's recipe. */
const isKey = (key: string): boolean =>
  key === 'model' || key === 'objective' || sections.some((section) => key.startsWith(`${section}.`));

/** What recipes of studies of axes have, whatever their runs are measured by. */
export const gridKeys = {
  ...{ job, study, description, needs, takes, targets, seeds, out, backend, threads },
  ...{ features, model: studyKeys.model, objective, training },
  axes: z
    .record(z.string().min(1), axis)
    .describe(
      'what varies: by a key of a run with its values (model, objective, training.learningRate: [1e-3, 1e-4]), ' +
        'or by any name with named settings ({ tower: { ID: {}, text: { model: { tower: { ids: false, features: ' +
        'true } } } } })',
    ),
  except: z
    .array(z.record(z.string(), z.union([scalar, z.array(scalar).min(1)])))
    .default([])
    .describe('combinations that are left out: { model: dssm, objective: [bce, softmax] }'),
  draw: z
    .int()
    .min(1)
    .optional()
    .describe('so many of the combinations, drawn at random by the first seed: random search; default all'),
  compare: z
    .array(
      z.strictObject({
        along: z.string(),
        against: scalar,
        title: z.string().min(1).optional(),
      }),
    )
    .optional()
    .describe(
      'families of tests: along which axis, against which of its values; default each axis against its first value',
    ),
};

/** Rules of the axes of a study, and of what is left out and compared along them. */
export function checkAxes(
  recipe: Pick<z.output<z.ZodObject<typeof gridKeys>>, 'axes' | 'except' | 'compare'>,
  context: z.core.$RefinementCtx,
): void {
  const problem = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const names = Object.keys(recipe.axes);
  if (names.length === 0) problem(['axes'], 'must have at least one axis, got none');
  const valuesOf = (name: string): AxisScalar[] => {
    const values = recipe.axes[name]!;
    return Array.isArray(values) ? values : Object.keys(values);
  };
  for (const name of names) {
    if (['seed', 'seeds', 'target', 'targets'].includes(name))
      problem(['axes', name], `must stand beside axes, as ${name.replace(/s?$/, 's')}: […]`);
    else if (Array.isArray(recipe.axes[name]) && !isKey(name))
      problem(
        ['axes', name],
        'must be model, objective or a key of features, model, objective or training where its values are a ' +
          `list, got ${name}`,
      );
    else if (valuesOf(name).length === 0) problem(['axes', name], 'must have at least one value, got none');
  }
  const known = (path: (string | number)[], name: string, value: AxisScalar): void => {
    if (!names.includes(name)) problem(path, `must name one of the axes ${names.join(', ')}, got ${name}`);
    else if (!valuesOf(name).includes(value))
      problem(path, `must be a value of ${name}: ${valuesOf(name).join(', ')}, got ${String(value)}`);
  };
  recipe.except.forEach((places, i) => {
    for (const [name, values] of Object.entries(places))
      for (const value of Array.isArray(values) ? values : [values]) known(['except', i, name], name, value);
  });
  recipe.compare?.forEach(({ along, against }, i) => {
    known(['compare', i, names.includes(along) ? 'against' : 'along'], along, against);
  });
}

/** The recipe of a study of axes: trainings of every combination of values, on every target, with every seed. */
export const gridSchema = z
  .strictObject({
    ...gridKeys,
    baselines,
    medianRule: z
      .strictObject({
        runs: z.int().min(1).default(5).describe('runs that must have been made before'),
        epochs: z.int().min(1).default(1).describe('epochs that every run has'),
      })
      .optional()
      .describe(
        'ends a run whose best validation value is below the median of what earlier runs of its model, target and ' +
          'seed had on average until the same epoch; left out for never',
      ),
    evaluation: studyKeys.evaluation,
  })
  .superRefine((recipe, context) => {
    checkStudy(recipe, context);
    checkAxes(recipe, context);
  });

/** The recipe of a study of axes, defaults filled in. */
export type GridRecipe = z.output<typeof gridSchema>;
