import { tf } from '../../src/tfjs.js';
import { OrtBackend } from '../../src/backend.ts';
import { registerOrtBackend } from '../../src/index.ts';
import { HostMemory } from '../../src/runtime/memory.ts';

/** Where host kernels find their operands: in the host memory, on another backend, or where that memory has no room. */
export const places = ['ort', 'cpu', 'outside'] as const;

/** See {@link places}. */
export type Place = (typeof places)[number];

/** Computes there from now on. */
export async function computeIn(place: Place): Promise<void> {
  registerOrtBackend({ threads: 1 });
  if (place === 'outside') {
    tf.removeBackend('ort');
    const backend = new OrtBackend({ threads: 1, providers: ['cpu'] }, new HostMemory(16));
    tf.registerBackend('ort', () => backend);
  }
  await tf.setBackend(place === 'cpu' ? 'cpu' : 'ort');
}
