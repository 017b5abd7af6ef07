import * as tf from '@tensorflow/tfjs';

/** A backend Ferry can train on. */
export type BackendName = 'auto' | 'ort' | 'tensorflow' | 'wasm' | 'cpu';

/** What runs the tensors, as plain JSON, for banners and run records. */
export interface EngineDescription {
  /** The backend in use. */
  backend: string;
  /** The execution provider or the device it runs on. */
  device: string;
  /** Threads of one operation. */
  threads: number;
  /** Why this backend was chosen. */
  reason: string;
  /** Versions of the libraries involved. */
  versions: Record<string, string>;
}

/** Chooses the backend that all tensors live on. Call once, before the first tensor. */
export async function selectBackend(name: BackendName = 'auto'): Promise<EngineDescription> {
  await tf.setBackend(name === 'auto' ? 'cpu' : name);
  await tf.ready();
  return describe();
}

/** The backend in use. */
export function describe(): EngineDescription {
  return {
    backend: tf.getBackend(),
    device: 'cpu',
    threads: 1,
    reason: 'asked for',
    versions: { tfjs: tf.version.tfjs },
  };
}
