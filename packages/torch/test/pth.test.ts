import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readPickle, readStateDict } from '../src/index.ts';

const read = (name: string): Uint8Array => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));

/** A zip with the given pickle, as torch.save lays it out. */
const archive = (pickle: Uint8Array, more: Record<string, Uint8Array> = {}): Uint8Array =>
  zipSync({ 'x/data.pkl': pickle, ...more }, { level: 0 });

const encoder = new TextEncoder();
const short = (s: string): number[] => [0x58, s.length, 0, 0, 0, ...encoder.encode(s)];
const global = (s: string): number[] => [0x63, ...encoder.encode(`${s.replace(':', '\n')}\n`)];
/** LONG1 of eight bytes. */
const long = (value: number): number[] => [
  0x8a,
  8,
  ...new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
];
const tuple = (values: readonly number[]): number[] => [0x28, ...values.flatMap(long), 0x74];

interface Odd {
  type?: string;
  name?: string;
  shape?: readonly number[];
  strides?: number[];
  /** First element in the storage. */
  offset?: number;
  /** A second tensor of that name. */
  more?: string;
  moreShape?: readonly number[];
}

/**
 * {'state_dict': {'w': _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', 2), 0, (size,), (stride,), False,
 * OrderedDict())}}
 */
function pickle(size: number, stride: number, odd: Odd = {}): Uint8Array {
  const { type = 'FloatStorage', name = 'w', shape = [size], more, moreShape = [2], offset = 0 } = odd;
  const tensor = (sizes: readonly number[], strides = sizes.map(() => stride)): number[] => [
    ...global('torch._utils:_rebuild_tensor_v2'), 0x28, 0x28, ...short('storage'), ...global(`torch:${type}`),
    ...short('0'), ...short('cpu'), 0x4b, 2, 0x74, 0x51, 0x4b, offset, ...tuple(sizes), ...tuple(strides), 0x89,
    ...global('collections:OrderedDict'), 0x29, 0x52, 0x74, 0x52,
  ]; // prettier-ignore
  return Uint8Array.from([
    0x80, 2, 0x7d, ...short('state_dict'), 0x7d, ...short(name), ...tensor(shape, odd.strides), 0x73,
    ...(more === undefined ? [] : [...short(more), ...tensor(moreShape), 0x73]), 0x73, 0x2e,
  ]); // prettier-ignore
}

const eight = Uint8Array.from(new Uint8Array(Float32Array.of(1, 2).buffer));

