import { foldIntoProducts, reachable } from '../graph/finalize.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import {
  allocate,
  arrayOver,
  bytesOf,
  sizeOf,
  type HostArray,
  type Node,
  type Value,
} from '../graph/types.ts';
import { explained } from './explain.ts';
import type { HostKernel, Operand } from './hostKernel.ts';
import { HOST_KERNELS } from './hostKernels.ts';
import { HostMemory } from './memory.ts';
import { runtimeFor } from './native.ts';
import type { Runtime, Session, SessionOptions, SessionTensor } from './session.ts';

/** A graph with the order of what goes in and comes out. */
export interface Program {
  /** For error messages. */
  name: string;
  nodes: readonly Node[];
  inputs: readonly Value[];
  /** Values produced by nodes; each once. */
  outputs: readonly Value[];
}

/** One session, or one host kernel, in the order of execution. */
type Step =
  | {
      kind: 'session';
      session: Session;
      reads: Value[];
      writes: Value[];
    }
  | { kind: 'host'; node: Node; kernel: HostKernel };

/**
 * A compiled program: ONNX Runtime sessions, cut where a host kernel has to run. What crosses between them lies in the
 * scratch of the host memory, written there by ONNX Runtime directly.
 */
export class Executable {
  readonly #steps: Step[] = [];
  readonly #memory: HostMemory;
  readonly #program: Program;
  readonly #inputs: readonly Value[];
  readonly #outputs: readonly Value[];
  /** Byte offset in the scratch block of each value that crosses, and of each input copied there. */
  readonly #slots = new Map<Value, number>();
  readonly #aliases = new Map<Value, Value>();
  #scratchBytes = 0;
  #generation = -1;
  readonly #operands = new Map<Value, Operand>();
  readonly #tensors = new Map<Value, SessionTensor>();
  readonly #runtime: Runtime;

