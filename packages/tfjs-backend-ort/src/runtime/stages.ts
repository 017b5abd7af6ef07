import type { Node, Value } from '../graph/types.ts';
import { HOST_KERNELS } from './hostKernels.ts';

/** Host kernels, and the session that runs behind them. */
export interface Stage {
  readonly host: readonly Node[];
  /** Nodes of the session; none, and there is no session. */
  readonly body: readonly Node[];
  /** Values that the session is fed. */
  readonly reads: readonly Value[];
  /** Values that it is asked for. */
  readonly writes: readonly Value[];
}

/** A program cut into sessions, where host kernels have to run. */
export interface Stages {
  readonly stages: readonly Stage[];
  /** Values of sessions that other stages or host kernels read. */
  readonly crossing: ReadonlySet<Value>;
  /** Outputs of host kernels that are the memory of an input: the input. */
  readonly aliases: ReadonlyMap<Value, Value>;
}

/**
 * Cuts a program: host kernels of a stage run before its session.
 *
 * @param nodes - Each after those it reads.
 * @param outputs - Values that the program is asked for.
 * @throws Error if a value that a kernel updates in place is read afterwards, under its old or its new name.
 */
export function stagesOf(nodes: readonly Node[], outputs: readonly Value[]): Stages {
  const { stageOf, last } = numbered(nodes);
  const producer = producers(nodes);
  const crossing = new Set<Value>();
  const aliases = new Map<Value, Value>();
  for (const node of nodes) {
    const stage = stageOf.get(node)!;
    for (const input of node.inputs) {
      const source = input && producer.get(input);
      if (source && source.domain !== 'host' && (node.domain === 'host' || stageOf.get(source) !== stage))
        crossing.add(input);
    }
    if (node.domain === 'host')
      for (const [output, input] of Object.entries(HOST_KERNELS[node.op]!.inPlace ?? {}))
        aliases.set(node.outputs[Number(output)]!, node.inputs[input]!);
  }
  const asked = new Set(outputs);
  const stages = Array.from({ length: last + 1 }, (_, stage): Stage => {
    const members = nodes.filter((node) => stageOf.get(node) === stage);
    const body = members.filter(({ domain }) => domain !== 'host');
    const inside = new Set(body.flatMap((node) => node.outputs));
    const reads = new Set<Value>();
    for (const node of body)
      for (const input of node.inputs) if (input && !input.constant && !inside.has(input)) reads.add(input);
    return {
      host: members.filter(({ domain }) => domain === 'host'),
      body,
      reads: [...reads],
      writes: [...inside].filter((value) => crossing.has(value) || asked.has(value)),
    };
  });
  checkInPlace(nodes, stageOf, aliases);
  return { stages, crossing, aliases };
}

function producers(nodes: readonly Node[]): Map<Value, Node> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}

/** The stage of each node: behind the stages of what it reads, and of who reads what it updates in place. */
function numbered(nodes: readonly Node[]): { stageOf: ReadonlyMap<Node, number>; last: number } {
  const stageOf = new Map<Node, number>();
  const producer = new Map<Value, Node>();
  /** The first stage in which a value may be overwritten. */
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
    if (node.domain === 'host')
      for (const i of Object.values(HOST_KERNELS[node.op]?.inPlace ?? {}))
        stage = Math.max(stage, freeFrom.get(node.inputs[i]!) ?? 0);
    stageOf.set(node, stage);
    for (const input of node.inputs)
      if (input)
        freeFrom.set(input, Math.max(freeFrom.get(input) ?? 0, node.domain === 'host' ? stage : stage + 1));
    for (const output of node.outputs) producer.set(output, node);
    last = Math.max(last, stage);
  }
  return { stageOf, last };
}

/** A value that a kernel updates in place must not be read afterwards under its old or its new name. */
function checkInPlace(
  nodes: readonly Node[],
  stageOf: ReadonlyMap<Node, number>,
  aliases: ReadonlyMap<Value, Value>,
): void {
  const producer = producers(nodes);
  const updated = new Map<Value, number>();
  for (const [output, input] of aliases) {
    const stage = stageOf.get(producer.get(output)!)!;
    updated.set(output, stage);
    updated.set(input, stage);
  }
  for (const node of nodes)
    for (const input of node.inputs) {
      if (!input) continue;
      const stage = updated.get(input);
      const own = node.outputs.some((output) => aliases.get(output) === input);
      if (stage !== undefined && !own && (stageOf.get(node)! >= stage || aliases.has(input)))
        throw new Error(
          `tfjs-backend-ort: ${node.origin} reads a parameter after adamUpdate changed it in the same compiled step: ` +
            'compute everything from the parameters first and update last',
        );
    }
}
