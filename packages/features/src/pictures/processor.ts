/**
 * Pictures as the processors of transformers make them (`preprocessor_config.json`): resized with the filter that is
 * named, cropped, then scaled and normalised by channel.
 */
import { join } from 'node:path';
import { InputError, readObject } from '@ferry/data';
import { z } from 'zod';
import { centreCrop, resamplings, resize, type Resampling, type Rgb } from './resize.ts';

/** What a network reads of pictures of any size. */
export interface PictureProcessor {
  /** Of what is made. */
  readonly height: number;
  /** Of what is made. */
  readonly width: number;
  /** What a byte is multiplied by, of each channel. */
  readonly gain: readonly [number, number, number];
  /** What is added then. */
  readonly shift: readonly [number, number, number];
  /** Resizes and crops: uint8 [3, height, width]. */
  bytes(picture: Rgb): Uint8Array;
  /** The same, scaled and normalised: float32 [3, height, width], transformers' `pixel_values`. */
  pixels(picture: Rgb): Float32Array;
}

const side = z.int().min(1);
const flag = z.boolean().nullish();
const three = z.union([z.number(), z.array(z.number()).length(3)]);
/** Sides, as one number, as both, or as the shorter one. */
const sides = z.union([
  side,
  z.strictObject({ height: side, width: side }),
  z.strictObject({ shortest_edge: side }),
  z.tuple([side, side]),
]);

/** The keys that are read; what a key changes that is not among them is refused below. */
const schema = z.looseObject({
  do_resize: flag,
  size: sides.nullish(),
  resample: z
    .int()
    .min(0)
    .max(resamplings.length - 1)
    .nullish(),
  crop_pct: z.number().gt(0).nullish(),
  do_center_crop: flag,
  crop_size: sides.nullish(),
  do_rescale: flag,
  rescale_factor: z.number().nullish(),
  do_normalize: flag,
  image_mean: three.nullish(),
  image_std: three.nullish(),
});

type Config = z.output<typeof schema>;

const half = [0.5, 0.5, 0.5];
const openai = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const [BILINEAR, BICUBIC] = [resamplings.indexOf('bilinear'), resamplings.indexOf('bicubic')];
const cropped = { size: { shortest_edge: 224 }, resample: BICUBIC, do_center_crop: true, crop_size: 224 };

/** What transformers takes for keys that a file leaves out, by the kind of the processor. */
const defaults: Readonly<Record<string, Partial<Config>>> = {
  ViT: { size: 224, resample: BILINEAR, image_mean: half, image_std: half },
  CLIP: { ...cropped, ...openai },
  Bit: { ...cropped, ...openai },
  Blip: { size: 384, resample: BICUBIC, ...openai },
  DeiT: {
    size: 256,
    resample: BICUBIC,
    do_center_crop: true,
    crop_size: 224,
    image_mean: half,
    image_std: half,
  },
  ConvNext: {
    size: { shortest_edge: 384 },
    resample: BICUBIC,
    crop_pct: 224 / 256,
    image_mean: half,
    image_std: half,
  },
};

/** Kinds for which one number is the shorter side, not both. */
const shorter = ['CLIP', 'Bit', 'ConvNext'];

/** Keys `do_…` that change nothing here: every picture has three channels, and all end up of one size. */
const idle = ['do_convert_rgb', 'do_pad'];

/** From this size on ConvNext's processor squeezes instead of cropping. */
const SQUEEZED = 384;

const both = (given: NonNullable<Config['size']>): { height: number; width: number } | undefined => {
  if (typeof given === 'number') return { height: given, width: given };
  if (Array.isArray(given)) return { height: given[0], width: given[1] };
  return 'shortest_edge' in given ? undefined : given;
};

const channels = (given: number | readonly number[]): [number, number, number] =>
  typeof given === 'number' ? [given, given, given] : (given.slice() as [number, number, number]);

/** Resizes so that the shorter side has this length. */
function toShorter(picture: Rgb, length: number, resampling: Resampling): Rgb {
  const { width, height } = picture;
  const other = Math.trunc((length * Math.max(width, height)) / Math.min(width, height));
  return width <= height
    ? resize(picture, length, other, resampling)
    : resize(picture, other, length, resampling);
}

