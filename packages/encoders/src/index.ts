export { loadEncoder, createEncoder, type EncoderSettings } from './load.ts';
export { saveEncoder } from './save.ts';
export type { Encoder, Lower } from './encoder.ts';
export { type Encoded, type EncoderInputs, type Pooling, poolings } from './family.ts';
export type { PoolingOptions } from './pool.ts';
