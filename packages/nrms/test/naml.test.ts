import { selectBackend } from '@ferry/engine';
import { beforeAll, describe, it } from 'vitest';
import { createNewsRecommender, naml, type NamlOptions } from '../src/index.ts';
import { contractOf } from './contract.ts';
import {
  compareWithTwin,
  readTwin,
  setTwinWeights,
  type TwinCase,
  type TwinFixture,
  twinTexts,
  twinVocabulary,
} from './twin.ts';

const fixture = readTwin('naml') as TwinFixture<TwinCase & { settings: object }> & {
  abstracts: number[][];
  categories: number[];
  subcategories: number[];
};

const labelsOf = (values: number[]) => ({
  size: Math.max(...values) + 1,
  values: Int32Array.from(values),
});

describe('NAML equals its PyTorch twin', () => {
  beforeAll(async () => {
    await selectBackend('ort');
  });

  it.each(fixture.cases)('$settings', async (wanted) => {
    const options: NamlOptions = naml.complete(naml.options.parse(wanted.settings) as object);
    const vocabulary = twinVocabulary(fixture);
    const own = createNewsRecommender(naml, {
      options,
      catalogue: {
        count: fixture.titles.length - 1,
        words: {
          vocabulary,
          titles: twinTexts(fixture.titles, vocabulary, options.titleWords),
          abstracts: twinTexts(fixture.abstracts, vocabulary, options.abstractWords),
        },
        labels: {
          category: labelsOf(fixture.categories),
          subcategory: labelsOf(fixture.subcategories),
        },
      },
      seed: 1,
    });
    setTwinWeights(own);
    await compareWithTwin(own, fixture, wanted);
  });
});

const small = { wordWidth: 16, filters: 16, queryWidth: 8, labelWidth: 8, history: 8 };

contractOf(naml, { settings: small, epochs: 6, learningRate: 0.006, reaches: 0.75 });
