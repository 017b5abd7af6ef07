import { readFileSync } from 'node:fs';
import { loadRecipe, recipeNames } from '@ferry/recipes';
import { Command } from 'commander';
import colours from 'picocolors';

/** `ferry recipes`. */
export function recipesVerb(): Command {
  return new Command('recipes')
    .description('list the recipes that come with Ferry, or print one')
    .argument('[name]', 'print this recipe instead: a start for one of your own')
    .action((name: string | undefined) => {
      if (name !== undefined) {
        process.stdout.write(readFileSync(loadRecipe(name).file, 'utf8'));
        return;
      }
      const entries = recipeNames().map((own) => {
        const { recipe } = loadRecipe(own);
        return [
          `${colours.bold(own)}  ${recipe.description}`,
          `    needs    ${recipe.needs}`,
          `    takes    ${recipe.takes}`,
          `    command  ferry ${recipe.job} ${own}`,
        ].join('\n');
      });
      process.stdout.write(`${entries.join('\n\n')}\n`);
    });
}
