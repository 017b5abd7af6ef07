import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError, makeDirectory, placeProblem } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { OtherDomain, type Leak, type Shared } from './leakage.ts';
import { writeHashed, type Output } from './outputFile.ts';
import type { Counts, Provenance, Step } from './provenance.ts';
import { readInteractions, type ReadInteractions } from './readInteractions.ts';
import { readItems, type ReadItems } from './readItems.ts';
import { applyRules, checkPoints, codeIds, countsOf } from './rules.ts';
import type { Settings } from './settings.ts';
import { Skipped } from './skipped.ts';
import { makeWorkFolder, oldDomain, removeLeftovers } from './workFolder.ts';
import type { Workshop } from './workshop.ts';
import { checkImpressions, writeImpressions } from './impressions.ts';
import { itemLines, sequenceLines, type ItemCounts } from './writeDomain.ts';

/** Told how a preparation is going. */
export interface PrepareConsole {
  /** A line about a step that is done. */
  line?: (text: string) => void;
  /** How far a long step is. */
  progress?: (what: string, done: number, total: number) => void;
}

/** Everything but the settings. */
export interface PrepareOptions extends EngineOptions, PrepareConsole {
  /** The domain's directory; must not be there, unless `replace`. */
  out: string;
  /** Whether a domain that stands there gives way once the new one is whole. */
  replace?: boolean;
  /** Written into the provenance. */
  command: string;
  /** Ferry's version. */
  version: string;
  /** The card, if one was used. */
  card?: Provenance['card'];
  /** Counts that the card states. */
  expected?: Counts;
  /** Makes paths of a temporary folder those of the archive that it holds. */
  shown?: (text: string) => string;
  /** Domains to compare with: those to which a model may be carried. */
  with?: readonly string[];
  /** What of them is left out here. */
  drop?: readonly Leak[];
  /** Stops between two steps. */
  signal?: AbortSignal;
}

/** Names of what a domain made here holds. */
const names = {
  items: 'items.jsonl',
  sequences: 'sequences.jsonl',
  split: 'split.json',
  skipped: 'skipped.jsonl',
  provenance: 'provenance.json',
} as const;

/** What an item must have, as conditions on a row of `details`. */
function conditions({ fields }: ReadItems): Record<'row' | 'title' | 'text' | 'image', string> {
  const filled = (wanted: string): string => {
    const cells = fields.flatMap((field, at) => (field === wanted ? [`c${at + 1}`] : []));
    const none = `('', '""', '[]', 'null', '{}')`;
    return cells.length === 0
      ? 'false'
      : `(${cells.map((cell) => `trim(COALESCE(${cell}, '')) NOT IN ${none}`).join(' OR ')})`;
  };
  return { row: 'true', title: filled('title'), text: filled('text'), image: filled('image') };
}

/** Interactions that share user and time with another: what the rule of ties decides. */
async function tiesOf(
  { row }: Engine,
  { order }: ReadInteractions,
): Promise<{ tied: number; tiedUsers: number }> {
  if (order !== 'time') return { tied: 0, tiedUsers: 0 };
  const [tied, users] = await row(
    'SELECT COALESCE(sum(k), 0), count(DISTINCT u) FROM (SELECT u, t, count(*) AS k FROM taken WHERE t IS NOT ' +
      'NULL GROUP BY u, t HAVING count(DISTINCT i) > 1)',
  );
  return { tied: Number(tied), tiedUsers: Number(users) };
}

/** How equal times are ordered, in words. */
function tieWords({ order }: ReadInteractions, settings: Settings): string {
  if (order === 'file') return 'the file’s order is the order';
  if (order === 'none') return 'there is no order: items stand by their ids';
  return settings.rules.ties === 'file'
    ? 'equal times stand as in the file: shuffled rows give another domain'
    : 'equal times stand by item id, then rating: shuffled rows give the same domain';
}

/** Refuses a place that cannot be written before anything is read. */
async function checkPlace(out: string, replace: boolean): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  // What was there is moved aside: it is the directory around it that is written in.
  const problem = placeProblem(found ? dirname(out) : out);
  if (problem !== undefined)
    throw new InputError(out, undefined, `the domain’s directory cannot be made: ${problem}`);
  if (!found) return;
  if (!found.isDirectory())
    throw new InputError(out, undefined, 'the domain’s directory must be a new one, got a file');
  const inside = await readdir(out);
  if (inside.length === 0) return;
  if (!inside.includes(names.provenance))
    throw new InputError(
      out,
      undefined,
      'the directory must be a new one, got one that holds files and no provenance.json: name another with --out',
    );
  if (!replace) throw new InputError(out, undefined, 'the domain is there already: --replace makes it anew');
}

