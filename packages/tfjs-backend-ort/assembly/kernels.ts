// Host kernels, compiled to WebAssembly with SIMD by tools/build-wasm.js. All pointers are byte offsets into the
// imported memory, 16-byte aligned, and every buffer is padded so that whole vectors may be read and written past its
// end.
export { keepBits, keepMask, uniform } from './random';
export { adam } from './adam';
export { segmentSum, firstOutside, gatheredProducts, gatheredSums, scatteredSums } from './rows';
export { rowCounts } from './counts';
export { nearestDistances } from './nearest';
