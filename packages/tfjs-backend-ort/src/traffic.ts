import { OrtBackend } from './backend.ts';
import type { Traffic } from './runtime/deviceMemory.ts';
import { tf } from './tfjs.js';

/** Bytes that crossed between host and device since the backend was chosen; undefined where tensors lie on the host. */
export function deviceTraffic(): Traffic | undefined {
  const backend = tf.backend();
  return backend instanceof OrtBackend ? backend.device?.traffic : undefined;
}
