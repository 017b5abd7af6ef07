import { encodeOnnx, type Attribute, type Initializer, type Node } from '../onnx.ts';
import type { UseLiteFiles } from './weights.ts';

/** Tokens the encoder reads; later ones are cut off. */
export const maxTokens = 128;

/** Width of a sentence vector. */
export const useLiteWidth = 512;

const heads = 4;

/** Names of the published graph start with these. */
const applied = 'module_apply_default/Encoder_en/KonaTransformer/';
const stored = 'module/Encoder_en/KonaTransformer/';

/**
 * Sinusoidal position signal: [sin(p t_0).. sin(p t_127), cos(p t_0).. cos(p t_127)] for position p and the inverse
 * timescales t of the published graph.
 *
 * @returns Float32 [maxTokens, 256].
 */
export function timingSignal({ weights }: UseLiteFiles): Float32Array {
  const scales = weights.get(
    `${applied}Encode/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1`,
  )!.data;
  const width = scales.length * 2;
  const signal = new Float32Array(maxTokens * width);
  for (let position = 0; position < maxTokens; position++)
    for (const [index, scale] of scales.entries()) {
      const angle = Math.fround(position * scale);
      signal[position * width + index] = Math.sin(angle);
      signal[position * width + scales.length + index] = Math.cos(angle);
    }
  return signal;
}

/**
 * The Universal Sentence Encoder lite as an ONNX graph: token embeddings (doubled, plus the position signal: the
 * published graph adds the embeddings to themselves), two pre-norm Transformer layers of 4 heads (the first widens 256
 * to 512 and sends its residual through a dense layer), the mean over tokens, a tanh layer, L2 normalisation.
 *
 * Inputs: `ids` int64 [B, L], `mask` float32 [B, L] (1 = token, 0 = padding), `timing` float32 [L, 256].
 * Output: `vectors` float32 [B, 512].
 *
 * @param files - Weights of the published model.
 */
