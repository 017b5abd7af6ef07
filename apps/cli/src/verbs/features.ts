import { UserError } from '@ferry/recipes';
import type { Encoding, FeatureMatrix } from '@ferry/features';
import { Command, Option } from 'commander';
import { flagOf, positive } from '../options.ts';
import { print, printJson } from '../print.ts';
import { progressLine } from '../progress.ts';
import { columns } from '../text.ts';
import { picturesVerb } from './featurePictures.ts';

/** What can be typed about the encodings themselves. */
interface EncodingFlags {
  text?: string;
  image?: string;
  name?: string;
  output?: string;
  normalise?: boolean;
  fields?: string;
  join?: string;
  tokenizer?: string;
  maxTokens?: number;
  preprocessing?: string;
  size?: string;
  file?: string;
  weights?: string;
  revision?: string;
  batchSize?: number;
}

interface Options extends EncodingFlags {
  ducho?: string;
  config?: string;
  damaged?: 'refuse' | 'missing';
}

/** Flags of texts alone, of pictures alone, and of both. */
const own = {
  text: ['fields', 'join', 'tokenizer', 'maxTokens'],
  image: ['preprocessing', 'size'],
  both: ['name', 'output', 'normalise', 'file', 'weights', 'revision', 'batchSize'],
} as const;

const examples = `
Examples:
  ferry features mydomain --text use-lite --image pixels
  ferry features mydomain --text Xenova/all-MiniLM-L6-v2 --fields title,category,text
  ferry features mydomain --image Xenova/dinov2-small --output mean
  ferry features mydomain --image ./resnet50.onnx --output avgpool --size 224x224 --preprocessing zscore
  ferry features mydomain --config encodings.yml
  ferry features list mydomain

use-lite and pixels need nothing. Other models are ONNX files, or folders of Hugging Face's layout
($FERRY_DATA/… among them) with an ONNX export or weights (safetensors, PyTorch), also as
organisation/name in the folder FERRY_MODELS; exports are fetched from huggingface.co (HF_ENDPOINT
names another host). Where a folder has both, the ONNX file is taken, unless --file names the weights.
A recipe takes what was made as features.text: made:<name>.
What each encoder needs, and the keys of encodings.yml: docs/features.md.`;

