import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createEncoder,
  createLinear,
  createOptimizer,
  encodeFloats,
  flattenParameters,
  init,
  loadParameters,
  readSafetensors,
  saveParameters,
  type SafetensorsTensor,
  toFloat32,
  torchName,
  writeSafetensors,
} from '../src/index.ts';

/** Written by Python's safetensors: tools/parity/nn_safetensors.py. */
const PYTHON =
  'IAIAAAAAAAB7ImlkcyI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzAsMjRdfSwiYi53ZWlnaHQiOnsiZHR5cGUi' +
  'OiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzI0LDQ4XX0sImVtcHR5Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlswLDRdLCJk' +
  'YXRhX29mZnNldHMiOls0OCw0OF19LCJzY2FsYXIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQ4LDUyXX0sInJv' +
  'd3MiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzIsMV0sImRhdGFfb2Zmc2V0cyI6WzUyLDYwXX0sImEuYnJhaW4iOnsiZHR5cGUiOiJCRjE2Iiwi' +
  'c2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbNjAsNjZdfSwiYS5oYWxmIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOls0XSwiZGF0YV9vZmZzZXRz' +
  'IjpbNjYsNzRdfSwiYnl0ZXMiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6Wzc0LDc3XX0sInNlZW4iOnsiZHR5cGUi' +
  'OiJCT09MIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNzcsNzldfX0gICAgAQAAAAAAAAD+/////////wAAAAAAAQAAAADAPwAAEMAAAEBA' +
  'zczMPQAAgH8AAACAKVyPPQcAAAD4////gD9JwEpxADxVtf97AQAA/wMBAA==';

/** The same tensors, written down from the script. */
const SAME = new Map<string, SafetensorsTensor>([
  ['b.weight', { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1.5, -2.25, 3, 0.1, Infinity, -0) }],
  ['a.half', encodeFloats(Float32Array.of(1, -0.333251953125, 65504, 6e-8), [4], 'F16')],
  ['a.brain', encodeFloats(Float32Array.of(1, -3.140625, 1e30), [3], 'BF16')],
  ['ids', { dtype: 'I64', shape: [3], data: BigInt64Array.of(1n, -2n, 2n ** 40n) }],
  ['rows', { dtype: 'I32', shape: [2, 1], data: Int32Array.of(7, -8) }],
  ['bytes', { dtype: 'U8', shape: [3], data: Uint8Array.of(0, 255, 3) }],
  ['seen', { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) }],
  ['scalar', { dtype: 'F32', shape: [], data: Float32Array.of(0.07) }],
  ['empty', { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) }],
]);

let folder: string;
let path: string;
beforeAll(async () => {
  await selectBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'ferry-safetensors-'));
  path = join(folder, 'x.safetensors');
});
afterAll(() => rm(folder, { recursive: true }));

