// What pretrain-encoder loads when it is run.
import type { EncoderPretraining } from '@ferry/recipes';
import { pretrainEncoder, startBackend } from '@ferry/studies';
import type { VerbConsole } from '../console.ts';
import { models } from '../models.ts';

/** Trains encoders as settings say. */
export async function run(settings: EncoderPretraining & { out: string }, given: VerbConsole): Promise<void> {
  const console = { ...given, models };
  await startBackend(settings, console);
  await pretrainEncoder(settings, console);
}
