import { selectBackend } from '@ferry/engine';
import { beforeAll, describe, it } from 'vitest';
import { nrms } from '../src/models/nrms.ts';
import { completeNrms, nrmsSettings } from '../src/models/nrmsOptions.ts';
import { createNewsRecommender, type NewsRecommender } from '../src/recommender.ts';
import {
  compareWithTwin,
  readTwin,
  setTwinWeights,
  type TwinCase,
  type TwinFixture,
  twinTexts,
  twinVocabulary,
} from './twin.ts';

type Case = TwinCase & { preset: string; masked: boolean };

const fixture = readTwin('nrms') as TwinFixture<Case> & { longest: number };

function recommender(preset: string, masked: boolean): NewsRecommender {
  const options = completeNrms(
    nrmsSettings.parse({ preset, history: 5, defects: masked ? [] : ['unmasked-padding'] }),
  );
  const vocabulary = twinVocabulary(fixture);
  const words = { vocabulary, titles: twinTexts(fixture.titles, vocabulary, fixture.longest) };
  const catalogue = { count: fixture.titles.length - 1, words };
  const made = createNewsRecommender(nrms, { options, catalogue, seed: 1 });
  setTwinWeights(made);
  return made;
}

// The larger presets take long without the compiler.
describe.each(['ort', 'cpu'])('NRMS equals its PyTorch twin on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend as 'cpu');
  });

  const cases = fixture.cases.filter(({ preset }) => backend === 'ort' || preset === 'paper');
  it.each(cases)('$preset, padding masked: $masked', async (wanted) => {
    await compareWithTwin(recommender(wanted.preset, wanted.masked), fixture, wanted);
  });
});