/** Reads a file that may be anything: an error must be one of ours, tensors must keep to the limit. */
function outcome(bytes: Uint8Array): void {
  let state: ReturnType<typeof readStateDict>;
  try {
    state = readStateDict(bytes, 'any.pth', { maxBytes: 1e5 });
  } catch (error) {
    expect((error as Error).message).toMatch(/any\.pth/);
    return;
  }
  let total = 0;
  for (const { data, shape } of state.values()) {
    total += data.byteLength;
    expect(data).toHaveLength(shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1));
  }
  expect(total).toBeLessThanOrEqual(1e5);
}

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

  it('reads what half precision may hold besides: infinities, NaN, the smallest numbers, minus zero', () => {
    const state = readStateDict(read('specials.pth'), 'specials.pth');
    const wanted = [Infinity, -Infinity, NaN, 2 ** -24, -3 * 2 ** -24, 2 ** -14, -0];
    for (const name of ['half', 'bfloat']) expect([...state.get(name)!.data], name).toEqual(wanted);
  });

  it('runs nothing: a hostile object outside the state dict is inert, inside it is refused by name', () => {
    expect([...readStateDict(read('unlucky-config.pth'), 'a.pth').keys()]).toEqual(['x']);
    expect(() => readStateDict(read('unlucky-state.pth'), 'b.pth')).toThrow(
      /b\.pth: entry "y" of the weights must be a tensor, got an object made by posix\.system/,
    );
    expect(existsSync('FERRY_WAS_HERE')).toBe(false);
  });

  it('refuses what is no archive, is cut short or unpacks to too much', () => {
    const whole = read('dtypes.pth');
    expect(() => readStateDict(Uint8Array.of(1, 2, 3, 4, 5), 'c.pth')).toThrow(
      /c\.pth: a file of torch\.save is needed/,
    );
    for (const length of [whole.length - 1, whole.length >> 1, 100])
      expect(() => readStateDict(whole.subarray(0, length), 'd.pth'), String(length)).toThrow(
        /openArchive: d\.pth/,
      );
    expect(() => readStateDict(whole, 'e.pth', { maxBytes: 1000 })).toThrow(/more than 1000 bytes/);
    const bomb = zipSync({ 'x/data.pkl': new Uint8Array(4_000_000) }, { level: 9 });
    expect(() => readStateDict(bomb, 'f.pth')).toThrow(/f\.pth: entry x\/data\.pkl is compressed/);
    expect(() => readStateDict(zipSync({ 'x/other': Uint8Array.of(1) }, { level: 0 }), 'g.pth')).toThrow(
      /no <name>\/data\.pkl/,
    );
    expect(() => readStateDict(archive(Uint8Array.of(0x80, 2, 0x7d, 0x2e)), 'h.pth')).toThrow(
      /h\.pth: weights are needed: .* "state_dict" .* got a container with the entries none/,
    );
  });

  it('reads the form from before PyTorch 1.6 and a bare state dict as the same tensors', () => {
    const state = readStateDict(read('dtypes.pth'), 'dtypes.pth');
    expect(readStateDict(read('legacy.pth'), 'legacy.pth')).toEqual(state);
    expect(readStateDict(read('bare.pth'), 'bare.pth')).toEqual(state);
  });

  it('leaves out what wrappers put in front of every name, and only then', () => {
    const state = readStateDict(read('wrapped.pth'), 'wrapped.pth');
    expect([...state.keys()]).toEqual(['a.weight', 'b']);
    expect([...state.get('a.weight')!.data]).toEqual([1.5, -2, 65504]);
    expect(
      readStateDict(archive(pickle(2, 1, { name: 'module.w', more: 'x' }), { 'x/data/0': eight }), 'm').size,
    ).toBe(2);
    expect([
      ...readStateDict(
        archive(pickle(2, 1, { name: 'module.w', more: 'x' }), { 'x/data/0': eight }),
        'm',
      ).keys(),
    ]).toEqual(['module.w', 'x']);
  });

  it('says of a whole model what to save instead', () => {
    expect(() => readStateDict(read('model.pth'), 'model.pth')).toThrow(
      /model\.pth: it holds an object made by torch\.nn\.modules\.linear\.Linear, a whole model.*model\.state_dict\(\)/,
    );
  });

  it('refuses a file of the older form that is cut short anywhere, in words', () => {
    const whole = read('legacy.pth');
    for (let length = 15; length < whole.length; length += 7)
      expect(() => readStateDict(whole.subarray(0, length), 'cut.pth'), String(length)).toThrow(/cut\.pth/);
  });

  it('refuses shapes too large to be counted, dimensions without end, and storages of such sizes', () => {
    const huge = (shape: number[]) => archive(pickle(0, 1, { shape }), { 'x/data/0': eight });
    const refused = (shape: number[], limits = {}) =>
      expect(() => readStateDict(huge(shape), 'j.pth', limits));
    refused([2 ** 52, 2 ** 52, 2 ** 52]).toThrow(/exceeds the size limit/);
    refused(Array.from({ length: 25 }, () => 2 ** 52)).toThrow(/exceeds the size limit/);
    refused(Array.from({ length: 65 }, () => 1)).toThrow(
      /j\.pth, byte \d+: a tensor has 65 dimensions, at most 64/,
    );
    refused([1], { maxBytes: NaN }).toThrow(/maxBytes must be a number/);
    // An empty tensor before a large one must not make the budget NaN.
    const empty = readStateDict(huge([...Array.from({ length: 25 }, () => 2 ** 52), 0]), 'k.pth');
    expect(empty.get('w')!.data).toHaveLength(0);
    const after = pickle(0, 1, {
      shape: [...Array.from({ length: 25 }, () => 2 ** 52), 0],
      more: 'v',
      moreShape: [300_000_000],
    });
    expect(() => readStateDict(archive(after, { 'x/data/0': eight }), 'l.pth', { maxBytes: 1e6 })).toThrow(
      /l\.pth: entry "v": shape \[300000000\] exceeds the size limit of 1000000 bytes/,
    );
    // By default no file becomes much more than it is.
    refused([3_000_000]).toThrow(/exceeds the size limit/);
  });

  it('takes no longer for one list that is the shape of many tensors, nor for a name of many wrappers', () => {
    // A tuple of 20,000 dimensions in memo 0, and 20,000 tensors of that shape: 400 million numbers if each were looked at.
    const many = 20_000;
    const shape = [0x28, ...Array.from({ length: many }, () => [0x4b, 1]).flat(), 0x74, 0x71, 0, 0x30];
    const callee = [...global('torch._utils:_rebuild_tensor_v2'), 0x71, 1, 0x30];
    const storage = [
      0x28, ...short('storage'), ...global('torch:FloatStorage'), ...short('0'), ...short('cpu'), 0x4b, 2, 0x74, 0x51, 0x71, 2, 0x30,
    ]; // prettier-ignore
    const tensor = [0x68, 1, 0x28, 0x68, 2, 0x4b, 0, 0x68, 0, 0x68, 0, 0x74, 0x52, 0x30];
    const bytes = [
      0x80,
      2,
      ...shape,
      ...callee,
      ...storage,
      ...Array.from({ length: many }, () => tensor).flat(),
      0x7d,
      0x2e,
    ];
    expect(() => readPickle(Uint8Array.from(bytes), 'many')).toThrow(
      /many, byte \d+: a tensor has 20000 dimensions/,
    );

    const deep = 'module.'.repeat(40_000);
    const text = encoder.encode(`${deep}w`);
    const long = [0x58, ...new Uint8Array(Uint32Array.of(text.length).buffer), ...text];
    const one = [...pickle(2, 1)];
    const at = one.findIndex((byte, i) => byte === 0x58 && one[i + 1] === 1 && one[i + 5] === 0x77);
    const wrapped = Uint8Array.from([...one.slice(0, at), ...long, ...one.slice(at + 6)]);
    expect([...readStateDict(archive(wrapped, { 'x/data/0': eight }), 'deep').keys()]).toEqual(['w']);
  });

  it('answers any bytes with tensors no larger than allowed, or with an error', () => {
    const wholes = ['dtypes', 'legacy', 'bare', 'unlucky-config'].map((name) => read(`${name}.pth`));
    const edit = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        fc.constantFrom(...wholes),
        fc.array(edit, { minLength: 1, maxLength: 6 }),
        (whole, edits) => {
          const bytes = whole.slice();
          for (const { at, value } of edits) bytes[at % bytes.length] = value;
          outcome(bytes);
        },
      ),
      { numRuns: 1500 },
    );
    // Pickles of the right opcodes with any numbers in them.
    fc.assert(
      fc.property(
        fc.array(fc.maxSafeInteger(), { maxLength: 70 }),
        fc.array(fc.maxSafeNat(), { maxLength: 4 }),
        (shape, more) => {
          outcome(
            archive(
              pickle(0, 1, { shape: shape.map(Math.abs), strides: [...more, ...shape].map(Math.abs) }),
              { 'x/data/0': eight },
            ),
          );
        },
      ),
    );
  });

  it('refuses storages that are missing, short, or smaller than a view of them', () => {
    const state = readStateDict(archive(pickle(2, 1), { 'x/data/0': eight }), 'i.pth');
    expect([...(state.get('w')!.data as Float32Array)]).toEqual([1, 2]);
    expect(() => readStateDict(archive(pickle(2, 1)), 'i.pth')).toThrow(
      /i\.pth: entry "w": storage data\/0 is missing/,
    );
    expect(() => readStateDict(archive(pickle(2, 1), { 'x/data/0': eight.subarray(4) }), 'i.pth')).toThrow(
      /i\.pth: entry "w": storage data\/0 must have 2 elements of 4 bytes, got 4 bytes/,
    );
    expect([
      ...readStateDict(archive(pickle(1, 1, { offset: 1 }), { 'x/data/0': eight }), 'i.pth').get('w')!.data,
    ]).toEqual([2]);
    expect(() => readStateDict(archive(pickle(2, 1, { offset: 1 }), { 'x/data/0': eight }), 'i.pth')).toThrow(
      /i\.pth: entry "w": shape \[2\] reaches element 2 of a storage of 2/,
    );
    expect(() => readStateDict(archive(pickle(3, 1), { 'x/data/0': eight }), 'i.pth')).toThrow(
      /reaches element 2 of a storage of 2/,
    );
    expect(() =>
      readStateDict(archive(pickle(2, 1, { type: 'ComplexFloatStorage' }), { 'x/data/0': eight }), 'i.pth'),
    ).toThrow(/i\.pth: entry "w": elements of type ComplexFloatStorage are not supported/);
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
