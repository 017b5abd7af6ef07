import { InvalidArgumentError, Option } from 'commander';

/** Reads an option that must be a whole number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('must be a whole number above 0.');
  return value;
}

/** Reads an option that must be a whole number of at least 0, such as a seed. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('must be a whole number of at least 0.');
  return value;
}

/** Reads an option that must be a number. */
export function numeric(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('must be a number.');
  return value;
}

/** Reads an option that must be a list of whole numbers above 0 with commas between, none of them twice. */
export function numbers(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1))
    throw new InvalidArgumentError('It must be whole numbers of at least 1, such as 10,50.');
  if (new Set(values).size < values.length) throw new InvalidArgumentError('No number may come twice.');
  return values;
}

/** Reads an option that must be increasing whole numbers with commas between. */
export function edges(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value, i) => !Number.isInteger(value) || value < 0 || (i > 0 && value <= values[i - 1]!)))
    throw new InvalidArgumentError('It must be increasing whole numbers, such as 0,1,5,10,20.');
  return values;
}

/** A flag as it is typed, from its key. */
export const flagOf = (key: string): string =>
  `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Which of a run's checkpoints. */
export function checkpointOption(): Option {
  return new Option('--checkpoint <which>', 'best by validation, or the last, also of a run that was stopped')
    .choices(['best', 'last'])
    .default('best');
}

/** Whether the code of a run's model file may be run. */
export function allowModelOption(): Option {
  return new Option(
    '--allow-model <file>',
    'run the model file that a run was trained with; also 12 digits of its SHA-256; may be repeated',
  ).argParser((text: string, before?: string[]) => [...(before ?? []), text]);
}
