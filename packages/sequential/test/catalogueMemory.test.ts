import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { selectBackend } from '@ferry/engine';
import { beforeAll, expect, it } from 'vitest';
import { createCatalogue } from '../src/catalogue.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

it('does not keep the features that a catalogue was made from', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const made = (() => {
    const data = new Float32Array(2000);
    const present = new Uint8Array(1000).fill(1);
    const text = { modality: 'text' as const, encoder: 'made', count: 1000, width: 2, data, present };
    const catalogue = createCatalogue({ featureWidths: { text: 2 } }, [{ text }]);
    return { catalogue, source: new WeakRef(data) };
  })();
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  expect(made.source.deref()).toBeUndefined();
  made.catalogue.dispose();
});
