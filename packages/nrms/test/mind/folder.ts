import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A new directory with some files. */
export function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const root = mkdtempSync(join(tmpdir(), 'ferry-mind-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** A line of MIND's news. */
export function newsLine(
  id: string,
  title = `Title of ${id}`,
  rest: Partial<Record<'category' | 'subcategory' | 'abstract' | 'entities', string>> = {},
): string {
  const { category = 'news', subcategory = 'newsus', abstract = '', entities = '[]' } = rest;
  return [id, category, subcategory, title, abstract, 'https://example.org', entities, '[]'].join('\t');
}

/** A sample of MIND, where FERRY_DATA has it. */
export const sample = join(
  process.env['FERRY_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'),
  'mind-sample',
);
