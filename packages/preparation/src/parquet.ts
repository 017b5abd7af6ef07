import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { InputError } from '@ferry/data';
import { identifier, literal } from './engine.ts';
import type { Table, Workshop } from './workshop.ts';

/** SHA-256 of a file and its size. */
export async function hashFile(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(block as Buffer);
  return { sha256: hash.digest('hex'), bytes: (await stat(file)).size };
}

/** Opens a Parquet file: every value as text, lists and structures as JSON. */
export async function parquetTable(file: string, { engine }: Workshop): Promise<Table> {
  const { sha256, bytes } = await hashFile(file);
  const read = `read_parquet(${literal(file)}, file_row_number=true)`;
  const refuse = (error: unknown): InputError =>
    new InputError(
      file,
      undefined,
      `Parquet must be whole and readable, got: ${(error as Error).message.split('\n', 1)[0]!}`,
    );
  try {
    const described = (await engine.rows(
      `DESCRIBE SELECT * EXCLUDE (file_row_number) FROM ${read}`,
    )) as string[][];
    const rows = Number((await engine.row(`SELECT count(*) FROM read_parquet(${literal(file)})`))[0]);
    const names = described.map(([name]) => name!);
    const text = (column: number): string => {
      const name = identifier(names[column]!);
      const type = described[column]![1]!;
      if (/\[\]|STRUCT|MAP/.test(type)) return `to_json(${name})::VARCHAR`;
      // Times are kept as seconds since 1970 and their fraction.
      if (/^TIMESTAMP|^DATE/.test(type))
        return `CASE WHEN isfinite(${name}) THEN epoch(${name})::VARCHAR ELSE ${name}::VARCHAR END`;
      return type === 'BLOB' ? `decode(${name})` : `${name}::VARCHAR`;
    };
    const select = (columns: readonly number[]): string =>
      'SELECT file_row_number + 1 AS n, NULL::VARCHAR AS wrong, ' +
      `${columns.map((column, at) => `${text(column)} AS c${at}`).join(', ')} FROM ${read}`;
    return {
      file,
      form: 'Parquet',
      bytes,
      sha256,
      names,
      count: names.length,
      select,
      selectJson: select,
      rows,
      json: false,
      notes: [],
    };
  } catch (error) {
    throw error instanceof InputError ? error : refuse(error);
  }
}
