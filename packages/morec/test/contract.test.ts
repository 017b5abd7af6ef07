import { contractOf } from '../../sequential/test/contract.ts';
import { sasrec } from '../src/index.ts';

const settings = { width: 8, heads: 2, layers: 1, inner: 16, positions: 8, dropout: 0.1 };
contractOf(sasrec, { settings });
contractOf(sasrec, {
  settings: { ...settings, tower: { ids: false, features: true } },
  modalities: ['text', 'image'],
  objective: 'softmax',
  cold: true,
});
