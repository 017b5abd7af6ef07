import { tf } from './tfjs.js';
import { gatherFor, sumRows } from './ops/indices.ts';

/** Sums over the axes that a shape was broadcast along. */
function sumTo(x: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) => (axis < added || shape[axis - added] !== dim ? [axis] : []));
  return tf.reshape(axes.length > 0 ? tf.sum(x, axes) : x, [...shape]);
}

/** The gradient of tfjs, summed to the shape of each input: its own fails where an input was broadcast. */
function summed(kernelName: string): tf.GradConfig {
  const config = tf.getGradient(kernelName);
  const names = config.inputsToSave ?? [];
  return {
    ...config,
    gradFunc: (dy, saved, attributes) =>
      Object.fromEntries(
        Object.entries(config.gradFunc(dy, saved, attributes)).map(([name, gradient]) => [
          name,
          () => sumTo(gradient(), saved[names.indexOf(name)]!.shape),
        ]),
      ),
  };
}

/**
 * Hands back to the entries of one axis what the mirrored ones got: they lie in reverse on the other side of the edge.
 */
function unmirror(
  dy: tf.Tensor,
  axis: number,
  [before, after]: readonly [number, number],
  offset: 0 | 1,
): tf.Tensor {
  const n = dy.shape[axis]! - before - after;
  const part = (begin: number, size: number) =>
    tf.slice(
      dy,
      dy.shape.map((_, i) => (i === axis ? begin : 0)),
      dy.shape.map((dim, i) => (i === axis ? size : dim)),
    );
  const placed = (mirrored: tf.Tensor, at: number, size: number) =>
    tf.pad(
      tf.reverse(mirrored, axis),
      dy.shape.map((_, i): [number, number] => (i === axis ? [at, n - at - size] : [0, 0])),
    );
  let sum = part(before, n);
  if (before > 0) sum = tf.add(sum, placed(part(0, before), offset, before));
  if (after > 0) sum = tf.add(sum, placed(part(before + n, after), n - offset - after, after));
  return sum;
}

const mirrorPad: tf.GradConfig = {
  kernelName: 'MirrorPad',
  gradFunc: (dy, _saved, attributes) => {
    const { paddings, mode } = attributes as unknown as {
      paddings: [number, number][];
      mode: 'reflect' | 'symmetric';
    };
    const offset = mode === 'reflect' ? 1 : 0;
    return {
      x: () => paddings.reduce((sum, pair, axis) => unmirror(sum, axis, pair, offset), dy as tf.Tensor),
    };
  },
};

const cumsum: tf.GradConfig = {
  kernelName: 'Cumsum',
  gradFunc: (dy, _saved, attributes) => {
    const { axis, exclusive, reverse } = attributes as unknown as {
      axis: number;
      exclusive: boolean;
      reverse: boolean;
    };
    return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) };
  },
};

/**
 * tfjs's gradient of a gather, told the axis from the front; with batches, one sum over the rows of all of them. An
 * index outside is an error of the gradient as well: a compiled function may compute nothing else.
 */
function gather(): tf.GradConfig {
  const config = tf.getGradient('GatherV2');
  return {
    ...config,
    gradFunc: (dy, saved, attributes) => {
      const [x, indices] = saved as [tf.Tensor, tf.Tensor];
      const { axis, batchDims, of = 'GatherV2' } = attributes as unknown as GatherAttributes;
      const at = axis < 0 ? axis + x.rank : axis;
      const batch = batchDims < 0 ? batchDims + indices.rank : batchDims;
      const length = x.shape[at]!;
      if (batch === 0 && at === 0) {
        const rows = tf.reshape(dy as tf.Tensor, [indices.size, ...x.shape.slice(1)]);
        return {
          x: () => sumRows(of, rows, tf.reshape(indices, [indices.size]), length),
          indices: () => indices,
        };
      }
      const checked = gatherFor(of, tf.range(0, length, 1, 'int32'), indices);
      if (batch === 0) return config.gradFunc(dy, [x, checked], { ...attributes, axis: at, batchDims: 0 });
      return { x: () => batchedSum(dy as tf.Tensor, x.shape, checked, at, batch), indices: () => indices };
    },
  };
}

interface GatherAttributes {
  axis: number;
  batchDims: number;
  of?: string;
}

function batchedSum(
  dy: tf.Tensor,
  shape: number[],
  indices: tf.Tensor,
  at: number,
  batch: number,
): tf.Tensor {
  const size = (dims: readonly number[]) => tf.util.sizeFromShape([...dims]);
  const [outer, middle] = [size(shape.slice(0, batch)), size(shape.slice(batch, at))];
  const length = shape[at]!;
  const count = size(indices.shape.slice(batch));
  const base = tf.mul(
    tf.reshape(tf.range(0, outer * middle, 1, 'int32'), [outer, middle, 1]),
    tf.scalar(length, 'int32'),
  );
  const ids = tf.add(tf.reshape(tf.cast(indices, 'int32'), [outer, 1, count]), base);
  const flat = tf.reshape<tf.Rank.R1>(ids, [outer * middle * count]);
  const rows = tf.reshape(dy, [outer * middle * count, size(shape.slice(at + 1))]);
  return tf.reshape(tf.unsortedSegmentSum(rows, flat, outer * middle * length), shape);
}

const broadcastTo: tf.GradConfig = {
  kernelName: 'BroadcastTo',
  gradFunc: (dy, _saved, attributes) => {
    const { inputShape } = attributes as unknown as { inputShape: number[] };
    return { x: () => sumTo(dy as tf.Tensor, inputShape) };
  },
};

