import { contractOf } from '../../sequential/test/contract.ts';
import recency from '../../../docs/guides/ownModel/recency.ts';

// The model of docs/guides/ownModel.md.
contractOf(recency, { settings: { width: 16, positions: 8 } });
contractOf(recency, {
  settings: { width: 16, positions: 8, tower: { ids: false, features: true } },
  modalities: ['text', 'image'],
  cold: true,
});
