import { shellCommand } from '@ferry/recipes';
import { Command } from 'commander';
import { jobConsole } from '../console.ts';
import { printJson } from '../print.ts';

/** `ferry elliot`. */
export function elliotVerb(): Command {
  return new Command('elliot')
    .description('run a configuration of Elliot as it stands: split, train, choose, test, compare')
    .argument('<config>', "Elliot's YAML; paths in it are resolved as Elliot resolves them")
    .option('--check', 'only check the configuration and print what it means as JSON')
    .addHelpText(
      'after',
      `
Results go where Elliot puts them: ../results/<dataset>/performance, recs and weights beside the folder of the
configuration; the runs, as ferry train makes them, are in ../results/<dataset>/ferry/<config>/runs. The same
command again goes on where it stopped. What is supported: docs/guides/elliot.md
`,
    )
    .action(async (file: string, { check }: { check?: boolean }) => {
      const { elliot, openElliot } = await import('../actions/elliot.ts');
      if (check) {
        const { models, ...config } = openElliot(file);
        printJson({ ...config, models: models.map(({ model, ...own }) => ({ ...own, name: model.name })) });
        return;
      }
      await elliot(file, { ...jobConsole(), resumeCommand: shellCommand('ferry', 'elliot', file) });
    });
}
