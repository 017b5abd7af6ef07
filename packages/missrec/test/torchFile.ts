import type { PthTensor } from '@ferry/torch';
import { zipSync } from 'fflate';
import { toBfloat16, toFloat16 } from '@ferry/nn';

const encoder = new TextEncoder();
const text = (value: string): number[] => {
  const bytes = encoder.encode(value);
  return [0x58, bytes.length, 0, 0, 0, ...bytes];
};
const name = (module: string, of: string): number[] => [0x63, ...encoder.encode(`${module}\n${of}\n`)];
const int = (value: number): number[] => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
const tuple = (values: readonly number[]): number[] => [0x28, ...values.flatMap(int), 0x74];

/** Precisions in which floats are saved. */
export type Precision = 'float32' | 'float64' | 'float16' | 'bfloat16';

const storages: Record<Precision, { type: string; pack: (values: ArrayLike<number>) => ArrayBufferView }> = {
  float32: { type: 'FloatStorage', pack: (values) => Float32Array.from(values) },
  float64: { type: 'DoubleStorage', pack: (values) => Float64Array.from(values) },
  float16: { type: 'HalfStorage', pack: (values) => Uint16Array.from(values, toFloat16) },
  bfloat16: { type: 'BFloat16Storage', pack: (values) => Uint16Array.from(values, toBfloat16) },
};

/** A file as `torch.save(state_dict)` writes it: bare, floats in a precision, integers as they are. */
export function torchFile(
  tensors: ReadonlyMap<string, PthTensor>,
  { precision = 'float32', prefix = '' }: { precision?: Precision; prefix?: string } = {},
): Uint8Array {
  const entries: Record<string, Uint8Array> = {};
  const pickle = [0x80, 2, 0x7d];
  for (const [key, { shape, data }] of tensors) {
    const integers = data instanceof BigInt64Array;
    const { type, pack } = storages[precision];
    const packed = integers ? data : pack(data);
    const storage = String(Object.keys(entries).length);
    entries[`x/data/${storage}`] = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    pickle.push(
      ...text(prefix + key),
      ...name('torch._utils', '_rebuild_tensor_v2'),
      0x28,
      0x28,
      ...text('storage'),
    );
    pickle.push(...name('torch', integers ? 'LongStorage' : type), ...text(storage), ...text('cpu'));
    pickle.push(
      ...int(data.length),
      0x74,
      0x51,
      ...int(0),
      ...tuple(shape),
      ...tuple(strides),
      0x89,
      0x7d,
      0x74,
      0x52,
      0x73,
    );
  }
  entries['x/data.pkl'] = Uint8Array.from([...pickle, 0x2e]);
  return zipSync(entries, { level: 0 });
}