/** tfjs's gradient of a product, told the axes from the front. */
function prod(): tf.GradConfig {
  const config = tf.getGradient('Prod');
  return {
    ...config,
    gradFunc: (dy, saved, attributes) => {
      const { axis, ...rest } = attributes as { axis: number | number[] };
      const axes = tf.util.parseAxisParam(axis, saved[0]!.shape);
      return config.gradFunc(dy, saved, { ...rest, axis: axes });
    },
  };
}

/**
 * tfjs's gradients of a sum and a mean, but for the ones they multiply by: an array made element by element, hundreds
 * of megabytes for a table of many items, where a compiled function needs but the number.
 */
function spread(kernelName: 'Sum' | 'Mean'): tf.GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attributes) => ({
      x: () => {
        const { axis } = attributes as unknown as { axis: number | number[] };
        const axes = new Set(tf.util.parseAxisParam(axis, x!.shape));
        const kept = x!.shape.map((dim, i) => (axes.has(i) ? 1 : dim));
        const all = tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.fill(x!.shape, 1));
        const reduced = x!.shape.filter((_, i) => axes.has(i));
        return kernelName === 'Sum' ? all : tf.div(all, tf.util.sizeFromShape(reduced));
      },
    }),
  };
}

/**
 * Shares the gradient of a maximum or minimum equally between all entries that have it, as PyTorch and TensorFlow do.
 */
function shared(kernelName: 'Max' | 'Min'): tf.GradConfig {
  return {
    ...tf.getGradient(kernelName),
    gradFunc: (dy, saved, attributes) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      const { reductionIndices, axis } = attributes as { reductionIndices?: number[]; axis?: number[] };
      const axes = tf.util.parseAxisParam((reductionIndices ?? axis)!, x.shape);
      const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
      return {
        x: () => {
          const hits = tf.cast(tf.equal(x, tf.reshape(y, kept)), 'float32');
          // Beside a NaN nothing is hit, and 0 / 0 is NaN again.
          return tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.div(hits, tf.sum(hits, axes, true)));
        },
      };
    },
  };
}

/** The sign, 0 at 0: tfjs has -1 there. */
const abs: tf.GradConfig = {
  kernelName: 'Abs',
  inputsToSave: ['x'],
  gradFunc: (dy, saved) => {
    const x = tf.cast(saved[0]!, 'float32');
    const sign = tf.mul(tf.step(x, -1), tf.cast(tf.notEqual(x, tf.scalar(0)), 'float32'));
    return { x: () => tf.mul(dy as tf.Tensor, sign) };
  },
};

/** dy times a slope; 0 where a square is flat, though the root above it is infinitely steep there (a norm at 0). */
function along(dy: tf.Tensor, slope: tf.Tensor): tf.Tensor {
  const product = tf.mul(dy, slope);
  const flat = tf.logicalAnd(tf.equal(slope, tf.scalar(0)), tf.isInf(dy));
  return tf.where(flat, tf.zerosLike(product), product);
}

const square: tf.GradConfig = {
  kernelName: 'Square',
  inputsToSave: ['x'],
  gradFunc: (dy, saved) => ({
    x: () => along(dy as tf.Tensor, tf.mul(tf.cast(saved[0]!, 'float32'), 2)),
  }),
};

const squaredDifference: tf.GradConfig = {
  kernelName: 'SquaredDifference',
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, saved) => {
    const [a, b] = saved as [tf.Tensor, tf.Tensor];
    return {
      a: () => sumTo(along(dy as tf.Tensor, tf.mul(tf.sub(a, b), 2)), a.shape),
      b: () => sumTo(along(dy as tf.Tensor, tf.mul(tf.sub(b, a), 2)), b.shape),
    };
  },
};

function pow(): tf.GradConfig {
  const config = tf.getGradient('Pow');
  return {
    ...config,
    gradFunc: (dy, saved, attributes) => {
      const [base, exponent] = saved as [tf.Tensor, tf.Tensor];
      const power = tf.cast(exponent, 'float32');
      const slope = () => tf.mul(power, tf.pow(base, tf.sub(power, tf.scalar(1))));
      return {
        ...config.gradFunc(dy, saved, attributes),
        a: () => sumTo(along(dy as tf.Tensor, slope()), base.shape),
      };
    },
  };
}

/** tfjs's gradient of what cuts a tensor: it expects a list, and is given the tensor itself where it was cut into one. */
function ofParts(kernelName: 'SplitV' | 'Unpack'): tf.GradConfig {
  const config = tf.getGradient(kernelName);
  return {
    ...config,
    gradFunc: (dy, saved, attributes) => config.gradFunc(Array.isArray(dy) ? dy : [dy], saved, attributes),
  };
}

let registered = false;

/**
 * Registers gradients in place of tfjs's own, once, where those are wrong: they leave out what mirrored entries hand
 * back (MirrorPad), transpose once too often (Cumsum over an inner axis), know few axes and batches (GatherV2, Prod),
 * give every tie of a maximum the whole (Max, Min), are NaN or -1 at 0 (norms by Square, SquaredDifference and Pow;
 * Abs), fail where an input was broadcast or cut into one part (SplitV, Unpack), or make large arrays (Sum, Mean). tfjs
 * has one gradient for all backends, so the others get them too.
 */
export function registerGradients(): void {
  if (registered) return;
  registered = true;
  for (const config of [
    mirrorPad,
    cumsum,
    gather(),
    broadcastTo,
    prod(),
    spread('Sum'),
    spread('Mean'),
    shared('Max'),
    shared('Min'),
    abs,
    square,
    squaredDifference,
    pow(),
    ofParts('SplitV'),
    ofParts('Unpack'),
    ...['Maximum', 'Minimum', 'Prelu', 'BatchMatMul'].map(summed),
  ])
    tf.registerGradient(config);
}
