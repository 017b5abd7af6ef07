import { contractOf } from '../../sequential/test/contract.ts';
import { missRec } from '../src/index.ts';

const settings = { width: 8, heads: 2, inner: 6, positions: 8, dropout: 0.1, interests: { count: 4 } };
contractOf(missRec, { settings, more: { ids: true }, modalities: ['text', 'image'] });
contractOf(missRec, { settings, more: { ids: false }, modalities: ['text', 'image'], cold: true });
