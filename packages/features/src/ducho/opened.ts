/** Something that encodes a batch. */
export interface Opened {
  /** Vectors of the batch, one each. */
  encode: (values: readonly string[]) => Promise<Float32Array[]>;
  /** File of the weights. */
  weights: string;
  /** What else decides the vectors, of the model's own files. */
  settings?: Record<string, unknown>;
  /** What is worth knowing, a sentence each. */
  notes: string[];
  /** Frees it. */
  close: () => Promise<void>;
}
