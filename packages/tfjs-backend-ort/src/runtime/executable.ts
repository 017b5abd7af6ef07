import { foldIntoProducts, reachable } from '../graph/finalize.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import { targetOf } from '../graph/target.ts';
import {
  allocate,
  arrayOver,
  bytesOf,
  sizeOf,
  type HostArray,
  type Node,
  type Value,
} from '../graph/types.ts';
import type { Resident } from './deviceMemory.ts';
import { explained, refused } from './explain.ts';
import type { HostKernel, Operand } from './hostKernel.ts';
import { HOST_KERNELS } from './hostKernels.ts';
import { HostMemory } from './memory.ts';
import { runtimeFor } from './native.ts';
import type { Runtime, Session, SessionOptions, SessionTensor } from './session.ts';
import { stagesOf, type Stage } from './stages.ts';

/** A graph with the order of what goes in and comes out. */
export interface Program {
  /** For error messages. */
  name: string;
  nodes: readonly Node[];
  inputs: readonly Value[];
  /** Values produced by nodes; each once. */
  outputs: readonly Value[];
}

/** A program that was compiled. */
export interface Runnable {
  /** ONNX Runtime sessions that one run calls. */
  readonly sessions: number;
  /**
   * Runs the program.
   *
   * @param feeds - One operand for each input.
   * @param targets - Arrays to write outputs into, where those lie on the host; without one an output is fresh.
   * @returns The outputs.
   */
  run(
    feeds: readonly Operand[],
    targets?: readonly (HostArray | undefined)[],
  ): readonly (HostArray | Resident)[];
  /** Frees what is native. */
  dispose(): void;
}

/** One session, or one host kernel, in the order of execution. */
type Step =
  | {
      kind: 'session';
      session: Session;
      reads: readonly Value[];
      writes: readonly Value[];
    }
  | { kind: 'host'; node: Node; kernel: HostKernel };

/**
 * A compiled program: ONNX Runtime sessions, cut where a host kernel has to run. What crosses between them lies in the
 * scratch of the host memory, written there by ONNX Runtime directly.
 */
export class Executable implements Runnable {
  readonly #steps: Step[] = [];
  readonly #memory: HostMemory;
  readonly #program: Program;
  readonly #inputs: readonly Value[];
  readonly #outputs: readonly Value[];
  /** Byte offset in the scratch block of each value that crosses, and of each input copied there. */
  readonly #slots = new Map<Value, number>();
  readonly #aliases: ReadonlyMap<Value, Value>;
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
    const nodes = foldIntoProducts(needed, uses, targetOf(options.providers));
    this.#runtime = runtimeFor(options);
    const { stages, crossing, aliases } = stagesOf(nodes, program.outputs);
    this.#aliases = aliases;
    for (const stage of stages) {
      for (const node of stage.host) this.#planHost(node);
      if (stage.body.length > 0) this.#planSession(stage, crossing, program.name);
    }
    // Now and not when it runs: growing the memory would invalidate the views a run is fed with.
    try {
      memory.reserveScratch(this.#scratchBytes);
    } catch (error) {
      this.dispose();
      throw explained(error, program.name, program.nodes);
    }
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
    const written = (value: Value): SessionTensor => {
      if (this.#slots.has(value)) return this.#tensor(value);
      const array = targets[this.#outputs.indexOf(value)] ?? allocate(value.dtype, sizeOf(value.shape));
      fresh.set(value, array);
      return passing(value, array);
    };
    try {
      step.session.run(reads, step.writes.map(written));
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

  #planHost(node: Node): void {
    const kernel = HOST_KERNELS[node.op]!;
    for (const value of node.outputs) if (!this.#aliases.has(value)) this.#reserve(value);
    for (const i of kernel.inMemory) this.#reserve(node.inputs[i]!);
    this.#steps.push({ kind: 'host', node, kernel });
  }

  #planSession({ body, reads, writes }: Stage, crossing: ReadonlySet<Value>, name: string): void {
    for (const value of writes) if (crossing.has(value)) this.#reserve(value);
    const model = serialize({ nodes: leavesLast(body), inputs: reads, outputs: writes });
    try {
      const session = this.#runtime.session(model, {
        inputs: reads.map(nameOf),
        outputs: writes.map(nameOf),
      });
      this.#steps.push({ kind: 'session', session, reads, writes });
    } catch (error) {
      throw refused(error, name);
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
