import { listFields, type Field } from '@ferry/recipes';
import type { z } from 'zod';

/** Breaks text into lines of at most `width` characters, at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line ? ` ${word}` : word;
  }
  return [...lines, line];
}

function standing(field: Field): string {
  if (field.default === undefined) return 'required';
  return field.default === '' ? 'optional' : `default ${field.default}`;
}

/**
 * The settings of a schema as help text: key, meaning, what it takes, default.
 *
 * @param schema - A recipe schema.
 * @param options - `width`: characters in a line. `under`: only keys in these sections.
 */
export function recipeHelp(
  schema: z.ZodType,
  { width = 110, under }: { width?: number; under?: readonly string[] } = {},
): string {
  const inside = (key: string): boolean =>
    !under || under.some((section) => key === section || key.startsWith(`${section}.`));
  const fields = listFields(schema).filter(({ key }) => inside(key));
  const column = Math.max(...fields.map(({ key }) => key.length)) + 4;
  const lines = fields.flatMap((field) => {
    const text = `${field.description} (${field.type}; ${standing(field)})`;
    return wrap(text, width - column).map(
      (line, i) => (i === 0 ? `  ${field.key}` : '').padEnd(column) + line,
    );
  });
  return ['Recipe keys, each of which key.sub=value overrides:', ...lines].join('\n');
}
