/** Any items: the floor below which nothing was learnt. */
import { RandomStream } from '@ferry/engine';
import { z } from 'zod';
import type { FittedModel } from '../contract.ts';
import { fittedAtOnce } from '../objectives.ts';

const options = z.strictObject({});

/** The seed of the scores: a stream's key. */
export interface RandomState {
  /** [2] */
  readonly key: Int32Array;
}

/** Random: every item scores a random number, another one for each user, the same at every run with one seed. */
export const random: FittedModel<object, RandomState> = {
  kind: 'fitted',
  ...fittedAtOnce,
  name: 'random',
  title: 'Random',
  paper: 'no paper: random order',
  options,
  modalities: () => [],
  fit: (_options, _data, stream) => ({ key: Int32Array.from(stream.split('scores').key) }),
  scorer: (_options, { interactions: { items } }, { key }) => {
    const stream = RandomStream.restore({ key: [key[0]!, key[1]!], drawn: 0 });
    return {
      scores: (users, out) => {
        users.forEach((user, b) => {
          const own = stream.split('user', user);
          for (let item = 1; item <= items; item++) out[b * (items + 1) + item] = own.uniform();
        });
      },
    };
  },
  save: ({ key }) => new Map([['key', { data: key, shape: [2] }]]),
  load: (arrays) => ({ key: arrays.get('key')!.data as Int32Array }),
};
