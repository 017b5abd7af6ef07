import {
  createUserItemRecommender,
  createUserItemTraining,
  interactionsOf,
  vbpr,
} from '@ferry/collaborative';
import { missRec } from '@ferry/missrec';
import { bert4rec, gru4rec, sasrec } from '@ferry/morec';
import { createNewsTraining, nrms } from '@ferry/nrms';
import { createCatalogue, createRecommender, createTraining, type SequentialModel } from '@ferry/sequential';
import type { TrainableModel } from '@ferry/training';
import * as users from '../../../packages/collaborative/test/world.ts';
import { worldRecommender } from '../../../packages/nrms/test/contract.ts';
import { impressionsOf } from '../../../packages/nrms/test/world.ts';
import { worldFeatures, worldRows } from '../../../packages/sequential/test/world.ts';

const N = 20;
const F = 6;

/** What a run is made with. */
export interface TinySettings {
  learningRate: number;
  /** Stands in the first feature of the first item. */
  feature?: number;
}

/** Makes a model trainable, on the current backend. */
export type Make = (settings: TinySettings) => Promise<TrainableModel>;

function sequential(model: SequentialModel, modalities: readonly ('text' | 'image')[], stated: object): Make {
  return async ({ learningRate, feature }) => {
    const featureWidths = Object.fromEntries(modalities.map((modality) => [modality, F]));
    const parsed = { ...(model.options.parse(stated) as object), ...(model === missRec && { ids: true }) };
    const options = model.complete ? model.complete(parsed, { featureWidths, task: 'finetune' }) : parsed;
    const all = worldFeatures(N, 7, F);
    if (feature !== undefined) all.text.data[0] = feature;
    const features = Object.fromEntries(modalities.map((modality) => [modality, all[modality]]));
    const catalogue = createCatalogue({ featureWidths }, [{ ...features, items: N }]);
    const recommender = createRecommender(model, { options, catalogue, seed: 1 });
    const definition = Object.values(model.objectives)[0]!;
    const objective = definition.create(definition.options.parse({}) as object, options);
    const train = worldRows(N, 96, 2);
    return Promise.resolve(createTraining({ recommender, objective, train, batchSize: 32, learningRate }));
  };
}

const news: Make = async ({ learningRate }) => {
  const training = impressionsOf(96, { seed: 1, history: 5 });
  const settings = { wordWidth: 8, heads: 2, headWidth: 4, queryWidth: 8, history: 5 };
  const recommender = await worldRecommender(nrms, { settings, training });
  const definition = Object.values(nrms.objectives)[0]!;
  const objective = definition.create(definition.options.parse({}) as object);
  return createNewsTraining({ recommender, objective, train: training, batchSize: 32, learningRate });
};

const userItem: Make = ({ learningRate }) => {
  const recommender = createUserItemRecommender(vbpr, {
    options: vbpr.options.parse({ factors: 8, visualFactors: 4 }) as object,
    data: {
      interactions: interactionsOf(users.world.training, users.N),
      features: { image: users.worldFeatures('image') },
    },
    seed: 1,
  });
  const settings = { recommender, domain: users.world, batchSize: 32, learningRate, evaluation: { k: [4] } };
  return Promise.resolve(createUserItemTraining(settings));
};

const small = { width: 8, heads: 2, inner: 8, positions: 4, dropout: 0.1 };
/** Models so small that a step takes little even where a device is a program; sample worlds of the packages' tests. */
export const tinyModels: Readonly<Record<string, Make>> = {
  MISSRec: sequential(missRec, ['text', 'image'], { ...small, interests: { count: 4 } }),
  'MISSRec without interests': sequential(missRec, ['text', 'image'], {
    ...small,
    interests: { method: 'none' },
  }),
  SASRec: sequential(sasrec, [], { ...small, layers: 1 }),
  GRU4Rec: sequential(gru4rec, [], { width: 8, hidden: 8, positions: 4, dropout: 0.1 }),
  BERT4Rec: sequential(bert4rec, [], {
    width: 8,
    layers: 1,
    inner: 8,
    positions: 5,
    dropout: 0.1,
  }),
  NRMS: news,
  VBPR: userItem,
};
