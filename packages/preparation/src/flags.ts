import { dirname, isAbsolute, join } from 'node:path';
import { didYouMean, readRecipe, readText, UserError } from '@ferry/recipes';
import { presets, type Preset } from './presets.ts';
import { settingsSchema, splitSchema, type ImpressionSettings, type Settings } from './settings.ts';

/** What can be said on the command line; each goes before what a file says. */
export interface Flags {
  user?: string;
  item?: string;
  rating?: string;
  time?: string;
  format?: string;
  form?: string;
  separator?: string;
  header?: boolean;
  items?: string;
  itemKey?: string;
  title?: string;
  text?: string;
  image?: string;
  categoryColumn?: string;
  pictures?: string;
  itemDuplicates?: string;
  core?: number;
  userCore?: number;
  itemCore?: number;
  minRating?: number;
  aboveRating?: number;
  since?: string;
  until?: string;
  duplicates?: string;
  require?: string[];
  order?: string;
  ties?: string;
  clean?: string;
  sampledImpressions?: number;
  split?: string;
  damaged?: string;
  preset?: string;
}

/** Leaves out what is not said. */
function said<T extends Record<string, unknown>>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** A split as it is typed: `temporal-by-user`, or with settings `random-by-user,test=.2,seed=3`. */
export function parseSplit(text: string): Settings['split'] {
  const [name, ...pairs] = text.split(',').map((part) => part.trim());
  const known = splitSchema.options.map((option) => option.shape.name.value as string);
  if (!known.includes(name!))
    throw new UserError(
      `--split must be one of ${known.join(', ')}, got '${name!}'${didYouMean(name!, known)}`,
    );
  const keys = pairs.map((pair) => pair.split('=')[0]!);
  const twice = keys.find((key, at) => keys.indexOf(key) < at);
  if (twice !== undefined) throw new UserError(`--split takes a setting once, got '${twice}' twice`);
  const settings = pairs.map((pair) => {
    const [key, value] = pair.split('=');
    return [key!, value === undefined || value === '' ? NaN : Number(value)] as const;
  });
  const result = splitSchema.safeParse({ name, ...Object.fromEntries(settings) });
  if (result.success) return result.data;
  const rule = result.error.issues.find(({ code }) => code === 'custom');
  throw new UserError(
    rule
      ? `--split ${name!} ${rule.message}`
      : `--split ${name!} takes settings such as valid=.1,test=.1, got '${pairs.join(',')}'`,
  );
}

/** The rules of a preset. */
function presetOf(name: string | undefined): Preset | undefined {
  if (name === undefined) return undefined;
  if (name in presets) return presets[name as keyof typeof presets];
  const known = Object.keys(presets);
  throw new UserError(`--preset must be one of ${known.join(', ')}, got '${name}'${didYouMean(name, known)}`);
}

/** Values as a schema takes them before defaults are filled in. */
type Loose = Record<string, unknown>;

