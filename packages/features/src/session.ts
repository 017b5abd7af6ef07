import { Worker } from 'node:worker_threads';
import { halfTable } from './elements.ts';

/** A tensor fed to a session. */
export interface Feed {
  /** Element type. */
  type: 'float32' | 'int64' | 'int32';
  /** Values, C order. */
  data: Float32Array | BigInt64Array | Int32Array;
  /** Shape. */
  shape: number[];
}

/** A tensor that came out. */
export interface Fetched {
  /** Values, C order. */
  data: Float32Array;
  /** Shape. */
  shape: number[];
}

/** An input or output as the model declares it. */
export interface Port {
  /** As the model calls it. */
  name: string;
  /** Element type, such as `float32`. */
  type: string;
  /** Its shape; a name where the size is open. */
  shape: (number | string)[];
}

/** A model running in a thread of its own. */
export interface Session {
  /** What it takes. */
  inputs: Port[];
  /** What it gives. */
  outputs: Port[];
  /** Runs the model once. Calls may overlap; they are answered in order. `wanted`: the outputs to compute; default all. */
  run: (
    feeds: Readonly<Record<string, Feed>>,
    wanted?: readonly string[],
  ) => Promise<Record<string, Fetched>>;
  /** Ends the thread. */
  close: () => Promise<void>;
}

type Reply =
  | { ready: Pick<Session, 'inputs' | 'outputs'> }
  | { id: number; outputs: Record<string, { data: Float32Array | Uint16Array; shape: number[] }> }
  | { id: number; error: string };

/** Halves as numbers. */
function floats(data: Float32Array | Uint16Array): Float32Array {
  if (data instanceof Float32Array) return data;
  const values = halfTable();
  return Float32Array.from(data, (bits) => values[bits]!);
}

/**
 * Opens an ONNX model in a worker thread.
 *
 * @param model - The model's bytes, or its path.
 * @param options - `threads` inside one run; ONNX Runtime's default is one a core.
 * @throws Error if the model cannot be loaded.
 */
export async function openSession(
  model: Uint8Array | string,
  options: { threads?: number } = {},
): Promise<Session> {
  const worker = new Worker(new URL('./sessionWorker.mjs', import.meta.url), {
    workerData: {
      model,
      options: {
        graphOptimizationLevel: 'all',
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      },
    },
    // The thread needs none of the main program's loaders.
    execArgv: [],
  });
  const waiting = new Map<
    number,
    { resolve: (outputs: Record<string, Fetched>) => void; reject: (error: Error) => void }
  >();
  let next = 0;
  let failure: Error | undefined;
  const ports = await new Promise<Pick<Session, 'inputs' | 'outputs'>>((resolve, reject) => {
    const fail = (error: Error): void => {
      failure = error;
      reject(error);
      for (const entry of waiting.values()) entry.reject(error);
      waiting.clear();
    };
    worker.on('message', (reply: Reply) => {
      if ('ready' in reply) {
        resolve(reply.ready);
        return;
      }
      const entry = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('error' in reply) entry?.reject(new Error(`openSession: the model failed, got ${reply.error}`));
      else
        entry?.resolve(
          Object.fromEntries(
            Object.entries(reply.outputs).map(([name, { data, shape }]) => [
              name,
              { data: floats(data), shape },
            ]),
          ),
        );
    });
    worker.on('error', fail);
    worker.on('exit', () => {
      fail(new Error('openSession: the thread has ended'));
    });
  });
  return {
    ...ports,
    run: (feeds, wanted) =>
      new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, feeds, wanted });
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
