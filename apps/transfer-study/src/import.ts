import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { makeDirectory, recboleOrder, type Domain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { importReleased, missRec, type ImportedModel } from '@ferry/missrec';
import { featuresSchema, readRecipe, UserError, wholeSchema } from '@ferry/recipes';
import { saveRecommender } from '@ferry/sequential';
import {
  checkPlace,
  domainFeatures,
  importedFile,
  openDomain,
  recipeYaml,
  type DomainFeatures,
  type JobConsole,
} from '@ferry/studies';

/** The recipe an imported run is used by: the released preset with the sizes of the file. */
function importedRecipe(file: string, on: string | undefined, { options, items }: ImportedModel): string {
  const { width, heads, inner, positions, itemFusion, featureWidths } = options;
  const stored = (has: boolean): 'stored' | 'none' => (has ? 'stored' : 'none');
  const job =
    on === undefined || items === 0
      ? { job: 'pretrain', sources: [basename(file)] }
      : { job: 'finetune', target: on, from: null, ids: options.ids };
  const recipe = {
    ...job,
    description: `imported from ${basename(file)}`,
    features: {
      text: stored(featureWidths.text !== undefined),
      image: stored(featureWidths.image !== undefined),
    },
    model: { preset: 'released', width, heads, inner, positions, itemFusion },
  };
  return recipeYaml(readRecipe(JSON.stringify(recipe), file, wholeSchema(recipe, missRec)));
}

/** The feature files that a domain has, and why it has no others. */
async function knownFeatures(domain: Domain): Promise<{ features: DomainFeatures; missing: string[] }> {
  const features: DomainFeatures = {};
  const missing: string[] = [];
  for (const modality of ['text', 'image'] as const)
    try {
      Object.assign(
        features,
        await domainFeatures(
          domain,
          featuresSchema.parse({ text: 'none', image: 'none', [modality]: 'stored' }),
        ),
      );
    } catch (error) {
      missing.push((error as Error).message);
    }
  return { features, missing };
}

/**
 * Makes a run of a checkpoint of MISSRec's released PyTorch code. Nothing in the file is executed.
 *
 * @param file - The `.pth` file.
 * @param options - `on`: the domain it was trained on, whose feature files its item rows are matched with; without it
 *   only what is not tied to items is taken. `out`: the run directory to make. `heads`: H, which no weight tells; default
 *   4.
 */
export async function importMissRec(
  file: string,
  { on, out, heads }: { on?: string; out: string; heads?: number },
  console: Pick<JobConsole, 'line'>,
): Promise<void> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UserError(`no such checkpoint file: ${file}`);
  checkPlace(out, 'nothing');
  await selectBackend('auto', { log: () => undefined });
  const domain = on === undefined ? undefined : await openDomain(on);
  const { features, missing } = domain ? await knownFeatures(domain) : { features: undefined, missing: [] };
  const order = domain && (await recboleOrder(domain.directory));
  let imported: ImportedModel;
  try {
    imported = importReleased(readFileSync(file), {
      file,
      ...(features && { domain: { ...features, order } }),
      heads,
    });
  } catch (error) {
    throw missing.length > 0 ? new UserError([(error as Error).message, ...missing].join('; ')) : error;
  }
  makeDirectory(out);
  await saveRecommender(join(out, importedFile), imported);
  writeFileSync(join(out, 'recipe.yaml'), importedRecipe(resolve(file), on, imported));
  const { tensors, items, ignored, options, rows } = imported;
  console.line(
    `${out}: ${tensors.size} tensors, width ${options.width}, ${options.ids ? `IDs of ${items} items` : 'no IDs'}`,
  );
  if (rows && rows.ambiguous > 0)
    console.line(
      `${rows.ambiguous} items have all features of another item: ` +
        (order ? "told apart by RecBole's order" : 'their IDs may be interchanged, for want of .inter files'),
    );
  if (items > 0 && !tensors.has('interests.centres'))
    console.line('no interests in the file: they are found anew from its adapters when the run is used');
  if (ignored.length > 0) console.line(`left out (Ferry reads them from the domain): ${ignored.join(', ')}`);
  console.line(
    items > 0
      ? `next: ferry evaluate ${out}`
      : `next: ferry finetune <recipe> from=${out} model.preset=released`,
  );
}
