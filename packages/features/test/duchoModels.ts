import { encodeOnnx } from '../src/onnx.ts';
import { colours, ids, letters, meanOver, tokenizer } from './tinyModels.ts';

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

/** Models a person can compute, under the names that the hands-on has. */
export const duchoModels: Readonly<Record<string, string | Uint8Array>> = {
  'torchvision/ResNet50.onnx': colours('avgpool', 2),
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
      meanOver([1], 'rows', 'text_embeds'),
    ],
  }),
  'openai/clip-vit-base-patch16/onnx/vision_model.onnx': colours('image_embeds', 1),
};