export function useLiteGraph(files: UseLiteFiles): Uint8Array {
  const nodes: Node[] = [];
  const initializers: Initializer[] = [];
  let serial = 0;
  const constant = (data: Float32Array | BigInt64Array, shape: readonly number[]): string => {
    const name = `c${serial++}`;
    initializers.push({ name, shape, data });
    return name;
  };
  const scalar = (value: number): string => constant(Float32Array.of(value), []);
  const shapeOf = (...sizes: number[]): string =>
    constant(
      BigInt64Array.from(sizes, (size) => BigInt(size)),
      [sizes.length],
    );
  const weight = (name: string, shape?: readonly number[]): string => {
    const found = files.weights.get(name)!;
    return constant(found.data, shape ?? found.shape);
  };
  const apply = (op: string, inputs: string[], attributes?: Record<string, Attribute>): string => {
    const name = `v${serial++}`;
    nodes.push({ op, inputs, outputs: [name], ...(attributes ? { attributes } : {}) });
    return name;
  };
  const concat = 'ConcatPartitions/concat';
  const dense = (x: string, kernel: string, bias: string) =>
    apply('Add', [apply('MatMul', [x, kernel]), bias]);
  const norm = (x: string, path: string) =>
    apply(
      'LayerNormalization',
      [x, weight(`${path}layer_norm_scale/${concat}`), weight(`${path}layer_norm_bias/${concat}`)],
      { axis: -1, epsilon: { float: 1e-6 } },
    );
  const attention = (x: string, layer: string, width: number): string => {
    const own = `${applied}Encode/${layer}MultiheadAttention/`;
    const kernels = `${stored}Encode/${layer}MultiheadAttention/`;
    const packed = dense(
      x,
      weight(`${kernels}qkv_transform_single/kernel/part_0`, [width, 3 * width]),
      weight(`${own}qkv_transform_single/bias/${concat}`),
    );
    const parts = ['q', 'k', 'v'].map((part) => `${part}${serial++}`);
    nodes.push({ op: 'Split', inputs: [packed], outputs: parts, attributes: { axis: 2 } });
    const split = shapeOf(0, 0, heads, width / heads);
    const [q, k, v] = parts.map((part, index) =>
      apply('Transpose', [apply('Reshape', [part, split])], {
        perm: index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3],
      }),
    );
    const scores = apply('MatMul', [apply('Mul', [q!, scalar((width / heads) ** -0.5)]), k!]);
    const weights = apply('Softmax', [apply('Add', [scores, 'bias'])], { axis: -1 });
    const mixed = apply('Transpose', [apply('MatMul', [weights, v!])], { perm: [0, 2, 1, 3] });
    return dense(
      apply('Reshape', [mixed, shapeOf(0, 0, width)]),
      weight(`${kernels}output_transform_single/kernel/part_0`, [width, useLiteWidth]),
      weight(`${own}output_transform_single/bias/${concat}`),
    );
  };
  const layer = (x: string, index: number, width: number): string => {
    const path = `Layer_${index}/TransformerLayer/`;
    const own = `${applied}Encode/${path}`;
    const ffn = `${applied}Encode/TransformerStack/${path}FFN/`;
    const residual =
      width === useLiteWidth
        ? x
        : dense(x, weight(`${own}dense/kernel/${concat}`), weight(`${own}dense/bias/${concat}`));
    const attended = attention(norm(x, `${own}layer_prepostprocess/layer_norm/`), path, width);
    const middle = apply('Add', [attended, residual]);
    const hidden = dense(
      norm(middle, `${own}FFN/layer_prepostprocess/layer_norm/`),
      weight(`${ffn}conv1/Tensordot/Reshape_1`),
      weight(`${own}FFN/conv1/bias/${concat}`),
    );
    const out = dense(
      apply('Relu', [hidden]),
      weight(`${ffn}conv2/Tensordot/Reshape_1`),
      weight(`${own}FFN/conv2/bias/${concat}`),
    );
    return apply('Add', [out, middle]);
  };

  // Padded keys get -1e9 before the softmax, as in the published graph: (mask - 1) * 1e9, shape [B, 1, 1, L].
  const blocked = apply('Mul', [apply('Sub', ['mask', scalar(1)]), scalar(1e9)]);
  nodes.push({ op: 'Unsqueeze', inputs: [blocked, shapeOf(1, 2)], outputs: ['bias'] });
  const embedded = apply('Gather', [weight('module/Embeddings_en'), 'ids'], { axis: 0 });
  let x = apply('Add', [apply('Mul', [embedded, scalar(2)]), 'timing']);
  x = layer(x, 0, 256);
  x = layer(x, 1, useLiteWidth);
  const real = apply('Unsqueeze', ['mask', shapeOf(2)]);
  const total = apply('ReduceSum', [apply('Mul', [x, real]), shapeOf(1)], { keepdims: 0 });
  const length = apply('ReduceSum', ['mask', shapeOf(1)], { keepdims: 1 });
  const pooled = apply('Tanh', [
    dense(
      apply('Div', [total, length]),
      weight('module/Encoder_en/hidden_layers/tanh_layer_0/weights'),
      weight('module/Encoder_en/hidden_layers/tanh_layer_0/bias'),
    ),
  ]);
  const squared = apply('ReduceSum', [apply('Mul', [pooled, pooled]), shapeOf(1)], { keepdims: 1 });
  const magnitude = apply('Sqrt', [apply('Max', [squared, scalar(1e-12)])]);
  nodes.push({ op: 'Div', inputs: [pooled, magnitude], outputs: ['vectors'] });
  return encodeOnnx({
    inputs: [
      { name: 'ids', type: 'int64', shape: ['B', 'L'] },
      { name: 'mask', type: 'float32', shape: ['B', 'L'] },
      { name: 'timing', type: 'float32', shape: ['L', 256] },
    ],
    outputs: [{ name: 'vectors', type: 'float32', shape: ['B', useLiteWidth] }],
    nodes,
    initializers,
  });
}