/** Encodings as flags say. */
export function encodingsOf(flags: EncodingFlags): Record<string, unknown>[] {
  const given = (keys: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(
      keys.flatMap((key): [string, unknown][] => {
        const value = flags[key as keyof EncodingFlags];
        if (value === undefined) return [];
        if (key === 'fields') return [[key, (value as string).split(',')]];
        if (key !== 'size') return [[key, value]];
        const sides = /^(\d+)(?:x(\d+))?$/.exec(value as string);
        if (!sides) throw new UserError(`--size must be such as 224x224, got ${JSON.stringify(value)}`);
        return [[key, [Number(sides[1]), Number(sides[2] ?? sides[1])]]];
      }),
    );
  for (const modality of ['text', 'image'] as const)
    if (flags[modality] === undefined)
      for (const key of own[modality])
        if (flags[key] !== undefined)
          throw new UserError(`${flagOf(key)} is for --${modality}, which is not given`);
  return (['text', 'image'] as const).flatMap((modality) =>
    flags[modality] === undefined
      ? []
      : [{ [modality]: flags[modality], ...given(own.both), ...given(own[modality]) }],
  );
}

/** What was made, some lines each. */
function summary(
  made: readonly FeatureMatrix[],
  describe: (matrix: FeatureMatrix) => string[],
  encodings: readonly Encoding[],
): string[] {
  return made.flatMap((matrix, at) => {
    const [line, ...notes] = describe(matrix);
    const reference = Object.values(encodings[at]!)[0] as string;
    return [
      line!,
      ...(matrix.source === undefined ? [] : [`  ${matrix.source}`]),
      ...notes.map((note) => `  ${note}`),
      ...(matrix.encoder === reference
        ? []
        : [`  in a recipe: features.${matrix.modality}: made:${matrix.encoder}`]),
    ];
  });
}

/** `ferry features list`. */
function listVerb(): Command {
  return new Command('list')
    .description('the encodings that a domain has: model, width, missing items, when, up to date or not')
    .argument('<domain>', 'a domain directory, $FERRY_DATA/…, or sample-world:<name>')
    .option('--json', 'print JSON instead')
    .action(async (reference: string, { json }: { json?: boolean }) => {
      const { listEncodings, openDomain } = await import('../actions/features.ts');
      const domain = await openDomain(reference);
      const found = await listEncodings(domain);
      if (json) {
        printJson(found);
        return;
      }
      if (found.length === 0) {
        print(`${domain.name} has no encodings yet: ferry features ${reference} --text use-lite`);
        return;
      }
      print(
        columns([
          ['', 'name', 'model', 'width', 'items', 'missing', 'made', 'state'],
          ...found.map(({ modality, name, model, width, items, missing, when, state }) => [
            ...[modality, name, model],
            ...[width, items, missing],
            ...[when.slice(0, 16).replace('T', ' '), state],
          ]),
        ]),
      );
    });
}

/** Flags of the encodings. */
function encodingFlags(verb: Command): Command {
  return verb
    .option('--text <model>', 'encoder of texts: use-lite, clip, organisation/name, a folder, an .onnx file')
    .option(
      '--image <model>',
      'encoder of pictures: pixels, clip, organisation/name, a folder, an .onnx file',
    )
    .option('--name <name>', 'what the encoding is kept under (default: the model’s last name)')
    .option(
      '--output <which>',
      'pooled, cls (first token), mean (of tokens) or the name of a layer (default: as the model’s files say)',
    )
    .option('--normalise', 'vectors of length 1')
    .option('--no-normalise', 'vectors as they are')
    .option('--fields <keys>', 'keys of items.jsonl that make the text, with commas between')
    .option('--join <text>', 'what stands between them (default: ". ")')
    .option('--tokenizer <folder>', 'tokenizer of an .onnx file')
    .option('--max-tokens <n>', 'tokens of a text that are read', positive)
    .option('--preprocessing <how>', 'zscore, minmax or none (default: as the model’s files say)')
    .option('--size <sides>', 'width and height that pictures are resized to, such as 224x224')
    .option('--file <path>', 'which file of a folder: onnx/model_quantized.onnx, model.safetensors')
    .addOption(
      new Option(
        '--weights <form>',
        'how weights without an ONNX file are held: float32 (default), float16, int8; how near vectors are is said',
      ).choices(['float32', 'float16', 'int8']),
    )
    .option('--revision <version>', 'version of a model that is fetched (default: main)')
    .option('--batch-size <n>', 'items encoded at once (default: 32)', positive)
    .addOption(
      new Option(
        '--damaged <what>',
        'pictures that cannot be decoded: an error (default), or as if none were named',
      ).choices(['refuse', 'missing']),
    );
}

/** `ferry features`. */
export function featuresVerb(): Command {
  const verb = new Command('features')
    .description('encode the texts and pictures of a domain; what is done is kept and not done again')
    .argument('[domain]', 'a domain directory, $FERRY_DATA/…, or sample-world:<name>');
  return encodingFlags(verb)
    .option('--config <file.yml>', 'several encodings, each with its settings, and perhaps the domain')
    .option(
      '--ducho <config.yml>',
      'run a Ducho configuration instead: its sections, models, layers and folders',
    )
    .addCommand(listVerb())
    .addCommand(picturesVerb())
    .addHelpText('after', examples)
    .action(async (reference: string | undefined, options: Options, command: Command) => {
      const { ducho, config, damaged, ...flags } = options;
      if (command.getOptionValueSource('normalise') === 'default') delete flags.normalise;
      const actions = await import('../actions/features.ts');
      const progress = progressLine();
      if (ducho !== undefined) {
        if (reference !== undefined || config !== undefined || Object.keys(flags).length > 0)
          throw new UserError('--ducho stands alone: its file says what is encoded, and by what');
        await actions.makeDucho(ducho, { progress, line: print });
        return;
      }
      if (config !== undefined && Object.keys(flags).length > 0)
        throw new UserError('--config stands for the encodings: its file says how they are made');
      const file = config === undefined ? undefined : actions.readEncodings(config);
      const given = reference ?? file?.domain;
      if (given === undefined) throw new UserError('name a domain, or a Ducho configuration with --ducho');
      const encodings =
        file?.encodings ?? encodingsOf(flags).map((one) => actions.parseEncoding(one, 'the options'));
      if (encodings.length === 0)
        throw new UserError('name an encoder: --text use-lite, --image pixels, or another (--help)');
      const domain = await actions.openDomain(given);
      const stop = new AbortController();
      process.once('SIGINT', () => {
        stop.abort(new UserError('stopped: what is encoded is kept and gone on with next time'));
      });
      const made = await actions.makeEncodings(domain, encodings, {
        ...(file ? { base: file.folder } : {}),
        damaged: damaged ?? file?.damaged ?? 'refuse',
        progress,
        line: print,
        signal: stop.signal,
      });
      for (const line of summary(made, actions.describeFeatures, encodings)) print(line);
    });
}
