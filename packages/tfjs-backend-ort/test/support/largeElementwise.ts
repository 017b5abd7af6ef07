import { tf } from '../../src/tfjs.js';
import { BINARY, differentiable } from './binary.ts';
import { bool, float, int, kernel, type Case } from './cases.ts';
import { SIDE } from './large.ts';
import { INTEGERS, UNARY } from './unary.ts';

const FULL = [SIDE, SIDE];

const unary = Object.entries(UNARY).flatMap(([name, row]): Case[] => [
  {
    kernel: name,
    name: 'float32',
    inputs: [float(FULL, row.fill ?? 'spread')],
    run: (x) => row.fn(x),
    ...(row.fixed ? {} : { gradient: [0] }),
  },
  ...(INTEGERS.has(name) ? [{ kernel: name, name: 'int32', inputs: [int(FULL)], run: row.fn }] : []),
]);

const binary = Object.entries(BINARY).flatMap(([name, row]): Case[] => {
  const [left, right] = row.fill ?? ['spread', 'spread'];
  const run = (a: tf.Tensor, b: tf.Tensor) => row.fn(a, b);
  return [
    ...(row.float === false
      ? []
      : [FULL, name === 'Add' ? [SIDE, 1] : [SIDE]].map((other): Case => ({
          kernel: name,
          name: `[${FULL.join(', ')}] [${other.join(', ')}]`,
          inputs: [float(FULL, left), float(other, right)],
          run: (a, b) => run(a, b),
          ...(row.gradient === false ? {} : { gradient: differentiable(FULL, other) }),
        }))),
    ...(row.types ?? []).map((dtype): Case => ({
      kernel: name,
      name: dtype,
      inputs: dtype === 'int32' ? [int(FULL), int(FULL)] : [bool(FULL), bool(FULL)],
      run: (a, b) => run(a, b),
    })),
  ];
});

/** Kernels that go element by element, large. */
export const largeElementwise: Case[] = [
  ...unary,
  ...binary,
  ...['Mod', 'FloorDiv'].map((name): Case => ({
    kernel: name,
    name: 'int32',
    inputs: [int(FULL, { below: 1000 }), int(FULL)],
    run: (a, b) => BINARY[name]!.fn(a, tf.add(tf.abs(b), tf.scalar(1, 'int32'))),
  })),
  { kernel: 'LogicalNot', name: 'bool', inputs: [bool(FULL)], run: (x) => tf.logicalNot(x) },
  {
    kernel: 'LogicalXor',
    name: 'bool',
    inputs: [bool(FULL), bool(FULL)],
    run: (a, b) => kernel('LogicalXor', { a: a, b: b }),
    onCpu: (a, b) => tf.logicalXor(a, b),
  },
  { kernel: 'BitwiseAnd', name: 'int32', inputs: [int(FULL), int(FULL)], run: (a, b) => tf.bitwiseAnd(a, b) },
  {
    kernel: 'EluGrad',
    name: 'float32',
    inputs: [float(FULL), float(FULL, 'unit')],
    run: (dy, y) => kernel('EluGrad', { dy: dy, y: y }),
  },
  ...(['float32', 'int32', 'bool'] as const).flatMap((from) =>
    (['float32', 'int32', 'bool'] as const).map((to): Case => ({
      kernel: 'Cast',
      name: `${from} to ${to}`,
      inputs: [from === 'float32' ? float(FULL) : from === 'int32' ? int(FULL) : bool(FULL)],
      run: (x) => tf.cast(x, to),
      ...(from === 'float32' && to === 'float32' ? { gradient: [0] } : {}),
    })),
  ),
  ...[FULL, [SIDE, 1]].map((condition): Case => ({
    kernel: 'Select',
    name: `[${condition.join(', ')}]`,
    inputs: [bool(condition), float(FULL), float(FULL)],
    run: (c, x, y) => tf.where(c, x, y),
    gradient: [1, 2],
  })),
  {
    kernel: 'Select',
    name: 'int32',
    inputs: [bool(FULL), int(FULL), int(FULL)],
    run: (c, x, y) => tf.where(c, x, y),
  },
  {
    kernel: 'AddN',
    name: 'float32',
    inputs: [float(FULL), float(FULL), float(FULL)],
    run: (...x) => tf.addN(x),
    gradient: [0, 1, 2],
  },
];
