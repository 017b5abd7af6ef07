import { sharesProblem } from '@ferry/data';
import { z } from 'zod';

/** A column: its name, or its place counted from 1. In JSON lines a path such as `images.0.large`. */
export type ColumnRef = string | number;

const column = z.union([z.string().min(1), z.int().min(1)], {
  error: 'must be the name of a column, or its place counted from 1',
});

const text = z.string().min(1);

/** How a file is laid out; all of it is found out where it is not said. */
const layout = {
  format: z
    .enum(['auto', 'csv', 'tsv', 'jsonl', 'parquet'])
    .default('auto')
    .describe('form of the file; auto: by its ending and its first bytes'),
  separator: z.string().min(1).max(4).optional().describe('what stands between columns, such as ";" or "::"'),
  header: z
    .boolean()
    .optional()
    .describe('whether the first line names the columns; found out by the names if not said'),
  columns: z.array(text).min(1).optional().describe('names of the columns of a file without a header'),
  encoding: z.enum(['utf-8', 'latin1']).default('utf-8').describe('how text is encoded'),
  quoting: z
    .boolean()
    .optional()
    .describe('whether quotation marks hold a cell together: yes in CSV, no with tabs'),
};

const files = z.union([text, z.array(text).min(1)], { error: 'must be a file or a list of files' });

/** A file of interactions. */
export const interactionsSchema = z.strictObject({
  form: z
    .enum(['table', 'lists', 'sequences', 'sets', 'mind'])
    .default('table')
    .describe(
      'table: an interaction a line; sequences: "user item item …", oldest first; sets: the same in no order; ' +
        'lists: a list of items a row; mind: behaviors.tsv',
    ),
  file: files.optional().describe('the file, or files that are read as one'),
  parts: z
    .strictObject({ train: text, valid: text.optional(), test: text })
    .optional()
    .describe('instead of file: a file for each part of a ready-made split'),
  ...layout,
  user: column.optional().describe('column of the user'),
  item: column.optional().describe('column of the item, or of a list of items'),
  rating: column.optional().describe('column of the rating'),
  time: column
    .optional()
    .describe('column of the time: a number, or a date (2019-11-12 14:14, 11/12/2019 2:14:46 PM)'),
});

const partFiles = z.strictObject({
  file: text.describe('impressions, one a row'),
  histories: text.optional().describe('what users had clicked before, a user a row'),
});

/** Impressions: what was shown at once, and what of it was clicked. */
export const impressionsSchema = z.discriminatedUnion('form', [
  z.strictObject({
    form: z.literal('log').describe('files of what was shown'),
    parts: z
      .strictObject({ train: partFiles, dev: partFiles.optional(), test: partFiles.optional() })
      .describe('the files of each part'),
    ...layout,
    id: column
      .optional()
      .describe('column of the number of the impression; default its line, or row of Parquet'),
    user: column.describe('column of the user, in both files'),
    time: column.describe('column of the time'),
    shown: column.describe('column of the list of items that were shown'),
    clicked: column.describe('column of the list of items that were clicked; a test may lack it'),
    history: column
      .optional()
      .describe('column of the list of clicks, oldest first, in the file of histories'),
    newest: z.int().min(1).default(100).describe('newest clicks of a history that are kept'),
  }),
  z.strictObject({
    form: z
      .literal('sampled')
      .describe(
        'each interaction beside items that others took shortly before: where nobody kept what was shown',
      ),
    candidates: z.int().min(1).describe('sampled items beside each'),
    hours: z.number().gt(0).default(24).describe('how long before the interaction others took them'),
    seed: z.int().min(0).default(1).describe('what is drawn'),
  }),
]);

/** A file of items. */
export const itemsSchema = z.strictObject({
  file: files.describe('the file, or files that are read as one'),
  ...layout,
  id: column.optional().describe('column of the item id'),
  title: column.optional().describe('column of the title'),
  text: z
    .union([column, z.array(column)], { error: 'must be a column or a list of columns' })
    .optional()
    .describe(
      'columns that make the text, joined in this order; default: title, category and description as found',
    ),
  image: column.optional().describe('column of the picture: a path or an address'),
  category: column.optional().describe('column of the category'),
  duplicates: z
    .enum(['refuse', 'complete', 'first'])
    .default('refuse')
    .describe(
      'several different rows of one item: an error; the fullest, by content; or the first in the file',
    ),
  pictures: text
    .optional()
    .describe('where the pictures are: a pattern such as "images/{id}.jpg" for items that name none'),
});

