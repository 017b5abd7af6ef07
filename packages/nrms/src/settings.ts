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