/** Puts a whole domain in its place, at once. */
async function putInPlace(from: string, out: string): Promise<void> {
  const old = join(dirname(from), oldDomain);
  const there = await stat(out).catch(() => undefined);
  if (there) await rename(out, old);
  try {
    await rename(from, out);
  } catch (error) {
    if (there) await rename(old, out);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** A step as one line. */
export function stepLine({ rule, before, after, note }: Step): string {
  const of = (name: string, key: keyof Counts): string =>
    before[key] === after[key]
      ? `${after[key].toLocaleString('en-US')} ${name}`
      : `${before[key].toLocaleString('en-US')} -> ${after[key].toLocaleString('en-US')} ${name}`;
  return (
    `${rule}: ${of('interactions', 'interactions')}, ${of('users', 'users')}, ${of('items', 'items')}` +
    (note === undefined ? '' : ` (${note})`)
  );
}

/** What is shared with another domain, as one line. */
function sharedLine({ domain, users, sameItems, similarTitles, later }: Shared): string {
  const count = (number: number): string => number.toLocaleString('en-US');
  return (
    `shared with ${domain}: ${count(users)} users, ${count(sameItems)} items; ${count(similarTitles)} items have ` +
    'a similar title there; ' +
    (later === null
      ? 'times cannot be compared'
      : `${count(later)} interactions of shared users are after their training there`)
  );
}

/** Refuses splits that the files cannot have, before anything is read. */
function checkSplit({ split: { name }, interactions: { parts }, rules }: Settings): void {
  if (name === 'files' && !parts)
    throw new UserError('split files needs a file for each part: interactions.parts of a description');
  if (parts && name !== 'files' && name !== 'leave-one-out')
    throw new UserError(`interactions.parts are a split of their own: leave ${name} out`);
  if (rules.order === 'none' && (name === 'temporal-by-user' || name === 'global-temporal'))
    throw new UserError(`split ${name} needs an order, and order none says that there is none`);
}

/** Refuses a file of items that has no row of any item. */
async function checkRows(file: string, engine: Engine): Promise<void> {
  const [known] = await engine.row('SELECT count(*) FROM items SEMI JOIN details USING (id)');
  if (Number(known) > 0) return;
  const [own] = (await engine.rows('SELECT id FROM details LIMIT 1')).flat();
  const [taken] = await engine.row('SELECT id FROM items LIMIT 1');
  throw new InputError(
    file,
    undefined,
    'the file of items must have rows of items that were taken, got none: ' +
      (own === undefined
        ? 'it has no row'
        : `its ids are such as ${JSON.stringify(own)}, those taken such as ${JSON.stringify(taken)}`),
  );
}

/** Makes the domain in a directory of its own. */
async function make(
  settings: Settings,
  options: PrepareOptions,
  { target, work }: { target: string; work: string },
): Promise<Provenance> {
  const { line, progress, signal } = options;
  checkImpressions(settings);
  checkSplit(settings);
  if (options.drop && !options.with?.length)
    throw new UserError('--drop needs the domain to compare with: --with <domain>');
  for (const other of options.with ?? [])
    if (!existsSync(other))
      throw new InputError(
        other,
        undefined,
        'a domain must be a directory or a file, but there is nothing there',
      );
  const out = resolve(options.out);
  const engine = createEngine(join(work, 'engine'), options);
  const skipped = new Skipped(settings.damaged);
  const interrupt = (): void => {
    engine.interrupt();
  };
  signal?.addEventListener('abort', interrupt);
  const workshop: Workshop = { engine, directory: work, skipped, ...(progress ? { progress } : {}) };
  try {
    await checkPoints(settings.rules, engine);
    const details = settings.items ? await readItems(settings.items, workshop) : undefined;
    signal?.throwIfAborted();
    const found = await readInteractions(settings.interactions, settings.rules, workshop);
    skipped.settle();
    for (const sentence of [...(details?.said ?? []), ...found.said]) line?.(sentence);
    signal?.throwIfAborted();
    await codeIds(engine);
    const read = await countsOf(engine);
    if (read.interactions === 0)
      throw new InputError(found.inputs[0]!.file, undefined, 'a domain needs interactions, got none');
    line?.(
      `read: ${stepLine({ rule: '', before: read, after: read }).slice(2)}` +
        (skipped.list.length > 0
          ? `; ${skipped.list.length.toLocaleString('en-US')} damaged rows left out`
          : ''),
    );
    if (settings.items) await checkRows([settings.items.file].flat()[0]!, engine);
    const titles = details?.fields.indexOf('title') ?? -1;
    const own = {
      titles:
        titles < 0
          ? undefined
          : details!.json
            ? `json_extract_string(c${titles + 1}, '$')`
            : `c${titles + 1}`,
      timed: found.timed,
    };
    const others: OtherDomain[] = [];
    for (const [at, reference] of (options.with ?? []).entries())
      others.push(await OtherDomain.open(reference, engine, { at, directory: work }, own));
    const dropped = others.flatMap((other) => (options.drop ?? []).map((leak) => other.rule(leak)));
    const steps = await applyRules(settings.rules, engine, {
      dropped,
      has: details && conditions(details),
      timed: found.timed,
      read,
    });
    for (const step of steps) line?.(stepLine(step));
    signal?.throwIfAborted();
    const counts = steps.at(-1)?.after ?? read;
    const [long] = await engine.row(
      'SELECT count(*) FROM (SELECT u FROM taken GROUP BY u HAVING count(*) >= 3)',
    );
    if (Number(long) === 0 && !found.parts)
      throw new InputError(
        found.inputs[0]!.file,
        undefined,
        `a domain needs users with at least 3 interactions, got none among ${counts.users.toLocaleString('en-US')} users`,
      );
    const shared: Shared[] = [];
    for (const other of others) shared.push(await other.shared());
    for (const one of shared) line?.(sharedLine(one));
    const ties = await tiesOf(engine, found);
    const [untimed] = await engine.row('SELECT count(*) FROM taken WHERE t IS NULL');
    const timed = found.timed && found.order === 'time' && Number(untimed) === 0;
    if (!found.parts && settings.split.name === 'global-temporal' && !timed)
      throw new UserError('split global-temporal needs the time of every interaction, got some without');
    if (!found.parts && settings.split.name === 'leave-one-out' && found.order === 'none')
      line?.(
        'there is no order, so that leave-one-out tests on the last item by id: --split random-by-user draws items',
      );
    const ids: (string | undefined)[] = [];
    const itemCounts: ItemCounts = { titled: 0, texts: 0, images: 0 };
    const outputs: Output[] = [
      await writeHashed(
        join(target, names.items),
        names.items,
        itemLines(engine, details, { settings, out }, { ids, counts: itemCounts }),
      ),
      await writeHashed(
        join(target, names.sequences),
        names.sequences,
        sequenceLines(engine, ids, found, timed, (done) =>
          progress?.('write interactions', done, counts.interactions),
        ),
      ),
    ];
    const impressions = await writeImpressions(settings, { details, timed, ids }, workshop, target);
    for (const sentence of impressions.said) line?.(sentence);
    outputs.push(...impressions.outputs);
    const split = found.parts ? { name: 'files' as const } : settings.split;
    if (split.name !== 'leave-one-out')
      outputs.push(await writeHashed(join(target, names.split), names.split, [JSON.stringify(split)]));
    if (skipped.list.length > 0)
      outputs.push(
        await writeHashed(
          join(target, names.skipped),
          names.skipped,
          skipped.list.map((entry) => JSON.stringify(entry)),
        ),
      );
    return {
      ferry: options.version,
      command: options.command,
      ...(options.card ? { card: options.card } : {}),
      inputs: [...(details?.inputs ?? []), ...found.inputs, ...impressions.inputs],
      settings,
      found: [...(details?.said ?? []), ...found.said, ...impressions.said],
      damaged: { count: skipped.list.length, policy: settings.damaged },
      steps: [{ rule: 'read', before: read, after: read }, ...steps],
      order: { by: found.order, ties: tieWords(found, settings), ...ties },
      counts: { ...counts, ...(options.expected ? { expected: options.expected } : {}) },
      items: itemCounts,
      ...(shared.length > 0 ? { with: shared } : {}),
      split,
      outputs,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    engine.close();
  }
}

/**
 * Makes a domain of raw files. It is made beside its place and put there when it is whole; whatever goes wrong, there
 * is no half of one.
 *
 * @param settings - Files, rules, split.
 * @param options - Where to, and with how much of the machine.
 * @returns Where it comes from: what `provenance.json` holds.
 * @throws InputError naming file, line and value if a file is damaged or missing, or nothing is left.
 *
 * @example
 * ```ts
 * const settings = settingsSchema.parse({ interactions: { file: 'ratings.csv' }, rules: { userCore: 5, itemCore: 5 } });
 * const { counts } = await prepare(settings, { out: 'data/mine', command: 'ferry prepare ratings.csv', version: '0.1.0' });
 * ```
 */
export async function prepare(settings: Settings, options: PrepareOptions): Promise<Provenance> {
  return placed(options, (target, work) => make(settings, options, { target, work }));
}

/**
 * Makes a domain beside its place and puts it there, with its provenance, when it is whole.
 *
 * @param make - Writes the domain into the first directory; the second is for whatever else it needs.
 */
export async function placed(
  options: PrepareOptions,
  make: (target: string, work: string) => Promise<Provenance>,
): Promise<Provenance> {
  const out = resolve(options.out);
  await removeLeftovers(out, options.line);
  await checkPlace(out, options.replace ?? false);
  makeDirectory(dirname(out));
  const { path: work, remove } = await makeWorkFolder(out);
  const shown = options.shown ?? ((text: string): string => text);
  try {
    const target = join(work, 'domain');
    await mkdir(target);
    const text = shown(JSON.stringify(await make(target, work), null, 2));
    await writeFile(join(target, names.provenance), `${text}\n`);
    await putInPlace(target, out);
    return JSON.parse(text) as Provenance;
  } catch (error) {
    if (error instanceof Error) error.message = shown(error.message);
    throw error;
  } finally {
    await remove();
  }
}
