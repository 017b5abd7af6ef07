// A step of BPR matrix factorisation that reads few rows of two tables of V rows each, moved by Adam and by lazy Adam,
// calls interleaved in one run: milliseconds, the least of all calls.
//
//   npm run bench:tables -- [--rows 10000,100000,1000000] [--calls 7] [--threads 2]
import { parseArgs } from 'node:util';
import { compile, embedding, RandomStream, rowGrads, selectBackend, tf } from '@ferry/engine';
import { bpr, createOptimizer, parameter } from '@ferry/nn';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000,100000,1000000' },
    calls: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
  },
});
const [B, D] = [2048, 64];
await selectBackend('ort', { threads: Number(options.threads) });
const random = RandomStream.fromSeed(2020);

function side(V: number, lazy: boolean): () => number {
  const table = () =>
    parameter(
      Float32Array.from({ length: V * D }, (_, i) => Math.sin(i) * 0.1),
      [V, D],
    );
  const named = new Map([
    ['users', table()],
    ['items', table()],
  ]);
  const [users, items] = [...named.values()] as [tf.Variable, tf.Variable];
  const optimizer = createOptimizer({ kind: 'adam', ...(lazy && { lazy: ['*'] }) }, named);
  const step = compile((u: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor) => {
    const loss = (): tf.Scalar => {
      const user = embedding(users, u);
      const score = (ids: tf.Tensor): tf.Tensor => tf.sum(tf.mul(user, embedding(items, ids)), 1);
      return tf.mean(bpr(score(positive), score(negative)));
    };
    const { value, grads, rows } = lazy
      ? rowGrads(loss, [], [users, items])
      : { ...tf.variableGrads(loss, [users, items]), rows: {} };
    optimizer.apply(grads, rows);
    return value;
  });
  let count = 0;
  return () => {
    const ids = [0, 1, 2].map(() =>
      tf.tensor1d(
        Int32Array.from({ length: B }, () => random.integer(V)),
        'int32',
      ),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    optimizer.advance(count++);
    const start = performance.now();
    const value = step(...ids);
    value.dataSync();
    const elapsed = performance.now() - start;
    tf.dispose([...ids, value]);
    return elapsed;
  };
}

console.log('| rows of a table | Adam ms | lazy Adam ms | lazy / dense |');
console.log('| ---: | ---: | ---: | ---: |');
for (const V of options.rows.split(',').map(Number)) {
  const sides = [side(V, false), side(V, true)];
  const least = [Infinity, Infinity];
  for (let i = 0; i <= Number(options.calls); i++)
    for (const [k, run] of sides.entries()) {
      const elapsed = run();
      if (i > 0) least[k] = Math.min(least[k]!, elapsed);
    }
  const [dense, lazy] = least as [number, number];
  console.log(
    `| ${V.toLocaleString('en')} | ${dense.toFixed(1)} | ${lazy.toFixed(1)} | ${(lazy / dense).toFixed(3)} |`,
  );
  tf.disposeVariables();
}
process.exit(0);
