import type { Family } from '../family.ts';
import { bert } from './bert.ts';
import { distilbert } from './distilbert.ts';
import { mpnet } from './mpnet.ts';
import { roberta } from './roberta.ts';

/** All families; `model_type` of a `config.json` chooses one. */
export const families: readonly Family[] = [bert, roberta, distilbert, mpnet];
