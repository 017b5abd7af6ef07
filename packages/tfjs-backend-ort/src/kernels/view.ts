import { tf } from '../tfjs.js';
import { asOrt, BACKEND_NAME, type OrtBackend } from '../backend.ts';

/** Kernels that only look at the same elements: the result shares the data id. */
export const VIEW_KERNELS = ['Identity', 'Reshape', 'ExpandDims'] as const;

/** Registers {@link VIEW_KERNELS} with tfjs. */
export function registerViews(): void {
  const share = (name: string, backend: OrtBackend, x: tf.TensorInfo, shape: number[]): tf.TensorInfo => {
    backend.buffer(x.dataId, name).refCount++;
    return { dataId: x.dataId, shape, dtype: x.dtype };
  };
  tf.registerKernel({
    kernelName: 'Identity',
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs, backend }) => share('Identity', asOrt(backend), inputs['x']!, inputs['x']!.shape),
  });
  tf.registerKernel({
    kernelName: 'Reshape',
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const x = inputs['x']!;
      const size = tf.util.sizeFromShape(x.shape);
      const shape = tf.util.inferFromImplicitShape((attrs as unknown as { shape: number[] }).shape, size);
      if (tf.util.sizeFromShape(shape) !== size)
        throw new Error(
          `Reshape: [${x.shape.join(', ')}] has ${size} elements, asked for [${shape.join(', ')}]`,
        );
      return share('Reshape', asOrt(backend), x, shape);
    },
  });
  tf.registerKernel({
    kernelName: 'ExpandDims',
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const x = inputs['input']!;
      const { dim } = attrs as unknown as { dim: number };
      const shape = x.shape.slice();
      shape.splice(dim < 0 ? shape.length + 1 + dim : dim, 0, 1);
      return share('ExpandDims', asOrt(backend), x, shape);
    },
  });
}
