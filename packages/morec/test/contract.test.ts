import { contractOf } from '../../sequential/test/contract.ts';
import { bert4rec, dssm, gru4rec, sasrec, unisrec } from '../src/index.ts';

const settings = { width: 8, heads: 2, layers: 1, inner: 16, positions: 8, dropout: 0.1 };
contractOf(sasrec, { settings });
contractOf(sasrec, {
  settings: { ...settings, tower: { ids: false, features: true } },
  modalities: ['text', 'image'],
  objective: 'softmax',
  cold: true,
});

contractOf(dssm, { settings: { width: 8, user: 'history', layers: 1 } });
contractOf(dssm, {
  settings: {
    width: 8,
    user: 'history',
    positions: 8,
    tower: { ids: false, features: true, combine: 'concat', mlp: 1 },
  },
  modalities: ['text', 'image'],
  objective: 'softmax',
  cold: true,
});

contractOf(gru4rec, { settings: { width: 8, hidden: 12, positions: 8, dropout: 0.1 } });
contractOf(gru4rec, {
  settings: {
    preset: 'paper',
    width: 8,
    hidden: 8,
    stateDropout: 0.1,
    tied: true,
    tower: { ids: false, features: true },
  },
  modalities: ['text', 'image'],
  objective: 'bpr-max',
  objectiveSettings: { negatives: 16 },
});

const bert = { width: 8, layers: 1, inner: 16, positions: 9, dropout: 0.1, attentionDropout: 0.1 };
contractOf(bert4rec, { settings: bert, objectiveSettings: { share: 0.4, lastShare: 0.3 }, epochs: 40 });
contractOf(bert4rec, {
  settings: { ...bert, preset: 'recbole', tower: { ids: false, features: true } },
  modalities: ['text', 'image'],
  objective: 'softmax',
  cold: true,
});

const uni = { width: 8, layers: 1, inner: 16, positions: 8, dropout: 0.1, attentionDropout: 0.1, experts: 3 };
contractOf(unisrec, { settings: uni, modalities: ['text'] });
contractOf(unisrec, { settings: { ...uni, ids: false }, modalities: ['text', 'image'], cold: true });
contractOf(unisrec, {
  settings: { ...uni, ids: false },
  modalities: ['text'],
  objective: 'contrast',
  cold: true,
});
