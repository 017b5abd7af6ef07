// What `ferry import sasrec` loads when it is run.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { importSasrec } from '@ferry/morec';
import { readRecipe, readText, trainSchema, trainSchemaOf, UserError } from '@ferry/recipes';
import { saveRecommender } from '@ferry/sequential';
import { checkPlace, importedFile, openDomain, recipeYaml, type JobConsole } from '@ferry/studies';
import { modelNamed } from '../models.ts';

/** What `ferry import sasrec` is told. */
export interface ImportSasrecOptions {
  /** The domain the checkpoint was trained on. */
  on: string;
  /** The run directory to make. */
  out: string;
  /** H, which no weight tells. */
  heads: number;
  /** A file with the id of the item in each row of the table, one a line, from row 1 on. */
  items?: string;
}

/**
 * Makes a run of a PyTorch checkpoint of S3Rec's or RecBole's SASRec. Nothing in the file is executed.
 *
 * @param file - Of either of `torch.save`'s forms.
 */
export async function importSasrecRun(
  file: string,
  { on, out, heads, items }: ImportSasrecOptions,
  console: Pick<JobConsole, 'line'>,
): Promise<void> {
  const tokens = items === undefined ? undefined : readText(items, 'file of items').trimEnd().split(/\r?\n/);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UserError(`no such checkpoint file: ${file}`);
  checkPlace(out, 'nothing');
  const { items: own, name } = await openDomain(on);
  const { options, tensors, ignored } = importSasrec(readFileSync(file), {
    file,
    ids: own.ids,
    tokens,
    heads,
  });
  const model = await modelNamed('sasrec');
  // The protocols of the two lineages: S3Rec leaves the items of the history out, RecBole ranks them too.
  const history = options.preset === 's3rec' ? 'mask' : 'keep';
  const recipe = readRecipe(
    JSON.stringify({
      job: 'train',
      description: `imported from ${basename(file)}`,
      target: on,
      model: { name: 'sasrec', ...options },
      evaluation: { cutoffs: [5, 10, 20], history },
    }),
    resolve(file),
    trainSchemaOf(model) as typeof trainSchema,
  );
  makeDirectory(out);
  await saveRecommender(join(out, importedFile), {
    model: 'sasrec',
    options,
    items: own.ids.length,
    tensors,
  });
  writeFileSync(join(out, 'recipe.yaml'), recipeYaml(recipe));
  console.line(
    `${out}: SASRec in ${options.preset}'s form, width ${options.width}, ${options.layers} layers, IDs of ` +
      `${own.ids.length} items of ${name}`,
  );
  console.line(`evaluated with history: ${history}, as ${options.preset} does`);
  if (ignored.length > 0) console.line(`left out: ${ignored.join(', ')}`);
  console.line(`next: ferry evaluate ${out}`);
}
