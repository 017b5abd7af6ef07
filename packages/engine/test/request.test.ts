import { describe, expect, it } from 'vitest';
import { parseRequest } from '../src/request.ts';

describe('parseRequest', () => {
  it.each([
    // name, options, environment -> backend, provider, threads
    ['auto', {}, {}, 'auto', undefined, undefined],
    ['ort', {}, {}, 'ort', undefined, undefined],
    ['ort:webgpu', {}, {}, 'ort', 'webgpu', undefined],
    ['ort', { provider: 'cuda' }, {}, 'ort', 'cuda', undefined],
    ['ort:cuda', { provider: 'auto' }, {}, 'ort', 'cuda', undefined],
    ['auto', { provider: 'cpu', threads: 3 }, {}, 'ort', 'cpu', 3],
    ['auto', {}, { FERRY_BACKEND: 'wasm' }, 'wasm', undefined, undefined],
    ['auto', {}, { FERRY_BACKEND: ' ort:cuda ', FERRY_THREADS: ' 2 ' }, 'ort', 'cuda', 2],
    ['auto', { provider: 'cuda' }, { FERRY_BACKEND: 'ort:cpu' }, 'ort', 'cpu', undefined],
    ['auto', {}, { FERRY_BACKEND: '', FERRY_THREADS: '' }, 'auto', undefined, undefined],
    ['ort', {}, { FERRY_BACKEND: 'cpu' }, 'ort', undefined, undefined],
    ['ort', { threads: 1 }, { FERRY_THREADS: '8' }, 'ort', undefined, 1],
  ] as const)('reads %j with %j under %j', (name, options, environment, backend, provider, threads) => {
    expect(parseRequest(name, options, environment)).toMatchObject({ backend, provider, threads });
  });

  it('names the environment variable as the one who asked', () => {
    expect(parseRequest('auto', {}, { FERRY_BACKEND: 'cpu' }).asker).toBe('FERRY_BACKEND=cpu');
    expect(parseRequest('cpu', {}, { FERRY_BACKEND: 'ort' }).asker).toBe('selectBackend');
  });

  it.each([
    ['gpu', {}, {}, /^selectBackend: name must be one of auto, ort, tensorflow, wasm, cpu, or .*got 'gpu'$/],
    ['ort:tpu', {}, {}, /^selectBackend: name must be .*got 'ort:tpu'$/],
    ['cpu:cuda', {}, {}, /got 'cpu:cuda'$/],
    ['ort:cpu:2', {}, {}, /got 'ort:cpu:2'$/],
    ['ort', { provider: 'rocm' }, {}, /provider must be one of auto, cpu, cuda, webgpu, got 'rocm'$/],
    ['ort:cpu', { provider: 'cuda' }, {}, /name and provider must agree, got 'ort:cpu' and 'cuda'$/],
    ['wasm', { provider: 'cuda' }, {}, /providers belong to the backend ort, got 'cuda' for wasm$/],
    ['auto', {}, { FERRY_BACKEND: 'Ort' }, /^FERRY_BACKEND must be one of .*got 'Ort'$/],
    ['auto', {}, { FERRY_BACKEND: 'tensorflow:cuda' }, /^FERRY_BACKEND must be .*got 'tensorflow:cuda'$/],
    [
      'auto',
      { provider: 'cuda' },
      { FERRY_BACKEND: 'cpu' },
      /^FERRY_BACKEND=cpu: execution providers belong/,
    ],
    ['ort', {}, { FERRY_THREADS: 'many' }, /^FERRY_THREADS must be a positive integer, got 'many'$/],
    ['ort', {}, { FERRY_THREADS: '0' }, /^FERRY_THREADS must be a positive integer, got '0'$/],
    ['ort', { threads: 1.5 }, {}, /^selectBackend: threads must be a positive integer, got 1.5$/],
  ] as const)('refuses %j with %j under %j', (name, options, environment, message) => {
    expect(() => parseRequest(name, options, environment)).toThrow(message);
  });
});
