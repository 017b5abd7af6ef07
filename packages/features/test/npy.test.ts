import { describe, expect, it } from 'vitest';
import { encodeNpy, parseNpy, unpackNpz } from '@ferry/features';
import { parseNpyIds } from '../src/npy.ts';
import { bytesOf, type numpy } from './helpers.ts';

const parse = (name: keyof typeof numpy) => parseNpy(bytesOf(name), 'x.npy');

describe('parseNpy', () => {
  it('reads what numpy wrote', () => {
    expect(parse('f4')).toEqual({
      kind: 'numbers',
      shape: [3, 2],
      data: Float32Array.of(1.5, -2, 0, 3.25, 1e-3, 7),
    });
    expect([...parse('f2').data]).toEqual([
      1.5,
      -2,
      6.097555160522461e-5,
      5.960464477539063e-8,
      65504,
      Infinity,
    ]);
    expect(parse('f8')).toEqual({ kind: 'numbers', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(parse('bigEndian')).toEqual({ kind: 'numbers', shape: [1], data: Float32Array.of(1) });
    expect([...parse('i8').data]).toEqual([-1, 2 ** 40]);
    expect(parse('texts')).toEqual({ kind: 'texts', shape: [3], data: ['ab', 'ü😀c', ''] });
    expect(parse('bytes').data).toEqual(['ab', 'c']);
  });

  it('leaves float32 where it is, and copies what is not aligned', () => {
    const bytes = encodeNpy(Float32Array.of(1, 2, 3), [3]);
    expect(parseNpy(bytes, 'x.npy').data).toHaveProperty('buffer', bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(parseNpy(shifted.subarray(1), 'x.npy').data).toEqual(Float32Array.of(1, 2, 3));
  });

  it('refuses what it cannot read', () => {
    expect(() => parse('objects')).toThrow(/x\.npy: dtype must be .*got '\|O'/);
    expect(() => parseNpy(Uint8Array.of(1, 2, 3), 'x.npy')).toThrow(/must start with/);
    expect(() => parseNpy(bytesOf('f4').subarray(0, 60), 'x.npy')).toThrow(/header is cut off, got 60 bytes/);
    expect(() => parseNpy(bytesOf('f4').subarray(0, -1), 'x.npy')).toThrow(
      /shape \(3, 2\) of '<f4' needs 24 bytes after the header, got 23/,
    );
  });
});

describe('encodeNpy', () => {
  it('writes the very bytes numpy writes', () => {
    expect(encodeNpy(Float32Array.of(1.5, -2, 0, 3.25, 1e-3, 7), [3, 2])).toEqual(bytesOf('f4'));
    expect(() => encodeNpy(Float32Array.of(1), [2])).toThrow(/must hold 1 values, got \(2\)/);
  });
});

describe('unpackNpz', () => {
  it('reads what numpy compressed', async () => {
    const arrays = await unpackNpz(bytesOf('archive'), 'x.npz');
    expect(parseNpy(arrays.get('features')!, 'x.npz')).toEqual({
      kind: 'numbers',
      shape: [3, 2],
      data: Float32Array.of(1, 2, 0, 0, 5, 6),
    });
    expect(parseNpyIds(arrays.get('ids')!, 'x.npz')).toEqual(['c', 'a', 'b']);
    await expect(unpackNpz(bytesOf('f4'), 'x.npz')).rejects.toThrow(
      /x\.npz: a \.npz file must be a whole zip archive/,
    );
  });
});
