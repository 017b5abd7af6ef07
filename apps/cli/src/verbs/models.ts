import { Command } from 'commander';
import { resolve } from 'node:path';
import { isModelFile } from '@ferry/recipes';
import { keysHeading, keysHelp } from '../help.ts';
import { loadAction, readModelFile } from '../ownModel.ts';

/** `ferry models`. */
export function modelsVerb(): Command {
  return new Command('models')
    .description('the models that ferry train knows: paper, objectives, settings')
    .argument('[name]', 'one model, or a file of your own such as ./mine.ts, with all its settings')
    .action(async (name: string | undefined) => {
      const own = name !== undefined && isModelFile(name) ? [await readModelFile(name, resolve(name))] : [];
      const load = () => import('../actions/models.ts');
      const { models, modelNames } = await loadAction('models', load, own);
      const { trainSchemaOf } = await import('@ferry/recipes');
      for (const each of name === undefined ? modelNames : [name]) {
        const model = await models.load(each);
        const objectives = Object.entries(model.objectives);
        const lines = [
          `${each}  ${model.title}`,
          `    paper       ${model.paper}`,
          ...objectives.map(
            ([key, { description }], i) =>
              `    ${i === 0 ? 'objectives' : '          '}  ${key}: ${description}`,
          ),
          `    train it    ferry train <recipe> model.name=${each}`,
        ];
        process.stdout.write(`${lines.join('\n')}\n`);
        if (name === undefined) continue;
        const settings = [
          ...objectives.map(
            ([objective]) =>
              `objective.name=${objective}\n${keysHelp(trainSchemaOf(model, objective), { under: ['objective'] })}`,
          ),
          keysHelp(trainSchemaOf(model), { under: ['model'] }),
        ];
        process.stdout.write(`\n${keysHeading}\n\n${settings.join('\n\n')}\n`);
      }
    });
}
