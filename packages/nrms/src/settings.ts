import { z } from 'zod';

/** A recipe's texts from elsewhere. */
export const textsSetting = z
  .string()
  .min(1)
  .optional()
  .describe(
    "a file of titles and abstracts instead of those of news.tsv, such as xMIND's translations: tab-separated, " +
      'the first line names nid, title and abstract',
  );

/** A recipe's longest history. */
export const historySetting = z
  .int()
  .min(1)
  .default(50)
  .describe('H: newest clicks of a history that are read');

/** A recipe's settings, complete: everything but texts from elsewhere has a value. */
export type Completed<S extends { texts?: string }> = {
  readonly [Name in Exclude<keyof S, 'texts'>]-?: NonNullable<S[Name]>;
} & Pick<S, 'texts'>;

/** Settings of a recipe with what their preset says of the rest. */
export function withPreset(presets: Readonly<Record<string, object>>, given: object): object {
  const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...presets[stated['preset'] as string], ...stated };
}

/** A recipe's vector of users without clicks. */
export const emptyHistorySetting = z
  .enum(['zero', 'learned'])
  .default('zero')
  .describe('vector of a user without clicks: zero, which makes all scores equal, or a learned one');