/** How pictures become of one size, and which: a chain of resizing and cropping. */
function shaping(
  kind: string,
  config: Config,
  fail: (rule: string) => Error,
): { height: number; width: number; shape: (picture: Rgb) => Rgb } {
  const resampling = resamplings[config.resample!]!;
  const crop = config.do_center_crop === true ? both(config.crop_size ?? 224) : undefined;
  if (config.do_center_crop === true && !crop) throw fail('crop_size must have a height and a width');
  const cut = (picture: Rgb): Rgb => (crop ? centreCrop(picture, crop.width, crop.height) : picture);
  if (config.do_resize === false) {
    if (!crop)
      throw fail('do_resize or do_center_crop must be true, so that all pictures end up of one size');
    return { ...crop, shape: cut };
  }
  const size = config.size!;
  const short =
    typeof size === 'number' && shorter.includes(kind)
      ? size
      : typeof size === 'object' && 'shortest_edge' in size
        ? size.shortest_edge
        : undefined;
  if (short === undefined) {
    const { width, height } = both(size)!;
    return { ...(crop ?? { height, width }), shape: (one) => cut(resize(one, width, height, resampling)) };
  }
  if (kind === 'ConvNext') {
    const square = { height: short, width: short };
    const longer = Math.trunc(short / config.crop_pct!);
    return {
      ...(crop ?? square),
      shape: (one) =>
        cut(
          short < SQUEEZED
            ? centreCrop(toShorter(one, longer, resampling), short, short)
            : resize(one, short, short, resampling),
        ),
    };
  }
  if (!crop)
    throw fail(
      'do_center_crop must be true where size is a shortest_edge, so that all pictures end up of one size',
    );
  return { ...crop, shape: (one) => cut(toShorter(one, short, resampling)) };
}

/**
 * A processor of pictures.
 *
 * @param given - As a `preprocessor_config.json`; `image_processor_type` (or `feature_extractor_type`) says whose
 *   defaults hold for what is left out, ViT's where it is missing.
 * @param where - What errors name.
 * @throws InputError naming what cannot be honoured.
 */
export function pictureProcessor(given: Readonly<Record<string, unknown>>, where: string): PictureProcessor {
  const fail = (rule: string): InputError => new InputError(where, undefined, rule);
  const named = given['image_processor_type'] ?? given['feature_extractor_type'] ?? 'ViTImageProcessor';
  const type = typeof named === 'string' ? named : JSON.stringify(named);
  const kind = type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '');
  const own = defaults[kind];
  if (!own)
    throw fail(
      `the processor must be that of ${Object.keys(defaults).join(', ')}, got image_processor_type ${type}`,
    );
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw fail(z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' '));
  const known = [...Object.keys(schema.shape), ...idle];
  const strange = Object.keys(given).find(
    (key) => key.startsWith('do_') && given[key] === true && !known.includes(key),
  );
  if (strange !== undefined) throw fail(`no processor knows ${strange}, got true`);
  const stated = Object.fromEntries(Object.entries(parsed.data).filter(([, value]) => value !== null));
  const config: Config = { ...own, ...stated };
  const { height, width, shape } = shaping(kind, config, fail);
  const factor = config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255);
  const [mean, deviation] =
    config.do_normalize === false
      ? [channels(0), channels(1)]
      : [channels(config.image_mean!), channels(config.image_std!)];
  const gain = deviation.map((value) => factor / value) as [number, number, number];
  const shift = deviation.map((value, c) => -mean[c]! / value) as [number, number, number];
  const bytes = (picture: Rgb): Uint8Array => {
    const { data } = shape(picture);
    const plane = height * width;
    const out = new Uint8Array(3 * plane);
    for (let at = 0; at < plane; at++) for (let c = 0; c < 3; c++) out[c * plane + at] = data[at * 3 + c]!;
    return out;
  };
  return {
    height,
    width,
    gain,
    shift,
    bytes,
    pixels: (picture) => {
      const plane = height * width;
      return Float32Array.from(bytes(picture), (value, at) => {
        const c = Math.floor(at / plane);
        return value * gain[c]! + shift[c]!;
      });
    },
  };
}

/**
 * Reads the processor of a folder of Hugging Face's layout.
 *
 * @throws InputError naming the file and what is missing or cannot be honoured.
 */
export async function loadPictureProcessor(directory: string): Promise<PictureProcessor> {
  const where = join(directory, 'preprocessor_config.json');
  const processor = await readObject(where);
  if (processor) return pictureProcessor(processor, where);
  throw new InputError(where, undefined, 'must say how pictures are made ready, and there is no such file');
}
