export { philox4x32 } from './philox.ts';
export { RandomStream, type RandomState } from './random.ts';
