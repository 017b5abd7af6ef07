import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findWheel, main } from '../../../tools/link-libtensorflow.ts';

const wheel = (() => {
  try {
    return findWheel(process.env['FERRY_TENSORFLOW_WHEEL']);
  } catch {
    return undefined;
  }
})();
const why = wheel ? '' : ' (skipped: no TensorFlow Python wheel; FERRY_TENSORFLOW_WHEEL names one)';

it.skipIf(!wheel)(`link-libtensorflow builds a binding that trains${why}`, { timeout: 600_000 }, () => {
  const project = mkdtempSync(join(tmpdir(), 'ferry-link-'));
  try {
    writeFileSync(join(project, 'package.json'), '{"private":true}');
    const lines: string[] = [];
    // Twice: what is linked may be linked again.
    for (const args of [['--install'], []])
      expect(main(['--wheel', wheel!, '--project', project, ...args], (line) => lines.push(line))).toBe(0);
    expect(lines[1]).toMatch(/tfjs-node 4\.22\.0 runs TensorFlow 2\.\d+\.\d+ on /);
    const script = `
      const tf = require('@tensorflow/tfjs-node');
      const w = tf.variable(tf.zeros([2, 1]));
      const x = tf.tensor2d([[1, 0], [0, 1], [1, 1]]);
      const y = tf.tensor2d([[1], [2], [3]]);
      const sgd = tf.train.sgd(0.3);
      for (let i = 0; i < 200; i++) sgd.minimize(() => tf.losses.meanSquaredError(y, tf.matMul(x, w)));
      console.log(JSON.stringify([tf.getBackend(), ...w.dataSync()]));`;
    const [backend, a, b] = JSON.parse(
      execFileSync(process.execPath, ['-e', script], { cwd: project, encoding: 'utf8' }),
    ) as [string, number, number];
    expect(backend).toBe('tensorflow');
    expect(a).toBeCloseTo(1, 4);
    expect(b).toBeCloseTo(2, 4);
  } finally {
    rmSync(project, { recursive: true });
  }
});
