/** Backends the tests run on: FERRY_TEST_BACKENDS=cpu,wasm,ort names others. */
export const backends = (process.env['FERRY_TEST_BACKENDS'] ?? 'cpu,ort').split(',') as (
  'cpu' | 'ort' | 'wasm'
)[];
