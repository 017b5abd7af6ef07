// What a run of VBPR begins with, for `elliot_vbpr.py`: the first weights, and the triples of every epoch.
//
//   npx tsx tools/parity/vbprStart.ts <a run of `ferry elliot`> <folder to write> <epochs>
//
// Numbers are raw and little-endian: `<weight>.f32`, and `triples.i32`, [E, 3, T] (users, positives, negatives); ids of
// users and items, in their order, are in `ids.json`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createUserItemRecommender, drawTriples, interactionsOf, vbpr } from '@ferry/collaborative';
import { readDomain } from '@ferry/data';
import { RandomStream, selectBackend } from '@ferry/engine';
import { parseNpy, type FeatureMatrix, type Modality } from '@ferry/features';
import { parseRecipe } from '@ferry/recipes';

const [run, out, epochs] = process.argv.slice(2) as [string, string, string];
const { value } = parseRecipe(readFileSync(join(run, 'recipe.yaml'), 'utf8'), run) as {
  value: { target: string; seed: number; model: { name: string } };
};
const settings = Object.fromEntries(Object.entries(value.model).filter(([key]) => key !== 'name'));
await selectBackend('cpu');
mkdirSync(out, { recursive: true });
const domain = await readDomain(value.target);
const count = domain.items.ids.length;

/** First weights ask features for nothing but their width. */
function featuresOf(modality: Modality): FeatureMatrix {
  const file = join(value.target, `${modality}.npy`);
  const { shape } = parseNpy(readFileSync(file), file);
  const width = shape[1]!;
  const data = new Float32Array(count * width);
  return { modality, encoder: 'stored', count, width, data, present: new Uint8Array(count).fill(1) };
}

const interactions = interactionsOf(domain.training, count);
const recommender = createUserItemRecommender(vbpr, {
  options: vbpr.options.parse(settings) as object,
  data: { interactions, features: { image: featuresOf('image'), text: featuresOf('text') } },
  seed: value.seed,
});
for (const [name, weight] of recommender.weights())
  writeFileSync(join(out, `${name}.f32`), weight.dataSync<'float32'>());
const root = RandomStream.fromSeed(value.seed);
const triples = Array.from({ length: Number(epochs) }, (_, epoch) => {
  const stream = root.split('epoch', epoch).split('batches');
  return drawTriples(interactions, { over: 'users', negatives: 'uniform' }, stream);
});
writeFileSync(
  join(out, 'triples.i32'),
  Buffer.concat(
    triples.flatMap(({ users, positives, negatives }) =>
      [users, positives, negatives].map((ids) => new Uint8Array(ids.buffer)),
    ),
  ),
);
writeFileSync(join(out, 'ids.json'), JSON.stringify({ users: domain.users, items: domain.items.ids }));
