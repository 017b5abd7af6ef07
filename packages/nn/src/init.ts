import type { RandomStream } from '@ferry/engine';

/**
 * Draws a tensor's first values, row-major. It takes as many numbers from the stream as it needs, in order, so
 * layers made one after the other from one stream differ; give each model part its own stream
 * (`random.split('adapter')`) and adding a part never shifts the values of another.
 */
export type Initializer = (shape: readonly number[], random: RandomStream) => Float32Array;

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Fan-in and fan-out of a weight [outputs, inputs]. */
function fans(shape: readonly number[]): { inputs: number; outputs: number } {
  const [outputs, inputs] = shape;
  if (shape.length !== 2 || outputs === undefined || inputs === undefined)
    throw new Error(`xavier: shape must be [outputs, inputs], got [${shape.join(', ')}]`);
  return { inputs, outputs };
}

function fill(shape: readonly number[], draw: () => number): Float32Array {
  return new Float32Array(size(shape)).map(draw);
}

function uniform(bound: number): Initializer {
  return (shape, random) => fill(shape, () => (2 * random.uniform() - 1) * bound);
}

function normal(std: number): Initializer {
  return (shape, random) => fill(shape, () => random.normal() * std);
}

/** The initial values layers can be made with. */
export const init = {
  /** Normal with mean 0 and this standard deviation. */
  normal,
  /** Uniform in [-bound, bound). */
  uniform,
  /** Uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010, eq. 16), for weights [outputs, inputs]. */
  xavierUniform: ((shape, random) => {
    const { inputs, outputs } = fans(shape);
    return uniform(Math.sqrt(6 / (inputs + outputs)))(shape, random);
  }) satisfies Initializer,
  /** Normal with standard deviation √(2 / (inputs + outputs)), for weights [outputs, inputs]. */
  xavierNormal: ((shape, random) => {
    const { inputs, outputs } = fans(shape);
    return normal(Math.sqrt(2 / (inputs + outputs)))(shape, random);
  }) satisfies Initializer,
  /** All 0. */
  zeros: ((shape) => new Float32Array(size(shape))) satisfies Initializer as Initializer,
  /** All 1. */
  ones: ((shape) => new Float32Array(size(shape)).fill(1)) satisfies Initializer as Initializer,
};
