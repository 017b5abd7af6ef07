import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { openLocal } from '../hub.ts';
import type { DuchoModel } from './config.ts';
import { type PoolingOf, tokensOf } from '../encodings/textModel.ts';
import { clearText } from './inputs.ts';
import type { Opened } from './opened.ts';
import { rawImages } from '../pictures/scale.ts';
import { hubFolder, jsonOf } from '../places.ts';
import { meanTokens, normalised, rowsOf, type Tensor } from './tensors.ts';

/** Texts as the section wants them. */
const textsOf = ({ clear_text }: DuchoModel, texts: readonly string[]): string[] =>
  clear_text ? texts.map(clearText) : [...texts];

/** A tokenizer and the network behind it. */
const openReader = (folder: string) =>
  openLocal(
    folder,
    async (library, name) =>
      [
        await library.AutoTokenizer.from_pretrained(name),
        await library.AutoModel.from_pretrained(name, { dtype: 'fp32' }),
      ] as const,
  );

/**
 * Sentence encoders: pooling and normalisation as the model's own files say; else, as sentence-transformers does where
 * there are none, the mean of the tokens as it is.
 */
export async function openSentences(model: DuchoModel, poolingOf: PoolingOf | undefined): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const limit = (await jsonOf<{ max_seq_length?: number }>(join(folder, 'sentence_bert_config.json')))
    ?.max_seq_length;
  const own = await poolingOf?.(folder, 'text', model.model);
  const pooling = tokensOf(folder, own);
  const normalise = own?.normalise ?? false;
  const [tokenizer, network] = await openReader(folder);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    settings: { pooling, normalise },
    notes: [
      `${model.model}: ${pooling === 'cls' ? 'first token' : 'mean of tokens'}, ${normalise ? '' : 'not '}normalised` +
        (own ? '' : ' (nothing says how)'),
    ],
    encode: async (texts) => {
      const inputs = tokenizer(textsOf(model, texts), {
        padding: true,
        truncation: true,
        ...(limit === undefined ? {} : { max_length: limit }),
      }) as { attention_mask: Tensor };
      const { last_hidden_state: states } = (await network(inputs)) as { last_hidden_state: Tensor };
      const width = states.dims[2]!;
      const vectors =
        pooling === 'cls'
          ? rowsOf(states).map((row) => row.slice(0, width))
          : meanTokens(states, inputs.attention_mask);
      return normalise ? normalised(vectors) : vectors;
    },
    close: async () => {
      await network.dispose();
    },
  };
}

/** The output of a transformer that a layer names, as a vector each. */
function outputOf(
  outputs: Record<string, Tensor>,
  layer: string,
  mask: Tensor | undefined,
  model: string,
): Float32Array[] {
  const found = outputs[layer];
  if (!found)
    throw new InputError(
      model,
      undefined,
      `output_layers must name an output, got ${JSON.stringify(layer)}; ` +
        `there are ${Object.keys(outputs).join(', ')}`,
    );
  return found.dims.length === 3 ? meanTokens(found, mask) : rowsOf(found);
}

/** What Ducho would store of an output with a vector a token. */
const tokensNote = (model: string): string =>
  `${model}: last_hidden_state has a vector a token: their mean is stored (Ducho stores the whole, or its first slice)`;

/** A text transformer. */
export async function openText(model: DuchoModel, layer: string): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const [tokenizer, network] = await openReader(folder);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    notes: layer === 'last_hidden_state' ? [tokensNote(model.model)] : [],
    encode: async (texts) => {
      const inputs = tokenizer(textsOf(model, texts), { padding: true, truncation: true }) as {
        attention_mask: Tensor;
      };
      return outputOf(
        (await network(inputs)) as Record<string, Tensor>,
        layer,
        inputs.attention_mask,
        model.model,
      );
    },
    close: async () => {
      await network.dispose();
    },
  };
}

/** A picture transformer. */
export async function openVision(model: DuchoModel, layer: string): Promise<Opened> {
  const folder = await hubFolder(model.model, 'onnx/model.onnx');
  const [library, processor, network] = await openLocal(folder, async (loaded, name) => [
    loaded,
    await loaded.AutoProcessor.from_pretrained(name),
    await loaded.AutoModel.from_pretrained(name, { dtype: 'fp32' }),
  ]);
  return {
    weights: join(folder, 'onnx/model.onnx'),
    notes: layer === 'last_hidden_state' ? [tokensNote(model.model)] : [],
    encode: async (paths) =>
      outputOf(
        (await network(await processor(await rawImages(library, paths)))) as Record<string, Tensor>,
        layer,
        undefined,
        model.model,
      ),
    close: async () => {
      await network.dispose();
    },
  };
}

/** Towers of a joint model such as CLIP. Hugging Face's joint model, which Ducho runs, normalises what it projects. */
export async function openJoint(model: DuchoModel): Promise<{ image: Opened; text: Opened }> {
  const folder = await hubFolder(model.model, 'onnx/text_model.onnx');
  const opened = await openLocal(folder, async (library, name) => ({
    library,
    tokenizer: await library.AutoTokenizer.from_pretrained(name),
    processor: await library.AutoProcessor.from_pretrained(name),
    text: await library.CLIPTextModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
    vision: await library.CLIPVisionModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
  }));
  const notes = [`${model.model}: both halves have length 1, as the joint model gives them`];
  return {
    text: {
      weights: join(folder, 'onnx/text_model.onnx'),
      notes,
      encode: async (texts) => {
        const inputs: unknown = opened.tokenizer(textsOf(model, texts), { padding: true, truncation: true });
        return normalised(rowsOf(((await opened.text(inputs)) as { text_embeds: Tensor }).text_embeds));
      },
      close: async () => {
        await opened.text.dispose();
      },
    },
    image: {
      weights: join(folder, 'onnx/vision_model.onnx'),
      notes,
      encode: async (paths) => {
        const inputs: unknown = await opened.processor(await rawImages(opened.library, paths));
        return normalised(rowsOf(((await opened.vision(inputs)) as { image_embeds: Tensor }).image_embeds));
      },
      close: async () => {
        await opened.vision.dispose();
      },
    },
  };
}
