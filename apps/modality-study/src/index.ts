import { gridSchema, type GridRecipe } from '@ferry/recipes';
import { planGrid, type Axis, type PlannedComparison, type StudyDefinition } from '@ferry/studies';
import { idValue, modalitySections } from './sections.ts';

/** Headings of the axes that the report asks its questions about. */
const titles: Readonly<Record<string, string>> = {
  model: 'backbone',
  tower: 'items known by',
  objective: 'loss',
};

/** A recipe of the modality study: a grid with an axis `tower` that has `ID` among its values. */
const modalitySchema = gridSchema.superRefine(({ axes }, context) => {
  const { tower } = axes;
  const rule = `named values with ${idValue} among them, which the others are compared with`;
  if (tower === undefined)
    context.addIssue({ code: 'custom', path: ['axes'], message: `must have an axis tower: ${rule}` });
  else if (Array.isArray(tower) || !(idValue in tower))
    context.addIssue({ code: 'custom', path: ['axes', 'tower'], message: `must be ${rule}` });
});

/** The questions of the study, as far as the axes can answer them. */
function questions(axes: readonly Axis[]): PlannedComparison[] {
  const valuesOf = (key: string) => axes.find((axis) => axis.key === key)?.values ?? [];
  const [model] = valuesOf('model');
  const [objective] = valuesOf('objective');
  return [
    {
      title: 'Does knowing items by their modalities beat IDs?',
      along: 'tower',
      against: idValue,
      rows: ['all', 'warm', 'cold'],
    },
    ...(objective && valuesOf('objective').length > 1
      ? [{ title: 'How much does the loss change?', along: 'objective', against: objective.value }]
      : []),
    ...(model && valuesOf('model').length > 1
      ? [{ title: 'How much does the backbone change?', along: 'model', against: model.value }]
      : []),
  ];
}

/**
 * IDRec against MoRec (Yuan et al., SIGIR 2023): domains x backbones x towers x objectives x seeds, test rows of warm
 * and of cold items apart, and the price of each tower.
 */
export const modalityStudy: StudyDefinition<GridRecipe> = {
  schema: modalitySchema,
  plan(recipe, name) {
    const plan = planGrid(recipe, name);
    const axes = plan.axes.map((axis) => ({ ...axis, title: titles[axis.key] ?? axis.title }));
    return {
      ...plan,
      axes,
      title: `IDRec against MoRec: ${name}`,
      comparisons: recipe.compare ? plan.comparisons : questions(axes),
      sections: (results, findings) => modalitySections(axes, results, findings),
    };
  },
};
