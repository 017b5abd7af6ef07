import { createRequire } from 'node:module';

// Required, not imported: for the names of what an import may take, Node.js would read all of TensorFlow.js once more with
// a parser of its own, more than half a second at the start of every process.
export const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