/** What is left out, and in what order the rest stands. */
export const rulesSchema = z.strictObject({
  minRating: z.number().optional().describe('ratings below are left out'),
  aboveRating: z.number().optional().describe('ratings that are not above are left out'),
  from: column.optional().describe('interactions before this time are left out'),
  until: column.optional().describe('interactions at and after this time are left out'),
  duplicates: z
    .enum(['keep', 'identical', 'first', 'last'])
    .default('keep')
    .describe('keep all; identical: rows equal in everything once; first, last: one a user and item'),
  require: z
    .array(z.enum(['row', 'title', 'text', 'image']))
    .default([])
    .describe('what an item must have: a row in the file of items, a title, a text, a picture'),
  userCore: z
    .int()
    .min(0)
    .default(0)
    .describe('users with fewer interactions are left out, again and again until all have as many'),
  itemCore: z.int().min(0).default(0).describe('items with fewer interactions are left out, likewise'),
  order: z
    .enum(['time', 'file', 'none'])
    .optional()
    .describe(
      'time: by time; file: as the file has them; none: there is no order. Default: time where there is one',
    ),
  ties: z
    .enum(['content', 'file'])
    .default('content')
    .describe(
      'equal times: by content (item id, rating), so that shuffled rows give the same, or as the file has them',
    ),
});

/** How a text is made of its parts. */
export const textSchema = z.strictObject({
  clean: z
    .enum(['none', 'plain', 'unisrec'])
    .default('plain')
    .describe(
      'plain: HTML entities and tags resolved, white space joined; unisrec: as UniSRec’s scripts; none: as it is',
    ),
  join: z.string().default('. ').describe('what stands between the parts of a text'),
});

/** The numbers that a split may have. */
interface SplitNumbers {
  name: string;
  valid?: number | undefined;
  test?: number | undefined;
  validFrom?: number | undefined;
  testFrom?: number | undefined;
}

/** A split by name, with its settings. */
export const splitSchema = z
  .discriminatedUnion('name', [
    z.strictObject({ name: z.literal('leave-one-out') }),
    z.strictObject({
      name: z.literal('random-by-user'),
      valid: z.number().min(0).optional(),
      test: z.number().min(0).optional(),
      seed: z.int().optional(),
    }),
    z.strictObject({
      name: z.literal('temporal-by-user'),
      valid: z.number().min(0).optional(),
      test: z.number().min(0).optional(),
    }),
    z.strictObject({
      name: z.literal('global-temporal'),
      valid: z.number().min(0).optional(),
      test: z.number().min(0).optional(),
      validFrom: z.number().optional(),
      testFrom: z.number().optional(),
    }),
    z.strictObject({ name: z.literal('files') }),
  ])
  .superRefine((split, context) => {
    const { validFrom, testFrom }: SplitNumbers = split;
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', message });
    };
    const problem = sharesProblem(split as SplitNumbers);
    if (problem !== undefined) refuse(problem);
    if (validFrom !== undefined && testFrom !== undefined && validFrom > testFrom)
      refuse(`validFrom must not be after testFrom, got ${validFrom} and ${testFrom}`);
  });

/** A whole description of a preparation: what `mydata.yaml` holds. */
export const settingsSchema = z.strictObject({
  interactions: interactionsSchema,
  items: itemsSchema.optional(),
  impressions: impressionsSchema
    .optional()
    .describe('impressions for models of news, written in the form of MIND to the folder impressions'),
  rules: rulesSchema.default(rulesSchema.parse({})),
  text: textSchema.default(textSchema.parse({})),
  split: splitSchema.default({ name: 'leave-one-out' }).describe('protocol by which the domain is split'),
  damaged: z
    .enum(['refuse', 'skip'])
    .default('refuse')
    .describe(
      'rows that cannot be used: an error that names the first ones, or left out, counted and listed',
    ),
});

/** {@link settingsSchema}, every default filled in. */
export type Settings = z.output<typeof settingsSchema>;
/** The part of {@link Settings} about interactions. */
export type InteractionSettings = Settings['interactions'];
/** The part about items. */
export type ItemSettings = NonNullable<Settings['items']>;
/** The part about impressions. */
export type ImpressionSettings = NonNullable<Settings['impressions']>;
/** The part about rules. */
export type Rules = Settings['rules'];
/** How a file is laid out. */
export interface Layout extends Pick<
  InteractionSettings,
  'format' | 'separator' | 'header' | 'columns' | 'quoting' | 'encoding'
> {
  /** Columns that the user named: a first line that holds one of these names is a header. */
  refs?: readonly (ColumnRef | undefined)[];
}