  constructor(program: Program, memory: HostMemory, options: SessionOptions) {
    this.#memory = memory;
    this.#program = program;
    this.#inputs = program.inputs;
    this.#outputs = program.outputs;
    const { nodes: needed, uses } = reachable(program.nodes, program.outputs);
    const nodes = foldIntoProducts(needed, uses);
    this.#runtime = runtimeFor(options);
    this.#plan(nodes, program.name);
    // Now and not when it runs: growing the memory would invalidate the views a run is fed with.
    memory.reserveScratch(this.#scratchBytes);
  }

  /** Frees the native sessions. */
  dispose(): void {
    for (const step of this.#steps) if (step.kind === 'session') step.session.dispose();
    this.#steps.length = 0;
    this.#forget(...this.#tensors.keys());
  }

  /** ONNX Runtime sessions that one run calls. */
  get sessions(): number {
    return this.#steps.filter((step) => step.kind === 'session').length;
  }

  /**
   * Runs the program.
   *
   * @param feeds - One operand for each input.
   * @param targets - Arrays to write outputs into; without one an output is a fresh array.
   * @returns The arrays of the outputs; for an output that a kernel updated in place, its input's.
   */
  run(feeds: readonly Operand[], targets: readonly (HostArray | undefined)[] = []): HostArray[] {
    this.#refresh();
    this.#inputs.forEach((value, i) => {
      const feed = feeds[i]!;
      const known = this.#operands.get(value);
      if (known?.array !== feed.array) this.#forget(value);
      this.#operands.set(value, feed);
    });
    const fresh = new Map<Value, HostArray>();
    for (const step of this.#steps) {
      if (step.kind === 'host') this.#runHost(step.node, step.kernel);
      else this.#runSession(step, fresh, targets);
    }
    const results = this.#outputs.map((value, i) => {
      const array = fresh.get(value);
      if (array) return array;
      const source = this.#aliases.get(value);
      if (source) return this.#operand(source).array;
      const kept = this.#operand(value).array;
      const target = targets[i];
      if (!target) return kept.slice();
      (target as Float32Array).set(kept as Float32Array);
      return target;
    });
    // Arguments are not kept alive between runs; state is, with its tensors.
    this.#inputs.forEach((value, i) => {
      if (feeds[i]!.offset !== undefined) return;
      this.#operands.delete(value);
      this.#forget(value);
    });
    return results;
  }

  /** Frees views. */
  #forget(...values: Value[]): void {
    for (const value of values) {
      this.#tensors.get(value)?.dispose();
      this.#tensors.delete(value);
    }
  }

  #runHost(node: Node, kernel: HostKernel): void {
    const inputs = node.inputs.map((value, i) => {
      const operand = this.#operand(value!);
      if (!kernel.inMemory.includes(i) || operand.offset !== undefined || !this.#memory.scratch.inMemory)
        return operand;
      const copy = this.#scratchOperand(value!);
      (copy.array as Float32Array).set(operand.array as Float32Array);
      return copy;
    });
    kernel.run(
      this.#memory,
      node,
      inputs,
      node.outputs.map((value) => this.#operand(this.#aliases.get(value) ?? value)),
    );
  }

  #runSession(
    step: Extract<Step, { kind: 'session' }>,
    fresh: Map<Value, HostArray>,
    targets: readonly (HostArray | undefined)[],
  ): void {
    const own: SessionTensor[] = [];
    const passing = ({ dtype, shape }: Value, array: HostArray): SessionTensor => {
      const tensor = this.#runtime.tensor(dtype, array, shape);
      own.push(tensor);
      return tensor;
    };
    const reads = step.reads.map((value) => {
      if (!value.bytesOf) return this.#tensor(value);
      const { buffer, byteOffset } = this.#operand(value.bytesOf).array;
      return passing(value, arrayOver(value.dtype, buffer, byteOffset, sizeOf(value.shape)));
    });
    const writes = step.writes.map((value) => {
      if (this.#slots.has(value)) return this.#tensor(value);
      const array = targets[this.#outputs.indexOf(value)] ?? allocate(value.dtype, sizeOf(value.shape));
      fresh.set(value, array);
      return passing(value, array);
    });
    try {
      step.session.run(reads, writes);
    } catch (error) {
      throw explained(error, this.#program.name, this.#program.nodes);
    } finally {
      for (const tensor of own) tensor.dispose();
    }
  }

  /** Views are made anew after the memory grew or moved. */
  #refresh(): void {
    if (this.#generation === this.#memory.generation) return;
    this.#generation = this.#memory.generation;
    this.#operands.clear();
    this.#forget(...this.#tensors.keys());
  }

  #operand(value: Value): Operand {
    let operand = this.#operands.get(value);
    if (!operand) {
      operand = value.constant ? { array: value.constant, offset: undefined } : this.#scratchOperand(value);
      this.#operands.set(value, operand);
    }
    return operand;
  }

  #scratchOperand(value: Value): Operand {
    const slot = this.#slots.get(value);
    if (slot === undefined) throw new Error(`tfjs-backend-ort: no slot for v${value.id}`);
    const { buffer, inMemory, offset: base } = this.#memory.scratch;
    const offset = base + slot;
    const size = sizeOf(value.shape);
    const array = arrayOver(value.dtype, buffer, offset, size);
    return { array, offset: inMemory ? offset : undefined };
  }

  #tensor(value: Value): SessionTensor {
    let tensor = this.#tensors.get(value);
    if (!tensor) {
      tensor = this.#runtime.tensor(value.dtype, this.#operand(value).array, value.shape);
      this.#tensors.set(value, tensor);
    }
    return tensor;
  }

  #reserve(value: Value): void {
    if (this.#slots.has(value)) return;
    this.#slots.set(value, this.#scratchBytes);
    // 128 bytes more than the elements: kernels write whole groups of 32 floats.
    this.#scratchBytes += HostMemory.padded(sizeOf(value.shape) * bytesOf(value.dtype) + 128);
  }

  /** Cuts the nodes into sessions and host kernels, and finds what crosses. */
  #plan(nodes: readonly Node[], name: string): void {
    const stageOf = new Map<Node, number>();
    const producer = new Map<Value, Node>();
    /** The first stage in which a value may be overwritten: host kernels of a stage run before its session. */
    const freeFrom = new Map<Value, number>();
    let last = 0;
    for (const node of nodes) {
      let stage = 0;
      for (const input of node.inputs) {
        const source = input && producer.get(input);
        if (!source) continue;
        const crossing = node.domain === 'host' && source.domain !== 'host' ? 1 : 0;
        stage = Math.max(stage, stageOf.get(source)! + crossing);
      }
      for (const i of Object.values(HOST_KERNELS[node.op]?.inPlace ?? {}))
        if (node.domain === 'host') stage = Math.max(stage, freeFrom.get(node.inputs[i]!) ?? 0);
      stageOf.set(node, stage);
      for (const input of node.inputs)
        if (input)
          freeFrom.set(input, Math.max(freeFrom.get(input) ?? 0, node.domain === 'host' ? stage : stage + 1));
      for (const output of node.outputs) producer.set(output, node);
      last = Math.max(last, stage);
    }
    const outputs = new Set(this.#outputs);
    const crossing = new Set<Value>();
    for (const node of nodes) {
      const stage = stageOf.get(node)!;
      for (const input of node.inputs) {
        const source = input && producer.get(input);
        if (source && source.domain !== 'host' && (node.domain === 'host' || stageOf.get(source) !== stage))
          crossing.add(input);
      }
    }
    for (let stage = 0; stage <= last; stage++) {
      const members = nodes.filter((node) => stageOf.get(node) === stage);
      for (const node of members) if (node.domain === 'host') this.#planHost(node);
      const body = members.filter((node) => node.domain !== 'host');
      if (body.length > 0) this.#planSession(body, crossing, outputs, name);
    }
    this.#checkInPlace(nodes, stageOf);
  }

  #planHost(node: Node): void {
    const kernel = HOST_KERNELS[node.op]!;
    node.outputs.forEach((value, i) => {
      const source = kernel.inPlace?.[i];
      if (source === undefined) this.#reserve(value);
      else this.#aliases.set(value, node.inputs[source]!);
    });
    for (const i of kernel.inMemory) this.#reserve(node.inputs[i]!);
    this.#steps.push({ kind: 'host', node, kernel });
  }

  #planSession(
    body: readonly Node[],
    crossing: ReadonlySet<Value>,
    outputs: ReadonlySet<Value>,
    name: string,
  ): void {
    const inside = new Set(body.flatMap((node) => node.outputs));
    const reads = new Set<Value>();
    for (const node of body)
      for (const input of node.inputs) if (input && !input.constant && !inside.has(input)) reads.add(input);
    const writes = [...inside].filter((value) => crossing.has(value) || outputs.has(value));
    for (const value of writes) if (crossing.has(value)) this.#reserve(value);
    const model = serialize({ nodes: leavesLast(body), inputs: [...reads], outputs: writes });
    let session: Session;
    try {
      session = this.#runtime.session(model, {
        inputs: [...reads].map(nameOf),
        outputs: writes.map(nameOf),
      });
    } catch (error) {
      throw new Error(
        `tfjs-backend-ort: ONNX Runtime refused the graph of '${name}': ` +
          (error instanceof Error ? error.message : String(error)),
        { cause: error },
      );
    }
    this.#steps.push({ kind: 'session', session, reads: [...reads], writes });
  }

  /** A value that a kernel updates in place must not be read afterwards under its old or its new name. */
  #checkInPlace(nodes: readonly Node[], stageOf: ReadonlyMap<Node, number>): void {
    const updated = new Map<Value, number>();
    for (const [output, input] of this.#aliases) {
      const node = nodes.find((n) => n.outputs.includes(output))!;
      updated.set(output, stageOf.get(node)!);
      updated.set(input, stageOf.get(node)!);
    }
    for (const node of nodes)
      for (const input of node.inputs) {
        if (!input) continue;
        const stage = updated.get(input);
        const own = node.outputs.some((output) => this.#aliases.get(output) === input);
        if (stage !== undefined && !own && (stageOf.get(node)! >= stage || this.#aliases.has(input)))
          throw new Error(
            `tfjs-backend-ort: ${node.origin} reads a parameter after adamUpdate changed it in the same compiled step: ` +
              'compute everything from the parameters first and update last',
          );
      }
  }
}

/**
 * The nodes that no other reads, moved to the end and turned round. ONNX Runtime runs what the last of them needs
 * first; this way the gradient of a weight is computed as soon as its inputs are there, and they are freed at once.
 */
function leavesLast(nodes: readonly Node[]): Node[] {
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const isLeaf = (node: Node): boolean => node.outputs.every((output) => !read.has(output));
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).reverse()];
}
