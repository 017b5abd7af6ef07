/**
 * ResNet (He et al., CVPR 2016) as transformers' `ResNetModel`; torchvision's names are known too. Batch normalisation
 * goes by the statistics of the checkpoint, in training as well, or, where they are to run, by the batch.
 */
import { tf } from '@ferry/engine';
import { init, type Initializer } from '@ferry/nn';
import { z } from 'zod';
import { activationNames, activations } from '../activations.ts';
import { count, family, type Network } from '../family.ts';
import { pictures } from '../imageInputs.ts';
import { numbered, type Tensors, Weight } from '../weights.ts';

const options = z
  .object({
    num_channels: count.default(3),
    embedding_size: count.default(64),
    hidden_sizes: z.array(count).min(1).default([256, 512, 1024, 2048]),
    depths: z.array(count).min(1).default([3, 4, 6, 3]),
    layer_type: z.enum(['basic', 'bottleneck']).default('bottleneck'),
    hidden_act: z.enum(activationNames).default('relu'),
    downsample_in_first_stage: z.boolean().default(false),
    downsample_in_bottleneck: z.boolean().default(false),
  })
  .refine(({ hidden_sizes: sizes, depths }) => sizes.length === depths.length, {
    error: 'hidden_sizes and depths must be as many',
  });

type Options = z.output<typeof options>;

/** He et al. 2015: normal with variance 2 / (outputs kh kw), as transformers begins. */
const he: Initializer = (shape, random) => {
  const [O, , kh, kw] = shape as [number, number, number, number];
  return init.normal(Math.sqrt(2 / (O * kh * kw)))(shape, random);
};

/** A convolution without bias and its normalisation. */
function convolution(theirs: string, inputs: number, outputs: number, side: number) {
  const part = (name: string, first: Initializer, isBuffer = false) =>
    new Weight(`${theirs}.normalization.${name}`, [outputs], first, isBuffer);
  return {
    filter: new Weight(`${theirs}.convolution.weight`, [outputs, inputs, side, side], he),
    gain: part('weight', init.ones),
    bias: part('bias', init.zeros),
    mean: part('running_mean', init.zeros, true),
    variance: part('running_var', init.ones, true),
  };
}

type ConvolutionTensors = Tensors<ReturnType<typeof convolution>>;

/** A residual block: sides and strides of its convolutions, and of the shortcut, if it changes the shape. */
interface Block {
  readonly theirs: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly parts: readonly {
    readonly inputs: number;
    readonly outputs: number;
    side: number;
    stride: number;
  }[];
  readonly stride: number;
}

function blocksOf(o: Options): Block[] {
  let inputs = o.embedding_size;
  return o.depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i): Block => {
      const outputs = o.hidden_sizes[stage]!;
      const stride = i === 0 && (stage > 0 || o.downsample_in_first_stage) ? 2 : 1;
      const inner = outputs / 4;
      const parts =
        o.layer_type === 'basic'
          ? [
              { inputs, outputs, side: 3, stride },
              { inputs: outputs, outputs, side: 3, stride: 1 },
            ]
          : [
              { inputs, outputs: inner, side: 1, stride: o.downsample_in_bottleneck ? stride : 1 },
              { inputs: inner, outputs: inner, side: 3, stride: o.downsample_in_bottleneck ? 1 : stride },
              { inputs: inner, outputs, side: 1, stride: 1 },
            ];
      const block = { theirs: `encoder.stages.${stage}.layers.${i}`, inputs, outputs, parts, stride };
      inputs = outputs;
      return block;
    }),
  );
}

function weights(o: Options) {
  const blocks = blocksOf(o);
  return {
    stem: convolution('embedder.embedder', o.num_channels, o.embedding_size, 7),
    layers: numbered(blocks.length, (b) => {
      const { theirs, parts, inputs, outputs, stride } = blocks[b]!;
      return {
        parts: numbered(parts.length, (k) =>
          convolution(`${theirs}.layer.${k}`, parts[k]!.inputs, parts[k]!.outputs, parts[k]!.side),
        ),
        shortcut:
          inputs !== outputs || stride !== 1
            ? convolution(`${theirs}.shortcut`, inputs, outputs, 1)
            : undefined,
      };
    }),
  };
}

/** PyTorch's, which ResNet does not change. */
const EPSILON = 1e-5;

