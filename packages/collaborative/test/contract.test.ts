import {
  attributeItemKnn,
  bm3,
  bprMf,
  ease,
  freedom,
  itemKnn,
  lattice,
  lightGcn,
  lightGcnM,
  mostPop,
  ngcfM,
  random,
  userKnn,
  vbpr,
} from '../src/index.ts';
import { contractOf } from './contract.ts';

contractOf(bprMf, { settings: { factors: 8, penalty: 0.05 } });
contractOf(bprMf, {
  settings: { factors: 8, itemBias: true, features: true },
  modalities: ['text'],
  cold: true,
});
contractOf(vbpr, {
  settings: { factors: 8, visualFactors: 8, penalty: 0.1 },
  modalities: ['image', 'text'],
  cold: true,
});
contractOf(vbpr, {
  settings: {
    preset: 'paper',
    factors: 8,
    visualFactors: 4,
    combine: 'weighted',
    biasPenalty: 0.01,
    projectionPenalty: 0.01,
  },
  modalities: ['image', 'text'],
  cold: true,
});
contractOf(lightGcn, { settings: { factors: 8, edgeDropout: 0.1 } });
contractOf(lightGcnM, {
  settings: { factors: 8, layers: 2, combine: 'mean' },
  modalities: ['image', 'text'],
});
contractOf(lightGcnM, { settings: { factors: 8, trainFeatures: false }, modalities: ['text'] });
contractOf(freedom, {
  settings: { factors: 8, neighbours: 4, edgeDropout: 0.5 },
  modalities: ['image', 'text'],
});
// The penalty goes by the number of items, which are few here.
contractOf(bm3, { settings: { factors: 8, penalty: 0.01 }, modalities: ['image', 'text'] });
contractOf(lattice, {
  settings: { factors: 8, featureFactors: 6, neighbours: 4 },
  modalities: ['image', 'text'],
});
contractOf(lattice, { settings: { factors: 8, itemLayers: 2, trainFeatures: false }, modalities: ['text'] });
contractOf(ngcfM, { settings: { factors: 8, layers: 2 }, modalities: ['text'] });
contractOf(itemKnn, { settings: { neighbours: 8 } });
contractOf(userKnn, { settings: { neighbours: 8, shrink: 1 } });
contractOf(userKnn, { settings: { neighbours: 8, reverse: true } });
contractOf(attributeItemKnn, { settings: { neighbours: 6 }, modalities: ['image', 'text'] });
contractOf(ease, { settings: { regularisation: 10 } });
contractOf(mostPop, { settings: {}, learns: false });
contractOf(random, { settings: {}, learns: false });
