/** ONNX Runtime's execution provider under test: `webgpu` with FERRY_TEST_BACKENDS=ort:webgpu, else cpu. */
export const provider = process.env['FERRY_TEST_BACKENDS'] === 'ort:webgpu' ? 'webgpu' : 'cpu';
