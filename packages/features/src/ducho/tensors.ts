/** A tensor of transformers.js. */
export interface Tensor {
  data: Float32Array | BigInt64Array;
  dims: number[];
}

/** Rows of a tensor. */
export function rowsOf({ data, dims }: Tensor): Float32Array[] {
  const size = data.length / dims[0]!;
  return Array.from({ length: dims[0]! }, (_, row) =>
    Float32Array.from(data.slice(row * size, (row + 1) * size) as Float32Array),
  );
}

/** Means over the tokens that are there. */
export function meanTokens({ data, dims }: Tensor, mask: Tensor | undefined): Float32Array[] {
  const [count, length, width] = dims as [number, number, number];
  return Array.from({ length: count }, (_, row) => {
    const mean = new Float32Array(width);
    let tokens = 0;
    for (let at = 0; at < length; at++) {
      if (mask && Number(mask.data[row * length + at]) === 0) continue;
      tokens++;
      for (let place = 0; place < width; place++)
        mean[place]! += (data as Float32Array)[(row * length + at) * width + place]!;
    }
    return mean.map((value) => value / Math.max(tokens, 1));
  });
}

/** Vectors of length 1. */
export function normalised(vectors: Float32Array[]): Float32Array[] {
  return vectors.map((vector) => {
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return length === 0 ? vector : vector.map((value) => value / length);
  });
}
