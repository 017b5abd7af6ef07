import { Worker } from 'node:worker_threads';

/** A tensor fed to a session. */
export interface Feed {
  /** Element type. */
  type: 'float32' | 'int64';
  /** Values, C order. */
  data: Float32Array | BigInt64Array;
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

/** A model running in a thread of its own. */
export interface Session {
  /** Runs the model once. Calls may overlap; they are answered in order. */
  run: (feeds: Readonly<Record<string, Feed>>) => Promise<Record<string, Fetched>>;
  /** Ends the thread. */
  close: () => Promise<void>;
}

type Reply =
  { ready: true } | { id: number; outputs: Record<string, Fetched> } | { id: number; error: string };

/**
 * Opens an ONNX model in a worker thread.
 *
 * @param model - The model's bytes.
 * @param options - `threads` inside one run; ONNX Runtime's default is one a core.
 * @throws Error if the model cannot be loaded.
 */
export async function openSession(model: Uint8Array, options: { threads?: number } = {}): Promise<Session> {
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
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      failure = error;
      reject(error);
      for (const entry of waiting.values()) entry.reject(error);
      waiting.clear();
    };
    worker.on('message', (reply: Reply) => {
      if ('ready' in reply) {
        resolve();
        return;
      }
      const entry = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('error' in reply) entry?.reject(new Error(`openSession: the model failed, got ${reply.error}`));
      else entry?.resolve(reply.outputs);
    });
    worker.on('error', fail);
    worker.on('exit', () => {
      fail(new Error('openSession: the thread has ended'));
    });
  });
  return {
    run: (feeds) =>
      new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, feeds });
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