/** Merges what flags say into a description, preset first, then the file, then the flags. */
export function withFlags(description: Loose, flags: Flags, file: string | undefined): Settings {
  const preset = presetOf(flags.preset);
  const section = (name: string): Loose => (description[name] ?? {}) as Loose;
  const interactions = {
    ...section('interactions'),
    ...(file === undefined ? {} : { file }),
    ...said({
      user: flags.user,
      item: flags.item,
      rating: flags.rating,
      time: flags.time,
      format: flags.format,
      form: flags.form,
      separator: flags.separator?.replaceAll('\\t', '\t'),
      header: flags.header,
    }),
  };
  const items = {
    ...section('items'),
    ...said({
      file: flags.items,
      id: flags.itemKey,
      title: flags.title,
      text: flags.text?.split(',').map((part) => part.trim()),
      image: flags.image,
      category: flags.categoryColumn,
      pictures: flags.pictures,
      duplicates: flags.itemDuplicates ?? preset?.items?.duplicates,
    }),
  };
  if (items.file === undefined && Object.keys(items).length > (preset?.items ? 1 : 0))
    throw new UserError('options about items need the file of items: --items <file>');
  const rules = {
    ...preset?.rules,
    ...section('rules'),
    ...said({
      userCore: flags.userCore ?? flags.core,
      itemCore: flags.itemCore ?? flags.core,
      minRating: flags.minRating,
      aboveRating: flags.aboveRating,
      from: flags.since,
      until: flags.until,
      duplicates: flags.duplicates,
      require: flags.require,
      order: flags.order,
      ties: flags.ties,
    }),
  };
  // Rules about a file of items bind only where there is one.
  if (items.file === undefined && flags.require === undefined && section('rules')['require'] === undefined)
    rules['require'] = [];
  const { sampledImpressions: candidates } = flags;
  if (candidates !== undefined && section('impressions')['form'] === 'log')
    throw new UserError('--sampled-impressions is for data without what was shown, and this has impressions');
  const merged = {
    ...description,
    ...(candidates === undefined ? {} : { impressions: { form: 'sampled', candidates } }),
    interactions,
    ...(items.file === undefined ? {} : { items }),
    rules,
    text: { ...preset?.text, ...section('text'), ...said({ clean: flags.clean }) },
    ...said({
      split: flags.split === undefined ? undefined : parseSplit(flags.split),
      damaged: flags.damaged,
    }),
  };
  const result = settingsSchema.safeParse(merged, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UserError(`the options do not make a preparation: ${problems.join('; ')}`);
}

type LogParts = Extract<ImpressionSettings, { form: 'log' }>['parts'];

/** The parts of impressions with other paths. */
function withPlaces(parts: LogParts, place: (path: string) => string): LogParts {
  const own = ({ file, histories }: LogParts['train']): LogParts['train'] => ({
    file: place(file),
    ...(histories === undefined ? {} : { histories: place(histories) }),
  });
  return {
    train: own(parts.train),
    ...(parts.dev ? { dev: own(parts.dev) } : {}),
    ...(parts.test ? { test: own(parts.test) } : {}),
  };
}

/** Makes the paths of a description hold from anywhere: they are relative to its file. */
function fromFolder(settings: Settings, folder: string): Settings {
  const place = (path: string): string => (isAbsolute(path) ? path : join(folder, expand(path)));
  const places = <T extends string | string[] | undefined>(files: T): T =>
    (Array.isArray(files) ? files.map(place) : files === undefined ? files : place(files)) as T;
  const { interactions, items, impressions } = settings;
  const { parts } = interactions;
  const shown = impressions?.form === 'log' ? impressions : undefined;
  return {
    ...settings,
    interactions: {
      ...interactions,
      ...(interactions.file === undefined ? {} : { file: places(interactions.file) }),
      ...(parts
        ? {
            parts: {
              train: place(parts.train),
              ...(parts.valid === undefined ? {} : { valid: place(parts.valid) }),
              test: place(parts.test),
            },
          }
        : {}),
    },
    ...(items ? { items: { ...items, file: places(items.file) } } : {}),
    ...(shown ? { impressions: { ...shown, parts: withPlaces(shown.parts, place) } } : {}),
  };
}

/** `$FERRY_DATA/…` as a path. */
function expand(path: string): string {
  const found = /^\$(?:FERRY_DATA|\{FERRY_DATA\})(?=\/|$)/.exec(path);
  if (!found) return path;
  const root = process.env['FERRY_DATA'];
  if (root === undefined || root === '')
    throw new UserError(
      `${path} needs the environment variable FERRY_DATA: the folder that holds the data sets`,
    );
  return root + path.slice(found[0].length);
}

/**
 * Reads a description of a preparation (`mydata.yaml`) and puts flags before it. Its paths are relative to its own folder.
 *
 * @throws RecipeError listing every problem with line and column.
 */
export function loadSettings(file: string, flags: Flags): Settings {
  const text = readText(file, 'description');
  const own = fromFolder(readRecipe(text, file, settingsSchema), dirname(file));
  return withFlags(own, flags, undefined);
}
