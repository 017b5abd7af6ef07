import { existsSync, readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readPickle, readStateDict } from '../src/index.ts';

const read = (name: string): Uint8Array => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));

/** A zip with the given pickle, as torch.save lays it out. */
const archive = (pickle: Uint8Array, more: Record<string, Uint8Array> = {}): Uint8Array =>
  zipSync({ 'x/data.pkl': pickle, ...more }, { level: 0 });

describe('readStateDict', () => {
  it('reads every element type, views and scalars', () => {
    const state = readStateDict(read('dtypes.pth'), 'dtypes.pth');
    const values = (name: string) => [...(state.get(name)!.data as Iterable<number>)];
    expect(values('half')).toEqual([1.5, -2, 65504]);
    expect(values('bfloat')).toEqual([1, -3.5, 256]);
    expect(values('double')).toEqual([0.1, 1e-300]);
    expect(values('int64')).toEqual([1n, -(2n ** 40n)]);
    expect(values('int32')).toEqual([7, -7]);
    expect(state.get('int32')!.shape).toEqual([2, 1]);
    expect(values('uint8')).toEqual([0, 255]);
    expect(values('bool')).toEqual([1, 0, 1]);
    expect(values('transposed')).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    expect(state.get('transposed')!.shape).toEqual([4, 3]);
    expect(values('row')).toEqual([4, 5, 6, 7]);
    expect(state.get('scalar')).toEqual({ dtype: 'float32', shape: [], data: Float32Array.of(3.25) });
    expect(state.get('empty')!.shape).toEqual([0, 3]);
    expect(values('parameter')).toEqual([2]);
  });

  it('runs nothing: a hostile object outside the state dict is inert, inside it is refused by name', () => {
    expect([...readStateDict(read('unlucky-config.pth'), 'a.pth').keys()]).toEqual(['x']);
    expect(() => readStateDict(read('unlucky-state.pth'), 'b.pth')).toThrow(
      /b\.pth: entry "y" of state_dict must be a tensor, got an object made by posix\.system/,
    );
    expect(existsSync('FERRY_WAS_HERE')).toBe(false);
  });

  it('refuses what is no archive, is cut short or unpacks to too much', () => {
    const whole = read('dtypes.pth');
    expect(() => readStateDict(Uint8Array.of(1, 2, 3, 4, 5), 'c.pth')).toThrow(
      /c\.pth: a zip archive is needed/,
    );
    for (const length of [whole.length - 1, whole.length >> 1, 100])
      expect(() => readStateDict(whole.subarray(0, length), 'd.pth'), String(length)).toThrow(
        /openArchive: d\.pth/,
      );
    expect(() => readStateDict(whole, 'e.pth', { maxBytes: 1000 })).toThrow(/more than 1000 bytes/);
    const bomb = zipSync({ 'x/data.pkl': new Uint8Array(4_000_000) }, { level: 9 });
    expect(() => readStateDict(bomb, 'f.pth', { maxRatio: 100 })).toThrow(/more than 100 times/);
    expect(() => readStateDict(zipSync({ 'x/other': Uint8Array.of(1) }), 'g.pth')).toThrow(
      /no <name>\/data\.pkl/,
    );
    expect(() => readStateDict(archive(Uint8Array.of(0x80, 2, 0x7d, 0x2e)), 'h.pth')).toThrow(
      /"state_dict" is needed/,
    );
  });

  it('refuses storages that are missing, short, or smaller than a view of them', () => {
    const text = new TextEncoder();
    const short = (s: string) => [0x58, s.length, 0, 0, 0, ...text.encode(s)];
    const global = (s: string) => [0x63, ...text.encode(`${s.replace(':', '\n')}\n`)];
    // {'state_dict': {'w': _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', 2), 0, (size,), (stride,), False, OrderedDict())}}
    const pickle = (size: number, stride: number, type = 'FloatStorage') =>
      Uint8Array.from([
        0x80, 2, 0x7d, ...short('state_dict'), 0x7d, ...short('w'),
        ...global('torch._utils:_rebuild_tensor_v2'), 0x28, 0x28, ...short('storage'), ...global(`torch:${type}`),
        ...short('0'), ...short('cpu'), 0x4b, 2, 0x74, 0x51, 0x4b, 0, 0x4b, size, 0x85, 0x4b, stride, 0x85, 0x89,
        ...global('collections:OrderedDict'), 0x29, 0x52, 0x74, 0x52, 0x73, 0x73, 0x2e,
      ]); // prettier-ignore
    const eight = Uint8Array.from(new Uint8Array(Float32Array.of(1, 2).buffer));
    const state = readStateDict(archive(pickle(2, 1), { 'x/data/0': eight }), 'i.pth');
    expect([...(state.get('w')!.data as Float32Array)]).toEqual([1, 2]);
    expect(() => readStateDict(archive(pickle(2, 1)), 'i.pth')).toThrow(/storage data\/0 is missing/);
    expect(() => readStateDict(archive(pickle(2, 1), { 'x/data/0': eight.subarray(4) }), 'i.pth')).toThrow(
      /must have 2 elements of 4 bytes, got 4 bytes/,
    );
    expect(() => readStateDict(archive(pickle(3, 1), { 'x/data/0': eight }), 'i.pth')).toThrow(
      /reaches element 2 of a storage of 2/,
    );
    expect(() =>
      readStateDict(archive(pickle(2, 1, 'ComplexFloatStorage'), { 'x/data/0': eight }), 'i.pth'),
    ).toThrow(/elements of type ComplexFloatStorage are not supported/);
    // a stride of 0 may repeat an element, but not more often than the limit allows
    expect(() =>
      readStateDict(archive(pickle(255, 0), { 'x/data/0': eight }), 'i.pth', { maxBytes: 900 }),
    ).toThrow(/exceeds the size limit/);
  });
});

describe('readPickle', () => {
  it('refuses other opcodes, empty stacks and endless lengths', () => {
    const bytes = (...values: number[]) => Uint8Array.from(values);
    expect(() => readPickle(bytes(0x80, 2, 0x82, 1, 0x2e), 'p')).toThrow(/p, byte 3: opcode 0x82/); // EXT1
    expect(() => readPickle(bytes(0x80, 9), 'p')).toThrow(/protocol 9/);
    expect(() => readPickle(bytes(0x52, 0x2e), 'p')).toThrow(/nothing on the stack/);
    expect(() => readPickle(bytes(0x58, 255, 255, 255, 255, 65), 'p')).toThrow(/truncated/);
    expect(() => readPickle(bytes(0x4e), 'p')).toThrow(/truncated/);
    expect(() => readPickle(bytes(0x68, 3, 0x2e), 'p')).toThrow(/memo 3/);
  });

  it('leaves the prototypes of this program alone', () => {
    const text = new TextEncoder().encode('__proto__');
    // {'__proto__': {'polluted': True}}
    const polluted = new TextEncoder().encode('polluted');
    const value = readPickle(
      Uint8Array.from([0x7d, 0x55, 9, ...text, 0x7d, 0x55, 8, ...polluted, 0x88, 0x73, 0x73, 0x2e]),
      'p',
    );
    expect(value).toBeInstanceOf(Map);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
