import { parseFile } from '@fast-csv/parse';

/** Rows of a CSV file by the titles of its columns. */
export async function readCsv(file: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const row of parseFile(file, { headers: true })) rows.push(row as Record<string, string>);
  return rows;
}
