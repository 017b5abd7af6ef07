import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Graph } from '../src/graph/graph.ts';
import { nameOf, serialize } from '../src/graph/onnx.ts';
import { DeviceMemory, hostTensor, Resident, staysOnDevice } from '../src/runtime/deviceMemory.ts';
import { loadNative, type NativeModel } from '../src/runtime/native.ts';

const options = { threads: 1, providers: ['cpu'] };

/** A model that doubles a vector, and its names. */
function doubling(): NativeModel & { run2: (values: number[]) => number[] } {
  const g = new Graph();
  const input = g.input('float32', [-1]);
  const output = g.op('Add', [input, input], 'float32', [-1]);
  const model = loadNative(serialize({ nodes: g.nodes, inputs: [input], outputs: [output] }), options);
  const run2 = (values: number[]): number[] => {
    const feed = hostTensor('float32', Float32Array.from(values), [values.length]);
    const found = model.run({ [nameOf(input)]: feed }, { [nameOf(output)]: null });
    return Array.from(found[nameOf(output)]!.data as Float32Array);
  };
  return { ...model, run2 };
}

describe('a loaded model', () => {
  it('is freed once nothing holds it: results on a device lie in its memory', () => {
    const model = doubling();
    const [first, second] = [model.hold(), model.hold()];
    model.dispose();
    first();
    expect(model.run2([1, 2, 3])).toEqual([2, 4, 6]);
    second();
    expect(() => model.run2([1])).toThrow(/disposed/i);
  });

  it('may be the first thing that a process asks of ONNX Runtime', () => {
    const code = `import { DeviceMemory } from '${join(import.meta.dirname, '../src/runtime/deviceMemory.ts')}';
      const memory = new DeviceMemory({ threads: 1, providers: ['cpu'] });
      console.log([...memory.get('float32', memory.put('float32', Float32Array.of(1, 2)).tensor)].join());`;
    const options = ['--import', 'tsx', '--input-type=module', '--eval', code];
    const { status, stdout } = spawnSync(process.execPath, options, { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1,2\n' });
  });
});

describe('elements on a device', () => {
  it('are numbers and truth values, at least one', () => {
    expect(staysOnDevice({ dtype: 'float32', shape: [2, 3] })).toBe(true);
    expect(staysOnDevice({ dtype: 'bool', shape: [] })).toBe(true);
    expect(staysOnDevice({ dtype: 'float32', shape: [2, 0] })).toBe(false);
    expect(staysOnDevice({ dtype: 'int64', shape: [2] })).toBe(false);
  });

  it('are let go when the last who shares them lets go', () => {
    const memory = new DeviceMemory(options);
    let left = 0;
    const made = {
      tensor: hostTensor('float32', Float32Array.of(4, 5), [2]),
      model: { ...doubling(), hold: () => () => left++ },
    };
    const resident = new Resident(memory, 'float32', made);
    resident.share();
    resident.release();
    expect([left, [...(resident.array as Float32Array)]]).toEqual([0, [4, 5]]);
    resident.release();
    expect(left).toBe(1);
    expect(() => resident.tensor([2])).toThrow('a tensor on the device was released');
    memory.dispose();
  });
});
