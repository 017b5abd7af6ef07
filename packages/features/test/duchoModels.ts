import { encodeOnnx } from '../src/onnx.ts';

/** The configuration of the summer school's hands-on. */
export const duchoHandsOn = `dataset_path: ./local/data/demo_office
gpu list: 0
visual:
    items:
        input_path: images
        output_path: visual_embeddings_32
        model: [
            { model_name: ResNet50,
              output_layers: avgpool,
              reshape: [224, 224],
              preprocessing: zscore,
              backend: torch,
              batch_size: 32
            }
        ]

textual:
    items:
        input_path: meta.tsv
        item_column: asin
        text_column: description
        output_path: textual_embeddings_32
        model: [
          { model_name: sentence-transformers/all-mpnet-base-v2,
              output_layers: 1,
              clear_text: False,
              backend: sentence_transformers,
              batch_size: 32
          }
        ]

visual_textual:
    items:
        input_path: {visual: images, textual: meta.tsv}
        item_column: asin
        text_column: description
        output_path: {visual: visual_embeddings_32, textual: textual_embeddings_32}
        model: [
          { model_name: openai/clip-vit-base-patch16,
              backend: transformers,
              output_layers: 1,
              batch_size: 32
          }
        ]
`;

const mean = (axes: number[], from: string, to: string) => ({
  op: 'ReduceMean',
  inputs: [from],
  outputs: [to],
  attributes: { axes, keepdims: 0 },
});
const tokenizer = JSON.stringify({
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'BPE', vocab: { p: 0, a: 1, b: 2, c: 3 }, merges: [], unk_token: 'p' },
});
/** A vector a letter: p is 9 9, a is 1 0, b is 0 2, c is 3 3. */
const letters = { name: 'table', shape: [4, 2], data: Float32Array.of(9, 9, 1, 0, 0, 2, 3, 3) };
const ids = { name: 'input_ids', type: 'int64', shape: ['B', 'L'] } as const;
const pixels = { name: 'pixel_values', type: 'float32', shape: ['B', 3, 'H', 'W'] } as const;
/** The mean of each colour, times a weight. */
export const meansOfColours = (output: string, weight: number) =>
  encodeOnnx({
    inputs: [pixels],
    outputs: [{ name: output, type: 'float32', shape: ['B', 3] }],
    initializers: [{ name: 'weight', shape: [], data: Float32Array.of(weight) }],
    nodes: [
      mean([2, 3], 'pixel_values', 'means'),
      { op: 'Mul', inputs: ['means', 'weight'], outputs: [output] },
    ],
  });

/** Models a person can compute, under the names that the hands-on has. */
export const duchoModels: Readonly<Record<string, string | Uint8Array>> = {
  'torchvision/ResNet50.onnx': meansOfColours('avgpool', 2),
  'sentence-transformers/all-mpnet-base-v2/config.json': JSON.stringify({ model_type: 'bert' }),
  'sentence-transformers/all-mpnet-base-v2/tokenizer_config.json': JSON.stringify({
    tokenizer_class: 'BertTokenizer',
    pad_token: 'p',
  }),
  'sentence-transformers/all-mpnet-base-v2/tokenizer.json': tokenizer,
  'sentence-transformers/all-mpnet-base-v2/onnx/model.onnx': encodeOnnx({
    inputs: [ids],
    outputs: [{ name: 'last_hidden_state', type: 'float32', shape: ['B', 'L', 2] }],
    initializers: [letters],
    nodes: [{ op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['last_hidden_state'] }],
  }),
  'openai/clip-vit-base-patch16/config.json': JSON.stringify({ model_type: 'clip' }),
  'openai/clip-vit-base-patch16/tokenizer_config.json': JSON.stringify({
    tokenizer_class: 'CLIPTokenizer',
    pad_token: 'p',
  }),
  'openai/clip-vit-base-patch16/tokenizer.json': tokenizer,
  'openai/clip-vit-base-patch16/preprocessor_config.json': JSON.stringify({
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    size: { shortest_edge: 8 },
    do_center_crop: true,
    crop_size: { height: 8, width: 8 },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: false,
    resample: 3,
  }),
  'openai/clip-vit-base-patch16/onnx/text_model.onnx': encodeOnnx({
    inputs: [ids],
    outputs: [{ name: 'text_embeds', type: 'float32', shape: ['B', 2] }],
    initializers: [letters],
    nodes: [
      { op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'] },
      mean([1], 'rows', 'text_embeds'),
    ],
  }),
  'openai/clip-vit-base-patch16/onnx/vision_model.onnx': meansOfColours('image_embeds', 1),
};
