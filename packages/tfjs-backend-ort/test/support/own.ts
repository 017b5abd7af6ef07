import * as tf from '@tensorflow/tfjs';
import { float, kernel, type Case } from './cases.ts';

/** Kernels of the backend's own operations whose results are tensors. */
export const ownCases: Case[] = [
  ...[[5], [2, 3], [2, 1, 4], [3, 1], [0, 3]].map((shape): Case => ({
    kernel: 'LayerNorm',
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape), float([shape.at(-1)!]), float([shape.at(-1)!])],
    run: (x, gamma, beta) =>
      (
        kernel('LayerNorm', { x: x, gamma: gamma, beta: beta }, { epsilon: 1e-3 }) as unknown as tf.Tensor[]
      )[0]!,
    onCpu: (x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3))), gamma), beta);
    },
  })),
];
