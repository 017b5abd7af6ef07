import { foldIntoProducts, reachable } from '../graph/finalize.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import { targetOf } from '../graph/target.ts';
import { allocate, arrayOver, sizeOf, type HostArray, type Node, type Value } from '../graph/types.ts';
import { type DeviceMemory, type Elements, hostTensor, Resident, staysOnDevice } from './deviceMemory.ts';
import type { Program, Runnable } from './executable.ts';
import { explained, refused } from './explain.ts';
import type { Operand } from './hostKernel.ts';
import { HOST_KERNELS } from './hostKernels.ts';
import type { HostMemory } from './memory.ts';
import { loadNative, type NativeModel } from './native.ts';
import type { SessionOptions } from './session.ts';
import { stagesOf, type Stage, type Stages } from './stages.ts';

/**
 * A compiled program on a device: what its sessions are fed and what they find stays there, and crosses to the host when
 * a host kernel, or somebody outside, reads it.
 */
export class DeviceExecutable implements Runnable {
  readonly #program: Program;
  readonly #device: DeviceMemory;
  readonly #memory: HostMemory;
  readonly #stages: Stages;
  readonly #sessions = new Map<Stage, NativeModel>();

  constructor(program: Program, device: DeviceMemory, memory: HostMemory, options: SessionOptions) {
    this.#program = program;
    this.#device = device;
    this.#memory = memory;
    const { nodes, uses } = reachable(program.nodes, program.outputs);
    this.#stages = stagesOf(foldIntoProducts(nodes, uses, targetOf(options.providers)), program.outputs);
    for (const stage of this.#stages.stages)
      if (stage.body.length > 0) this.#sessions.set(stage, this.#load(stage, options));
  }

  #load({ body, reads, writes }: Stage, options: SessionOptions): NativeModel {
    const model = serialize({ nodes: body, inputs: reads, outputs: writes });
    try {
      return loadNative(model, options, writes.filter(staysOnDevice).map(nameOf));
    } catch (error) {
      throw refused(error, this.#program.name);
    }
  }

  /** Frees the native sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
    this.#sessions.clear();
  }

  /** ONNX Runtime sessions that one run calls. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /**
   * Runs the program.
   *
   * @param feeds - One operand for each input.
   * @returns What the outputs are; of an output that a kernel updated in place, its input's array.
   */
  run(feeds: readonly Operand[]): (HostArray | Resident)[] {
    const values = new Map<Value, Operand>(this.#program.inputs.map((value, i) => [value, feeds[i]!]));
    const made: Resident[] = [];
    const keep = (value: Value, from: Elements): Resident => {
      const resident = new Resident(this.#device, value.dtype, from);
      made.push(resident);
      values.set(value, resident);
      return resident;
    };
    try {
      for (const stage of this.#stages.stages) {
        for (const node of stage.host) this.#runHost(node, values, keep);
        const session = this.#sessions.get(stage);
        if (session) this.#runSession(session, stage, values, keep);
      }
      return this.#program.outputs.map((value) => {
        const source = this.#stages.aliases.get(value);
        if (source) return values.get(source)!.array;
        return (values.get(value) as Resident).share();
      });
    } catch (error) {
      throw explained(error, this.#program.name, this.#program.nodes);
    } finally {
      for (const resident of made) resident.release();
    }
  }

  #runHost(node: Node, values: ReadonlyMap<Value, Operand>, keep: Keep): void {
    const operand = (value: Value): Operand =>
      values.get(value) ?? { array: value.constant!, offset: undefined };
    HOST_KERNELS[node.op]!.run(
      this.#memory,
      node,
      node.inputs.map((value) => operand(value!)),
      node.outputs.map((value) => {
        const source = this.#stages.aliases.get(value);
        if (source) return operand(source);
        return keep(value, { array: allocate(value.dtype, sizeOf(value.shape)) });
      }),
    );
  }

  #runSession(session: NativeModel, stage: Stage, values: ReadonlyMap<Value, Operand>, keep: Keep): void {
    const passing: Resident[] = [];
    const read = (value: Value) => {
      if (value.bytesOf) {
        const { buffer, byteOffset } = values.get(value.bytesOf)!.array;
        const array = arrayOver(value.dtype, buffer, byteOffset, sizeOf(value.shape));
        this.#device.count('up', array.byteLength);
        return hostTensor(value.dtype, array, value.shape);
      }
      const operand = values.get(value)!;
      if (operand instanceof Resident) return operand.tensor(value.shape);
      // It may change on the host before it is read again.
      const resident = new Resident(this.#device, value.dtype, { array: operand.array });
      passing.push(resident);
      return resident.tensor(value.shape);
    };
    try {
      const feeds = Object.fromEntries(stage.reads.map((value) => [nameOf(value), read(value)]));
      const fetches = Object.fromEntries(stage.writes.map((value) => [nameOf(value), null]));
      const found = session.run(feeds, fetches);
      for (const value of stage.writes) {
        const tensor = found[nameOf(value)]!;
        if (tensor.location === 'gpu-buffer') {
          keep(value, { tensor, model: session });
          continue;
        }
        const array = tensor.data as HostArray;
        this.#device.count('down', array.byteLength);
        keep(value, { array });
      }
    } finally {
      for (const resident of passing) resident.release();
    }
  }
}

/** Remembers what a value is, until the run ends. */
type Keep = (value: Value, from: Elements) => Resident;
