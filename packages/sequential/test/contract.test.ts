import { contractOf } from './contract.ts';
import { meanModel } from './meanModel.ts';

contractOf(meanModel, { settings: {} });
contractOf(meanModel, {
  settings: { items: { ids: false, features: true, layers: 2, activation: 'between', combine: 'concat' } },
  modalities: ['text', 'image'],
  cold: true,
});
