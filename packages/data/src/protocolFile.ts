import { InputError, quoted } from './errors.ts';
import type { Protocol } from './protocols.ts';
import type { ProtocolName } from './types.ts';

/** Settings of each protocol, all of them numbers. */
export const protocolSettings: Readonly<Record<ProtocolName, readonly string[]>> = {
  'leave-one-out': ['validUsers', 'trainUsers', 'seed'],
  'random-by-user': ['valid', 'test', 'seed'],
  'temporal-by-user': ['valid', 'test'],
  'global-temporal': ['valid', 'test', 'validFrom', 'testFrom'],
  files: [],
};

/** How a domain can be split. */
export const protocolNames = Object.keys(protocolSettings) as readonly ProtocolName[];

/**
 * A protocol as a file names it: `{"name": "random-by-user", "valid": 0.1, "test": 0.1, "seed": 1}`.
 *
 * @throws InputError naming the file and the key.
 */
export function protocolOf(value: Readonly<Record<string, unknown>>, file: string): Protocol {
  const { name, ...rest } = value;
  if (typeof name !== 'string' || !protocolNames.some((known) => known === name))
    throw new InputError(
      file,
      undefined,
      `name must be one of ${protocolNames.join(', ')}, got ${quoted(name)}`,
    );
  const known = protocolSettings[name as ProtocolName];
  for (const [key, number] of Object.entries(rest)) {
    if (!known.includes(key))
      throw new InputError(
        file,
        undefined,
        `${name} has ${known.length > 0 ? `the settings ${known.join(', ')}` : 'no settings'}, got ${quoted(key)}`,
      );
    if (typeof number !== 'number' || !Number.isFinite(number))
      throw new InputError(file, undefined, `${key} must be a number, got ${quoted(number)}`);
  }
  return { name, ...rest } as Protocol;
}
