import { OrtBackend } from './backend.ts';
import type { Traffic } from './runtime/deviceMemory.ts';
import { tf } from './tfjs.js';

/** Whether tensors stay on a device, which computes while the host goes on, and which a read waits for. */
export function tensorsOnDevice(): boolean {
  const backend = tf.backend();
  return backend instanceof OrtBackend && backend.device !== undefined;
}

/** Bytes that crossed between host and device since the backend was chosen; undefined where tensors lie on the host. */
export function deviceTraffic(): Traffic | undefined {
  const backend = tf.backend();
  return backend instanceof OrtBackend ? backend.device?.traffic : undefined;
}
