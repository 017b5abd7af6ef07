/**
 * What it costs to move a user by a click: one more step of a state that follows, a fresh state that follows the history
 * from its first click, and one pass over the newest clicks. Medians, milliseconds of the processor.
 *
 *   npm run bench:user-states -- [--threads 1] [--repeats 15]
 */
import { parseArgs } from 'node:util';
import { selectBackend } from '@ferry/engine';
import {
  createNewsRecommender,
  createNewsScorer,
  lstur,
  naml,
  nrms,
  userStates,
  type AnyNewsModel,
  type NewsOptions,
  type UserState,
} from '@ferry/nrms';

const { values } = parseArgs({
  options: { threads: { type: 'string' }, repeats: { type: 'string', default: '15' } },
});
await selectBackend('ort', { ...(values.threads !== undefined && { threads: Number(values.threads) }) });

/** Median of some runs, milliseconds of the processor. */
async function cost(run: () => unknown): Promise<string> {
  const found: number[] = [];
  for (let i = 0; i < Number(values.repeats); i++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    found.push((user + system) / 1000);
  }
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)]!.toFixed(1);
}

const cases: [string, AnyNewsModel, object][] = [
  ['LSTUR', lstur, { filters: 500 }],
  ['NAML', naml, {}],
  ['NRMS, userEncoder: additive', nrms, { userEncoder: 'additive' }],
  ['NRMS', nrms, {}],
];

console.log('| model | width | one click | 50 clicks from the first | 50 clicks in one pass |');
console.log('| --- | ---: | ---: | ---: | ---: |');
for (const [name, model, settings] of cases) {
  const options = model.complete(
    model.options.parse({ encoder: 'ids', ...settings }) as object,
  ) as NewsOptions;
  const catalogue = { count: 100, users: { count: 1, rows: Int32Array.of(1) } };
  const own = createNewsRecommender(model, { options, catalogue, seed: 1 });
  const scorer = createNewsScorer(own);
  const history = Int32Array.from({ length: 50 }, (_, at) => 1 + at);
  const vectors = await scorer.encode(history);
  const { width, data, rows } = vectors;
  const click = (state: UserState, news: number): void => {
    state.click(data.subarray(rows[news]! * width, (rows[news]! + 1) * width));
  };
  const fresh = userStates(own)!;
  const kept = fresh(0);
  const one = await cost(() => {
    click(kept, 5);
    kept.vector();
  });
  const anew = await cost(() => {
    const state = fresh(0);
    for (const news of history) click(state, news);
    state.vector();
  });
  const whole = await cost(() => scorer.users([history], vectors, Int32Array.of(0)));
  console.log(`| ${name} | ${width} | ${one} | ${anew} | ${whole} |`);
  scorer.dispose();
  own.dispose();
}
process.exit(0);
