import { createRequire } from 'node:module';
import { Command } from 'commander';
import { compareVerb } from './verbs/compare.ts';
import { doctorVerb } from './verbs/doctor.ts';
import { elliotVerb } from './verbs/elliot.ts';
import { evaluateVerb } from './verbs/evaluate.ts';
import { featuresVerb } from './verbs/features.ts';
import { pretrainEncoderVerb } from './verbs/pretrainEncoder.ts';
import { importVerb } from './verbs/import.ts';
import { longtailVerb } from './verbs/longtail.ts';
import { scoreVerb } from './verbs/score.ts';
import { inspectVerb } from './verbs/inspect.ts';
import { prepareVerb } from './verbs/prepare.ts';
import { recipesVerb } from './verbs/recipes.ts';
import { recommendVerb } from './verbs/recommend.ts';
import { replayVerb } from './verbs/replay.ts';
import { serveVerb } from './verbs/serve.ts';
import { jobVerbs } from './verbs/jobs.ts';
import { modelsVerb } from './verbs/models.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Gives a verb, and the verbs in it, the settings of the program. */
function inherit(verb: Command, program: Command): Command {
  verb.copyInheritedSettings(program);
  if (verb.commands.length === 0) verb.option('--debug', 'show where an error came from');
  for (const inner of verb.commands) inherit(inner, program);
  return verb;
}

/** The `ferry` command with all its verbs. */
export function buildProgram(): Command {
  const program = new Command('ferry')
    .description('Pre-train recommenders on some domains and carry what they learned over to others.')
    .version(version)
    .configureHelp({ sortSubcommands: false })
    .showHelpAfterError('(ferry --help shows the verbs)')
    .exitOverride()
    .addHelpText(
      'after',
      `
First steps:
  ferry recipes                    what can be run, what it needs and how long it takes
  ferry study sample-world         the whole job on a generated world: no data needed
  ferry pretrain sample-pretrain   one step at a time
  ferry prepare ratings.csv --out mydomain   your own data
`,
    );
  for (const verb of [
    recipesVerb(),
    modelsVerb(),
    prepareVerb(),
    inspectVerb(),
    featuresVerb(),
    pretrainEncoderVerb(),
    ...jobVerbs(),
    elliotVerb(),
    evaluateVerb(),
    scoreVerb(),
    compareVerb(),
    longtailVerb(),
    recommendVerb(),
    replayVerb(),
    serveVerb(),
    importVerb(),
    doctorVerb(),
  ])
    program.addCommand(inherit(verb, program));
  return program;
}
