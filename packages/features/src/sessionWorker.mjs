/**
 * A thread that holds one ONNX Runtime session, so that a long extraction never blocks the main thread. Plain
 * JavaScript: threads do not inherit the TypeScript loader of tsx or vitest.
 *
 * Receives the model's bytes or path as `workerData`, posts `{ ready }` with what it takes and gives, then answers each
 * `{ id, feeds, wanted }` with `{ id, outputs }` or `{ id, error }`. Whole numbers come out as floats, halves as their
 * bits.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const session = await InferenceSession.create(workerData.model, workerData.options);

/** Numbers of a tensor: a copy of floats and halves, other types as floats. */
const numbers = (type, data) =>
  type === 'float32'
    ? data.slice()
    : type === 'float16'
      ? new Uint16Array(data.buffer, data.byteOffset, data.length).slice()
      : Float32Array.from(data, Number);

parentPort.on('message', async ({ id, feeds, wanted }) => {
  try {
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, shape }]) => [name, new Tensor(type, data, shape)]),
    );
    const results = await (wanted ? session.run(tensors, wanted) : session.run(tensors));
    const outputs = Object.fromEntries(
      Object.entries(results).map(([name, { type, data, dims }]) => [
        name,
        { data: numbers(type, data), shape: [...dims] },
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

parentPort.postMessage({ ready: { inputs: session.inputMetadata, outputs: session.outputMetadata } });
