/**
 * A thread that holds one ONNX Runtime session, so that a long extraction never blocks the main thread. Plain
 * JavaScript: threads do not inherit the TypeScript loader of tsx or vitest.
 *
 * Receives the model's bytes as `workerData`, posts `{ ready }`, then answers each `{ id, feeds }` with
 * `{ id, outputs }` or `{ id, error }`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const session = await InferenceSession.create(workerData.model, workerData.options);

parentPort.on('message', async ({ id, feeds }) => {
  try {
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, shape }]) => [name, new Tensor(type, data, shape)]),
    );
    const results = await session.run(tensors);
    const outputs = Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        { data: data.slice(), shape: [...dims] },
      ]),
    );
    parentPort.postMessage(
      { id, outputs },
      Object.values(outputs).map(({ data }) => data.buffer),
    );
  } catch (error) {
    parentPort.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

parentPort.postMessage({ ready: true });