describe('safetensors', () => {
  it("reads what Python's library wrote", async () => {
    await writeFile(path, Buffer.from(PYTHON, 'base64'));
    const { tensors, metadata } = await readSafetensors(path);
    expect(metadata).toEqual({});
    expect(new Map([...tensors].sort())).toEqual(new Map([...SAME].sort()));
    expect([...toFloat32(tensors.get('a.half')!)]).toEqual([1, -0.333251953125, 65504, 2 ** -24]);
    expect([...toFloat32(tensors.get('a.brain')!)]).toEqual([1, -3.140625, 1.0002555517425873e30]);
    expect(() => toFloat32(tensors.get('ids')!)).toThrow(
      'toFloat32: dtype must be F32, F16 or BF16, got I64',
    );
  });

  it("writes the bytes Python's library writes, and leaves no other file", async () => {
    await writeSafetensors(path, SAME);
    expect((await readFile(path)).toString('base64')).toBe(PYTHON);
    expect(await readdir(folder)).toEqual(['x.safetensors']);
  });

  it('keeps texts and odd names', async () => {
    const tensors = new Map<string, SafetensorsTensor>([
      ['10', { dtype: 'U8', shape: [1], data: Uint8Array.of(1) }],
      ['9', { dtype: 'U8', shape: [1], data: Uint8Array.of(2) }],
      ['ü "quoted"', { dtype: 'U8', shape: [1], data: Uint8Array.of(3) }],
    ]);
    await writeSafetensors(path, tensors, { epoch: '3', note: 'ä\n' });
    const read = await readSafetensors(path);
    expect(read.metadata).toEqual({ epoch: '3', note: 'ä\n' });
    expect(read.tensors).toEqual(tensors);
    expect((await readFile(path)).readUInt32LE(0) % 8).toBe(0);
  });

  it('writes a view of a larger buffer', async () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    await writeSafetensors(path, new Map([['x', { dtype: 'F32', shape: [2], data }]]));
    expect([...(await readSafetensors(path)).tensors.get('x')!.data]).toEqual([2, 3]);
  });

  it('leaves the old file when writing fails', async () => {
    await writeSafetensors(path, SAME);
    const bad = new Map<string, SafetensorsTensor>([
      ['x', { dtype: 'F32', shape: [3], data: new Float32Array(2) }],
    ]);
    await expect(writeSafetensors(path, bad)).rejects.toThrow(
      'writeSafetensors: "x", F32 [3], must be a Float32Array of 3, got a Float32Array of 2',
    );
    const wrong = new Map<string, SafetensorsTensor>([
      ['x', { dtype: 'F16', shape: [2], data: new Float32Array(2) }],
    ]);
    await expect(writeSafetensors(path, wrong)).rejects.toThrow('must be a Uint16Array of 2');
    await expect(writeSafetensors(join(folder, 'none', 'x'), SAME)).rejects.toThrow('ENOENT');
    expect((await readFile(path)).toString('base64')).toBe(PYTHON);
    expect(await readdir(folder)).toEqual(['x.safetensors']);
  });
});

describe('a damaged file', () => {
  /** A file of a header and as many data bytes. */
  function file(header: string, data: number, length = header.length): Buffer {
    const bytes = Buffer.alloc(8 + header.length + data);
    bytes.writeBigUInt64LE(BigInt(length));
    bytes.write(header, 8);
    return bytes;
  }
  const entry = (name: string, dtype: string, shape: string, from: number, to: number) =>
    `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":[${from},${to}]}`;

  it.each<[string, Buffer, string]>([
    ['empty', Buffer.alloc(0), 'a file must have at least 8 bytes, got 0'],
    [
      'cut in the header',
      Buffer.from(PYTHON, 'base64').subarray(0, 100),
      "the header's length must be at most 92",
    ],
    [
      'cut in the data',
      Buffer.from(PYTHON, 'base64').subarray(0, -1),
      'tensor "seen": data must end within the file\'s 78 data bytes (truncated file?), got 79',
    ],
    [
      'with bytes behind',
      Buffer.concat([Buffer.from(PYTHON, 'base64'), Buffer.alloc(2)]),
      'cover all 81 data bytes',
    ],
    ['with a huge header', file('{}', 0, 2 ** 40), "the header's length must be at most 2"],
    ['with another start', file(' {}', 0), 'the header must start with {, got 32'],
    ['not JSON', file('{"a":', 0), 'the header must be JSON'],
    ['not UTF-8', Buffer.concat([file('{', 0, 2), Buffer.of(0xff)]), 'the header must be UTF-8'],
    ['with an entry that is none', file('{"a":3}', 0), 'tensor "a": an entry must be an object, got 3'],
    [
      'of an unknown format',
      file(`{${entry('a', 'F8', '[1]', 0, 1)}}`, 1),
      'tensor "a": dtype must be one of I64, F32',
    ],
    [
      'of a shape that is none',
      file(`{${entry('a', 'U8', '[-1]', 0, 1)}}`, 1),
      'shape must be a list of non-neg',
    ],
    [
      'with offsets that are none',
      file(`{${entry('a', 'U8', '[1]', 1, 0)}}`, 1),
      'data_offsets must be [begin, end]',
    ],
    [
      'with too few bytes',
      file(`{${entry('a', 'F32', '[2]', 0, 4)}}`, 4),
      'F32 [2] takes 8 bytes, got 4 by data_offsets',
    ],
    [
      'with an overlap',
      file(`{${entry('a', 'U8', '[4]', 0, 4)},${entry('b', 'U8', '[4]', 2, 6)}}`, 6),
      'tensor "b": data must start at 4, where the tensor before it ends, got 2',
    ],
    [
      'with a hole',
      file(`{${entry('a', 'U8', '[1]', 0, 1)},${entry('b', 'U8', '[1]', 2, 3)}}`, 3),
      'must start at 1',
    ],
    [
      'with wrong truths',
      (() => {
        const bytes = file(`{${entry('a', 'BOOL', '[1]', 0, 1)}}`, 1);
        bytes[bytes.length - 1] = 2;
        return bytes;
      })(),
      'tensor "a": BOOL bytes must be 0 or 1',
    ],
    ['with texts that are none', file('{"__metadata__":{"a":1}}', 0), '__metadata__ must map names to texts'],
  ])('%s', async (_, bytes, message) => {
    await writeFile(path, bytes);
    await expect(readSafetensors(path)).rejects.toThrow(message);
    await expect(readSafetensors(path)).rejects.toThrow(`readSafetensors: ${path}: `);
  });

  it('that is missing', async () => {
    await expect(readSafetensors(join(folder, 'nowhere'))).rejects.toThrow('ENOENT');
  });
});

