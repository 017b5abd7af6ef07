import { Command } from 'commander';
import { recipeHelp } from '../help.ts';

/** `ferry models`. */
export function modelsVerb(): Command {
  return new Command('models')
    .description('the models that ferry train knows: paper, objectives, settings')
    .argument('[name]', 'one model, with all its settings')
    .action(async (name: string | undefined) => {
      const { modelNamed, modelNames } = await import('../models.ts');
      const { trainSchemaOf } = await import('@ferry/recipes');
      for (const each of name === undefined ? modelNames : [name]) {
        const model = await modelNamed(each);
        const objectives = Object.entries(model.objectives);
        const lines = [
          `${model.name}  ${model.title}`,
          `    paper       ${model.paper}`,
          ...objectives.map(
            ([key, { description }], i) =>
              `    ${i === 0 ? 'objectives' : '          '}  ${key}: ${description}`,
          ),
          `    train it    ferry train <recipe> model.name=${model.name}`,
        ];
        process.stdout.write(`${lines.join('\n')}\n`);
        if (name === undefined) continue;
        for (const [objective] of objectives)
          process.stdout.write(
            `\nobjective.name=${objective}\n${recipeHelp(trainSchemaOf(model, objective), { under: ['objective'] })}\n`,
          );
        process.stdout.write(`\n${recipeHelp(trainSchemaOf(model), { under: ['model'] })}\n`);
      }
    });
}
