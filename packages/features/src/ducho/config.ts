import { isAbsolute, join } from 'node:path';
import { InputError } from '@ferry/data';
import { readRecipe, readText } from '@ferry/recipes';
import { z } from 'zod';

const layer = z.union([z.string().min(1), z.int()], { error: 'must be the name or the number of a layer' });

/** One model of a section. */
const modelSchema = z.strictObject({
  model_name: z.string().min(1).optional().describe('name of the model, or path of an ONNX file'),
  name: z.string().min(1).optional().describe('the same, as the README calls it'),
  backend: z
    .enum(['torch', 'tensorflow', 'transformers', 'sentence_transformers'])
    .describe('what Ducho would run it by; names the folder'),
  output_layers: z
    .union([layer, z.array(layer).min(1)], { error: 'must be a layer or a list of layers' })
    .describe('output of the model; where the backend knows one output alone it only names the folder'),
  reshape: z
    .tuple([z.int().min(1), z.int().min(1)])
    .optional()
    .describe('width and height that pictures are resized to'),
  preprocessing: z.enum(['zscore', 'minmax']).optional(),
  mean: z.array(z.number()).length(3).default([0.485, 0.456, 0.406]),
  std: z.array(z.number()).length(3).default([0.229, 0.224, 0.225]),
  clear_text: z.boolean().default(false),
  batch_size: z.int().min(1).default(1),
  tokenizer_name: z.string().optional(),
  image_processor: z.string().optional(),
  image_processor_name: z.string().optional(),
  fusion: z.enum(['sum', 'concat', 'mul', 'mean']).optional(),
});

const paths = z.strictObject({ visual: z.string(), textual: z.string() });
const columns = {
  item_column: z.string().optional(),
  text_column: z.string().optional(),
  interaction_columns: z.array(z.string()).length(2).optional(),
};
const single = z.strictObject({
  input_path: z.string(),
  output_path: z.string(),
  ...columns,
  model: z.array(modelSchema).min(1),
});
const joint = z.strictObject({
  input_path: paths,
  output_path: paths,
  ...columns,
  model: z.array(modelSchema).min(1),
});
const gpu = z
  .union([z.int(), z.string(), z.array(z.int())], { error: 'must be the number of a GPU, or -1' })
  .optional();

/** Ducho's file. */
const duchoSchema = z.strictObject({
  dataset_path: z.string().describe('folder that all other paths are relative to'),
  'gpu list': gpu,
  gpu_list: gpu,
  visual: z.strictObject({ items: single.optional(), interactions: single.optional() }).optional(),
  textual: z.strictObject({ items: single.optional(), interactions: single.optional() }).optional(),
  visual_textual: z.strictObject({ items: joint.optional(), interactions: joint.optional() }).optional(),
});

/** A model of Ducho's file. */
export type DuchoModel = Omit<z.output<typeof modelSchema>, 'model_name' | 'name'> & { model: string };
/** Where texts and pictures come from. */
export interface DuchoSource {
  /** Folder of pictures. */
  pictures?: string;
  /** File of texts. */
  texts?: string;
  /** Folders that are written, by modality. */
  out: { image?: string; text?: string };
  /** Columns of the file of texts. */
  columns: { item?: string; text?: string; interaction?: string[] };
}
/** One extraction: a source and one model. */
export interface DuchoJob {
  /** Section of the file. */
  section: 'visual' | 'textual' | 'visual_textual';
  /** What is described. */
  of: 'items' | 'interactions';
  source: DuchoSource;
  model: DuchoModel;
}

/** A section's one or two paths, by modality. */
function sourceOf(
  section: DuchoJob['section'],
  input: string | z.output<typeof paths>,
  output: string | z.output<typeof paths>,
  at: (path: string) => string,
): Pick<DuchoSource, 'pictures' | 'texts' | 'out'> {
  if (typeof input !== 'string' && typeof output !== 'string')
    return {
      pictures: at(input.visual),
      texts: at(input.textual),
      out: { image: at(output.visual), text: at(output.textual) },
    };
  const [from, to] = [at(input as string), at(output as string)];
  return section === 'visual' ? { pictures: from, out: { image: to } } : { texts: from, out: { text: to } };
}

/**
 * Reads a Ducho configuration: its keys as Ducho's code reads them, and as its README writes them (`gpu_list`, `name`).
 * Paths are relative to `dataset_path`, which is relative to the working directory as in Ducho.
 *
 * @returns The extractions in the file's order, and what Ducho would do otherwise.
 * @throws RecipeError with every problem, by line and column.
 */
export function readDuchoConfig(file: string): { jobs: DuchoJob[]; notes: string[] } {
  const config = readRecipe(readText(file, 'configuration'), file, duchoSchema);
  const root = isAbsolute(config.dataset_path)
    ? config.dataset_path
    : join(process.cwd(), config.dataset_path);
  const at = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  const notes: string[] = [];
  const device = config['gpu list'] ?? config.gpu_list;
  if (device !== undefined && device !== -1 && device !== '-1')
    notes.push(`GPU ${String(device)} is not used: models run by ONNX Runtime on the processor`);
  const jobs: DuchoJob[] = [];
  for (const section of ['visual', 'textual', 'visual_textual'] as const)
    for (const of of ['items', 'interactions'] as const) {
      const own = config[section]?.[of];
      if (!own) continue;
      for (const { model_name, name, ...model } of own.model) {
        const named = model_name ?? name;
        if (named === undefined)
          throw new InputError(file, undefined, `a model of ${section}.${of} needs model_name`);
        jobs.push({
          section,
          of,
          model: { ...model, model: named },
          source: {
            ...sourceOf(section, own.input_path, own.output_path, at),
            columns: {
              ...(own.item_column === undefined ? {} : { item: own.item_column }),
              ...(own.text_column === undefined ? {} : { text: own.text_column }),
              ...(own.interaction_columns === undefined ? {} : { interaction: own.interaction_columns }),
            },
          },
        });
      }
    }
  return { jobs, notes };
}
