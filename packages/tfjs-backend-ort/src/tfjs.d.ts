import * as tf from '@tensorflow/tfjs';

/** TensorFlow.js. */
export { tf };