describe('small floats', () => {
  it('halves: every bit pattern survives, and rounding goes to the nearest, ties to even', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(
      (b) => (b & 0x7c00) !== 0x7c00 || (b & 0x3ff) === 0,
    );
    const values = toFloat32({ dtype: 'F16', shape: [bits.length], data: bits });
    expect(encodeFloats(values, [bits.length], 'F16').data).toEqual(bits);
    const rounded = (...v: number[]) => [
      ...(encodeFloats(Float32Array.from(v), [v.length], 'F16').data as Uint16Array),
    ];
    // Between 1 and 1 + 2^-10, between that and the next; the largest half and beyond; below half of the smallest.
    expect(rounded(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 2 ** -25 * 1.001, 2047.9)).toEqual(
      [0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 1, 0x6800],
    );
    expect(rounded(NaN)).toEqual([0x7e00]);
  });

  it('bfloat16: every bit pattern survives, and rounding goes to the nearest, ties to even', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(
      (b) => (b & 0x7f80) !== 0x7f80 || (b & 0x7f) === 0,
    );
    const values = toFloat32({ dtype: 'BF16', shape: [bits.length], data: bits });
    expect(encodeFloats(values, [bits.length], 'BF16').data).toEqual(bits);
    const some = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, NaN);
    expect([...(encodeFloats(some, [4], 'BF16').data as Uint16Array)]).toEqual([
      0x3f80, 0x3f82, 0x7f80, 0x7fc0,
    ]);
  });
});

