import type { Family } from '../family.ts';
import { bert } from './bert.ts';
import { blipText, blipVision } from './blip.ts';
import { clipText, clipVision } from './clip.ts';
import { dinov2 } from './dinov2.ts';
import { distilbert } from './distilbert.ts';
import { mpnet } from './mpnet.ts';
import { opt } from './opt.ts';
import { resnet } from './resnet.ts';
import { roberta } from './roberta.ts';
import { swin } from './swin.ts';
import { mae, vit } from './vit.ts';

/** All families; `model_type` of a `config.json` chooses one. */
export const families: readonly Family[] = [
  ...[bert, roberta, distilbert, mpnet, opt],
  ...[vit, mae, dinov2, swin, resnet],
  ...[clipText, clipVision, blipText, blipVision],
];
