/** The part of the ONNX format that names what is computed inside a model. Field numbers are those of onnx.proto3. */

/** A number of as many bytes as it needs, and where the next thing begins. */
function varint(bytes: Uint8Array, from: number): [value: number, next: number] {
  let [value, factor, at] = [0, 1, from];
  for (;;) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError('the model is cut off');
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at];
    factor *= 128;
  }
}

/** The fields of a message: their numbers and, where they are bytes, where these are. */
function* fields(
  bytes: Uint8Array,
  from: number,
  to: number,
): Generator<{ field: number; from: number; to: number }> {
  let at = from;
  while (at < to) {
    const [key, next] = varint(bytes, at);
    const [field, type] = [Math.floor(key / 8), key % 8];
    if (type === 2) {
      const [length, start] = varint(bytes, next);
      yield { field, from: start, to: start + length };
      at = start + length;
    } else if (type === 0) [, at] = varint(bytes, next);
    else at = next + (type === 1 ? 8 : 4);
  }
}

/** What one step of a model computes. */
export interface Step {
  /** The operator, such as GlobalAveragePool. */
  op: string;
  /** Names of what it gives. */
  outputs: string[];
}

/**
 * The steps of a model in the order of the file.
 *
 * @throws RangeError if the bytes are no model.
 */
export function stepsOf(model: Uint8Array): Step[] {
  const text = ({ from, to }: { from: number; to: number }): string =>
    Buffer.from(model.buffer, model.byteOffset + from, to - from).toString('utf8');
  const steps: Step[] = [];
  for (const graph of fields(model, 0, model.length)) {
    if (graph.field !== 7) continue;
    for (const node of fields(model, graph.from, graph.to)) {
      if (node.field !== 1) continue;
      const step: Step = { op: '', outputs: [] };
      for (const part of fields(model, node.from, node.to)) {
        if (part.field === 2) step.outputs.push(text(part));
        if (part.field === 4) step.op = text(part);
      }
      steps.push(step);
    }
  }
  return steps;
}

/** A message that holds one text or message as a field. */
function wrapped(field: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let left = content.length; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left % 128) + 128);
    if (left < 128) break;
  }
  return Uint8Array.of(field * 8 + 2, ...length, ...content);
}

/** The model with one more output: a second graph behind the first, which every reader of the format joins with it. */
export function withOutput(model: Uint8Array, name: string): Uint8Array {
  const graph = wrapped(12, wrapped(1, new TextEncoder().encode(name)));
  return Buffer.concat([model, wrapped(7, graph)]);
}

/** Operators that average over a whole picture or text. */
const averages = new Set(['GlobalAveragePool', 'ReduceMean']);

/**
 * The value inside a model that a layer names: that name; the last value below it, as PyTorch's exporter writes modules
 * (`/layer4/…`, `avgpool` -> `/avgpool/GlobalAveragePool_output_0`); or for `avgpool` the last average.
 *
 * @returns Undefined if there is none.
 */
export function valueOf(layer: string, steps: readonly Step[]): string | undefined {
  const all = steps.flatMap(({ outputs }) => outputs);
  if (all.includes(layer)) return layer;
  const slashed = (name: string): string => `/${name.replaceAll('.', '/')}/`;
  const below = all.filter((name) => slashed(name).includes(slashed(layer))).at(-1);
  if (below !== undefined) return below;
  if (!/^avg_?pool$/.test(layer)) return undefined;
  return steps.filter(({ op }) => averages.has(op)).at(-1)?.outputs[0];
}
