import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';

/** Whether host kernels read what sessions compute; an accelerator would have to send it to them. */
export function hostIsNear(): boolean {
  const backend = tf.backend();
  return backend instanceof OrtBackend && backend.options.providers.every((name) => name === 'cpu');
}
