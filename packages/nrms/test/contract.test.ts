import { nrms } from '../src/index.ts';
import { contractOf } from './contract.ts';
import { worldFeatures } from './world.ts';

const small = { wordWidth: 16, heads: 2, headWidth: 8, queryWidth: 8, history: 8 };

contractOf(nrms, { settings: small });
contractOf(nrms, {
  settings: { ...small, preset: 'thesis', emptyHistory: 'learned' },
  objective: { samples: 'impressions' },
  epochs: 6,
  learningRate: 0.0015,
  reaches: 0.72,
});
contractOf(nrms, { settings: { ...small, encoder: 'ids' }, ranksNew: false, epochs: 8, learningRate: 0.01 });
contractOf(nrms, {
  settings: { ...small, views: ['title', 'category', 'entities'], fusion: 'sum', missingPictures: 'learned' },
  features: { image: worldFeatures('image', (number) => number % 3 === 0) },
});