describe('parameters on disk', () => {
  const random = () => RandomStream.fromSeed(7);
  const make = () => ({
    encoder: createEncoder({ layers: 2, width: 4, feedForward: 3 }, random()),
    head: createLinear({ inputs: 4, outputs: 2 }, random()),
  });
  const clear = (p: ReturnType<typeof make>) => {
    for (const variable of flattenParameters(p).values())
      tf.tidy(() => {
        variable.assign(tf.zeros(variable.shape));
      });
  };
  const values = (variables: Map<string, tf.Variable>) =>
    [...variables].map(([name, v]) => [name, Array.from(v.dataSync())]);

  it('come back exactly, an optimiser with them', async () => {
    const p = make();
    const optimizer = createOptimizer({ kind: 'adam' }, flattenParameters(p));
    optimizer.advance(41);
    for (const [name, variable] of optimizer.state())
      if (name !== 'step')
        tf.tidy(() => {
          const numbers = init.normal(1)(variable.shape, RandomStream.fromSeed(variable.size));
          variable.assign(tf.tensor(numbers, variable.shape));
        });
    const before = [values(flattenParameters(p)), values(optimizer.state())];
    await saveParameters(path, p, { made: 'here' });
    await saveParameters(join(folder, 'state'), optimizer.state());
    clear(p);
    optimizer.advance(0);
    expect(await loadParameters(path, p)).toEqual({
      missing: [],
      unexpected: [],
      metadata: { made: 'here' },
    });
    await loadParameters(join(folder, 'state'), optimizer.state());
    expect([values(flattenParameters(p)), values(optimizer.state())]).toEqual(before);
    expect(optimizer.state().get('step')!.dataSync()[0]).toBe(42);
    await rm(join(folder, 'state'));
  });

  it('take small floats, wide integers and other names', async () => {
    const weight = tf.variable(tf.zeros([2]));
    const ids = tf.variable(tf.zeros([2], 'int32'));
    await writeSafetensors(
      path,
      new Map<string, SafetensorsTensor>([
        ['weight', encodeFloats(Float32Array.of(0.5, -2), [2], 'F16')],
        ['ids', { dtype: 'I64', shape: [2], data: BigInt64Array.of(5n, -6n) }],
      ]),
    );
    await loadParameters(path, { w: weight, ids }, { rename: (name) => (name === 'w' ? 'weight' : name) });
    expect([...weight.dataSync(), ...ids.dataSync()]).toEqual([0.5, -2, 5, -6]);
  });

  it('are refused together when anything does not fit, and then nothing changes', async () => {
    const p = make();
    await writeSafetensors(
      path,
      new Map<string, SafetensorsTensor>([
        ['head.weight', { dtype: 'F32', shape: [4, 2], data: new Float32Array(8) }],
        ['head.bias', { dtype: 'I64', shape: [2], data: new BigInt64Array(2) }],
        ['haed', { dtype: 'U8', shape: [], data: new Uint8Array(1) }],
        ['encoder.norm.bias', { dtype: 'F32', shape: [4], data: new Float32Array(4).fill(9) }],
      ]),
    );
    const before = values(flattenParameters(p));
    const error = await loadParameters(path, p).then(
      () => '',
      (e: unknown) => String(e),
    );
    for (const part of [
      `loadParameters: ${path} must fit the parameters`,
      '"encoder.layers.0.linear1.weight" is missing',
      '"haed" belongs to no parameter',
      '"head.weight" has shape [4, 2] instead of [2, 4]',
      '"head.bias" has dtype I64, which a float32 parameter does not take',
    ])
      expect(error).toContain(part);
    await expect(loadParameters(path, p, { strict: false })).rejects.toThrow('"head.weight" has shape');
    expect(values(flattenParameters(p))).toEqual(before);
    const part = { encoder: { norm: p.encoder.norm! } };
    const report = await loadParameters(path, part, { strict: false });
    expect(report.missing).toEqual(['encoder.norm.weight']);
    expect([...report.unexpected].sort()).toEqual(['haed', 'head.bias', 'head.weight']);
    expect([...p.encoder.norm!.bias.dataSync()]).toEqual([9, 9, 9, 9]);
    const ids = tf.variable(tf.zeros([1], 'int32'));
    await writeSafetensors(
      path,
      new Map([['ids', { dtype: 'I64', shape: [1], data: BigInt64Array.of(2n ** 31n) }]]),
    );
    await expect(loadParameters(path, { ids })).rejects.toThrow(
      '"ids" holds 2147483648, which is no 32-bit integer',
    );
  });

  it("have PyTorch's names", () => {
    expect(
      [
        'encoder.layers.0.selfAttention.inProjection.weight',
        'decoder.layers.1.crossAttention.outProjection.bias',
        'decoder.norm.weight',
      ].map(torchName),
    ).toEqual([
      'encoder.layers.0.self_attn.in_proj_weight',
      'decoder.layers.1.multihead_attn.out_proj.bias',
      'decoder.norm.weight',
    ]);
  });
});
