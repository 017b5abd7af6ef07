import { describe, expect, it } from 'vitest';
import { chooseBackend, type Probes } from '../src/choose.ts';
import { parseRequest } from '../src/request.ts';

/** A machine as the probes see it; `false` of a package: its binding loads but sees no GPU. */
interface Machine {
  gpu?: string;
  cuda?: boolean;
  webgpu?: boolean;
  node?: boolean | Error;
  nodeGpu?: boolean | Error;
}

function probesOf(machine: Machine): Probes {
  const packages = { '@tensorflow/tfjs-node': machine.node, '@tensorflow/tfjs-node-gpu': machine.nodeGpu };
  return {
    gpu: () => machine.gpu,
    installed: (name) =>
      packages[name] === undefined
        ? { usable: false, reason: `${name} is not installed` }
        : { usable: true, reason: '' },
    tensorflowOnGpu: (name) => {
      const found = packages[name];
      if (found instanceof Error) throw found;
      return found === true;
    },
    provider: (name) =>
      name === 'cpu' || machine[name]
        ? { usable: true, reason: '' }
        : { usable: false, reason: `no ${name}: install it` },
  };
}

const choose = (name: string, machine: Machine, environment = {}) =>
  chooseBackend(parseRequest(name, {}, environment), probesOf(machine));

describe('chooseBackend', () => {
  it.each([
    // name, machine -> backend, provider, whether auto fell back, reason
    ['auto', {}, 'ort', 'cpu', true, 'auto: no NVIDIA GPU was found'],
    // It may be a program on the processor.
    ['auto', { webgpu: true }, 'ort', 'cpu', true, 'auto: no NVIDIA GPU was found'],
    [
      'auto',
      { gpu: 'H100' },
      'ort',
      'cpu',
      true,
      'auto: @tensorflow/tfjs-node-gpu is not installed; no cuda: install it',
    ],
    [
      'auto',
      { gpu: 'H100', cuda: true },
      'ort',
      'cuda',
      true,
      'auto: @tensorflow/tfjs-node-gpu is not installed',
    ],
    ['auto', { gpu: 'H100', nodeGpu: true, cuda: true }, 'tensorflow', 'cuda', false, 'auto: H100'],
    [
      'auto',
      { gpu: 'H100', nodeGpu: false, cuda: true },
      'ort',
      'cuda',
      true,
      'auto: @tensorflow/tfjs-node-gpu does not see a GPU that it can use',
    ],
    [
      'auto',
      { gpu: 'H100', nodeGpu: new Error('libcudnn.so.8:\n cannot open') },
      'ort',
      'cpu',
      true,
      'auto: @tensorflow/tfjs-node-gpu does not load: libcudnn.so.8: cannot open; no cuda: install it',
    ],
    // Without a GPU the GPU package is not even loaded, and tfjs-node on the CPU is not what auto wants.
    [
      'auto',
      { nodeGpu: new Error('loaded'), node: false },
      'ort',
      'cpu',
      true,
      'auto: no NVIDIA GPU was found',
    ],
    ['ort', { gpu: 'H100', cuda: true }, 'ort', 'cpu', false, 'asked for by selectBackend'],
    ['ort:auto', { cuda: true }, 'ort', 'cuda', false, 'auto: cuda is usable'],
    ['ort:auto', {}, 'ort', 'cpu', true, 'auto: no cuda: install it'],
    ['ort:cuda', { cuda: true }, 'ort', 'cuda', false, 'asked for by selectBackend'],
    ['ort:webgpu', { webgpu: true }, 'ort', 'webgpu', false, 'asked for by selectBackend'],
    ['tensorflow', { node: false }, 'tensorflow', 'cpu', false, 'asked for by selectBackend'],
    ['tensorflow', { nodeGpu: false }, 'tensorflow', 'cpu', false, 'asked for by selectBackend'],
    ['wasm', {}, 'wasm', 'cpu', false, 'asked for by selectBackend'],
    ['cpu', { gpu: 'H100', nodeGpu: true }, 'cpu', 'cpu', false, 'asked for by selectBackend'],
  ] as const)('takes %s on %j as %s on %s', (name, machine, backend, provider, fellBack, reason) => {
    expect(choose(name, machine)).toMatchObject({ backend, provider, fellBack, reason });
  });

  it('prefers the GPU package for tensorflow only where there is a GPU', () => {
    const both = { node: false, nodeGpu: true };
    expect(choose('tensorflow', both).tensorflow).toBe('@tensorflow/tfjs-node');
    expect(choose('tensorflow', { ...both, gpu: 'H100' }).tensorflow).toBe('@tensorflow/tfjs-node-gpu');
  });

  it.each([
    ['ort:cuda', {}, {}, /^selectBackend: ort:cuda is not available: no cuda: install it$/],
    [
      'auto',
      { FERRY_BACKEND: 'ort:webgpu' },
      {},
      /^FERRY_BACKEND=ort:webgpu: ort:webgpu is not available: no webgpu/,
    ],
    [
      'tensorflow',
      {},
      {},
      /^selectBackend: the tensorflow backend is not available: .*npm install --no-save .*link-libtensorflow/,
    ],
    [
      'tensorflow',
      {},
      { node: new Error('libtensorflow_cc.so.2: cannot open') },
      /tfjs-node does not load: libtensorflow_cc.so.2: cannot open; .*link-libtensorflow/,
    ],
  ] as const)('refuses %s under %j on %j', (name, environment, machine, message) => {
    expect(() => choose(name, machine, environment)).toThrow(message);
  });

  it('gives reasons of one line', () => {
    const machines: Machine[] = [{}, { gpu: 'A' }, { gpu: 'A', nodeGpu: new Error('a\nb\nc') }];
    for (const machine of machines) expect(choose('auto', machine).reason).not.toMatch(/\n/);
  });
});