/** Share of a batch's statistics in the running ones. PyTorch's, which ResNet does not change. */
const MOMENTUM = 0.1;

/** Mean and variance of [B, H, W, O] by channel, towards which the running ones are moved. */
function batchStatistics(p: ConvolutionTensors, x: tf.Tensor): { mean: tf.Tensor; variance: tf.Tensor } {
  const axes = [0, 1, 2];
  const mean = tf.mean(x, axes);
  const variance = tf.mean(tf.square(tf.sub(x, mean)), axes);
  const count = x.size / mean.size;
  const move = (running: tf.Tensor, value: tf.Tensor): void => {
    if (running instanceof tf.Variable)
      running.assign(tf.add(tf.mul(running, 1 - MOMENTUM), tf.mul(value, MOMENTUM)));
  };
  move(p.mean, mean);
  // The running variance is that of the population, the batch's own that of the batch.
  move(p.variance, tf.mul(variance, count / Math.max(1, count - 1)));
  return { mean, variance };
}

/** A convolution of [B, H, W, I], its padding (side - 1) / 2, and its normalisation. */
function convolved(p: ConvolutionTensors, x: tf.Tensor, stride: number, moving: boolean): tf.Tensor {
  const side = p.filter.shape[2]!;
  const filter = tf.transpose(p.filter, [2, 3, 1, 0]) as tf.Tensor4D;
  const made = tf.conv2d(x as tf.Tensor4D, filter, stride, (side - 1) / 2, 'NHWC', 1, 'floor');
  const { mean, variance } = moving ? batchStatistics(p, made) : p;
  const scale = tf.mul(p.gain, tf.rsqrt(tf.add(variance, EPSILON)));
  return tf.add(tf.mul(tf.sub(made, mean), scale), p.bias);
}

function network(o: Options): Network<Tensors<ReturnType<typeof weights>>> {
  const blocks = blocksOf(o);
  const activate = activations[o.hidden_act];
  const width = o.hidden_sizes.at(-1)!;
  return {
    layers: blocks.length,
    width,
    embed: (p, { inputs, moving }) => {
      const stem = activate(convolved(p.stem, tf.transpose(pictures(inputs), [0, 2, 3, 1]), 2, moving));
      return tf.maxPool(stem as tf.Tensor4D, 3, 2, 1, 'floor');
    },
    shared: () => ({}),
    layer: (p, i, h, _, { moving }) => {
      const { parts, shortcut } = p.layers[String(i)]!;
      const { parts: sizes, stride } = blocks[i]!;
      const made = sizes.reduce((x, part, k) => {
        const next = convolved(parts[String(k)]!, x, part.stride, moving);
        return k === sizes.length - 1 ? next : activate(next);
      }, h);
      return activate(tf.add(made, shortcut ? convolved(shortcut, h, stride, moving) : h));
    },
    finish: (_, h) => {
      const [B, height, columns] = h.shape as [number, number, number];
      return { hidden: tf.reshape(h, [B, height * columns, width]), pooled: tf.mean(h, [1, 2]) };
    },
  };
}

/** Today's name of a weight of torchvision's ResNet. */
function ofTorchvision(name: string): string {
  return name
    .replace(/^conv1\./, 'embedder.embedder.convolution.')
    .replace(/^bn1\./, 'embedder.embedder.normalization.')
    .replace(/^fc\./, 'classifier.')
    .replace(
      /^layer(\d)\.(\d+)\.(.+)\.([a-z_]+)$/,
      (_, stage: string, block: string, part: string, leaf: string) => {
        const own = /^(conv|bn)(\d)$/.exec(part);
        const kind = part.startsWith('conv') || part === 'downsample.0' ? 'convolution' : 'normalization';
        const place = own ? `layer.${Number(own[2]) - 1}` : 'shortcut';
        return `encoder.stages.${Number(stage) - 1}.layers.${block}.${place}.${kind}.${leaf}`;
      },
    );
}

/** ResNet. */
export const resnet = family({
  name: 'resnet',
  types: { resnet: 'ResNetModel' },
  modality: 'image',
  options,
  weights,
  prefixes: ['resnet.'],
  ignored: ['classifier.**', '**.num_batches_tracked'],
  rename: ofTorchvision,
  network,
  pooling: 'pooled',
});
