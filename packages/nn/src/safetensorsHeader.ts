import { isSafetensorsType, type SafetensorsType, TYPES } from './dtypes.ts';

/** Where a tensor lies in a file's data section. */
export interface HeaderEntry {
  name: string;
  dtype: SafetensorsType;
  shape: number[];
  /** First byte, counted from the end of the header. */
  begin: number;
  /** One past the last byte. */
  end: number;
}

/** A checked header. */
export interface Header {
  entries: HeaderEntry[];
  metadata: Record<string, string>;
}

/** Longest header Python's safetensors accepts, in bytes. */
export const LONGEST_HEADER = 100_000_000;

/** Error of a file that breaks a rule of the format. */
export function fileError(path: string, rule: string, got: string | number): Error {
  return new Error(`readSafetensors: ${path}: ${rule}, got ${got}`);
}

/**
 * Reads and checks a header.
 *
 * @param text - The JSON.
 * @param dataBytes - Length of the data section.
 * @param path - For messages.
 * @throws Error naming file and rule if the header is not what the format demands: every entry with a known format, a
 * shape, and offsets that fit the shape, and the entries together covering the data without holes or overlaps.
 */
export function parseHeader(text: string, dataBytes: number, path: string): Header {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fileError(path, 'the header must be JSON', String(error));
  }
  if (!isRecord(json)) throw fileError(path, 'the header must be an object', typeof json);
  const { __metadata__: metadata = {}, ...tensors } = json;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw fileError(path, '__metadata__ must map names to texts', JSON.stringify(metadata));
  const entries = Object.entries(tensors).map(([name, entry]) => parseEntry(name, entry, path));
  checkCover(entries, dataBytes, path);
  return { entries, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown, path: string): HeaderEntry {
  const got = JSON.stringify(entry);
  const where = `${path}: tensor "${name}"`;
  if (!isRecord(entry)) throw fileError(where, 'an entry must be an object', got);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isSafetensorsType(dtype))
    throw fileError(where, `dtype must be one of ${Object.keys(TYPES).join(', ')}`, JSON.stringify(dtype));
  if (!isCounts(shape)) throw fileError(where, 'shape must be a list of non-negative integers', got);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw fileError(where, 'data_offsets must be [begin, end]', got);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((a, b) => a * b, 1) * TYPES[dtype].bytes;
  if (end - begin !== bytes)
    throw fileError(
      where,
      `${dtype} [${shape.join(', ')}] takes ${bytes} bytes`,
      `${end - begin} by data_offsets`,
    );
  return { name, dtype, shape, begin, end };
}

/** Entries, by offset, must follow one another and end where the file ends. */
function checkCover(entries: HeaderEntry[], dataBytes: number, path: string): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (end > dataBytes)
      throw fileError(
        `${path}: tensor "${name}"`,
        `data must end within the file's ${dataBytes} data bytes (truncated file?)`,
        end,
      );
    if (begin !== at)
      throw fileError(
        `${path}: tensor "${name}"`,
        `data must start at ${at}, where the tensor before it ends`,
        begin,
      );
    at = end;
  }
  if (at !== dataBytes)
    throw fileError(path, `tensors must cover all ${dataBytes} data bytes (trailing bytes?)`, at);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

/** A header's bytes: length, JSON padded by spaces so that the data starts at a multiple of 8. */
export function encodeHeader(entries: readonly HeaderEntry[], metadata?: Record<string, string>): Uint8Array {
  // Entries of an object keep their order only if no name looks like an array index, so the text is joined by hand.
  const parts = entries.map(({ name, dtype, shape, begin, end }) => {
    const entry = JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
    return `${JSON.stringify(name)}:${entry}`;
  });
  if (metadata && Object.keys(metadata).length > 0)
    parts.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
